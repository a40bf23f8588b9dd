/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include <string.h>

void ll_client_lock(struct ll_client *client)
{
    ll_poller_lock(client);
}

void ll_client_unlock(struct ll_client *client)
{
    client->hooks->settle(client);
    ll_poller_unlock(client);
}

bool ll_client_in_callback(void)
{
    return ll_notice_in_callback();
}

struct ll_bytes ll_client_namespace(const struct ll_client *client)
{
    const char *namespace = client->options.namespace_prefix;

    return (struct ll_bytes){namespace,
                             namespace != NULL ? strlen(namespace) : 0};
}
