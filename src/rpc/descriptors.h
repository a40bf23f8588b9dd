/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_DESCRIPTORS_H
#define LL_RPC_DESCRIPTORS_H

#include "leaselock/status.h"

/**
 * File descriptors that must be free when a client is opened. gRPC aborts the
 * process when it cannot create its pollers: two epoll instances and two
 * eventfds with the first client. The client itself has another one, and each
 * endpoint uses a socket, or two while a connection is replaced (a server that
 * allows few streams, or is slow, may use four, see connection.h); name lookups
 * and TLS files use some for a moment. A socket that cannot be opened later is
 * a failed connection, which is retried.
 */
#define LL_DESCRIPTORS_FIXED 12
#define LL_DESCRIPTORS_ENDPOINT 2

/**
 * Checks whether the process may open so many more descriptors. It checks only
 * the process' limit (RLIMIT_NOFILE), not the system's.
 *
 * @return 0, or LEASELOCK_E_SYSTEM with a sentence
 */
int ll_descriptors_check(unsigned needed, struct leaselock_error *reterr);

#endif
