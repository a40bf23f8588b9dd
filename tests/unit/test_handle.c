/* SPDX-License-Identifier: Apache-2.0 */
/* Handles: numbers that are looked up and never reused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "client/handle.h"
#include "leaselock/status.h"

#define THREADS 8
#define ROUNDS 2000

static atomic_uint destroyed;

static void destroy(struct ll_handle *handle)
{
    atomic_fetch_add(&destroyed, 1);
    free(handle);
}

static struct ll_handle *enter(enum ll_handle_kind kind)
{
    struct ll_handle *handle = calloc(1, sizeof(*handle));

    assert_non_null(handle);
    assert_int_equal(ll_handle_enter(handle, kind, true, destroy), 0);
    return handle;
}

static int get(const void *user, enum ll_handle_kind kind)
{
    struct ll_handle *handle = NULL;
    int status = ll_handle_get(user, kind, &handle);

    if (status == 0) {
        assert_ptr_equal(ll_handle_user(handle), user);
        ll_handle_put(handle);
    }
    return status;
}

/** Goal: reserved ids belong to no object. Method: reserve some, enter one
 * more, and look up those between. */
static void test_reserved(void **state)
{
    struct ll_handle *first = calloc(1, sizeof(*first));
    struct ll_handle *second;

    (void)state;
    assert_non_null(first);
    assert_int_equal(
        ll_handle_enter_with(first, LL_HANDLE_TICKET, true, 60, destroy), 0);
    second = enter(LL_HANDLE_TICKET);
    assert_true(second->entry.id == first->entry.id + 61);
    for (uint64_t id = first->entry.id + 1; id < second->entry.id; id++) {
        assert_null(ll_handle_find(id));
    }
    ll_handle_leave(first);
    ll_handle_leave(second);
}

/** Goal: a handle is found with its own kind only. Method: look up each kind,
 * invalid numbers, and a removed one. */
static void test_kinds(void **state)
{
    struct ll_handle *handle = enter(LL_HANDLE_SESSION);
    void *user = ll_handle_user(handle);

    (void)state;
    assert_int_equal(get(user, LL_HANDLE_SESSION), 0);
    assert_int_equal(get(user, LL_HANDLE_CLIENT), LEASELOCK_E_HANDLE);
    assert_int_equal(get(user, LL_HANDLE_TICKET), LEASELOCK_E_HANDLE);
    assert_int_equal(get(user, LL_HANDLE_QUERY), LEASELOCK_E_HANDLE);
    assert_int_equal(get(NULL, LL_HANDLE_SESSION), LEASELOCK_E_HANDLE);
    assert_int_equal(get(handle, LL_HANDLE_SESSION), LEASELOCK_E_HANDLE);
    ll_handle_leave(handle);
    assert_int_equal(get(user, LL_HANDLE_SESSION), LEASELOCK_E_HANDLE);
}

/** Goal: only the first of two shuts of a handle succeeds; the handle is then
 * invalid, but core's effects still find it. Method: shut twice, look up. */
static void test_shut(void **state)
{
    struct ll_handle *handle = enter(LL_HANDLE_TICKET);
    uint64_t id = handle->entry.id;

    (void)state;
    assert_true(ll_handle_shut(handle));
    assert_false(ll_handle_shut(handle));
    assert_int_equal(get(ll_handle_user(handle), LL_HANDLE_TICKET),
                     LEASELOCK_E_HANDLE);
    assert_ptr_equal(ll_handle_find(id), handle);
    ll_handle_leave(handle);
    assert_null(ll_handle_find(id));
}

/** Goal: the last reference destroys, and none before it. Method: take two,
 * remove from the table, release them. */
static void test_references(void **state)
{
    struct ll_handle *handle = enter(LL_HANDLE_CLIENT);
    struct ll_handle *got = NULL;
    unsigned before = atomic_load(&destroyed);

    (void)state;
    assert_int_equal(
        ll_handle_get(ll_handle_user(handle), LL_HANDLE_CLIENT, &got), 0);
    ll_handle_ref(handle);
    ll_handle_leave(handle);
    ll_handle_put(got);
    assert_int_equal(atomic_load(&destroyed), before);
    ll_handle_put(handle);
    assert_int_equal(atomic_load(&destroyed), before + 1);
    ll_handle_put(NULL);
}

/** Goal: a number is never reused. Method: each new one is above all earlier
 * ones, also after a renewal. */
static void test_ids(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct ll_handle *handle = enter(LL_HANDLE_TICKET);

        assert_true(handle->entry.id > last);
        last = handle->entry.id;
        if (i % 2 == 0) {
            assert_int_equal(ll_handle_renew(handle), 0);
            assert_true(handle->entry.id > last);
            assert_null(ll_handle_find(last));
            last = handle->entry.id;
            assert_ptr_equal(ll_handle_find(last), handle);
        }
        ll_handle_leave(handle);
    }
}

/** Goal: without memory nothing is entered, and a renewed handle keeps the
 *  table's reference. Method: the first into an empty table, which needs
 *  memory for itself. */
static void test_no_memory(void **state)
{
    struct ll_handle *handle = calloc(1, sizeof(*handle));
    unsigned before = atomic_load(&destroyed);

    (void)state;
    assert_non_null(handle);
    ll_alloc_fail_at(1);
    assert_int_equal(ll_handle_enter(handle, LL_HANDLE_QUERY, false, destroy),
                     LEASELOCK_E_NOMEM);
    ll_alloc_fail_at(0);
    assert_false(handle->entered);
    assert_int_equal(ll_handle_enter(handle, LL_HANDLE_QUERY, false, destroy),
                     0);
    ll_alloc_fail_at(1);
    assert_int_equal(ll_handle_renew(handle), LEASELOCK_E_NOMEM);
    ll_alloc_fail_at(0);
    assert_int_equal(atomic_load(&destroyed), before);
    ll_handle_leave(handle);
    assert_int_equal(atomic_load(&destroyed), before + 1);
}

static void *churn(void *arg)
{
    atomic_uintptr_t *shared = arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct ll_handle *handle = calloc(1, sizeof(*handle));
        struct ll_handle *got;
        const void *other;

        if (handle == NULL ||
            ll_handle_enter(handle, LL_HANDLE_TICKET, true, destroy) != 0) {
            abort();
        }
        /* Another thread's, which may be removed at any time. */
        other = (const void *)atomic_exchange(
            shared, (uintptr_t)ll_handle_user(handle));
        if (ll_handle_get(other, LL_HANDLE_TICKET, &got) == 0) {
            (void)ll_handle_shut(got);
            ll_handle_put(got);
        }
        (void)ll_handle_shut(handle);
        ll_handle_leave(handle);
    }
    return NULL;
}

/** Goal: threads enter, look up, shut and remove at the same time, and each
 * object is destroyed once. Method: every thread uses its own handles and a
 * shared one of another thread. */
static void test_threads(void **state)
{
    pthread_t threads[THREADS];
    atomic_uintptr_t shared = 0;
    unsigned before = atomic_load(&destroyed);

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &shared), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&destroyed) - before, THREADS * ROUNDS);
}

/** Goal: a handle is an error after fork(), and so is a new preparation.
 * Method: a child that looks up and exits (26). */
static void test_fork(void **state)
{
    struct ll_handle *handle = enter(LL_HANDLE_CLIENT);
    struct ll_handle *got = NULL;
    int status = 0;
    pid_t child;

    (void)state;
    assert_int_equal(ll_handle_prepare(), 0);
    assert_false(ll_handle_is_forked());
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool right = ll_handle_is_forked() &&
                     ll_handle_prepare() == LEASELOCK_E_FORKED &&
                     ll_handle_get(ll_handle_user(handle), LL_HANDLE_CLIENT,
                                   &got) == LEASELOCK_E_FORKED;

        _exit(right ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(get(ll_handle_user(handle), LL_HANDLE_CLIENT), 0);
    ll_handle_leave(handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),   cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_shut),    cmocka_unit_test(test_references),
        cmocka_unit_test(test_ids),     cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_fork),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
