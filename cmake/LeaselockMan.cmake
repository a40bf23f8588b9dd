# SPDX-License-Identifier: Apache-2.0
# A page for each public function, which refers to the page that describes it:
# "man leaselock_release" shows leaselock_ticket(3). A page describes the
# functions of its section NAME.
file(READ src/leaselock.map map)
string(REGEX MATCHALL "leaselock_[a-z0-9_]+" functions "${map}")
file(GLOB pages CONFIGURE_DEPENDS docs/man/*.3)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  src/leaselock.map ${pages})

set(aliases)
foreach(page IN LISTS pages)
  cmake_path(GET page FILENAME page_file)
  cmake_path(GET page STEM page_name)
  file(READ ${page} text)
  string(FIND "${text}" "\n.Sh SYNOPSIS" end)
  string(SUBSTRING "${text}" 0 ${end} text)
  string(REGEX MATCHALL "\n[.]Nm leaselock_[a-z0-9_]+" names "${text}")
  list(TRANSFORM names REPLACE "\n[.]Nm " "")
  foreach(name IN LISTS names)
    if(name IN_LIST functions AND NOT name STREQUAL page_name)
      set(alias ${CMAKE_CURRENT_BINARY_DIR}/man/${name}.3)
      file(CONFIGURE OUTPUT ${alias} CONTENT ".so man3/${page_file}\n")
      list(APPEND aliases ${alias})
    endif()
  endforeach()
endforeach()
install(FILES ${aliases} DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
