/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of metrics: labels of any bytes, and the older format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/metrics_text.h"

static const char *label_of(const char *value)
{
    static char bytes[256];
    struct ll_metrics_text text = {bytes, sizeof(bytes), 0};

    ll_metrics_put_label(&text, "lock", value);
    assert_int_equal(strlen(bytes), text.length);
    return bytes;
}

/** Goal: each value is a valid label, and different values have different ones.
 * Method: quotes, backslashes, newlines, characters of each length, bytes that
 * are no UTF-8, and what these are written as. */
static void test_labels(void **state)
{
    (void)state;
    assert_string_equal(label_of(""), "lock=\"\"");
    assert_string_equal(label_of("a/b"), "lock=\"a/b\"");
    assert_string_equal(label_of("a\"b\\c\nf"), "lock=\"a\\\"b\\\\c\\nf\"");
    assert_string_equal(label_of("\303\244\342\202\254\360\237\224\222"),
                        "lock=\"\303\244\342\202\254\360\237\224\222\"");
    assert_string_equal(label_of("a\377b"), "lock=\"a\\\\xffb\"");
    assert_string_equal(label_of("a\\xffb"), "lock=\"a\\\\x5cxffb\"");
    /* Cut, longer than needed, a surrogate, beyond the last character. */
    assert_string_equal(label_of("\342\202"), "lock=\"\\\\xe2\\\\x82\"");
    assert_string_equal(label_of("\300\257"), "lock=\"\\\\xc0\\\\xaf\"");
    assert_string_equal(label_of("\355\240\200"),
                        "lock=\"\\\\xed\\\\xa0\\\\x80\"");
    assert_string_equal(label_of("\364\220\200\200"),
                        "lock=\"\\\\xf4\\\\x90\\\\x80\\\\x80\"");
}

/** Goal: a text that does not fit is cut, and counted to its end. Method: every
 * size. */
static void test_cut(void **state)
{
    static const char whole[] =
        "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n"
        "# HELP a_seconds Some help.\na_seconds{l=\"v\\\\xff\"} 1.5\n";

    (void)state;
    for (size_t size = 0; size <= sizeof(whole); size++) {
        char bytes[sizeof(whole) + 1];
        struct ll_metrics_text text = {size > 0 ? bytes : NULL, size, 0};

        memset(bytes, '#', sizeof(bytes));
        ll_metrics_put_head(&text, LL_METRIC_GAUGE, "a_seconds", "Some help.");
        ll_metrics_put(&text, "a_seconds{");
        ll_metrics_put_label(&text, "l", "v\377");
        ll_metrics_put(&text, "} ");
        ll_metrics_put_decimal(&text, 1500, 3);
        ll_metrics_put(&text, "\n");
        assert_int_equal(text.length, sizeof(whole) - 1);
        assert_int_equal(bytes[size], '#');
        if (size == sizeof(whole)) {
            assert_string_equal(bytes, whole);
        }
    }
}

/** Goal: the older format names counters with their suffix. Method: a text with
 * each kind. */
static void test_plain(void **state)
{
    static const char from[] = "# TYPE a counter\n# HELP a Some counter.\n"
                               "a_total{l=\"counter\"} 1\n"
                               "# TYPE b_seconds histogram\n"
                               "# UNIT b_seconds seconds\n"
                               "# HELP b_seconds A counter\n"
                               "b_seconds_count 1\n"
                               "# TYPE c gauge\n# HELP c No counter\nc 1\n"
                               "# EOF\n";
    static const char to[] = "# TYPE a_total counter\n"
                             "# HELP a_total Some counter.\n"
                             "a_total{l=\"counter\"} 1\n"
                             "# TYPE b_seconds histogram\n"
                             "# HELP b_seconds A counter\n"
                             "b_seconds_count 1\n"
                             "# TYPE c gauge\n# HELP c No counter\nc 1\n";
    char bytes[sizeof(to)];
    struct ll_metrics_text text = {bytes, sizeof(bytes), 0};

    (void)state;
    ll_metrics_to_plain(from, &text);
    assert_string_equal(bytes, to);
    assert_int_equal(text.length, sizeof(to) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
