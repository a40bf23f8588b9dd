/* SPDX-License-Identifier: Apache-2.0 */
#include "api/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/core.h"
#include "core/try_ask.h"
#include "leaselock/session.h"
#include "leaselock/ticket.h"

#define HOST_SIZE 256

bool ll_value_text_is_plain(const char *text)
{
    json_t *string;

    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
    string = json_string(text); /* rejects invalid UTF-8 */
    json_decref(string);
    return string != NULL;
}

bool ll_value_label_is_valid(const char *label)
{
    return label == NULL || (strlen(label) <= LEASELOCK_LABEL_MAX &&
                             ll_value_text_is_plain(label));
}

/** This machine's name; "" if it has none or the name cannot be shown. */
static void host_name(char host[HOST_SIZE])
{
    if (gethostname(host, HOST_SIZE - 1) != 0 ||
        !ll_value_text_is_plain(host)) {
        host[0] = '\0';
    }
}

static const char *program_name(void)
{
    return ll_value_text_is_plain(program_invocation_short_name)
               ? program_invocation_short_name
               : "";
}

int ll_value_make(const char *label,
                  int keep_ms,
                  int64_t since_unix_s,
                  char **ret_value,
                  size_t *ret_size)
{
    char host[HOST_SIZE] = "";
    json_t *object;
    char *text;

    host_name(host);
    object = json_pack("{s:s, s:I, s:s, s:s, s:I}", "host", host, "pid",
                       (json_int_t)getpid(), "program", program_name(), "label",
                       label != NULL ? label : "", "since",
                       (json_int_t)since_unix_s);
    if (keep_ms > 0 && json_object_set_new(object, LL_KEEP_MEMBER,
                                           json_integer(keep_ms)) != 0) {
        json_decref(object);
        object = NULL;
    }
    text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    *ret_size = strlen(text);
    *ret_value = ll_alloc_copy(text, *ret_size);
    free(text);
    return *ret_value != NULL ? 0 : LEASELOCK_E_NOMEM;
}

static char *member_text(json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);
    const char *text = json_string_value(member);

    return text != NULL ? ll_alloc_copy(text, json_string_length(member))
                        : ll_alloc_copy("", 0);
}

/** FNV-1a, by Fowler, Noll and Vo; never 0. */
static uint64_t id_hash(const char *id)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *id != '\0'; id++) {
        hash = (hash ^ (unsigned char)*id) * UINT64_C(1099511628211);
    }
    return hash != 0 ? hash : 1;
}

#define ID_SIZE 17

static void id_text(uint64_t id, char text[ID_SIZE])
{
    (void)snprintf(text, ID_SIZE, "%016" PRIx64, id);
}

uint64_t ll_value_asked_id(uint64_t id)
{
    char text[ID_SIZE];

    id_text(id, text);
    return id_hash(text);
}

/** Whether a value has the form of those that this library writes. */
static bool is_ours(json_t *object)
{
    return json_is_string(json_object_get(object, "host")) &&
           json_is_integer(json_object_get(object, "pid")) &&
           json_is_integer(json_object_get(object, "since"));
}

static void parse_asked(json_t *object, struct ll_value *ret_value)
{
    json_t *asked = json_object_get(object, "asked");
    const char *id = json_string_value(json_object_get(asked, "id"));

    ret_value->is_asked = is_ours(object) && json_is_object(asked);
    if (ret_value->is_asked) {
        ret_value->asked_who = member_text(asked, "who");
        ret_value->asked_reason = member_text(asked, "reason");
        ret_value->asked_unix_s =
            json_integer_value(json_object_get(asked, "at"));
        ret_value->asked_id = id != NULL ? id_hash(id) : 0;
    }
}

/** The time for which a value says that its key may be kept; else 0. */
static int keep_ms_of(json_t *object)
{
    json_int_t ms = json_integer_value(json_object_get(object, LL_KEEP_MEMBER));

    return is_ours(object) && ms > 0 && ms <= LEASELOCK_KEEP_MAX_MS ? (int)ms
                                                                    : 0;
}

int ll_value_ask(struct ll_bytes value,
                 const char *who,
                 const char *reason,
                 int64_t at_unix_s,
                 uint64_t id,
                 char **ret_value,
                 size_t *ret_size)
{
    json_t *object = json_loadb(value.data, value.size, 0, NULL);
    char id_hex[ID_SIZE];
    json_t *asked;
    char *text;

    *ret_value = NULL;
    if (!is_ours(object)) {
        json_decref(object);
        return 0;
    }
    id_text(id, id_hex);
    asked = json_pack("{s:s, s:s, s:I, s:s}", "who", who, "reason", reason,
                      "at", (json_int_t)at_unix_s, "id", id_hex);
    text = json_object_set_new(object, "asked", asked) == 0
               ? json_dumps(object, JSON_COMPACT)
               : NULL;
    json_decref(object);
    if (text == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    *ret_size = strlen(text);
    if (*ret_size <= LL_VALUE_MAX) {
        *ret_value = ll_alloc_copy(text, *ret_size);
    }
    free(text);
    return *ret_value != NULL || *ret_size > LL_VALUE_MAX ? 0
                                                          : LEASELOCK_E_NOMEM;
}

int ll_value_parse(const char *data, size_t size, struct ll_value *ret_value)
{
    json_t *object = json_loadb(data, size, 0, NULL);

    *ret_value = (struct ll_value){0};
    parse_asked(object, ret_value);
    ret_value->host = member_text(object, "host");
    ret_value->program = member_text(object, "program");
    ret_value->label = member_text(object, "label");
    ret_value->pid = json_integer_value(json_object_get(object, "pid"));
    ret_value->since_unix_s =
        json_integer_value(json_object_get(object, "since"));
    ret_value->keep_ms = keep_ms_of(object);
    json_decref(object);
    return ret_value->host != NULL && ret_value->program != NULL &&
                   ret_value->label != NULL &&
                   ret_value->is_asked == (ret_value->asked_who != NULL) &&
                   ret_value->is_asked == (ret_value->asked_reason != NULL)
               ? 0
               : LEASELOCK_E_NOMEM;
}

/** The most bytes of each escaped field in a key: with the process id, the time
 *  and four ':' at most LL_WHO_MAX. */
#define WHO_HOST_MAX 40
#define WHO_PROGRAM_MAX 16
#define WHO_LABEL_MAX 40
_Static_assert(WHO_HOST_MAX + WHO_PROGRAM_MAX + WHO_LABEL_MAX + 10 + 16 + 4 <=
                   LL_WHO_MAX,
               "who made a key has room in it");

static bool is_plain_byte(unsigned char byte)
{
    return isalnum(byte) || byte == '-' || byte == '_';
}

/** Writes a field, cut between two characters. @return the end of the field */
static char *who_add(char *at, const char *text, size_t size_max)
{
    const char *end = at + size_max;

    while (*text != '\0') {
        size_t bytes_n = 1;
        size_t size = 0;

        while (((unsigned char)text[bytes_n] & 0xc0) == 0x80) {
            bytes_n++;
        }
        for (size_t i = 0; i < bytes_n; i++) {
            size += is_plain_byte((unsigned char)text[i]) ? 1 : 3;
        }
        if (size > (size_t)(end - at)) {
            break;
        }
        for (size_t i = 0; i < bytes_n; i++) {
            at += sprintf(
                at, is_plain_byte((unsigned char)text[i]) ? "%c" : "%%%02X",
                (unsigned char)text[i]);
        }
        text += bytes_n;
    }
    return at;
}

void ll_value_make_who(const char *label,
                       int64_t since_unix_s,
                       char ret_who[LL_WHO_MAX + 1])
{
    char host[HOST_SIZE] = "";
    char *at = ret_who;

    host_name(host);
    at = who_add(at, host, WHO_HOST_MAX);
    at += since_unix_s != 0 ? sprintf(at, ":%d:", getpid()) : sprintf(at, "::");
    at = who_add(at, program_name(), WHO_PROGRAM_MAX);
    *at++ = ':';
    at = who_add(at, label != NULL ? label : "", WHO_LABEL_MAX);
    *at++ = ':';
    *at = '\0';
    if (since_unix_s != 0) {
        (void)sprintf(at, "%" PRIx64, (uint64_t)since_unix_s);
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/** Reads the field up to the next ':' into a new text, which is "" if this
 *  library did not write it; NULL: no memory. */
static char *who_take(struct ll_bytes *who)
{
    const char *colon =
        who->size > 0 ? memchr(who->data, ':', who->size) : NULL;
    size_t size = colon != NULL ? (size_t)(colon - who->data) : who->size;
    char *text = ll_alloc_copy(who->data, size);
    const char *from = who->data;
    char *to = text;

    who->data += size + (colon != NULL ? 1 : 0);
    who->size -= size + (colon != NULL ? 1 : 0);
    if (text == NULL) {
        return NULL;
    }
    for (const char *end = from + size; from < end; from++) {
        int high = end - from > 2 ? hex_digit(from[1]) : -1;
        int low = high >= 0 ? hex_digit(from[2]) : -1;

        if (*from != '%') {
            *to++ = *from;
        } else if (low >= 0) {
            *to++ = (char)(high << 4 | low);
            from += 2;
        } else {
            to = text;
            break;
        }
    }
    if (memchr(text, '\0', (size_t)(to - text)) != NULL) {
        to = text;
    }
    *to = '\0';
    if (!ll_value_text_is_plain(text)) {
        *text = '\0';
    }
    return text;
}

/** Reads a field that is a number. */
static int who_take_number(struct ll_bytes *who, int base, int64_t *ret_number)
{
    char *text = who_take(who);
    char *end = text;
    long long number;

    if (text == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    errno = 0;
    number = strtoll(text, &end, base);
    *ret_number = errno == 0 && *end == '\0' && number > 0 ? number : 0;
    ll_free(text);
    return 0;
}

int ll_value_parse_who(struct ll_bytes who, struct ll_value *ret_value)
{
    int status;

    *ret_value = (struct ll_value){0};
    ret_value->host = who_take(&who);
    status = who_take_number(&who, 10, &ret_value->pid);
    ret_value->program = who_take(&who);
    ret_value->label = who_take(&who);
    status |= who_take_number(&who, 16, &ret_value->since_unix_s);
    return status == 0 && ret_value->host != NULL &&
                   ret_value->program != NULL && ret_value->label != NULL
               ? 0
               : LEASELOCK_E_NOMEM;
}

void ll_value_free(struct ll_value *value)
{
    ll_free(value->host);
    ll_free(value->program);
    ll_free(value->label);
    ll_free(value->asked_who);
    ll_free(value->asked_reason);
}
