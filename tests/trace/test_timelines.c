/* SPDX-License-Identifier: Apache-2.0 */
/* Golden timelines of core: every *.trace in this folder is a script with its
 * expected output, line by line. TRACE_UPDATE=1 rewrites the expected
 * output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test_timeline.h"

#define CONTEXT_LINES 6

/** A whole file as text. */
static char *file_read(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    ssize_t got;

    assert_non_null(file);
    got = getdelim(&text, &size, '\0', file);
    (void)fclose(file);
    assert_true(got >= 0);
    return text;
}

static void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/** Moves a timeline's output to a file. */
static void output_move(struct test_timeline *timeline, FILE *out)
{
    fputs(test_timeline_output(timeline), out);
    test_timeline_clear(timeline);
}

/** Runs a script; the result is the script with the output of each line after
 * it, and the output of the time until a line before it. */
static char *script_run(const char *path, char *script)
{
    struct test_timeline *timeline = test_timeline_new();
    char *seen = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&seen, &size);
    char *comments = script; /* not printed yet */

    assert_non_null(timeline);
    assert_non_null(out);
    while (script != NULL && *script != '\0') {
        char *line = strsep(&script, "\n");

        if (line[0] == '[' || line[0] == '!') {
            comments = script;
            continue;
        }
        if (line[0] != '>') {
            if (line[0] != '#' && line[0] != '\0') {
                fail_msg("%s: what is \"%s\"?", path, line);
            }
            line[strlen(line)] = script != NULL ? '\n' : '\0';
            continue;
        }
        if (!test_timeline_wait(timeline, line + 1)) {
            fail_msg("%s: %s: %s", path, line, test_timeline_fault(timeline));
        }
        output_move(timeline, out);
        fprintf(out, "%s\n", comments);
        if (!test_timeline_input(timeline, line + 1)) {
            fail_msg("%s: %s: %s", path, line, test_timeline_fault(timeline));
        }
        output_move(timeline, out);
        comments = script;
    }
    if (test_timeline_breaches(timeline) > 0) {
        print_error("%s: core broke its contract (see the lines with !!)\n",
                    path);
    }
    test_timeline_free(timeline);
    fprintf(out, "%s", comments != NULL ? comments : "");
    (void)fclose(out);
    return seen;
}

static void print_lines(const char *sign, const char *at, int n)
{
    while (n-- > 0 && *at != '\0') {
        size_t size = strcspn(at, "\n");

        print_error("%s %.*s\n", sign, (int)size, at);
        at += size + (at[size] == '\n' ? 1 : 0);
    }
}

/** Prints where two texts differ, from a few lines before. */
static void
print_difference(const char *path, const char *expected, const char *seen)
{
    size_t start = 0;
    size_t context = 0;
    int line = 1;

    for (size_t i = 0; expected[i] != '\0' && expected[i] == seen[i]; i++) {
        if (expected[i] == '\n') {
            start = i + 1;
            line++;
        }
    }
    context = start;
    for (int n = 0; n < CONTEXT_LINES && context > 0; n++) {
        context--;
        while (context > 0 && expected[context - 1] != '\n') {
            context--;
        }
    }
    print_error("%s:%d: expected (-) and seen (+):\n", path, line);
    print_error("%.*s", (int)(start - context), expected + context);
    print_lines("-", expected + start, CONTEXT_LINES);
    print_lines("+", seen + start, CONTEXT_LINES);
}

static void test_trace(void **state)
{
    const char *path = *state;
    char *expected = file_read(path);
    char *script = strdup(expected);
    char *seen;
    bool same;
    bool breach;

    assert_non_null(script);
    assert_int_equal(expected[0], '#');
    seen = script_run(path, script);
    same = strcmp(seen, expected) == 0;
    breach = strstr(seen, "\n!!") != NULL;
    if (!same && getenv("TRACE_UPDATE") != NULL) {
        file_write(path, seen);
        same = true;
    }
    if (!same) {
        print_difference(path, expected, seen);
    }
    free(seen);
    free(script);
    free(expected);
    assert_true(same && !breach);
}

/** The scripts are in this file's folder; SRC is the source tree. */
static void traces_find(glob_t *ret_found)
{
    char pattern[4096];
    const char *source = getenv("SRC");

    (void)snprintf(pattern, sizeof(pattern), "%s/tests/trace/*.trace",
                   source != NULL ? source : ".");
    if (glob(pattern, 0, NULL, ret_found) != 0) {
        fprintf(stderr, "no %s\n", pattern);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    glob_t found;
    struct CMUnitTest *tests;
    int failed;

    traces_find(&found);
    tests = calloc(found.gl_pathc, sizeof(*tests));
    if (tests == NULL) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        tests[i].name = strrchr(found.gl_pathv[i], '/') + 1;
        tests[i].test_func = test_trace;
        tests[i].initial_state = found.gl_pathv[i];
    }
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    failed =
        _cmocka_run_group_tests("timelines", tests, found.gl_pathc, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}
