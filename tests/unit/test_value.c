/* SPDX-License-Identifier: Apache-2.0 */
/* The value of a key: the description of a waiter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/value.h"
#include "base/alloc.h"
#include "core/core.h"
#include "core/try_ask.h"
#include "leaselock/session.h"

static struct ll_value parse(const char *data, size_t size)
{
    struct ll_value value;

    assert_int_equal(ll_value_parse(data, size, &value), 0);
    assert_non_null(value.host);
    assert_non_null(value.program);
    assert_non_null(value.label);
    return value;
}

/** Goal: a client reads another's values. Method: make values with and without
 * a label, parse them. */
static void test_round_trip(void **state)
{
    static const char *const labels[] = {NULL, "", "nightly",
                                         "gr\xc3\xbc\xc3\x9f \"q\" \\"};
    char host[256] = "";
    int64_t now_s = (int64_t)time(NULL);

    (void)state;
    assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        struct ll_value value;
        char *text = NULL;
        size_t size = 0;

        assert_true(ll_value_label_is_valid(labels[i]));
        assert_int_equal(ll_value_make(labels[i], 0, now_s, &text, &size), 0);
        assert_int_equal(strlen(text), size);
        assert_null(strchr(text, '\n'));
        value = parse(text, size);
        assert_string_equal(value.host, host);
        assert_string_equal(value.program, program_invocation_short_name);
        assert_string_equal(value.label, labels[i] != NULL ? labels[i] : "");
        assert_int_equal(value.pid, getpid());
        assert_int_equal(value.since_unix_s, now_s);
        ll_value_free(&value);
        ll_free(text);
    }
}

/** Goal: a value says that its key may be kept, to its reader and to core, which
 * does not parse it; none that only looks like it does. Method: values with it,
 * also after a request was added, without it, with a label that has the words, of
 * others, and with a time out of bounds. */
static void test_may_be_kept(void **state)
{
    static const char *const without[] = {
        "",
        "sim",
        "{\"keep_ms\":1}",
        "{\"host\":\"a\"}",
        "{\"host\":\"a,\\\"keep_ms\\\":1\",\"pid\":1,\"since\":1}",
        "[{\"host\":\"a\",\"pid\":1,\"since\":1,\"keep_ms\":1}]"};
    static const char *const bad[] = {
        "-1", "0", "86400001", "\"1\"", "9223372036854775808", "1.5"};
    struct ll_value value;
    char *made = NULL;
    char *asked = NULL;
    size_t size = 0;
    size_t asked_size = 0;

    (void)state;
    assert_int_equal(ll_value_make("\",\"keep_ms\":7", 0, 5, &made, &size), 0);
    assert_false(ll_value_may_be_kept((struct ll_bytes){made, size}));
    value = parse(made, size);
    assert_int_equal(value.keep_ms, 0);
    ll_value_free(&value);
    ll_free(made);
    assert_int_equal(ll_value_make("l", 5000, 5, &made, &size), 0);
    assert_true(ll_value_may_be_kept((struct ll_bytes){made, size}));
    assert_int_equal(ll_value_ask((struct ll_bytes){made, size}, "w", "r", 6, 7,
                                  &asked, &asked_size),
                     0);
    assert_true(ll_value_may_be_kept((struct ll_bytes){asked, asked_size}));
    value = parse(asked, asked_size);
    assert_int_equal(value.keep_ms, 5000);
    ll_value_free(&value);
    for (size_t i = 0; i < size; i++) { /* cut anywhere, it is not read past */
        char *cut = ll_alloc_copy(made, i);

        (void)ll_value_may_be_kept((struct ll_bytes){cut, i});
        ll_free(cut);
    }
    ll_free(made);
    ll_free(asked);
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        assert_false(ll_value_may_be_kept(
            (struct ll_bytes){without[i], strlen(without[i])}));
        value = parse(without[i], strlen(without[i]));
        assert_int_equal(value.keep_ms, 0);
        ll_value_free(&value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[128];

        (void)snprintf(text, sizeof(text),
                       "{\"host\":\"a\",\"pid\":1,\"since\":1,"
                       "\"keep_ms\":%s}",
                       bad[i]);
        value = parse(text, strlen(text));
        assert_int_equal(value.keep_ms, 0);
        ll_value_free(&value);
    }
}

/** Goal: a label is UTF-8 of at most LEASELOCK_LABEL_MAX bytes without control
 *  characters. Method: the limit, one more, broken sequences, controls. */
static void test_labels(void **state)
{
    static const char *const bad[] = {"\xff",     "a\xc3", "\xed\xa0\x80",
                                      "\xc0\x80", "tab\t", "\x1b[0m",
                                      "\x7f"};
    char label[LEASELOCK_LABEL_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ll_value_label_is_valid(bad[i]));
    }
    memset(label, 'l', sizeof(label));
    label[LEASELOCK_LABEL_MAX + 1] = '\0';
    assert_false(ll_value_label_is_valid(label));
    label[LEASELOCK_LABEL_MAX] = '\0';
    assert_true(ll_value_label_is_valid(label));
    assert_true(ll_value_label_is_valid("\xf0\x9f\x94\x92"));
}

/** Goal: other programs' values in a queue give "" and 0 and never an error.
 *  Method: no JSON, other JSON, members of other types, nothing at all. */
static void test_foreign(void **state)
{
    static const char *const values[] = {
        "",
        "etcdctl",
        "{",
        "null",
        "7",
        "\"text\"",
        "[1,2]",
        "[\"host\", \"program\"]",
        "{}",
        "{\"host\":7,\"pid\":\"x\"}",
        "{\"host\":null,\"since\":1.5,\"label\":{}}",
        "{\"host\":\"\xff\"}",
        "{\"pid\":99999999999999999999}",
        "{\"host\":\"a\"} trailing"};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct ll_value value = parse(values[i], strlen(values[i]));

        assert_string_equal(value.host, "");
        assert_string_equal(value.program, "");
        assert_string_equal(value.label, "");
        assert_int_equal(value.pid, 0);
        assert_int_equal(value.since_unix_s, 0);
        ll_value_free(&value);
    }
}

/** Goal: bytes are read up to their size. Method: a value without a NUL after
 * it, one with a NUL in the middle, one partly in our format. */
static void test_bytes(void **state)
{
    static const char ours[] =
        "{\"host\":\"h\",\"pid\":7,\"other\":[1]}garbage";
    struct ll_value value = parse(ours, strlen(ours) - strlen("garbage"));

    (void)state;
    assert_string_equal(value.host, "h");
    assert_string_equal(value.label, "");
    assert_int_equal(value.pid, 7);
    ll_value_free(&value);
    value = parse("\0\0\0", 3);
    assert_string_equal(value.host, "");
    ll_value_free(&value);
}

/** Goal: without memory both functions end cleanly. Method: each of our
 * allocations fails in turn. */
static void test_no_memory(void **state)
{
    static const char text[] = "{\"host\":\"h\",\"program\":\"p\"}";
    struct ll_value value;
    char *made = NULL;
    size_t size = 0;

    (void)state;
    ll_alloc_fail_at(1);
    assert_int_equal(ll_value_make("l", 0, 1, &made, &size), LEASELOCK_E_NOMEM);
    ll_alloc_fail_at(0);
    for (unsigned long nth = 1; nth <= 3; nth++) {
        ll_alloc_fail_at(nth);
        assert_int_equal(ll_value_parse(text, strlen(text), &value),
                         LEASELOCK_E_NOMEM);
        ll_alloc_fail_at(0);
        ll_value_free(&value);
    }
    ll_alloc_fail_at(4);
    assert_int_equal(ll_value_parse(text, strlen(text), &value), 0);
    ll_alloc_fail_at(0);
    ll_value_free(&value);
}

/** Goal: a candidate's description fits into its key, and is read back; long
 * texts are cut between two characters; other programs' keys do not cause a
 * failure. Method: labels of every kind, the longest too, and bytes at
 * random. */
static void test_who(void **state)
{
    static const char *const labels[] = {"", "anna", "a.b/c:d%e f",
                                         "\303\244\342\202\254"};
    static const char *const strange[] = {
        "",      ":",   "%",         "%2",      "%zz",
        "a%00b", "%FF", "h:x:p:l:g", "h%0Ai:7", "::::"};
    char label[LEASELOCK_LABEL_MAX + 1];
    char who[LL_WHO_MAX + 1];
    struct ll_value value;

    (void)state;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        ll_value_make_who(labels[i], 1700000000, who);
        assert_null(strpbrk(who, "./ "));
        assert_int_equal(
            ll_value_parse_who((struct ll_bytes){who, strlen(who)}, &value), 0);
        assert_string_equal(value.label, labels[i]);
        assert_string_not_equal(value.host, "");
        assert_int_equal(value.pid, getpid());
        assert_int_equal(value.since_unix_s, 1700000000);
        ll_value_free(&value);
    }
    /* In a name that is used again nothing says which process had it. */
    ll_value_make_who("anna", 0, who);
    assert_non_null(strstr(who, "::"));
    assert_int_equal(
        ll_value_parse_who((struct ll_bytes){who, strlen(who)}, &value), 0);
    assert_string_equal(value.label, "anna");
    assert_string_not_equal(value.host, "");
    assert_string_not_equal(value.program, "");
    assert_int_equal(value.pid, 0);
    assert_int_equal(value.since_unix_s, 0);
    ll_value_free(&value);
    for (size_t i = 0; i + 2 < sizeof(label); i += 2) {
        memcpy(label + i, "\303\244", 3);
    }
    ll_value_make_who(label, INT64_MAX, who);
    assert_true(strlen(who) <= LL_WHO_MAX);
    assert_int_equal(
        ll_value_parse_who((struct ll_bytes){who, strlen(who)}, &value), 0);
    assert_int_equal(strlen(value.label) % 2, 0);
    assert_true(strlen(value.label) >= 12);
    assert_int_equal(strncmp(value.label, label, strlen(value.label)), 0);
    assert_int_equal(value.since_unix_s, INT64_MAX);
    ll_value_free(&value);
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        assert_int_equal(
            ll_value_parse_who(
                (struct ll_bytes){strange[i], strlen(strange[i])}, &value),
            0);
        assert_null(strpbrk(value.host, "\n%\377"));
        ll_value_free(&value);
    }
    for (unsigned long nth = 1; nth <= 5; nth++) {
        ll_alloc_fail_at(nth);
        assert_int_equal(
            ll_value_parse_who((struct ll_bytes){"h:1:p:l:1", 9}, &value),
            LEASELOCK_E_NOMEM);
        ll_alloc_fail_at(0);
        ll_value_free(&value);
    }
}

/** Goal: a request is added to a value of this library alone, in place of an
 * older one; it is read with its texts and an id, and the rest of the value stays
 * as it is. Method: two requests, values of others, one that is too large, a
 * request of another form. */
static void test_asked(void **state)
{
    static const char *const others[] = {"",
                                         "released",
                                         "{}",
                                         "[1]",
                                         "7",
                                         "{\"host\":\"a\"}",
                                         "{\"host\":1,\"pid\":1,\"since\":1}"};
    static char large[LL_VALUE_MAX];
    struct ll_value value;
    char *made = NULL;
    char *first = NULL;
    char *second = NULL;
    size_t size = 0;

    (void)state;
    assert_int_equal(ll_value_make("l", 0, 5, &made, &size), 0);
    value = parse(made, size);
    assert_false(value.is_asked);
    assert_int_equal(value.asked_id, 0);
    ll_value_free(&value);
    assert_int_equal(ll_value_ask((struct ll_bytes){made, size}, "w", "r", 6, 7,
                                  &first, &size),
                     0);
    assert_int_equal(ll_value_ask((struct ll_bytes){first, size}, "w2",
                                  "gr\xc3\xbc\xc3\x9f \"q\"", 8, 9, &second,
                                  &size),
                     0);
    value = parse(second, size);
    assert_string_equal(value.label, "l");
    assert_int_equal(value.pid, getpid());
    assert_int_equal(value.since_unix_s, 5);
    assert_true(value.is_asked);
    assert_string_equal(value.asked_who, "w2");
    assert_string_equal(value.asked_reason, "gr\xc3\xbc\xc3\x9f \"q\"");
    assert_int_equal(value.asked_unix_s, 8);
    assert_true(value.asked_id == ll_value_asked_id(9));
    assert_true(value.asked_id != ll_value_asked_id(7));
    ll_value_free(&value);
    ll_free(made);
    ll_free(first);
    ll_free(second);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(
            ll_value_ask((struct ll_bytes){others[i], strlen(others[i])}, "w",
                         "r", 1, 2, &made, &size),
            0);
        assert_null(made);
    }
    size =
        (size_t)snprintf(large, sizeof(large),
                         "{\"host\":\"a\",\"pid\":1,\"since\":1,\"x\":\"%*s\"}",
                         LL_VALUE_MAX - 60, "");
    assert_int_equal(ll_value_ask((struct ll_bytes){large, size}, "w", "r", 1,
                                  2, &made, &size),
                     0);
    assert_null(made);
    size = (size_t)snprintf(large, sizeof(large),
                            "{\"host\":\"a\",\"pid\":1,\"since\":1,"
                            "\"asked\":{\"reason\":7}}");
    value = parse(large, size);
    assert_true(value.is_asked);
    assert_string_equal(value.asked_who, "");
    assert_string_equal(value.asked_reason, "");
    assert_int_equal(value.asked_id, 0);
    ll_value_free(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_asked),
        cmocka_unit_test(test_labels),     cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_who),        cmocka_unit_test(test_may_be_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
