/* SPDX-License-Identifier: Apache-2.0 */
/* The clock that measures leases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/** For older headers; in the kernel since 5.6. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define SUSPENDED_S INT64_C(3600)
/** The time between reads of the clock in two processes, on a busy machine. */
#define LOOK_NS (60 * LL_NS_PER_S)

struct look {
    int64_t clock_ns;
    int64_t monotonic_ns;
};

static int64_t read_ns(clockid_t id)
{
    struct timespec now;

    assert_int_equal(clock_gettime(id, &now), 0);
    return (int64_t)now.tv_sec * LL_NS_PER_S + now.tv_nsec;
}

/** It is CLOCK_BOOTTIME. */
static void test_clock_is_boottime(void **state)
{
    int64_t before_ns = read_ns(CLOCK_BOOTTIME);
    int64_t now_ns = ll_clock_now_ns();

    (void)state;
    assert_true(before_ns <= now_ns);
    assert_true(now_ns <= read_ns(CLOCK_BOOTTIME));
}

/** Creates a time namespace for this process's children in which the machine
 * has been suspended for an hour; false if not permitted. */
static bool enter_suspended_world(void)
{
    static const char offset[] = "boottime 3600 0\n";
    bool entered;
    int fd;

    if (unshare(CLONE_NEWTIME) != 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0) {
        return false;
    }
    fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    entered = write(fd, offset, strlen(offset)) == (ssize_t)strlen(offset);
    (void)close(fd);
    return entered;
}

/** The grandchild, which runs in the namespace that its parent created. */
static void look_and_report(int fd)
{
    struct look look = {ll_clock_now_ns(), read_ns(CLOCK_MONOTONIC)};

    _exit(write(fd, &look, sizeof(look)) == sizeof(look) ? 0 : 1);
}

/** Failure 16: after a suspension of an hour, the boot-time clock is an hour
 * ahead of CLOCK_MONOTONIC, which a time namespace can simulate: the lease's
 * clock has counted that hour. */
static void test_16_clock_counts_suspend(void **state)
{
    struct look here = {ll_clock_now_ns(), read_ns(CLOCK_MONOTONIC)};
    struct look there;
    int fds[2];
    int status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!enter_suspended_world()) {
            _exit(0);
        }
        child = fork();
        if (child == 0) {
            look_and_report(fds[1]);
        }
        _exit(child > 0 && waitpid(child, &status, 0) == child ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(fds[1]);
    assert_int_equal(status, 0);
    status = (int)read(fds[0], &there, sizeof(there));
    (void)close(fds[0]);
    if (status == 0) {
        skip(); /* the kernel does not permit the namespace */
    }
    assert_int_equal(status, sizeof(there));
    assert_in_range(there.monotonic_ns - here.monotonic_ns, 0, LOOK_NS);
    assert_in_range(there.clock_ns - here.clock_ns - SUSPENDED_S * LL_NS_PER_S,
                    0, LOOK_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_is_boottime),
        cmocka_unit_test(test_16_clock_counts_suspend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
