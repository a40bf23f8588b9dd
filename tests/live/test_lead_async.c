/* SPDX-License-Identifier: Apache-2.0 */
/* leaselock_lead_async: permanent leadership in a program with an event
 * loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define TTL_S 2

/** The reports of a leadership. All callbacks are on the test's own thread, in
 * a dispatch or in the client's close. */
struct program {
    struct test_peer peer;
    leaselock_leadership *leadership;
    leaselock_ticket *ticket;
    int64_t token;
    int terms;
    int suspects;
    int losses;
    int changes[4];
    int verdict; /* of on_change, for LEADING */
    int ends;
    int status;
};

static void
on_term(leaselock_leadership *leadership, leaselock_ticket *ticket, void *arg)
{
    struct program *program = arg;

    assert_ptr_equal(leadership, program->leadership);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_true(leaselock_ticket_token(ticket) > program->token);
    program->ticket = ticket;
    program->token = leaselock_ticket_token(ticket);
    program->terms++;
}

static void on_stop(leaselock_ticket *ticket,
                    enum leaselock_lead_state state,
                    const char *why,
                    void *arg)
{
    struct program *program = arg;

    assert_ptr_equal(ticket, program->ticket);
    assert_true(why[0] != '\0');
    program->losses += state == LEASELOCK_LEAD_LOST;
    program->suspects += state == LEASELOCK_LEAD_SUSPECT;
}

static int on_change(enum leaselock_lead_change change,
                     const struct leaselock_error *error,
                     void *arg)
{
    struct program *program = arg;

    assert_int_equal(error != NULL, change >= LEASELOCK_CHANGE_LOST);
    program->changes[change]++;
    return change == LEASELOCK_CHANGE_LEADING ? program->verdict : 0;
}

static void on_end(int status, const struct leaselock_error *error, void *arg)
{
    struct program *program = arg;

    assert_int_equal(error != NULL, status < 0);
    program->ends++;
    program->status = status;
    assert_int_equal(leaselock_lead_term_end(program->leadership),
                     LEASELOCK_E_STATE);
}

/** Opens a client in dispatch mode, and leads. */
static void program_begin(struct program *program, const char *name)
{
    struct leaselock_client_options client = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options again = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_lead_options options = LEASELOCK_LEAD_OPTIONS_INIT;
    char label[] = "copied";

    client.dispatch = 1;
    again.ttl_s = TTL_S;
    again.open_timeout_ms = 1000;
    again.label = label;
    test_peer_open_with(etcd.endpoint, &client, &again, &program->peer);
    options.again = &again;
    options.on_stop = on_stop;
    options.on_stop_arg = program;
    options.on_change = on_change;
    options.on_change_arg = program;
    assert_int_equal(leaselock_lead_async(program->peer.session, name, "me", 2,
                                          &options, on_term, on_end, program,
                                          &program->leadership, NULL),
                     0);
    label[0] = '\n'; /* no label can have it */
    assert_int_equal(program->changes[LEASELOCK_CHANGE_CAMPAIGNING], 0);
}

/** The program's event loop: runs until a count has a value. */
static void loop_until(struct program *program, const int *count, int value)
{
    struct pollfd want = {.fd = leaselock_client_fd(program->peer.client),
                          .events = POLLIN};
    int64_t deadline_ns = test_deadline_ns(TEST_WAIT_MS);

    while (*count < value) {
        assert_true(test_now_ns() < deadline_ns);
        assert_int_equal(poll(&want, 1, test_left_ms(deadline_ns)), 1);
        assert_true(leaselock_client_dispatch(program->peer.client) >= 0);
    }
}

/** Checks for a while that no callback is called. */
static void loop_for(struct program *program, int timeout_ms)
{
    struct pollfd want = {.fd = leaselock_client_fd(program->peer.client),
                          .events = POLLIN};
    int64_t deadline_ns = test_deadline_ns(timeout_ms);

    while (test_now_ns() < deadline_ns) {
        if (poll(&want, 1, test_left_ms(deadline_ns)) == 1) {
            (void)leaselock_client_dispatch(program->peer.client);
        }
    }
}

/** It has ended, once, and no key is left. */
static void program_end(struct program *program, const char *prefix, int status)
{
    assert_int_equal(program->ends, 1);
    assert_int_equal(program->status, status);
    assert_int_equal(leaselock_lead_stop(program->leadership),
                     LEASELOCK_E_HANDLE);
    if (prefix != NULL) {
        assert_int_equal(test_keys(&etcd, prefix), 0);
    }
}

/**
 * Goal: a lost term is followed by another one, with a greater token, once the
 * program has ended the first, and not before; a stop as leader deletes the
 * key. Method: the lease is revoked, and the loop runs for longer than the
 * first pause. */
static void test_terms(void **state)
{
    struct program program = {0};

    (void)state;
    program_begin(&program, "lead/terms");
    loop_until(&program, &program.terms, 1);
    assert_int_equal(leaselock_lead_wait(program.ticket, 0),
                     LEASELOCK_LEAD_LEADING);
    test_revoke(&etcd, program.peer.session);
    loop_until(&program, &program.losses, 1);
    loop_for(&program, 300);
    assert_int_equal(program.changes[LEASELOCK_CHANGE_LOST], 0);
    assert_int_equal(program.changes[LEASELOCK_CHANGE_CAMPAIGNING], 1);
    assert_int_equal(leaselock_lead_term_end(program.leadership), 0);
    assert_int_equal(leaselock_lead_term_end(program.leadership),
                     LEASELOCK_E_STATE);
    loop_until(&program, &program.terms, 2);
    assert_int_equal(program.changes[LEASELOCK_CHANGE_LOST], 1);
    assert_int_equal(program.changes[LEASELOCK_CHANGE_CAMPAIGNING], 2);
    assert_int_equal(program.changes[LEASELOCK_CHANGE_LEADING], 2);
    assert_int_equal(test_leases(&etcd), 1);
    assert_int_equal(leaselock_lead_stop(program.leadership), 0);
    assert_int_equal(leaselock_lead_stop(program.leadership), 0);
    loop_until(&program, &program.ends, 1);
    program_end(&program, "lead/terms/", 0);
    assert_int_equal(test_leases(&etcd), 0); /* its own was closed */
    assert_int_equal(program.losses, 1);
    test_peer_close(&program.peer);
}

/** Goal: ending a term that is not lost resigns and ends the leadership. */
static void test_resigns(void **state)
{
    struct program program = {0};

    (void)state;
    program_begin(&program, "lead/resigns");
    assert_int_equal(leaselock_lead_term_end(program.leadership),
                     LEASELOCK_E_STATE);
    loop_until(&program, &program.terms, 1);
    assert_int_equal(leaselock_lead_term_end(program.leadership), 0);
    loop_until(&program, &program.ends, 1);
    program_end(&program, "lead/resigns/", 0);
    test_peer_close(&program.peer);
}

/** Goal: a nonzero return of on_change ends it, before the term begins. */
static void test_verdict(void **state)
{
    struct program program = {.verdict = 7};

    (void)state;
    program_begin(&program, "lead/verdict");
    loop_until(&program, &program.ends, 1);
    assert_int_equal(program.terms, 0);
    program_end(&program, "lead/verdict/", 7);
    test_peer_close(&program.peer);
}

/** Goal: a candidate that is stopped leaves the queue; one that is stopped
 *  before its first step never joins it. Method: another client leads. */
static void test_stop_campaign(void **state)
{
    struct program program = {0};
    struct program never = {0};
    struct test_peer other;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    held = test_acquire(&other, "lead/waits");
    program_begin(&program, "lead/waits");
    loop_until(&program, &program.changes[LEASELOCK_CHANGE_CAMPAIGNING], 1);
    test_await_keys(&etcd, "lead/waits/", 2);
    assert_int_equal(leaselock_lead_stop(program.leadership), 0);
    loop_until(&program, &program.ends, 1);
    assert_int_equal(test_keys(&etcd, "lead/waits/"), 1);
    program_end(&program, NULL, 0);
    program_begin(&never, "lead/waits");
    assert_int_equal(leaselock_lead_stop(never.leadership), 0);
    loop_until(&never, &never.ends, 1);
    assert_int_equal(never.changes[LEASELOCK_CHANGE_CAMPAIGNING], 0);
    program_end(&never, NULL, 0);
    test_release(held);
    assert_int_equal(program.terms + never.terms, 0);
    test_peer_close(&program.peer);
    test_peer_close(&never.peer);
    test_peer_close(&other);
}

/** Loses the leadership when etcd is killed, and runs until the pause. */
static void lose_etcd(struct program *program, const char *name)
{
    program_begin(program, name);
    loop_until(program, &program->terms, 1);
    assert_int_equal(test_etcd_kill(&etcd), 0);
    loop_until(program, &program->losses, 1);
    assert_int_equal(leaselock_lead_term_end(program->leadership), 0);
    loop_until(program, &program->changes[LEASELOCK_CHANGE_UNREACHABLE], 1);
    assert_true(program->suspects > 0);
}

/** Goal: a stop ends the pause between two tries at once. Method: etcd is down;
 * the loop does not run between the pause's begin and the stop. */
static void test_stop_pause(void **state)
{
    struct program program = {0};

    (void)state;
    lose_etcd(&program, "lead/pause");
    assert_int_equal(leaselock_lead_stop(program.leadership), 0);
    loop_until(&program, &program.ends, 1);
    program_end(&program, NULL, 0);
    assert_int_equal(program.changes[LEASELOCK_CHANGE_CAMPAIGNING], 1);
    (void)leaselock_client_close(program.peer.client, NULL);
    assert_int_equal(test_etcd_restart(&etcd), 0);
}

/** Goal: after an outage it leads again, on its own. */
static void test_outage(void **state)
{
    struct program program = {0};

    (void)state;
    lose_etcd(&program, "lead/outage");
    assert_int_equal(test_etcd_restart(&etcd), 0);
    loop_until(&program, &program.terms, 2);
    assert_int_equal(program.changes[LEASELOCK_CHANGE_UNREACHABLE], 1);
    assert_int_equal(leaselock_lead_stop(program.leadership), 0);
    loop_until(&program, &program.ends, 1);
    program_end(&program, "lead/outage/", 0);
    (void)leaselock_client_close(program.peer.client, NULL);
}

/** Goal: closing the client ends it in any state, with CLOSED, before the close
 * returns. Method: as candidate, as leader, and in a pause. */
static void test_closed(void **state)
{
    struct program waits = {0};
    struct program leads = {0};
    struct program pauses = {0};

    (void)state;
    program_begin(&leads, "lead/closed");
    loop_until(&leads, &leads.terms, 1);
    program_begin(&waits, "lead/closed");
    loop_until(&waits, &waits.changes[LEASELOCK_CHANGE_CAMPAIGNING], 1);
    test_await_keys(&etcd, "lead/closed/", 2);
    assert_int_equal(leaselock_client_close(waits.peer.client, NULL), 0);
    program_end(&waits, NULL, LEASELOCK_E_CLOSED);
    assert_int_equal(leaselock_client_close(leads.peer.client, NULL), 0);
    program_end(&leads, "lead/closed/", LEASELOCK_E_CLOSED);
    lose_etcd(&pauses, "lead/closed");
    (void)leaselock_client_close(pauses.peer.client, NULL);
    program_end(&pauses, NULL, LEASELOCK_E_CLOSED);
    assert_int_equal(test_etcd_restart(&etcd), 0);
}

/** A program without a loop: callbacks are on the client's thread. */
struct threaded {
    struct test_call term;
    struct test_call end;
    leaselock_leadership *leadership;
};

static void threaded_term(leaselock_leadership *leadership,
                          leaselock_ticket *ticket,
                          void *arg)
{
    (void)leadership;
    (void)ticket;
    test_call_done(0, NULL, &((struct threaded *)arg)->term);
}

static void
threaded_end(int status, const struct leaselock_error *error, void *arg)
{
    test_call_done(status, error, &((struct threaded *)arg)->end);
}

/** Goal: without `again` there is one term, whose loss is the end; a stop is
 * possible on any thread; an invalid leadership is refused. */
static void test_once(void **state)
{
    struct leaselock_lead_options options = LEASELOCK_LEAD_OPTIONS_INIT;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (int loses = 0; loses < 2; loses++) {
        struct threaded once = {.term = TEST_CALL_INIT, .end = TEST_CALL_INIT};

        assert_int_equal(leaselock_lead_async(peer.session, "lead/once", NULL,
                                              0, NULL, threaded_term,
                                              threaded_end, &once,
                                              &once.leadership, NULL),
                         0);
        assert_int_equal(test_call_await(&once.term), 0);
        if (loses) {
            test_revoke(&etcd, peer.session);
            while (leaselock_session_state(peer.session) !=
                   LEASELOCK_SESSION_LOST) {
                test_pause_step();
            }
        }
        assert_int_equal(leaselock_lead_stop(once.leadership), 0);
        assert_int_equal(test_call_await(&once.end),
                         loses ? LEASELOCK_E_LOST : 0);
        assert_int_equal(test_keys(&etcd, "lead/once/"), 0);
    }
    options.timeout_ms = -2;
    assert_int_equal(leaselock_lead_async(peer.session, "lead/once", NULL, 0,
                                          &options, threaded_term, threaded_end,
                                          NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_lead_async(peer.session, "/", NULL, 0, NULL,
                                          threaded_term, threaded_end, NULL,
                                          NULL, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(leaselock_lead_stop(NULL), LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms),      cmocka_unit_test(test_resigns),
        cmocka_unit_test(test_verdict),    cmocka_unit_test(test_stop_campaign),
        cmocka_unit_test(test_stop_pause), cmocka_unit_test(test_outage),
        cmocka_unit_test(test_closed),     cmocka_unit_test(test_once),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
