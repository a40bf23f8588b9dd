/* SPDX-License-Identifier: Apache-2.0 */
/** The values of settings: parsing, checks and printing. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/settings.h"

#define MS_PER_S 1000
#define MS_PER_H 3600000

int ll_setting_find(const char *name, size_t size)
{
    for (int i = 0; i < LL_SETTINGS; i++) {
        const char *candidate = ll_settings[i].about.name;

        if (strlen(candidate) == size && memcmp(candidate, name, size) == 0) {
            return i;
        }
    }
    return -1;
}

const char *ll_setting_hint(const char *name,
                            size_t size,
                            int in_url,
                            char hint[LL_NEAR_HINT_SIZE])
{
    struct ll_near near;

    ll_near_begin(&near, name, size);
    for (int i = 0; i < LL_SETTINGS; i++) {
        /* A config file cannot name another one. */
        if (in_url ? ll_setting_is_for_url(i) : i != LL_SETTING_CONFIG) {
            ll_near_try(&near, ll_settings[i].about.name);
        }
    }
    return ll_near_hint(&near, "", hint);
}

int ll_setting_is_for_url(int id)
{
    return id >= 0 && id != LL_SETTING_CONFIG && id != LL_SETTING_ENDPOINTS &&
           id != LL_SETTING_GUARDIAN_PATH;
}

int ll_setting_is_number(const struct ll_setting *setting)
{
    return setting->kind == LL_KIND_TIME || setting->kind == LL_KIND_BYTES ||
           setting->kind == LL_KIND_SWITCH;
}

/** Digits, optionally followed by K, M or G. */
static int read_bytes(const char *text, int *ret_bytes)
{
    static const char units[] = "KMG";
    long long bytes = 0;
    const char *at = text;

    for (; isdigit((unsigned char)*at) && bytes <= INT_MAX; at++) {
        bytes = bytes * 10 + (*at - '0');
    }
    if (at == text || bytes > INT_MAX) {
        return -1;
    }
    if (*at != '\0') {
        const char *unit = strchr(units, toupper((unsigned char)*at));

        if (unit == NULL || at[1] != '\0') {
            return -1;
        }
        bytes <<= 10 * (unit - units + 1);
    }
    if (bytes > INT_MAX) {
        return -1;
    }
    *ret_bytes = (int)bytes;
    return 0;
}

static int read_switch(const char *text, int *ret_on)
{
    static const char *const words[][2] = {
        {"0", "1"}, {"false", "true"}, {"no", "yes"}, {"off", "on"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int on = 0; on < 2; on++) {
            if (strcasecmp(text, words[i][on]) == 0) {
                *ret_on = on;
                return 0;
            }
        }
    }
    return -1;
}

int ll_setting_read(const struct ll_setting *setting,
                    const char *text,
                    struct ll_value_of *ret_value)
{
    struct ll_value_of value = {text, 0};
    int status = 0;

    switch (setting->kind) {
    case LL_KIND_TEXT:
    case LL_KIND_FILE:
    case LL_KIND_SECRET:
    case LL_KIND_USER:
    case LL_KIND_ENDPOINTS:
        break;
    case LL_KIND_TIME:
        status = leaselock_duration_parse(text, &value.number);
        break;
    case LL_KIND_BYTES:
        status = read_bytes(text, &value.number);
        break;
    case LL_KIND_SWITCH:
        status = read_switch(text, &value.number);
        break;
    }
    if (status != 0 || ll_setting_check(setting, &value) != 0) {
        return -1;
    }
    *ret_value = value;
    return 0;
}

/** No control characters; whitespace around endpoints is allowed. */
static int check_text(const char *text, size_t size_max, const char *allowed)
{
    size_t size = strnlen(text, size_max + 1);

    if (size == 0 || size > size_max) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < ' ' || c == 0x7f) && strchr(allowed, c) == NULL) {
            return -1;
        }
    }
    return 0;
}

int ll_setting_check(const struct ll_setting *setting,
                     const struct ll_value_of *value)
{
    switch (setting->kind) {
    case LL_KIND_TEXT:
    case LL_KIND_FILE:
        return check_text(value->text, LL_SETTING_SIZE_MAX, "");
    case LL_KIND_SECRET:
        return strnlen(value->text, LL_SETTING_SIZE_MAX + 1) <=
                       LL_SETTING_SIZE_MAX
                   ? 0
                   : -1;
    case LL_KIND_USER:
        return value->text[0] != ':'
                   ? check_text(value->text, LL_SETTING_SIZE_MAX, "")
                   : -1;
    case LL_KIND_ENDPOINTS:
        return check_text(value->text, LL_SETTING_ENDPOINTS_SIZE_MAX, "\t\r\n");
    case LL_KIND_TIME:
    case LL_KIND_BYTES:
    case LL_KIND_SWITCH:
        break;
    }
    if (setting->off && value->number == 0) {
        return 0;
    }
    return value->number >= setting->min && value->number <= setting->max ? 0
                                                                          : -1;
}

void ll_setting_wanted(const struct ll_setting *setting,
                       int in_text,
                       char wanted[LL_SETTING_WANTED_SIZE])
{
    const size_t size = LL_SETTING_WANTED_SIZE;
    char least[24];
    char most[24];

    switch (setting->kind) {
    case LL_KIND_TEXT:
    case LL_KIND_FILE:
        (void)snprintf(wanted, size,
                       "a text of at most %d bytes without control characters",
                       LL_SETTING_SIZE_MAX);
        return;
    case LL_KIND_SECRET:
        (void)snprintf(wanted, size, "a password of at most %d bytes",
                       LL_SETTING_SIZE_MAX);
        return;
    case LL_KIND_USER:
        (void)snprintf(wanted, size,
                       "NAME or NAME:PASSWORD, without control characters and "
                       "of at most %d bytes",
                       LL_SETTING_SIZE_MAX);
        return;
    case LL_KIND_ENDPOINTS:
        (void)snprintf(wanted, size,
                       "a list of endpoints or a URL of at most %d bytes",
                       LL_SETTING_ENDPOINTS_SIZE_MAX);
        return;
    case LL_KIND_SWITCH:
        (void)snprintf(wanted, size, "1 or 0");
        return;
    case LL_KIND_TIME:
    case LL_KIND_BYTES:
        break;
    }
    if (!in_text) {
        (void)snprintf(wanted, size, "from %d to %d%s", setting->min,
                       setting->max,
                       setting->off ? ", 0 for the default or -1 for none"
                                    : ", or 0 for the default");
        return;
    }
    ll_setting_print(setting, setting->min, least, sizeof(least));
    ll_setting_print(setting, setting->max, most, sizeof(most));
    (void)snprintf(wanted, size, "%s from %s to %s%s, such as %s",
                   setting->kind == LL_KIND_TIME ? "a time" : "a size", least,
                   most, setting->off ? " or 0" : "",
                   setting->kind == LL_KIND_TIME ? "10s, 7500ms or 7.5"
                                                 : "4194304 or 4M");
}

void ll_setting_print(const struct ll_setting *setting,
                      int number,
                      char *text,
                      size_t size)
{
    int is_time = setting->kind == LL_KIND_TIME;

    if (is_time && number % MS_PER_H == 0 && number != 0) {
        (void)snprintf(text, size, "%dh", number / MS_PER_H);
    } else if (is_time && number % MS_PER_S == 0 && number != 0) {
        (void)snprintf(text, size, "%ds", number / MS_PER_S);
    } else {
        (void)snprintf(text, size, "%d%s", number,
                       is_time && number != 0 ? "ms" : "");
    }
}
