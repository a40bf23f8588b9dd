# SPDX-License-Identifier: Apache-2.0
# Removes what the last `cmake --install` installed, and the folders of the
# project's own name that are empty then.
#
# usage: cmake -D MANIFEST=FILE -P uninstall.cmake
#
# MANIFEST lists the installed files. DESTDIR counts as it does for the
# installation.
if(NOT EXISTS "${MANIFEST}")
  message(FATAL_ERROR "nothing was installed from here: no ${MANIFEST}")
endif()
file(STRINGS "${MANIFEST}" files)

set(folders)
foreach(file IN LISTS files)
  set(file "$ENV{DESTDIR}${file}")
  if(EXISTS "${file}" OR IS_SYMLINK "${file}")
    message(STATUS "Removing: ${file}")
    file(REMOVE "${file}")
  endif()
  cmake_path(GET file PARENT_PATH folder)
  while(folder MATCHES "/leaselock(/|$)")
    list(APPEND folders "${folder}")
    cmake_path(GET folder PARENT_PATH folder)
  endwhile()
endforeach()

# The inner ones first.
list(REMOVE_DUPLICATES folders)
list(SORT folders ORDER DESCENDING)
foreach(folder IN LISTS folders)
  file(GLOB inside LIST_DIRECTORIES true "${folder}/*" "${folder}/.*")
  list(FILTER inside EXCLUDE REGEX "/[.][.]?$")
  if(IS_DIRECTORY "${folder}" AND NOT inside)
    file(REMOVE_RECURSE "${folder}")
  endif()
endforeach()
