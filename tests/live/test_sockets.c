/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of one client over many interruptions of etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test_live.h"
#include "support/wait.h"

#define WORKERS 4
#define MEMBERS 3
#define ROUNDS 6
/** Short, so that calls to etcd are late while it is stopped. */
#define REQUEST_TIMEOUT_MS 300
/** Long streams that may use a connection of their own, all of them to the
 * endpoint in use, until they end. */
#define STREAMS 3

struct worker {
    leaselock_client *client;
    pthread_t thread;
    int number;
    atomic_uint cycles;
};

static atomic_bool over;
static struct worker workers[WORKERS];
/** The sockets of the test itself. */
static size_t base;

/** Acquires and releases in an endless loop; repeats failed calls, and opens
 * another session when one is lost. */
static void *work(void *arg)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct worker *worker = arg;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    char name[32];

    options.ttl_s = TEST_TTL_LONG_S;
    (void)snprintf(name, sizeof(name), "sockets/%d", worker->number);
    while (!atomic_load(&over)) {
        if (session == NULL && leaselock_session_open(worker->client, &options,
                                                      &session, NULL) != 0) {
            continue;
        }
        if (leaselock_acquire(session, name, NULL, 1000, &ticket, NULL) == 0 &&
            leaselock_release(ticket, NULL) == 0) {
            (void)atomic_fetch_add(&worker->cycles, 1);
        } else if (leaselock_session_state(session) == LEASELOCK_SESSION_LOST) {
            (void)leaselock_session_close(session, NULL);
            session = NULL;
        }
    }
    (void)leaselock_session_close(session, NULL);
    return NULL;
}

/** The number of this process's sockets, in any state. */
static size_t count_sockets(void)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    size_t n = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        char target[64] = "";

        if (readlinkat(dirfd(folder), entry->d_name, target,
                       sizeof(target) - 1) > 0 &&
            strncmp(target, "socket:", 7) == 0) {
            n++;
        }
    }
    (void)closedir(folder);
    return n;
}

static bool has_at_most(void *arg)
{
    return count_sockets() <= base + *(const size_t *)arg;
}

static bool has_more(void *arg)
{
    return !has_at_most(arg);
}

static void await_at_most(size_t most)
{
    if (!test_until(TEST_WAIT_MS, has_at_most, &most)) {
        fail_msg("%zu connections, and %zu is the most", count_sockets() - base,
                 most);
    }
}

static bool has_progress(void *arg)
{
    const unsigned *from = arg;

    for (int i = 0; i < WORKERS; i++) {
        if (atomic_load(&workers[i].cycles) < from[i] + 2) {
            return false;
        }
    }
    return true;
}

/** Waits until each worker has begun and ended a turn from now on. */
static void await_progress(void)
{
    unsigned from[WORKERS];

    for (int i = 0; i < WORKERS; i++) {
        from[i] = atomic_load(&workers[i].cycles);
    }
    assert_true(test_until(2 * TEST_WAIT_MS, has_progress, from));
}

static leaselock_client *start_workers(const char *endpoints)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    leaselock_client *client = NULL;

    options.request_timeout_ms = REQUEST_TIMEOUT_MS;
    atomic_store(&over, false);
    base = count_sockets();
    assert_int_equal(leaselock_client_open(endpoints, &options, &client, NULL),
                     0);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.client = client, .number = i};
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    await_progress();
    return client;
}

static void stop_workers(leaselock_client *client)
{
    atomic_store(&over, true);
    for (int i = 0; i < WORKERS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    await_at_most(0);
}

/** Opens a session and acquires a lock whose key is watched. */
static leaselock_session *hold_watched(leaselock_client *client,
                                       leaselock_ticket **ticket)
{
    struct leaselock_session_options session_options =
        LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    leaselock_session *session = NULL;

    session_options.ttl_s = TEST_TTL_LONG_S;
    acquire.watch_own_key_ms = LEASELOCK_AT_ONCE;
    assert_int_equal(
        leaselock_session_open(client, &session_options, &session, NULL), 0);
    assert_int_equal(leaselock_acquire(session, "watched", &acquire,
                                       TEST_WAIT_MS, ticket, NULL),
                     0);
    return session;
}

/** Goal: after etcd was slow, the client uses one connection again. Method:
 * etcd is stopped until calls use a connection of their own, and resumed;
 * repeatedly. A lock is held and watched, so that no watch stream is opened
 * while the connections are separate: it would stay where it is. */
static void test_slow(void **state)
{
    struct test_etcd etcd;
    leaselock_client *client;
    leaselock_session *session;
    leaselock_ticket *ticket = NULL;
    size_t one = 1;

    (void)state;
    assert_int_equal(test_etcd_start(&etcd), 0);
    client = start_workers(etcd.endpoint);
    session = hold_watched(client, &ticket);
    await_progress();
    for (int round = 0; round < ROUNDS; round++) {
        assert_int_equal(test_etcd_pause(&etcd), 0);
        assert_true(test_until(TEST_WAIT_MS, has_more, &one));
        assert_int_equal(test_etcd_resume(&etcd), 0);
        await_progress();
        await_at_most(one);
    }
    test_release(ticket);
    assert_int_equal(leaselock_session_close(session, NULL), 0);
    stop_workers(client);
    test_etcd_stop(&etcd);
}

/** Goal: calls and streams stay on separate connections if the server allows
 * few streams. Method: one lock is held and watched, so that no call is served
 * beside the renewals and the watch; during several probes, the connections are
 * never merged. */
static void test_few(void **state)
{
    static const char *const args[] = {"--max-concurrent-streams=2", NULL};
    struct test_etcd_options options = {.args = args};
    struct test_etcd etcd;
    leaselock_client *client;
    leaselock_session *session;
    leaselock_ticket *ticket = NULL;
    size_t one = 1;

    (void)state;
    assert_int_equal(test_etcd_start_with(&etcd, &options), 0);
    client = start_workers(etcd.endpoint);
    session = hold_watched(client, &ticket);
    assert_true(test_until(TEST_WAIT_MS, has_more, &one));
    await_progress();
    assert_false(test_until(5 * REQUEST_TIMEOUT_MS, has_at_most, &one));
    await_progress();
    test_release(ticket);
    assert_int_equal(leaselock_session_close(session, NULL), 0);
    stop_workers(client);
    test_etcd_stop(&etcd);
}

/** The number of connections does not grow with the restarts of members.
 *  Method: one member after the other is stopped until all workers have changed
 *  to another, is killed and restarted. */
static void test_restarts(void **state)
{
    struct test_etcd members[MEMBERS];
    leaselock_client *client;
    char endpoints[MEMBERS * (TEST_ETCD_ENDPOINT_SIZE + 1)];

    (void)state;
    assert_int_equal(test_etcd_start_cluster(members, MEMBERS, NULL), 0);
    (void)snprintf(endpoints, sizeof(endpoints), "%s,%s,%s",
                   members[0].endpoint, members[1].endpoint,
                   members[2].endpoint);
    client = start_workers(endpoints);
    for (int round = 0; round < ROUNDS; round++) {
        struct test_etcd *member = &members[round % MEMBERS];

        assert_int_equal(test_etcd_pause(member), 0);
        await_progress();
        assert_int_equal(test_etcd_kill(member), 0);
        assert_int_equal(test_etcd_restart(member), 0);
        await_progress();
        await_at_most(MEMBERS + STREAMS);
    }
    stop_workers(client);
    for (int i = 0; i < MEMBERS; i++) {
        test_etcd_stop(&members[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_restarts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
