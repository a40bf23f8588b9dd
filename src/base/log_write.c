/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A record of the log as a line: fields in one order, and escapes that keep a
 * hostile text inside its field.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "leaselock/log.h"
#include "leaselock/status.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_US INT64_C(1000)

struct line {
    char *text;
    size_t room;   /* for what is written, without the NUL */
    size_t at;     /* bytes written */
    size_t length; /* bytes of the whole line */
    bool is_full;  /* something did not fit: nothing may follow it */
    bool is_json;
};

/** Adds bytes that belong together: all of them or none. */
static void put(struct line *line, const char *bytes, size_t n)
{
    line->length += n;
    if (n == 0) {
        return;
    }
    if (line->is_full || n > line->room - line->at) {
        line->is_full = true;
        return;
    }
    memcpy(line->text + line->at, bytes, n);
    line->at += n;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/** The length of the UTF-8 sequence at the front of a text that ends in a NUL,
 *  and its code point; 0: it is none. */
static size_t decode(const unsigned char *at, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80             ? 1
                    : (at[0] & 0xe0) == 0xc0 ? 2
                    : (at[0] & 0xf0) == 0xe0 ? 3
                    : (at[0] & 0xf8) == 0xf0 ? 4
                                             : 0;
    uint32_t code = length == 1 ? at[0] : at[0] & (0xffU >> (length + 1));

    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0; /* the NUL at the end, too */
        }
        code = code << 6 | (at[i] & 0x3fU);
    }
    *ret_code = code;
    return length == 0 || code < least[length] || code > 0x10ffff ||
                   (code >= 0xd800 && code <= 0xdfff)
               ? 0
               : length;
}

/** Whether a character could end a line or change how it is shown. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
           code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/** Adds a text with escapes, as it stands between quotes. */
static void put_escaped(struct line *line, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    char escape[16];

    while (*at != '\0') {
        uint32_t code = 0;
        size_t length = decode(at, &code);
        int n = 0;

        if (length == 0) {
            n = snprintf(escape, sizeof(escape), "%s\\x%02x",
                         line->is_json ? "\\" : "", at[0]);
            length = 1;
        } else if (code == '"' || code == '\\') {
            n = snprintf(escape, sizeof(escape), "\\%c", (char)code);
        } else if (code == '\n' || code == '\r' || code == '\t') {
            n = snprintf(escape, sizeof(escape), "\\%c",
                         code == '\n'   ? 'n'
                         : code == '\r' ? 'r'
                                        : 't');
        } else if (is_control(code)) {
            n = snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)code);
        }
        if (n > 0) {
            put(line, escape, (size_t)n);
        } else {
            put(line, (const char *)at, length);
        }
        at += length;
    }
}

/** The name of a field, with what separates it from the one before. */
static void put_name(struct line *line, const char *name)
{
    bool is_first = line->length == 0;

    if (line->is_json) {
        put_text(line, is_first ? "{\"" : ",\"");
        put_text(line, name);
        put_text(line, "\":");
    } else {
        put_text(line, is_first ? "" : " ");
        put_text(line, name);
        put_text(line, "=");
    }
}

/** Whether a text needs no quotes as a value. */
static bool is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/@+";

    return text[0] != '\0' && text[strspn(text, plain)] == '\0';
}

static void put_string(struct line *line, const char *name, const char *text)
{
    bool quotes = line->is_json || !is_plain(text);

    put_name(line, name);
    put_text(line, quotes ? "\"" : "");
    put_escaped(line, text);
    put_text(line, quotes ? "\"" : "");
}

/** The message ends the line, and is cut where there is no room. */
static void put_message(struct line *line, const char *text)
{
    const char *end = line->is_json ? "\"}" : "\"";
    size_t end_size = strlen(end);
    bool has_room;

    put_name(line, "msg");
    put_text(line, "\"");
    has_room = !line->is_full && line->room - line->at >= end_size;
    if (has_room) {
        line->room -= end_size;
    }
    put_escaped(line, text);
    if (has_room) {
        line->room += end_size;
        line->is_full = false;
    }
    put(line, end, end_size);
}

static void put_time(struct line *line, int64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm utc;
    char date[32];
    char text[64];

    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%s.%06" PRId64 "Z", date,
                   time_ns % NS_PER_S / NS_PER_US);
    put_string(line, "time", text);
}

static const char *level_name(enum leaselock_log_level level)
{
    switch (level) {
    case LEASELOCK_LOG_WARNING:
        return "warning";
    case LEASELOCK_LOG_INFO:
        return "info";
    case LEASELOCK_LOG_DEBUG:
        return "debug";
    case LEASELOCK_LOG_OFF:
        break;
    }
    return "off";
}

static void put_fields(struct line *line,
                       const struct leaselock_log_record *record)
{
    char text[64];

    if (record->lock != NULL) {
        put_string(line, "lock", record->lock);
    }
    if (record->token != 0) {
        (void)snprintf(text, sizeof(text), "%" PRId64, record->token);
        put_name(line, "token");
        put_text(line, text);
    }
    if (record->lease != 0) {
        (void)snprintf(text, sizeof(text), "%016" PRIx64,
                       (uint64_t)record->lease);
        put_string(line, "lease", text);
    }
    if (record->endpoint != NULL) {
        put_string(line, "endpoint", record->endpoint);
    }
    if (record->status != 0) {
        put_string(line, "status", leaselock_status_name(record->status));
    }
    if (record->duration_ns >= 0) {
        (void)snprintf(text, sizeof(text), "%" PRId64 ".%09" PRId64,
                       record->duration_ns / NS_PER_S,
                       record->duration_ns % NS_PER_S);
        put_name(line, "duration_s");
        put_text(line, text);
    }
}

int leaselock_log_write(const struct leaselock_log_record *record,
                        enum leaselock_log_format format,
                        char *ret_text,
                        size_t size)
{
    struct line line = {.text = ret_text, .room = size > 0 ? size - 1 : 0};

    if (record == NULL || (ret_text == NULL && size > 0) ||
        (format != LEASELOCK_LOG_TEXT && format != LEASELOCK_LOG_JSON)) {
        return LEASELOCK_E_ARGUMENT;
    }
    line.is_json = format == LEASELOCK_LOG_JSON;
    put_time(&line, record->time_ns);
    put_string(&line, "level", level_name(record->level));
    put_string(&line, "event", record->event);
    put_fields(&line, record);
    put_message(&line, record->message);
    if (size > 0) {
        ret_text[line.at] = '\0';
    }
    return (int)line.length;
}
