/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_GUARDIAN_SETTINGS_H
#define LL_GUARDIAN_SETTINGS_H

#include "client/guardian_table.h"
#include "leaselock/client.h"

/**
 * Takes what the process has put into the socket, and opens a client with it.
 *
 * @param ret_greeting  what came first
 * @return 0, or -1 when it cannot be
 */
int ll_guardian_open_client(int socket,
                            struct ll_guardian_greeting *ret_greeting,
                            leaselock_client **ret_client);

#endif
