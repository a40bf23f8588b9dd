/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/feed.h"
#include "cli/report.h"
#include "cli/tables.h"
#include "cli/text.h"
#include "cli/tty.h"
#include "cli/watch_print.h"

/** An answer that takes longer than the interval and this makes the table old. */
#define LATE_MS 1500
/** How often the age of an old table is drawn. */
#define TICK_MS 1000
/** The title, and the line that the cursor stays on. */
#define OTHER_LINES 2
#define TITLE_SIZE 2048

struct watch {
    const struct ll_options *options;
    /** Of a queue; NULL: locks are followed. */
    const char *name;
    const char *prefix;
    struct ll_feed feed;
    leaselock_client *client;
    /** The table is drawn over the last one. */
    int is_screen;
    /** The last snapshot, of one or the other. */
    struct leaselock_locks_info *locks;
    struct leaselock_queue_info *queue;
    int64_t fresh_ns;
    /** Why the last read failed; "": it did not. */
    char trouble[LEASELOCK_ERROR_MESSAGE_SIZE];
    int is_over;
    int code;
};

static int has_any(const struct watch *watch)
{
    return watch->locks != NULL || watch->queue != NULL;
}

static int is_late(const struct watch *watch)
{
    return watch->trouble[0] != '\0' ||
           ll_feed_waits_ms(&watch->feed) >=
               watch->options->interval_ms + LATE_MS;
}

/** The first line: what is shown, and when it was read. */
static void print_title(const struct watch *watch, size_t columns)
{
    const char *what = watch->name != NULL     ? watch->name
                       : watch->prefix != NULL ? watch->prefix
                                               : "";
    char age[LL_TEXT_AGE_SIZE];
    char raw[TITLE_SIZE];
    char text[TITLE_SIZE];

    if (is_late(watch)) {
        ll_text_age((now_ns() - watch->fresh_ns) / NS_PER_S, age);
        (void)snprintf(raw, sizeof(raw), "OLD, %s: %s", age,
                       watch->trouble[0] != '\0' ? watch->trouble
                                                 : "etcd does not answer");
    } else {
        (void)snprintf(raw, sizeof(raw), "%s%s%s, every %g s; ^C ends",
                       watch->name != NULL ? "queue of " : "locks",
                       watch->name == NULL && what[0] != '\0' ? " below " : "",
                       what, watch->options->interval_ms / 1000.0);
    }
    ll_text_escape(raw, strlen(raw), text, sizeof(text));
    ll_text_cut(text, columns);
    printf("%s%s%s\033[K\n", is_late(watch) ? "\033[7m" : "", text,
           is_late(watch) ? "\033[0m" : "");
}

/** Draws the table over the last one. */
static int draw(const struct watch *watch)
{
    struct ll_table_size size;
    int code = 0;

    ll_tty_size(STDOUT_FILENO, &size.rows, &size.columns);
    /* With a last column that stays free, erasing the rest erases no text. */
    size.columns -= size.columns > 1 ? 1 : 0;
    size.rows -= size.rows > OTHER_LINES ? OTHER_LINES : 0;
    (void)fputs("\033[H", stdout);
    print_title(watch, size.columns);
    if (watch->queue != NULL && watch->queue->entries_n > 0) {
        code = ll_table_queue(watch->queue, &size);
    } else if (watch->locks != NULL && watch->locks->locks_n > 0) {
        code = ll_table_locks(watch->locks, &size);
    } else {
        printf("%s\033[K\n",
               watch->name != NULL ? "it is free" : "no lock is held");
    }
    (void)fputs("\033[J", stdout);
    return code != 0 ? code : ll_print_flush();
}

static void end(struct watch *watch, int code)
{
    if (code != 0) {
        watch->is_over = 1;
        watch->code = code;
    }
}

/** A read has succeeded, after perhaps some that have not. */
static void note_fresh(struct watch *watch)
{
    if (watch->trouble[0] != '\0' && !watch->is_screen) {
        ll_say("etcd answers again");
    }
    watch->trouble[0] = '\0';
    watch->fresh_ns = now_ns();
}

static void on_locks(void *arg, struct leaselock_locks_info *locks)
{
    struct watch *watch = arg;
    struct leaselock_locks_info *before = watch->locks;

    note_fresh(watch);
    watch->locks = locks;
    end(watch, watch->is_screen
                   ? draw(watch)
                   : ll_watch_print_locks(watch->options, before, locks));
    leaselock_locks_free(before);
}

static void on_queue(void *arg, struct leaselock_queue_info *queue)
{
    struct watch *watch = arg;
    struct leaselock_queue_info *before = watch->queue;

    note_fresh(watch);
    watch->queue = queue;
    end(watch,
        watch->is_screen
            ? draw(watch)
            : ll_watch_print_queue(watch->options, watch->name, before, queue));
    leaselock_queue_free(before);
}

static void on_failure(void *arg, const struct leaselock_error *error)
{
    struct watch *watch = arg;
    const char *what =
        watch->name != NULL ? "read the queue" : "list the locks";

    if (!has_any(watch)) {
        end(watch, ll_say_failure(what, error));
        return;
    }
    if (watch->trouble[0] == '\0' && !watch->is_screen) {
        (void)ll_say_failure(what, error);
    }
    (void)snprintf(watch->trouble, sizeof(watch->trouble), "%s",
                   error->message[0] != '\0'
                       ? error->message
                       : leaselock_status_text(error->code));
}

/** Limit of the places of a queue to read. */
static int limit_of(const struct watch *watch)
{
    int limit = watch->options->limit;
    size_t rows = 0;
    size_t columns = 0;

    if (watch->is_screen) {
        ll_tty_size(STDOUT_FILENO, &rows, &columns);
        if (limit == 0 || (size_t)limit > rows) {
            limit = (int)rows;
        }
    }
    return limit;
}

static void follow(struct watch *watch)
{
    struct pollfd fd = {leaselock_client_fd(watch->client), POLLIN, 0};

    if (watch->is_screen) {
        (void)fputs("\033[2J", stdout);
    }
    end(watch,
        ll_feed_look(&watch->feed, watch->name) != 0 ? LL_EXIT_SYSTEM : 0);
    while (!watch->is_over) {
        int due_ms;

        watch->feed.limit = limit_of(watch);
        ll_feed_update(&watch->feed);
        due_ms = ll_feed_due_ms(&watch->feed);
        if (due_ms < 0 || due_ms > TICK_MS) {
            due_ms = TICK_MS;
        }
        if (!watch->is_over && poll(&fd, 1, due_ms) < 0 && errno != EINTR) {
            ll_say("cannot wait: %s", strerror(errno));
            end(watch, LL_EXIT_SYSTEM);
        }
        if (!watch->is_over) {
            leaselock_client_dispatch(watch->client);
        }
        if (!watch->is_over && watch->is_screen && has_any(watch) &&
            is_late(watch)) {
            end(watch, draw(watch));
        }
    }
}

static int run(struct watch *watch)
{
    watch->is_screen =
        !watch->options->json && ll_tty_has_sequences(STDOUT_FILENO);
    watch->feed = (struct ll_feed){.prefix = watch->prefix,
                                   .interval_ms = watch->options->interval_ms,
                                   .timeout_ms = watch->options->timeout_ms,
                                   .limit = limit_of(watch),
                                   .with_ttl = watch->is_screen,
                                   .on_locks = on_locks,
                                   .on_queue = on_queue,
                                   .on_failure = on_failure,
                                   .arg = watch};
    watch->code =
        ll_connect(watch->options, 1, ll_say_log, NULL, &watch->client);
    if (watch->code != 0) {
        return watch->code;
    }
    watch->feed.client = watch->client;
    follow(watch);
    ll_feed_stop(&watch->feed);
    leaselock_client_close(watch->client, NULL);
    ll_feed_free(&watch->feed);
    leaselock_locks_free(watch->locks);
    leaselock_queue_free(watch->queue);
    return watch->code;
}

int ll_watch_queue(const struct ll_options *options, const char *name)
{
    struct watch watch = {.options = options, .name = name};

    return run(&watch);
}

int ll_watch_locks(const struct ll_options *options, const char *prefix)
{
    struct watch watch = {.options = options, .prefix = prefix};

    return run(&watch);
}
