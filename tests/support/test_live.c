/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test_live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/wait.h"

#define ARGS_MAX 8
/** If no Txn is sent for this long, no read after a watch's creation is
 * pending. */
#define SETTLED_MS 400
#define OUTPUT_SIZE 65536

void test_peer_open(const char *endpoints, int ttl_s, struct test_peer *peer)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;

    options.ttl_s = ttl_s;
    test_peer_open_with(endpoints, NULL, &options, peer);
}

void test_peer_open_with(const char *endpoints,
                         const struct leaselock_client_options *client_options,
                         const struct leaselock_session_options *options,
                         struct test_peer *peer)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    if (leaselock_client_open(endpoints, client_options, &peer->client,
                              &error) != 0 ||
        leaselock_session_open(peer->client, options, &peer->session, &error) !=
            0) {
        fail_msg("%s", error.message);
    }
}

void test_peer_close(struct test_peer *peer)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    if (leaselock_client_close(peer->client, &error) != 0) {
        fail_msg("%s", error.message);
    }
    *peer = (struct test_peer){NULL, NULL};
}

leaselock_ticket *test_acquire(struct test_peer *peer, const char *name)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire(peer->session, name, NULL, TEST_WAIT_MS, &ticket,
                          &error) != 0) {
        fail_msg("%s", error.message);
    }
    return ticket;
}

void test_release(leaselock_ticket *ticket)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    if (leaselock_release(ticket, &error) != 0) {
        fail_msg("%s", error.message);
    }
}

static void call_note(struct test_call *call,
                      int status,
                      const struct leaselock_error *error)
{
    (void)pthread_mutex_lock(&call->mutex);
    if ((size_t)call->calls < sizeof(call->states) / sizeof(call->states[0])) {
        call->states[call->calls] = status;
    }
    call->status = status;
    call->at_ns = test_now_ns();
    if (error != NULL) {
        call->error = *error;
    }
    call->calls++;
    (void)pthread_mutex_unlock(&call->mutex);
}

void test_call_done(int status, const struct leaselock_error *error, void *arg)
{
    call_note(arg, status, error);
}

void test_call_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    (void)why;
    call_note(arg, leaselock_ticket_state(ticket), NULL);
}

void test_call_state(leaselock_session *session,
                     enum leaselock_session_state state,
                     const char *why,
                     void *arg)
{
    (void)session;
    (void)why;
    call_note(arg, (int)state, NULL);
}

int test_call_count(struct test_call *call)
{
    int calls;

    (void)pthread_mutex_lock(&call->mutex);
    calls = call->calls;
    (void)pthread_mutex_unlock(&call->mutex);
    return calls;
}

int test_call_status(struct test_call *call)
{
    int status;

    (void)pthread_mutex_lock(&call->mutex);
    status = call->status;
    (void)pthread_mutex_unlock(&call->mutex);
    return status;
}

static bool call_came(void *arg)
{
    return test_call_count(arg) > 0;
}

int test_call_await(struct test_call *call)
{
    assert_true(test_until(TEST_WAIT_MS, call_came, call));
    return test_call_status(call);
}

struct state_wanted {
    struct test_call *call;
    int state;
};

static bool state_came(void *arg)
{
    const struct state_wanted *wanted = arg;

    return test_call_count(wanted->call) > 0 &&
           test_call_status(wanted->call) == wanted->state;
}

void test_call_await_state(struct test_call *call, int state)
{
    struct state_wanted wanted = {call, state};

    assert_true(test_until(TEST_WAIT_MS, state_came, &wanted));
}

leaselock_ticket *test_acquire_async(struct test_peer *peer,
                                     const char *name,
                                     struct test_call *call)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire_async(peer->session, name, NULL, LEASELOCK_FOREVER,
                                test_call_done, call, &ticket, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return ticket;
}

int test_keys(struct test_etcd *etcd, const char *prefix)
{
    static char output[OUTPUT_SIZE];
    const char *count;

    assert_int_equal(test_etcdctl(etcd, output, sizeof(output), "get",
                                  "--prefix", "--keys-only", "--limit=1",
                                  "--write-out=fields", prefix, NULL),
                     0);
    count = strstr(output, "\"Count\" : ");
    assert_non_null(count);
    return (int)strtol(count + strlen("\"Count\" : "), NULL, 10);
}

struct keys_wanted {
    struct test_etcd *etcd;
    const char *prefix;
    int keys;
};

static bool keys_are(void *arg)
{
    const struct keys_wanted *wanted = arg;

    return test_keys(wanted->etcd, wanted->prefix) == wanted->keys;
}

void test_await_keys(struct test_etcd *etcd, const char *prefix, int keys)
{
    struct keys_wanted wanted = {etcd, prefix, keys};

    assert_true(test_until(TEST_WAIT_MS, keys_are, &wanted));
}

int test_leases(struct test_etcd *etcd)
{
    char output[4096];
    int leases = -1;

    assert_int_equal(
        test_etcdctl(etcd, output, sizeof(output), "lease", "list", NULL), 0);
    assert_int_equal(sscanf(output, "found %d leases", &leases), 1);
    return leases;
}

static bool place_is_known(void *arg)
{
    return leaselock_ticket_position(arg) >= 0;
}

void test_await_place(leaselock_ticket *ticket)
{
    assert_true(test_until(TEST_WAIT_MS, place_is_known, ticket));
}

struct revision_wanted {
    struct test_etcd *etcd;
    int64_t above;
};

static bool revision_rose(void *arg)
{
    const struct revision_wanted *wanted = arg;

    return test_etcd_revision(wanted->etcd) > wanted->above;
}

void test_await_revision(struct test_etcd *etcd, int64_t above)
{
    struct revision_wanted wanted = {etcd, above};

    assert_true(test_until(TEST_WAIT_MS, revision_rose, &wanted));
}

struct settling {
    struct test_etcd *etcd;
    int64_t writes;
    int64_t since_ns;
};

static bool has_settled(void *arg)
{
    struct settling *settling = arg;
    int64_t writes = test_etcd_requests(settling->etcd, "Txn") +
                     test_etcd_requests(settling->etcd, "DeleteRange");

    if (writes != settling->writes) {
        settling->writes = writes;
        settling->since_ns = test_now_ns();
    }
    return test_now_ns() - settling->since_ns > SETTLED_MS * TEST_NS_PER_MS;
}

void test_await_settled(struct test_etcd *etcd)
{
    struct settling settling = {.etcd = etcd, .writes = -1};

    assert_true(test_until(TEST_WAIT_MS, has_settled, &settling));
}

void test_revoke(struct test_etcd *etcd, leaselock_session *session)
{
    char lease[17];

    (void)snprintf(lease, sizeof(lease), "%llx",
                   (unsigned long long)leaselock_session_lease(session));
    assert_int_equal(
        test_etcdctl(etcd, NULL, 0, "lease", "revoke", lease, NULL), 0);
}

void test_delete(struct test_etcd *etcd, leaselock_ticket *ticket)
{
    char key[LEASELOCK_KEY_MAX + 1];

    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
    assert_int_equal(test_etcdctl(etcd, NULL, 0, "del", key, NULL), 0);
}

void test_start_self(struct test_process *process, ...)
{
    const char *argv[ARGS_MAX + 1] = {"/proc/self/exe"};
    size_t n = 1;
    va_list words;

    va_start(words, process);
    do {
        assert_true(n <= ARGS_MAX);
        argv[n] = va_arg(words, const char *);
    } while (argv[n++] != NULL);
    va_end(words);
    assert_int_equal(test_process_start(process, argv, NULL), 0);
}
