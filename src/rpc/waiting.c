/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/waiting.h"

#include "base/clock.h"
#include "rpc/transport_private.h"

/** Removes and returns the first entry of a list. */
static struct ll_waiting *take_first(struct ll_link *list)
{
    struct ll_waiting *waiting =
        LL_CONTAINER(list->next, struct ll_waiting, link);

    ll_link_remove(&waiting->link);
    return waiting;
}

/** Moves all entries to an empty list, since callbacks may add to the first. */
static void move_all(struct ll_link *from, struct ll_link *to)
{
    while (!ll_link_alone(from)) {
        struct ll_link *at = from->next;

        ll_link_remove(at);
        ll_link_append(to, at);
    }
}

void ll_waiting_release(struct ll_transport *transport,
                        ll_transport_event_fn *on_event,
                        void *arg)
{
    struct ll_link over;

    ll_link_init(&over);
    move_all(&transport->auth.waiting, &over);
    while (!ll_link_alone(&over)) {
        struct ll_waiting *waiting = take_first(&over);

        waiting->over(transport, waiting, NULL, on_event, arg);
    }
}

/** Whether a failure ends a wait. A refusal, or a password that cannot be read,
 *  concerns every wait; the failure of one endpoint concerns only the waits for
 *  that endpoint. */
static bool is_for(const struct ll_waiting_failure *failure,
                   uint32_t endpoint,
                   const struct ll_waiting *waiting)
{
    return failure->outcome != LL_OUTCOME_LOST || endpoint == LL_ENDPOINT_ANY ||
           waiting->endpoint == endpoint;
}

void ll_waiting_fail(struct ll_transport *transport,
                     const struct ll_waiting_failure *failure,
                     uint32_t endpoint,
                     ll_transport_event_fn *on_event,
                     void *arg)
{
    struct ll_link over;

    ll_link_init(&over);
    move_all(&transport->auth.waiting, &over);
    while (!ll_link_alone(&over)) {
        struct ll_waiting *waiting = take_first(&over);
        bool go = waiting->optional && failure->outcome == LL_OUTCOME_LOST &&
                  !transport->stopped;

        if (!is_for(failure, endpoint, waiting)) {
            ll_link_append(&transport->auth.waiting, &waiting->link);
        } else {
            waiting->over(transport, waiting, go ? NULL : failure, on_event,
                          arg);
        }
    }
}

void ll_waiting_expire(struct ll_transport *transport,
                       ll_transport_event_fn *on_event,
                       void *arg)
{
    const struct ll_waiting_failure failure = {
        .grpc_status = GRPC_STATUS_DEADLINE_EXCEEDED,
        .outcome = LL_OUTCOME_LOST,
        .text = "no answer in time to the question for a token",
    };
    int64_t now_ns = ll_clock_now_ns();
    struct ll_link over;
    struct ll_link *at = NULL;
    struct ll_link *after = NULL;

    ll_link_init(&over);
    LL_LIST_EACH (at, after, &transport->auth.waiting) {
        if (LL_CONTAINER(at, struct ll_waiting, link)->deadline_ns <= now_ns) {
            ll_link_remove(at);
            ll_link_append(&over, at);
        }
    }
    while (!ll_link_alone(&over)) {
        struct ll_waiting *waiting = take_first(&over);

        waiting->over(transport, waiting, waiting->optional ? NULL : &failure,
                      on_event, arg);
    }
}
