/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/** Decodes the UTF-8 character at the front; returns its size in bytes, or 0 if
 *  it is not valid. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = p[0] < 0x80             ? 1
                    : (p[0] & 0xe0) == 0xc0 ? 2
                    : (p[0] & 0xf0) == 0xe0 ? 3
                    : (p[0] & 0xf8) == 0xf0 ? 4
                                            : 0;
    uint32_t code = length == 1 ? p[0] : p[0] & (0x7fu >> length);

    if (length == 0 || length > n) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3fu);
    }
    if (code < least[length] || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    *ret_code = code;
    return length;
}

/** Whether a terminal may receive the character unescaped. */
static int is_harmless(uint32_t code)
{
    return code >= 0x20 && !(code >= 0x7f && code <= 0x9f) &&
           !(code >= 0x200e && code <= 0x200f) &&
           !(code >= 0x2028 && code <= 0x202e) &&
           !(code >= 0x2066 && code <= 0x2069) && code != 0xfeff;
}

size_t ll_text_escape(const char *bytes, size_t n, char *ret_text, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = (const unsigned char *)bytes;
    size_t at = 0;

    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        size_t length = decode(p + i, n - i, &code);
        int plain = length > 0 && is_harmless(code);
        size_t taken = length > 0 ? length : 1;

        if (at + (plain ? taken : 4 * taken) >= size) {
            break;
        }
        for (size_t k = 0; k < taken; k++, i++) {
            if (plain) {
                ret_text[at++] = (char)p[i];
                continue;
            }
            ret_text[at++] = '\\';
            ret_text[at++] = 'x';
            ret_text[at++] = digits[p[i] >> 4];
            ret_text[at++] = digits[p[i] & 15];
        }
    }
    ret_text[at] = '\0';
    return at;
}

char *ll_text_escape_new(const char *bytes, size_t n)
{
    char *text = n < SIZE_MAX / 4 ? malloc(4 * n + 1) : NULL;

    if (text != NULL) {
        ll_text_escape(bytes, n, text, 4 * n + 1);
    }
    return text;
}

/** The columns of the character at the front, and its bytes in *ret_length. */
static size_t measure(const char *p, size_t *ret_length)
{
    uint32_t code = 0;
    size_t length = decode((const unsigned char *)p, strlen(p), &code);
    int columns = length > 0 ? wcwidth((wchar_t)code) : 1;

    *ret_length = length > 0 ? length : 1;
    /* Unassigned code points; without the locale, all but ASCII. */
    return columns >= 0 ? (size_t)columns : 1;
}

size_t ll_text_columns(const char *text)
{
    size_t columns = 0;
    size_t length;

    for (; *text != '\0'; text += length) {
        columns += measure(text, &length);
    }
    return columns;
}

void ll_text_cut(char *text, size_t columns)
{
    size_t dots = columns < 3 ? columns : 3;
    size_t kept = columns - dots;
    size_t length;
    char *p = text;

    if (ll_text_columns(text) <= columns) {
        return;
    }
    /* Combining characters stay with their base character. */
    for (; *p != '\0'; p += length) {
        size_t width = measure(p, &length);

        if (width > kept) {
            break;
        }
        kept -= width;
    }
    /* The cut text has more columns than dots, of one byte or more. */
    memcpy(p, "...", dots);
    p[dots] = '\0';
}

void ll_text_known(char *text)
{
    char *to = text;
    uint32_t code;

    for (const char *p = text; *p != '\0';) {
        size_t length = decode((const unsigned char *)p, strlen(p), &code);

        if (length == 0 || wcwidth((wchar_t)code) < 0) {
            *to++ = '?';
        } else {
            memmove(to, p, length);
            to += length;
        }
        p += length > 0 ? length : 1;
    }
    *to = '\0';
}

void ll_text_age(int64_t seconds, char ret_text[LL_TEXT_AGE_SIZE])
{
    int64_t s = seconds > 0 ? seconds : 0;

    if (s < 60) {
        (void)snprintf(ret_text, LL_TEXT_AGE_SIZE, "%" PRId64 "s", s);
    } else if (s < 3600) {
        (void)snprintf(ret_text, LL_TEXT_AGE_SIZE, "%" PRId64 "m%02ds", s / 60,
                       (int)(s % 60));
    } else if (s < 86400) {
        (void)snprintf(ret_text, LL_TEXT_AGE_SIZE, "%" PRId64 "h%02dm",
                       s / 3600, (int)(s / 60 % 60));
    } else {
        (void)snprintf(ret_text, LL_TEXT_AGE_SIZE, "%" PRId64 "d%dh", s / 86400,
                       (int)(s / 3600 % 24));
    }
}
