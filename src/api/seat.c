#include "api/seat.h"

#include <errno.h>

#include "api/client.h"
#include "base/clock.h"
#include "leaselock/status.h"

int ll_seat_init(struct ll_seat *seat)
{
    seat->state = LL_SEAT_EMPTY;
    seat->sitting = NULL;
    ll_link_init(&seat->beside);
    seat->called = NULL;
    seat->linger_until_ns = INT64_MIN;
    seat->background_until_ns = INT64_MIN;
    return ll_clock_condition_init(&seat->background) == 0 ? 0
                                                           : LEASELOCK_E_NOMEM;
}

void ll_seat_free(struct ll_seat *seat)
{
    (void)pthread_cond_destroy(&seat->background);
}

/** Wakes the background thread where it sleeps; once is enough. */
static void wake_background(struct ll_client *client)
{
    struct ll_seat *seat = &client->seat;

    if (seat->background_until_ns == INT64_MIN) {
        return;
    }
    seat->background_until_ns = INT64_MIN;
    if (seat->state == LL_SEAT_BACKGROUND) {
        ll_transport_wake(client->transport);
    } else {
        pthread_cond_signal(&seat->background);
    }
}

/** Whether the background thread sleeps too long. */
static bool background_is_needed(const struct ll_client *client)
{
    const struct ll_seat *seat = &client->seat;

    if (client->stopping ||
        (client->event_fd < 0 && !ll_link_alone(&client->notices)) ||
        ll_core_deadline_ns(client->core) < seat->background_until_ns) {
        return true;
    }
    return seat->state == LL_SEAT_EMPTY && ll_link_alone(&seat->beside) &&
           (!ll_transport_is_idle(client->transport) ||
            seat->linger_until_ns < seat->background_until_ns);
}

void ll_seat_settle(struct ll_client *client)
{
    struct ll_seat *seat = &client->seat;

    if (client->transport == NULL) {
        return;
    }
    if (background_is_needed(client)) {
        wake_background(client);
    }
    if (seat->state == LL_SEAT_EMPTY && !ll_link_alone(&seat->beside) &&
        seat->called == NULL && !client->stopping) {
        seat->called = LL_CONTAINER(seat->beside.next, struct ll_waiter, link);
        pthread_cond_signal(&seat->called->cond);
    }
}

/** Waits in the seat, without the mutex, and takes in what has come. */
static void sit(struct ll_client *client, int64_t until_ns)
{
    int64_t timeout_ns = INT64_MAX;
    void *tag;

    if (until_ns != INT64_MAX) {
        timeout_ns = until_ns - ll_clock_now_ns();
        timeout_ns = timeout_ns > 0 ? timeout_ns : 0;
    }
    pthread_mutex_unlock(&client->mutex);
    tag = ll_transport_wait(client->transport, timeout_ns);
    pthread_mutex_lock(&client->mutex);
    if (client->seat.state == LL_SEAT_BACKGROUND) {
        client->seat.background_until_ns = INT64_MIN;
    }
    client->seat.state = LL_SEAT_EMPTY;
    client->seat.sitting = NULL;
    if (tag != NULL) {
        ll_transport_complete(client->transport, tag, ll_client_on_event,
                              client);
    }
}

void ll_seat_wait(struct ll_client *client, int64_t until_ns)
{
    struct ll_seat *seat = &client->seat;
    int64_t now_ns = ll_clock_now_ns();
    bool lingers = now_ns < seat->linger_until_ns;
    bool stays_beside = seat->state == LL_SEAT_CALLER;
    struct timespec until;

    if (client->stopping) {
        if (seat->state == LL_SEAT_CALLER) {
            ll_transport_wake(client->transport);
        }
    } else if (!ll_link_alone(&seat->beside) ||
               (lingers && ll_transport_is_idle(client->transport))) {
        stays_beside = true;
    }
    if (!stays_beside) {
        seat->state = LL_SEAT_BACKGROUND;
        seat->background_until_ns = until_ns;
        sit(client, until_ns);
        return;
    }
    ll_seat_settle(client);
    /* While calls come and go it looks again after each pause, so that none
     * of them has to wake it. */
    if (lingers && seat->linger_until_ns < until_ns) {
        until_ns = seat->linger_until_ns;
    }
    until = ll_clock_after_ns(until_ns > now_ns ? until_ns - now_ns : 0);
    seat->background_until_ns = until_ns;
    (void)pthread_cond_timedwait(&seat->background, &client->mutex, &until);
    seat->background_until_ns = INT64_MIN;
}

bool ll_seat_await(struct ll_client *client,
                   struct ll_waiter *waiter,
                   int64_t until_ns)
{
    struct ll_seat *seat = &client->seat;
    int64_t now_ns = until_ns != INT64_MAX ? ll_clock_now_ns() : 0;

    while (!waiter->done && now_ns < until_ns) {
        if (seat->state == LL_SEAT_EMPTY && !client->stopping) {
            ll_link_remove(&waiter->link);
            seat->state = LL_SEAT_CALLER;
            seat->sitting = waiter;
            ll_seat_settle(client);
            sit(client, until_ns);
        } else {
            ll_link_append_once(&seat->beside, &waiter->link);
            ll_seat_settle(client);
            if (until_ns == INT64_MAX) {
                pthread_cond_wait(&waiter->cond, &client->mutex);
            } else {
                struct timespec until = ll_clock_after_ns(until_ns - now_ns);

                (void)pthread_cond_timedwait(&waiter->cond, &client->mutex,
                                             &until);
            }
        }
        if (seat->called == waiter) {
            seat->called = NULL;
        }
        now_ns = until_ns != INT64_MAX ? ll_clock_now_ns() : 0;
    }
    ll_link_remove(&waiter->link);
    return waiter->done;
}

void ll_seat_done(struct ll_client *client, struct ll_waiter *waiter)
{
    struct ll_seat *seat = &client->seat;

    waiter->done = true;
    ll_link_remove(&waiter->link);
    seat->linger_until_ns = ll_clock_now_ns() + LL_SEAT_LINGER_NS;
    if (seat->sitting == waiter) {
        ll_transport_wake(client->transport);
    } else {
        pthread_cond_signal(&waiter->cond);
    }
}
