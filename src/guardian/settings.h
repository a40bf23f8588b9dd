/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_GUARDIAN_SETTINGS_H
#define LL_GUARDIAN_SETTINGS_H

#include "client/guardian_table.h"
#include "leaselock/client.h"

/**
 * Reads what the process has written to the socket, and opens a client with
 * these settings.
 *
 * @param ret_greeting  the first message
 * @return 0, or -1 on any failure
 */
int ll_guardian_open_client(int socket,
                            struct ll_guardian_greeting *ret_greeting,
                            leaselock_client **ret_client);

#endif
