/* SPDX-License-Identifier: Apache-2.0 */
/* Core when memory runs out: every script of tests/trace repeatedly, with each
 * of its allocations failing in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/test_timeline.h"

#define SCRIPT_LINES_MAX 200

/** The input lines of one script. */
struct script {
    char *text;
    const char *lines[SCRIPT_LINES_MAX];
    size_t lines_n;
};

static void script_read(const char *path, struct script *ret_script)
{
    FILE *file = fopen(path, "r");
    size_t size = 0;
    char *rest;

    *ret_script = (struct script){0};
    assert_non_null(file);
    assert_true(getdelim(&ret_script->text, &size, '\0', file) > 0);
    (void)fclose(file);
    rest = ret_script->text;
    while (rest != NULL && *rest != '\0') {
        char *line = strsep(&rest, "\n");

        if (line[0] == '>') {
            assert_true(ret_script->lines_n < SCRIPT_LINES_MAX);
            ret_script->lines[ret_script->lines_n++] = line + 1;
        }
    }
}

/**
 * Runs a script while the nth allocation fails (0: none), alone or with all
 * later ones.
 *
 * @return the number of allocations */
static unsigned long
script_run(const struct script *script, unsigned long nth, bool alone)
{
    unsigned long living = ll_alloc_living();
    struct test_timeline *timeline = test_timeline_new();
    unsigned long allocations;

    assert_non_null(timeline);
    test_timeline_be_lenient(timeline);
    if (alone) {
        ll_alloc_fail_once_at(nth);
    } else {
        ll_alloc_fail_at(nth);
    }
    for (size_t i = 0; i < script->lines_n; i++) {
        if (!test_timeline_input(timeline, script->lines[i])) {
            fail_msg("%s: %s", script->lines[i], test_timeline_fault(timeline));
        }
    }
    allocations = ll_alloc_count();
    ll_alloc_fail_at(0);
    if (test_timeline_breaches(timeline) > 0) {
        fail_msg("without allocation %lu:\n%s", nth,
                 test_timeline_output(timeline));
    }
    test_timeline_free(timeline);
    assert_int_equal(ll_alloc_living(), living);
    return allocations;
}

/** Goal: whichever allocation fails, every command ends cleanly, the contract
 * holds and nothing leaks. Method: each allocation of a script fails, alone and
 * with all later ones; live allocations are counted. */
static void test_each_allocation(void **state)
{
    struct script script;
    unsigned long allocations;

    script_read(*state, &script);
    allocations = script_run(&script, 0, false);
    assert_true(allocations > 0);
    for (unsigned long nth = 1; nth <= allocations; nth++) {
        (void)script_run(&script, nth, true);
        (void)script_run(&script, nth, false);
    }
    free(script.text);
}

/** The input before the command, whose output is not checked. */
static const char *const before[] = {
    "0 look 1", "0 open 1", "0 answer 1.1 granted 10", "0 acquire 2 on 1 job",
    "0 answer 2.1 queued rev 7"};

/** Goal: a command without memory returns NOMEM and has no effect. Method: each
 * command that creates an object, with each allocation failing, then again with
 * none. */
static void test_no_trace(void **state)
{
    static const struct {
        size_t before_n;
        const char *line;
    } commands[] = {
        {1, "0 open 1"},
        {3, "1 acquire 2 on 1 job"},
        {3, "1 resume 2 on 1 job/a1.7"},
        {3, "1 acquire 2 on 1 job yields"},
        {3, "1 acquire-all 2 on 1 a b yields"},
        {3, "1 resume 2 on 1 job/a1.7 yields"},
        {5, "0.5 write 3 on 2 put data one if created data 0"},
    };

    (void)state;
    for (size_t at = 0; at < sizeof(commands) / sizeof(commands[0]); at++) {
        const char *line = commands[at].line;
        unsigned long nth = 1;
        bool failed = true;

        for (; failed; nth++) {
            struct test_timeline *timeline = test_timeline_new();

            assert_non_null(timeline);
            for (size_t i = 0; i < commands[at].before_n; i++) {
                assert_true(test_timeline_input(timeline, before[i]));
            }
            test_timeline_clear(timeline);
            ll_alloc_fail_at(nth);
            assert_true(test_timeline_input(timeline, line));
            ll_alloc_fail_at(0);
            failed = strstr(test_timeline_output(timeline), "=> E_NOMEM");
            if (failed) {
                assert_null(strstr(test_timeline_output(timeline), "->"));
                assert_true(test_timeline_input(timeline, line));
            }
            assert_non_null(strstr(test_timeline_output(timeline), "-> call"));
            test_timeline_free(timeline);
        }
        assert_true(nth > 2); /* at least one failed */
    }
}

static void scripts_find(glob_t *ret_found)
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

int main(void)
{
    glob_t found;
    struct CMUnitTest *tests;
    int failed;

    scripts_find(&found);
    tests = calloc(found.gl_pathc + 1, sizeof(*tests));
    if (tests == NULL) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        tests[i].name = strrchr(found.gl_pathv[i], '/') + 1;
        tests[i].test_func = test_each_allocation;
        tests[i].initial_state = found.gl_pathv[i];
    }
    tests[found.gl_pathc] = (struct CMUnitTest)cmocka_unit_test(test_no_trace);
    failed = _cmocka_run_group_tests("core without memory", tests,
                                     found.gl_pathc + 1, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}
