/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's treatment of text: foreign bytes on a terminal, widths, ages, and
 * valid names. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tool is a program: its source files are compiled into the test. */
#include "cli/text.c"
#include "leaselock/leaselock.h"

/** Goal: no control sequence reaches the terminal. Method: escape one text of
 *  each kind and compare. */
static void test_escape(void **state)
{
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"plain text, 100%", "plain text, 100%"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x92",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x92"},
        {"a\033[2Jb", "a\\x1b[2Jb"},
        {"a\r\n\tb\x7f", "a\\x0d\\x0a\\x09b\\x7f"},
        /* C1: U+009B begins a sequence as ESC [ does. */
        {"\xc2\x9b", "\\xc2\\x9b"},
        /* U+202E reverses the direction of the line. */
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"},
        /* Not UTF-8: a single byte, an overlong form, a surrogate, a truncated
         * end. */
        {"\xff", "\\xff"},
        {"\xc0\x80", "\\xc0\\x80"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xe2\x82", "\\xe2\\x82"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = ll_text_escape_new(cases[i].bytes, strlen(cases[i].bytes));

        assert_non_null(text);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

/** Goal: a text that does not fit is cut between characters, never within one.
 *  Method: escape into every size up to the right one. */
static void test_escape_cut(void **state)
{
    static const char bytes[] = "a\xe2\x82\xac\033z";
    static const char text[] = "a\xe2\x82\xac\\x1bz";

    (void)state;
    for (size_t size = 1; size <= sizeof(text); size++) {
        char out[sizeof(text)];
        size_t length = ll_text_escape(bytes, strlen(bytes), out, size);
        int whole = length == 0 || length == 1 || length == 4 || length == 8 ||
                    length == 9;

        assert_true(length < size);
        assert_int_equal(strlen(out), length);
        assert_memory_equal(out, text, length);
        assert_true(whole);
    }
}

/** Goal: a line is cut to the columns of the terminal. Method: cut to all
 *  widths from none to more than enough. */
static void test_columns(void **state)
{
    static const char *const cuts[] = {"",
                                       ".",
                                       "..",
                                       "...",
                                       "\xc3\xa4...",
                                       "\xc3\xa4"
                                       "b...",
                                       "\xc3\xa4"
                                       "bcdef",
                                       "\xc3\xa4"
                                       "bcdef"};

    (void)state;
    assert_int_equal(ll_text_columns("\xc3\xa4"
                                     "bcdef"),
                     6);
    for (size_t columns = 0; columns < 8; columns++) {
        char text[] = "\xc3\xa4"
                      "bcdef";

        ll_text_cut(text, columns);
        assert_string_equal(text, cuts[columns]);
    }
}

/** Goal: wide characters take two columns; combining ones take none and stay
 * with their base character. Method: measure and cut texts of both. */
static void test_widths(void **state)
{
    /* U+9396 U+5B9A; e and U+0301; U+1F512; a joiner of no width. */
    static const char wide[] = "\xe9\x8e\x96\xe5\xae\x9a";
    static const char combined[] = "e\xcc\x81";
    char both[] = "e\xcc\x81\xe9\x8e\x96\xe5\xae\x9a";
    char odd[] = "\xe9\x8e\x96\xe5\xae\x9a\xe5\xae\x9a";

    (void)state;
    assert_int_equal(ll_text_columns(wide), 4);
    assert_int_equal(ll_text_columns(combined), 1);
    assert_int_equal(ll_text_columns("\xf0\x9f\x94\x92"), 2);
    assert_int_equal(ll_text_columns("a\xe2\x80\x8d"
                                     "b"),
                     2);
    ll_text_cut(both, 4);
    assert_string_equal(both, "e\xcc\x81...");
    ll_text_cut(odd, 4);
    assert_string_equal(odd, "...");
}

/** Goal: ages are short. Method: one at each boundary. */
static void test_age(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{-5, "0s"},         {0, "0s"},
                 {59, "59s"},        {60, "1m00s"},
                 {3599, "59m59s"},   {3600, "1h00m"},
                 {86399, "23h59m"},  {86400, "1d0h"},
                 {900000, "10d10h"}, {INT64_MAX, "106751991167300d15h"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[LL_TEXT_AGE_SIZE];

        ll_text_age(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
}

/** Goal: the tool refuses the names that the library refuses. Method: good
 *  and bad ones, and the longest. */
static void test_names(void **state)
{
    static const char *const good[] = {"a",   "a/b",      "..",
                                       "a b", "\xc3\xa4", "-x"};
    static const char *const bad[] = {"",     "/a",   "a/",   "/",
                                      "a//b", "a\nb", "a\x7f"};
    char name[LEASELOCK_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_null(leaselock_name_check(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_non_null(leaselock_name_check(bad[i]));
    }
    memset(name, 'n', sizeof(name));
    name[LEASELOCK_NAME_MAX] = '\0';
    assert_null(leaselock_name_check(name));
    name[LEASELOCK_NAME_MAX] = 'n';
    name[LEASELOCK_NAME_MAX + 1] = '\0';
    assert_non_null(leaselock_name_check(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),  cmocka_unit_test(test_escape_cut),
        cmocka_unit_test(test_columns), cmocka_unit_test(test_widths),
        cmocka_unit_test(test_age),     cmocka_unit_test(test_names)};

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
