# Runs a fuzzer for some seconds; what it finds goes to the build folder.
file(MAKE_DIRECTORY ${FOUND})
execute_process(
  COMMAND ${FUZZER} -max_total_time=${SECONDS} -max_len=4096 -print_final_stats=1
          -artifact_prefix=${FOUND}/../ ${FOUND} ${KEPT}
  RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${FUZZER}: ${status}")
endif()
