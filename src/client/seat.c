#include "client/seat.h"

#include <errno.h>

#include "base/clock.h"
#include "client/client.h"
#include "leaselock/status.h"

int ll_seat_init(struct ll_seat *seat)
{
    seat->state = LL_SEAT_EMPTY;
    seat->sitting = NULL;
    ll_link_init(&seat->beside);
    seat->called = NULL;
    seat->due = NULL;
    seat->left_ns = 0;
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

/** Until when nobody sits down in an empty seat. */
static int64_t linger_until_ns(const struct ll_client *client)
{
    bool listens = client->granting_n > 0 || !ll_link_alone(&client->observers);

    return client->seat.left_ns +
           (listens ? LL_SEAT_LINGER_SHORT_NS : LL_SEAT_LINGER_NS);
}

/** Whether the background thread sleeps too long. */
static bool background_is_needed(const struct ll_client *client)
{
    const struct ll_seat *seat = &client->seat;

    if (client->stopping ||
        (client->event_fd < 0 && !ll_link_alone(&client->notices)) ||
        ll_client_deadline_ns(client) < seat->background_until_ns) {
        return true;
    }
    return seat->state == LL_SEAT_EMPTY && ll_link_alone(&seat->beside) &&
           (!ll_transport_is_idle(client->transport) ||
            linger_until_ns(client) < seat->background_until_ns);
}

/** Has a thread that sleeps beside the seat woken when the mutex is free. */
static void wake_waiter(struct ll_seat *seat, struct ll_waiter *waiter)
{
    if (waiter->wake == LL_WAKE_NONE) {
        waiter->wake = LL_WAKE_DUE;
        waiter->next = seat->due;
        seat->due = waiter;
    }
}

/** Finds out who has to act; those to be woken are `due` then. */
static void find_due(struct ll_client *client)
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
        wake_waiter(seat, seat->called);
    }
}

/** Takes the list of those who are to be woken: whoever has it must post. */
static struct ll_waiter *take_due(struct ll_seat *seat)
{
    struct ll_waiter *due = seat->due;

    for (struct ll_waiter *at = due; at != NULL; at = at->next) {
        at->wake = LL_WAKE_COMES;
    }
    seat->due = NULL;
    return due;
}

/** A waiter is its thread's own again as soon as it is posted. */
static void post(struct ll_waiter *due)
{
    while (due != NULL) {
        struct ll_waiter *next = due->next;

        (void)sem_post(&due->woken);
        due = next;
    }
}

void ll_seat_settle(struct ll_client *client)
{
    find_due(client);
    post(take_due(&client->seat));
}

static void unlock_and_post(struct ll_client *client)
{
    struct ll_waiter *due = take_due(&client->seat);

    pthread_mutex_unlock(&client->mutex);
    post(due);
}

void ll_seat_unlock(struct ll_client *client)
{
    find_due(client);
    unlock_and_post(client);
}

/** A time of CLOCK_BOOTTIME for a wait by CLOCK_MONOTONIC. */
static struct timespec after(int64_t until_ns)
{
    int64_t left_ns = until_ns - ll_clock_now_ns();

    return ll_clock_after_ns(left_ns > 0 ? left_ns : 0);
}

/** Sleeps, without the mutex, until somebody wakes this thread, or a time. */
static void sleep_beside(struct ll_client *client,
                         struct ll_waiter *waiter,
                         int64_t until_ns)
{
    struct timespec until;
    int status;

    until = until_ns != INT64_MAX ? after(until_ns) : (struct timespec){0};
    ll_seat_unlock(client);
    do {
        status = until_ns != INT64_MAX
                     ? sem_clockwait(&waiter->woken, CLOCK_MONOTONIC, &until)
                     : sem_wait(&waiter->woken);
    } while (status != 0 && errno == EINTR);
    pthread_mutex_lock(&client->mutex);
    if (status == 0) {
        waiter->wake = LL_WAKE_NONE;
    }
}

/** Makes sure that nobody touches a waiter any more; with the mutex held. */
static void forget(struct ll_seat *seat, struct ll_waiter *waiter)
{
    struct ll_waiter **at = &seat->due;

    ll_link_remove(&waiter->link);
    switch (waiter->wake) {
    case LL_WAKE_NONE:
        break;
    case LL_WAKE_DUE:
        while (*at != waiter) {
            at = &(*at)->next;
        }
        *at = waiter->next;
        break;
    case LL_WAKE_COMES:
        /* Whoever posts it waits for nothing. */
        while (sem_wait(&waiter->woken) != 0 && errno == EINTR) {
        }
        break;
    }
    waiter->wake = LL_WAKE_NONE;
}

/** Waits in the seat, without the mutex, and takes in what has come. */
static void sit(struct ll_client *client, int64_t until_ns)
{
    struct ll_seat *seat = &client->seat;
    int64_t timeout_ns = INT64_MAX;
    void *tag;

    if (until_ns != INT64_MAX) {
        timeout_ns = until_ns - ll_clock_now_ns();
        timeout_ns = timeout_ns > 0 ? timeout_ns : 0;
    }
    find_due(client);
    if (seat->state == LL_SEAT_BACKGROUND) {
        seat->background_until_ns = until_ns;
    }
    unlock_and_post(client);
    tag = ll_transport_wait(client->transport, timeout_ns);
    pthread_mutex_lock(&client->mutex);
    if (seat->state == LL_SEAT_BACKGROUND) {
        seat->background_until_ns = INT64_MIN;
    }
    seat->state = LL_SEAT_EMPTY;
    seat->sitting = NULL;
    if (tag != NULL) {
        ll_transport_complete(client->transport, tag, ll_client_on_event,
                              client);
    }
}

void ll_seat_wait(struct ll_client *client, int64_t until_ns)
{
    struct ll_seat *seat = &client->seat;
    int64_t linger_ns = linger_until_ns(client);
    bool lingers = ll_clock_now_ns() < linger_ns;
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
        sit(client, until_ns);
        return;
    }
    ll_seat_settle(client);
    /* While calls come and go it looks again after each pause, so that none
     * of them has to wake it. */
    if (lingers && linger_ns < until_ns) {
        until_ns = linger_ns;
    }
    until = after(until_ns);
    seat->background_until_ns = until_ns;
    (void)pthread_cond_timedwait(&seat->background, &client->mutex, &until);
    seat->background_until_ns = INT64_MIN;
}

bool ll_seat_await(struct ll_client *client,
                   struct ll_waiter *waiter,
                   int64_t until_ns)
{
    struct ll_seat *seat = &client->seat;

    while (!waiter->done &&
           (until_ns == INT64_MAX || ll_clock_now_ns() < until_ns)) {
        if (seat->state == LL_SEAT_EMPTY && !client->stopping) {
            ll_link_remove(&waiter->link);
            seat->state = LL_SEAT_CALLER;
            seat->sitting = waiter;
            sit(client, until_ns);
        } else {
            ll_link_append_once(&seat->beside, &waiter->link);
            sleep_beside(client, waiter, until_ns);
        }
        if (seat->called == waiter) {
            seat->called = NULL;
        }
    }
    forget(seat, waiter);
    return waiter->done;
}

void ll_seat_done(struct ll_client *client, struct ll_waiter *waiter)
{
    struct ll_seat *seat = &client->seat;

    waiter->done = true;
    seat->left_ns = ll_clock_now_ns();
    if (seat->sitting == waiter) {
        ll_transport_wake(client->transport);
    } else if (!ll_link_alone(&waiter->link)) {
        ll_link_remove(&waiter->link);
        wake_waiter(seat, waiter);
    }
}
