/* SPDX-License-Identifier: Apache-2.0 */
/* A process with too few file descriptors left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "rpc/descriptors.h"
#include "support/one_etcd.h"
#include "support/test_live.h"

#define WAIT_MS 20000
/** The need of one endpoint. */
#define NEEDED (LL_DESCRIPTORS_FIXED + LL_DESCRIPTORS_ENDPOINT)

/** Runs "leaselock lock" with a limit. Returns its status. */
static int run_limited(struct test_process *tool, int limit)
{
    char script[256];
    const char *const argv[] = {"sh", "-c", script, NULL};

    (void)snprintf(script, sizeof(script),
                   "ulimit -n %d && exec %s lock --endpoints %s limited true",
                   limit, test_tool(), etcd.endpoint);
    assert_int_equal(test_process_start(tool, argv, NULL), 0);
    return test_process_wait(tool, WAIT_MS);
}

/** Failure 45: the tool ends with 71 and a sentence where the RPC library would
 * abort it; with some more it works. Method: a limit that suffices to start the
 * tool, and is below a client's need. */
static void test_tool_limit(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(run_limited(&tool, NEEDED), 71);
    assert_non_null(strstr(test_process_output(&tool, TEST_STDERR),
                           "too few file descriptors are left"));
    assert_non_null(
        strstr(test_process_output(&tool, TEST_STDERR), "ulimit -n"));
    test_process_end(&tool);
    assert_int_equal(run_limited(&tool, 64), 0);
    test_process_end(&tool);
}

/** Failure 45: a client is refused while fewer are left than it needs, and
 * opened if there are enough. Method: lowers the limit to the number of open
 * ones plus one less than a client needs. */
static void test_client_limit(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    struct rlimit before;
    struct rlimit low;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = NEEDED - 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, NULL, &client, &error),
        LEASELOCK_E_SYSTEM);
    assert_non_null(strstr(error.message, "too few file descriptors are left"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, NULL, &client, &error), 0);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tool_limit),
        cmocka_unit_test(test_client_limit),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
