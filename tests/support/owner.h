/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_OWNER_H
#define TEST_SUPPORT_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Whether a process has an end of a TCP connection of 127.0.0.1.
 *
 * Programs of one machine share an address, so only the kernel's table of
 * sockets shows which of them has connected.
 *
 * @param process  one of this user's
 * @param local    the port of the end in question
 * @param remote   the port of the other end
 */
bool test_process_has_connection(pid_t process,
                                 uint16_t local,
                                 uint16_t remote);

#endif
