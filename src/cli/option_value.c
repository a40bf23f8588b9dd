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

#include "cli/feed.h"
#include "cli/options.h"

/** The limits of a session's options. */
#define TTL_MIN_S 1
#define TTL_MAX_S 86400
#define MS_PER_S 1000
#define S_PER_DAY 86400.0
/** No number of an option is that large. */
#define REAL_MAX 1e12
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

/** Sets a time within limits; -1: it is none. */
static int set_time(int *field, const char *text, int min_ms, int max_ms)
{
    int ms;

    if (leaselock_duration_parse(text, &ms) != 0 || ms < min_ms ||
        ms > max_ms) {
        return -1;
    }
    *field = ms;
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

static const char *set_ttl(int *field, const char *text)
{
    int ms;

    if (leaselock_duration_parse(text, &ms) != 0 || ms % MS_PER_S != 0 ||
        ms < TTL_MIN_S * MS_PER_S || ms > TTL_MAX_S * MS_PER_S) {
        return "a time of whole seconds, as etcd counts leases, from 1s to "
               "24h, such as 30s, 2m or 30";
    }
    *field = ms / MS_PER_S;
    return NULL;
}

/** Parses a decimal number that is at least 0 and less than REAL_MAX. Returns
 *  the text behind it, or NULL. */
static const char *read_real(const char *text, double *ret_number)
{
    size_t length = strspn(text, "0123456789.");
    char *end;

    if (!isdigit((unsigned char)*text) && *text != '.') {
        return NULL;
    }
    *ret_number = strtod(text, &end);
    return end == text + length && *ret_number < REAL_MAX ? end : NULL;
}

/** Parses a time with units, as 1m30s, in seconds. */
static int read_real_time(const char *text, double *ret_s)
{
    static const struct {
        const char *name;
        double length_s;
    } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
                 {"m", 60},    {"h", 3600},  {"d", 86400}};
    double sum_s = 0;

    do {
        double number;
        size_t length;
        size_t i = 0;

        text = read_real(text, &number);
        if (text == NULL) {
            return -1;
        }
        length = strcspn(text, "0123456789.");
        while (i < sizeof(units) / sizeof(units[0]) &&
               (strlen(units[i].name) != length ||
                strncmp(units[i].name, text, length) != 0)) {
            i++;
        }
        if (i < sizeof(units) / sizeof(units[0])) {
            number *= units[i].length_s;
        } else if (length > 0) {
            return -1;
        }
        sum_s += number;
        text += length;
    } while (*text != '\0');
    *ret_s = sum_s;
    return 0;
}

/** Parses NUMBER/UNIT; a number alone is per @unit. In seconds. */
static int read_rate(const char *text, double unit_s, double *ret_per_s)
{
    static const struct {
        const char *name;
        double length_s;
    } units[] = {{"/s", 1},    {"/sec", 1},     {"/min", 60},  {"/m", 60},
                 {"/h", 3600}, {"/hour", 3600}, {"/d", 86400}, {"/day", 86400}};
    double number;

    text = read_real(text, &number);
    if (text == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].name, text) == 0) {
            unit_s = units[i].length_s;
            text = "";
        }
    }
    *ret_per_s = number / unit_s;
    return *text == '\0' ? 0 : -1;
}

/** Sets a field that is a double. */
static const char *
set_real(enum ll_option_kind kind, double *field, const char *text)
{
    const char *end;
    double number;

    if (kind == LL_OPTION_KIND_REAL) {
        end = read_real(text, &number);
        if (end == NULL || *end != '\0') {
            return "a number, such as 0.5";
        }
    } else if (kind == LL_OPTION_KIND_REAL_TIME) {
        if (read_real_time(text, &number) != 0) {
            return "a time such as 2s, 5ms, 700us or 0.5";
        }
    } else if (read_rate(text, kind == LL_OPTION_KIND_DAILY ? S_PER_DAY : 1,
                         &number) != 0 ||
               (kind == LL_OPTION_KIND_RATE && number == 0)) {
        return kind == LL_OPTION_KIND_DAILY
                   ? "a rate such as 0.1/day or 1/h"
                   : "a rate such as 5/s, 100/min or 20/h, more than 0";
    }
    *field = kind == LL_OPTION_KIND_DAILY ? number * S_PER_DAY : number;
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
    case LL_OPTION_KIND_SOME_TIME:
        if (set_time(field, text, 1, INT_MAX) != 0) {
            return "a time such as 2s, 500ms or 0.5, more than 0 and at most "
                   "2000000s";
        }
        break;
    case LL_OPTION_KIND_INTERVAL:
        if (set_time(field, text, LL_FEED_INTERVAL_MIN_MS, INT_MAX) != 0) {
            return "a time such as 2s or 500ms, at least 100ms and at most "
                   "2000000s";
        }
        break;
    case LL_OPTION_KIND_DELAY:
        if (set_time(field, text, 1, LEASELOCK_LOCK_DELAY_MAX_MS) != 0) {
            return "a time such as 2s or 500ms, more than 0 and at most 10m";
        }
        break;
    case LL_OPTION_KIND_TTL:
        return set_ttl(field, text);
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
    case LL_OPTION_KIND_REAL:
    case LL_OPTION_KIND_REAL_TIME:
    case LL_OPTION_KIND_RATE:
    case LL_OPTION_KIND_DAILY:
        return set_real(kind, field, text);
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
    case LL_OPTION_KIND_INTERVAL:
    case LL_OPTION_KIND_DELAY:
    case LL_OPTION_KIND_TTL:
    case LL_OPTION_KIND_EXIT_CODE:
    case LL_OPTION_KIND_PERMITS:
    case LL_OPTION_KIND_SIGNAL:
    case LL_OPTION_KIND_NUMBER:
    case LL_OPTION_KIND_REAL:
    case LL_OPTION_KIND_REAL_TIME:
    case LL_OPTION_KIND_RATE:
    case LL_OPTION_KIND_DAILY:
        break;
    }
}
