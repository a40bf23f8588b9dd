/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's output: the queue, the endpoints, and errors. */
#include "live/kept.h"
#include "live/tool.h"
#include "support/one_etcd.h"

/** Failure 13: the queue lists other programs' keys, and marks them; and an
 * acquire of a lock that is blocked by a nested one reports that. */
static void test_queue_of_others(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    start_holder(&holder, etcd.endpoint, "others", "echo ready; sleep 60");
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", "others/go\tkey", "x", NULL), 0);
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", "others/nested/key", "x", NULL), 0);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "others", NULL),
                     0);
    expect_output(&tool, TEST_STDOUT,
                  "blocked by others/go\\x09key, which is no ticket");
    expect_output(&tool, TEST_STDOUT,
                  "blocked by others/nested/key, which is no ticket");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "others", "true", NULL), 2);
    expect_output(&tool, TEST_STDERR, "others/nested/key");
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: the output distinguishes a free lock from a held one. Method: print
 * both. */
static void test_queue_of_free_lock(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "free", NULL), 0);
    assert_string_equal(test_process_output(&tool, TEST_STDOUT), "");
    expect_output(&tool, TEST_STDERR, "free is free");
    test_process_end(&tool);
}

/** Goal: the queue shows that a program may keep a key, and lock --try gets it if
 * it has no holder. Method: a lock that this process keeps, idle; a holder of the
 * tool's is not shown like that. */
static void test_queue_of_kept(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_peer peer;
    json_t *queue;
    int keep_ms = 0;
    int status;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_true(kept_keep(peer.session, "kept") > 0);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "kept", NULL), 0);
    expect_output(&tool, TEST_STDOUT, "may be kept for 600 s");
    test_process_end(&tool);
    queue = read_queue(etcd.endpoint, "kept");
    assert_int_equal(
        json_unpack(queue, "{s:[{s:i}]}", "entries", "keep_ms", &keep_ms), 0);
    assert_int_equal(keep_ms, KEPT_MS);
    json_decref(queue);
    do { /* the keeper may be slow once */
        status = run_tool(&tool, etcd.endpoint, "lock", "--try", "kept", "true",
                          NULL);
        test_process_end(&tool);
    } while (status == 1);
    assert_int_equal(status, 0);
    start_holder(&holder, etcd.endpoint, "kept", "echo ready; sleep 60");
    queue = read_queue(etcd.endpoint, "kept");
    assert_int_equal(json_unpack(queue, "{s:[{s:n}]}", "entries", "keep_ms"),
                     0);
    json_decref(queue);
    test_process_end(&holder);
    test_peer_close(&peer);
}

/** Goal: ping reports each endpoint. Method: one that answers, and one that
 * does not. */
static void test_ping(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char endpoints[2 * TEST_ETCD_ENDPOINT_SIZE];
    json_t *object;
    int down_ok;
    int up_ok;
    int leads;

    (void)state;
    snprintf(endpoints, sizeof(endpoints), "127.0.0.1:1,%s", etcd.endpoint);
    assert_int_equal(run_tool(&tool, endpoints, "ping", "--json", NULL), 0);
    expect_output(&tool, TEST_STDERR, "127.0.0.1:1");
    object = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    assert_int_equal(json_unpack(object, "{s:[{s:b}, {s:b, s:b}]}", "endpoints",
                                 "ok", &down_ok, "ok", &up_ok, "leader",
                                 &leads),
                     0);
    assert_true(!down_ok && up_ok && leads);
    json_decref(object);
    test_process_end(&tool);
}

/** Goal: an unreachable etcd is reported in bounded time, with its endpoint.
 * Method: every command, at a port without a listener. */
static void test_no_etcd(void **state)
{
    static const char *const commands[][4] = {{"lock", "none", "true", NULL},
                                              {"queue", "none", NULL, NULL},
                                              {"ping", NULL, NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;
        const char *const *words = commands[i];

        assert_int_equal(run_tool(&tool, "127.0.0.1:1", "--timeout", "0.5",
                                  words[0], words[1], words[2], NULL),
                         69);
        expect_output(&tool, TEST_STDERR, "127.0.0.1:1");
        test_process_end(&tool);
    }
}

/** Goal: usage errors have an exit code of their own. Method: several of
 * them. */
static void test_usage(void **state)
{
    static const char *const commands[][3] = {
        {"lokc", "x", NULL},         {"lock", NULL, NULL},
        {"lock", "/x", NULL},        {"lock", "--ttl=0", "x"},
        {"queue", "a", "b"},         {"queue", "a//b", NULL},
        {"ping", "--limit=1", NULL}, {"ping", "-eftp://x", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;
        const char *const *words = commands[i];

        assert_int_equal(
            run_tool(&tool, etcd.endpoint, words[0], words[1], words[2], NULL),
            2);
        expect_output(&tool, TEST_STDERR, "leaselock: ");
        test_process_end(&tool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_of_others),
        cmocka_unit_test(test_queue_of_free_lock),
        cmocka_unit_test(test_queue_of_kept),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_no_etcd),
        cmocka_unit_test(test_usage)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
