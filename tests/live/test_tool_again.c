/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's --again: CMD is terminated at a loss, and runs again. */
#include "live/tool.h"

#include <signal.h>

#include "support/one_etcd.h"
#include "support/wait.h"

#define LOSS_MS 60000

/** Prints its token and its lease, and waits for a signal. */
#define WORK                                                                   \
    "trap 'exit 7' USR1; echo $LEASELOCK_TOKEN; echo $LEASELOCK_LEASE; "       \
    "while :; do sleep 0.02; done"

/** One run of CMD. */
struct term {
    long long token;
    char lease[LINE_SIZE];
};

static void read_term(struct test_process *tool, struct term *term)
{
    char line[LINE_SIZE];

    assert_true(
        test_process_line(tool, TEST_STDOUT, LOSS_MS, line, sizeof(line)));
    term->token = strtoll(line, NULL, 10);
    assert_true(test_process_line(tool, TEST_STDOUT, LOSS_MS, term->lease,
                                  sizeof(term->lease)));
}

static void revoke_lease(const struct term *term)
{
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "lease", "revoke", term->lease, NULL), 0);
}

/** Goal: after each loss CMD runs again, on another lease and with a greater
 *  token; and when CMD exits by itself, the tool ends with CMD's status.
 *  Method: its lease is revoked twice, its key is deleted once, and then CMD
 *  gets a signal to exit. */
static void test_again(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct term term;
    struct term next;

    (void)state;
    start_tool(&tool, etcd.endpoint, "lock", "--again", "again/lock", "sh",
               "-c", WORK, NULL);
    read_term(&tool, &term);
    for (int i = 0; i < 3; i++) {
        if (i < 2) {
            revoke_lease(&term);
        } else {
            assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", "--prefix",
                                          "again/lock/", NULL),
                             0);
        }
        read_term(&tool, &next);
        assert_true(next.token > term.token);
        assert_string_not_equal(next.lease, term.lease);
        term = next;
    }
    assert_int_equal(test_process_signal(&tool, SIGUSR1), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 7);
    expect_output(&tool, TEST_STDERR, "the lock again/lock is lost");
    expect_output(&tool, TEST_STDERR, "queueing for again/lock again");
    expect_output(&tool, TEST_STDERR, "running the command again");
    assert_int_equal(queue_length(etcd.endpoint, "again/lock"), 0);
    test_process_end(&tool);
}

/** Goal: after a loss it queues behind all other waiters, and ^C ends it there.
 * Method: a second one waits, and then holds until it ends. */
static void test_signal_while_queued(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_process second = TEST_PROCESS_INIT;
    struct term term;

    (void)state;
    start_tool(&tool, etcd.endpoint, "elect", "--again", "again/elect", "me",
               "sh", "-c", WORK, NULL);
    read_term(&tool, &term);
    start_tool(&second, etcd.endpoint, "lock", "again/elect", "sh", "-c", WORK,
               NULL);
    while (queue_length(etcd.endpoint, "again/elect") != 2) {
        test_pause_step();
    }
    revoke_lease(&term);
    read_term(&second, &term);
    while (queue_length(etcd.endpoint, "again/elect") != 2) {
        test_pause_step();
    }
    assert_int_equal(test_process_signal(&tool, SIGINT), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 128 + SIGINT);
    expect_output(&tool, TEST_STDERR, "the leadership of again/elect is lost");
    assert_int_equal(queue_length(etcd.endpoint, "again/elect"), 1);
    test_process_end(&tool);
    assert_int_equal(test_process_signal(&second, SIGUSR1), 0);
    assert_int_equal(test_process_wait(&second, WAIT_MS), 7);
    test_process_end(&second);
}

/** Goal: if etcd is down for longer than the TTL, CMD is terminated, the tool
 * reports that etcd does not answer, and CMD runs again once it is up. Method:
 * etcd is killed until the loss is reported and restarted with the same
 * data. */
static void test_etcd_gone(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];
    struct term term;
    struct term next;

    (void)state;
    start_tool(&tool, etcd.endpoint, "lock", "--again", "--ttl", "2",
               "--timeout", "1", "again/gone", "sh", "-c", WORK, NULL);
    read_term(&tool, &term);
    assert_int_equal(test_etcd_kill(&etcd), 0);
    do {
        assert_true(
            test_process_line(&tool, TEST_STDERR, LOSS_MS, line, sizeof(line)));
    } while (strstr(line, "trying on") == NULL);
    assert_int_equal(test_etcd_restart(&etcd), 0);
    read_term(&tool, &next);
    assert_true(next.token > term.token);
    assert_int_equal(test_process_signal(&tool, SIGTERM), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 128 + SIGTERM);
    test_process_end(&tool);
}

/** Goal: --again requires a CMD. */
static void test_without_command(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "--again", "again/none", NULL),
        2);
    expect_output(&tool, TEST_STDERR, "--again needs a CMD");
    test_process_end(&tool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_signal_while_queued),
        cmocka_unit_test(test_etcd_gone),
        cmocka_unit_test(test_without_command),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
