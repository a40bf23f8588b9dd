/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of the tool: running it, and reading its output. */
#ifndef TEST_LIVE_TOOL_H
#define TEST_LIVE_TOOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "support/etcd.h"
#include "support/process.h"

#define WAIT_MS 10000
#define LINE_SIZE 1024
#define WORDS_MAX 16

/** Starts "leaselock WORD..."; the words end with a NULL. */
static inline void start_words(struct test_process *tool,
                               const char *endpoint,
                               const char *first,
                               va_list words)
{
    const char *argv[WORDS_MAX] = {test_tool(), first};
    char variable[64];
    const char *const env[] = {variable, NULL};

    snprintf(variable, sizeof(variable), "LEASELOCK_ENDPOINTS=%s", endpoint);
    for (size_t i = 2; argv[i - 1] != NULL; i++) {
        assert_true(i < WORDS_MAX);
        argv[i] = va_arg(words, const char *);
    }
    assert_int_equal(test_process_start(tool, argv, env), 0);
}

/** Starts the tool; the words end with a NULL. */
__attribute__((sentinel)) static inline void start_tool(
    struct test_process *tool, const char *endpoint, const char *first, ...)
{
    va_list words;

    va_start(words, first);
    start_words(tool, endpoint, first, words);
    va_end(words);
}

/** Runs the tool to its end. Returns its status; the caller ends tool. */
__attribute__((sentinel)) static inline int run_tool(struct test_process *tool,
                                                     const char *endpoint,
                                                     const char *first,
                                                     ...)
{
    va_list words;

    va_start(words, first);
    start_words(tool, endpoint, first, words);
    va_end(words);
    return test_process_wait(tool, WAIT_MS);
}

/** Starts a tool whose CMD prints "ready", and waits for that. */
static inline void start_holder(struct test_process *tool,
                                const char *endpoint,
                                const char *name,
                                const char *script)
{
    char line[LINE_SIZE];

    start_tool(tool, endpoint, "lock", name, "sh", "-c", script, NULL);
    assert_true(
        test_process_line(tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, "ready");
}

static inline void expect_output(const struct test_process *tool,
                                 enum test_stream stream,
                                 const char *part)
{
    const char *output = test_process_output(tool, stream);

    if (strstr(output, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, output);
    }
}

/** The tool's JSON output of the queue; the caller drops the reference. */
static inline json_t *read_queue(const char *endpoint, const char *name)
{
    struct test_process tool = TEST_PROCESS_INIT;
    json_t *queue;

    assert_int_equal(run_tool(&tool, endpoint, "queue", "--json", name, NULL),
                     0);
    queue = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    assert_non_null(queue);
    test_process_end(&tool);
    return queue;
}

static inline size_t queue_length(const char *endpoint, const char *name)
{
    json_t *queue = read_queue(endpoint, name);
    size_t length = json_array_size(json_object_get(queue, "entries"));

    json_decref(queue);
    return length;
}

#endif
