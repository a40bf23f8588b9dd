/* SPDX-License-Identifier: Apache-2.0 */
#include "client/poller.h"

#include "base/clock.h"
#include "base/semaphore.h"
#include "client/client.h"
#include "leaselock/status.h"

int ll_poller_init(struct ll_poller *poller)
{
    poller->state = LL_POLLER_NONE;
    poller->polling = NULL;
    ll_link_init(&poller->aside);
    poller->called = NULL;
    poller->timer = NULL;
    poller->due = NULL;
    poller->left_ns = 0;
    poller->background_until_ns = INT64_MIN;
    atomic_init(&poller->is_urgent, false);
    if (pthread_mutex_init(&poller->turn, NULL) != 0) {
        return LEASELOCK_E_NOMEM;
    }
    if (sem_init(&poller->background, 0, 0) != 0) {
        (void)pthread_mutex_destroy(&poller->turn);
        return LEASELOCK_E_NOMEM;
    }
    return 0;
}

void ll_poller_free(struct ll_poller *poller)
{
    (void)sem_destroy(&poller->background);
    (void)pthread_mutex_destroy(&poller->turn);
}

void ll_poller_lock(struct ll_client *client)
{
    struct ll_poller *poller = &client->poller;

    if (atomic_load_explicit(&poller->is_urgent, memory_order_relaxed)) {
        pthread_mutex_lock(&poller->turn);
        pthread_mutex_unlock(&poller->turn);
    }
    pthread_mutex_lock(&client->mutex);
}

void ll_poller_lock_first(struct ll_client *client)
{
    struct ll_poller *poller = &client->poller;

    if (pthread_mutex_trylock(&client->mutex) == 0) {
        return;
    }
    pthread_mutex_lock(&poller->turn);
    atomic_store(&poller->is_urgent, true);
    pthread_mutex_lock(&client->mutex);
    atomic_store(&poller->is_urgent, false);
    pthread_mutex_unlock(&poller->turn);
}

/** Wakes the background thread, unless it is awake or was woken already. */
static void wake_background(struct ll_client *client)
{
    struct ll_poller *poller = &client->poller;

    if (poller->background_until_ns == INT64_MIN) {
        return;
    }
    poller->background_until_ns = INT64_MIN;
    if (poller->state == LL_POLLER_BACKGROUND) {
        ll_transport_wake(client->transport);
    } else {
        (void)sem_post(&poller->background);
    }
}

/** The end of the period in which no thread takes the free role. */
static int64_t linger_until_ns(const struct ll_client *client)
{
    bool listens = client->granting_n > 0 || !ll_link_alone(&client->observers);

    return client->poller.left_ns +
           (listens ? LL_POLLER_LINGER_SHORT_NS : LL_POLLER_LINGER_NS);
}

/** Whether a caller's thread wakes in time to send what gathers. */
static bool caller_sends(const struct ll_client *client)
{
    const struct ll_poller *poller = &client->poller;

    return poller->state == LL_POLLER_CALLER ||
           (poller->timer != NULL &&
            poller->timer_ns <= ll_core_send_ns(client->core));
}

/** Whether a request gathers others and no answer is on its way: then nobody
 *  polls until it is sent. */
static bool only_gathers(const struct ll_client *client)
{
    return ll_core_send_ns(client->core) != INT64_MAX &&
           ll_transport_is_idle(client->transport);
}

/** Whether the background thread would sleep past its next work. */
static bool background_is_needed(const struct ll_client *client)
{
    const struct ll_poller *poller = &client->poller;
    int64_t due_ns;

    if (client->stopping ||
        (client->event_fd < 0 && !ll_link_alone(&client->notices))) {
        return true;
    }
    due_ns = ll_client_deadline_ns(client);
    if (due_ns < poller->background_until_ns &&
        !(due_ns == ll_core_send_ns(client->core) && caller_sends(client))) {
        return true;
    }
    return poller->state == LL_POLLER_NONE && ll_link_alone(&poller->aside) &&
           (!ll_transport_is_idle(client->transport) ||
            linger_until_ns(client) < poller->background_until_ns);
}

/** Marks a thread that sleeps aside, to be woken when the mutex is free. */
static void wake_waiter(struct ll_poller *poller, struct ll_waiter *waiter)
{
    if (waiter->wake == LL_WAKE_NONE) {
        waiter->wake = LL_WAKE_DUE;
        waiter->next = poller->due;
        poller->due = waiter;
    }
}

/** Finds the threads that have to act, and adds sleeping callers to `due`. */
static void find_due(struct ll_client *client)
{
    struct ll_poller *poller = &client->poller;

    if (client->transport == NULL) {
        return;
    }
    if (background_is_needed(client)) {
        wake_background(client);
    }
    /* A callback may keep the background thread from sending what gathers. */
    if (poller->state == LL_POLLER_CALLER &&
        ll_core_send_ns(client->core) < poller->caller_until_ns) {
        poller->caller_until_ns = INT64_MIN;
        ll_transport_wake(client->transport);
    }
    if (poller->state == LL_POLLER_NONE && !ll_link_alone(&poller->aside) &&
        poller->called == NULL && !client->stopping && !only_gathers(client)) {
        poller->called =
            LL_CONTAINER(poller->aside.next, struct ll_waiter, link);
        wake_waiter(poller, poller->called);
    }
}

/** Takes the list of the waiters to be woken, which the caller must post. */
static struct ll_waiter *take_due(struct ll_poller *poller)
{
    struct ll_waiter *due = poller->due;

    for (struct ll_waiter *at = due; at != NULL; at = at->next) {
        at->wake = LL_WAKE_COMES;
    }
    poller->due = NULL;
    return due;
}

/** Wakes waiters; each may be freed by its thread as soon as it is posted. */
static void post(struct ll_waiter *due)
{
    while (due != NULL) {
        struct ll_waiter *next = due->next;

        (void)sem_post(&due->woken);
        due = next;
    }
}

void ll_poller_settle(struct ll_client *client)
{
    find_due(client);
    post(take_due(&client->poller));
}

static void unlock_and_post(struct ll_client *client)
{
    struct ll_waiter *due = take_due(&client->poller);

    pthread_mutex_unlock(&client->mutex);
    post(due);
}

void ll_poller_unlock(struct ll_client *client)
{
    find_due(client);
    unlock_and_post(client);
}

/** Sleeps, without the mutex, until another thread wakes this one or the time
 *  is reached. */
static void sleep_aside(struct ll_client *client,
                        struct ll_waiter *waiter,
                        int64_t until_ns)
{
    bool is_woken;

    ll_poller_unlock(client);
    is_woken = ll_semaphore_wait(&waiter->woken, until_ns);
    pthread_mutex_lock(&client->mutex);
    if (is_woken) {
        waiter->wake = LL_WAKE_NONE;
    }
}

/** Sleeps aside; if requests gather, only until they are due, and sends them. */
static void sleep_as_timer(struct ll_client *client,
                           struct ll_waiter *waiter,
                           int64_t until_ns)
{
    struct ll_poller *poller = &client->poller;
    int64_t send_ns = ll_core_send_ns(client->core);

    if (send_ns >= until_ns || caller_sends(client)) {
        sleep_aside(client, waiter, until_ns);
        return;
    }
    poller->timer = waiter;
    poller->timer_ns = send_ns;
    sleep_aside(client, waiter, send_ns);
    if (poller->timer == waiter) {
        poller->timer = NULL;
    }
    ll_client_send_due(client);
}

/** Ensures that no thread will access a waiter again; with the mutex held. */
static void forget(struct ll_poller *poller, struct ll_waiter *waiter)
{
    struct ll_waiter **at = &poller->due;

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
        /* The posting thread does not block before it posts. */
        (void)ll_semaphore_wait(&waiter->woken, INT64_MAX);
        break;
    }
    waiter->wake = LL_WAKE_NONE;
}

/** Polls in the role, without the mutex, and processes what has arrived. */
static void poll_transport(struct ll_client *client, int64_t until_ns)
{
    struct ll_poller *poller = &client->poller;
    int64_t timeout_ns = INT64_MAX;
    void *tag;

    if (until_ns != INT64_MAX) {
        timeout_ns = until_ns - ll_clock_now_ns();
        timeout_ns = timeout_ns > 0 ? timeout_ns : 0;
    }
    find_due(client);
    if (poller->state == LL_POLLER_BACKGROUND) {
        poller->background_until_ns = until_ns;
    }
    unlock_and_post(client);
    tag = ll_transport_wait(client->transport, timeout_ns);
    ll_poller_lock_first(client);
    if (poller->state == LL_POLLER_BACKGROUND) {
        poller->background_until_ns = INT64_MIN;
    }
    poller->state = LL_POLLER_NONE;
    poller->polling = NULL;
    if (tag != NULL) {
        ll_transport_complete(client->transport, tag, ll_client_on_event,
                              client);
    }
}

void ll_poller_wait(struct ll_client *client, int64_t until_ns)
{
    struct ll_poller *poller = &client->poller;
    int64_t linger_ns = linger_until_ns(client);
    bool lingers = ll_clock_now_ns() < linger_ns;
    bool stays_aside = poller->state == LL_POLLER_CALLER;

    if (client->stopping) {
        if (poller->state == LL_POLLER_CALLER) {
            ll_transport_wake(client->transport);
        }
    } else if (!ll_link_alone(&poller->aside) ||
               (lingers && ll_transport_is_idle(client->transport))) {
        stays_aside = true;
    }
    if (!stays_aside) {
        poller->state = LL_POLLER_BACKGROUND;
        poll_transport(client, until_ns);
        return;
    }
    find_due(client);
    /* While calls come and go, this thread wakes after each pause by itself,
     * so that no call has to wake it. */
    if (lingers && linger_ns < until_ns) {
        until_ns = linger_ns;
    }
    poller->background_until_ns = until_ns;
    unlock_and_post(client);
    (void)ll_semaphore_wait(&poller->background, until_ns);
    ll_poller_lock_first(client);
    poller->background_until_ns = INT64_MIN;
    while (sem_trywait(&poller->background) == 0) {
    } /* one that came as the time was over */
}

bool ll_poller_await(struct ll_client *client,
                     struct ll_waiter *waiter,
                     int64_t until_ns)
{
    struct ll_poller *poller = &client->poller;

    waiter->blocks = true;
    while (!waiter->done &&
           (until_ns == INT64_MAX || ll_clock_now_ns() < until_ns)) {
        if (poller->state == LL_POLLER_NONE && !client->stopping &&
            !only_gathers(client)) {
            ll_link_remove(&waiter->link);
            poller->state = LL_POLLER_CALLER;
            poller->polling = waiter;
            poller->caller_until_ns = ll_core_look_ns(client->core);
            if (until_ns < poller->caller_until_ns) {
                poller->caller_until_ns = until_ns;
            }
            poll_transport(client, poller->caller_until_ns);
            ll_client_send_due(client);
        } else {
            ll_link_append_once(&poller->aside, &waiter->link);
            sleep_as_timer(client, waiter, until_ns);
        }
        if (poller->called == waiter) {
            poller->called = NULL;
        }
    }
    forget(poller, waiter);
    return waiter->done;
}

void ll_poller_done(struct ll_client *client, struct ll_waiter *waiter)
{
    struct ll_poller *poller = &client->poller;

    waiter->done = true;
    if (waiter->blocks) {
        poller->left_ns = ll_clock_now_ns();
    }
    if (poller->polling == waiter) {
        ll_transport_wake(client->transport);
    } else if (!ll_link_alone(&waiter->link)) {
        ll_link_remove(&waiter->link);
        wake_waiter(poller, waiter);
    }
}
