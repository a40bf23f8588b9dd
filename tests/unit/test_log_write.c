/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the log as lines, with texts that try to break out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaselock/log.h"
#include "leaselock/status.h"

/** 2026-11-30T12:34:56.789012Z */
#define TIME_NS INT64_C(1796042096789012345)

static struct leaselock_log_record some_record(void)
{
    return (struct leaselock_log_record){
        .level = LEASELOCK_LOG_WARNING,
        .event = "ticket_lost",
        .time_ns = TIME_NS,
        .message = "jobs/1 is lost: why",
        .lock = "jobs",
        .token = 7,
        .lease = 0x694d8,
        .endpoint = "10.0.0.1:2379",
        .status = LEASELOCK_E_LOST,
        .duration_ns = 1500000,
    };
}

static const char *line_of(const struct leaselock_log_record *record,
                           enum leaselock_log_format format)
{
    static char line[8 * LEASELOCK_LOG_LINE_MAX];
    int length = leaselock_log_write(record, format, line, sizeof(line));

    assert_true(length > 0 && (size_t)length < sizeof(line));
    assert_int_equal(strlen(line), length);
    return line;
}

/** Goal: each field has its place. Method: a record with all of them, and one
 * with none. */
static void test_fields(void **state)
{
    struct leaselock_log_record record = some_record();

    (void)state;
    assert_string_equal(
        line_of(&record, LEASELOCK_LOG_TEXT),
        "time=2026-11-30T12:34:56.789012Z level=warning event=ticket_lost "
        "lock=jobs token=7 lease=00000000000694d8 endpoint=10.0.0.1:2379 "
        "status=LEASELOCK_E_LOST duration_s=0.001500000 "
        "msg=\"jobs/1 is lost: why\"");
    assert_string_equal(
        line_of(&record, LEASELOCK_LOG_JSON),
        "{\"time\":\"2026-11-30T12:34:56.789012Z\",\"level\":\"warning\","
        "\"event\":\"ticket_lost\",\"lock\":\"jobs\",\"token\":7,"
        "\"lease\":\"00000000000694d8\",\"endpoint\":\"10.0.0.1:2379\","
        "\"status\":\"LEASELOCK_E_LOST\",\"duration_s\":0.001500000,"
        "\"msg\":\"jobs/1 is lost: why\"}");
    record = (struct leaselock_log_record){.level = LEASELOCK_LOG_DEBUG,
                                           .event = "x",
                                           .message = "",
                                           .duration_ns = -1};
    assert_string_equal(
        line_of(&record, LEASELOCK_LOG_TEXT),
        "time=1970-01-01T00:00:00.000000Z level=debug event=x msg=\"\"");
}

/** A text and what is between the quotes of a field. */
static const struct {
    const char *text;
    const char *escaped;
    const char *json;
} hostile[] = {
    {"a \"b\" c", "a \\\"b\\\" c", "a \\\"b\\\" c"},
    {"a\\", "a\\\\", "a\\\\"},
    {"a\nevent=b\r\t", "a\\nevent=b\\r\\t", "a\\nevent=b\\r\\t"},
    {"\x1b[31m\x7f", "\\u001b[31m\\u007f", "\\u001b[31m\\u007f"},
    {"\xff", "\\xff", "\\\\xff"},
    {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x92",
     "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x92",
     "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x92"},
    {"\xc3", "\\xc3", "\\\\xc3"},                 /* cut off */
    {"\xc3\"", "\\xc3\\\"", "\\\\xc3\\\""},       /* at a quote */
    {"\xc0\xaf", "\\xc0\\xaf", "\\\\xc0\\\\xaf"}, /* overlong */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\\\xed\\\\xa0\\\\x80"}, /* half */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
     "\\\\xf4\\\\x90\\\\x80\\\\x80"}, /* beyond the last one */
    {"\xc2\x85\xe2\x80\xa8", "\\u0085\\u2028", "\\u0085\\u2028"},
    {"\xe2\x80\xae", "\\u202e", "\\u202e"}, /* right to left */
};

#define HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

/** Goal: no text ends its field or the line. Method: hostile ones as the lock
 * and as the message; JSON is read again by a library. */
static void test_escapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE; i++) {
        struct leaselock_log_record record = some_record();
        const char *line;
        char part[256];
        json_error_t error;
        json_t *object;

        record.lock = hostile[i].text;
        record.message = hostile[i].text;
        line = line_of(&record, LEASELOCK_LOG_TEXT);
        (void)snprintf(part, sizeof(part), " lock=\"%s\" token=7 ",
                       hostile[i].escaped);
        assert_non_null(strstr(line, part));
        (void)snprintf(part, sizeof(part), " msg=\"%s\"", hostile[i].escaped);
        assert_string_equal(strstr(line, " msg="), part);
        line = line_of(&record, LEASELOCK_LOG_JSON);
        (void)snprintf(part, sizeof(part), ",\"lock\":\"%s\",\"token\":7,",
                       hostile[i].json);
        assert_non_null(strstr(line, part));
        object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        assert_non_null(object);
        assert_int_equal(json_object_size(object), 10);
        assert_string_equal(json_string_value(json_object_get(object, "lock")),
                            json_string_value(json_object_get(object, "msg")));
        json_decref(object);
    }
}

/** Whether a byte sequence is a whole line of JSON. */
static void assert_json(const char *line)
{
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(object);
    json_decref(object);
}

/** Goal: a line that is too long loses the end of its message, and no more.
 * Method: each size, with a message of escapes; a byte behind the buffer stays
 * as it is. */
static void test_cut(void **state)
{
    struct leaselock_log_record record = some_record();
    char line[1024];
    int length;
    size_t whole;

    (void)state;
    record.message = "\"\xff\n\xe2\x82\xac\"\"\"";
    length = leaselock_log_write(&record, LEASELOCK_LOG_JSON, NULL, 0);
    assert_true(length > 0 && (size_t)length < sizeof(line));
    whole = strlen(line_of(&record, LEASELOCK_LOG_JSON));
    assert_int_equal(length, whole);
    record.message = "";
    whole = strlen(line_of(&record, LEASELOCK_LOG_JSON));
    record.message = "\"\xff\n\xe2\x82\xac\"\"\"";
    for (size_t size = 1; size <= (size_t)length + 1; size++) {
        memset(line, 'x', sizeof(line));
        assert_int_equal(
            leaselock_log_write(&record, LEASELOCK_LOG_JSON, line, size),
            length);
        assert_true(strlen(line) < size);
        assert_int_equal(line[size], 'x');
        if (size > whole) {
            assert_json(line);
        }
    }
}

/** Goal: an argument that is none is refused. */
static void test_arguments(void **state)
{
    struct leaselock_log_record record = some_record();

    (void)state;
    assert_int_equal(leaselock_log_write(NULL, LEASELOCK_LOG_TEXT, NULL, 0),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_log_write(&record, LEASELOCK_LOG_TEXT, NULL, 1),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_log_write(&record, (enum leaselock_log_format)7, NULL, 0),
        LEASELOCK_E_ARGUMENT);
}

#define NAME(name, word, level, fields) #name,
#define WORD(name, word, level, fields) word,

/** Goal: the table of events is consistent. Method: each word is its name in
 * lower case. */
static void test_table(void **state)
{
    static const char *const names[] = {LEASELOCK_LOG_EVENT_MAP(NAME)};
    static const char *const words[] = {LEASELOCK_LOG_EVENT_MAP(WORD)};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(strlen(names[i]), strlen(words[i]));
        for (size_t j = 0; names[i][j] != '\0'; j++) {
            assert_int_equal(tolower((unsigned char)names[i][j]), words[i][j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields), cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_cut),    cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
