# SPDX-License-Identifier: Apache-2.0
# The shells' completion scripts: the tool prints them from its own tables. They
# are left out where the tool that was built cannot run: when cross-compiling,
# and with sanitizers, which may want a process of their own kind.
if(NOT LEASELOCK_SANITIZE STREQUAL "" OR
    (CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR))
  message(STATUS "the shells' completion scripts are not made")
  return()
endif()

set(completions)
foreach(where IN ITEMS
    bash:bash-completion/completions:leaselock
    zsh:zsh/site-functions:_leaselock
    fish:fish/vendor_completions.d:leaselock.fish)
  string(REPLACE ":" ";" where ${where})
  list(GET where 0 shell)
  list(GET where 1 folder)
  list(GET where 2 file)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/completion/${file})
  add_custom_command(
    OUTPUT ${script}
    COMMAND leaselock completion ${shell} > ${script}
    DEPENDS leaselock
    VERBATIM)
  list(APPEND completions ${script})
  install(FILES ${script} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
endforeach()
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/completion)
add_custom_target(leaselock_completions ALL DEPENDS ${completions})
