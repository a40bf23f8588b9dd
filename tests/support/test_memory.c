/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/wait.h"

/** More allocations than any scenario has: a sweep that gets here never
 * ends. */
#define SWEEP_MAX 2000
/** Runs of a sweep in which memory stays short: each waits for its timeout. */
#define LASTING_RUNS 4
/** A run that takes longer is taken to hang. */
#define HANG_S 60
#define CALL_TIMEOUT_MS 20000
#define LASTING_CALL_TIMEOUT_MS 100
#define LASTING_REQUEST_MS 150
#define LASTING_TTL_S 3

#define SCENARIOS_MAX 16

static struct test_etcd etcd;

/** Printed for the diagnosis of a run that hangs. */
static volatile unsigned long running_nth;
static volatile sig_atomic_t running_lasting;

static void on_alarm(int number)
{
    char text[96];
    int length = snprintf(text, sizeof(text),
                          "a run hangs: no memory from allocation %lu%s\n",
                          running_nth, running_lasting ? " on" : "");
    ssize_t written = write(STDERR_FILENO, text, (size_t)length);

    (void)number;
    (void)written;
    abort();
}

/** How often a text occurs in another. */
static int count_of(const char *text, const char *wanted)
{
    int n = 0;

    for (text = strstr(text, wanted); text != NULL;
         text = strstr(text + 1, wanted)) {
        n++;
    }
    return n;
}

static int leases_left(void)
{
    char *answer = test_etcd_gateway(&etcd, "/v3/lease/leases", "{}");
    int n;

    assert_non_null(answer);
    n = count_of(answer, "\"ID\":");
    free(answer);
    return n;
}

static int keys_left(void)
{
    /* The range from NUL to NUL, in base64, is all keys. */
    static const char everything[] =
        "{\"key\":\"AA==\",\"range_end\":\"AA==\",\"keys_only\":true}";
    char *answer = test_etcd_gateway(&etcd, "/v3/kv/range", everything);
    int n;

    assert_non_null(answer);
    n = count_of(answer, "\"key\":");
    free(answer);
    return n;
}

static bool is_free(void *arg)
{
    (void)arg;
    return keys_left() == 0;
}

static bool is_empty(void *arg)
{
    (void)arg;
    return keys_left() == 0 && leases_left() == 0;
}

void test_memory_revoke(leaselock_session *session)
{
    char request[64];
    char *answer;

    (void)snprintf(request, sizeof(request), "{\"ID\":\"%lld\"}",
                   (long long)leaselock_session_lease(session));
    answer = test_etcd_gateway(&etcd, "/v3/lease/revoke", request);
    assert_non_null(answer);
    free(answer);
}

void test_memory_short(struct test_memory_run *run)
{
    run->is_short = true;
    if (run->lasting) {
        ll_alloc_fail_at(run->nth);
    } else {
        ll_alloc_fail_once_at(run->nth);
    }
}

void test_memory_back(struct test_memory_run *run)
{
    if (!run->is_short) {
        return;
    }
    run->is_short = false;
    run->allocations = ll_alloc_count();
    run->hit = run->nth != 0 && run->allocations >= run->nth;
    ll_alloc_fail_at(0);
}

bool test_memory_is(struct test_memory_run *run, int status, int expected)
{
    bool excused = run->nth != 0 && status == LEASELOCK_E_NOMEM;

    /* If memory stays short, retries fail until the timeout. */
    if (run->lasting) {
        excused = excused || status == LEASELOCK_E_UNAVAILABLE ||
                  status == LEASELOCK_E_TIMEOUT ||
                  status == LEASELOCK_E_OUTCOME_UNKNOWN;
    }
    if (status != expected && !excused) {
        fail_msg("allocation %lu%s failed: %s instead of %s", run->nth,
                 run->lasting ? " and on" : "", leaselock_status_name(status),
                 leaselock_status_name(expected));
    }
    return status == expected;
}

struct test_call *test_memory_call(struct test_memory_run *run)
{
    assert_true(run->calls_n < TEST_MEMORY_CALLS_MAX);
    return &run->calls[run->calls_n++];
}

bool test_memory_begun(struct test_memory_run *run,
                       struct test_call *call,
                       int status)
{
    run->begun[call - run->calls] = status == 0;
    return test_memory_is(run, status, 0);
}

bool test_memory_ended(struct test_memory_run *run,
                       struct test_call *call,
                       int expected)
{
    return run->begun[call - run->calls] &&
           test_memory_is(run, test_call_await(call), expected);
}

bool test_memory_withdrawn(struct test_memory_run *run,
                           leaselock_ticket *ticket,
                           struct test_call *acquired,
                           struct test_call *released)
{
    bool has_failed = test_call_count(acquired) > 0 &&
                      test_call_status(acquired) != LEASELOCK_OK;
    int status =
        leaselock_release_async(ticket, test_call_done, released, NULL);

    if (has_failed || (run->nth != 0 && status == LEASELOCK_E_HANDLE)) {
        assert_int_equal(status, LEASELOCK_E_HANDLE);
        (void)test_memory_is(run, test_call_await(acquired), LEASELOCK_E_NOMEM);
        return false;
    }
    return test_memory_begun(run, released, status);
}

void test_memory_open(struct test_memory_run *run, struct test_peer *peer)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;

    options.ttl_s = run->ttl_s;
    test_peer_open_with(run->etcd->endpoint, &run->options, &options, peer);
}

void test_memory_close(struct test_memory_run *run, struct test_peer *peer)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    int status = leaselock_client_close(peer->client, &error);

    /* A revoke that has failed several times is retried after a long pause. */
    if (status != 0 &&
        !(run->lasting && status == LEASELOCK_E_OUTCOME_UNKNOWN)) {
        fail_msg("allocation %lu%s failed: %s", run->nth,
                 run->lasting ? " and on" : "", error.message);
    }
}

void test_memory_end(struct test_memory_run *run, struct test_peer *peer)
{
    test_memory_back(run);
    if (!test_until(TEST_WAIT_MS, is_free, NULL)) {
        fail_msg("allocation %lu%s failed: the lock is never free again",
                 run->nth, run->lasting ? " and on" : "");
    }
    (void)test_memory_is(
        run, leaselock_release(test_acquire(peer, "memory/after"), NULL), 0);
    test_memory_close(run, peer);
}

static void
run_init(struct test_memory_run *run, unsigned long nth, bool lasting)
{
    static const struct leaselock_client_options options =
        LEASELOCK_CLIENT_OPTIONS_INIT;

    *run = (struct test_memory_run){
        .etcd = &etcd, .nth = nth, .lasting = lasting, .options = options};
    run->call_timeout_ms = lasting ? LASTING_CALL_TIMEOUT_MS : CALL_TIMEOUT_MS;
    run->ttl_s = lasting ? LASTING_TTL_S : TEST_TTL_LONG_S;
    run->options.request_timeout_ms =
        lasting ? LASTING_REQUEST_MS : CALL_TIMEOUT_MS;
    for (int i = 0; i < TEST_MEMORY_CALLS_MAX; i++) {
        run->calls[i] = (struct test_call)TEST_CALL_INIT;
    }
}

/** One run; the client has been closed when the scenario returns. */
static void run_once(struct test_memory_run *run, test_memory_fn *scenario)
{
    unsigned long living = ll_alloc_living();

    running_nth = run->nth;
    running_lasting = run->lasting;
    (void)alarm(HANG_S);
    scenario(run);
    (void)alarm(0);
    if (ll_alloc_living() != living) {
        fail_msg("allocation %lu%s failed: %ld allocations leak", run->nth,
                 run->lasting ? " and on" : "",
                 (long)(ll_alloc_living() - living));
    }
    for (int i = 0; i < run->calls_n; i++) {
        if (test_call_count(&run->calls[i]) != (run->begun[i] ? 1 : 0)) {
            fail_msg("allocation %lu%s failed: callback %d came %d times",
                     run->nth, run->lasting ? " and on" : "", i,
                     test_call_count(&run->calls[i]));
        }
    }
    if (!test_until(TEST_WAIT_MS, is_empty, NULL)) {
        fail_msg("allocation %lu%s failed: %d keys, %d leases left", run->nth,
                 run->lasting ? " and on" : "", keys_left(), leases_left());
    }
}

/** Runs a scenario for each allocation. */
static void test_scenario(void **state)
{
    const struct test_memory_scenario *scenario = *state;
    static struct test_memory_run run;
    int64_t start_ns = test_now_ns();
    unsigned long allocations;
    unsigned long step;
    unsigned long nth = 0;

    run_init(&run, 0, false);
    run_once(&run, scenario->run);
    allocations = run.allocations;
    assert_true(allocations > 0);
    do {
        run_init(&run, ++nth, false);
        run_once(&run, scenario->run);
        assert_true(nth < SWEEP_MAX);
    } while (run.hit);
    step = (allocations + LASTING_RUNS - 1) / LASTING_RUNS;
    for (nth = 1; nth <= allocations; nth += step) {
        run_init(&run, nth, true);
        run_once(&run, scenario->run);
    }
    print_message("%lu allocations, %lld ms\n", allocations,
                  (long long)((test_now_ns() - start_ns) / TEST_NS_PER_MS));
}

static int start_etcd(void **state)
{
    (void)state;
    return test_etcd_start(&etcd);
}

static int stop_etcd(void **state)
{
    (void)state;
    test_etcd_stop(&etcd);
    return 0;
}

int test_memory_main(const char *name,
                     const struct test_memory_scenario *scenarios,
                     size_t scenarios_n)
{
    struct CMUnitTest tests[SCENARIOS_MAX] = {{0}};

    if (scenarios_n > SCENARIOS_MAX) {
        return EXIT_FAILURE;
    }
    (void)signal(SIGALRM, on_alarm);
    for (size_t i = 0; i < scenarios_n; i++) {
        tests[i].name = scenarios[i].name;
        tests[i].test_func = test_scenario;
        tests[i].initial_state = (void *)(uintptr_t)&scenarios[i];
    }
    return _cmocka_run_group_tests(name, tests, scenarios_n, start_etcd,
                                   stop_etcd);
}
