# SPDX-License-Identifier: Apache-2.0
# leaselock::leaselock is the shared library and needs nothing else;
# leaselock::leaselock_static needs the development files of gRPC, OpenSSL,
# protobuf-c, Jansson and c-ares, and is defined only if pkg-config finds them.
include(${CMAKE_CURRENT_LIST_DIR}/leaselock-shared.cmake)

find_package(PkgConfig QUIET)
find_package(Threads QUIET)
if(PkgConfig_FOUND AND Threads_FOUND)
  pkg_check_modules(leaselock_DEPENDENCIES QUIET IMPORTED_TARGET
    grpc libssl libcrypto libprotobuf-c jansson libcares)
endif()
if(leaselock_DEPENDENCIES_FOUND)
  include(${CMAKE_CURRENT_LIST_DIR}/leaselock-static.cmake)
  set_property(TARGET leaselock::leaselock_static APPEND PROPERTY
    INTERFACE_LINK_LIBRARIES PkgConfig::leaselock_DEPENDENCIES
    Threads::Threads)
else()
  message(VERBOSE "leaselock: no leaselock::leaselock_static, for want of "
    "grpc, libssl, libprotobuf-c, jansson or libcares")
endif()
