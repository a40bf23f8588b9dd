/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/option_value.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "leaselock/config.h"
#include "leaselock/leaselock.h"

#include "cli/options.h"

/** The limits of a session's options. */
#define TTL_MIN_S 1
#define TTL_MAX_S 86400
#define MS_PER_S 1000
#define EXIT_CODE_MAX 255
#define VERBOSE_MAX 2

int ll_option_number(const char *text, int *ret_number)
{
    char *end;
    long number;

    if (!isdigit((unsigned char)*text)) {
        return -1;
    }
    errno = 0;
    number = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || number > INT_MAX) {
        return -1;
    }
    *ret_number = (int)number;
    return 0;
}

/** Sets a number within limits; -1: it is none. */
static int set_number(int *field, const char *text, int min, int max)
{
    int number;

    if (ll_option_number(text, &number) != 0 || number < min || number > max) {
        return -1;
    }
    *field = number;
    return 0;
}

/** Sets a signal by its name, with or without SIG, or its number; "ignore" is
 *  0. */
static const char *set_signal(int *field, const char *text)
{
    static const char valid[] =
        "a signal, such as TERM, USR1 or 15, or \"ignore\"";
    const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;
    int number;

    if (strcmp(text, "ignore") == 0) {
        *field = 0;
        return NULL;
    }
    if (ll_option_number(text, &number) == 0) {
        *field = number;
        return number >= 1 && number <= SIGRTMAX ? NULL : valid;
    }
    for (number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);

        if (known != NULL && strcmp(name, known) == 0) {
            *field = number;
            return NULL;
        }
    }
    return valid;
}

/** Adds to the names of --also; the field is their count. */
static const char *add_name(void *field, const char *text)
{
    struct ll_options *options =
        (struct ll_options *)(void *)((char *)field -
                                      offsetof(struct ll_options, also_n));

    if (options->also_n == LEASELOCK_NAMES_MAX - 1) {
        return "one of the first 59 of its kind";
    }
    if (leaselock_name_check(text) != NULL) {
        return "a name";
    }
    options->also[options->also_n++] = text;
    return NULL;
}

const char *
ll_option_set(enum ll_option_kind kind, void *field, const char *text)
{
    switch (kind) {
    case LL_OPTION_KIND_FLAG:
    case LL_OPTION_KIND_COUNT:
    case LL_OPTION_KIND_NO_TIME:
        break;
    case LL_OPTION_KIND_TEXT:
        *(const char **)field = text;
        break;
    case LL_OPTION_KIND_ALSO:
        return add_name(field, text);
    case LL_OPTION_KIND_TIME:
        if (leaselock_duration_parse(text, field) != 0) {
            return "a time such as 2s, 500ms or 0.5, and at most 2000000s";
        }
        break;
    case LL_OPTION_KIND_SOME_TIME: {
        int ms;

        if (leaselock_duration_parse(text, &ms) != 0 || ms == 0) {
            return "a time such as 2s, 500ms or 0.5, more than 0 and at most "
                   "2000000s";
        }
        *(int *)field = ms;
        break;
    }
    case LL_OPTION_KIND_DELAY: {
        int ms;

        if (leaselock_duration_parse(text, &ms) != 0 || ms == 0 ||
            ms > LEASELOCK_LOCK_DELAY_MAX_MS) {
            return "a time such as 2s or 500ms, more than 0 and at most 10m";
        }
        *(int *)field = ms;
        break;
    }
    case LL_OPTION_KIND_TTL: {
        int ms;

        if (leaselock_duration_parse(text, &ms) != 0 || ms % MS_PER_S != 0 ||
            ms < TTL_MIN_S * MS_PER_S || ms > TTL_MAX_S * MS_PER_S) {
            return "a time of whole seconds, as etcd counts leases, from 1s "
                   "to 24h, such as 30s, 2m or 30";
        }
        *(int *)field = ms / MS_PER_S;
        break;
    }
    case LL_OPTION_KIND_EXIT_CODE:
        if (set_number(field, text, 0, EXIT_CODE_MAX) != 0) {
            return "an exit code from 0 to 255";
        }
        break;
    case LL_OPTION_KIND_PERMITS:
        if (set_number(field, text, 1, LEASELOCK_PERMITS_MAX) != 0) {
            return "a number of permits from 1 to 100";
        }
        break;
    case LL_OPTION_KIND_SIGNAL:
        return set_signal(field, text);
    case LL_OPTION_KIND_NUMBER:
        if (ll_option_number(text, field) != 0) {
            return "a whole number from 0 to 2147483647";
        }
        break;
    }
    return NULL;
}

size_t ll_option_words(enum ll_option_kind kind,
                       const char *ret_words[LL_OPTION_WORDS_MAX])
{
    size_t n = 0;

    if (kind != LL_OPTION_KIND_SIGNAL) {
        return 0;
    }
    ret_words[n++] = "ignore";
    for (int number = 1; number < NSIG && n < LL_OPTION_WORDS_MAX; number++) {
        const char *name = sigabbrev_np(number);

        if (name != NULL) {
            ret_words[n++] = name;
        }
    }
    return n;
}

const char *ll_option_hint(enum ll_option_kind kind,
                           const char *text,
                           char hint[LL_NEAR_HINT_SIZE])
{
    const char *words[LL_OPTION_WORDS_MAX];
    size_t words_n = ll_option_words(kind, words);
    struct ll_near near;

    if (strncmp(text, "SIG", 3) == 0) {
        text += 3;
    }
    ll_near_begin(&near, text, strlen(text));
    for (size_t i = 0; i < words_n; i++) {
        ll_near_try(&near, words[i]);
    }
    return ll_near_hint(&near, "", hint);
}

void ll_option_switch(enum ll_option_kind kind, void *field, int times)
{
    int *number = field;

    switch (kind) {
    case LL_OPTION_KIND_FLAG:
        *number = times > 0;
        break;
    case LL_OPTION_KIND_COUNT:
        *number = times < VERBOSE_MAX ? times : VERBOSE_MAX;
        break;
    case LL_OPTION_KIND_NO_TIME:
        if (times > 0) {
            *number = 0;
        }
        break;
    case LL_OPTION_KIND_TEXT:
    case LL_OPTION_KIND_ALSO:
    case LL_OPTION_KIND_TIME:
    case LL_OPTION_KIND_SOME_TIME:
    case LL_OPTION_KIND_DELAY:
    case LL_OPTION_KIND_TTL:
    case LL_OPTION_KIND_EXIT_CODE:
    case LL_OPTION_KIND_PERMITS:
    case LL_OPTION_KIND_SIGNAL:
    case LL_OPTION_KIND_NUMBER:
        break;
    }
}
