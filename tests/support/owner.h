#ifndef TEST_SUPPORT_OWNER_H
#define TEST_SUPPORT_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Whether a process has an end of a TCP connection of 127.0.0.1.
 *
 * Programs of one machine share an address, so who connects shows in nothing
 * but what the kernel says of the socket.
 *
 * @param process  one of this user's
 * @param local    the port of the end that is asked about
 * @param remote   the port of the other end
 */
bool test_process_has_connection(pid_t process,
                                 uint16_t local,
                                 uint16_t remote);

#endif
