/* SPDX-License-Identifier: Apache-2.0 */
/* The token's state machine: the table in rpc/token.h, row by row, and when a
 * token is renewed. Time is an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "leaselock/status.h"
#include "rpc/token.h"

#define NOW (1000 * LL_NS_PER_S)
#define WALL INT64_C(1700000000)

static void
assert_use(const struct ll_token *token, int64_t now_ns, bool go, bool fetch)
{
    struct ll_token_use use = ll_token_use(token, now_ns);

    assert_int_equal(use.go, go);
    assert_int_equal(use.fetch, fetch);
}

static void fetch(struct ll_token *token, const char *value, int64_t now_ns)
{
    ll_token_fetching(token);
    assert_int_equal(
        ll_token_fetched(token, value, strlen(value), now_ns, now_ns, WALL), 0);
}

/** A token of etcd's simple kind. */
static void hold(struct ll_token *token)
{
    ll_token_init(token, true);
    fetch(token, "aBcDeF.17", NOW);
    assert_int_equal(token->state, LL_TOKEN_HELD);
}

/** Goal: without a user no token is ever fetched or awaited. */
static void test_off(void **state)
{
    struct ll_token token;

    (void)state;
    ll_token_init(&token, false);
    assert_use(&token, NOW, true, false);
    assert_null(ll_token_value(&token));
    assert_int_equal(ll_token_serial(&token), 0);
    assert_false(ll_token_rejected(&token, 0));
    ll_token_fetching(&token);
    assert_int_equal(token.state, LL_TOKEN_OFF);
    ll_token_free(&token);
}

/** Goal: the first token is fetched once, while all calls wait, and is then
 * sent with each. */
static void test_first(void **state)
{
    struct ll_token token;

    (void)state;
    ll_token_init(&token, true);
    assert_int_equal(token.state, LL_TOKEN_NONE);
    assert_use(&token, NOW, false, true);
    ll_token_fetching(&token);
    assert_int_equal(token.state, LL_TOKEN_FETCHING);
    assert_use(&token, NOW, false, false);
    assert_null(ll_token_value(&token));
    ll_token_failed(&token, NOW);
    assert_int_equal(token.state, LL_TOKEN_NONE);
    assert_use(&token, NOW, false, true);
    fetch(&token, "aBcDeF.17", NOW);
    assert_use(&token, NOW, true, false);
    assert_non_null(ll_token_value(&token));
    assert_int_equal(grpc_slice_str_cmp(*ll_token_value(&token), "aBcDeF.17"),
                     0);
    assert_int_equal(ll_token_serial(&token), 1);
    ll_token_free(&token);
}

/** Goal: a token without an expiry is renewed by its age, while the old one is
 * in use; a renewal that fails is retried later. */
static void test_renewal(void **state)
{
    struct ll_token token;
    int64_t due_ns = NOW + LL_TOKEN_OPAQUE_LIFE_NS;

    (void)state;
    hold(&token);
    assert_use(&token, due_ns - 1, true, false);
    assert_use(&token, due_ns, true, true);
    ll_token_fetching(&token);
    assert_int_equal(token.state, LL_TOKEN_RENEWING);
    assert_use(&token, due_ns, true, false);
    assert_int_equal(ll_token_serial(&token), 1);
    ll_token_failed(&token, due_ns);
    assert_int_equal(token.state, LL_TOKEN_HELD);
    assert_use(&token, due_ns + LL_TOKEN_RENEW_PAUSE_NS - 1, true, false);
    due_ns += LL_TOKEN_RENEW_PAUSE_NS;
    assert_use(&token, due_ns, true, true);
    /* One that could not be sent. */
    ll_token_failed(&token, due_ns);
    assert_use(&token, due_ns, true, false);
    fetch(&token, "next.18", due_ns);
    assert_int_equal(ll_token_serial(&token), 2);
    assert_use(&token, due_ns + LL_TOKEN_OPAQUE_LIFE_NS - 1, true, false);
    ll_token_free(&token);
}

/** Goal: a JSON Web Token is renewed after three quarters of its remaining
 * time, with sensible bounds if the clock is wrong. */
static void test_jwt_renewal(void **state)
{
    static const struct {
        int64_t left_s;
        int64_t due_ns;
    } cases[] = {
        {100, 75 * LL_NS_PER_S},
        {4, 3 * LL_NS_PER_S},
        {1, LL_TOKEN_LIFE_MIN_NS},
        {0, LL_TOKEN_OPAQUE_LIFE_NS},
        {-100, LL_TOKEN_OPAQUE_LIFE_NS},
        {INT64_C(9000000000000000), LL_TOKEN_OPAQUE_LIFE_NS},
    };
    /* {"exp":1700000100,"username":"u"} and the like, whatever wall time. */
    static const char jwt[] =
        "h.eyJleHAiOjE3MDAwMDAxMDAsInVzZXJuYW1lIjoidSJ9.s";
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ll_token token;

        ll_token_init(&token, true);
        ll_token_fetching(&token);
        assert_int_equal(ll_token_fetched(&token, jwt, strlen(jwt), NOW, NOW,
                                          WALL + 100 - cases[i].left_s),
                         0);
        assert_use(&token, NOW + cases[i].due_ns - 1, true, false);
        assert_use(&token, NOW + cases[i].due_ns, true, true);
        ll_token_free(&token);
    }
}

/** Goal: a rejection of the present token drops it; that of an older one does
 * not. */
static void test_rejected(void **state)
{
    struct ll_token token;

    (void)state;
    hold(&token);
    ll_token_accepted(&token, 1);
    assert_true(ll_token_rejected(&token, 1));
    assert_int_equal(token.state, LL_TOKEN_NONE);
    assert_null(ll_token_value(&token));
    assert_int_equal(token.strikes, 0); /* it has simply expired */
    /* More rejections of the same token. */
    assert_true(ll_token_rejected(&token, 1));
    ll_token_fetching(&token);
    assert_true(ll_token_rejected(&token, 1));
    assert_int_equal(token.state, LL_TOKEN_FETCHING);
    assert_int_equal(ll_token_fetched(&token, "b.2", 3, NOW, NOW, WALL), 0);
    assert_true(ll_token_rejected(&token, 1));
    assert_true(ll_token_rejected(&token, 0));
    assert_int_equal(token.state, LL_TOKEN_HELD);
    assert_int_equal(ll_token_serial(&token), 2);
    /* While the next one is being fetched. */
    ll_token_fetching(&token);
    assert_int_equal(token.state, LL_TOKEN_RENEWING);
    assert_true(ll_token_rejected(&token, 2));
    assert_int_equal(token.state, LL_TOKEN_FETCHING);
    assert_use(&token, NOW, false, false);
    ll_token_free(&token);
}

/** Goal: LL_TOKEN_STRIKES_MAX consecutive rejections of new tokens are reported
 * to the user, and each one after them; an accepted token resets the count. */
static void test_strikes(void **state)
{
    struct ll_token token;
    uint32_t i = 0;

    (void)state;
    ll_token_init(&token, true);
    for (i = 1; i <= LL_TOKEN_STRIKES_MAX + 1; i++) {
        fetch(&token, "t", NOW);
        assert_int_equal(ll_token_rejected(&token, i),
                         i < LL_TOKEN_STRIKES_MAX);
    }
    fetch(&token, "t", NOW);
    ll_token_accepted(&token, i - 1); /* an older one: no effect */
    assert_int_equal(token.strikes, LL_TOKEN_STRIKES_MAX + 1);
    ll_token_accepted(&token, i);
    assert_int_equal(token.strikes, 0);
    assert_true(ll_token_rejected(&token, i));
    fetch(&token, "t", NOW);
    assert_true(ll_token_rejected(&token, i + 1));
    ll_token_free(&token);
}

/** Goal: a token that is only suspected is dropped without a strike. */
static void test_dropped(void **state)
{
    struct ll_token token;

    (void)state;
    hold(&token);
    ll_token_drop(&token, 0);
    assert_int_equal(token.state, LL_TOKEN_HELD);
    ll_token_drop(&token, 1);
    assert_int_equal(token.state, LL_TOKEN_NONE);
    assert_int_equal(token.strikes, 0);
    ll_token_free(&token);
}

/** Goal: if etcd has no authentication, calls are sent without a token, until
 * etcd requires one. */
static void test_unneeded(void **state)
{
    struct ll_token token;

    (void)state;
    ll_token_init(&token, true);
    ll_token_fetching(&token);
    ll_token_unneeded(&token);
    assert_int_equal(token.state, LL_TOKEN_UNNEEDED);
    assert_use(&token, NOW + 10 * LL_TOKEN_OPAQUE_LIFE_NS, true, false);
    assert_null(ll_token_value(&token));
    ll_token_accepted(&token, 0);
    assert_true(ll_token_rejected(&token, 7)); /* an earlier one */
    assert_int_equal(token.state, LL_TOKEN_UNNEEDED);
    assert_true(ll_token_rejected(&token, 0));
    assert_int_equal(token.state, LL_TOKEN_NONE);
    /* A renewal detects it, too. */
    fetch(&token, "t", NOW);
    ll_token_fetching(&token);
    ll_token_unneeded(&token);
    assert_int_equal(token.state, LL_TOKEN_UNNEEDED);
    assert_null(ll_token_value(&token));
    ll_token_free(&token);
}

/** Goal: an empty text, or one that cannot be a header's value, is refused as a
 * token; the present one stays. */
static void test_unfit(void **state)
{
    static char large[LL_TOKEN_SIZE_MAX + 1];
    struct ll_token token;

    (void)state;
    (void)memset(large, 'x', sizeof(large));
    ll_token_init(&token, true);
    ll_token_fetching(&token);
    assert_int_equal(ll_token_fetched(&token, "", 0, NOW, NOW, WALL),
                     LEASELOCK_E_SERVER);
    assert_int_equal(token.state, LL_TOKEN_NONE);
    ll_token_fetching(&token);
    assert_int_equal(ll_token_fetched(&token, "a\nb", 3, NOW, NOW, WALL),
                     LEASELOCK_E_SERVER);
    ll_token_fetching(&token);
    assert_int_equal(
        ll_token_fetched(&token, large, sizeof(large), NOW, NOW, WALL),
        LEASELOCK_E_SERVER);
    ll_token_fetching(&token);
    assert_int_equal(
        ll_token_fetched(&token, large, sizeof(large) - 1, NOW, NOW, WALL), 0);
    ll_token_fetching(&token);
    ll_alloc_fail_at(1);
    assert_int_equal(ll_token_fetched(&token, "t", 1, NOW, NOW, WALL),
                     LEASELOCK_E_NOMEM);
    ll_alloc_fail_at(0);
    assert_int_equal(token.state, LL_TOKEN_HELD);
    assert_int_equal(ll_token_serial(&token), 1);
    ll_token_free(&token);
}

/** Goal: a JSON Web Token's expiry is read, and other texts have none. */
static void test_jwt(void **state)
{
    static const struct {
        const char *token;
        bool found;
        int64_t expiry_s;
    } cases[] = {
        /* {"exp":1700000100,"username":"u"} */
        {"h.eyJleHAiOjE3MDAwMDAxMDAsInVzZXJuYW1lIjoidSJ9.s", true, 1700000100},
        /* {"exp":1700000100.5,"username":"u"} */
        {"h.eyJleHAiOjE3MDAwMDAxMDAuNSwidXNlcm5hbWUiOiJ1In0.s", true,
         1700000100},
        /* {"exp":"soon"} */
        {"h.eyJleHAiOiJzb29uIn0.s", false, 0},
        /* {"username":"u"} */
        {"h.eyJ1c2VybmFtZSI6InUifQ.s", false, 0},
        {"h.eyJleHAiOjE3MDAwMDAxMDAsInVzZXJuYW1lIjoidSJ9", false, 0},
        {"h.eyJleHAiOjE3M.s", false, 0},
        {"h.e+J/.s", false, 0},
        {"h..s", false, 0},
        {"..", false, 0},
        {"aBcDeFgHiJkLmNoP.17", false, 0},
        {"", false, 0},
    };
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t expiry_s = 0;

        assert_int_equal(
            ll_jwt_expiry(cases[i].token, strlen(cases[i].token), &expiry_s),
            cases[i].found);
        assert_int_equal(expiry_s, cases[i].expiry_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),      cmocka_unit_test(test_first),
        cmocka_unit_test(test_renewal),  cmocka_unit_test(test_jwt_renewal),
        cmocka_unit_test(test_rejected), cmocka_unit_test(test_strikes),
        cmocka_unit_test(test_dropped),  cmocka_unit_test(test_unneeded),
        cmocka_unit_test(test_unfit),    cmocka_unit_test(test_jwt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
