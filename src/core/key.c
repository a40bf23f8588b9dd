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

/** What the suffix of a key begins with, but for the mode. */
#define LEAD_SIZE 17

static void lease_make(int64_t lease, char ret_text[LEAD_SIZE])
{
    (void)snprintf(ret_text, LEAD_SIZE, "%llx", (unsigned long long)lease);
}

static void slot_make(struct ll_slot slot, char ret_text[LEAD_SIZE])
{
    assert(slot.slot < LL_SLOT_END);
    (void)snprintf(ret_text, LEAD_SIZE, "h%02x-%x", (unsigned)slot.tag,
                   (unsigned)slot.slot);
}

static size_t key_write(struct ll_bytes namespace,
                        struct ll_bytes name,
                        const char *lead,
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
                                   "%s%s.%llx%s%s%.*s", text, lead,
                                   (unsigned long long)number, delay,
                                   who.size > 0 ? ".w" : "", (int)who.size,
                                   who.size > 0 ? who.data : "");
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
    char lead[LEAD_SIZE];

    lease_make(lease, lead);
    return key_write(namespace, name, lead, number, mode, delay_ms, who,
                     ret_key);
}

size_t ll_key_make_slot(struct ll_bytes namespace,
                        struct ll_bytes name,
                        struct ll_slot slot,
                        uint64_t number,
                        struct ll_mode mode,
                        uint32_t delay_ms,
                        struct ll_bytes who,
                        char *ret_key)
{
    char lead[LEAD_SIZE];

    slot_make(slot, lead);
    return key_write(namespace, name, lead, number, mode, delay_ms, who,
                     ret_key);
}

/** Takes the piece up to the next '.' off the front of a suffix. */
static struct ll_bytes take_piece(struct ll_bytes *suffix)
{
    if (suffix->size == 0) {
        return *suffix; /* its data may be NULL, from which nothing is far */
    }

    const char *dot = memchr(suffix->data, '.', suffix->size);
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

/** Whether bytes are a slot as slot_make writes it. A lease in hexadecimal has
 *  no 'h'. */
static bool is_slot(struct ll_bytes bytes)
{
    struct ll_bytes tag = {bytes.data + 1, 2};
    struct ll_bytes slot = {bytes.data + 4, bytes.size - 4};

    if (bytes.size < 5 || bytes.size > LL_SLOT_TEXT_MAX ||
        bytes.data[0] != 'h' || bytes.data[3] != '-') {
        return false;
    }
    if (tag.data[0] == '0') {
        tag = (struct ll_bytes){tag.data + 1, 1};
    }
    return is_number(tag) && is_number(slot) &&
           (slot.size < 3 || slot.data[0] <= '7');
}

/** Whether a suffix is LEASE, or LEASE.NUMBER or SLOT.NUMBER with or without
 *  more parts. */
static bool suffix_is_of(struct ll_bytes suffix,
                         int64_t lease,
                         struct ll_key_place *ret_place)
{
    char text[LEAD_SIZE];
    bool dotted = suffix.size > 0 && suffix.data[suffix.size - 1] == '.';
    struct ll_bytes piece = take_piece(&suffix);
    bool has_slot = is_slot(piece);

    lease_make(lease, text);
    if (dotted ||
        (!has_slot &&
         !ll_bytes_equal(piece, (struct ll_bytes){text, strlen(text)}))) {
        return false;
    }
    ret_place->has_slot = has_slot;
    ret_place->has_number = suffix.size > 0;
    if (suffix.size == 0) {
        return !has_slot;
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
        !suffix_is_of(suffix, lease, &place) ||
        (place.mode.kind != LL_MODE_EXCLUSIVE && !place.has_number)) {
        return false;
    }
    *ret_place = place;
    return true;
}

size_t ll_key_move(char *key,
                   size_t size,
                   const struct ll_slot *slot,
                   int64_t lease,
                   uint64_t number)
{
    char lead[LEAD_SIZE];
    char text[2 * LEAD_SIZE + 2];
    char *from;
    size_t moved;
    struct ll_bytes prefix;
    struct ll_bytes rest;
    struct ll_mode mode;

    key_split((struct ll_bytes){key, size}, &prefix, &rest);
    (void)take_mode(&rest, &mode);
    from = key + (rest.data - key);
    (void)take_piece(&rest);
    (void)take_piece(&rest);
    if (slot != NULL) {
        slot_make(*slot, lead);
    } else {
        lease_make(lease, lead);
    }
    moved =
        (size_t)snprintf(text, sizeof(text), "%s.%llx%s", lead,
                         (unsigned long long)number, rest.size > 0 ? "." : "");
    memmove(from + moved, rest.data, rest.size);
    memcpy(from, text, moved);
    size = (size_t)(from - key) + moved + rest.size;
    key[size] = '\0';
    return size;
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
