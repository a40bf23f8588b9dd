/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/stats.h"

#include <string.h>

#include "client/client.h"

int leaselock_client_stats(leaselock_client *user,
                           struct leaselock_stats *ret_stats)
{
    struct leaselock_stats stats;
    struct ll_client *client = NULL;
    size_t user_size;
    int status;

    if (ret_stats == NULL || ret_stats->struct_size < sizeof(size_t)) {
        return LEASELOCK_E_ARGUMENT;
    }
    status = ll_client_enter(user, &client);
    if (status != 0) {
        return status;
    }
    ll_core_stats(client->core, &stats);
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    user_size = ret_stats->struct_size;
    stats.struct_size = user_size;
    /* A newer program may have members that are not known here. */
    memset(ret_stats, 0, user_size);
    memcpy(ret_stats, &stats,
           user_size < sizeof(stats) ? user_size : sizeof(stats));
    return 0;
}
