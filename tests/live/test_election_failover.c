/* SPDX-License-Identifier: Apache-2.0 */
/* A leader that is killed, stopped or cut off: how soon the next one leads, and
 * that no late write of the old one is applied.
 *
 *     live.election_failover              one of each
 *     live.election_failover measure N    N of each, with their times alone
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define TTL_S 2
/** How often etcd checks for expired leases. */
#define SCAN_MS 500

/** The leading process: prints its token and the time of its lease's request;
 * at each SIGUSR1 it writes under its fence, without checking its state, and
 * prints the status. */
static int leader_main(const char *endpoint, const char *name, const char *key)
{
    struct leaselock_client_options client_options =
        LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    sigset_t write_now;
    int64_t asked_ns;
    int number;

    (void)sigemptyset(&write_now);
    (void)sigaddset(&write_now, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &write_now, NULL);
    options.ttl_s = TTL_S;
    /* Waits for a late answer, to get the final status. */
    client_options.request_timeout_ms = TEST_WAIT_MS;
    if (leaselock_client_open(endpoint, &client_options, &client, &error) !=
            0 ||
        leaselock_ping(client, 0, TEST_WAIT_MS, &(struct leaselock_ping){0},
                       &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    asked_ns = test_now_ns();
    if (leaselock_session_open(client, &options, &session, &error) != 0 ||
        leaselock_campaign(session, name, "old", 3, NULL, TEST_WAIT_MS, &ticket,
                           &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    (void)printf("%lld %lld\n", (long long)leaselock_ticket_token(ticket),
                 (long long)asked_ns);
    (void)fflush(stdout);
    for (;;) {
        int status;

        (void)sigwait(&write_now, &number);
        status = put(ticket, key, "old");
        if (status == LEASELOCK_E_OUTCOME_UNKNOWN) {
            status = leaselock_fenced_outcome(ticket, TEST_WAIT_MS, NULL);
        }
        (void)printf("%s %d\n", leaselock_status_name(status),
                     leaselock_ticket_state(ticket));
        (void)fflush(stdout);
    }
}

/** An old leader in a process, and a candidate that waits behind it. */
struct succession {
    const char *name;
    char key[64];
    struct test_proxy *proxy; /* between the old leader and etcd */
    struct test_process old;
    int64_t old_token;
    int64_t asked_ns; /* when the old leader requested its lease */
    struct test_peer peer;
    struct test_call call;
    leaselock_ticket *next;
    int64_t fault_ns;
};

static void read_line(struct test_process *process, char *ret_line, size_t size)
{
    if (!test_process_line(process, TEST_STDOUT, TEST_WAIT_MS, ret_line,
                           size)) {
        fail_msg("%s", test_process_output(process, TEST_STDERR));
    }
}

static void succession_begin(struct succession *succession, const char *name)
{
    char line[64];
    char *at = line;

    *succession = (struct succession){
        .name = name, .old = TEST_PROCESS_INIT, .call = TEST_CALL_INIT};
    (void)snprintf(succession->key, sizeof(succession->key), "data/%s", name);
    assert_int_equal(
        test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &succession->proxy), 0);
    test_start_self(&succession->old, "leader",
                    test_proxy_endpoint(succession->proxy), name,
                    succession->key, NULL);
    read_line(&succession->old, line, sizeof(line));
    succession->old_token = strtoll(line, &at, 10);
    succession->asked_ns = strtoll(at, NULL, 10);
    assert_true(succession->old_token > 0);
    assert_int_equal(test_process_signal(&succession->old, SIGUSR1), 0);
    read_line(&succession->old, line, sizeof(line));
    assert_string_equal(line, "LEASELOCK_OK 1");
    test_peer_open(etcd.endpoint, TTL_S, &succession->peer);
    assert_int_equal(leaselock_campaign_async(succession->peer.session, name,
                                              "new", 3, NULL, LEASELOCK_FOREVER,
                                              test_call_done, &succession->call,
                                              &succession->next, NULL),
                     0);
    test_await_place(succession->next);
    assert_int_equal(test_call_count(&succession->call), 0);
}

/** Waits until the next one leads, and writes as leader. Returns the time from
 * the fault to its election, in ms. */
static int64_t succession_await(struct succession *succession)
{
    int64_t took_ns;

    assert_int_equal(test_call_await(&succession->call), 0);
    took_ns = succession->call.at_ns - succession->fault_ns;
    assert_true(leaselock_ticket_token(succession->next) >
                succession->old_token);
    assert_int_equal(put(succession->next, succession->key, "new"), 0);
    return took_ns / TEST_NS_PER_MS;
}

/** Checks the status of the old leader's late write; the new one's value
 * stays. */
static void check_old(struct succession *succession)
{
    char line[64];

    read_line(&succession->old, line, sizeof(line));
    assert_string_equal(line, "LEASELOCK_E_NOT_HELD 2");
    assert_string_equal(test_value(&etcd, succession->key), "new");
    assert_int_equal(leaselock_ticket_state(succession->next),
                     LEASELOCK_TICKET_HELD);
}

static void succession_end(struct succession *succession)
{
    test_process_end(&succession->old);
    test_release(succession->next);
    test_peer_close(&succession->peer);
    test_proxy_close(succession->proxy);
}

static int64_t fail_over_killed(void)
{
    struct succession succession;
    int64_t took_ms;

    succession_begin(&succession, "killed");
    succession.fault_ns = test_now_ns();
    assert_int_equal(test_process_signal(&succession.old, SIGKILL), 0);
    took_ms = succession_await(&succession);
    succession_end(&succession);
    return took_ms;
}

/** The time beyond the TTL: etcd checks for expired leases every 500 ms, and
 * the rest is the path to the next leader. The last renewal is the grant, as
 * the next one is due after a third of the TTL. Measured from the grant's
 * request, so that the result is an upper bound. */
static int64_t over_the_end(void)
{
    static int phase_ms; /* of etcd's checks, which the last round ended with */
    struct succession succession;
    int64_t over_ns;

    for (;;) {
        phase_ms = (phase_ms + 130) % SCAN_MS;
        (void)poll(NULL, 0, phase_ms);
        succession_begin(&succession, "over");
        assert_int_equal(test_process_signal(&succession.old, SIGKILL), 0);
        succession.fault_ns = test_now_ns();
        (void)succession_await(&succession);
        over_ns = succession.call.at_ns - succession.asked_ns -
                  TTL_S * INT64_C(1000) * TEST_NS_PER_MS;
        succession_end(&succession);
        if (succession.fault_ns - succession.asked_ns <
            TTL_S * INT64_C(300) * TEST_NS_PER_MS) {
            return over_ns / TEST_NS_PER_MS;
        }
    }
}

static int64_t fail_over_stopped(void)
{
    struct succession succession;
    int64_t took_ms;

    succession_begin(&succession, "stopped");
    succession.fault_ns = test_now_ns();
    assert_int_equal(test_process_pause(&succession.old), 0);
    took_ms = succession_await(&succession);
    assert_int_equal(test_process_signal(&succession.old, SIGUSR1), 0);
    assert_int_equal(test_process_resume(&succession.old), 0);
    check_old(&succession);
    succession_end(&succession);
    return took_ms;
}

/** The write is sent while the old leader still leads, and arrives after its
 * leadership has ended: etcd refuses it. */
static int64_t fail_over_cut_off(void)
{
    struct succession succession;
    int64_t took_ms;

    succession_begin(&succession, "cut off");
    succession.fault_ns = test_now_ns();
    test_proxy_black_hole(succession.proxy);
    assert_int_equal(test_process_signal(&succession.old, SIGUSR1), 0);
    took_ms = succession_await(&succession);
    test_proxy_pass(succession.proxy);
    check_old(&succession);
    succession_end(&succession);
    return took_ms;
}

static const struct fault {
    const char *name;
    int64_t (*fail_over)(void);
} faults[] = {{"killed", fail_over_killed},
              {"stopped", fail_over_stopped},
              {"cut off", fail_over_cut_off},
              {"over the lease's end", over_the_end}};

/** The last one is for measurements only. */
#define FAULTS_N (sizeof(faults) / sizeof(faults[0]) - 1)

/** Failure 14 and the like: whatever the fault of a leader, the next one leads
 * once the lease has expired, and a late fenced write of the old one is not
 * applied. */
static void test_14_fail_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULTS_N; i++) {
        print_message("%s: the next leads after %lld ms (TTL %d s)\n",
                      faults[i].name, (long long)faults[i].fail_over(), TTL_S);
    }
}

static int rounds;

static int compare_ms(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;

    return (first > second) - (first < second);
}

static void measure(void **state)
{
    int64_t *took_ms = calloc((size_t)rounds, sizeof(*took_ms));

    (void)state;
    assert_non_null(took_ms);
    for (size_t i = 0; i <= FAULTS_N; i++) {
        for (int n = 0; n < rounds; n++) {
            took_ms[n] = faults[i].fail_over();
        }
        qsort(took_ms, (size_t)rounds, sizeof(*took_ms), compare_ms);
        print_message("%-20s %d times, TTL %d s: %lld ms at least, %lld in the "
                      "middle, %lld at most\n",
                      faults[i].name, rounds, TTL_S, (long long)took_ms[0],
                      (long long)took_ms[rounds / 2],
                      (long long)took_ms[rounds - 1]);
    }
    free(took_ms);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_14_fail_over)};
    const struct CMUnitTest measures[] = {cmocka_unit_test(measure)};

    if (argc == 5 && strcmp(argv[1], "leader") == 0) {
        return leader_main(argv[2], argv[3], argv[4]);
    }
    if (argc == 3 && strcmp(argv[1], "measure") == 0) {
        rounds = (int)strtol(argv[2], NULL, 10);
        return rounds > 0
                   ? cmocka_run_group_tests(measures, start_etcd, stop_etcd)
                   : 2;
    }
    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
