/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a process from /proc, without pidfds: it counts as ended only
 * when its last thread has ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guardian/watch.h"
#include "support/wait.h"

#define REST " 1 7 7 0 -1 4194560 93 0 0 0 0 0 0 0 20 0 "

static void test_stat(void **state)
{
    (void)state;
    assert_false(ll_watch_stat_is_gone("7 (sleep) S" REST "1 0 5"));
    assert_false(ll_watch_stat_is_gone("7 (sleep) T" REST "1 0 5"));
    assert_false(ll_watch_stat_is_gone("7 (sleep) t" REST "1 0 5"));
    assert_false(ll_watch_stat_is_gone("7 (sleep) D" REST "1 0 5"));
    assert_true(ll_watch_stat_is_gone("7 (sleep) Z" REST "1 0 5"));
    assert_true(ll_watch_stat_is_gone("7 (sleep) X" REST "0 0 5"));
    /* The first thread has ended, others run. */
    assert_false(ll_watch_stat_is_gone("7 (sleep) Z" REST "3 0 5"));
    /* A name may contain any byte. */
    assert_false(ll_watch_stat_is_gone("7 (a) Z 1) S" REST "1 0 5"));
    assert_true(ll_watch_stat_is_gone("7 (a) S 1) Z" REST "1 0 5"));
    /* Unreadable content means nothing. */
    assert_false(ll_watch_stat_is_gone(""));
    assert_false(ll_watch_stat_is_gone("7 (sleep"));
    assert_false(ll_watch_stat_is_gone("7 (sleep) Z 1 7 7"));
}

static bool is_gone(void *watch)
{
    return ll_watch_is_gone(watch);
}

/** Goal: a stopped process has not ended; a zombie has, and so has one that was
 * waited for. */
static void test_folder(void **state)
{
    char path[32];
    struct ll_watch watch;
    pid_t pid = fork();
    int status;

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(60); /* if the test ends before */
        for (;;) {
            pause();
        }
    }
    (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    watch.is_pidfd = false;
    watch.fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    assert_true(watch.fd >= 0);
    assert_int_equal(ll_watch_poll_fd(&watch), -1);
    assert_false(ll_watch_is_gone(&watch));
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_false(ll_watch_is_gone(&watch));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_true(test_until(10000, is_gone, &watch));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(ll_watch_is_gone(&watch));
    (void)close(watch.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),
        cmocka_unit_test(test_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
