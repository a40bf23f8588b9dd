/* SPDX-License-Identifier: Apache-2.0 */
/* The intrusive list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct member {
    int number;
    struct ll_link link;
};

/** The numbers of a list's members as one decimal number. */
static int digits(struct ll_link *head)
{
    struct ll_link *at;
    struct ll_link *after;
    int sum = 0;

    LL_LIST_EACH (at, after, head) {
        sum = 10 * sum + LL_CONTAINER(at, struct member, link)->number;
        assert_ptr_equal(at->next->prev, at);
    }
    return sum;
}

/** Goal: members are in the order of appending, and can be removed anywhere.
 * Method: three members; remove each. */
static void test_order(void **state)
{
    struct member members[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct ll_link head;

    (void)state;
    ll_link_init(&head);
    assert_true(ll_link_alone(&head));
    assert_int_equal(digits(&head), 0);
    for (int i = 0; i < 3; i++) {
        ll_link_init(&members[i].link);
        assert_true(ll_link_alone(&members[i].link));
        ll_link_append(&head, &members[i].link);
        assert_false(ll_link_alone(&members[i].link));
    }
    assert_int_equal(digits(&head), 123);
    ll_link_remove(&members[1].link);
    assert_int_equal(digits(&head), 13);
    ll_link_append(&head, &members[1].link);
    assert_int_equal(digits(&head), 132);
    ll_link_remove(&members[0].link);
    ll_link_remove(&members[1].link);
    ll_link_remove(&members[2].link);
    assert_true(ll_link_alone(&head));
}

/** Goal: removing twice is harmless, and append_once does not move a member.
 * Method: both on a list of two. */
static void test_twice(void **state)
{
    struct member members[2] = {{.number = 1}, {.number = 2}};
    struct ll_link head;

    (void)state;
    ll_link_init(&head);
    for (int i = 0; i < 2; i++) {
        ll_link_init(&members[i].link);
        ll_link_append_once(&head, &members[i].link);
    }
    ll_link_append_once(&head, &members[0].link);
    assert_int_equal(digits(&head), 12);
    ll_link_remove(&members[0].link);
    ll_link_remove(&members[0].link);
    assert_int_equal(digits(&head), 2);
}

/** Goal: a walk may remove its current member. Method: remove all but one, from
 * the first to the last. */
static void test_walk(void **state)
{
    struct member members[5];
    struct ll_link head;
    struct ll_link *at;
    struct ll_link *after;

    (void)state;
    ll_link_init(&head);
    for (int i = 0; i < 5; i++) {
        members[i].number = i + 1;
        ll_link_init(&members[i].link);
        ll_link_append(&head, &members[i].link);
    }
    LL_LIST_EACH (at, after, &head) {
        if (at != &members[2].link) {
            ll_link_remove(at);
        }
    }
    assert_int_equal(digits(&head), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
