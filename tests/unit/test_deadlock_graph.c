/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of a deadlock detection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/deadlock_graph.h"

#define KEYS (2 * LL_DEADLOCK_READS_MAX + 50)
#define LEASE 0xb2

/** Goal: of a lease with more keys than one Txn reads, each is read once, and
 * then what is ahead of each. Method: take the list, answer the reads. */
static void test_many_keys(void **state)
{
    static char names[KEYS][32];
    static struct ll_bytes keys[KEYS];
    static struct ll_op ops[LL_DEADLOCK_READS_MAX];
    static struct ll_kv kvs[LL_DEADLOCK_READS_MAX];
    static struct ll_op_answer answers[LL_DEADLOCK_READS_MAX];
    static bool seen[KEYS];
    const struct ll_kv ahead = {
        .key = {"j/b2.1", 6}, .create_revision = 5, .lease = LEASE};
    struct ll_answer list = {.kind = LL_REQUEST_LEASE_TTL, .revision = 1000};
    struct ll_deadlock_graph graph = {0};
    bool is_done = false;
    size_t n;

    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "q%03zu/b2.1", i);
        keys[i] = (struct ll_bytes){names[i], strlen(names[i])};
    }
    list.lease.keys = keys;
    list.lease.keys_n = KEYS;
    assert_true(ll_deadlock_graph_open(&graph, 0));
    assert_true(ll_deadlock_graph_begin(&graph, 0, &ahead));
    assert_true(ll_deadlock_graph_next(&graph));
    assert_true(ll_deadlock_graph_take(&graph, &list));
    while (!is_done) {
        struct ll_answer answer = {.kind = LL_REQUEST_TXN, .revision = 1000};

        n = ll_deadlock_graph_read(&graph, false, ops);
        assert_true(n > 0 && n <= LL_DEADLOCK_READS_MAX);
        for (size_t i = 0; i < n; i++) {
            size_t at = (size_t)strtoul(ops[i].range.key.data + 1, NULL, 10);

            assert_false(seen[at]);
            seen[at] = true;
            kvs[i] = (struct ll_kv){.key = ops[i].range.key,
                                    .create_revision = (int64_t)at + 10,
                                    .mod_revision = (int64_t)at + 10,
                                    .version = 1,
                                    .lease = LEASE};
            answers[i] = (struct ll_op_answer){
                .kind = LL_OP_RANGE,
                .range = {.kvs = &kvs[i], .kvs_n = 1, .count = 1}};
        }
        answer.txn = (struct ll_txn_answer){true, answers, n};
        is_done = ll_deadlock_graph_on_made(&graph, &answer);
    }
    for (size_t i = 0; i < KEYS; i++) {
        assert_true(seen[i]);
    }
    memset(seen, 0, sizeof(seen));
    while ((n = ll_deadlock_graph_read(&graph, true, ops)) > 0) {
        assert_true(n <= LL_DEADLOCK_READS_MAX);
        for (size_t i = 0; i < n; i++) {
            seen[strtoul(ops[i].range.key.data + 1, NULL, 10)] = true;
        }
    }
    for (size_t i = 0; i < KEYS; i++) {
        assert_true(seen[i]);
    }
    ll_deadlock_graph_close(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
