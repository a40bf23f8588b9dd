/* SPDX-License-Identifier: Apache-2.0 */
/* etcd's bytes become answers, or are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "etcd/messages.h"
#include "leaselock/status.h"
#include "protobuf_writer.h"

/** Field 1 of every answer. */
static void header(struct writer *writer, int64_t revision)
{
    struct writer inner = {.size = 0};

    number(&inner, 1, -2);
    number(&inner, 2, 77);
    number(&inner, 3, revision);
    message(writer, 1, &inner);
}

static void assert_bytes(struct ll_bytes is, const char *expected)
{
    assert_int_equal(is.size, strlen(expected));
    assert_memory_equal(is.data, expected, is.size);
}

/** A Txn's answer with a range of one key, a put, a deletion and a Txn. */
static void write_txn_answer(struct writer *out)
{
    struct writer kv = {.size = 0};
    struct writer range = {.size = 0};
    struct writer op = {.size = 0};
    struct writer txn = {.size = 0};

    header(out, 40);
    number(out, 2, 1);
    text(&kv, 1, "q/1");
    number(&kv, 2, 30);
    number(&kv, 3, 31);
    number(&kv, 4, 2);
    text(&kv, 5, "me");
    number(&kv, 6, 5);
    message(&range, 2, &kv);
    number(&range, 3, 1);
    number(&range, 4, 8);
    message(&op, 1, &range);
    message(out, 3, &op);
    op.size = 0;
    text(&op, 2, ""); /* put */
    message(out, 3, &op);
    op.size = kv.size = 0;
    number(&kv, 2, 3);
    message(&op, 3, &kv); /* delete_range */
    message(out, 3, &op);
    message(&txn, 3, &op);
    op.size = 0;
    message(&op, 4, &txn);
    message(out, 3, &op);
    text(out, 999, "a field of a later etcd");
}

/** Goal: a Txn's answer is read in full. */
static void test_decode_txn(void **state)
{
    struct writer in = {.size = 0};
    struct ll_answer answer;
    struct ll_decoded *decoded = NULL;
    const struct ll_op_answer *ops = NULL;

    (void)state;
    write_txn_answer(&in);
    assert_int_equal(
        ll_answer_decode(LL_REQUEST_TXN, in.data, in.size, &answer, &decoded),
        0);
    assert_int_equal(answer.outcome, LL_OUTCOME_OK);
    assert_int_equal(answer.kind, LL_REQUEST_TXN);
    assert_string_equal(answer.text, "");
    assert_int_equal(answer.revision, 40);
    assert_true(answer.cluster_id == UINT64_MAX - 1);
    assert_int_equal(answer.member_id, 77);
    assert_true(answer.txn.succeeded);
    assert_int_equal(answer.txn.ops_n, 4);
    ops = answer.txn.ops;
    assert_int_equal(ops[0].kind, LL_OP_RANGE);
    assert_int_equal(ops[0].range.kvs_n, 1);
    assert_true(ops[0].range.more);
    assert_int_equal(ops[0].range.count, 8);
    assert_bytes(ops[0].range.kvs[0].key, "q/1");
    assert_bytes(ops[0].range.kvs[0].value, "me");
    assert_int_equal(ops[0].range.kvs[0].create_revision, 30);
    assert_int_equal(ops[0].range.kvs[0].mod_revision, 31);
    assert_int_equal(ops[0].range.kvs[0].version, 2);
    assert_int_equal(ops[0].range.kvs[0].lease, 5);
    assert_int_equal(ops[1].kind, LL_OP_PUT);
    assert_int_equal(ops[2].kind, LL_OP_DELETE);
    assert_int_equal(ops[2].deleted, 3);
    assert_int_equal(ops[3].kind, LL_OP_TXN);
    assert_false(ops[3].txn.succeeded);
    assert_int_equal(ops[3].txn.ops_n, 1);
    assert_int_equal(ops[3].txn.ops[0].deleted, 3);
    ll_decoded_free(decoded);
}

static int decode(enum ll_request_kind kind,
                  const struct writer *in,
                  struct ll_answer *ret_answer)
{
    struct ll_decoded *decoded = NULL;
    int status =
        ll_answer_decode(kind, in->data, in->size, ret_answer, &decoded);

    ll_decoded_free(decoded);
    return status;
}

/** Goal: answers about leases are read, and invalid ones are refused: no id, a
 * negative TTL of a new lease, or one beyond the clock's range. An expired lease
 * has a negative TTL until it is revoked. */
static void test_decode_leases(void **state)
{
    static const struct {
        enum ll_request_kind kind;
        int64_t id;
        int64_t ttl_s;
        int64_t granted_ttl_s;
        int status;
        int64_t read_s;
    } cases[] = {
        {LL_REQUEST_LEASE_GRANT, 5, 10, 0, 0, 10},
        {LL_REQUEST_LEASE_GRANT, 5, 9000000000, 0, 0, 9000000000},
        {LL_REQUEST_LEASE_GRANT, 5, 9000000001, 0, LEASELOCK_E_SERVER, 0},
        {LL_REQUEST_LEASE_GRANT, 5, 0, 0, LEASELOCK_E_SERVER, 0},
        {LL_REQUEST_LEASE_GRANT, 5, -2, 0, LEASELOCK_E_SERVER, 0},
        {LL_REQUEST_LEASE_GRANT, 0, 10, 0, LEASELOCK_E_SERVER, 0},
        {LL_REQUEST_LEASE_TTL, 5, 3, 10, 0, 3},
        {LL_REQUEST_LEASE_TTL, 5, -1, 0, 0, -1},
        {LL_REQUEST_LEASE_TTL, 5, -2, 10, 0, -1},
        {LL_REQUEST_LEASE_TTL, 5, INT64_MIN, 10, 0, -1},
        {LL_REQUEST_LEASE_TTL, 5, 9000000001, 10, LEASELOCK_E_SERVER, 0},
        {LL_REQUEST_LEASE_TTL, 5, 3, -1, LEASELOCK_E_SERVER, 0},
        {LL_REQUEST_LEASE_TTL, 0, 3, 10, LEASELOCK_E_SERVER, 0},
        {LL_REQUEST_LEASE_REVOKE, 0, 0, 0, 0, 0},
    };
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct writer in = {.size = 0};
        struct ll_answer answer = {.text = ""};

        header(&in, 7);
        number(&in, 2, cases[i].id);
        number(&in, 3, cases[i].ttl_s);
        if (cases[i].kind == LL_REQUEST_LEASE_TTL) {
            number(&in, 4, cases[i].granted_ttl_s);
        }
        assert_int_equal(decode(cases[i].kind, &in, &answer), cases[i].status);
        if (cases[i].status == 0 && cases[i].kind != LL_REQUEST_LEASE_REVOKE) {
            assert_int_equal(answer.lease.ttl_s, cases[i].read_s);
        }
    }
}

/** Goal: the keys attached to a lease are read. */
static void test_decode_lease_keys(void **state)
{
    struct writer in = {.size = 0};
    struct ll_answer answer;
    struct ll_decoded *decoded = NULL;

    (void)state;
    header(&in, 7);
    number(&in, 2, 5);
    number(&in, 3, 8);
    number(&in, 4, 10);
    text(&in, 5, "a/5.1");
    text(&in, 5, "b/5.2");
    assert_int_equal(ll_answer_decode(LL_REQUEST_LEASE_TTL, in.data, in.size,
                                      &answer, &decoded),
                     0);
    assert_int_equal(answer.lease.keys_n, 2);
    assert_memory_equal(answer.lease.keys[0].data, "a/5.1", 5);
    assert_int_equal(answer.lease.keys[1].size, 5);
    assert_memory_equal(answer.lease.keys[1].data, "b/5.2", 5);
    ll_decoded_free(decoded);
}

/** Goal: a member's status is read. */
static void test_decode_status(void **state)
{
    struct writer in = {.size = 0};
    struct ll_answer answer;
    struct ll_decoded *decoded = NULL;

    (void)state;
    header(&in, 7);
    text(&in, 2, "3.4.23");
    number(&in, 4, 99);
    number(&in, 10, 1);
    assert_int_equal(ll_answer_decode(LL_REQUEST_STATUS, in.data, in.size,
                                      &answer, &decoded),
                     0);
    assert_string_equal(answer.status.version, "3.4.23");
    assert_int_equal(answer.status.leader_id, 99);
    assert_true(answer.status.is_learner);
    ll_decoded_free(decoded);
}

/** Goal: a token is read, and an answer without one is refused. */
static void test_decode_authenticate(void **state)
{
    struct writer in = {.size = 0};
    struct ll_buffer token = {0};

    (void)state;
    header(&in, 7);
    assert_int_equal(ll_authenticate_decode(in.data, in.size, &token),
                     LEASELOCK_E_SERVER);
    text(&in, 2, "aBc.17");
    assert_int_equal(ll_authenticate_decode(in.data, in.size - 1, &token),
                     LEASELOCK_E_SERVER);
    assert_null(token.data);
    assert_int_equal(ll_authenticate_decode(in.data, in.size, &token), 0);
    assert_int_equal(token.size, 6);
    assert_memory_equal(token.data, "aBc.17", 7);
    ll_buffer_wipe(&token);
}

/** Goal: the list of members is read, including one that has not started. */
static void test_decode_members(void **state)
{
    struct writer in = {.size = 0};
    struct writer member = {.size = 0};
    struct ll_answer answer;
    struct ll_decoded *decoded = NULL;
    const struct ll_member *list;

    (void)state;
    header(&in, 7);
    number(&member, 1, 4711);
    text(&member, 2, "a");
    text(&member, 3, "http://a:2380");
    text(&member, 4, "http://a:2379");
    text(&member, 4, "https://b:2379");
    message(&in, 2, &member);
    member.size = 0;
    number(&member, 1, 4712);
    number(&member, 5, 1);
    message(&in, 2, &member);
    assert_int_equal(ll_answer_decode(LL_REQUEST_MEMBER_LIST, in.data, in.size,
                                      &answer, &decoded),
                     0);
    assert_int_equal(answer.members.n, 2);
    list = answer.members.list;
    assert_int_equal(list[0].id, 4711);
    assert_string_equal(list[0].name, "a");
    assert_int_equal(list[0].client_urls_n, 2);
    assert_string_equal(list[0].client_urls[0], "http://a:2379");
    assert_string_equal(list[0].client_urls[1], "https://b:2379");
    assert_false(list[0].is_learner);
    assert_string_equal(list[1].name, "");
    assert_int_equal(list[1].client_urls_n, 0);
    assert_true(list[1].is_learner);
    ll_decoded_free(decoded);
    in.size = 0;
    assert_int_equal(ll_answer_decode(LL_REQUEST_MEMBER_LIST, in.data, in.size,
                                      &answer, &decoded),
                     0);
    assert_int_equal(answer.members.n, 0);
    ll_decoded_free(decoded);
}

/** Goal: answers without the fields that core requires are refused. */
static void test_decode_refuses(void **state)
{
    struct writer in = {.size = 0};
    struct writer op = {.size = 0};
    struct ll_answer answer;

    (void)state;
    /* Nothing at all, as a proxy might send; and a revision of 0. */
    assert_int_equal(decode(LL_REQUEST_TXN, &in, &answer), LEASELOCK_E_SERVER);
    assert_int_equal(decode(LL_REQUEST_RANGE, &in, &answer),
                     LEASELOCK_E_SERVER);
    header(&in, 0);
    assert_int_equal(decode(LL_REQUEST_RANGE, &in, &answer),
                     LEASELOCK_E_SERVER);
    /* An operation's answer without a kind, and of an unknown kind. */
    in.size = 0;
    header(&in, 1);
    text(&in, 3, "");
    assert_int_equal(decode(LL_REQUEST_TXN, &in, &answer), LEASELOCK_E_SERVER);
    in.size = 0;
    header(&in, 1);
    text(&op, 5, "");
    message(&in, 3, &op);
    assert_int_equal(decode(LL_REQUEST_TXN, &in, &answer), LEASELOCK_E_SERVER);
    /* A count below 0. */
    in.size = 0;
    header(&in, 1);
    number(&in, 4, -1);
    assert_int_equal(decode(LL_REQUEST_RANGE, &in, &answer),
                     LEASELOCK_E_SERVER);
    /* A second header, a group, a field of number 0. */
    in.size = 0;
    header(&in, 1);
    header(&in, 1);
    assert_int_equal(decode(LL_REQUEST_RANGE, &in, &answer),
                     LEASELOCK_E_SERVER);
    in.size = 0;
    header(&in, 1);
    varint(&in, 9 << 3 | 3);
    assert_int_equal(decode(LL_REQUEST_RANGE, &in, &answer),
                     LEASELOCK_E_SERVER);
    in.size = 0;
    header(&in, 1);
    number(&in, 0, 1);
    assert_int_equal(decode(LL_REQUEST_RANGE, &in, &answer),
                     LEASELOCK_E_SERVER);
}

/** Goal: LL_TXN_DEPTH_MAX nested answers are accepted, one more and hundreds
 * are not, and hundreds do not exhaust the stack. */
static void test_decode_depth(void **state)
{
    struct ll_answer answer;
    size_t depth = 0;
    struct writer txn = {.size = 0};

    (void)state;
    header(&txn, 1);
    for (depth = 1; depth < 300; depth++) {
        struct writer op = {.size = 0};
        struct writer outer = {.size = 0};

        message(&op, 4, &txn);
        header(&outer, 1);
        message(&outer, 3, &op);
        if (outer.size > sizeof(outer.data) - 64) {
            break;
        }
        txn = outer;
        assert_int_equal(decode(LL_REQUEST_TXN, &txn, &answer),
                         depth <= LL_TXN_DEPTH_MAX ? 0 : LEASELOCK_E_SERVER);
    }
    assert_true(depth > 100);
}

/** Goal: invalid bytes never crash. Method: every prefix of an answer, and
 * every bit of it flipped, with a sanitizer. */
static void test_decode_broken(void **state)
{
    struct writer in = {.size = 0};
    struct ll_answer answer;
    size_t i = 0;
    size_t whole = 0;

    (void)state;
    write_txn_answer(&in);
    whole = in.size;
    for (i = 0; i < whole * 8; i++) {
        in.data[i / 8] ^= (uint8_t)(1U << (i % 8));
        (void)decode(LL_REQUEST_TXN, &in, &answer);
        (void)decode(LL_REQUEST_RANGE, &in, &answer);
        in.data[i / 8] ^= (uint8_t)(1U << (i % 8));
    }
    for (in.size = 0; in.size < whole; in.size++) {
        (void)decode(LL_REQUEST_TXN, &in, &answer);
    }
}

/** Goal: if any allocation fails, the result is NOMEM, and nothing leaks. */
static void test_decode_no_memory(void **state)
{
    struct writer in = {.size = 0};
    struct ll_answer answer;
    unsigned long nth = 0;
    int status = LEASELOCK_E_NOMEM;

    (void)state;
    write_txn_answer(&in);
    for (nth = 1; status != 0; nth++) {
        ll_alloc_fail_at(nth);
        status = decode(LL_REQUEST_TXN, &in, &answer);
        ll_alloc_fail_at(0);
        assert_true(status == 0 || status == LEASELOCK_E_NOMEM);
    }
    assert_true(nth > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_txn),
        cmocka_unit_test(test_decode_leases),
        cmocka_unit_test(test_decode_lease_keys),
        cmocka_unit_test(test_decode_status),
        cmocka_unit_test(test_decode_authenticate),
        cmocka_unit_test(test_decode_members),
        cmocka_unit_test(test_decode_refuses),
        cmocka_unit_test(test_decode_depth),
        cmocka_unit_test(test_decode_broken),
        cmocka_unit_test(test_decode_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
