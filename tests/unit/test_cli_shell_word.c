/* SPDX-License-Identifier: Apache-2.0 */
/* Words as bash's users type them: quotes removed and added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tool is a program: its source file is compiled into the test. */
#include "cli/shell_word.c"

#define SIZE 64

/** Goal: quotes are removed as bash removes them. Method: words of each kind;
 *  those with an open quote at the end. */
static void test_unquote(void **state)
{
    static const struct {
        const char *word;
        const char *text;
        char quote;
    } cases[] = {{"", "", 0},
                 {"jobs/1", "jobs/1", 0},
                 {"two\\ words", "two words", 0},
                 {"\"two words\"", "two words", 0},
                 {"'two words'x", "two wordsx", 0},
                 {"\"two wo", "two wo", '"'},
                 {"'two \"wo", "two \"wo", '\''},
                 {"a\"b\\\"c\\d", "ab\"c\\d", '"'},
                 {"'$x`'", "$x`", 0},
                 {"\\$x", "$x", 0},
                 {"it\\'s", "it's", 0},
                 {"end\\", "end", 0},
                 {"~/x", "/users/anna/x", 0},
                 {"\\~/x", "~/x", 0},
                 {"a~/x", "a~/x", 0}};
    char text[SIZE];
    char quote;

    (void)state;
    assert_int_equal(setenv("HOME", "/users/anna", 1), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        quote = 'x';
        assert_int_equal(
            ll_shell_unquote(cases[i].word, text, sizeof(text), &quote), 0);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(quote, cases[i].quote);
    }
}

/** Goal: a word in which bash would expand something, and one that is too long,
 *  are refused. Method: such words; the longest that fits. */
static void test_refused(void **state)
{
    static const char *const words[] = {"$HOME", "a`id`", "\"$x", "$'a'"};
    char text[SIZE];
    char quote;

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(ll_shell_unquote(words[i], text, sizeof(text), &quote),
                         -1);
    }
    assert_int_equal(ll_shell_unquote("abc", text, 4, &quote), 0);
    assert_int_equal(ll_shell_unquote("abc", text, 3, &quote), -1);
}

/** Goal: what is written reads back as the same text in each place. Method: each
 *  byte that a name may have, in all three places. */
static void test_round_trip(void **state)
{
    static const char quotes[] = {'\0', '"', '\''};
    char word[SIZE];
    char whole[SIZE];
    char text[SIZE];
    char quote;

    (void)state;
    for (size_t q = 0; q < sizeof(quotes); q++) {
        for (int c = ' '; c < 256; c++) {
            char name[] = {'a', (char)c, 'b', '\0'};
            int length = ll_shell_quote(name, quotes[q], word, sizeof(word));

            if ((quotes[q] == '"' && c == '!') ||
                (quotes[q] == '\'' && c == '\'')) {
                assert_int_equal(length, -1);
                continue;
            }
            assert_int_equal(length, strlen(word));
            whole[0] = quotes[q];
            (void)strcpy(whole + (quotes[q] != '\0'), word);
            assert_int_equal(
                ll_shell_unquote(whole, text, sizeof(text), &quote), 0);
            assert_string_equal(text, name);
            assert_int_equal(quote, quotes[q]);
        }
    }
}

/** Goal: the place of a word is never left. Method: sizes about its length. */
static void test_sizes(void **state)
{
    char word[SIZE];

    (void)state;
    assert_int_equal(ll_shell_quote("a b", 0, word, 5), 4);
    assert_string_equal(word, "a\\ b");
    assert_int_equal(ll_shell_quote("a b", 0, word, 4), -1);
    assert_int_equal(ll_shell_quote("", 0, word, 1), 0);
    assert_int_equal(ll_shell_quote("", 0, word, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unquote), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_sizes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
