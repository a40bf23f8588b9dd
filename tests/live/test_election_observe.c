/* SPDX-License-Identifier: Apache-2.0 */
/* Observing an election. The numbers are those of docs/failures.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define SEEN_MAX 512

/** The reports to an observer: a value each, "-" for no leader. */
struct view {
    pthread_mutex_t mutex;
    int n;
    char values[SEEN_MAX][24];
    int64_t token;
    int64_t revision;
    int wrong; /* a token, or a token's revision, that decreased */
    int closes_at;
    int close_status;
    struct test_call ended;
};

#define VIEW_INIT                                                              \
    {                                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .closes_at = -1,                   \
        .ended = TEST_CALL_INIT                                                \
    }

static void on_leader(leaselock_observer *observer,
                      const struct leaselock_leader_info *leader,
                      void *arg)
{
    struct view *view = arg;

    (void)pthread_mutex_lock(&view->mutex);
    if (view->n < SEEN_MAX) {
        (void)snprintf(view->values[view->n], sizeof(view->values[0]), "%s",
                       leader != NULL ? leader->value : "-");
    }
    if (leader != NULL) {
        view->wrong += leader->token < view->token ||
                       (leader->token == view->token &&
                        leader->revision <= view->revision) ||
                       strlen(leader->value) != leader->value_size;
        view->token = leader->token;
        view->revision = leader->revision;
    }
    view->n++;
    if (view->n == view->closes_at) {
        view->close_status = leaselock_observer_close(observer);
    }
    (void)pthread_mutex_unlock(&view->mutex);
}

static void on_end(int status, const struct leaselock_error *error, void *arg)
{
    struct view *view = arg;

    test_call_done(status, error, &view->ended);
}

static leaselock_observer *
observe(struct test_peer *peer, const char *name, struct view *view)
{
    leaselock_observer *observer = NULL;

    assert_int_equal(leaselock_observe(peer->client, name, on_leader, on_end,
                                       view, &observer, NULL),
                     0);
    assert_non_null(observer);
    return observer;
}

struct wanted {
    struct view *view;
    int n;
};

static int view_count(struct view *view)
{
    int n;

    (void)pthread_mutex_lock(&view->mutex);
    n = view->n;
    (void)pthread_mutex_unlock(&view->mutex);
    return n;
}

static bool has_seen(void *arg)
{
    struct wanted *wanted = arg;

    return view_count(wanted->view) >= wanted->n;
}

/** Waits for a number of reports, and checks the latest. */
static void await_view(struct view *view, int n, const char *value)
{
    struct wanted wanted = {view, n};

    assert_true(test_until(TEST_WAIT_MS, has_seen, &wanted));
    (void)pthread_mutex_lock(&view->mutex);
    assert_int_equal(view->n, n);
    assert_string_equal(view->values[n - 1], value);
    (void)pthread_mutex_unlock(&view->mutex);
}

static leaselock_ticket *
campaign(struct test_peer *peer, const char *name, const char *value)
{
    leaselock_ticket *ticket = NULL;

    assert_int_equal(leaselock_campaign(peer->session, name, value,
                                        strlen(value), NULL, TEST_WAIT_MS,
                                        &ticket, NULL),
                     0);
    return ticket;
}

/** Failure 25: an observer reports that there is no leader: at first, and when
 * the last candidate leaves. It also reports each leader and each proclamation,
 * no waiting candidate, and nothing twice. */
static void test_25_no_leader_is_reported(void **state)
{
    struct view view = VIEW_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    struct test_peer watcher;
    leaselock_observer *observer;
    leaselock_ticket *first;
    leaselock_ticket *second = NULL;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &watcher);
    observer = observe(&watcher, "watch/25", &view);
    await_view(&view, 1, "-");
    first = campaign(&peer, "watch/25", "alice");
    await_view(&view, 2, "alice");
    assert_int_equal(leaselock_campaign_async(peer.session, "watch/25", "bob",
                                              3, NULL, LEASELOCK_FOREVER,
                                              test_call_done, &call, &second,
                                              NULL),
                     0);
    test_await_place(second);
    assert_int_equal(leaselock_proclaim(first, "ALICE", 5, TEST_WAIT_MS, NULL),
                     0);
    await_view(&view, 3, "ALICE");
    test_release(first);
    await_view(&view, 4, "bob");
    assert_int_equal(test_call_await(&call), 0);
    test_release(second);
    await_view(&view, 5, "-");
    assert_int_equal(leaselock_observer_close(observer), 0);
    assert_int_equal(leaselock_observer_close(observer), LEASELOCK_E_HANDLE);
    test_release(campaign(&peer, "watch/25", "carol"));
    test_peer_close(&watcher);
    test_peer_close(&peer);
    assert_int_equal(view.n, 5);
    assert_int_equal(view.wrong, 0);
    assert_int_equal(test_call_count(&view.ended), 0);
}

/** Goal: no leader is left out, however short its term, even while there was no
 * connection. Method: 50 leaders one after the other, while the observer's
 * connections are cut. */
static void test_every_leader(void **state)
{
    struct view view = VIEW_INIT;
    struct test_proxy *proxy = NULL;
    struct test_peer peer;
    struct test_peer watcher;
    leaselock_observer *observer;
    char value[24];

    (void)state;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(test_proxy_endpoint(proxy), TEST_TTL_LONG_S, &watcher);
    observer = observe(&watcher, "watch/every", &view);
    await_view(&view, 1, "-");
    for (int i = 0; i < 50; i++) {
        (void)snprintf(value, sizeof(value), "leader %d", i);
        test_release(campaign(&peer, "watch/every", value));
        if (i % 10 == 5) {
            test_proxy_cut(proxy);
        }
    }
    await_view(&view, 101, "-");
    for (int i = 0; i < 50; i++) {
        (void)snprintf(value, sizeof(value), "leader %d", i);
        assert_string_equal(view.values[1 + 2 * i], value);
        assert_string_equal(view.values[2 + 2 * i], "-");
    }
    assert_int_equal(view.wrong, 0);
    assert_int_equal(leaselock_observer_close(observer), 0);
    test_peer_close(&watcher);
    test_peer_close(&peer);
    test_proxy_close(proxy);
}

/** Goal: after a compaction while there was no connection, the compacted
 * leaders are left out, but the observer continues. */
static void test_compaction(void **state)
{
    struct view view = VIEW_INIT;
    struct test_proxy *proxy = NULL;
    struct test_peer peer;
    struct test_peer watcher;
    leaselock_observer *observer;
    leaselock_ticket *ticket;
    char revision[24];

    (void)state;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(test_proxy_endpoint(proxy), TEST_TTL_LONG_S, &watcher);
    observer = observe(&watcher, "watch/compact", &view);
    await_view(&view, 1, "-");
    test_proxy_refuse(proxy);
    test_proxy_cut(proxy);
    test_release(campaign(&peer, "watch/compact", "unseen"));
    ticket = campaign(&peer, "watch/compact", "seen");
    (void)snprintf(revision, sizeof(revision), "%lld",
                   (long long)test_etcd_revision(&etcd));
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "compact", revision, NULL),
                     0);
    test_proxy_pass(proxy);
    await_view(&view, 2, "seen");
    test_release(ticket);
    await_view(&view, 3, "-");
    assert_int_equal(leaselock_observer_close(observer), 0);
    test_peer_close(&watcher);
    test_peer_close(&peer);
    test_proxy_close(proxy);
}

/** Goal: an observer can be closed in its callback, which is then the last one;
 * and ends with a reason when its client is closed. */
static void test_ends(void **state)
{
    struct view closing = VIEW_INIT;
    struct view view = VIEW_INIT;
    struct wanted wanted = {&closing, 2};
    struct test_peer peer;
    leaselock_observer *observer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    closing.closes_at = 2;
    closing.close_status = 1;
    (void)observe(&peer, "watch/end", &closing);
    observer = observe(&peer, "watch/end", &view);
    await_view(&view, 1, "-");
    test_release(campaign(&peer, "watch/end", "x"));
    await_view(&view, 3, "-");
    assert_true(test_until(TEST_WAIT_MS, has_seen, &wanted));
    test_peer_close(&peer);
    assert_int_equal(closing.n, 2);
    assert_int_equal(closing.close_status, 0);
    assert_int_equal(test_call_count(&closing.ended), 0);
    assert_int_equal(test_call_count(&view.ended), 1);
    assert_int_equal(test_call_status(&view.ended), LEASELOCK_E_CLOSED);
    assert_int_equal(leaselock_observer_close(observer), LEASELOCK_E_HANDLE);
}

/** Goal: a namespace applies to observers too, and invalid arguments are
 * refused. */
static void test_misuse(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct view view = VIEW_INIT;
    leaselock_observer *observer = NULL;
    struct test_peer blue;
    struct test_peer peer;
    leaselock_ticket *ticket;

    (void)state;
    options.namespace_prefix = "blue/";
    test_peer_open_with(etcd.endpoint, &options, NULL, &blue);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = campaign(&blue, "watch/space", "in blue");
    (void)observe(&blue, "watch/space", &view);
    await_view(&view, 1, "in blue");
    assert_int_equal(leaselock_observe(peer.client, "a/", on_leader, on_end,
                                       &view, &observer, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(leaselock_observe(peer.client, "a", NULL, on_end, &view,
                                       &observer, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_observe(peer.client, "a", on_leader, NULL, &view,
                                       &observer, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_observe(peer.client, "a", on_leader, on_end,
                                       &view, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_observe(NULL, "a", on_leader, on_end, &view, &observer, NULL),
        LEASELOCK_E_HANDLE);
    assert_null(observer);
    assert_int_equal(leaselock_observer_close(NULL), 0);
    test_release(ticket);
    await_view(&view, 2, "-");
    test_peer_close(&blue);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_25_no_leader_is_reported),
        cmocka_unit_test(test_every_leader),
        cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_misuse),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
