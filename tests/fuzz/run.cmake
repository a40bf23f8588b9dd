# SPDX-License-Identifier: Apache-2.0
# Runs a fuzzer for some seconds; the inputs that go further than those before
# them go to the build folder. An input that breaks something is printed with
# how to run it again: a machine that tests may keep nothing but what it printed.
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
