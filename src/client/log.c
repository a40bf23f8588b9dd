/* SPDX-License-Identifier: Apache-2.0 */
#include "client/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/client.h"

/** The most lines that wait for a dispatch; further ones are dropped. */
#define LOG_LINES_MAX 1024

#define WORD(name, word, level, fields) word,

static const char *const words[] = {LEASELOCK_LOG_EVENT_MAP(WORD)};

_Static_assert(sizeof(words) / sizeof(words[0]) <= LEASELOCK_LOG_EVENTS_MAX,
               "each has a counter");

struct log_notice {
    struct ll_notice notice;
    struct leaselock_log_record record;
    char text[]; /* the message and the lock's name, each with a NUL */
};

bool ll_log_is_wanted(const struct leaselock_client_options *options)
{
    return options->log != NULL || options->log_record != NULL ||
           options->log_fd > 0;
}

int ll_log_check(const struct leaselock_client_options *options,
                 struct leaselock_error *reterr)
{
    if (options->log_fd < 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "log_fd is no descriptor");
    }
    if (options->log_format != LEASELOCK_LOG_TEXT &&
        options->log_format != LEASELOCK_LOG_JSON) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "log_format is none of enum leaselock_log_format");
    }
    return 0;
}

bool ll_log_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    uintmax_t device;
    uintmax_t inode;
    char *end;

    if (stream == NULL || fstat(fd, &status) != 0) {
        return false;
    }
    device = strtoumax(stream, &end, 10);
    if (end == stream || *end != ':') {
        return false;
    }
    stream = end + 1;
    inode = strtoumax(stream, &end, 10);
    return end != stream && *end == '\0' && device == status.st_dev &&
           inode == status.st_ino;
}

/** syslog's number of a level. */
static int priority_of(enum leaselock_log_level level)
{
    return level == LEASELOCK_LOG_WARNING ? 4
           : level == LEASELOCK_LOG_INFO  ? 6
                                          : 7;
}

/** Writes a line at once, if it can be: a reader that hangs must not keep the
 *  leases from being renewed. A pipe that poll finds writable takes
 *  LEASELOCK_LOG_LINE_MAX bytes; one without a reader would send SIGPIPE. */
static void write_line(const struct ll_client *client,
                       const struct leaselock_log_record *record)
{
    struct pollfd fd = {.fd = client->options.log_fd, .events = POLLOUT};
    char line[LEASELOCK_LOG_LINE_MAX];
    size_t at = 0;

    if (client->logs_to_journal &&
        client->options.log_format == LEASELOCK_LOG_TEXT) {
        at = (size_t)snprintf(line, sizeof(line), "<%d>",
                              priority_of(record->level));
    }
    (void)leaselock_log_write(record, client->options.log_format, line + at,
                              sizeof(line) - at);
    at = strlen(line);
    line[at++] = '\n';
    if (poll(&fd, 1, 0) > 0 && fd.revents == POLLOUT &&
        write(fd.fd, line, at) < 0) {
        return; /* there is nobody to report it to */
    }
}

static void log_call(struct ll_client *client, struct ll_notice *notice)
{
    const struct leaselock_log_record *record =
        &LL_CONTAINER(notice, struct log_notice, notice)->record;
    const struct leaselock_client_options *options = &client->options;

    if (options->log != NULL) {
        options->log(record->level, record->message, options->log_arg);
    }
    if (options->log_record != NULL) {
        options->log_record(record, options->log_arg);
    }
    if (options->log_fd > 0) {
        write_line(client, record);
    }
}

static void log_after(struct ll_client *client, struct ll_notice *notice)
{
    client->log_lines--;
    ll_free(LL_CONTAINER(notice, struct log_notice, notice));
}

static int64_t real_time_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * LL_NS_PER_S + now.tv_nsec;
}

void ll_log_post(struct ll_client *client, const struct ll_effect *effect)
{
    const struct ll_log_fields *fields = &effect->log.fields;
    size_t size = strlen(effect->log.text) + 1;
    struct leaselock_log_record *record;
    struct log_notice *line;

    if (!ll_log_is_wanted(&client->options) ||
        client->log_lines >= LOG_LINES_MAX) {
        return;
    }
    line = ll_alloc_zero(1, sizeof(*line) + size + fields->lock.size + 1);
    if (line == NULL) {
        return;
    }
    ll_notice_init(&line->notice, NULL);
    line->notice.call = log_call;
    line->notice.after = log_after;
    memcpy(line->text, effect->log.text, size);
    record = &line->record;
    record->level = (enum leaselock_log_level)effect->log.level;
    record->event = words[effect->log.event];
    record->time_ns = real_time_ns();
    record->message = line->text;
    if (fields->lock.size > 0) {
        memcpy(line->text + size, fields->lock.data, fields->lock.size);
        record->lock = line->text + size;
    }
    record->token = fields->token;
    record->lease = fields->lease;
    if (fields->has_endpoint && fields->endpoint != LL_ENDPOINT_ANY) {
        record->endpoint =
            ll_transport_endpoint(client->transport, fields->endpoint);
    }
    record->status = fields->status;
    record->duration_ns = fields->has_duration ? fields->duration_ns : -1;
    client->log_lines++;
    ll_notice_post(client, &line->notice);
}
