/* SPDX-License-Identifier: Apache-2.0 */
/* One ticket over several names, against a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Of the client behind the faulty network. */
#define REQUEST_TIMEOUT_MS 500
#define NAMES(...) ((const char *const[]){__VA_ARGS__})

static leaselock_ticket *acquire_all_async(struct test_peer *peer,
                                           const char *const *names,
                                           size_t names_n,
                                           int timeout_ms,
                                           struct test_call *call)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire_all_async(peer->session, names, names_n, &options,
                                    timeout_ms, test_call_done, call, &ticket,
                                    &error) != 0) {
        fail_msg("%s", error.message);
    }
    return ticket;
}

static leaselock_ticket *
acquire_all(struct test_peer *peer, const char *const *names, size_t names_n)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire_all(peer->session, names, names_n, NULL, TEST_WAIT_MS,
                              &ticket, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return ticket;
}

/** Whether a lock is free, by a try of another session. */
static bool is_free(struct test_peer *peer, const char *name)
{
    leaselock_ticket *ticket = NULL;
    int status = leaselock_acquire(peer->session, name, NULL, 0, &ticket, NULL);

    if (status == 0) {
        test_release(ticket);
    } else {
        assert_int_equal(status, LEASELOCK_E_TIMEOUT);
    }
    return status == 0;
}

/** Deletes the key of one of a ticket's names as a third party. */
static void delete_key_at(leaselock_ticket *ticket, size_t at)
{
    char key[LEASELOCK_KEY_MAX + 1];
    char output[16];

    assert_true(leaselock_ticket_key_at(ticket, at, key, sizeof(key)) > 0);
    assert_int_equal(
        test_etcdctl(&etcd, output, sizeof(output), "del", key, NULL), 0);
    assert_string_equal(output, "1\n");
}

/** Goal: a try acquires every lock or none, and a failed one writes nothing.
 * Method: one of three is held; etcd's revision does not change. */
static void test_try_takes_all_or_nothing(void **state)
{
    const char *const *names = NAMES("try/a", "try/b", "try/c");
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *held;
    struct test_peer one;
    struct test_peer other;
    int64_t revision;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &one);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    held = test_acquire(&other, "try/b");
    revision = test_etcd_revision(&etcd);
    assert_int_equal(
        leaselock_acquire_all(one.session, names, 3, NULL, 0, &ticket, NULL),
        LEASELOCK_E_TIMEOUT);
    assert_int_equal(test_etcd_revision(&etcd), revision);
    test_release(held);
    assert_int_equal(
        leaselock_acquire_all(one.session, names, 3, NULL, 0, &ticket, NULL),
        0);
    assert_false(is_free(&other, "try/a"));
    assert_false(is_free(&other, "try/b"));
    assert_false(is_free(&other, "try/c"));
    test_release(ticket);
    test_await_keys(&etcd, "try/", 0);
    test_peer_close(&one);
    test_peer_close(&other);
}

/** Goal: a ticket's getters for its names agree with etcd's queues. Method:
 * acquire three and compare. */
static void test_what_a_ticket_report(void **state)
{
    const char *const *names = NAMES("tell/c", "tell/a", "tell/b");
    struct leaselock_queue_info *queue = NULL;
    char text[LEASELOCK_KEY_MAX + 1];
    leaselock_ticket *ticket;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = acquire_all(&peer, names, 3);
    assert_int_equal(leaselock_ticket_names_n(ticket), 3);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(leaselock_ticket_position(ticket), 0);
    assert_true(leaselock_ticket_remaining_ms(ticket) > 0);
    assert_int_equal(leaselock_ticket_name(ticket, text, sizeof(text)), 6);
    assert_string_equal(text, "tell/c");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(
            leaselock_ticket_name_at(ticket, i, text, sizeof(text)), 6);
        assert_string_equal(text, names[i]);
        assert_true(leaselock_ticket_key_at(ticket, i, text, sizeof(text)) > 0);
        assert_int_equal(
            leaselock_queue(peer.client, names[i], NULL, &queue, NULL), 0);
        assert_int_equal(queue->entries_n, 1);
        assert_string_equal(queue->entries[0].key, text);
        assert_int_equal(queue->entries[0].token,
                         leaselock_ticket_token(ticket));
        leaselock_queue_free(queue);
    }
    assert_int_equal(leaselock_ticket_name_at(ticket, 3, text, sizeof(text)),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_ticket_key_at(ticket, SIZE_MAX, text, sizeof(text)),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_ticket_name_at(ticket, 0, text, 6),
                     LEASELOCK_E_ARGUMENT);
    test_release(ticket);
    assert_int_equal(leaselock_ticket_names_n(ticket), LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
}

/** Goal: a ticket waits for all its locks, keeps those that it has while it
 *  waits, and is first in queues that it joined first. Method: two of three are
 *  held by others, who release one after the other. */
static void test_waits_for_all(void **state)
{
    const char *const *names = NAMES("wait/a", "wait/b", "wait/c");
    struct test_call call = TEST_CALL_INIT;
    struct test_call behind_call = TEST_CALL_INIT;
    leaselock_ticket *holds_a;
    leaselock_ticket *holds_c;
    leaselock_ticket *behind;
    leaselock_ticket *ticket;
    struct test_peer one;
    struct test_peer other;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &one);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    holds_a = test_acquire(&other, "wait/a");
    holds_c = test_acquire(&other, "wait/c");
    ticket = acquire_all_async(&one, names, 3, LEASELOCK_FOREVER, &call);
    test_await_place(ticket);
    assert_int_equal(leaselock_ticket_position(ticket), 1);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_WAITING);
    assert_false(is_free(&other, "wait/b"));
    test_release(holds_a);
    behind = test_acquire_async(&other, "wait/a", &behind_call);
    test_await_place(behind);
    assert_int_equal(test_call_count(&call), 0);
    test_release(holds_c);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(test_call_count(&behind_call), 0);
    test_release(ticket);
    assert_int_equal(test_call_await(&behind_call), 0);
    test_release(behind);
    test_await_keys(&etcd, "wait/", 0);
    test_peer_close(&one);
    test_peer_close(&other);
}

/** Goal: tickets that share names get them in the order of their requests,
 * whatever the order of the names. Method: three behind a holder; a ticket that
 * shares no name with those ahead does not wait. */
static void test_order(void **state)
{
    struct test_call calls[3] = {TEST_CALL_INIT, TEST_CALL_INIT,
                                 TEST_CALL_INIT};
    leaselock_ticket *tickets[3];
    leaselock_ticket *apart;
    leaselock_ticket *holder;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    holder = acquire_all(&peer, NAMES("o/a", "o/b", "o/c"), 3);
    tickets[0] = acquire_all_async(&peer, NAMES("o/a", "o/b"), 2,
                                   LEASELOCK_FOREVER, &calls[0]);
    test_await_place(tickets[0]);
    tickets[1] = acquire_all_async(&peer, NAMES("o/b", "o/c"), 2,
                                   LEASELOCK_FOREVER, &calls[1]);
    test_await_place(tickets[1]);
    tickets[2] = acquire_all_async(&peer, NAMES("o/c", "o/a"), 2,
                                   LEASELOCK_FOREVER, &calls[2]);
    test_await_place(tickets[2]);
    apart = acquire_all(&peer, NAMES("o/d", "o/e"), 2);
    test_release(apart);
    test_release(holder);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(test_call_await(&calls[i]), 0);
        for (size_t j = i + 1; j < 3; j++) {
            assert_int_equal(test_call_count(&calls[j]), 0);
            assert_true(leaselock_ticket_token(tickets[i]) <
                        leaselock_ticket_token(tickets[j]));
        }
        test_release(tickets[i]);
    }
    test_await_keys(&etcd, "o/", 0);
    test_peer_close(&peer);
}

/** Goal: the key of one name, deleted by a third party while the ticket waits,
 *  ends the whole wait. Method: delete the key of a lock that it has already;
 *  its other keys are deleted. */
static void test_lost_key_while_waiting(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *holder;
    leaselock_ticket *ticket;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    holder = test_acquire(&peer, "lostw/a");
    ticket = acquire_all_async(&peer, NAMES("lostw/a", "lostw/b"), 2,
                               LEASELOCK_FOREVER, &call);
    test_await_place(ticket);
    delete_key_at(ticket, 0);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_LOST);
    assert_true(call.error.message[0] != '\0');
    test_await_keys(&etcd, "lostw/", 1);
    assert_int_equal(leaselock_ticket_state(holder), LEASELOCK_TICKET_HELD);
    test_release(holder);
    test_peer_close(&peer);
}

/** Goal: a held ticket that loses one of its locks is lost, which is reported
 * once, and keeps the other locks until it is released. Method: delete the
 * second key. */
static void test_lost_key_while_held(void **state)
{
    const char *const *names = NAMES("losth/a", "losth/b", "losth/c");
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call lost = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    struct test_peer other;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    options.on_lost = test_call_lost;
    options.on_lost_arg = &lost;
    assert_int_equal(leaselock_acquire_all(peer.session, names, 3, &options,
                                           TEST_WAIT_MS, &ticket, NULL),
                     0);
    delete_key_at(ticket, 1);
    assert_int_equal(test_call_await(&lost), LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_ticket_remaining_ms(ticket), 0);
    assert_false(is_free(&other, "losth/a"));
    assert_true(is_free(&other, "losth/b"));
    assert_false(is_free(&other, "losth/c"));
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    test_await_keys(&etcd, "losth/", 0);
    assert_int_equal(test_call_count(&lost), 1);
    test_peer_close(&peer);
    test_peer_close(&other);
}

/** Goal: a ticket whose lease is revoked loses all locks, waiting or held.
 * Method: revoke. */
static void test_lost_lease(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *held;
    struct test_peer holder;
    struct test_peer waiter;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &waiter);
    held = acquire_all(&holder, NAMES("lease/a", "lease/b"), 2);
    test_await_place(acquire_all_async(&waiter, NAMES("lease/b", "lease/c"), 2,
                                       LEASELOCK_FOREVER, &call));
    test_revoke(&etcd, waiter.session);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_HELD);
    test_revoke(&etcd, holder.session);
    assert_int_equal(leaselock_release(held, &error), LEASELOCK_E_LOST);
    test_await_keys(&etcd, "lease/", 0);
    (void)leaselock_client_close(holder.client, NULL);
    (void)leaselock_client_close(waiter.client, NULL);
}

/** Goal: a waiting ticket can end, by a timeout, by a release and by a close,
 * and leaves no key. Method: each, behind a holder. */
static void test_leaving(void **state)
{
    const char *const *names = NAMES("leave/a", "leave/b");
    struct test_call call = TEST_CALL_INIT;
    struct test_call closed = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *holder;
    struct test_peer peer;
    struct test_peer other;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    holder = test_acquire(&peer, "leave/b");
    assert_int_equal(leaselock_acquire_all(other.session, names, 2, NULL, 100,
                                           &ticket, NULL),
                     LEASELOCK_E_TIMEOUT);
    test_await_keys(&etcd, "leave/", 1);
    ticket = acquire_all_async(&other, names, 2, LEASELOCK_FOREVER, &call);
    test_await_place(ticket);
    test_release(ticket);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_CANCELED);
    test_await_keys(&etcd, "leave/", 1);
    ticket = acquire_all_async(&other, names, 2, LEASELOCK_FOREVER, &closed);
    test_await_place(ticket);
    test_peer_close(&other);
    assert_int_equal(test_call_await(&closed), LEASELOCK_E_CLOSED);
    test_await_keys(&etcd, "leave/", 1);
    test_release(holder);
    test_peer_close(&peer);
}

/** A peer behind a proxy. */
static struct test_proxy *open_far(struct test_peer *peer)
{
    struct leaselock_client_options client_options =
        LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct test_proxy *proxy = NULL;

    client_options.request_timeout_ms = REQUEST_TIMEOUT_MS;
    options.ttl_s = TEST_TTL_LONG_S;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_peer_open_with(test_proxy_endpoint(proxy), &client_options, &options,
                        peer);
    return proxy;
}

/** Failure 7: the answer is lost after the commit, and the same request finds
 *  all its keys. The proxy keeps the answer and cuts the connection. */
static void test_7_lost_answer(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_proxy *proxy;
    struct test_peer far;
    leaselock_ticket *ticket;
    int64_t revision;

    (void)state;
    proxy = open_far(&far);
    revision = test_etcd_revision(&etcd);
    test_proxy_hold_replies(proxy);
    ticket = acquire_all_async(&far, NAMES("answer/a", "answer/b", "answer/c"),
                               3, LEASELOCK_FOREVER, &call);
    test_await_revision(&etcd, revision);
    test_proxy_cut(proxy);
    test_proxy_pass(proxy);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_ticket_token(ticket), revision + 1);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(test_keys(&etcd, "answer/"), 3);
    test_release(ticket);
    test_await_keys(&etcd, "answer/", 0);
    test_peer_close(&far);
    test_proxy_close(proxy);
}

/** Failure 7: the answer is lost, and the caller times out: the keys are
 * deleted, and the locks are free for the next while the session is active. */
static void test_7_abandoned(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_proxy *proxy;
    struct test_peer far;
    struct test_peer near;
    int64_t revision;
    int status;

    (void)state;
    proxy = open_far(&far);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &near);
    revision = test_etcd_revision(&etcd);
    test_proxy_hold_replies(proxy);
    (void)acquire_all_async(&far, NAMES("gone/a", "gone/b", "gone/c"), 3, 300,
                            &call);
    test_await_revision(&etcd, revision);
    assert_int_equal(test_keys(&etcd, "gone/"), 3);
    status = test_call_await(&call);
    assert_true(status == LEASELOCK_E_TIMEOUT ||
                status == LEASELOCK_E_UNAVAILABLE);
    test_proxy_cut(proxy);
    test_proxy_pass(proxy);
    test_await_keys(&etcd, "gone/", 0);
    test_release(acquire_all(&near, NAMES("gone/a", "gone/b", "gone/c"), 3));
    assert_int_equal(leaselock_session_state(far.session),
                     LEASELOCK_SESSION_ACTIVE);
    test_peer_close(&far);
    test_peer_close(&near);
    test_proxy_close(proxy);
}

/** Goal: one name is an ordinary ticket, and the maximum number of names is one
 * ticket as well. Method: both. */
static void test_one_and_most(void **state)
{
    char texts[LEASELOCK_NAMES_MAX][32];
    const char *names[LEASELOCK_NAMES_MAX];
    char key[LEASELOCK_KEY_MAX + 1];
    char key_at[LEASELOCK_KEY_MAX + 1];
    leaselock_ticket *ticket;
    struct test_peer peer;

    (void)state;
    for (int i = 0; i < LEASELOCK_NAMES_MAX; i++) {
        snprintf(texts[i], sizeof(texts[i]), "most/%d", i);
        names[i] = texts[i];
    }
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = acquire_all(&peer, names, 1);
    assert_int_equal(leaselock_ticket_names_n(ticket), 1);
    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
    assert_true(leaselock_ticket_key_at(ticket, 0, key_at, sizeof(key_at)) > 0);
    assert_string_equal(key, key_at);
    assert_int_equal(leaselock_ticket_key_at(ticket, 1, key, sizeof(key)),
                     LEASELOCK_E_ARGUMENT);
    test_release(ticket);
    ticket = acquire_all(&peer, names, LEASELOCK_NAMES_MAX);
    assert_int_equal(test_keys(&etcd, "most/"), LEASELOCK_NAMES_MAX);
    test_release(ticket);
    test_await_keys(&etcd, "most/", 0);
    ticket = NULL;
    assert_int_equal(leaselock_acquire_all(peer.session, names,
                                           LEASELOCK_NAMES_MAX, NULL, 0,
                                           &ticket, NULL),
                     0);
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: invalid combinations of names are refused, with the wrong one in the
 * error. Method: each kind of mistake. */
static void test_mistakes(void **state)
{
    static const struct {
        const char *names[3];
        size_t names_n;
        int status;
        const char *said;
    } mistakes[] = {
        {{"a", "b", "a"},
         3,
         LEASELOCK_E_ARGUMENT,
         "names 1 and 3 are both \"a\""},
        {{"x/y", "b", "x"}, 3, LEASELOCK_E_NESTED, "name 3, \"x\""},
        {{"a", "/b", "c"}, 3, LEASELOCK_E_NAME, "name 2: "},
        {{"a", "", "c"}, 3, LEASELOCK_E_NAME, "name 2: "},
        {{"a", "b", NULL}, 3, LEASELOCK_E_NAME, "name 3: "},
        {{"a", NULL, NULL}, 0, LEASELOCK_E_ARGUMENT, "no name"},
    };
    const char *many[LEASELOCK_NAMES_MAX + 1] = {NULL};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        assert_int_equal(leaselock_acquire_all(peer.session, mistakes[i].names,
                                               mistakes[i].names_n, NULL, 0,
                                               &ticket, &error),
                         mistakes[i].status);
        assert_int_equal(error.code, mistakes[i].status);
        assert_non_null(strstr(error.message, mistakes[i].said));
        assert_int_equal(
            leaselock_acquire_all_async(peer.session, mistakes[i].names,
                                        mistakes[i].names_n, NULL, 0,
                                        test_call_done, &call, &ticket, &error),
            mistakes[i].status);
    }
    assert_int_equal(leaselock_acquire_all(peer.session, many,
                                           LEASELOCK_NAMES_MAX + 1, NULL, 0,
                                           &ticket, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, "61"));
    assert_int_equal(
        leaselock_acquire_all(peer.session, NULL, 2, NULL, 0, &ticket, &error),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_acquire_all(peer.session, NAMES("a", "b"), 2,
                                           NULL, 0, NULL, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_acquire_all(NULL, NAMES("a", "b"), 2, NULL, 0,
                                           &ticket, &error),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(test_call_count(&call), 0);
    assert_null(ticket);
    assert_int_equal(leaselock_ticket_names_n(NULL), LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
}

/** Goal: a fenced write under several names is refused, with the reason. */
static void test_no_fence(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = acquire_all(&peer, NAMES("fence/a", "fence/b"), 2);
    assert_int_equal(leaselock_fenced_put(ticket, "x", 1, "y", 1, 1000, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, "several names"));
    test_release(ticket);
    assert_int_equal(test_keys(&etcd, "x"), 0);
    test_peer_close(&peer);
}

/** Failure 13: a lock that is nested below one of the names is reported, by a
 * wait and by a try. */
static void test_13_nested(void **state)
{
    static const int timeouts_ms[] = {0, TEST_WAIT_MS};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *inner;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    inner = test_acquire(&peer, "nest/b/inner");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            leaselock_acquire_all(peer.session, NAMES("nest/a", "nest/b"), 2,
                                  NULL, timeouts_ms[i], &ticket, &error),
            LEASELOCK_E_NESTED);
        assert_int_equal(error.code, LEASELOCK_E_NESTED);
    }
    test_await_keys(&etcd, "nest/", 1);
    test_release(inner);
    test_release(acquire_all(&peer, NAMES("nest/a", "nest/b"), 2));
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_try_takes_all_or_nothing),
        cmocka_unit_test(test_what_a_ticket_report),
        cmocka_unit_test(test_waits_for_all),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_lost_key_while_waiting),
        cmocka_unit_test(test_lost_key_while_held),
        cmocka_unit_test(test_lost_lease),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_7_lost_answer),
        cmocka_unit_test(test_7_abandoned),
        cmocka_unit_test(test_one_and_most),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_no_fence),
        cmocka_unit_test(test_13_nested),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
