/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's options from bytes: the command line and the environment. Each is
 * refused with a message, or gives options within their bounds. */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/* The tool is a program: its source files are compiled into the test. Their
 * output is checked and discarded. */
static ssize_t swallow(int fd, const void *data, size_t size);
#define write swallow
#include "cli/connection.c"
#include "cli/option_value.c"
#include "cli/options.c"
#include "cli/report.c"
#include "cli/text.c"
#undef write

#define WORDS_MAX 24

static unsigned lines;

static ssize_t swallow(int fd, const void *data, size_t size)
{
    const char *text = data;

    FUZZ_CHECK(fd == STDERR_FILENO && size > 0 && text[size - 1] == '\n');
    FUZZ_CHECK(strncmp(text, "leaselock: ", 11) == 0);
    for (size_t i = 0; i + 1 < size; i++) {
        /* No control sequence for a terminal. */
        FUZZ_CHECK((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
    }
    lines++;
    return (ssize_t)size;
}

static void check_options(const struct ll_options *options)
{
    FUZZ_CHECK(options->verbose >= 0 && options->verbose <= 2);
    FUZZ_CHECK(options->timeout_ms > 0);
    FUZZ_CHECK(options->timeout_ms <= 2000000000);
    FUZZ_CHECK(options->wait_ms >= 0 || options->wait_ms == LEASELOCK_FOREVER);
    FUZZ_CHECK(options->ttl_s >= 0 && options->limit >= 0);
    FUZZ_CHECK(options->grace_ms >= -1);
    FUZZ_CHECK(options->json == 0 || options->json == 1);
    FUZZ_CHECK(options->help == 0 || options->help == 1);
    FUZZ_CHECK(options->version == 0 || options->version == 1);
    (void)strlen(options->endpoints != NULL ? options->endpoints : "");
    (void)strlen(options->label != NULL ? options->label : "");
}

/** A refusal prints one line; success prints nothing. */
static void check_code(int code)
{
    FUZZ_CHECK(code == 0 || code == LL_EXIT_USAGE);
    FUZZ_CHECK(lines == (code == 0 ? 0 : 1));
    lines = 0;
}

/** Splits at line ends, each word in memory of its own.
 *  @return the number of words */
static int split_words(char *text, char **argv)
{
    int argc = 0;

    for (char *at = text; at != NULL && argc < WORDS_MAX - 1;) {
        char *end = strchr(at, '\n');

        if (end != NULL) {
            *end++ = '\0';
        }
        argv[argc] = strdup(at);
        FUZZ_CHECK(argv[argc] != NULL);
        argc++;
        at = end;
    }
    argv[argc] = NULL;
    return argc;
}

static void fuzz_arguments(unsigned groups, int in_order, char *text)
{
    char *words[WORDS_MAX];
    char *argv[WORDS_MAX];
    int argc = split_words(text, words);
    int operand = -1;
    struct ll_options options;
    int code;

    memcpy(argv, words, sizeof(argv));
    ll_options_init(&options);
    check_options(&options);
    code = ll_options_read_arguments(&options, groups, "lock", argc, argv,
                                     in_order, &operand);
    check_code(code);
    if (code == 0) {
        check_options(&options);
        ll_options_hide(&options);
        check_options(&options);
        FUZZ_CHECK(operand >= 1 && operand <= (argc > 1 ? argc : 1));
    }
    for (int i = 0; i < argc; i++) {
        free(words[i]);
    }
}

static void fuzz_environment(unsigned groups, unsigned which, const char *text)
{
    const struct spec *spec = &specs[which % SPECS_N];
    struct ll_options options;
    int code;

    if (spec->variable == NULL) {
        return;
    }
    FUZZ_CHECK(setenv(spec->variable, text, 1) == 0);
    ll_options_init(&options);
    code = ll_options_read_environment(&options, groups);
    check_code(code);
    if (code == 0) {
        check_options(&options);
    }
    FUZZ_CHECK(unsetenv(spec->variable) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    unsigned mode = fuzz_byte(&bytes);
    unsigned groups =
        LL_OPTION_ANY | ((mode & 1) != 0 ? LL_OPTION_LOCK : LL_OPTION_QUEUE);
    unsigned which = fuzz_byte(&bytes);
    char *text = fuzz_string(&bytes);

    if (which % 4 < 2) {
        fuzz_arguments(groups, which % 4, text);
    } else {
        fuzz_environment(groups, which / 4, text);
    }
    free(text);
    return 0;
}
