# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` installs: headers, libraries, the tool, man pages, the
# documentation with the examples, and the files for pkg-config, find_package()
# and the shells. None of them contains the prefix, so an installed tree can be
# moved.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leaselock)

install(DIRECTORY include/leaselock TYPE INCLUDE
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(TARGETS leaselock_shared EXPORT leaselock-shared
  LIBRARY INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS leaselock_static EXPORT leaselock-static
  ARCHIVE INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET leaselock)
  # Without a library of the build, the build's own path would be empty colons,
  # which stand for the current folder.
  if(NOT TARGET leaselock_grpc_archives)
    file(RELATIVE_PATH lib_from_bin
      ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set_target_properties(leaselock PROPERTIES
      INSTALL_RPATH $ORIGIN/${lib_from_bin})
  endif()
  install(TARGETS leaselock RUNTIME)
  include(LeaselockCompletion)
endif()

install(TARGETS leaselock_guardian RUNTIME
  DESTINATION ${CMAKE_INSTALL_LIBEXECDIR})

set(doc_dir ${CMAKE_INSTALL_DATAROOTDIR}/doc/leaselock)
install(FILES README.md LICENSE CHANGELOG.md CONTRIBUTING.md SECURITY.md
  DESTINATION ${doc_dir})
install(DIRECTORY docs DESTINATION ${doc_dir}
  FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.yml" PATTERN "*.json"
  PATTERN man EXCLUDE PATTERN site EXCLUDE)
install(DIRECTORY examples DESTINATION ${doc_dir} USE_SOURCE_PERMISSIONS
  PATTERN CMakeLists.txt EXCLUDE)

include(LeaselockMan)
foreach(section 1 3 5 8)
  file(GLOB pages CONFIGURE_DEPENDS docs/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

file(RELATIVE_PATH prefix_from_pc
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
# What the archive's users link is written out. As Requires.private, it would
# make pkg-config read gRPC's own file for the shared library's users, too.
find_package(PkgConfig REQUIRED QUIET)
pkg_check_modules(static_dependencies REQUIRED QUIET
  grpc libssl libcrypto libprotobuf-c jansson libcares)
string(JOIN " " private_libs ${static_dependencies_STATIC_LDFLAGS})
configure_file(cmake/leaselock.pc.in leaselock.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/leaselock.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(EXPORT leaselock-shared NAMESPACE leaselock::
  DESTINATION ${package_dir})
install(EXPORT leaselock-static NAMESPACE leaselock::
  DESTINATION ${package_dir})
write_basic_package_version_file(leaselock-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES cmake/leaselock-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/leaselock-config-version.cmake
  DESTINATION ${package_dir})

if(PROJECT_IS_TOP_LEVEL)
  add_custom_target(uninstall
    COMMAND ${CMAKE_COMMAND}
      -D MANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt
      -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/uninstall.cmake
    VERBATIM)
endif()
