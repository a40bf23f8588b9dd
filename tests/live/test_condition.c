/* SPDX-License-Identifier: Apache-2.0 */
/* The error of a fenced Txn names the condition that failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/wait.h"

/** Checks that a Txn of these conditions fails, with a text in its error. */
static void expect(leaselock_ticket *ticket,
                   const struct leaselock_compare *compares,
                   size_t n,
                   const char *text)
{
    struct leaselock_op op = {LEASELOCK_OP_PUT, "condition/out", 13, "x", 1, 0};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;

    txn.compares = compares;
    txn.compares_n = n;
    txn.ops = &op;
    txn.ops_n = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, &error),
                     LEASELOCK_E_COMPARE);
    if (strstr(error.message, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, error.message);
    }
}

/**
 * Goal: each kind of failed condition is named with its expected and its actual
 * value; of several, the first that failed. Method: keys of one session with
 * known revisions, a binary value and a long one. */
static void test_named(void **state)
{
    const struct leaselock_compare met = {"condition/a",
                                          11,
                                          LEASELOCK_COMPARE_VERSION,
                                          LEASELOCK_COMPARE_EQUAL,
                                          2,
                                          NULL,
                                          0};
    struct leaselock_compare pair[2] = {met,
                                        {"condition/a", 11,
                                         LEASELOCK_COMPARE_VERSION,
                                         LEASELOCK_COMPARE_LESS, 2, NULL, 0}};
    struct leaselock_compare many[LEASELOCK_TXN_PARTS_MAX];
    static char big[1 << 20];
    struct test_peer peer;
    leaselock_ticket *ticket;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "condition-lock");
    assert_int_equal(put(ticket, "condition/a", "one"), 0);
    assert_int_equal(leaselock_fenced_put(ticket, "condition/a", 11, "t\0w\"",
                                          4, TEST_WAIT_MS, NULL),
                     0);
    expect(ticket, pair, 2,
           "the version of \"condition/a\" has to be less than 2, and is 2");
    pair[1].target = LEASELOCK_COMPARE_LEASE;
    pair[1].result = LEASELOCK_COMPARE_NOT_EQUAL;
    pair[1].number = 0;
    expect(ticket, pair, 2, "has to differ from 0, and is 0");
    pair[1].key = "condition/none";
    pair[1].key_size = 14;
    pair[1].target = LEASELOCK_COMPARE_CREATE_REVISION;
    expect(ticket, pair, 2,
           "the create revision of \"condition/none\" has to differ from 0, "
           "but there is no such key");
    pair[1] = (struct leaselock_compare){
        "condition/a", 11, LEASELOCK_COMPARE_VALUE, LEASELOCK_COMPARE_EQUAL, 0,
        "one",         3};
    expect(ticket, pair, 2,
           "the value of \"condition/a\" has to be \"one\", and is "
           "\"t\\x00w\\x22\"");
    memset(big, 'b', sizeof(big));
    assert_int_equal(leaselock_fenced_put(ticket, "condition/b", 11, big,
                                          sizeof(big), TEST_WAIT_MS, NULL),
                     0);
    for (int i = 0; i < LEASELOCK_TXN_PARTS_MAX; i++) {
        many[i] = pair[1];
        many[i].key = "condition/b";
        many[i].result = LEASELOCK_COMPARE_LESS;
        many[i].value = "c";
        many[i].value_size = 1;
    }
    many[3].value = "a";
    expect(ticket, many, LEASELOCK_TXN_PARTS_MAX,
           "and is \"bbbbbbbbbbbbbbbb...\" (1048576 bytes)");
    many[3].value = "c";
    many[9].value = "a"; /* a value beyond those that are read */
    expect(ticket, many, LEASELOCK_TXN_PARTS_MAX,
           "one of the conditions on values behind the first four");
    many[4].value = "a";
    expect(ticket, many, 5,
           "has to be less than \"a\", but it was written at revision");
    assert_string_equal(test_value(&etcd, "condition/out"), "");
    test_release(ticket);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_named)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
