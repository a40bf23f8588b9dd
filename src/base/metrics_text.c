/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {[LL_METRIC_GAUGE] = "gauge",
                                    [LL_METRIC_COUNTER] = "counter",
                                    [LL_METRIC_HISTOGRAM] = "histogram"};

static const char unit[] = "seconds"; /* the only one */

/** Moves behind what was written. */
static void text_advance(struct ll_metrics_text *text, size_t n)
{
    size_t written = n < text->room ? n : text->room;

    text->length += n;
    text->at = text->at != NULL ? text->at + written : NULL;
    text->room -= written;
}

void ll_metrics_put(struct ll_metrics_text *text, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text->at, text->room, format, arguments);
    va_end(arguments);
    if (length > 0) {
        text_advance(text, (size_t)length);
    }
}

static void
put_bytes(struct ll_metrics_text *text, const char *bytes, size_t size)
{
    ll_metrics_put(text, "%.*s", (int)size, bytes);
}

static bool has_unit(const char *name)
{
    size_t length = strlen(name);

    return length > sizeof(unit) &&
           strcmp(name + length - sizeof(unit) + 1, unit) == 0 &&
           name[length - sizeof(unit)] == '_';
}

void ll_metrics_put_head(struct ll_metrics_text *text,
                         enum ll_metric_kind kind,
                         const char *name,
                         const char *help)
{
    ll_metrics_put(text, "# TYPE %s %s\n", name, kinds[kind]);
    if (has_unit(name)) {
        ll_metrics_put(text, "# UNIT %s %s\n", name, unit);
    }
    ll_metrics_put(text, "# HELP %s %s\n", name, help);
}

void ll_metrics_put_decimal(struct ll_metrics_text *text,
                            uint64_t number,
                            int digits)
{
    uint64_t scale = 1;
    uint64_t rest;

    for (int i = 0; i < digits; i++) {
        scale *= 10;
    }
    rest = number % scale;
    while (digits > 1 && rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    ll_metrics_put(text, "%" PRIu64 ".%0*" PRIu64, number / scale, digits,
                   rest);
}

/** The size of the UTF-8 character at the front; 0: it is none. */
static size_t utf8_size(const unsigned char *at)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = at[0] < 0x80             ? 1
                  : (at[0] & 0xe0) == 0xc0 ? 2
                  : (at[0] & 0xf0) == 0xe0 ? 3
                  : (at[0] & 0xf8) == 0xf0 ? 4
                                           : 0;
    uint32_t code = size == 1 ? at[0] : at[0] & (0x7fu >> size);

    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) { /* a NUL, too */
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fu);
    }
    return size > 0 && code >= least[size] && code <= 0x10ffff &&
                   !(code >= 0xd800 && code <= 0xdfff)
               ? size
               : 0;
}

void ll_metrics_put_label(struct ll_metrics_text *text,
                          const char *label,
                          const char *value)
{
    const char *from = value; /* not written yet */
    const char *at = value;

    ll_metrics_put(text, "%s=\"", label);
    while (*at != '\0') {
        size_t size = utf8_size((const unsigned char *)at);
        const char *instead = *at == '\n'                   ? "\\n"
                              : *at == '"'                  ? "\\\""
                              : *at == '\\' && at[1] == 'x' ? "\\\\x5c"
                              : *at == '\\'                 ? "\\\\"
                                                            : NULL;

        if (size > 0 && instead == NULL) {
            at += size;
            continue;
        }
        put_bytes(text, from, (size_t)(at - from));
        if (instead != NULL) {
            ll_metrics_put(text, "%s", instead);
        } else {
            ll_metrics_put(text, "\\\\x%02x", (unsigned char)*at);
        }
        at++;
        from = at;
    }
    put_bytes(text, from, (size_t)(at - from));
    ll_metrics_put(text, "\"");
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

void ll_metrics_to_plain(const char *from, struct ll_metrics_text *ret_text)
{
    static const char type[] = "# TYPE ";
    static const char help[] = "# HELP ";
    bool is_counter = false;

    while (*from != '\0') {
        const char *end = strchr(from, '\n');
        size_t size = end != NULL ? (size_t)(end - from) + 1 : strlen(from);

        if (begins(from, type)) {
            is_counter =
                size > sizeof("counter\n") &&
                begins(from + size - sizeof("counter\n") + 1, "counter\n");
        }
        if (is_counter && (begins(from, type) || begins(from, help))) {
            size_t name =
                sizeof(type) - 1 + strcspn(from + sizeof(type) - 1, " ");

            put_bytes(ret_text, from, name);
            ll_metrics_put(ret_text, "_total");
            put_bytes(ret_text, from + name, size - name);
        } else if (!begins(from, "# UNIT ") && !begins(from, "# EOF")) {
            put_bytes(ret_text, from, size);
        }
        from += size;
    }
}
