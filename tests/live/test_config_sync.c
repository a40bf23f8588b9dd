/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that follow the cluster's members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/net.h"
#include "support/test_live.h"
#include "support/wait.h"

#define MEMBERS 3
#define INTERVAL_MS 1000

/** Core's log lines about endpoints. */
struct notes {
    pthread_mutex_t mutex;
    char newest[160];
};

static struct notes notes = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void
on_log(enum leaselock_log_level level, const char *message, void *arg)
{
    (void)level;
    (void)arg;
    if (strstr(message, "of them usable") != NULL) {
        pthread_mutex_lock(&notes.mutex);
        (void)snprintf(notes.newest, sizeof(notes.newest), "%s", message);
        pthread_mutex_unlock(&notes.mutex);
    }
}

/** Waits until core has logged this line about its endpoints. */
static void await_note(const char *wanted)
{
    int64_t deadline_ns = test_deadline_ns(TEST_WAIT_MS);
    char newest[160];
    bool found;

    do {
        pthread_mutex_lock(&notes.mutex);
        memcpy(newest, notes.newest, sizeof(newest));
        pthread_mutex_unlock(&notes.mutex);
        found = strstr(newest, wanted) != NULL;
        if (!found && test_now_ns() > deadline_ns) {
            fail_msg("\"%s\" is not in \"%s\"", wanted, newest);
        }
        test_pause_step();
    } while (!found);
}

static struct leaselock_client_options sync_options(void)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    options.sync_interval_ms = INTERVAL_MS;
    options.log = on_log;
    options.log_level = LEASELOCK_LOG_INFO;
    notes.newest[0] = '\0';
    return options;
}

static bool has_endpoint(leaselock_client *client, const char *wanted)
{
    char text[LEASELOCK_ERROR_ENDPOINT_SIZE];

    for (unsigned i = 0;
         leaselock_client_endpoint(client, i, text, sizeof(text)) > 0; i++) {
        if (strstr(text, wanted) != NULL) {
            return true;
        }
    }
    return false;
}

/** Goal: a client with one member as endpoint finds the others, and continues
 * with them when that one fails. Method: kill it. */
static void test_learns(void **state)
{
    struct leaselock_client_options options = sync_options();
    struct test_etcd members[MEMBERS];
    struct test_peer peer;

    (void)state;
    assert_int_equal(test_etcd_start_cluster(members, MEMBERS, NULL), 0);
    test_peer_open_with(members[0].endpoint, &options, NULL, &peer);
    await_note("3 endpoints, 3 of them usable");
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_true(has_endpoint(peer.client, members[i].endpoint));
    }
    assert_int_equal(test_etcd_kill(&members[0]), 0);
    test_release(test_acquire(&peer, "learns"));
    test_peer_close(&peer);
    for (size_t i = 0; i < MEMBERS; i++) {
        test_etcd_stop(&members[i]);
    }
}

/** Goal: a removed member is not used any more. Method: remove one of the
 * configured endpoints. */
static void test_removed(void **state)
{
    /* Otherwise etcd requires that its members have been up for some
     * seconds. */
    static const char *const args[] = {"--strict-reconfig-check=false", NULL};
    const struct test_etcd_options etcd_options = {.args = args};
    struct leaselock_client_options options = sync_options();
    struct test_etcd members[MEMBERS];
    char endpoints[2 * TEST_ETCD_ENDPOINT_SIZE];
    char output[2048];
    char id[32] = "";
    struct test_peer peer;

    (void)state;
    assert_int_equal(test_etcd_start_cluster(members, MEMBERS, &etcd_options),
                     0);
    (void)snprintf(endpoints, sizeof(endpoints), "%s,%s", members[0].endpoint,
                   members[1].endpoint);
    test_peer_open_with(endpoints, &options, NULL, &peer);
    await_note("3 endpoints, 3 of them usable");
    assert_int_equal(test_etcdctl(&members[0], output, sizeof(output), "member",
                                  "list", NULL),
                     0);
    for (char *line = strtok(output, "\n"); line != NULL;
         line = strtok(NULL, "\n")) {
        if (strstr(line, members[1].endpoint) != NULL) {
            (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(line, ","),
                           line);
        }
    }
    assert_int_equal(
        test_etcdctl(&members[0], NULL, 0, "member", "remove", id, NULL), 0);
    await_note("3 endpoints, 2 of them usable");
    test_release(test_acquire(&peer, "removed"));
    test_peer_close(&peer);
    for (size_t i = 0; i < MEMBERS; i++) {
        test_etcd_stop(&members[i]);
    }
}

/** Waits until the list has been requested three more times, and acquires a
 * lock. */
static void await_syncs(struct test_etcd *etcd, struct test_peer *peer)
{
    int64_t asked = test_etcd_requests(etcd, "MemberList");

    while (test_etcd_requests(etcd, "MemberList") < asked + 3) {
        test_pause_step();
    }
    test_release(test_acquire(peer, "sync"));
    await_note("2 endpoints, 1 of them usable");
}

/** Goal: an unreachable address is left out. Method: an etcd that advertises
 * another address; three syncs later locks can still be acquired. */
static void test_unreachable(void **state)
{
    static const char *const args[] = {
        "--advertise-client-urls=http://127.0.0.1:1", NULL};
    const struct test_etcd_options etcd_options = {.args = args};
    struct leaselock_client_options options = sync_options();
    struct test_etcd etcd;
    struct test_peer peer;

    (void)state;
    assert_int_equal(test_etcd_start_with(&etcd, &etcd_options), 0);
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    await_note("2 endpoints, 1 of them usable");
    await_syncs(&etcd, &peer);
    test_peer_close(&peer);
    test_etcd_stop(&etcd);
}

/** Goal: an address of another cluster is left out (35). Method: an etcd that
 * advertises the address of another one. */
static void test_35_other_cluster(void **state)
{
    char argument[64];
    const char *const args[] = {argument, NULL};
    const struct test_etcd_options etcd_options = {.args = args};
    struct leaselock_client_options options = sync_options();
    struct test_etcd other;
    struct test_etcd etcd;
    struct test_peer peer;

    (void)state;
    assert_int_equal(test_etcd_start(&other), 0);
    (void)snprintf(argument, sizeof(argument),
                   "--advertise-client-urls=http://%s", other.endpoint);
    assert_int_equal(test_etcd_start_with(&etcd, &etcd_options), 0);
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    await_note("2 endpoints, 1 of them usable");
    await_syncs(&etcd, &peer);
    assert_true(test_etcd_requests(&other, "MemberList") > 0);
    test_peer_close(&peer);
    test_etcd_stop(&etcd);
    test_etcd_stop(&other);
}

/** Waits until an etcd grpc-proxy has started. */
static void await_proxy(struct test_process *proxy)
{
    char line[512] = "";

    while (strstr(line, "started gRPC proxy") == NULL) {
        assert_true(test_process_line(proxy, TEST_STDERR, TEST_WAIT_MS, line,
                                      sizeof(line)));
    }
}

/** Goal: the address that an `etcd grpc-proxy` advertises is left out if no
 * etcd answers there. Method: an etcd that is stopped once the proxy has
 * started, since a proxy of 3.5.28 or later exits if it cannot connect to the
 * address that it advertises. */
static void test_proxy(void **state)
{
    const char *program = getenv("LEASELOCK_TEST_ETCD");
    struct leaselock_client_options options = sync_options();
    struct test_process proxy = TEST_PROCESS_INIT;
    char advertise[64];
    char listen[64];
    char endpoints[64];
    struct test_etcd gone;
    struct test_etcd etcd;
    struct test_peer peer;
    uint16_t port = 0;
    int fd;

    (void)state;
    assert_int_equal(test_etcd_start(&etcd), 0);
    assert_int_equal(test_etcd_start(&gone), 0);
    (void)snprintf(advertise, sizeof(advertise), "--advertise-client-url=%s",
                   gone.endpoint);
    fd = test_port_reserve(&port);
    assert_true(fd >= 0);
    (void)snprintf(listen, sizeof(listen), "--listen-addr=127.0.0.1:%u", port);
    (void)snprintf(endpoints, sizeof(endpoints), "--endpoints=%s",
                   etcd.endpoint);
    {
        const char *const argv[] = {program != NULL ? program : "etcd",
                                    "grpc-proxy",
                                    "start",
                                    endpoints,
                                    listen,
                                    advertise,
                                    NULL};

        assert_int_equal(test_process_start(&proxy, argv, NULL), 0);
    }
    await_proxy(&proxy);
    test_etcd_stop(&gone);
    (void)snprintf(endpoints, sizeof(endpoints), "127.0.0.1:%u", port);
    test_peer_open_with(endpoints, &options, NULL, &peer);
    await_note("2 endpoints, 1 of them usable");
    test_release(test_acquire(&peer, "sync"));
    test_peer_close(&peer);
    test_process_end(&proxy);
    (void)close(fd);
    test_etcd_stop(&etcd);
}

/** Goal: without the option the list is never requested. Method: count the
 * requests. */
static void test_off(void **state)
{
    struct test_etcd etcd;
    struct test_peer peer;

    (void)state;
    assert_int_equal(test_etcd_start(&etcd), 0);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_release(test_acquire(&peer, "off"));
    test_peer_close(&peer);
    assert_int_equal(test_etcd_requests(&etcd, "MemberList"), 0);
    test_etcd_stop(&etcd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_learns),
                                       cmocka_unit_test(test_removed),
                                       cmocka_unit_test(test_unreachable),
                                       cmocka_unit_test(test_35_other_cluster),
                                       cmocka_unit_test(test_proxy),
                                       cmocka_unit_test(test_off)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
