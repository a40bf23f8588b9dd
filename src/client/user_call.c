/* SPDX-License-Identifier: Apache-2.0 */
#include "client/user_call.h"

#include "base/error.h"

int ll_user_enter(const void *user,
                  enum ll_handle_kind kind,
                  struct ll_handle **ret_object)
{
    struct ll_handle *object = NULL;
    int status = ll_handle_get(user, kind, &object);

    if (status != 0) {
        return status;
    }
    ll_client_lock(object->client);
    if (kind == LL_HANDLE_CLIENT && object->client->closing) {
        ll_user_exit(object);
        return LEASELOCK_E_CLOSED;
    }
    *ret_object = object;
    return 0;
}

void ll_user_exit(struct ll_handle *object)
{
    ll_client_unlock(object->client);
    ll_handle_put(object);
}

static int call_await(const struct ll_user_call *call,
                      struct ll_client *client,
                      struct ll_waiter *waiter,
                      struct leaselock_error *reterr)
{
    if (call->until_ns == 0) {
        return ll_client_await(client, waiter);
    }
    return ll_poller_await(client, waiter, call->until_ns)
               ? waiter->status
               : ll_error_text(reterr, LEASELOCK_E_TIMEOUT, call->late);
}

int ll_user_call_run(struct ll_user_call *call,
                     const void *user,
                     bool waits,
                     struct leaselock_error *reterr)
{
    struct ll_handle *object = NULL;
    struct ll_waiter waiter;
    bool started = false;
    int status;

    if (waits && ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    status = waits ? ll_waiter_init(&waiter, reterr) : 0;
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = ll_user_enter(user, call->kind, &object);
    if (status == 0) {
        status = call->start(call, object, waits ? &waiter : NULL, reterr);
        started = status == 0 && call->end != NULL;
        if (status == 0 && waits) {
            status = call_await(call, object->client, &waiter, reterr);
        }
        if (started) {
            call->end(call, object, waits, status);
        }
        ll_user_exit(object);
    } else {
        (void)ll_error_text(reterr, status, "");
    }
    if (waits) {
        ll_waiter_free(&waiter);
    }
    return status;
}

void ll_user_call_end_quiet(struct ll_user_call *call,
                            struct ll_handle *object,
                            bool waits,
                            int status)
{
    (void)call;
    (void)status;
    if (waits) {
        ll_client_await_callbacks(object->client, object);
    }
}

int ll_client_enter(const void *user, struct ll_client **ret_client)
{
    struct ll_handle *object = NULL;
    int status = ll_user_enter(user, LL_HANDLE_CLIENT, &object);

    if (status == 0) {
        *ret_client = object->client;
    }
    return status;
}
