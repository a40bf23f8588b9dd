/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of tickets' keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/object.h"
#include "core/session.h"

#define QUEUE UINT64_C(77)

static struct ll_core *core_new(void)
{
    struct ll_core *core = ll_core_new(&(struct ll_core_config){
        .endpoints_n = 1, .request_timeout_ns = 1, .seed = 1});

    assert_non_null(core);
    return core;
}

/** Goal: the numbers in use at a time differ, past the end of the set too, and
 * a released one is the next. Method: all of a set and three more in one queue,
 * then release a few. */
static void test_limit(void **state)
{
    struct ll_core *core = core_new();
    struct ll_session session = {.object.entry.id = 5, .numbers_first = 1000};
    uint16_t places[LL_NUMBER_SET_SIZE];
    uint16_t place = 0;

    (void)state;
    for (unsigned i = 0; i < LL_NUMBER_SET_SIZE; i++) {
        assert_int_equal(ll_number_take(core, &session, QUEUE, &places[i]),
                         1001 + i);
        assert_int_not_equal(places[i], LL_NUMBER_NO_PLACE);
    }
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(ll_number_take(core, &session, QUEUE, &place),
                         1000 + LL_NUMBER_SET_SIZE + i);
        assert_int_equal(place, LL_NUMBER_NO_PLACE);
        ll_number_give(core, place); /* which is never reused */
    }
    ll_number_give(core, places[40]);
    ll_number_give(core, places[7]);
    assert_int_equal(ll_number_take(core, &session, QUEUE, &place), 1008);
    assert_int_equal(ll_number_take(core, &session, QUEUE, &place), 1041);
    assert_int_equal(ll_number_take(core, &session, QUEUE, &place),
                     1000 + LL_NUMBER_SET_SIZE + 4);
    ll_core_free(core);
}

/** Goal: a single ticket at a time has the same number each time, whatever the
 * queue and the session. Method: many of both, one after another. */
static void test_again(void **state)
{
    struct ll_core *core = core_new();

    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        struct ll_session session = {.object.entry.id = 1 + i % 100};
        uint16_t place = 0;

        assert_int_equal(
            ll_number_take(core, &session, i * UINT64_C(1099511628211), &place),
            1);
        ll_number_give(core, place);
    }
    ll_core_free(core);
}

/** Goal: a key with a slot has a number that no other one of its queue has,
 * whatever the session, also when a whole set is in use. Method: all of a
 * queue's, then one of another queue, and one that is released. */
static void test_slots(void **state)
{
    enum { ALL = LL_NUMBER_SLOT_SETS * LL_NUMBER_SET_SIZE };
    static uint16_t places[ALL];
    struct ll_core *core = core_new();
    uint16_t place = 0;

    (void)state;
    for (unsigned i = 0; i < ALL; i++) {
        assert_int_equal(ll_number_take_slot(core, QUEUE, &places[i]), 1 + i);
    }
    assert_int_equal(ll_number_take_slot(core, QUEUE, &place), 0);
    assert_int_equal(place, LL_NUMBER_NO_PLACE);
    assert_int_equal(ll_number_take_slot(core, QUEUE + 1, &place), 1);
    ll_number_give(core, places[700]);
    assert_int_equal(ll_number_take_slot(core, QUEUE, &place), 701);
    ll_core_free(core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
