/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses, errors and the copying of options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "client/error.h"

#define NUMBER(number, name, sentence) number,
#define NAME(number, name, sentence) "LEASELOCK_E_" #name,

static const int numbers[] = {LEASELOCK_STATUS_MAP(NUMBER)};
static const char *const names[] = {LEASELOCK_STATUS_MAP(NAME)};

#define STATUSES (sizeof(numbers) / sizeof(numbers[0]))

/** Goal: every status has a unique number, name and sentence. Method: compare
 * all pairs; the numbers are contiguous from -1. */
static void test_statuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATUSES; i++) {
        const char *text = leaselock_status_text(numbers[i]);

        assert_int_equal(numbers[i], -(int)i - 1);
        assert_string_equal(leaselock_status_name(numbers[i]), names[i]);
        assert_true(strlen(text) > 10);
        assert_true(text[strlen(text) - 1] != '.');
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(names[i], names[j]);
            assert_string_not_equal(text, leaselock_status_text(numbers[j]));
        }
    }
}

/** Goal: numbers that are not a status have a name and a text as well. Method:
 *  0, positive ones, the one below the last, the ends. */
static void test_no_status(void **state)
{
    static const int others[] = {1, 100, -(int)STATUSES - 1, INT32_MAX,
                                 INT32_MIN};

    (void)state;
    assert_string_equal(leaselock_status_name(0), "LEASELOCK_OK");
    assert_string_equal(leaselock_status_text(0), "success");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_string_equal(leaselock_status_name(others[i]), "LEASELOCK_E_?");
        assert_string_equal(leaselock_status_text(others[i]), "unknown status");
        assert_false(leaselock_status_is_retriable(others[i]));
    }
}

/** Goal: the retriable statuses are those in the header. Method: compare a list
 * with every status. */
static void test_retriable(void **state)
{
    static const int retriable[] = {
        LEASELOCK_E_TIMEOUT,         LEASELOCK_E_UNAVAILABLE,
        LEASELOCK_E_OUTCOME_UNKNOWN, LEASELOCK_E_NOMEM,
        LEASELOCK_E_LIMIT,           LEASELOCK_E_SYSTEM};

    (void)state;
    assert_false(leaselock_status_is_retriable(0));
    for (size_t i = 0; i < STATUSES; i++) {
        int listed = 0;

        for (size_t j = 0; j < sizeof(retriable) / sizeof(retriable[0]); j++) {
            listed |= numbers[i] == retriable[j];
        }
        assert_int_equal(leaselock_status_is_retriable(numbers[i]), listed);
    }
}

/** Goal: an error contains the sentence, the endpoint and the details. Method:
 * all combinations of the two that may be missing. */
static void test_error(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    (void)state;
    assert_int_equal(ll_error_set(&error, LEASELOCK_E_UNAVAILABLE, 14, "h:2379",
                                  "connection refused"),
                     LEASELOCK_E_UNAVAILABLE);
    assert_int_equal(error.code, LEASELOCK_E_UNAVAILABLE);
    assert_int_equal(error.grpc_status, 14);
    assert_string_equal(error.endpoint, "h:2379");
    assert_string_equal(error.message, "etcd could not be reached (endpoint "
                                       "h:2379): connection refused");
    (void)ll_error_set(&error, LEASELOCK_E_UNAVAILABLE, -1, "", "");
    assert_string_equal(error.message, "etcd could not be reached");
    assert_string_equal(error.endpoint, "");
    (void)ll_error_set(&error, LEASELOCK_E_UNAVAILABLE, -1, "h:1", NULL);
    assert_string_equal(error.message,
                        "etcd could not be reached (endpoint h:1)");
    assert_int_equal(ll_error_text(&error, LEASELOCK_E_NAME, "it is empty"),
                     LEASELOCK_E_NAME);
    assert_string_equal(error.message, "not a valid lock name: it is empty");
    assert_int_equal(error.grpc_status, -1);
}

/** Goal: success does not change an error, a NULL error is accepted, and texts
 * that are too long are cut. Method: each. */
static void test_error_edges(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char text[2 * LEASELOCK_ERROR_MESSAGE_SIZE];

    (void)state;
    error.code = 77;
    assert_int_equal(ll_error_set(&error, 0, 0, "h", "text"), 0);
    assert_int_equal(error.code, 77);
    assert_int_equal(ll_error_set(NULL, LEASELOCK_E_LOST, 1, "h", "text"),
                     LEASELOCK_E_LOST);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    (void)ll_error_set(&error, LEASELOCK_E_LOST, 1, text, text);
    assert_int_equal(strlen(error.message), LEASELOCK_ERROR_MESSAGE_SIZE - 1);
    assert_int_equal(strlen(error.endpoint), LEASELOCK_ERROR_ENDPOINT_SIZE - 1);
}

struct options {
    size_t struct_size;
    int first;
    int second;
};

/** A caller's options of a later version. */
struct later {
    struct options known;
    int third;
};

/** Goal: options of this version are copied, none are zeroes. Method: a full
 *  struct and NULL over old contents. */
static void test_options_equal(void **state)
{
    struct options user = {sizeof(user), 1, 2};
    struct options copy = {9, 9, 9};

    (void)state;
    assert_int_equal(ll_options_copy(&copy, sizeof(copy), &user), 0);
    assert_int_equal(copy.first, 1);
    assert_int_equal(copy.second, 2);
    assert_int_equal(ll_options_copy(&copy, sizeof(copy), NULL), 0);
    assert_int_equal(copy.first, 0);
    assert_int_equal(copy.second, 0);
}

/** Goal: of older, smaller options the missing fields are zeroes. Method: sizes
 *  down to the size field alone; and no size, which is an error. */
static void test_options_smaller(void **state)
{
    struct options user = {offsetof(struct options, second), 1, 2};
    struct options copy = {9, 9, 9};

    (void)state;
    assert_int_equal(ll_options_copy(&copy, sizeof(copy), &user), 0);
    assert_int_equal(copy.first, 1);
    assert_int_equal(copy.second, 0);
    user.struct_size = sizeof(size_t);
    assert_int_equal(ll_options_copy(&copy, sizeof(copy), &user), 0);
    assert_int_equal(copy.first, 0);
    user.struct_size = sizeof(size_t) - 1;
    assert_int_equal(ll_options_copy(&copy, sizeof(copy), &user),
                     LEASELOCK_E_ARGUMENT);
    user.struct_size = 0;
    assert_int_equal(ll_options_copy(&copy, sizeof(copy), &user),
                     LEASELOCK_E_ARGUMENT);
}

/** Goal: unknown fields of later, larger options must be zero. Method: a
 * further field of 0 and of 1; nothing after our struct is written. */
static void test_options_larger(void **state)
{
    struct later user;
    struct later copy;

    (void)state;
    memset(&user, 0, sizeof(user));
    memset(&copy, 9, sizeof(copy));
    user.known = (struct options){sizeof(user), 1, 2};
    assert_int_equal(ll_options_copy(&copy.known, sizeof(copy.known), &user),
                     0);
    assert_int_equal(copy.known.second, 2);
    assert_int_equal(copy.third, 0x09090909);
    user.third = 1;
    assert_int_equal(ll_options_copy(&copy.known, sizeof(copy.known), &user),
                     LEASELOCK_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_no_status),
        cmocka_unit_test(test_retriable),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_error_edges),
        cmocka_unit_test(test_options_equal),
        cmocka_unit_test(test_options_smaller),
        cmocka_unit_test(test_options_larger),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
