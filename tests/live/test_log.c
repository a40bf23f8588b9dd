/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a client: as records, and as lines of a descriptor. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "leaselock/stats.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Quotes, a backslash, what looks like a field, and bytes that are no UTF-8. */
#define HOSTILE_NAME "log/a\" event=b \\ \xff\xc3"

/** What a record said; the newest of an event. */
struct seen {
    pthread_mutex_t mutex;
    const char *event;
    unsigned n;
    unsigned others; /* that are not as the table has them */
    struct leaselock_log_record record;
    char lock[64];
};

#define WORD(name, word, level, fields) word,
#define LEVEL(name, word, level, fields) LEASELOCK_LOG_##level,
#define FIELDS(name, word, level, fields) fields,

/** Whether a record is one of the table, and has no field but those there. */
static bool is_as_listed(const struct leaselock_log_record *record)
{
    static const char *const words[] = {LEASELOCK_LOG_EVENT_MAP(WORD)};
    static const int levels[] = {LEASELOCK_LOG_EVENT_MAP(LEVEL)};
    static const char *const fields[] = {LEASELOCK_LOG_EVENT_MAP(FIELDS)};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], record->event) == 0) {
            return (int)record->level == levels[i] &&
                   (record->lock == NULL || strstr(fields[i], "lock")) &&
                   (record->token == 0 || strstr(fields[i], "token")) &&
                   (record->lease == 0 || strstr(fields[i], "lease")) &&
                   (record->endpoint == NULL ||
                    strstr(fields[i], "endpoint")) &&
                   (record->status == 0 || strstr(fields[i], "status")) &&
                   (record->duration_ns == -1 || strstr(fields[i], "duration"));
        }
    }
    return false;
}

static void on_record(const struct leaselock_log_record *record, void *arg)
{
    struct seen *seen = arg;

    pthread_mutex_lock(&seen->mutex);
    seen->others += is_as_listed(record) ? 0 : 1;
    if (strcmp(record->event, seen->event) == 0) {
        seen->n++;
        seen->record = *record;
        (void)snprintf(seen->lock, sizeof(seen->lock), "%s",
                       record->lock != NULL ? record->lock : "-");
    }
    pthread_mutex_unlock(&seen->mutex);
}

static bool is_seen(void *arg)
{
    struct seen *seen = arg;
    bool is;

    pthread_mutex_lock(&seen->mutex);
    is = seen->n > 0;
    pthread_mutex_unlock(&seen->mutex);
    return is;
}

/** Goal: a record has the fields of its event, without the namespace. Method: a
 * grant and a loss, each awaited in the log. */
static void test_records(void **state)
{
    static const char *const events[] = {"ticket_granted", "ticket_lost"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
        struct leaselock_acquire_options acquire =
            LEASELOCK_ACQUIRE_OPTIONS_INIT;
        struct seen seen = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                            .event = events[i]};
        struct leaselock_stats stats = LEASELOCK_STATS_INIT;
        struct test_peer peer;
        leaselock_ticket *ticket = NULL;

        options.log_record = on_record;
        options.log_arg = &seen;
        options.log_level = LEASELOCK_LOG_DEBUG;
        options.namespace_prefix = "log-space/";
        acquire.watch_own_key_ms = LEASELOCK_AT_ONCE;
        test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
        assert_int_equal(leaselock_acquire(peer.session, HOSTILE_NAME, &acquire,
                                           TEST_WAIT_MS, &ticket, NULL),
                         0);
        if (i == 1) {
            test_delete(&etcd, ticket);
        }
        assert_true(test_until(TEST_WAIT_MS, is_seen, &seen));
        assert_string_equal(seen.lock, HOSTILE_NAME);
        assert_true(seen.record.token == leaselock_ticket_token(ticket));
        assert_true(seen.record.lease == leaselock_session_lease(peer.session));
        assert_true(seen.record.time_ns > INT64_C(1700000000000000000));
        assert_null(seen.record.endpoint);
        if (i == 0) {
            assert_int_equal(seen.record.level, LEASELOCK_LOG_DEBUG);
            assert_int_equal(seen.record.status, 0);
            assert_true(seen.record.duration_ns >= 0);
        } else {
            assert_int_equal(seen.record.level, LEASELOCK_LOG_WARNING);
            assert_int_equal(seen.record.status, LEASELOCK_E_LOST);
            assert_true(seen.record.duration_ns == -1);
        }
        assert_int_equal(leaselock_client_stats(peer.client, &stats), 0);
        assert_int_equal(stats.acquires[0][LEASELOCK_STATS_RESULT_GRANTED], 1);
        (void)leaselock_release(ticket, NULL);
        test_peer_close(&peer);
        assert_int_equal(seen.others, 0);
    }
}

/** Reads what a pipe has, once the client is closed. */
static char *read_all(int fd)
{
    static char text[65536];
    size_t size = 0;
    ssize_t n;

    while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0) {
        size += (size_t)n;
    }
    text[size] = '\0';
    return text;
}

/** Goes through the steps of a lock with a hostile name, and returns the log
 *  that a pipe got. */
static char *log_of(enum leaselock_log_format format, bool is_journal)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct test_peer peer;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    if (is_journal) {
        struct stat status;
        char stream[64];

        assert_int_equal(fstat(ends[1], &status), 0);
        (void)snprintf(stream, sizeof(stream), "%llu:%llu",
                       (unsigned long long)status.st_dev,
                       (unsigned long long)status.st_ino);
        assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    }
    options.log_fd = ends[1];
    options.log_format = format;
    options.log_level = LEASELOCK_LOG_DEBUG;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    test_release(test_acquire(&peer, HOSTILE_NAME));
    test_peer_close(&peer);
    assert_int_equal(close(ends[1]), 0);
    return read_all(ends[0]);
}

/** Goal: a descriptor gets each record as a line, and JSON that other programs
 * read. Method: a lock with a hostile name; each line is parsed. */
static void test_json(void **state)
{
    char *text = log_of(LEASELOCK_LOG_JSON, false);
    unsigned grants = 0;
    char *line;

    (void)state;
    while ((line = strsep(&text, "\n")) != NULL && line[0] != '\0') {
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        const char *event;

        assert_non_null(object);
        event = json_string_value(json_object_get(object, "event"));
        assert_non_null(event);
        if (strcmp(event, "ticket_granted") == 0) {
            grants++;
            assert_string_equal(
                json_string_value(json_object_get(object, "lock")),
                "log/a\" event=b \\ \\xff\\xc3");
            assert_true(json_integer_value(json_object_get(object, "token")) >
                        0);
        }
        json_decref(object);
    }
    assert_int_equal(grants, 1);
}

/** Goal: lines of text have their fields; for journald, and for it alone, a
 * priority in front, and JSON never has. Method: the same lock, with and
 * without JOURNAL_STREAM. */
static void test_text(void **state)
{
    static const char grant[] =
        "level=debug event=ticket_granted "
        "lock=\"log/a\\\" event=b \\\\ \\xff\\xc3\" token=";
    const char *text = log_of(LEASELOCK_LOG_TEXT, false);

    (void)state;
    assert_int_equal(strncmp(text, "time=20", 7), 0);
    assert_non_null(strstr(text, grant));
    text = log_of(LEASELOCK_LOG_TEXT, true);
    assert_int_equal(strncmp(text, "<6>time=20", 10), 0);
    assert_non_null(strstr(text, grant));
    assert_non_null(strstr(text, "\n<7>time=20"));
    text = log_of(LEASELOCK_LOG_JSON, true);
    assert_int_equal(strncmp(text, "{\"time\":", 8), 0);
}

static bool is_renewed(void *arg)
{
    struct test_peer *peer = arg;
    struct leaselock_stats stats = LEASELOCK_STATS_INIT;

    assert_int_equal(leaselock_client_stats(peer->client, &stats), 0);
    return stats.renewals_answered >= 3;
}

/** Goal: a reader that hangs, or is gone, delays nothing. Method: a full pipe
 * that nobody reads, while a lease of 2 s is renewed; then one whose other end
 * is closed, which would raise SIGPIPE. */
static void test_stuck_reader(void **state)
{
    (void)state;
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
        struct leaselock_session_options session =
            LEASELOCK_SESSION_OPTIONS_INIT;
        struct test_peer peer;
        char bytes[4096] = "";
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        while (write(ends[1], bytes, sizeof(bytes)) > 0) {
        }
        assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0); /* it would block */
        if (is_closed != 0) {
            assert_int_equal(close(ends[0]), 0);
        }
        options.log_fd = ends[1];
        options.log_level = LEASELOCK_LOG_DEBUG;
        session.ttl_s = 2;
        test_peer_open_with(etcd.endpoint, &options, &session, &peer);
        test_release(test_acquire(&peer, "log/stuck"));
        assert_true(test_until(TEST_WAIT_MS, is_renewed, &peer));
        assert_int_equal(leaselock_session_state(peer.session),
                         LEASELOCK_SESSION_ACTIVE);
        test_peer_close(&peer);
        assert_int_equal(close(ends[1]), 0);
        if (is_closed == 0) {
            assert_int_equal(close(ends[0]), 0);
        }
    }
}

/** Goal: options that are none are refused. */
static void test_arguments(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    leaselock_client *client = NULL;

    (void)state;
    options.log_fd = -1;
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &options, &client, NULL),
        LEASELOCK_E_ARGUMENT);
    options.log_fd = 2;
    options.log_format = (enum leaselock_log_format)2;
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &options, &client, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_null(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_text),      cmocka_unit_test(test_stuck_reader),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
