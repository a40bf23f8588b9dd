/* SPDX-License-Identifier: Apache-2.0 */
/* Users, passwords and tokens with a real etcd: accepted and refused users,
 * tokens that expire while locks are held and waited for (failure 23), and a
 * refused watch beside a live one (failure 24). The log of every client is
 * searched for passwords. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/certs.h"
#include "support/etcd_auth.h"
#include "support/test_live.h"
#include "support/wait.h"

#define PASSWORD "correct-horse"
#define WRONG "battery-staple"

/** Several lifetimes of a token of 2 s. */
#define STRETCH_MS 13000

static struct test_etcd etcd;
static char version[TEST_ETCD_VERSION_SIZE];

/** A text that may occur nowhere. */
static void assert_no_secret(const char *text)
{
    if (strstr(text, PASSWORD) != NULL || strstr(text, WRONG) != NULL) {
        (void)fprintf(stderr, "a password in: %s\n", text);
        abort();
    }
}

static void
on_log(enum leaselock_log_level level, const char *message, void *arg)
{
    (void)level;
    (void)arg;
    assert_no_secret(message);
}

static struct leaselock_client_options as(const char *user,
                                          const char *password)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    options.user = user;
    options.password = password;
    options.log = on_log;
    options.log_level = LEASELOCK_LOG_DEBUG;
    return options;
}

static void open_as(const char *endpoints, int ttl_s, struct test_peer *peer)
{
    struct leaselock_client_options options = as("ann", PASSWORD);
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;

    session.ttl_s = ttl_s;
    test_peer_open_with(endpoints, &options, &session, peer);
}

/** An etcd with authentication and the user ann, with all rights below
 * "ann/". */
static void start(struct test_etcd *ret_etcd, const char *const *args)
{
    const struct test_etcd_options options = {.args = args};

    assert_int_equal(test_etcd_start_with(ret_etcd, &options), 0);
    test_auth_user(ret_etcd, false, "ann", PASSWORD, "ann/");
    test_auth_enable(ret_etcd);
}

/** Goal: a user with a role for the locks' prefix can use every operation below
 * it, and none elsewhere. */
static void test_prefix(void **state)
{
    struct leaselock_queue_info *queue = NULL;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct leaselock_ping ping = {.authenticated = -1};
    struct test_peer peer;
    struct test_peer other;
    leaselock_ticket *held;
    leaselock_ticket *waiting;
    leaselock_ticket *ticket = NULL;

    (void)state;
    open_as(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    open_as(etcd.endpoint, TEST_TTL_LONG_S, &other);
    held = test_acquire(&peer, "ann/lock");
    waiting = test_acquire_async(&other, "ann/lock", &call);
    test_await_place(waiting);
    assert_int_equal(leaselock_ping(peer.client, 0, 5000, &ping, &error), 0);
    assert_int_equal(ping.authenticated, 1);
    assert_int_equal(ping.tls, 0);
    assert_string_equal(ping.version,
                        test_auth_hides_status(version) ? "" : version);
    assert_string_equal(ping.endpoint, etcd.endpoint);
    assert_true(ping.cluster_id != 0 && ping.member_id != 0);
    assert_true(ping.revision > 1 && ping.round_trip_us > 0);
    assert_int_equal(
        leaselock_queue(peer.client, "ann/lock", NULL, &queue, &error), 0);
    leaselock_queue_free(queue);
    assert_int_equal(
        leaselock_queue(peer.client, "bob/lock", NULL, &queue, &error),
        LEASELOCK_E_REFUSED);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    test_release(waiting);
    assert_int_equal(leaselock_acquire(peer.session, "bob/lock", NULL, 5000,
                                       &ticket, &error),
                     LEASELOCK_E_REFUSED);
    assert_non_null(strstr(error.message, "permission denied"));
    held = test_acquire(&peer, "ann/lock");
    test_release(held);
    test_peer_close(&other);
    test_peer_close(&peer);
}

/** Goal: an unknown user is refused, at once and with a sentence. */
static void test_refused(void **state)
{
    static const struct {
        const char *user;
        const char *password;
        const char *says;
    } cases[] = {
        {"ann", WRONG, "invalid user ID or password"},
        {"nobody", PASSWORD, "invalid user ID or password"},
        {"ann:" WRONG, NULL, "invalid user ID or password"},
    };
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leaselock_client_options options =
            as(cases[i].user, cases[i].password);
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        struct leaselock_ping ping;
        leaselock_client *client = NULL;
        leaselock_session *session = NULL;
        int64_t began_ns = test_now_ns();

        assert_int_equal(
            leaselock_client_open(etcd.endpoint, &options, &client, NULL), 0);
        assert_int_equal(leaselock_session_open(client, NULL, &session, &error),
                         LEASELOCK_E_REFUSED);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_no_secret(error.message);
        assert_int_equal(leaselock_ping(client, 0, 5000, &ping, &error),
                         LEASELOCK_E_REFUSED);
        assert_int_equal(leaselock_client_close(client, NULL), 0);
        assert_true(test_now_ns() - began_ns < 4000 * TEST_NS_PER_MS);
    }
}

/** Goal: a client without a user gets a sentence that etcd requires one, and a
 * ping reports etcd as up. Method: a session and an acquire; before 3.5.28 and
 * 3.6.9 etcd grants leases to all clients, since then only to users. */
static void test_no_user(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    bool watches_own = test_auth_guards_leases(version);
    struct leaselock_ping ping = {.authenticated = -1};
    leaselock_session *session = NULL;
    leaselock_client *client = NULL;
    leaselock_ticket *ticket = NULL;

    (void)state;
    assert_int_equal(leaselock_client_open(etcd.endpoint, NULL, &client, NULL),
                     0);
    assert_int_equal(leaselock_session_open(client, NULL, &session, &error),
                     watches_own ? LEASELOCK_E_REFUSED : 0);
    if (!watches_own) {
        assert_int_equal(
            leaselock_acquire(session, "ann/lock", NULL, 5000, &ticket, &error),
            LEASELOCK_E_REFUSED);
    }
    assert_non_null(strstr(error.message, "give user and password"));
    assert_int_equal(leaselock_ping(client, 0, 5000, &ping, &error), 0);
    assert_int_equal(ping.authenticated, 0);
    assert_true(ping.round_trip_us > 0);
    if (test_auth_hides_status(version)) {
        assert_string_equal(ping.version, "");
        assert_true(ping.cluster_id == 0 && ping.revision == 0);
    } else {
        assert_string_equal(ping.version, version);
        assert_true(ping.cluster_id != 0);
    }
    assert_int_equal(leaselock_client_close(client, NULL), 0);
}

/** Goal: each way to give a password works, and an invalid one is reported when
 * the client is opened. */
static void test_ways(void **state)
{
    char path[] = "/tmp/leaselock-password-XXXXXX";
    int fd = mkstemp(path);
    struct leaselock_client_options good[3] = {
        as("ann", PASSWORD), as("ann:" PASSWORD, NULL), as("ann", NULL)};
    struct leaselock_client_options bad[4] = {as("ann", NULL), as(":x", NULL),
                                              as("ann", NULL), as("ann", NULL)};
    static const char *const says[4] = {"without a password", "is not NAME",
                                        "cannot be opened",
                                        "not a regular file"};
    size_t i = 0;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, PASSWORD "\nmore\n", strlen(PASSWORD) + 6),
                     strlen(PASSWORD) + 6);
    (void)close(fd);
    good[2].password_file = path;
    bad[2].password_file = "/nowhere/password";
    bad[3].password_file = "/dev/null";
    for (i = 0; i < 3; i++) {
        struct test_peer peer;

        test_peer_open_with(etcd.endpoint, &good[i], NULL, &peer);
        test_release(test_acquire(&peer, "ann/lock"));
        test_peer_close(&peer);
    }
    for (i = 0; i < 4; i++) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        leaselock_client *client = NULL;

        assert_int_equal(
            leaselock_client_open(etcd.endpoint, &bad[i], &client, &error),
            LEASELOCK_E_ARGUMENT);
        if (strstr(error.message, says[i]) == NULL) {
            fail_msg("expected \"%s\": %s", says[i], error.message);
        }
    }
    (void)unlink(path);
}

/** Goal: many calls that need a token at once send one request for it. */
static void test_one_authenticate(void **state)
{
    enum { TICKETS = 100 };
    static struct test_call calls[TICKETS];
    leaselock_ticket *tickets[TICKETS];
    struct leaselock_client_options options = as("ann", PASSWORD);
    int64_t before = test_etcd_requests(&etcd, "Authenticate");
    struct test_peer peer;
    char name[32];
    size_t i = 0;

    (void)state;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    for (i = 0; i < TICKETS; i++) {
        calls[i] = (struct test_call)TEST_CALL_INIT;
        (void)snprintf(name, sizeof(name), "ann/%zu", i);
        tickets[i] = test_acquire_async(&peer, name, &calls[i]);
    }
    for (i = 0; i < TICKETS; i++) {
        assert_int_equal(test_call_await(&calls[i]), 0);
        test_release(tickets[i]);
    }
    test_peer_close(&peer);
    assert_int_equal(test_etcd_requests(&etcd, "Authenticate"), before + 1);
}

/**
 * Goal: failure 23: a holder and a waiter survive several expiries of their
 * tokens, while holding and while waiting, and the lock is then handed over to
 * a waiter that sent no request meanwhile. */
static void outlive_tokens(const char *const *args)
{
    struct test_etcd own;
    struct test_call call = TEST_CALL_INIT;
    struct test_call next_call = TEST_CALL_INIT;
    struct test_peer holder;
    struct test_peer waiter;
    leaselock_ticket *held;
    leaselock_ticket *waiting;
    leaselock_ticket *next;
    int64_t until_ns;

    start(&own, args);
    open_as(own.endpoint, 3, &holder);
    open_as(own.endpoint, 3, &waiter);
    held = test_acquire(&holder, "ann/lock");
    waiting = test_acquire_async(&waiter, "ann/lock", &call);
    test_await_place(waiting);
    until_ns = test_deadline_ns(STRETCH_MS);
    while (test_now_ns() < until_ns) {
        assert_int_equal(leaselock_session_state(holder.session),
                         LEASELOCK_SESSION_ACTIVE);
        assert_int_equal(leaselock_session_state(waiter.session),
                         LEASELOCK_SESSION_ACTIVE);
        assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_HELD);
        assert_int_equal(test_call_count(&call), 0);
        test_pause_step();
    }
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_ticket_state(waiting), LEASELOCK_TICKET_HELD);
    /* A watch that is created with a token that expired long ago. */
    next = test_acquire_async(&holder, "ann/lock", &next_call);
    test_await_place(next);
    test_release(waiting);
    assert_int_equal(test_call_await(&next_call), 0);
    test_release(next);
    test_peer_close(&waiter);
    test_peer_close(&holder);
    test_etcd_stop(&own);
}

static void test_simple_token_ends(void **state)
{
    static const char *const args[] = {"--auth-token=simple",
                                       "--auth-token-ttl=2", NULL};

    (void)state;
    outlive_tokens(args);
}

static void test_jwt_ends(void **state)
{
    struct test_certs certs;
    char private_key[TEST_CERTS_PATH_SIZE];
    char public_key[TEST_CERTS_PATH_SIZE];
    char arg[3 * TEST_CERTS_PATH_SIZE];
    const char *args[] = {arg, NULL};

    (void)state;
    test_certs_open(&certs);
    test_openssl("genrsa", "-out",
                 test_certs_path(&certs, "jwt.key", private_key), "2048", NULL);
    test_openssl("rsa", "-in", private_key, "-pubout", "-out",
                 test_certs_path(&certs, "jwt.pub", public_key), NULL);
    (void)snprintf(arg, sizeof(arg),
                   "--auth-token=jwt,pub-key=%s,priv-key=%s,"
                   "sign-method=RS256,ttl=3s",
                   public_key, private_key);
    outlive_tokens(args);
    test_certs_close(&certs);
}

/**
 * Goal: failure 24: etcd's refusal of a watch has no id, and is not applied to
 * the live watch beside it. Method: two tickets of one session wait; the
 * permission for one name is revoked and the connection cut, so that both
 * watches are created again. Older releases answer "permission denied" for an
 * expired token, too: so the first refusal, with an old token, fetches a new
 * one, and the second refusal is final. */
static void test_forbidden_watch(void **state)
{
    struct test_proxy *proxy = NULL;
    struct test_call good_call = TEST_CALL_INIT;
    struct test_call bad_call = TEST_CALL_INIT;
    struct test_peer holder;
    struct test_peer waiter;
    leaselock_ticket *held[2];
    leaselock_ticket *good;
    leaselock_ticket *bad;
    int64_t fresh_until_ns;
    int64_t fetched;

    (void)state;
    test_auth_permit(&etcd, true, "ann", "readwrite", "brief/");
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    open_as(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    open_as(test_proxy_endpoint(proxy), TEST_TTL_LONG_S, &waiter);
    fresh_until_ns = test_deadline_ns(1100);
    held[0] = test_acquire(&holder, "ann/lock");
    held[1] = test_acquire(&holder, "brief/lock");
    good = test_acquire_async(&waiter, "ann/lock", &good_call);
    bad = test_acquire_async(&waiter, "brief/lock", &bad_call);
    test_await_place(good);
    test_await_place(bad);
    test_await_settled(&etcd);
    while (test_now_ns() < fresh_until_ns) {
        test_pause_step();
    }
    test_auth_permit(&etcd, true, "ann", NULL, "brief/");
    fetched = test_etcd_requests(&etcd, "Authenticate");
    test_proxy_cut(proxy);
    assert_int_equal(test_call_await(&bad_call), LEASELOCK_E_REFUSED);
    assert_int_equal(test_etcd_requests(&etcd, "Authenticate"), fetched + 1);
    assert_int_equal(test_call_count(&good_call), 0);
    test_release(held[0]);
    assert_int_equal(test_call_await(&good_call), 0);
    assert_int_equal(leaselock_ticket_state(good), LEASELOCK_TICKET_HELD);
    test_release(good);
    test_auth_permit(&etcd, true, "ann", "readwrite", "brief/");
    test_release(held[1]);
    test_peer_close(&waiter);
    test_peer_close(&holder);
    test_proxy_close(proxy);
}

/** Goal: no lock is lost when users and roles change, or when etcd restarts,
 * which loses its simple tokens. */
static void test_changes(void **state)
{
    struct test_etcd own;
    struct test_peer peer;
    leaselock_ticket *held;

    (void)state;
    start(&own, NULL);
    open_as(own.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "ann/lock");
    test_auth_permit(&own, true, "ann", "readwrite", "more/");
    test_release(held);
    held = test_acquire(&peer, "more/lock");
    assert_int_equal(test_etcd_restart(&own), 0);
    test_release(held);
    held = test_acquire(&peer, "ann/lock");
    assert_int_equal(leaselock_session_state(peer.session),
                     LEASELOCK_SESSION_ACTIVE);
    test_release(held);
    test_peer_close(&peer);
    test_etcd_stop(&own);
}

/** Goal: a client with a user works with an etcd without authentication, and
 * continues when that is enabled, and disabled again. */
static void test_turned_on(void **state)
{
    struct leaselock_ping ping = {.authenticated = -1};
    struct test_etcd own;
    struct test_peer peer;
    leaselock_ticket *held;

    (void)state;
    assert_int_equal(test_etcd_start(&own), 0);
    test_auth_user(&own, false, "ann", PASSWORD, "ann/");
    open_as(own.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "ann/lock");
    assert_int_equal(leaselock_ping(peer.client, 0, 5000, &ping, NULL), 0);
    assert_int_equal(ping.authenticated, 0);
    test_auth_enable(&own);
    test_release(held);
    held = test_acquire(&peer, "ann/lock");
    assert_int_equal(leaselock_ping(peer.client, 0, 5000, &ping, NULL), 0);
    assert_int_equal(ping.authenticated, 1);
    test_auth_disable(&own);
    test_release(held);
    test_release(test_acquire(&peer, "ann/lock"));
    test_peer_close(&peer);
    test_etcd_stop(&own);
}

/** Goal: no lock is lost when a password changes in etcd and in its file. */
static void test_password_changes(void **state)
{
    char path[] = "/tmp/leaselock-password-XXXXXX";
    int fd = mkstemp(path);
    struct leaselock_client_options options = as("eve", NULL);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    leaselock_ticket *held;

    (void)state;
    assert_true(fd >= 0);
    test_auth_user(&etcd, true, "eve", PASSWORD, "eve/");
    assert_int_equal(pwrite(fd, PASSWORD, strlen(PASSWORD), 0),
                     strlen(PASSWORD));
    options.password_file = path;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    held = test_acquire(&peer, "eve/lock");
    test_auth_password(&etcd, "eve", WRONG);
    /* The file changes later: the old password is refused, as expected. */
    assert_int_equal(leaselock_acquire(peer.session, "eve/other", NULL, 5000,
                                       &ticket, &error),
                     LEASELOCK_E_REFUSED);
    assert_non_null(strstr(error.message, "invalid user ID or password"));
    assert_int_equal(ftruncate(fd, 0), 0);
    /* While the file is empty, its content is awaited. */
    assert_int_equal(leaselock_acquire(peer.session, "eve/other", NULL, 300,
                                       &ticket, &error),
                     LEASELOCK_E_TIMEOUT);
    assert_int_equal(pwrite(fd, WRONG, strlen(WRONG), 0), strlen(WRONG));
    test_release(held);
    test_release(test_acquire(&peer, "eve/lock"));
    test_peer_close(&peer);
    (void)close(fd);
    (void)unlink(path);
}

/** Goal: if etcd does not answer Authenticate, calls end at their timeout, and
 * a close ends waiting calls, each once. Method: a black hole before the first
 * token. */
static void test_black_hole(void **state)
{
    struct leaselock_client_options options = as("ann", PASSWORD);
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_proxy *proxy = NULL;
    leaselock_session *opening = NULL;
    leaselock_client *client = NULL;
    int64_t began_ns = 0;

    (void)state;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_proxy_black_hole(proxy);
    session.open_timeout_ms = 700;
    assert_int_equal(leaselock_client_open(test_proxy_endpoint(proxy), &options,
                                           &client, NULL),
                     0);
    began_ns = test_now_ns();
    assert_int_equal(leaselock_session_open(client, &session, &opening, &error),
                     LEASELOCK_E_UNAVAILABLE);
    assert_true(test_now_ns() - began_ns < 3000 * TEST_NS_PER_MS);
    session.open_timeout_ms = 60000;
    assert_int_equal(leaselock_session_open_async(client, &session,
                                                  test_call_done, &call,
                                                  &opening, NULL),
                     0);
    began_ns = test_now_ns();
    (void)leaselock_client_close(client, NULL);
    assert_true(test_now_ns() - began_ns < 5000 * TEST_NS_PER_MS);
    assert_int_equal(test_call_count(&call), 1);
    test_proxy_close(proxy);
}

static int set_up(void **state)
{
    (void)state;
    start(&etcd, NULL);
    return test_etcd_version(&etcd, version);
}

static int tear_down(void **state)
{
    (void)state;
    test_etcd_stop(&etcd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_user),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_one_authenticate),
        cmocka_unit_test(test_simple_token_ends),
        cmocka_unit_test(test_jwt_ends),
        cmocka_unit_test(test_forbidden_watch),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_turned_on),
        cmocka_unit_test(test_password_changes),
        cmocka_unit_test(test_black_hole),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
