/* SPDX-License-Identifier: Apache-2.0 */
/* What the tool does when its lock is lost, when it is stopped or killed, and
 * when etcd does not answer: CMD is terminated before another client holds the
 * lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "support/etcd.h"
#include "support/one_etcd.h"
#include "support/process.h"
#include "support/proxy.h"
#include "support/wait.h"

#define WAIT_MS 20000
#define LINE_SIZE 512
#define SHORT_TTL "2"
/** Longer than a release may take. */
#define LONG_TTL "60"
/** The library watches the key of a ticket that never waited after a second. */
#define WATCHED_MS 1500

/** A CMD that ignores SIGTERM, as do its children. */
#define STUBBORN                                                               \
    "trap '' TERM; echo ready; echo $LEASELOCK_LEASE; echo $$; "               \
    "sleep 600 & echo $!; setsid sleep 600 & echo $!; wait; sleep 600"
#define STUBBORN_N 3

/** A tool that runs CMD under the lock. */
struct holder {
    struct test_process tool;
    char lease[LINE_SIZE];
    /** CMD and two that it started. */
    pid_t pids[STUBBORN_N];
};

static void read_line(struct test_process *tool, char *line)
{
    assert_true(test_process_line(tool, TEST_STDOUT, WAIT_MS, line, LINE_SIZE));
}

static void start_tool(struct test_process *tool,
                       const char *endpoint,
                       const char *ttl,
                       const char *name,
                       const char *script)
{
    const char *const argv[] = {test_tool(), "lock", "--ttl", ttl, name,
                                "sh",        "-c",   script,  NULL};
    char variable[64];
    const char *const env[] = {variable, NULL};

    snprintf(variable, sizeof(variable), "LEASELOCK_ENDPOINTS=%s", endpoint);
    assert_int_equal(test_process_start(tool, argv, env), 0);
}

static void
start_holder(struct holder *holder, const char *endpoint, const char *name)
{
    static const struct test_process none = TEST_PROCESS_INIT;
    char line[LINE_SIZE];

    holder->tool = none;
    start_tool(&holder->tool, endpoint, SHORT_TTL, name, STUBBORN);
    read_line(&holder->tool, line);
    assert_string_equal(line, "ready");
    read_line(&holder->tool, holder->lease);
    for (size_t i = 0; i < STUBBORN_N; i++) {
        read_line(&holder->tool, line);
        holder->pids[i] = (pid_t)strtol(line, NULL, 10);
        assert_true(holder->pids[i] > 1);
    }
}

/** Starts a waiter whose CMD prints which processes of the holder are left when
 * it gets the lock. */
static void start_second(struct test_process *tool,
                         const char *name,
                         const struct holder *holder)
{
    char script[LINE_SIZE];

    snprintf(script, sizeof(script),
             "for p in %d %d %d; do kill -0 $p && echo $p lives; done; "
             "echo second",
             (int)holder->pids[0], (int)holder->pids[1], (int)holder->pids[2]);
    start_tool(tool, etcd.endpoint, SHORT_TTL, name, script);
}

/** The second one got the lock, and found no process. */
static void expect_second_alone(struct test_process *second)
{
    assert_int_equal(test_process_wait(second, WAIT_MS), 0);
    assert_string_equal(test_process_output(second, TEST_STDOUT), "second\n");
    test_process_end(second);
}

/** Whether a process runs, and is not a zombie. */
static bool is_alive(pid_t pid)
{
    char path[64];
    char state = 'Z';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
        state = 'Z';
    }
    fclose(file);
    return state != 'Z';
}

static bool are_gone(void *arg)
{
    const struct holder *holder = arg;

    for (size_t i = 0; i < STUBBORN_N; i++) {
        if (is_alive(holder->pids[i])) {
            return false;
        }
    }
    return true;
}

static void expect_lost(struct holder *holder)
{
    assert_int_equal(test_process_wait(&holder->tool, WAIT_MS), 70);
    assert_true(are_gone(holder));
    assert_non_null(
        strstr(test_process_output(&holder->tool, TEST_STDERR), "is lost"));
    test_process_end(&holder->tool);
}

/** Waits for a time in the lock's life that is not marked by an event. */
static void let_pass(int ms)
{
    int64_t deadline_ns = test_deadline_ns(ms);

    while (test_now_ns() < deadline_ns) {
        test_pause_step();
    }
}

/** Failure 29: if the lease is revoked, CMD and all its children are
 * terminated. */
static void test_revoked_lease(void **state)
{
    struct holder holder;

    (void)state;
    start_holder(&holder, etcd.endpoint, "revoked");
    let_pass(WATCHED_MS);
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "lease", "revoke", holder.lease, NULL), 0);
    expect_lost(&holder);
}

/** Failures 4 and 29: if a third party deletes the key, CMD is terminated. */
static void test_deleted_key(void **state)
{
    struct holder holder;

    (void)state;
    start_holder(&holder, etcd.endpoint, "deleted");
    let_pass(WATCHED_MS);
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "del", "--prefix", "deleted/", NULL), 0);
    expect_lost(&holder);
}

/** Failures 15 and 29: a holder that is cut off from etcd terminates its CMD
 * before the next in the queue starts its own. Method: a proxy that forwards
 * nothing, and a waiter with a working connection. */
static void test_cut_off(void **state)
{
    struct test_process second = TEST_PROCESS_INIT;
    struct test_proxy *proxy = NULL;
    struct holder holder;

    (void)state;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    start_holder(&holder, test_proxy_endpoint(proxy), "cut");
    start_second(&second, "cut", &holder);
    test_proxy_black_hole(proxy);
    expect_second_alone(&second);
    expect_lost(&holder);
    test_proxy_close(proxy);
}

/** Failures 14 and 29: a stopped holder cannot terminate its CMD: the
 * supervisor does, before the next in the queue starts its own; and the holder
 * reports it when it resumes. */
static void test_stopped(void **state)
{
    struct test_process second = TEST_PROCESS_INIT;
    struct holder holder;

    (void)state;
    start_holder(&holder, etcd.endpoint, "stopped");
    start_second(&second, "stopped", &holder);
    assert_int_equal(test_process_pause(&holder.tool), 0);
    expect_second_alone(&second);
    assert_int_equal(test_process_resume(&holder.tool), 0);
    expect_lost(&holder);
}

/** Failures 29 and 30: if a holder is killed, no process is left running, and
 * the next in the queue starts after all have ended. */
static void test_killed(void **state)
{
    struct test_process second = TEST_PROCESS_INIT;
    struct holder holder;

    (void)state;
    start_holder(&holder, etcd.endpoint, "killed");
    start_second(&second, "killed", &holder);
    assert_int_equal(test_process_signal(&holder.tool, SIGKILL), 0);
    assert_true(test_until(WAIT_MS, are_gone, &holder));
    expect_second_alone(&second);
    test_process_end(&holder.tool);
}

struct waiter {
    const char *name;
    char key[LINE_SIZE];
};

/** Whether a second key is in the queue; records it. */
static bool has_second(void *arg)
{
    struct waiter *waiter = arg;
    char prefix[LINE_SIZE];
    char output[2 * LINE_SIZE];

    snprintf(prefix, sizeof(prefix), "%s/", waiter->name);
    if (test_etcdctl(&etcd, output, sizeof(output), "get", "--prefix",
                     "--keys-only", "--sort-by=CREATE", "--order=DESCEND",
                     prefix, NULL) != 0 ||
        strstr(output, "\n\n") == NULL ||
        strstr(strstr(output, "\n\n") + 2, waiter->name) == NULL) {
        return false;
    }
    snprintf(waiter->key, sizeof(waiter->key), "%.*s",
             (int)strcspn(output, "\n"), output);
    return true;
}

/** Failures 1 and 3: the loss of a waiter's key is reported while the holder
 * stays, and its CMD never runs. */
static void test_lost_while_waiting(void **state)
{
    struct test_process second = TEST_PROCESS_INIT;
    struct waiter waiter = {"waiting", ""};
    struct holder holder;

    (void)state;
    start_holder(&holder, etcd.endpoint, "waiting");
    start_second(&second, "waiting", &holder);
    assert_true(test_until(WAIT_MS, has_second, &waiter));
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", waiter.key, NULL), 0);
    assert_int_equal(test_process_wait(&second, WAIT_MS), 70);
    assert_string_equal(test_process_output(&second, TEST_STDOUT), "");
    test_process_end(&second);
    test_process_end(&holder.tool);
}

/** Failure 8: a release that is not answered ends in bounded time, is reported,
 * and does not change CMD's status. Method: the proxy forwards nothing once CMD
 * runs. */
static void test_release_unanswered(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_proxy *proxy = NULL;
    char line[LINE_SIZE];

    (void)state;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    start_tool(&tool, test_proxy_endpoint(proxy), LONG_TTL, "unanswered",
               "trap 'exit 3' USR1; echo ready; while :; do sleep 0.01; done");
    read_line(&tool, line);
    test_proxy_black_hole(proxy);
    assert_int_equal(test_process_signal(&tool, SIGUSR1), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 3);
    assert_non_null(strstr(test_process_output(&tool, TEST_STDERR),
                           "the release of unanswered was not answered"));
    test_process_end(&tool);
    test_proxy_close(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_revoked_lease),
        cmocka_unit_test(test_deleted_key),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_lost_while_waiting),
        cmocka_unit_test(test_release_unanswered)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
