/* SPDX-License-Identifier: Apache-2.0 */
/* Names, keys and values from bytes: an accepted name gives a key within its
 * own queue's range and no other's; any value is read safely. */
#include <stdbool.h>
#include <string.h>

#include "api/value.h"
#include "base/alloc.h"
#include "core/key.h"
#include "fuzz.h"

static int compare(struct ll_bytes a, struct ll_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/** The rule for names, in an independent form. */
static bool name_is_valid(struct ll_bytes name)
{
    bool slash = true; /* as before the first part */

    if (name.size < 1 || name.size > LL_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.data[i];

        if (byte <= 0x1f || byte == 0x7f || (byte == '/' && slash)) {
            return false;
        }
        if (slash && byte == '~' && i + 1 < name.size &&
            name.data[i + 1] == '.') {
            return false;
        }
        slash = byte == '/';
    }
    return !slash;
}

/** The same key with a slot, and then with the lease again. */
static void fuzz_slot(struct ll_bytes name,
                      uint64_t number,
                      struct ll_mode mode,
                      uint32_t delay_ms,
                      int64_t lease)
{
    struct ll_slot slot = {(uint8_t)number, (uint16_t)(number % LL_SLOT_END)};
    char *key = malloc(LL_KEY_MAX + LL_KEY_MOVE_MAX + 1);
    char *expected = malloc(LL_KEY_MAX + 1);
    struct ll_key_place place;
    size_t size;

    FUZZ_CHECK(key != NULL && expected != NULL);
    size = ll_key_make_slot((struct ll_bytes){NULL, 0}, name, slot, number,
                            mode, delay_ms, (struct ll_bytes){NULL, 0}, key);
    FUZZ_CHECK(ll_key_parse((struct ll_bytes){key, size}, lease, &place));
    FUZZ_CHECK(place.has_slot && place.has_number);
    FUZZ_CHECK(place.prefix.size == name.size + 1);
    FUZZ_CHECK(ll_mode_equal(place.mode, mode));
    size = ll_key_move(key, size, NULL, lease, number);
    FUZZ_CHECK(size == ll_key_make((struct ll_bytes){NULL, 0}, name, lease,
                                   number, mode, delay_ms,
                                   (struct ll_bytes){NULL, 0}, expected));
    FUZZ_CHECK(strcmp(key, expected) == 0);
    free(expected);
    free(key);
}

static void fuzz_name(struct fuzz_bytes bytes)
{
    int64_t lease = (int64_t)(fuzz_number(&bytes) >> 1);
    uint64_t number = fuzz_number(&bytes);
    uint64_t kind = fuzz_number(&bytes) % 3;
    uint32_t delay_ms = (uint32_t)(fuzz_number(&bytes) % (LL_DELAY_MS_MAX + 1));
    struct ll_mode mode = {(enum ll_mode_kind)kind, 0};
    char *key = malloc(LL_KEY_MAX + 1);
    char *end = malloc(LL_PREFIX_MAX);
    struct ll_bytes name;
    struct ll_bytes whole;
    struct ll_bytes prefix;
    struct ll_bytes range_end;
    char *data = fuzz_take(&bytes, bytes.left, &name.size);

    FUZZ_CHECK(key != NULL && end != NULL);
    name.data = data;
    FUZZ_CHECK((ll_name_check(name) == NULL) == name_is_valid(name));
    if (ll_name_check(name) == NULL) {
        char suffix[LL_SUFFIX_MAX + 2];
        struct ll_key_place place;
        char begin[LL_MODE_TEXT_MAX + 1] = "";
        char delay[LL_DELAY_TEXT_MAX + 1] = "";

        if (delay_ms > 0) {
            (void)snprintf(delay, sizeof(delay), ".d%u", delay_ms);
        }

        if (kind == LL_MODE_SHARED) {
            (void)snprintf(begin, sizeof(begin), "~.s.");
        } else if (kind == LL_MODE_PERMIT) {
            mode.permits = 1 + (uint32_t)(number % LL_PERMITS_MAX);
            (void)snprintf(begin, sizeof(begin), "~.p%u.", mode.permits);
        }
        whole = (struct ll_bytes){
            key, ll_key_make((struct ll_bytes){NULL, 0}, name, lease, number,
                             mode, delay_ms, (struct ll_bytes){NULL, 0}, key)};
        prefix = (struct ll_bytes){key, name.size + 1};
        range_end = ll_prefix_end(prefix, end);
        (void)snprintf(suffix, sizeof(suffix), "/%s%llx.%llx%s", begin,
                       (unsigned long long)lease, (unsigned long long)number,
                       delay);
        FUZZ_CHECK(whole.size <= LL_KEY_MAX && key[whole.size] == '\0');
        FUZZ_CHECK(whole.size == name.size + strlen(suffix));
        FUZZ_CHECK(memcmp(key, name.data, name.size) == 0);
        FUZZ_CHECK(strcmp(key + name.size, suffix) == 0);
        FUZZ_CHECK(ll_key_parse(whole, lease, &place) && place.has_number);
        FUZZ_CHECK(!place.has_slot);
        FUZZ_CHECK(ll_mode_equal(place.mode, mode));
        FUZZ_CHECK(ll_key_delay_ms(whole, lease) == delay_ms);
        FUZZ_CHECK(ll_mode_equal(ll_key_mode(whole), mode));
        FUZZ_CHECK(ll_bytes_equal(place.prefix, prefix));
        FUZZ_CHECK(compare(prefix, whole) < 0 && compare(whole, range_end) < 0);
        FUZZ_CHECK(compare(name, prefix) < 0);
        FUZZ_CHECK(!ll_key_is_nested(whole, prefix.size));
        FUZZ_CHECK(ll_bytes_equal(whole, whole));
        FUZZ_CHECK(!ll_bytes_equal(whole, prefix));
        fuzz_slot(name, number, mode, delay_ms, lease);
        /* For the parent, if there is one, it belongs to a nested lock. */
        for (size_t i = 1; i < name.size; i++) {
            if (name.data[i] == '/') {
                FUZZ_CHECK(ll_key_is_nested(whole, i + 1));
            }
        }
    }
    free(data);
    free(end);
    free(key);
}

static void fuzz_foreign_key(struct fuzz_bytes bytes)
{
    size_t prefix_size = fuzz_byte(&bytes);
    struct ll_bytes key;
    char *data = fuzz_take(&bytes, bytes.left, &key.size);
    bool nested = false;

    key.data = data;
    for (size_t i = prefix_size; i < key.size; i++) {
        nested = nested || data[i] == '/';
    }
    FUZZ_CHECK(ll_key_is_nested(key, prefix_size) == nested);
    free(data);
}

static void fuzz_value(struct fuzz_bytes bytes)
{
    size_t size;
    char *data = fuzz_take(&bytes, bytes.left, &size);
    struct ll_value value;

    char *asked = NULL;
    size_t asked_size;

    FUZZ_CHECK(ll_value_parse(data, size, &value) == 0);
    FUZZ_CHECK(ll_value_ask((struct ll_bytes){data, size}, "w", "r", 1, 2,
                            &asked, &asked_size) == 0);
    free(data); /* a value borrows nothing of it */
    FUZZ_CHECK(value.host != NULL && value.program != NULL);
    FUZZ_CHECK(value.label != NULL);
    FUZZ_CHECK(strlen(value.host) <= size && strlen(value.program) <= size);
    FUZZ_CHECK(strlen(value.label) <= size);
    FUZZ_CHECK(value.is_asked == (value.asked_who != NULL));
    ll_value_free(&value);
    if (asked != NULL) {
        FUZZ_CHECK(ll_value_parse(asked, asked_size, &value) == 0);
        FUZZ_CHECK(value.is_asked && strcmp(value.asked_reason, "r") == 0);
        FUZZ_CHECK(value.asked_id == ll_value_asked_id(2));
        ll_value_free(&value);
        ll_free(asked);
    }
}

/** A valid label is read back unchanged. */
static void fuzz_label(struct fuzz_bytes bytes)
{
    char *label = fuzz_string(&bytes);
    char *data = NULL;
    size_t size = 0;
    struct ll_value value;

    if (ll_value_label_is_valid(label)) {
        FUZZ_CHECK(ll_value_make(label, 0, 1, &data, &size) == 0);
        FUZZ_CHECK(ll_value_parse(data, size, &value) == 0);
        FUZZ_CHECK(strcmp(value.label, label) == 0 && value.pid > 0);
        ll_value_free(&value);
        ll_free(data);
    }
    free(label);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};

    switch (fuzz_below(&bytes, 4)) {
    case 0:
        fuzz_name(bytes);
        break;
    case 1:
        fuzz_foreign_key(bytes);
        break;
    case 2:
        fuzz_value(bytes);
        break;
    default:
        fuzz_label(bytes);
        break;
    }
    return 0;
}
