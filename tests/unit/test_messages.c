/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding of requests for etcd. */
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

static struct ll_bytes of(const char *string)
{
    return (struct ll_bytes){string, strlen(string)};
}

static void assert_encoded(const struct ll_request *request,
                           const struct writer *expected)
{
    struct ll_buffer buffer = {0};

    assert_int_equal(ll_request_encode(request, &buffer), 0);
    assert_int_equal(buffer.size, expected->size);
    if (buffer.size > 0) {
        assert_memory_equal(buffer.data, expected->data, buffer.size);
    }
    ll_buffer_free(&buffer);
}

/** Goal: every field of a Txn and its operations has etcd's number. Method:
 *  the enqueue of the design, nested in a Txn, against bytes by hand. */
static void test_encode_txn(void **state)
{
    const struct ll_compare compares[] = {
        {.key = of("q/"),
         .end = of("q0"),
         .target = LL_COMPARE_CREATE_REVISION,
         .result = LL_COMPARE_EQUAL},
        {.key = of("k"),
         .target = LL_COMPARE_VALUE,
         .result = LL_COMPARE_NOT_EQUAL,
         .value = of("v")},
        {.key = of("k"), .target = LL_COMPARE_LEASE, .number = 9},
    };
    const struct ll_op inner[] = {
        {.kind = LL_OP_RANGE,
         .range = {.key = of("q/"),
                   .end = of("q0"),
                   .limit = 1,
                   .max_create_revision = 300,
                   .sort = LL_SORT_NEWEST_FIRST,
                   .keys_only = true}},
        {.kind = LL_OP_PUT,
         .put = {.key = of("q/1"), .value = of("me"), .lease = 5}},
    };
    const struct ll_op deletion = {.kind = LL_OP_DELETE,
                                   .del = {.key = of("q/"), .end = of("q0")}};
    const struct ll_op nested = {.kind = LL_OP_TXN,
                                 .txn = {.then_ops = &deletion, .then_n = 1}};
    const struct ll_request request = {
        .kind = LL_REQUEST_TXN,
        .txn = {compares, 3, inner, 2, &nested, 1},
    };
    struct writer out = {.size = 0};
    struct writer a = {.size = 0};
    struct writer b = {.size = 0};

    (void)state;
    number(&a, 2, 1); /* CREATE */
    text(&a, 3, "q/");
    number(&a, 5, 0);
    text(&a, 64, "q0");
    message(&out, 1, &a);
    a.size = 0;
    number(&a, 1, 3); /* NOT_EQUAL */
    number(&a, 2, 3); /* VALUE */
    text(&a, 3, "k");
    text(&a, 7, "v");
    message(&out, 1, &a);
    a.size = 0;
    number(&a, 2, 4); /* LEASE */
    text(&a, 3, "k");
    number(&a, 8, 9);
    message(&out, 1, &a);

    a.size = 0;
    text(&a, 1, "q/");
    text(&a, 2, "q0");
    number(&a, 3, 1);
    number(&a, 5, 2); /* DESCEND */
    number(&a, 6, 2); /* CREATE */
    number(&a, 8, 1);
    number(&a, 13, 300);
    message(&b, 1, &a);
    message(&out, 2, &b);
    a.size = b.size = 0;
    text(&a, 1, "q/1");
    text(&a, 2, "me");
    number(&a, 3, 5);
    message(&b, 2, &a);
    message(&out, 2, &b);

    a.size = b.size = 0;
    text(&a, 1, "q/");
    text(&a, 2, "q0");
    message(&b, 3, &a); /* delete_range */
    a.size = 0;
    message(&a, 2, &b); /* in the Txn's success */
    b.size = 0;
    message(&b, 4, &a);
    message(&out, 3, &b);
    assert_encoded(&request, &out);
}

/** Goal: the other requests have etcd's numbers, too. */
static void test_encode_others(void **state)
{
    struct ll_request request = {
        .kind = LL_REQUEST_RANGE,
        .range = {.key = of("k"),
                  .revision = 12,
                  .sort = LL_SORT_OLDEST_FIRST,
                  .serializable = true,
                  .count_only = true},
    };
    struct writer out = {.size = 0};

    (void)state;
    text(&out, 1, "k");
    number(&out, 4, 12);
    number(&out, 5, 1); /* ASCEND */
    number(&out, 6, 2); /* CREATE */
    number(&out, 7, 1);
    number(&out, 9, 1);
    assert_encoded(&request, &out);

    request = (struct ll_request){.kind = LL_REQUEST_LEASE_GRANT,
                                  .lease = {.lease = INT64_MAX, .ttl_s = 10}};
    out.size = 0;
    number(&out, 1, 10);
    number(&out, 2, INT64_MAX);
    assert_encoded(&request, &out);
    out.size = 0;
    number(&out, 1, INT64_MAX);
    request.kind = LL_REQUEST_LEASE_REVOKE;
    assert_encoded(&request, &out);
    request.kind = LL_REQUEST_LEASE_TTL;
    assert_encoded(&request, &out);
    request.lease.keys = true;
    number(&out, 2, 1);
    assert_encoded(&request, &out);
    request.kind = LL_REQUEST_STATUS;
    out.size = 0;
    assert_encoded(&request, &out);
    request.kind = LL_REQUEST_MEMBER_LIST;
    assert_encoded(&request, &out);
}

/** Goal: the messages of the streams have etcd's numbers. */
static void test_encode_streams(void **state)
{
    struct ll_effect effect = {
        .kind = LL_EFFECT_WATCH_CREATE,
        .watch = {.watch_id = 3, .key = of("k"), .deletions = true},
    };
    struct ll_buffer buffer = {0};
    const uint8_t no_put = 0;
    const uint8_t both[] = {0, 1};
    struct writer inner = {.size = 0};
    struct writer out = {.size = 0};

    (void)state;
    text(&inner, 1, "k");
    bytes(&inner, 5, &no_put, 1);
    number(&inner, 7, 3);
    message(&out, 1, &inner);
    assert_int_equal(ll_watch_create_encode(&effect, &buffer), 0);
    assert_int_equal(buffer.size, out.size);
    assert_memory_equal(buffer.data, out.data, out.size);

    effect.watch.deletions = false;
    inner.size = out.size = 0;
    text(&inner, 1, "k");
    bytes(&inner, 5, both, 2);
    number(&inner, 7, 3);
    message(&out, 1, &inner);
    assert_int_equal(ll_watch_create_encode(&effect, &buffer), 0);
    assert_int_equal(buffer.size, out.size);
    assert_memory_equal(buffer.data, out.data, out.size);

    inner.size = out.size = 0;
    number(&inner, 1, 3);
    message(&out, 2, &inner);
    assert_int_equal(ll_watch_cancel_encode(3, &buffer), 0);
    assert_int_equal(buffer.size, out.size);
    assert_memory_equal(buffer.data, out.data, out.size);

    out.size = 0;
    number(&out, 1, 4711);
    assert_int_equal(ll_keepalive_encode(4711, &buffer), 0);
    assert_int_equal(buffer.size, out.size);
    assert_memory_equal(buffer.data, out.data, out.size);
    ll_buffer_free(&buffer);
}

/** Goal: LL_TXN_DEPTH_MAX nested Txns are accepted and one more is not; and if
 * any allocation fails, the result is NOMEM. */
static void test_encode_limits(void **state)
{
    struct ll_op ops[LL_TXN_DEPTH_MAX + 1];
    struct ll_request request = {.kind = LL_REQUEST_TXN};
    struct ll_buffer buffer = {0};
    unsigned long nth = 0;
    int status = LEASELOCK_E_NOMEM;
    size_t i = 0;

    (void)state;
    for (i = 0; i < LL_TXN_DEPTH_MAX + 1; i++) {
        ops[i] = (struct ll_op){.kind = LL_OP_TXN};
        if (i > 0) {
            ops[i].txn.then_ops = &ops[i - 1];
            ops[i].txn.then_n = 1;
        }
    }
    request.txn.else_n = 1;
    request.txn.else_ops = &ops[LL_TXN_DEPTH_MAX];
    assert_int_equal(ll_request_encode(&request, &buffer), LEASELOCK_E_LIMIT);
    request.txn.else_ops = &ops[LL_TXN_DEPTH_MAX - 1];
    for (nth = 1; status != 0; nth++) {
        ll_buffer_free(&buffer);
        ll_alloc_fail_at(nth);
        status = ll_request_encode(&request, &buffer);
        ll_alloc_fail_at(0);
        assert_true(status == 0 || status == LEASELOCK_E_NOMEM);
    }
    assert_true(nth > 2);
    ll_buffer_free(&buffer);
}

/** Goal: the request for a token has etcd's format, and a wiped buffer may be
 * wiped again. */
static void test_encode_authenticate(void **state)
{
    struct writer expected = {.size = 0};
    struct ll_buffer out = {0};

    (void)state;
    text(&expected, 1, "ann");
    text(&expected, 2, "secret");
    assert_int_equal(ll_authenticate_encode("ann", "secret", &out), 0);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, expected.size);
    ll_buffer_wipe(&out);
    assert_null(out.data);
    assert_int_equal(out.capacity, 0);
    ll_buffer_wipe(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode_txn),
        cmocka_unit_test(test_encode_others),
        cmocka_unit_test(test_encode_streams),
        cmocka_unit_test(test_encode_limits),
        cmocka_unit_test(test_encode_authenticate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
