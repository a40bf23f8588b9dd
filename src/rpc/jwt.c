/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/jwt.h"

#include <string.h>

#include <jansson.h>

/** The value of a digit of base64url; -1: not a digit. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '-') {
        return 62;
    }
    return c == '_' ? 63 : -1;
}

/** Decodes base64url without padding; false: not valid. */
static bool
decode(const char *text, size_t size, char *ret_data, size_t *ret_size)
{
    uint32_t bits = 0;
    unsigned n = 0;
    size_t at = 0;
    size_t i = 0;

    for (i = 0; i < size; i++) {
        int value = digit(text[i]);

        if (value < 0) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        n += 6;
        if (n >= 8) {
            n -= 8;
            ret_data[at++] = (char)(bits >> n & 0xff);
        }
    }
    *ret_size = at;
    return true;
}

static bool read_expiry(const char *claims, size_t size, int64_t *ret_expiry_s)
{
    json_t *object = json_loadb(claims, size, 0, NULL);
    const json_t *expiry = json_object_get(object, "exp");
    bool found = false;

    /* etcd writes an integer; the standard allows a fraction. */
    if (json_is_integer(expiry)) {
        *ret_expiry_s = json_integer_value(expiry);
        found = true;
    } else if (json_is_real(expiry) && json_real_value(expiry) > 0 &&
               json_real_value(expiry) < 1e15) {
        *ret_expiry_s = (int64_t)json_real_value(expiry);
        found = true;
    }
    json_decref(object);
    return found;
}

bool ll_jwt_expiry(const char *token, size_t size, int64_t *ret_expiry_s)
{
    char claims[LL_TOKEN_SIZE_MAX];
    const char *first = memchr(token, '.', size);
    const char *second = NULL;
    size_t claims_size = 0;
    bool found = false;

    if (first == NULL || size > LL_TOKEN_SIZE_MAX) {
        return false;
    }
    first++;
    second = memchr(first, '.', (size_t)(token + size - first));
    if (second == NULL) {
        return false;
    }
    found = decode(first, (size_t)(second - first), claims, &claims_size) &&
            read_expiry(claims, claims_size, ret_expiry_s);
    explicit_bzero(claims, sizeof(claims));
    return found;
}
