/* SPDX-License-Identifier: Apache-2.0 */
/* A request's outcome from a gRPC status and etcd's sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <grpc/status.h>

#include "etcd/messages.h"

struct outcome_case {
    int grpc_status;
    const char *text;
    enum ll_outcome outcome;
};

static void check(const struct outcome_case *cases, size_t n)
{
    size_t i = 0;

    for (i = 0; i < n; i++) {
        enum ll_outcome outcome =
            ll_outcome_of(cases[i].grpc_status, cases[i].text);

        if (outcome != cases[i].outcome) {
            fail_msg("status %d \"%s\": %d, not %d", cases[i].grpc_status,
                     cases[i].text, (int)outcome, (int)cases[i].outcome);
        }
    }
}

#define CHECK(cases) check((cases), sizeof(cases) / sizeof((cases)[0]))

/** Goal: etcd's grpc-proxy forwards sentences without their codes; each has the
 * same meaning. Method: the sentences of etcd's server that our requests can
 * receive, with their own code and UNKNOWN. */
static void test_sentences_through_a_proxy(void **state)
{
    static const struct outcome_case cases[] = {
        {GRPC_STATUS_NOT_FOUND, "etcdserver: requested lease not found",
         LL_OUTCOME_NO_LEASE},
        {GRPC_STATUS_FAILED_PRECONDITION, "etcdserver: lease already exists",
         LL_OUTCOME_LEASE_EXISTS},
        {GRPC_STATUS_OUT_OF_RANGE, "etcdserver: too large lease TTL",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_INVALID_ARGUMENT, "etcdserver: key is not provided",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_INVALID_ARGUMENT,
         "etcdserver: too many operations in txn request", LL_OUTCOME_ERROR},
        {GRPC_STATUS_INVALID_ARGUMENT,
         "etcdserver: duplicate key given in txn request", LL_OUTCOME_ERROR},
        {GRPC_STATUS_OUT_OF_RANGE,
         "etcdserver: mvcc: required revision has been compacted",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_OUT_OF_RANGE,
         "etcdserver: mvcc: required revision is a future revision",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_INVALID_ARGUMENT, "etcdserver: request is too large",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_RESOURCE_EXHAUSTED, "etcdserver: too many requests",
         LL_OUTCOME_AGAIN},
        {GRPC_STATUS_PERMISSION_DENIED, "etcdserver: permission denied",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_INVALID_ARGUMENT, "etcdserver: user name is empty",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_FAILED_PRECONDITION, "etcdserver: user name not found",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_INVALID_ARGUMENT,
         "etcdserver: authentication failed, invalid user ID or password",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_FAILED_PRECONDITION,
         "etcdserver: authentication is not enabled", LL_OUTCOME_ERROR},
        {GRPC_STATUS_UNAUTHENTICATED, "etcdserver: invalid auth token",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_INVALID_ARGUMENT,
         "etcdserver: revision of auth store is old", LL_OUTCOME_REFUSED},
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: no leader", LL_OUTCOME_LOST},
        {GRPC_STATUS_FAILED_PRECONDITION, "etcdserver: not leader",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: leader changed",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: request timed out",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: rpc not supported for learner",
         LL_OUTCOME_LOST},
    };

    (void)state;
    CHECK(cases);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome_case bare = cases[i];

        bare.grpc_status = GRPC_STATUS_UNKNOWN;
        check(&bare, 1);
    }
}

/** Goal: the answers of etcd 3.4 and 3.5 are interpreted correctly. Method: the
 * sentences with etcd's statuses. */
static void test_sentences(void **state)
{
    static const struct outcome_case cases[] = {
        {GRPC_STATUS_OK, "", LL_OUTCOME_OK},
        {GRPC_STATUS_UNKNOWN, "etcdserver: too many requests",
         LL_OUTCOME_AGAIN},
        {GRPC_STATUS_RESOURCE_EXHAUSTED, "etcdserver: too many requests",
         LL_OUTCOME_AGAIN},
        {GRPC_STATUS_NOT_FOUND, "etcdserver: requested lease not found",
         LL_OUTCOME_NO_LEASE},
        {GRPC_STATUS_FAILED_PRECONDITION, "etcdserver: lease already exists",
         LL_OUTCOME_LEASE_EXISTS},
        {GRPC_STATUS_PERMISSION_DENIED, "etcdserver: permission denied",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_UNAUTHENTICATED, "etcdserver: invalid auth token",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_INVALID_ARGUMENT, "etcdserver: user name is empty",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_INVALID_ARGUMENT,
         "etcdserver: authentication failed, invalid user ID or password",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_UNKNOWN,
         "auth: authentication failed, password was given for no password user",
         LL_OUTCOME_REFUSED},
        {GRPC_STATUS_INVALID_ARGUMENT,
         "etcdserver: revision of auth store is old", LL_OUTCOME_REFUSED},
        {GRPC_STATUS_INVALID_ARGUMENT, "etcdserver: request is too large",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_INVALID_ARGUMENT,
         "etcdserver: too many operations in txn request", LL_OUTCOME_ERROR},
        {GRPC_STATUS_INVALID_ARGUMENT,
         "etcdserver: duplicate key given in txn request", LL_OUTCOME_ERROR},
        {GRPC_STATUS_OUT_OF_RANGE,
         "etcdserver: mvcc: required revision has been compacted",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_OUT_OF_RANGE, "etcdserver: too large lease TTL",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_NOT_FOUND, "etcdserver: member not found",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_UNIMPLEMENTED, "unknown service etcdserverpb.KV",
         LL_OUTCOME_ERROR},
    };

    (void)state;
    CHECK(cases);
}

/** Goal: after an error that is possible after a write was applied, its outcome
 * is unknown. */
static void test_lost(void **state)
{
    static const struct outcome_case cases[] = {
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: no leader", LL_OUTCOME_LOST},
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: leader changed",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: request timed out",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: server stopped",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_UNAVAILABLE, "recvmsg:Connection reset by peer",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_DEADLINE_EXCEEDED, "Deadline Exceeded", LL_OUTCOME_LOST},
        {GRPC_STATUS_CANCELLED, "CANCELLED", LL_OUTCOME_LOST},
        {GRPC_STATUS_UNKNOWN, "etcdserver: request cancelled", LL_OUTCOME_LOST},
        {GRPC_STATUS_UNKNOWN, "", LL_OUTCOME_LOST},
        {GRPC_STATUS_INTERNAL, "", LL_OUTCOME_LOST},
        {GRPC_STATUS_ABORTED, "", LL_OUTCOME_LOST},
        {GRPC_STATUS_DATA_LOSS, "etcdserver: corrupt cluster", LL_OUTCOME_LOST},
        {17, "a status that does not exist", LL_OUTCOME_LOST},
        {-1, NULL, LL_OUTCOME_LOST},
    };

    (void)state;
    CHECK(cases);
}

/** Goal: if a member cannot serve, the request is sent to another. */
static void test_other_member(void **state)
{
    static const struct outcome_case cases[] = {
        {GRPC_STATUS_UNKNOWN, "not a primary lessor", LL_OUTCOME_LOST},
        {GRPC_STATUS_FAILED_PRECONDITION, "etcdserver: not capable",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_UNAVAILABLE, "etcdserver: rpc not supported for learner",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_FAILED_PRECONDITION,
         "etcdserver: rpc not supported for learner", LL_OUTCOME_LOST},
        {GRPC_STATUS_FAILED_PRECONDITION, "etcdserver: not leader",
         LL_OUTCOME_LOST},
    };

    (void)state;
    CHECK(cases);
}

/** Goal: a message that is too large is an error only if it is a request; an
 * answer is dropped after the write was applied. */
static void test_too_large(void **state)
{
    static const struct outcome_case cases[] = {
        {GRPC_STATUS_RESOURCE_EXHAUSTED,
         "grpc: received message larger than max (3000031 vs. 2097152)",
         LL_OUTCOME_ERROR},
        {GRPC_STATUS_RESOURCE_EXHAUSTED,
         "Sent message larger than max (9 vs. 8)", LL_OUTCOME_ERROR},
        {GRPC_STATUS_RESOURCE_EXHAUSTED,
         "Received message larger than max (9 vs. 8)", LL_OUTCOME_LOST},
        {GRPC_STATUS_RESOURCE_EXHAUSTED,
         "grpc: trying to send message larger than max (9 vs. 8)",
         LL_OUTCOME_LOST},
        {GRPC_STATUS_RESOURCE_EXHAUSTED, "", LL_OUTCOME_LOST},
        {GRPC_STATUS_UNIMPLEMENTED, "Compression algorithm 'gzip' is disabled.",
         LL_OUTCOME_LOST},
    };

    (void)state;
    CHECK(cases);
}

/** Goal: after "no space" the outcome is unknown, since etcd applies the write
 * that exceeds the quota and answers it with this. */
static void test_no_space(void **state)
{
    static const struct outcome_case cases[] = {
        {GRPC_STATUS_RESOURCE_EXHAUSTED,
         "etcdserver: mvcc: database space exceeded", LL_OUTCOME_LOST},
    };

    (void)state;
    CHECK(cases);
}

/** Goal: a failed answer carries its status and text, and text is never
 *  NULL. */
static void test_answer_fail(void **state)
{
    struct ll_answer answer;

    (void)state;
    ll_answer_fail(GRPC_STATUS_NOT_FOUND,
                   "etcdserver: requested lease not found", &answer);
    assert_int_equal(answer.outcome, LL_OUTCOME_NO_LEASE);
    assert_int_equal(answer.grpc_status, GRPC_STATUS_NOT_FOUND);
    assert_string_equal(answer.text, "etcdserver: requested lease not found");
    assert_int_equal(answer.revision, 0);
    ll_answer_fail(GRPC_STATUS_UNAVAILABLE, NULL, &answer);
    assert_int_equal(answer.outcome, LL_OUTCOME_LOST);
    assert_string_equal(answer.text, "");
}

/** Goal: errors that a new token may fix are distinguished from others. */
static void test_token_texts(void **state)
{
    (void)state;
    assert_true(ll_text_is_token("etcdserver: invalid auth token"));
    assert_true(ll_text_is_token("rpc error: code = Unauthenticated desc = "
                                 "etcdserver: invalid auth token"));
    assert_true(ll_text_is_token("etcdserver: revision of auth store is old"));
    assert_true(ll_text_is_token("etcdserver: user name is empty"));
    assert_false(ll_text_is_token("etcdserver: permission denied"));
    assert_false(ll_text_is_token("etcdserver: authentication failed, invalid "
                                  "user ID or password"));
    assert_false(ll_text_is_token(""));
    assert_true(
        ll_text_is_auth_off("etcdserver: authentication is not enabled"));
    assert_false(ll_text_is_auth_off("etcdserver: permission denied"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_sentences_through_a_proxy),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_other_member),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_no_space),
        cmocka_unit_test(test_answer_fail),
        cmocka_unit_test(test_token_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
