/* SPDX-License-Identifier: Apache-2.0 */
/* Clients behind "etcd grpc-proxy", which assigns watch ids itself, answers
 * serializable ranges from memory and removes the codes of errors. */
#include "live/tool.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "live/kept.h"
#include "support/net.h"
#include "support/test_live.h"
#include "support/wait.h"

/** A handover takes some milliseconds; without a working watch, seconds. */
#define PROMPT_MS 3000

/** etcd's own proxy: its process, and the address for clients. */
struct grpc_proxy {
    struct test_process process;
    uint16_t port;
    int reserved_fd;
    char endpoint[TEST_ETCD_ENDPOINT_SIZE];
    char listen[64];
    char advertise[64];
    char namespace[32];
};

static struct test_etcd etcd;
static struct grpc_proxy plain;
static struct grpc_proxy spaced; /* with --namespace=ns/ */

static bool proxy_serves(void *arg)
{
    const struct grpc_proxy *proxy = arg;
    int fd = test_port_connect(proxy->port);

    if (fd < 0) {
        return false;
    }
    (void)close(fd);
    return true;
}

static int proxy_run(struct grpc_proxy *proxy)
{
    const char *program = getenv("LEASELOCK_TEST_ETCD");
    char endpoints[64];
    const char *argv[] = {program == NULL || program[0] == '\0' ? "etcd"
                                                                : program,
                          "grpc-proxy",
                          "start",
                          endpoints,
                          proxy->listen,
                          proxy->advertise,
                          proxy->namespace[0] != '\0' ? proxy->namespace : NULL,
                          NULL};

    (void)snprintf(endpoints, sizeof(endpoints), "--endpoints=%s",
                   etcd.endpoint);
    if (test_process_start(&proxy->process, argv, NULL) != 0 ||
        !test_until(TEST_WAIT_MS, proxy_serves, proxy)) {
        (void)fprintf(stderr, "the proxy does not serve: %s\n",
                      test_process_output(&proxy->process, TEST_STDERR));
        return -1;
    }
    return 0;
}

static int proxy_start(struct grpc_proxy *proxy, const char *space)
{
    *proxy = (struct grpc_proxy){.process = TEST_PROCESS_INIT};
    proxy->reserved_fd = test_port_reserve(&proxy->port);
    (void)snprintf(proxy->endpoint, sizeof(proxy->endpoint), "127.0.0.1:%u",
                   proxy->port);
    (void)snprintf(proxy->listen, sizeof(proxy->listen), "--listen-addr=%s",
                   proxy->endpoint);
    /* The proxy connects to itself at this address, and from 3.5.28 on exits
     * after 5 s without an answer there. */
    (void)snprintf(proxy->advertise, sizeof(proxy->advertise),
                   "--advertise-client-url=%s", proxy->endpoint);
    if (space != NULL) {
        (void)snprintf(proxy->namespace, sizeof(proxy->namespace),
                       "--namespace=%s", space);
    }
    return proxy_run(proxy);
}

static int start_all(void **state)
{
    (void)state;
    if (test_etcd_start(&etcd) != 0) {
        return -1;
    }
    return proxy_start(&plain, NULL) != 0 || proxy_start(&spaced, "ns/") != 0
               ? -1
               : 0;
}

static int stop_all(void **state)
{
    (void)state;
    if (test_process_wait(&plain.process, 0) != TEST_PROCESS_TIMEOUT) {
        (void)fprintf(stderr, "the proxy ended: %s\n",
                      test_process_output(&plain.process, TEST_STDERR));
    }
    test_process_end(&plain.process);
    test_process_end(&spaced.process);
    test_etcd_stop(&etcd);
    return 0;
}

/** A waiter gets the lock when the holder releases it, at once. */
static void hand_over(const char *holder, const char *waiter, const char *name)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peers[2];
    leaselock_ticket *held;
    leaselock_ticket *waits;
    int64_t begin_ns;

    test_peer_open(holder, TEST_TTL_LONG_S, &peers[0]);
    test_peer_open(waiter, TEST_TTL_LONG_S, &peers[1]);
    held = test_acquire(&peers[0], name);
    waits = test_acquire_async(&peers[1], name, &call);
    test_await_keys(&etcd, name, 2);
    begin_ns = test_now_ns();
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    assert_true(call.at_ns - begin_ns < PROMPT_MS * TEST_NS_PER_MS);
    test_release(waits);
    test_peer_close(&peers[0]);
    test_peer_close(&peers[1]);
}

/** Goal: a lock is handed over whichever of the two clients is behind the
 * proxy. Method: each pair, one after the other. */
static void test_hand_over(void **state)
{
    (void)state;
    hand_over(etcd.endpoint, plain.endpoint, "px/to");
    hand_over(plain.endpoint, etcd.endpoint, "px/from");
    hand_over(plain.endpoint, plain.endpoint, "px/both");
}

/** Goal: behind a proxy with a namespace, a name is the same lock as the name
 * with the namespace's prefix without it, keys are returned without the
 * namespace, and fenced writes and queues work. Method: hand over between a
 * client with that namespace and one behind the proxy, then read key, queue and
 * a written key. */
static void test_namespace(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct leaselock_queue_info *queue = NULL;
    struct test_peer direct;
    struct test_peer behind;
    leaselock_ticket *held;
    leaselock_ticket *waits;
    char key[LEASELOCK_KEY_MAX + 1];

    (void)state;
    options.namespace_prefix = "ns/";
    test_peer_open_with(etcd.endpoint, &options, NULL, &direct);
    test_peer_open(spaced.endpoint, TEST_TTL_LONG_S, &behind);
    held = test_acquire(&direct, "space");
    waits = test_acquire_async(&behind, "space", &call);
    test_await_keys(&etcd, "ns/space/", 2);
    assert_int_equal(
        leaselock_queue(behind.client, "space", NULL, &queue, NULL), 0);
    assert_int_equal(queue->entries_n, 2);
    assert_int_equal(queue->entries[0].token, leaselock_ticket_token(held));
    leaselock_queue_free(queue);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    assert_true(leaselock_ticket_key(waits, key, sizeof(key)) > 0);
    assert_memory_equal(key, "space/", 6);
    assert_int_equal(
        leaselock_fenced_put(waits, "written", 7, "x", 1, 5000, NULL), 0);
    assert_int_equal(test_keys(&etcd, "ns/written"), 1);
    test_release(waits);
    test_peer_close(&direct);
    test_peer_close(&behind);
}

/** Goal: waiters further behind are served in order, also if others leave the
 * queue. Method: five wait behind the proxy, the second and third time out, the
 * holder releases, then each. */
static void test_middle_leaves(void **state)
{
    struct test_call calls[5];
    leaselock_ticket *waits[5];
    struct test_peer direct;
    struct test_peer behind;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &direct);
    test_peer_open(plain.endpoint, TEST_TTL_LONG_S, &behind);
    held = test_acquire(&direct, "px/middle");
    for (int i = 0; i < 5; i++) {
        calls[i] = (struct test_call)TEST_CALL_INIT;
        waits[i] = test_acquire_async(&behind, "px/middle", &calls[i]);
        test_await_keys(&etcd, "px/middle/", i + 2);
    }
    test_release(waits[1]);
    test_release(waits[2]);
    assert_int_equal(test_call_await(&calls[1]), LEASELOCK_E_CANCELED);
    assert_int_equal(test_call_await(&calls[2]), LEASELOCK_E_CANCELED);
    assert_int_equal(test_call_count(&calls[0]), 0);
    assert_int_equal(test_call_count(&calls[3]), 0);
    test_release(held);
    assert_int_equal(test_call_await(&calls[0]), 0);
    assert_int_equal(test_call_count(&calls[3]), 0);
    test_release(waits[0]);
    assert_int_equal(test_call_await(&calls[3]), 0);
    assert_int_equal(test_call_count(&calls[4]), 0);
    test_release(waits[3]);
    assert_int_equal(test_call_await(&calls[4]), 0);
    test_release(waits[4]);
    test_peer_close(&direct);
    test_peer_close(&behind);
}

/** Goal: a try and several names at once work behind the proxy. Method: try a
 * held and a free lock, and wait for two names of which one is held. */
static void test_try_and_several(void **state)
{
    static const char *const names[] = {"px/one", "px/two"};
    struct test_call call = TEST_CALL_INIT;
    struct test_peer direct;
    struct test_peer behind;
    leaselock_ticket *held;
    leaselock_ticket *ticket = NULL;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &direct);
    test_peer_open(plain.endpoint, TEST_TTL_LONG_S, &behind);
    held = test_acquire(&direct, "px/two");
    assert_int_equal(
        leaselock_acquire(behind.session, "px/two", NULL, 0, &ticket, NULL),
        LEASELOCK_E_TIMEOUT);
    assert_int_equal(
        leaselock_acquire(behind.session, "px/try", NULL, 0, &ticket, NULL), 0);
    test_release(ticket);
    assert_int_equal(leaselock_acquire_all_async(
                         behind.session, names, 2, NULL, LEASELOCK_FOREVER,
                         test_call_done, &call, &ticket, NULL),
                     0);
    test_await_keys(&etcd, "px/one/", 1);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    test_release(ticket);
    test_peer_close(&direct);
    test_peer_close(&behind);
}

/** Goal: the lock of a killed holder is handed over when its lease expires.
 *  Method: the tool with a TTL of 2 s behind the proxy, SIGKILL, and a waiter
 *  behind the proxy gets it. */
static void test_killed_holder(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process waiter = TEST_PROCESS_INIT;

    (void)state;
    start_tool(&holder, plain.endpoint, "lock", "--ttl", "2", "px/killed", "--",
               "sleep", "60", NULL);
    test_await_keys(&etcd, "px/killed/", 1);
    start_tool(&waiter, plain.endpoint, "lock", "px/killed", "true", NULL);
    test_await_keys(&etcd, "px/killed/", 2);
    assert_int_equal(test_process_signal(&holder, SIGKILL), 0);
    assert_int_equal(test_process_wait(&waiter, TEST_WAIT_MS), 0);
    test_process_end(&holder);
    test_process_end(&waiter);
}

/** Goal: if a third party breaks the lock, the tool behind the proxy ends its
 * command with 70, in time. Method: break directly at etcd, once the own key is
 * watched. */
static void test_break(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    start_holder(&holder, plain.endpoint, "px/brk", "echo ready; sleep 60");
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "break", "-y", "px/brk", NULL), 0);
    assert_int_equal(test_process_wait(&holder, PROMPT_MS), 70);
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: the loss of a revoked lease is detected long before its deadline, by
 * the watch of a held key, or only by the answer to a renewal, which has TTL
 * -1. Method: two sessions, one with a held key; revoke both leases. */
static void test_revoked_lease(void **state)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct test_call calls[2] = {TEST_CALL_INIT, TEST_CALL_INIT};
    struct test_peer peers[2];
    leaselock_ticket *ticket;

    (void)state;
    options.ttl_s = 15;
    options.on_state = test_call_state;
    for (int i = 0; i < 2; i++) {
        options.on_state_arg = &calls[i];
        test_peer_open_with(plain.endpoint, NULL, &options, &peers[i]);
    }
    ticket = test_acquire(&peers[0], "px/revoked");
    for (int i = 0; i < 2; i++) {
        char lease[32];

        (void)snprintf(
            lease, sizeof(lease), "%llx",
            (unsigned long long)leaselock_session_lease(peers[i].session));
        assert_int_equal(
            test_etcdctl(&etcd, NULL, 0, "lease", "revoke", lease, NULL), 0);
    }
    for (int i = 0; i < 2; i++) {
        int64_t begin_ns = test_now_ns();

        test_call_await_state(&calls[i], LEASELOCK_SESSION_LOST);
        /* The proxy renews by itself, every third of the TTL, and answers the
         * client's renewals with its own results. */
        assert_true(calls[i].at_ns - begin_ns <
                    12 * INT64_C(1000) * TEST_NS_PER_MS);
    }
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    for (int i = 0; i < 2; i++) {
        test_peer_close(&peers[i]);
    }
}

/** Goal: an observer behind the proxy reports every leader, however short its
 * term. Method: ten candidates one after the other, each for a moment. */
static void test_observe(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_peer direct;
    char line[LINE_SIZE];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &direct);
    start_tool(&tool, plain.endpoint, "observe", "px/lead", NULL);
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    for (int i = 0; i < 10; i++) {
        leaselock_ticket *ticket = NULL;
        char value[24];

        (void)snprintf(value, sizeof(value), "number %d", i);
        assert_int_equal(leaselock_campaign(direct.session, "px/lead", value,
                                            strlen(value), NULL, 5000, &ticket,
                                            NULL),
                         0);
        test_release(ticket);
    }
    for (int i = 0; i < 10; i++) {
        char value[24];

        (void)snprintf(value, sizeof(value), "number %d", i);
        assert_true(
            test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
        assert_non_null(strstr(line, value));
        assert_true(
            test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    }
    test_process_end(&tool);
    test_peer_close(&direct);
}

/** Another client gets a kept lock, at once while it is idle, and when it is
 * released while it is held.
 * @param settles  the keeper keeps it for good until then */
static void
give_up(const char *keeper, const char *other, bool settles, const char *name)
{
    struct test_call calls[2] = {TEST_CALL_INIT, TEST_CALL_INIT};
    struct test_peer peers[2];
    leaselock_ticket *held = NULL;
    leaselock_ticket *waits;
    int64_t begin_ns;

    test_peer_open(keeper, TEST_TTL_LONG_S, &peers[0]);
    test_peer_open(other, TEST_TTL_LONG_S, &peers[1]);
    if (settles) {
        assert_true(kept_keep(peers[0].session, name) > 0);
        test_await_keys(&etcd, name, 1);
    } else {
        assert_int_equal(
            kept_acquire(peers[0].session, name, TEST_WAIT_MS, &held), 0);
        test_release(held);
    }
    begin_ns = test_now_ns();
    waits = test_acquire_async(&peers[1], name, &calls[0]);
    assert_int_equal(test_call_await(&calls[0]), 0);
    assert_true(calls[0].at_ns - begin_ns < PROMPT_MS * TEST_NS_PER_MS);
    test_release(waits);
    assert_int_equal(kept_acquire(peers[0].session, name, TEST_WAIT_MS, &held),
                     0);
    waits = test_acquire_async(&peers[1], name, &calls[1]);
    test_await_keys(&etcd, name, 2);
    assert_int_equal(test_call_count(&calls[1]), 0);
    begin_ns = test_now_ns();
    test_release(held);
    assert_int_equal(test_call_await(&calls[1]), 0);
    assert_true(calls[1].at_ns - begin_ns < PROMPT_MS * TEST_NS_PER_MS);
    test_release(waits);
    test_peer_close(&peers[0]);
    test_peer_close(&peers[1]);
}

/** Goal: a kept lock is given up when another client comes, whichever of the two
 * is behind the proxy; behind it, nothing is kept for good. Method: each pair, one
 * after the other; an idle key behind the proxy goes by itself. */
static void test_kept(void **state)
{
    struct test_peer behind;
    leaselock_ticket *held = NULL;

    (void)state;
    give_up(etcd.endpoint, plain.endpoint, true, "px/kept-to");
    give_up(plain.endpoint, etcd.endpoint, false, "px/kept-from");
    give_up(plain.endpoint, plain.endpoint, false, "px/kept-both");
    test_peer_open(plain.endpoint, TEST_TTL_LONG_S, &behind);
    assert_int_equal(
        kept_acquire(behind.session, "px/kept", TEST_WAIT_MS, &held), 0);
    test_release(held);
    test_await_keys(&etcd, "px/kept/", 0);
    test_peer_close(&behind);
}

/** Goal: when the proxy is killed and restarted, its clients continue. Method:
 * kill it while a ticket waits, start it again, and hand over. */
static void test_proxy_restarts(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_peer direct;
    struct test_peer behind;
    leaselock_ticket *held;
    leaselock_ticket *waits;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &direct);
    test_peer_open(plain.endpoint, TEST_TTL_LONG_S, &behind);
    held = test_acquire(&direct, "px/restart");
    waits = test_acquire_async(&behind, "px/restart", &call);
    test_await_keys(&etcd, "px/restart/", 2);
    test_process_end(&plain.process);
    plain.process = (struct test_process)TEST_PROCESS_INIT;
    assert_int_equal(proxy_run(&plain), 0);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    test_release(waits);
    test_peer_close(&direct);
    test_peer_close(&behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hand_over),
        cmocka_unit_test(test_namespace),
        cmocka_unit_test(test_middle_leaves),
        cmocka_unit_test(test_try_and_several),
        cmocka_unit_test(test_killed_holder),
        cmocka_unit_test(test_break),
        cmocka_unit_test(test_revoked_lease),
        cmocka_unit_test(test_observe),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_proxy_restarts),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}
