/* SPDX-License-Identifier: Apache-2.0 */
#include "core/key.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *ll_name_check(struct ll_bytes name)
{
    if (name.size == 0) {
        return "a lock's name must not be empty";
    }
    if (name.size > LL_NAME_MAX) {
        return "a lock's name is at most 1024 bytes long";
    }
    if (name.data[0] == '/' || name.data[name.size - 1] == '/') {
        return "a lock's name must not begin or end with '/'";
    }
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.data[i];

        if (byte < 0x20 || byte == 0x7f) {
            return "a lock's name must not hold control characters";
        }
        if (byte == '~' && (i == 0 || name.data[i - 1] == '/') &&
            i + 1 < name.size && name.data[i + 1] == '.') {
            return "no part of a lock's name may begin with '~.'";
        }
        if (byte == '/' && name.data[i + 1] == '/') {
            return "a lock's name must not hold an empty part ('//')";
        }
    }
    return NULL;
}

struct ll_bytes ll_prefix_make(struct ll_bytes namespace,
                               struct ll_bytes name,
                               char *ret_prefix)
{
    if (namespace.size > 0) {
        memcpy(ret_prefix, namespace.data, namespace.size);
    }
    memcpy(ret_prefix + namespace.size, name.data, name.size);
    ret_prefix[namespace.size + name.size] = '/';
    return (struct ll_bytes){ret_prefix, namespace.size + name.size + 1};
}

/** Writes what a suffix begins with, into LL_MODE_TEXT_MAX + 1 bytes. */
static size_t mode_make(struct ll_mode mode, char *ret_text)
{
    switch (mode.kind) {
    case LL_MODE_SHARED:
        return (size_t)snprintf(ret_text, LL_MODE_TEXT_MAX + 1, "~.s.");
    case LL_MODE_PERMIT:
        assert(mode.permits >= 1 && mode.permits <= LL_PERMITS_MAX);
        return (size_t)snprintf(ret_text, LL_MODE_TEXT_MAX + 1, "~.p%u.",
                                (unsigned)mode.permits);
    case LL_MODE_EXCLUSIVE:
        break;
    }
    ret_text[0] = '\0';
    return 0;
}

size_t ll_key_make(struct ll_bytes namespace,
                   struct ll_bytes name,
                   int64_t lease,
                   uint64_t number,
                   struct ll_mode mode,
                   uint32_t delay_ms,
                   struct ll_bytes who,
                   char *ret_key)
{
    size_t size = ll_prefix_make(namespace, name, ret_key).size;
    char text[LL_MODE_TEXT_MAX + 1];
    char delay[LL_DELAY_TEXT_MAX + 1] = "";

    assert(delay_ms <= LL_DELAY_MS_MAX);
    if (delay_ms > 0) {
        (void)snprintf(delay, sizeof(delay), ".d%u", (unsigned)delay_ms);
    }
    assert(who.size <= LL_WHO_MAX);
    (void)mode_make(mode, text);
    return size + (size_t)snprintf(ret_key + size, LL_SUFFIX_MAX + 1,
                                   "%s%llx.%llx%s%s%.*s", text,
                                   (unsigned long long)lease,
                                   (unsigned long long)number, delay,
                                   who.size > 0 ? ".w" : "", (int)who.size,
                                   who.size > 0 ? who.data : "");
}

/** Takes the piece up to the next '.' off the front of a suffix. */
static struct ll_bytes take_piece(struct ll_bytes *suffix)
{
    const char *dot =
        suffix->size > 0 ? memchr(suffix->data, '.', suffix->size) : NULL;
    struct ll_bytes piece = {suffix->data, dot != NULL
                                               ? (size_t)(dot - suffix->data)
                                               : suffix->size};
    size_t taken = piece.size + (dot != NULL ? 1 : 0);

    suffix->data += taken;
    suffix->size -= taken;
    return piece;
}

/** Whether bytes are a number in hexadecimal as printf writes it. */
static bool is_number(struct ll_bytes bytes)
{
    if (bytes.size == 0 || bytes.size > 16 ||
        (bytes.data[0] == '0' && bytes.size > 1)) {
        return false;
    }
    for (size_t i = 0; i < bytes.size; i++) {
        char c = bytes.data[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return true;
}

/** Splits a key after its last '/'; without one, all of it is the suffix. */
static void key_split(struct ll_bytes key,
                      struct ll_bytes *ret_prefix,
                      struct ll_bytes *ret_suffix)
{
    size_t size = key.size;

    while (size > 0 && key.data[size - 1] != '/') {
        size--;
    }
    *ret_prefix = (struct ll_bytes){key.data, size};
    *ret_suffix = (struct ll_bytes){size > 0 ? key.data + size : key.data,
                                    key.size - size};
}

/** The number of permits in the piece "pN"; 0: it is no such piece. */
static uint32_t permits_of(struct ll_bytes piece)
{
    uint32_t permits = 0;

    if (piece.size < 2 || piece.size > 4 || piece.data[0] != 'p' ||
        piece.data[1] == '0') {
        return 0;
    }
    for (size_t i = 1; i < piece.size; i++) {
        if (piece.data[i] < '0' || piece.data[i] > '9') {
            return 0;
        }
        permits = 10 * permits + (uint32_t)(piece.data[i] - '0');
    }
    return permits <= LL_PERMITS_MAX ? permits : 0;
}

/** Takes the mode off the front of a suffix; false: it begins with "~." and
 *  names none. */
static bool take_mode(struct ll_bytes *suffix, struct ll_mode *ret_mode)
{
    struct ll_bytes piece;

    *ret_mode = (struct ll_mode){LL_MODE_EXCLUSIVE, 0};
    if (suffix->size < 2 || suffix->data[0] != '~' || suffix->data[1] != '.') {
        return true;
    }
    (void)take_piece(suffix);
    piece = take_piece(suffix);
    if (piece.size == 1 && piece.data[0] == 's') {
        ret_mode->kind = LL_MODE_SHARED;
        return true;
    }
    ret_mode->permits = permits_of(piece);
    ret_mode->kind = ret_mode->permits > 0 ? LL_MODE_PERMIT : LL_MODE_EXCLUSIVE;
    return ret_mode->permits > 0;
}

/** Whether a suffix is LEASE, or LEASE.NUMBER with or without more parts. */
static bool
suffix_is_of(struct ll_bytes suffix, int64_t lease, bool *ret_has_number)
{
    char text[17];
    int size = snprintf(text, sizeof(text), "%llx", (unsigned long long)lease);
    bool dotted = suffix.size > 0 && suffix.data[suffix.size - 1] == '.';
    struct ll_bytes piece = take_piece(&suffix);

    if (dotted ||
        !ll_bytes_equal(piece, (struct ll_bytes){text, (size_t)size})) {
        return false;
    }
    *ret_has_number = suffix.size > 0;
    if (suffix.size == 0) {
        return true;
    }
    if (!is_number(take_piece(&suffix))) {
        return false;
    }
    while (suffix.size > 0) {
        piece = take_piece(&suffix);
        if (piece.size == 0 || piece.data[0] < 'a' || piece.data[0] > 'z') {
            return false;
        }
    }
    return true;
}

bool ll_key_parse(struct ll_bytes key,
                  int64_t lease,
                  struct ll_key_place *ret_place)
{
    struct ll_key_place place;
    struct ll_bytes suffix;

    key_split(key, &place.prefix, &suffix);
    if (place.prefix.size < 2 || !take_mode(&suffix, &place.mode) ||
        !suffix_is_of(suffix, lease, &place.has_number) ||
        (place.mode.kind != LL_MODE_EXCLUSIVE && !place.has_number)) {
        return false;
    }
    *ret_place = place;
    return true;
}

struct ll_mode ll_key_mode(struct ll_bytes key)
{
    struct ll_bytes prefix;
    struct ll_bytes suffix;
    struct ll_mode mode;

    key_split(key, &prefix, &suffix);
    (void)take_mode(&suffix, &mode);
    return mode;
}

bool ll_mode_equal(struct ll_mode a, struct ll_mode b)
{
    return a.kind == b.kind && a.permits == b.permits;
}

/** Writes a prefix and what follows. */
static struct ll_bytes
prefix_with(struct ll_bytes prefix, struct ll_bytes more, char *ret_bound)
{
    memcpy(ret_bound, prefix.data, prefix.size);
    memcpy(ret_bound + prefix.size, more.data, more.size);
    return (struct ll_bytes){ret_bound, prefix.size + more.size};
}

struct ll_bytes ll_prefix_modes(struct ll_bytes prefix, char *ret_bound)
{
    return prefix_with(prefix, (struct ll_bytes){"~.", 2}, ret_bound);
}

struct ll_bytes ll_prefix_past_modes(struct ll_bytes prefix, char *ret_bound)
{
    return prefix_with(prefix, (struct ll_bytes){"~/", 2}, ret_bound);
}

struct ll_bytes ll_prefix_permits(struct ll_bytes prefix, char *ret_bound)
{
    return prefix_with(prefix, (struct ll_bytes){"~.p", 3}, ret_bound);
}

struct ll_bytes ll_prefix_past_permits(struct ll_bytes prefix, char *ret_bound)
{
    return prefix_with(prefix, (struct ll_bytes){"~.q", 3}, ret_bound);
}

struct ll_bytes ll_key_part(struct ll_bytes key, char letter)
{
    struct ll_bytes prefix;
    struct ll_bytes suffix;
    struct ll_mode mode;

    key_split(key, &prefix, &suffix);
    (void)take_mode(&suffix, &mode);
    (void)take_piece(&suffix); /* the lease */
    (void)take_piece(&suffix); /* the number */
    while (suffix.size > 0) {
        struct ll_bytes piece = take_piece(&suffix);

        if (piece.size > 0 && piece.data[0] == letter) {
            return (struct ll_bytes){piece.data + 1, piece.size - 1};
        }
    }
    return (struct ll_bytes){key.data, 0};
}

struct ll_bytes
ll_prefix_permits_of(struct ll_bytes prefix, uint32_t permits, char *ret_bound)
{
    struct ll_mode mode = {LL_MODE_PERMIT, permits};

    memcpy(ret_bound, prefix.data, prefix.size);
    return (struct ll_bytes){
        ret_bound, prefix.size + mode_make(mode, ret_bound + prefix.size)};
}

struct ll_bytes ll_prefix_past_permits_of(struct ll_bytes prefix,
                                          uint32_t permits,
                                          char *ret_bound)
{
    struct ll_bytes bound = ll_prefix_permits_of(prefix, permits, ret_bound);

    ret_bound[bound.size - 1]++; /* from '.' to '/' */
    return bound;
}

uint32_t ll_key_delay_ms(struct ll_bytes key, int64_t lease)
{
    struct ll_key_place place;
    struct ll_bytes text = ll_key_part(key, 'd');
    uint32_t ms = 0;

    if (text.size == 0 || text.size > LL_DELAY_TEXT_MAX - 2 ||
        text.data[0] == '0' || !ll_key_parse(key, lease, &place)) {
        return 0;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
        ms = 10 * ms + (uint32_t)(text.data[i] - '0');
    }
    return ms <= LL_DELAY_MS_MAX ? ms : 0;
}

struct ll_bytes ll_prefix_end(struct ll_bytes prefix, char *ret_end)
{
    memcpy(ret_end, prefix.data, prefix.size);
    ret_end[prefix.size - 1]++;
    return (struct ll_bytes){ret_end, prefix.size};
}

bool ll_key_is_nested(struct ll_bytes key, size_t prefix_size)
{
    return key.size > prefix_size &&
           memchr(key.data + prefix_size, '/', key.size - prefix_size) != NULL;
}

bool ll_kv_is_ticket(const struct ll_kv *kv, size_t prefix_size)
{
    return kv->lease != 0 && !ll_key_is_nested(kv->key, prefix_size);
}

bool ll_kv_may_lead(const struct ll_kv *kv)
{
    return kv->lease != 0 && ll_key_mode(kv->key).kind == LL_MODE_EXCLUSIVE;
}

bool ll_bytes_equal(struct ll_bytes a, struct ll_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
