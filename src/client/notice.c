/* SPDX-License-Identifier: Apache-2.0 */
#include "client/notice.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "client/client.h"
#include "client/error.h"

static _Thread_local int callbacks_deep;

bool ll_notice_in_callback(void)
{
    return callbacks_deep > 0;
}

void ll_notice_init(struct ll_notice *notice, struct ll_handle *owner)
{
    ll_link_init(&notice->link);
    notice->owner = owner;
}

static void completion_call(struct ll_client *client, struct ll_notice *notice)
{
    struct ll_completion *completion =
        LL_CONTAINER(notice, struct ll_completion, notice);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    (void)client;
    (void)ll_error_set(&error, completion->status, completion->grpc_status,
                       completion->endpoint, completion->text);
    completion->done(completion->status,
                     completion->status == 0 ? NULL : &error, completion->arg);
}

void ll_completion_init(struct ll_completion *completion,
                        struct ll_handle *owner,
                        leaselock_done_fn *done,
                        void *arg)
{
    memset(completion, 0, sizeof(*completion));
    ll_notice_init(&completion->notice, owner);
    completion->notice.call = completion_call;
    completion->done = done;
    completion->arg = arg;
    completion->grpc_status = -1;
}

void ll_completion_free(struct ll_completion *completion)
{
    ll_free(completion->text);
    completion->text = NULL;
}

int ll_waiter_init(struct ll_waiter *waiter, struct leaselock_error *reterr)
{
    ll_link_init(&waiter->link);
    waiter->next = NULL;
    waiter->wake = LL_WAKE_NONE;
    waiter->blocks = false;
    waiter->done = false;
    waiter->status = 0;
    waiter->reterr = reterr;
    return sem_init(&waiter->woken, 0, 0) == 0 ? 0 : LEASELOCK_E_SYSTEM;
}

void ll_waiter_free(struct ll_waiter *waiter)
{
    (void)sem_destroy(&waiter->woken);
}

void ll_notice_signal(struct ll_client *client)
{
    uint64_t one = 1;

    /* This does not block or overflow: each dispatch reads the counter. */
    while (write(client->event_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void ll_notice_post(struct ll_client *client, struct ll_notice *notice)
{
    bool first = ll_link_alone(&client->notices);

    if (!ll_link_alone(&notice->link)) {
        return;
    }
    ll_link_append(&client->notices, &notice->link);
    if (notice->owner != NULL) {
        ll_handle_ref(notice->owner);
    }
    if (first && client->event_fd >= 0) {
        ll_notice_signal(client);
    }
}

void ll_notice_withdraw(struct ll_notice *notice)
{
    if (!ll_link_alone(&notice->link)) {
        ll_link_remove(&notice->link);
        ll_handle_put(notice->owner);
    }
}

/** How many notices are due. */
static int due_n(const struct ll_client *client)
{
    int n = 0;

    for (const struct ll_link *at = client->notices.next;
         at != &client->notices; at = at->next) {
        n++;
    }
    return n;
}

int ll_notices_call(struct ll_client *client)
{
    int calls = 0;

    for (int n = due_n(client); n > 0 && !ll_link_alone(&client->notices);
         n--) {
        struct ll_notice *notice =
            LL_CONTAINER(client->notices.next, struct ll_notice, link);
        struct ll_handle *owner = notice->owner;

        ll_link_remove(&notice->link);
        client->calling = owner;
        ll_poller_unlock(client);
        callbacks_deep++;
        notice->call(client, notice);
        callbacks_deep--;
        ll_poller_lock_first(client);
        client->calling = NULL;
        pthread_cond_broadcast(&client->changed);
        if (notice->after != NULL) {
            notice->after(client, notice);
        }
        ll_handle_put(owner);
        calls++;
    }
    return calls;
}
