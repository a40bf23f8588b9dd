/* SPDX-License-Identifier: Apache-2.0 */
/* Messages distinguish "not reached" from "reached, but does not serve", with
 * etcd's answer and a remedy. */
#include "live/tool.h"

#include <signal.h>

#include "leaselock/leaselock.h"
#include "support/test_live.h"
#include "support/wait.h"

#define QUOTA "--quota-backend-bytes=2097152"
#define VALUE_SIZE 120000
#define PUTS_MAX 40
#define ACQUIRE_MS 1500

static const char *const nospace[] = {
    "etcd answered, but does not serve the request", "database space exceeded",
    "etcdctl compact", "etcdctl defrag", "etcdctl alarm disarm"};

static void expect_parts(const char *text, const char *const parts[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strstr(text, parts[i]) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", parts[i], text);
        }
    }
    assert_null(strstr(text, "could not be reached"));
    assert_null(strstr(text, "check that etcd runs"));
}

/** Writes until etcd's quota is exceeded, which raises the alarm. */
static void fill(struct test_etcd *etcd)
{
    static char value[VALUE_SIZE];
    int status = 0;

    memset(value, 'x', sizeof(value) - 1);
    for (int i = 0; i < PUTS_MAX && status == 0; i++) {
        status = test_etcdctl(etcd, NULL, 0, "put", "f", value, NULL);
    }
    assert_int_not_equal(status, 0);
}

/** Goal: under the NOSPACE alarm every refused request reports it, and held
 * locks can be released. Method: fill a small quota while the tool and a client
 * each hold a lock; acquire others with both; release; then make space as the
 * message describes, and acquire again. */
static void test_no_space(void **state)
{
    static const char *const args[] = {QUOTA, NULL};
    const struct test_etcd_options options = {.args = args};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    leaselock_ticket *held;
    leaselock_ticket *ticket = NULL;
    struct test_etcd etcd;
    struct test_peer peer;
    char revision[32];

    (void)state;
    assert_int_equal(test_etcd_start_with(&etcd, &options), 0);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "space/client");
    start_holder(&holder, etcd.endpoint, "space/tool", "echo ready; sleep 60");
    fill(&etcd);

    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "-T", "1",
                              "space/other", "true", NULL),
                     69);
    expect_parts(test_process_output(&tool, TEST_STDERR), nospace, 5);
    test_process_end(&tool);
    assert_int_equal(leaselock_acquire(peer.session, "space/more", NULL,
                                       ACQUIRE_MS, &ticket, &error),
                     LEASELOCK_E_UNAVAILABLE);
    expect_parts(error.message, nospace, 5);
    /* Reads still work. */
    assert_int_equal(queue_length(etcd.endpoint, "space/tool"), 1);

    assert_int_equal(leaselock_release(held, &error), 0);
    assert_int_equal(queue_length(etcd.endpoint, "space/client"), 0);
    assert_int_equal(test_process_signal(&holder, SIGTERM), 0);
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 128 + SIGTERM);
    assert_string_equal(test_process_output(&holder, TEST_STDERR), "");
    test_process_end(&holder);
    assert_int_equal(queue_length(etcd.endpoint, "space/tool"), 0);

    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", "f", NULL), 0);
    (void)snprintf(revision, sizeof(revision), "%lld",
                   (long long)test_etcd_revision(&etcd));
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "compact", revision, NULL),
                     0);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "defrag", NULL), 0);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "alarm", "disarm", NULL), 0);
    test_release(test_acquire(&peer, "space/more"));
    test_peer_close(&peer);
    test_etcd_stop(&etcd);
}

static bool learner_answers(void *arg)
{
    return test_etcd_requests(arg, "Range") >= 0;
}

/** Goal: a client whose only endpoint is a learner reports that. Method: each
 * command at a learner that has joined a member; ping prints its role. */
static void test_learner_alone(void **state)
{
    static const char *const args[] = {"--initial-cluster-state=existing",
                                       NULL};
    static const char *const commands[][4] = {
        {"lock", "learner", "true", NULL},
        {"queue", "learner", NULL, NULL},
        {"leader", "learner", NULL, NULL}};
    static const char *const parts[] = {
        "etcd answered, but does not serve the request",
        "rpc not supported for learner", "name a voting member's endpoint"};
    const struct test_etcd_options options = {.args = args};
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_etcd learner;
    struct test_etcd etcd;
    char peer_url[96];

    (void)state;
    assert_int_equal(test_etcd_start_cluster(&etcd, 1, NULL), 0);
    assert_int_equal(test_etcd_prepare_joining(&learner, 1, &etcd, &options),
                     0);
    (void)snprintf(peer_url, sizeof(peer_url),
                   "--peer-urls=http://127.0.0.1:%u",
                   learner.ports[TEST_ETCD_PEER]);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "member", "add", "m1",
                                  "--learner", peer_url, NULL),
                     0);
    assert_int_equal(test_etcd_restart_nowait(&learner), 0);
    assert_true(test_until(WAIT_MS, learner_answers, &learner));
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_int_equal(run_tool(&tool, learner.endpoint, "--timeout", "1",
                                  commands[i][0], commands[i][1],
                                  commands[i][2], NULL),
                         69);
        expect_parts(test_process_output(&tool, TEST_STDERR), parts, 3);
        test_process_end(&tool);
    }
    assert_int_equal(run_tool(&tool, learner.endpoint, "ping", NULL), 0);
    expect_output(&tool, TEST_STDOUT, "learner");
    test_process_end(&tool);
    test_etcd_stop(&learner);
    test_etcd_stop(&etcd);
}

/** Goal: if no endpoint is reached, the message says "not reached". Method: a
 * port without a listener. */
static void test_not_reached(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(run_tool(&tool, "127.0.0.1:1", "lock", "-T", "0.5", "none",
                              "true", NULL),
                     69);
    expect_output(&tool, TEST_STDERR, "etcd could not be reached");
    expect_output(&tool, TEST_STDERR, "check that etcd runs there");
    test_process_end(&tool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_space),
        cmocka_unit_test(test_learner_alone),
        cmocka_unit_test(test_not_reached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
