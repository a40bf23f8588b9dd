# SPDX-License-Identifier: Apache-2.0
# Runs spin on the model, with the whole of the state space, in a folder of its
# own. BROKEN: a variant that must be refuted; NAME: the file to check.
file(MAKE_DIRECTORY ${FOLDER})
separate_arguments(defines UNIX_COMMAND "${DEFINES}")

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${FOLDER}
    RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${said}\n${ARGV0}: ${status}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

file(COPY ${MODEL}/${NAME} ${MODEL}/etcd.pml DESTINATION ${FOLDER})
run(${SPIN} ${defines} -a ${NAME})
# The model has no cycles to search for. 2000 MB and 20000 steps suffice.
if(BROKEN OR NAME STREQUAL modes.pml)
  set(optimize -O0) # optimizing would take longer than the search
else()
  set(optimize -O2)
endif()
run(${CC} ${optimize} -w -DSAFETY -DMEMLIM=2000 -o pan pan.c)
run(${FOLDER}/pan -m20000 -w24)
message(STATUS "${said}")
if(said MATCHES "max search depth too small|out of memory|[Nn]ot completed")
  if(NOT BROKEN)
    message(FATAL_ERROR "the search was not complete")
  endif()
endif()
if(BROKEN)
  if(NOT said MATCHES "assertion violated")
    message(FATAL_ERROR "spin does not see what is broken")
  endif()
elseif(NOT said MATCHES "errors: 0")
  run(${SPIN} ${defines} -t -p -g ${NAME})
  message(FATAL_ERROR "${said}\nthe model is refuted; see above")
endif()
