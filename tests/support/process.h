/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_PROCESS_H
#define TEST_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** The result of test_process_wait if the child is still running. */
#define TEST_PROCESS_TIMEOUT (-1)
/** The limit of a stream's output that is kept; the rest is dropped. */
#define TEST_PROCESS_OUTPUT_MAX (4u << 20)

enum test_stream { TEST_STDOUT = 0, TEST_STDERR = 1, TEST_STREAMS_N = 2 };

/** A child's output on one stream. */
struct test_output {
    /** The pipe's read end, -1 if there is none or it has ended. */
    int fd;
    /** All output, size bytes and a NUL; NULL before the first byte. */
    char *text;
    size_t size;
    /** Where test_process_line continues. */
    size_t line_start;
};

/**
 * A child process of the test. The kernel sends it SIGKILL when the thread that
 * started it ends, so that a crashed test leaves no process: start children on
 * the main thread. */
struct test_process {
    /** 0 if there is none, or if it has ended and been waited for. */
    pid_t pid;
    /** As a shell reports it: 0 to 255, or 128 + the signal. */
    int status;
    struct test_output outputs[TEST_STREAMS_N];
};

/** Start value: no child. test_process_end may be called on it. */
#define TEST_PROCESS_INIT                                                      \
    {                                                                          \
        .outputs = { {.fd = -1}, {.fd = -1} }                                  \
    }

/**
 * Starts a child with its own input (/dev/null) and captured output. The
 * output is read only inside test_process_line and test_process_wait: a child
 * that writes more than a pipe holds (64 KiB) waits there until then.
 *
 * @param argv  terminated by NULL; argv[0] is searched for in PATH
 * @param env   NULL, or a list terminated by NULL: "NAME=VALUE" is set in the
 *              child, "NAME" alone is unset
 * @return 0, or -1 with a sentence on stderr
 */
int test_process_start(struct test_process *process,
                       const char *const argv[],
                       const char *const env[]);

/** As test_process_start, with both streams to log_fd and none captured. */
int test_process_start_logged(struct test_process *process,
                              const char *const argv[],
                              const char *const env[],
                              int log_fd);

/**
 * The next line of a stream, without its newline. A last line without a newline
 * counts once the stream is closed.
 *
 * @param ret_line  takes the line and a NUL, cut to size bytes; set only on
 *                  success
 * @return whether there was one within timeout_ms
 */
bool test_process_line(struct test_process *process,
                       enum test_stream stream,
                       int timeout_ms,
                       char *ret_line,
                       size_t size);

/**
 * Waits for the child's end, and keeps reading its output meanwhile. May be
 * called again, after a timeout and after the end.
 *
 * @return its status as a shell reports it, or TEST_PROCESS_TIMEOUT */
int test_process_wait(struct test_process *process, int timeout_ms);

/** All that has been read of a stream; "" before the first byte. Valid until
 * the next call on the process. */
const char *test_process_output(const struct test_process *process,
                                enum test_stream stream);

/** Sends a signal unless the child has been waited for. 0, or -1. */
int test_process_signal(struct test_process *process, int signal_number);

/** Stops the child, and returns when the kernel reports it as stopped. */
int test_process_pause(struct test_process *process);

/** Resumes a stopped child. */
int test_process_resume(struct test_process *process);

/** Kills the child if it is still running, waits for it, and frees all. */
void test_process_end(struct test_process *process);

/** The path of the tool under test: $TOOL, or build/bin/leaselock. */
const char *test_tool(void);

#endif
