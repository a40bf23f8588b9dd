/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complete.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "leaselock/admin.h"

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/shell_word.h"

/** Most words of a command line that are read. */
#define WORDS_MAX 256
/** Most bytes of all these words. */
#define LINE_SIZE 16384
/** The number of a process' start time in the kernel's line about it, counted
 *  from the state behind the name, which may contain anything. */
#define START_FIELD 20

/** The names that will be printed, a line each. */
struct output {
    char bytes[LL_COMPLETE_BYTES_MAX];
    size_t size;
};

/** The command line before the cursor. */
struct line {
    int argc;
    char *argv[WORDS_MAX + 1];
    char bytes[LINE_SIZE];
    size_t size;
};

static void on_alarm(int number)
{
    (void)number;
    _exit(0);
}

/** How long this process has lasted, by the kernel's record of its start; what
 *  it was before exec() counts. 0 if that cannot be read. */
static int64_t age_ns(void)
{
    char text[1024];
    const char *at;
    char *next;
    unsigned long long ticks;
    ssize_t n;
    int64_t age;
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return 0;
    }
    n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    at = strrchr(text, ')');
    for (int field = 0; at != NULL && field < START_FIELD; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL) {
        return 0;
    }
    ticks = strtoull(at + 1, &next, 10);
    if (ticks == 0) {
        return 0; /* not recorded here */
    }
    age = now_ns() - (int64_t)(ticks * (unsigned long long)NS_PER_S /
                               (unsigned long long)sysconf(_SC_CLK_TCK));
    return next != at + 1 && age > 0 ? age : 0;
}

/** Ends the process at the limit, whatever it waits for then.
 *  @return the milliseconds that are left */
static int limit_time(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    int left_ms = LL_COMPLETE_LIMIT_MS - (int)(age_ns() / NS_PER_MS);
    struct itimerval timer = {.it_value.tv_usec = (suseconds_t)left_ms * 1000};
    sigset_t alarm;

    if (left_ms <= 0) {
        _exit(0);
    }
    (void)sigemptyset(&alarm);
    (void)sigaddset(&alarm, SIGALRM);
    if (sigaction(SIGALRM, &action, NULL) != 0 ||
        sigprocmask(SIG_UNBLOCK, &alarm, NULL) != 0 ||
        setitimer(ITIMER_REAL, &timer, NULL) != 0) {
        _exit(0);
    }
    return left_ms;
}

/** Neither this process nor gRPC writes a message. */
static void be_silent(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDIN_FILENO) < 0) {
        _exit(0);
    }
    (void)setenv("GRPC_VERBOSITY", "NONE", 1);
}

/** Adds a word to the line, without the quotes that bash leaves.
 *  @return 0 or -1 */
static int add_word(struct line *line, const char *word, int quoted)
{
    char *at = line->bytes + line->size;
    size_t left = sizeof(line->bytes) - line->size;
    char quote;

    if (line->argc == WORDS_MAX) {
        return -1;
    }
    if (quoted) {
        if (ll_shell_unquote(word, at, left, &quote) != 0) {
            return -1;
        }
    } else if (strlen(word) >= left) {
        return -1;
    } else {
        memcpy(at, word, strlen(word) + 1);
    }
    line->size += strlen(at) + 1;
    line->argv[line->argc++] = at;
    line->argv[line->argc] = NULL;
    return 0;
}

static const struct ll_command *find_command(const char *name)
{
    const struct ll_command *command = NULL;

    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        if (strcmp(command->name, name) == 0) {
            break;
        }
    }
    return command;
}

/** Reads the options of the line and of the environment, as main does.
 *  @return 0, or an exit code */
static int read_options(struct ll_options *options, int argc, char **argv)
{
    const struct ll_command *command = NULL;
    struct ll_options ignored;
    unsigned groups = LL_OPTION_ANY;
    int operand = 0;
    int code;

    ll_options_init(options);
    ll_options_init(&ignored);
    code = ll_options_read_arguments(&ignored, groups, NULL, argc, argv, 1,
                                     &operand);
    if (code == 0 && operand < argc) {
        command = find_command(argv[operand]);
        groups = command != NULL ? command->options : groups;
    }
    if (code == 0) {
        code = ll_options_read_environment(options, groups);
    }
    if (code == 0) {
        code = ll_options_read_arguments(options, LL_OPTION_ANY, NULL, operand,
                                         argv, 1, &(int){0});
    }
    if (code == 0 && command != NULL) {
        code = ll_options_read_arguments(options, groups, NULL, argc - operand,
                                         argv + operand, command->cmd_at,
                                         &(int){0});
    }
    return code;
}

/** The same, if need be without the last word, whose value is not typed yet. */
static int read_line(struct ll_options *options, struct line *line)
{
    int code = read_options(options, line->argc, line->argv);

    if (code != 0 && line->argc > 1) {
        line->argv[--line->argc] = NULL;
        code = read_options(options, line->argc, line->argv);
    }
    return code;
}

/** Adds a name, unless it cannot be typed, or would count as an option.
 *  @return 0, or -1: too many names */
static int
add_name(struct output *output, const char *name, int quoted, char quote)
{
    size_t left = sizeof(output->bytes) - output->size;
    char *at = output->bytes + output->size;
    char word[4 * LEASELOCK_NAME_MAX];
    int length;

    if (leaselock_name_check(name) != NULL || name[0] == '-') {
        return 0;
    }
    length = quoted ? ll_shell_quote(name, quote, word, sizeof(word))
                    : snprintf(word, sizeof(word), "%s", name);
    if (length < 0) {
        return 0;
    }
    if ((size_t)length + 1 > left) {
        return -1;
    }
    memcpy(at, word, (size_t)length);
    at[length] = '\n';
    output->size += (size_t)length + 1;
    return 0;
}

/** Reads the locks that begin with a part.
 *  @return NULL after a failure; ends with the process */
static struct leaselock_locks_info *
read_locks(const struct ll_options *options, const char *part, int timeout_ms)
{
    struct leaselock_locks_options locks_options = LEASELOCK_LOCKS_OPTIONS_INIT;
    struct leaselock_locks_info *locks = NULL;
    leaselock_client *client = NULL;

    if (leaselock_client_open_from_env(options->endpoints, &options->connection,
                                       &client, NULL) != 0) {
        return NULL;
    }
    locks_options.timeout_ms = timeout_ms;
    return leaselock_locks(client, part, &locks_options, &locks, NULL) == 0
               ? locks
               : NULL;
}

/** Writes all of the output; the pipe has room for it. */
static void print(const struct output *output)
{
    size_t done = 0;

    while (done < output->size) {
        ssize_t n =
            write(STDOUT_FILENO, output->bytes + done, output->size - done);

        if (n <= 0) {
            return;
        }
        done += (size_t)n;
    }
}

int ll_complete(int argc, char **argv)
{
    static struct output output;
    static struct line line;
    static char part[LINE_SIZE];
    const struct leaselock_locks_info *locks;
    struct ll_options options;
    char quote = '\0';
    int left_ms;
    int quoted;

    be_silent();
    left_ms = limit_time();
    if (argc < 2) {
        _exit(0);
    }
    quoted = strcmp(argv[0], "bash") == 0;
    if (add_word(&line, "leaselock", 0) != 0 ||
        (quoted ? ll_shell_unquote(argv[1], part, sizeof(part), &quote)
                : snprintf(part, sizeof(part), "%s", argv[1]) < 0) != 0) {
        _exit(0);
    }
    for (int i = 2; i < argc; i++) {
        if (add_word(&line, argv[i], quoted) != 0) {
            _exit(0);
        }
        memset(argv[i], '*', strlen(argv[i])); /* it may be a password */
    }
    if (read_line(&options, &line) != 0) {
        _exit(0);
    }
    locks = read_locks(&options, part, left_ms);
    for (size_t i = 0; locks != NULL && i < locks->locks_n; i++) {
        if (add_name(&output, locks->locks[i].name, quoted, quote) != 0) {
            _exit(0);
        }
    }
    /* Nothing may cut the output short now; the shell reads it. */
    (void)setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    print(&output);
    /* Without the client's close: the connection ends with the process. */
    _exit(0);
}
