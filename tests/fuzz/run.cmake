# SPDX-License-Identifier: Apache-2.0
# Runs a fuzzer for some seconds; inputs that reach new code are stored in the
# build folder. An input that causes a failure is printed with the command to
# run it again: a CI machine may keep nothing but the output.
file(MAKE_DIRECTORY ${FOUND})
execute_process(
  COMMAND ${FUZZER} -max_total_time=${SECONDS} -timeout=20 -max_len=4096
          -print_final_stats=1 -artifact_prefix=${FOUND}- ${FOUND} ${KEPT}
  RESULT_VARIABLE status)
if(status EQUAL 0)
  return()
endif()

file(GLOB inputs ${FOUND}-crash-* ${FOUND}-leak-* ${FOUND}-oom-*
  ${FOUND}-timeout-*)
foreach(input IN LISTS inputs)
  execute_process(COMMAND base64 -w 0 ${input} OUTPUT_VARIABLE text)
  message("\nfound: ${input}\n"
    "to run it again:\n"
    "  ${FUZZER} ${input}\n"
    "to make the file elsewhere:\n"
    "  base64 -d >INPUT <<<'${text}'\n"
    "to keep it, once what it broke is right:\n"
    "  cp ${input} ${KEPT}/NAME\n")
endforeach()
message(FATAL_ERROR "${FUZZER}: ${status}")
