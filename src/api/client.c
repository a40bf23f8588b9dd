/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/hooks.h"
#include "api/requeue.h"
#include "base/clock.h"
#include "base/error.h"

/** Waits until every session is closed. A lease that is revoked in the
 *  background, because its session failed to open or its close was not
 *  answered, gets the time of one request. */
static void client_await_sessions(struct ll_client *client)
{
    struct timespec until =
        ll_clock_after_ms(client->options.request_timeout_ms);

    for (;;) {
        ll_client_unlock(client);
        ll_client_lock(client);
        if (client->closes > 0) {
            pthread_cond_wait(&client->changed, &client->mutex);
        } else if (!ll_core_has_sessions(client->core) ||
                   pthread_cond_timedwait(&client->changed, &client->mutex,
                                          &until) != 0) {
            break;
        }
    }
}

/** Ends the thread, and ends the remaining objects by force. */
static void client_stop(struct ll_client *client)
{
    client->stopping = true;
    ll_client_unlock(client);
    (void)pthread_join(client->thread, NULL);
    ll_client_lock(client);
    while (client->dispatching) {
        pthread_cond_wait(&client->changed, &client->mutex);
    }
    ll_queries_close(client);
    ll_observers_abort(client);
    ll_locks_watches_abort(client);
    ll_writes_abort(client);
    ll_tickets_abort(client);
    ll_sessions_abort(client);
    ll_guardian_close(client);
    while (ll_notices_call(client) > 0) {
    }
}

int leaselock_client_close(leaselock_client *user,
                           struct leaselock_error *reterr)
{
    struct ll_handle *handle = NULL;
    struct ll_client *client;
    struct leaselock_error refused;
    bool unknown;
    int status;

    if (user == NULL) {
        return 0;
    }
    if (ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    status = ll_handle_get(user, LL_HANDLE_CLIENT, &handle);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    client = LL_CONTAINER(handle, struct ll_client, handle);
    ll_client_lock(client);
    if (!ll_handle_shut(handle)) {
        ll_client_unlock(client);
        ll_handle_put(handle);
        return ll_error_text(reterr, LEASELOCK_E_HANDLE, "");
    }
    client->closing = true;
    client->close_error = (struct leaselock_error)LEASELOCK_ERROR_INIT;
    client->close_unknown = (struct leaselock_error)LEASELOCK_ERROR_INIT;
    pthread_cond_broadcast(&client->changed);
    ll_queries_close(client);
    ll_observers_close(client);
    ll_leaderships_close(client);
    ll_sessions_close(client);
    client_await_sessions(client);
    unknown = ll_core_has_sessions(client->core);
    client_stop(client);
    refused = client->close_error.code != 0 ? client->close_error
                                            : client->close_unknown;
    ll_client_unlock(client);
    ll_handle_leave(handle);
    ll_handle_put(handle);
    if (refused.code != 0) {
        if (reterr != NULL) {
            *reterr = refused;
        }
        return refused.code;
    }
    return unknown ? ll_error_text(reterr, LEASELOCK_E_OUTCOME_UNKNOWN,
                                   "etcd did not answer that the leases are "
                                   "revoked; they end by themselves")
                   : 0;
}

int leaselock_client_fd(leaselock_client *user)
{
    struct ll_client *client = NULL;
    int status = ll_client_enter(user, &client);

    if (status != 0) {
        return status;
    }
    status = client->event_fd >= 0 ? client->event_fd : LEASELOCK_E_STATE;
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return status;
}

int leaselock_client_dispatch(leaselock_client *user)
{
    struct ll_client *client = NULL;
    uint64_t count;
    int status = ll_client_in_callback() ? LEASELOCK_E_DEADLOCK
                                         : ll_client_enter(user, &client);

    if (status != 0) {
        return status;
    }
    if (client->event_fd < 0 || client->dispatching) {
        status = LEASELOCK_E_STATE;
    } else {
        client->dispatching = true;
        while (read(client->event_fd, &count, sizeof(count)) < 0 &&
               errno == EINTR) {
        }
        status = ll_notices_call(client);
        if (!ll_link_alone(&client->notices)) {
            ll_notice_signal(client);
        }
        client->dispatching = false;
        pthread_cond_broadcast(&client->changed);
    }
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return status;
}

int leaselock_client_guardian(leaselock_client *user)
{
    struct ll_client *client = NULL;
    int status = ll_client_enter(user, &client);

    if (status != 0) {
        return status;
    }
    status = ll_guardian_pid(client);
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return status;
}

int leaselock_client_endpoint(leaselock_client *user,
                              unsigned endpoint,
                              char *ret_text,
                              size_t size)
{
    struct ll_client *client = NULL;
    const char *text;
    int status = ll_client_enter(user, &client);

    if (status != 0) {
        return status;
    }
    text = ll_transport_endpoint(client->transport, endpoint);
    if (text[0] == '\0' || ret_text == NULL || strlen(text) >= size) {
        status = LEASELOCK_E_ARGUMENT;
    } else {
        status = snprintf(ret_text, size, "%s", text);
    }
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return status;
}
