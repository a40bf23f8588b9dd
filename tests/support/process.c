/* SPDX-License-Identifier: Apache-2.0 */
#include "support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/spawn.h"
#include "support/wait.h"

#define READ_SIZE 4096u
/** The time limit for a child to stop, to resume or to die of SIGKILL. */
#define SIGNAL_TIMEOUT_MS 10000

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void process_init(struct test_process *process)
{
    const struct test_process none = TEST_PROCESS_INIT;

    *process = none;
}

int test_process_start_logged(struct test_process *process,
                              const char *const argv[],
                              const char *const env[],
                              int log_fd)
{
    pid_t pid;

    process_init(process);
    pid = test_spawn(argv, env, log_fd, log_fd);
    if (pid < 0) {
        (void)fprintf(stderr, "cannot start %s: %s\n", argv[0],
                      strerror(errno));
        return -1;
    }
    process->pid = pid;
    return 0;
}

int test_process_start(struct test_process *process,
                       const char *const argv[],
                       const char *const env[])
{
    int out[2] = {-1, -1};
    int err[2] = {-1, -1};
    int result = -1;

    process_init(process);
    if (pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0 &&
        fcntl(out[0], F_SETFL, O_NONBLOCK) == 0 &&
        fcntl(err[0], F_SETFL, O_NONBLOCK) == 0) {
        process->pid = test_spawn(argv, env, out[1], err[1]);
        result = process->pid < 0 ? -1 : 0;
    }
    if (result != 0) {
        (void)fprintf(stderr, "cannot start %s: %s\n", argv[0],
                      strerror(errno));
        process->pid = 0;
        close_fd(&out[0]);
        close_fd(&err[0]);
    }
    process->outputs[TEST_STDOUT].fd = out[0];
    process->outputs[TEST_STDERR].fd = err[0];
    close_fd(&out[1]);
    close_fd(&err[1]);
    return result;
}

/** Appends what was read, up to the limit. */
static void
output_append(struct test_output *output, const char *text, size_t size)
{
    char *grown;

    if (output->size + size > TEST_PROCESS_OUTPUT_MAX) {
        return;
    }
    grown = realloc(output->text, output->size + size + 1);
    if (grown == NULL) {
        return;
    }
    output->text = grown;
    (void)memcpy(output->text + output->size, text, size);
    output->size += size;
    output->text[output->size] = '\0';
}

/** Reads what a stream contains at present. */
static void output_drain(struct test_output *output)
{
    char part[READ_SIZE];

    while (output->fd >= 0) {
        ssize_t got = read(output->fd, part, sizeof(part));

        if (got > 0) {
            output_append(output, part, (size_t)got);
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else if (got < 0 && errno == EAGAIN) {
            return;
        } else {
            close_fd(&output->fd);
        }
    }
}

static void outputs_drain(struct test_process *process)
{
    output_drain(&process->outputs[TEST_STDOUT]);
    output_drain(&process->outputs[TEST_STDERR]);
}

/** Waits up to wait_ms for more output, and reads it. */
static void outputs_wait(struct test_process *process, int wait_ms)
{
    struct pollfd fds[TEST_STREAMS_N] = {
        {.fd = process->outputs[TEST_STDOUT].fd, .events = POLLIN},
        {.fd = process->outputs[TEST_STDERR].fd, .events = POLLIN},
    };

    (void)poll(fds, TEST_STREAMS_N, wait_ms);
    outputs_drain(process);
}

/** Takes the next line from what has been read already. */
static bool
output_take_line(struct test_output *output, char *ret_line, size_t size)
{
    const char *start;
    size_t left = output->size - output->line_start;
    size_t length;
    size_t kept;

    if (left == 0) {
        return false;
    }
    start = output->text + output->line_start;
    length = strcspn(start, "\n");
    if (start[length] != '\n' && output->fd >= 0) {
        return false;
    }
    kept = length < size ? length : size - 1;
    (void)memcpy(ret_line, start, kept);
    ret_line[kept] = '\0';
    output->line_start += length + (start[length] == '\n' ? 1 : 0);
    return true;
}

bool test_process_line(struct test_process *process,
                       enum test_stream stream,
                       int timeout_ms,
                       char *ret_line,
                       size_t size)
{
    struct test_output *output = &process->outputs[stream];
    int64_t deadline_ns = test_deadline_ns(timeout_ms);

    outputs_drain(process);
    while (!output_take_line(output, ret_line, size)) {
        int left_ms = test_left_ms(deadline_ns);

        if (output->fd < 0 || left_ms == 0) {
            return false;
        }
        outputs_wait(process, left_ms);
    }
    return true;
}

/** Records the exit status from waitpid. */
static void process_ended(struct test_process *process, int status)
{
    process->pid = 0;
    process->status =
        WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/** Checks whether the child has ended. */
static bool process_reap(struct test_process *process)
{
    int status;

    if (process->pid == 0) {
        return true;
    }
    if (waitpid(process->pid, &status, WNOHANG) != process->pid) {
        return false;
    }
    process_ended(process, status);
    return true;
}

int test_process_wait(struct test_process *process, int timeout_ms)
{
    int64_t deadline_ns = test_deadline_ns(timeout_ms);

    while (!process_reap(process)) {
        if (test_left_ms(deadline_ns) == 0) {
            return TEST_PROCESS_TIMEOUT;
        }
        /* A grandchild may keep the pipes open, so the end of a pipe is not the
         * child's end, and one wait for both is not possible. */
        outputs_drain(process);
        test_pause_step();
    }
    outputs_drain(process);
    return process->status;
}

const char *test_process_output(const struct test_process *process,
                                enum test_stream stream)
{
    const char *text = process->outputs[stream].text;

    return text == NULL ? "" : text;
}

int test_process_signal(struct test_process *process, int signal_number)
{
    if (process->pid == 0) {
        return -1;
    }
    return kill(process->pid, signal_number);
}

/** Waits for a change of state that waitpid reports for the given flag. */
static int process_changed(struct test_process *process, int flag)
{
    int64_t deadline_ns = test_deadline_ns(SIGNAL_TIMEOUT_MS);

    for (;;) {
        int status;
        pid_t pid = waitpid(process->pid, &status, WNOHANG | flag);

        if (pid == process->pid) {
            if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
                return 0;
            }
            process_ended(process, status);
            return -1;
        }
        if (pid < 0 || test_left_ms(deadline_ns) == 0) {
            return -1;
        }
        test_pause_step();
    }
}

int test_process_pause(struct test_process *process)
{
    if (test_process_signal(process, SIGSTOP) != 0) {
        return -1;
    }
    return process_changed(process, WUNTRACED);
}

int test_process_resume(struct test_process *process)
{
    if (test_process_signal(process, SIGCONT) != 0) {
        return -1;
    }
    if (process_changed(process, WCONTINUED) == 0 || process->pid == 0) {
        /* It may have resumed and ended before this check. */
        return 0;
    }
    return -1;
}

void test_process_end(struct test_process *process)
{
    size_t i;

    if (!process_reap(process)) {
        (void)test_process_signal(process, SIGKILL);
        if (test_process_wait(process, SIGNAL_TIMEOUT_MS) ==
            TEST_PROCESS_TIMEOUT) {
            (void)fprintf(stderr, "process %d outlives SIGKILL\n",
                          (int)process->pid);
        }
    }
    for (i = 0; i < TEST_STREAMS_N; i++) {
        close_fd(&process->outputs[i].fd);
        free(process->outputs[i].text);
    }
    process_init(process);
}

const char *test_tool(void)
{
    const char *path = getenv("TOOL");

    return path == NULL || path[0] == '\0' ? "build/bin/leaselock" : path;
}
