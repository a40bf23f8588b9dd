/* SPDX-License-Identifier: Apache-2.0 */
/* Which leases the exporter asks for, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exporter.h"

#define LOCKS 300

/** The requests that are not answered yet, in the order of the calls. */
static struct {
    int64_t lease;
    struct leaselock_lease_info *ret_info;
    leaselock_done_fn *done;
    void *arg;
} asked[LOCKS];
static size_t asked_n;

/** Takes the place of the library's. */
int leaselock_lease_async(leaselock_client *client,
                          int64_t lease,
                          int timeout_ms,
                          struct leaselock_lease_info *ret_info,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr)
{
    (void)client;
    (void)timeout_ms;
    (void)reterr;
    assert_true(asked_n < LOCKS);
    asked[asked_n].lease = lease;
    asked[asked_n].ret_info = ret_info;
    asked[asked_n].done = done;
    asked[asked_n++].arg = arg;
    return 0;
}

/** Answers all requests. */
static void answer(int status)
{
    for (size_t i = 0; i < asked_n; i++) {
        *asked[i].ret_info = (struct leaselock_lease_info){
            .ttl_s = asked[i].lease, .granted_s = 1000};
        asked[i].done(status, NULL, asked[i].arg);
    }
    asked_n = 0;
}

/** Asks for the leases of locks_n locks: 1 and on, the greatest first. */
static void ask(struct ll_exporter_leases *leases, size_t locks_n)
{
    static struct leaselock_watched_lock locks[LOCKS];
    struct leaselock_locks_watch_info info = {.locks_n = locks_n,
                                              .locks = locks};

    for (size_t i = 0; i < locks_n; i++) {
        locks[i].lease = (int64_t)(locks_n - i);
    }
    ll_exporter_leases_ask(leases, NULL, &info);
}

/** Goal: no more requests than the limit are in flight, what was asked for
 * longest ago comes first, and a new answer is not asked for again. Method: more
 * leases than the limit, whose requests fail first. */
static void test_turns(void **state)
{
    struct ll_exporter_leases leases = {0};
    int64_t age_ms = -1;

    (void)state;
    ask(&leases, LOCKS);
    assert_int_equal(asked_n, LL_LEASES_ASKED_MAX);
    assert_int_equal(asked[0].lease, 1);
    ask(&leases, LOCKS);
    assert_int_equal(asked_n, LL_LEASES_ASKED_MAX);
    answer(-1);
    assert_int_equal(leases.failed, LL_LEASES_ASKED_MAX);
    assert_null(ll_exporter_lease_find(&leases, 1, &age_ms));
    ask(&leases, LOCKS);
    assert_int_equal(asked_n, LL_LEASES_ASKED_MAX);
    assert_int_equal(asked[0].lease, LL_LEASES_ASKED_MAX + 1);
    assert_int_equal(asked[LOCKS - LL_LEASES_ASKED_MAX].lease, 1);
    answer(0);
    ask(&leases, LOCKS);
    assert_int_equal(asked_n, LOCKS - LL_LEASES_ASKED_MAX);
    answer(0);
    ask(&leases, LOCKS);
    assert_int_equal(asked_n, 0);
    assert_int_equal(leases.answered, LOCKS);
    for (int64_t id = 1; id <= LOCKS; id++) {
        const struct leaselock_lease_info *info =
            ll_exporter_lease_find(&leases, id, &age_ms);

        assert_non_null(info);
        assert_int_equal(info->ttl_s, id);
    }
    assert_null(ll_exporter_lease_find(&leases, LOCKS + 1, &age_ms));
    ll_exporter_leases_free(&leases);
}

/** Goal: a lease that no lock has any more is forgotten, but not before its
 * answer has come. Method: no lock is left, before and after the answers; a
 * lease that several locks have. */
static void test_forgotten(void **state)
{
    static const struct leaselock_watched_lock locks[] = {
        {.lease = 7}, {.lease = 0}, {.lease = 3}, {.lease = 7}};
    const struct leaselock_locks_watch_info info = {.locks_n = 4,
                                                    .locks = locks};
    struct ll_exporter_leases leases = {0};
    int64_t age_ms = -1;

    (void)state;
    ll_exporter_leases_ask(&leases, NULL, &info);
    assert_int_equal(asked_n, 2);
    assert_int_equal(leases.n, 2);
    ask(&leases, 0);
    assert_int_equal(leases.n, 2);
    answer(0);
    assert_non_null(ll_exporter_lease_find(&leases, 7, &age_ms));
    ask(&leases, 3);
    assert_int_equal(leases.n, 3); /* 3 is known */
    assert_int_equal(asked_n, 2);
    answer(0);
    ask(&leases, 0);
    assert_int_equal(leases.n, 0);
    assert_null(ll_exporter_lease_find(&leases, 3, &age_ms));
    assert_int_equal(leases.asked_n, 0);
    ll_exporter_leases_free(&leases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
