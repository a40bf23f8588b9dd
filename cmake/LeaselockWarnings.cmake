# SPDX-License-Identifier: Apache-2.0
# The warnings for all of the project's own code: target leaselock_warnings,
# linked privately.
add_library(leaselock_warnings INTERFACE)
target_compile_definitions(leaselock_warnings INTERFACE _GNU_SOURCE)
target_compile_options(leaselock_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Wvla
  -Wcast-qual -Wwrite-strings -Wswitch-enum)
if(LEASELOCK_WERROR)
  target_compile_options(leaselock_warnings INTERFACE -Werror)
endif()

# Sanitizers apply to everything that is compiled, the generated code, too.
if(LEASELOCK_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(LEASELOCK_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(NOT LEASELOCK_SANITIZE STREQUAL "")
  message(FATAL_ERROR "LEASELOCK_SANITIZE is address, thread or empty")
endif()
