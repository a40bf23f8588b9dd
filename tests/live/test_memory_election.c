/* SPDX-License-Identifier: Apache-2.0 */
/* Elections and fenced writes while memory is short; tests/live/test_memory.c
 * has the rest of the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "support/test_memory.h"
#include "support/wait.h"

#define NAME "memory/election"

/** Writes, on a ticket that was acquired before memory was short. The keys are
 * on the session's lease, so that none is left. */
static void fenced(struct test_memory_run *run)
{
    struct test_call *written = test_memory_call(run);
    struct leaselock_op op = {LEASELOCK_OP_PUT, "memory/a", 8, "x", 1, 0};
    struct leaselock_compare compare = {"memory/none",
                                        11,
                                        LEASELOCK_COMPARE_VERSION,
                                        LEASELOCK_COMPARE_EQUAL,
                                        0,
                                        NULL,
                                        0};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    leaselock_ticket *ticket;
    struct test_peer peer;

    test_memory_open(run, &peer);
    ticket = test_acquire(&peer, NAME);
    op.lease = leaselock_session_lease(peer.session);
    txn.ops = &op;
    txn.ops_n = 1;
    txn.compares = &compare;
    txn.compares_n = 1;
    test_memory_short(run);
    (void)test_memory_is(
        run, leaselock_fenced_txn(ticket, &txn, run->call_timeout_ms, NULL), 0);
    if (test_memory_begun(run, written,
                          leaselock_fenced_delete_async(
                              ticket, "memory/a", 8, run->call_timeout_ms,
                              test_call_done, written, NULL))) {
        (void)test_memory_ended(run, written, 0);
    }
    txn.ops_n = 0;
    txn.release = 1;
    test_memory_back(run);
    assert_int_equal(
        leaselock_fenced_delete(ticket, "memory/a", 8, TEST_WAIT_MS, NULL), 0);
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL), 0);
    test_memory_end(run, &peer);
}

static void elected(struct test_memory_run *run)
{
    struct test_call *asked = test_memory_call(run);
    struct leaselock_leader_info *leader = NULL;
    struct leaselock_leader_info *late = NULL;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    bool leads;

    test_memory_open(run, &peer);
    test_memory_short(run);
    leads =
        test_memory_is(run,
                       leaselock_campaign(peer.session, NAME, "me", 2, NULL,
                                          run->call_timeout_ms, &ticket, NULL),
                       0);
    if (leads) {
        (void)test_memory_is(
            run,
            leaselock_proclaim(ticket, "us", 2, run->call_timeout_ms, NULL), 0);
    }
    if (test_memory_is(run,
                       leaselock_leader(peer.client, NAME, run->call_timeout_ms,
                                        &leader, NULL),
                       leads ? 0 : LEASELOCK_E_NO_LEADER)) {
        leaselock_leader_free(leader);
    }
    if (test_memory_begun(
            run, asked,
            leaselock_leader_async(peer.client, NAME, run->call_timeout_ms,
                                   &late, test_call_done, asked, NULL))) {
        (void)test_memory_ended(run, asked, leads ? 0 : LEASELOCK_E_NO_LEADER);
    }
    leaselock_leader_free(late);
    if (leads) {
        (void)test_memory_is(run, leaselock_release(ticket, NULL), 0);
    }
    test_memory_end(run, &peer);
}

struct view {
    pthread_mutex_t mutex;
    int leaders;
    struct test_call ended;
};

static void on_leader(leaselock_observer *observer,
                      const struct leaselock_leader_info *leader,
                      void *arg)
{
    struct view *view = arg;

    (void)observer;
    (void)pthread_mutex_lock(&view->mutex);
    view->leaders += leader != NULL;
    (void)pthread_mutex_unlock(&view->mutex);
}

static void on_end(int status, const struct leaselock_error *error, void *arg)
{
    struct view *view = arg;

    test_call_done(status, error, &view->ended);
}

static bool has_led_or_ended(void *arg)
{
    struct view *view = arg;
    bool has_led;

    (void)pthread_mutex_lock(&view->mutex);
    has_led = view->leaders > 0;
    (void)pthread_mutex_unlock(&view->mutex);
    return has_led || test_call_count(&view->ended) > 0;
}

/** Either reports the leader or ends with NOMEM, always one of them. */
static void observed(struct test_memory_run *run)
{
    struct view view = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                        .ended = TEST_CALL_INIT};
    leaselock_observer *observer = NULL;
    leaselock_ticket *ticket;
    struct test_peer peer;
    bool observes;

    test_memory_open(run, &peer);
    ticket = test_acquire(&peer, NAME);
    test_memory_short(run);
    observes = test_memory_is(run,
                              leaselock_observe(peer.client, NAME, on_leader,
                                                on_end, &view, &observer, NULL),
                              0);
    if (observes && !run->lasting) {
        assert_true(test_until(TEST_WAIT_MS, has_led_or_ended, &view));
    }
    test_memory_back(run);
    if (observes) {
        assert_true(test_until(TEST_WAIT_MS, has_led_or_ended, &view));
        (void)leaselock_observer_close(observer);
        assert_true(test_call_count(&view.ended) <= 1);
        if (test_call_count(&view.ended) == 1) {
            assert_int_equal(test_call_status(&view.ended), LEASELOCK_E_NOMEM);
        }
    } else {
        assert_null(observer);
        assert_int_equal(test_call_count(&view.ended), 0);
    }
    test_release(ticket);
    test_memory_end(run, &peer);
}

static void
end_term(leaselock_leadership *leadership, leaselock_ticket *ticket, void *arg)
{
    (void)ticket;
    (void)arg;
    (void)leaselock_lead_term_end(leadership);
}

/** Leads for one term, which ends at once. */
static void led(struct test_memory_run *run)
{
    struct leaselock_session_options again = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_lead_options options = LEASELOCK_LEAD_OPTIONS_INIT;
    struct test_call *ended = test_memory_call(run);
    leaselock_leadership *leadership = NULL;
    struct test_peer peer;

    again.label = "led";
    options.timeout_ms = run->call_timeout_ms;
    options.again = &again;
    test_memory_open(run, &peer);
    test_memory_short(run);
    if (test_memory_begun(run, ended,
                          leaselock_lead_async(
                              peer.session, NAME, "me", 2, &options, end_term,
                              test_call_done, ended, &leadership, NULL))) {
        (void)test_memory_ended(run, ended, 0);
    }
    test_memory_end(run, &peer);
}

int main(void)
{
    static const struct test_memory_scenario scenarios[] = {
        {"fenced", fenced},
        {"elected", elected},
        {"observed", observed},
        {"led", led},
    };

    return test_memory_main("elections without memory", scenarios,
                            sizeof(scenarios) / sizeof(scenarios[0]));
}
