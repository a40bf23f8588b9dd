/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_DESCRIPTORS_H
#define LL_RPC_DESCRIPTORS_H

#include "leaselock/status.h"

/**
 * File descriptors that must be left when a client is opened. gRPC ends the
 * process when it gets none for its pollers: two epoll instances and two
 * eventfds with the first client. A further one is the client's own, and each
 * endpoint takes a socket, or two while a connection is replaced (a server that
 * allows few streams, or is slow, may take four, see connection.h); look-ups of
 * names and files of TLS take some for a moment. A socket that cannot be opened
 * later is a failed connection, which is tried again.
 */
#define LL_DESCRIPTORS_FIXED 12
#define LL_DESCRIPTORS_ENDPOINT 2

/**
 * Looks whether the process may open so many more descriptors. It looks at its
 * own limit (RLIMIT_NOFILE) alone, not at the system's.
 *
 * @return 0, or LEASELOCK_E_SYSTEM with a sentence
 */
int ll_descriptors_check(unsigned needed, struct leaselock_error *reterr);

#endif
