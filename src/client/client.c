#include "client/client.h"

#include <string.h>

void ll_client_lock(struct ll_client *client)
{
    pthread_mutex_lock(&client->mutex);
}

void ll_client_unlock(struct ll_client *client)
{
    client->hooks->settle(client);
    ll_seat_unlock(client);
}

int ll_client_enter(const void *user, struct ll_client **ret_client)
{
    struct ll_handle *handle = NULL;
    int status = ll_handle_get(user, LL_HANDLE_CLIENT, &handle);

    if (status != 0) {
        return status;
    }
    *ret_client = LL_CONTAINER(handle, struct ll_client, handle);
    ll_client_lock(*ret_client);
    if ((*ret_client)->closing) {
        ll_client_unlock(*ret_client);
        ll_handle_put(handle);
        return LEASELOCK_E_CLOSED;
    }
    return 0;
}

bool ll_client_in_callback(void)
{
    return ll_notice_in_callback();
}

struct ll_bytes ll_client_space(const struct ll_client *client)
{
    const char *space = client->options.namespace_prefix;

    return (struct ll_bytes){space, space != NULL ? strlen(space) : 0};
}
