/* SPDX-License-Identifier: Apache-2.0 */
#include "core/condition.h"

#include <stdio.h>
#include <string.h>

/** The most bytes of a key and of a value that are shown; each takes up to four
 *  characters. */
#define KEY_SHOWN_MAX 32
#define VALUE_SHOWN_MAX 16
/** Room for n bytes, quoted, then "..." and the full size. */
#define QUOTED_SIZE(n) (4 * (n) + 48)

/** The number of a key that a condition compares; 0 if there is no key. */
static int64_t number_of(const struct ll_compare *compare,
                         const struct ll_kv *kv)
{
    if (kv == NULL) {
        return 0;
    }
    switch (compare->target) {
    case LL_COMPARE_VERSION:
        return kv->version;
    case LL_COMPARE_CREATE_REVISION:
        return kv->create_revision;
    case LL_COMPARE_MOD_REVISION:
        return kv->mod_revision;
    case LL_COMPARE_LEASE:
        return kv->lease;
    case LL_COMPARE_VALUE:
        break;
    }
    return 0;
}

/** Below 0, 0 or above 0, as bytes.Compare of Go. */
static int bytes_order(struct ll_bytes a, struct ll_bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n > 0 ? memcmp(a.data, b.data, n) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

enum ll_condition_state ll_condition_judge(const struct ll_compare *compare,
                                           const struct ll_kv *kv,
                                           bool has_value)
{
    int64_t number = number_of(compare, kv);
    bool met = false;
    int order;

    if (compare->target != LL_COMPARE_VALUE) {
        order = (number > compare->number) - (number < compare->number);
    } else if (kv == NULL) {
        return LL_CONDITION_FAILED; /* no condition on a value holds then */
    } else if (!has_value) {
        return LL_CONDITION_UNKNOWN;
    } else {
        order = bytes_order(kv->value, compare->value);
    }
    switch (compare->result) {
    case LL_COMPARE_EQUAL:
        met = order == 0;
        break;
    case LL_COMPARE_GREATER:
        met = order > 0;
        break;
    case LL_COMPARE_LESS:
        met = order < 0;
        break;
    case LL_COMPARE_NOT_EQUAL:
        met = order != 0;
        break;
    }
    return met ? LL_CONDITION_MET : LL_CONDITION_FAILED;
}

static void
quote(struct ll_bytes bytes, size_t shown_max, char *ret_text, size_t size)
{
    size_t shown = bytes.size < shown_max ? bytes.size : shown_max;
    const unsigned char *at = (const unsigned char *)bytes.data;
    size_t used = 0;

    ret_text[used++] = '"';
    for (size_t i = 0; i < shown; i++) {
        bool plain =
            at[i] >= 0x20 && at[i] < 0x7f && at[i] != '"' && at[i] != '\\';

        used += (size_t)snprintf(ret_text + used, size - used,
                                 plain ? "%c" : "\\x%02x", at[i]);
    }
    if (shown < bytes.size) {
        (void)snprintf(ret_text + used, size - used, "...\" (%zu bytes)",
                       bytes.size);
    } else {
        (void)snprintf(ret_text + used, size - used, "\"");
    }
}

static const char *const targets[] = {
    [LL_COMPARE_VERSION] = "version",
    [LL_COMPARE_CREATE_REVISION] = "create revision",
    [LL_COMPARE_MOD_REVISION] = "mod revision",
    [LL_COMPARE_LEASE] = "lease",
    [LL_COMPARE_VALUE] = "value",
};

static const char *const results[] = {
    [LL_COMPARE_EQUAL] = "be",
    [LL_COMPARE_GREATER] = "be greater than",
    [LL_COMPARE_LESS] = "be less than",
    [LL_COMPARE_NOT_EQUAL] = "differ from",
};

/** Writes a number in decimal; a lease in hexadecimal, as etcdctl does. */
static void number_text(const struct ll_compare *compare,
                        int64_t number,
                        char *ret_text,
                        size_t size)
{
    (void)snprintf(ret_text, size,
                   compare->target == LL_COMPARE_LEASE ? "%llx" : "%lld",
                   (long long)number);
}

void ll_condition_text(const struct ll_compare *compare,
                       const struct ll_kv *kv,
                       bool has_value,
                       char *ret_text)
{
    char key[QUOTED_SIZE(KEY_SHOWN_MAX)];
    char wanted[QUOTED_SIZE(VALUE_SHOWN_MAX)];
    char found[QUOTED_SIZE(VALUE_SHOWN_MAX)];
    bool of_value = compare->target == LL_COMPARE_VALUE;
    const char *link = "and is";

    quote(compare->key, KEY_SHOWN_MAX, key, sizeof(key));
    if (of_value) {
        quote(compare->value, VALUE_SHOWN_MAX, wanted, sizeof(wanted));
    } else {
        number_text(compare, compare->number, wanted, sizeof(wanted));
    }
    if (kv == NULL) {
        link = "but there is";
        (void)snprintf(found, sizeof(found), "no such key");
    } else if (of_value && has_value) {
        quote(kv->value, VALUE_SHOWN_MAX, found, sizeof(found));
    } else if (of_value) {
        link = "but it";
        (void)snprintf(found, sizeof(found), "was written at revision %lld",
                       (long long)kv->mod_revision);
    } else {
        number_text(compare, number_of(compare, kv), found, sizeof(found));
    }
    (void)snprintf(ret_text, LL_CONDITION_TEXT_SIZE,
                   "the %s of %s has to %s %s, %s %s", targets[compare->target],
                   key, results[compare->result], wanted, link, found);
}
