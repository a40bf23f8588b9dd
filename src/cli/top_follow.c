/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The screen of `leaselock top`: takes what the feed, the keys and the signals
 * bring, and draws.
 *
 *   state    event                     state    action
 *   START    the first list            SHOWN    takes over the terminal, draws
 *   START    its failure               -        says why, and ends
 *   SHOWN    a list, a queue           SHOWN    draws; it is new again
 *   SHOWN    a failure                 SHOWN    draws what there is, as old
 *   SHOWN    no answer for a while     SHOWN    the same
 *   SHOWN    a key                     SHOWN    see top_view.h
 *   SHOWN    SIGWINCH                  SHOWN    draws at the new size
 *   SHOWN    SIGTSTP (^Z)              STOPPED  restores the terminal, stops
 *   STOPPED  SIGCONT                   SHOWN    takes over the terminal, draws;
 *                                               stops again in the background,
 *                                               unless it is to end
 *   any      INT (^C), HUP, QUIT, TERM -        restores the terminal, ends
 *            USR1, USR2, q
 */
#include "cli/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/feed.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/top_picture.h"
#include "cli/top_screen.h"
#include "cli/top_view.h"

/** The most places of a queue that are read, each with the time of its lease. */
#define PLACES_MAX 100
/** An answer that takes longer than the interval and this makes the view old. */
#define LATE_MS 1500
/** How often the age of an old view is drawn. */
#define TICK_MS 1000

struct top {
    const struct ll_options *options;
    struct ll_feed feed;
    struct ll_signals signals;
    leaselock_client *client;
    struct ll_top_model model;
    struct ll_top_view view;
    struct leaselock_locks_info *locks;
    struct leaselock_queue_info *queue;
    int64_t queue_unix_s;
    /** The lock whose queue is shown. */
    char name[LEASELOCK_KEY_MAX + 1];
    /** When something was read last. */
    int64_t fresh_ns;
    /** Why the last read failed; "": it did not. */
    char trouble[LEASELOCK_ERROR_MESSAGE_SIZE];
    int is_over;
    int code;
};

static void end(struct top *top, int code)
{
    top->is_over = 1;
    top->code = code;
}

static void end_without_memory(struct top *top)
{
    ll_top_screen_close();
    ll_say("out of memory");
    end(top, LL_EXIT_SYSTEM);
}

static size_t places_of(const struct top *top)
{
    return top->queue != NULL ? top->queue->entries_n : 0;
}

static size_t shown_n(void)
{
    size_t rows = 0;
    size_t columns = 0;

    ll_top_screen_size(&rows, &columns);
    return ll_top_picture_shown(rows);
}

/** For how long what is shown is old, in seconds; -1: it is not. */
static int64_t old_s(const struct top *top)
{
    int64_t age_ns = now_ns() - top->fresh_ns;

    if (top->trouble[0] == '\0' &&
        ll_feed_waits_ms(&top->feed) < top->feed.interval_ms + LATE_MS) {
        return -1;
    }
    return age_ns / NS_PER_S;
}

static void draw(struct top *top, const char *prefix)
{
    struct ll_top_scene scene = {.model = &top->model,
                                 .view = &top->view,
                                 .prefix = prefix,
                                 .queue = top->queue,
                                 .name = top->name,
                                 .queue_unix_s = top->queue_unix_s,
                                 .old_s = old_s(top),
                                 .trouble = top->trouble};

    ll_top_screen_size(&scene.rows, &scene.columns);
    ll_top_view_settle(&top->view, &top->model, places_of(top), shown_n());
    ll_top_screen_clear();
    ll_top_picture(&scene, ll_top_screen_line, NULL);
    ll_top_screen_show();
}

static void arrange(struct top *top)
{
    ll_top_model_arrange(&top->model, top->view.sort, top->view.is_reversed,
                         top->view.filter);
}

static void note_fresh(struct top *top)
{
    top->fresh_ns = now_ns();
    top->trouble[0] = '\0';
}

static void on_locks(void *arg, struct leaselock_locks_info *locks)
{
    struct top *top = arg;
    int status = ll_top_model_take(&top->model, locks, now_ns(), time(NULL));

    leaselock_locks_free(top->locks);
    top->locks = locks;
    note_fresh(top);
    if (status != 0) {
        end_without_memory(top);
        return;
    }
    arrange(top);
    if (!ll_top_screen_is_open()) {
        int code = ll_top_screen_open();

        if (code != 0) {
            end(top, code);
        }
    }
}

static void on_queue(void *arg, struct leaselock_queue_info *queue)
{
    struct top *top = arg;

    leaselock_queue_free(top->queue);
    top->queue = queue;
    top->queue_unix_s = time(NULL);
    note_fresh(top);
}

static void on_failure(void *arg, const struct leaselock_error *error)
{
    struct top *top = arg;

    if (!ll_top_screen_is_open()) {
        end(top, ll_say_failure("list the locks", error));
        return;
    }
    (void)snprintf(top->trouble, sizeof(top->trouble), "%s",
                   error->message[0] != '\0'
                       ? error->message
                       : leaselock_status_text(error->code));
}

/** Reads the queue of the lock at the cursor. */
static void open_queue(struct top *top)
{
    const struct ll_top_row *row = &top->model.rows[top->view.list.at];

    (void)snprintf(top->name, sizeof(top->name), "%s", row->lock->name);
    leaselock_queue_free(top->queue);
    top->queue = NULL;
    if (ll_feed_look(&top->feed, top->name) != 0) {
        end_without_memory(top);
    }
}

static void on_key(struct top *top, uint32_t key)
{
    switch (ll_top_view_key(&top->view, &top->model, places_of(top), shown_n(),
                            key)) {
    case LL_TOP_NOTHING:
        break;
    case LL_TOP_ARRANGE:
        arrange(top);
        break;
    case LL_TOP_OPEN_QUEUE:
        open_queue(top);
        break;
    case LL_TOP_OPEN_LIST:
        (void)ll_feed_look(&top->feed, NULL);
        break;
    case LL_TOP_REDRAW:
        ll_top_screen_redraw();
        break;
    case LL_TOP_QUIT:
        end(top, 0);
        break;
    }
}

static void on_keys(struct top *top)
{
    uint32_t key;

    /* The rows may have changed since they were drawn. */
    ll_top_view_settle(&top->view, &top->model, places_of(top), shown_n());
    while (!top->is_over && (key = ll_top_screen_key()) != 0) {
        on_key(top, key);
        ll_top_view_settle(&top->view, &top->model, places_of(top), shown_n());
    }
}

/** Whether a signal that ends the view is pending. */
static int is_ending(void)
{
    static const int ends[] = {SIGHUP,  SIGINT,  SIGQUIT,
                               SIGTERM, SIGUSR1, SIGUSR2};
    sigset_t pending;
    int is_any = sigpending(&pending) != 0;

    for (size_t i = 0; !is_any && i < sizeof(ends) / sizeof(ends[0]); i++) {
        is_any = sigismember(&pending, ends[i]) == 1;
    }
    return is_any;
}

/** Stops, as ^Z does, until the terminal is the tool's again, or it is to end. */
static void stop(void)
{
    if (!ll_top_screen_is_open()) {
        (void)raise(SIGSTOP);
        return;
    }
    ll_top_screen_leave();
    do {
        (void)raise(SIGSTOP);
    } while (!is_ending() && tcgetpgrp(STDOUT_FILENO) != getpgrp());
    if (is_ending()) {
        return; /* the terminal may be another's */
    }
    ll_top_screen_resize();
    ll_top_screen_redraw();
}

static void on_signals(struct top *top)
{
    int signal_number;

    while (!top->is_over &&
           (signal_number = ll_signals_read(&top->signals)) != 0) {
        switch (signal_number) {
        case SIGWINCH:
            ll_top_screen_resize();
            break;
        case SIGTSTP:
            stop();
            break;
        case SIGCONT:
            if (ll_top_screen_is_open()) {
                ll_top_screen_redraw();
            }
            break;
        default:
            end(top, LL_EXIT_SIGNAL + signal_number);
        }
    }
}

/** Waits for the next event, and handles all that there are. */
static void step(struct top *top)
{
    struct pollfd fds[] = {{leaselock_client_fd(top->client), POLLIN, 0},
                           {top->signals.fd, POLLIN, 0},
                           {STDIN_FILENO, POLLIN, 0}};
    int due_ms = ll_feed_due_ms(&top->feed);
    int wait_ms = due_ms < 0 || due_ms > TICK_MS ? TICK_MS : due_ms;
    nfds_t fds_n = ll_top_screen_is_open() ? 3 : 2;

    if (poll(fds, fds_n, wait_ms) < 0 && errno != EINTR) {
        end(top, LL_EXIT_SYSTEM);
        return;
    }
    on_signals(top);
    if (!top->is_over) {
        leaselock_client_dispatch(top->client);
    }
    if (!top->is_over && fds_n == 3 && (fds[2].revents & POLLIN) != 0) {
        on_keys(top);
    }
    if (!top->is_over && fds_n == 3 &&
        (fds[2].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        end(top, LL_EXIT_SIGNAL + SIGHUP); /* the terminal is gone */
    }
}

/** The log would be written across the screen. */
static void log_beside_screen(enum leaselock_log_level level,
                              const char *message,
                              void *arg)
{
    if (!isatty(STDERR_FILENO)) {
        ll_say_log(level, message, arg);
    }
}

static void follow(struct top *top, const char *prefix)
{
    while (!top->is_over) {
        ll_feed_update(&top->feed);
        if (!top->is_over && ll_top_screen_is_open()) {
            draw(top, prefix);
        }
        if (!top->is_over) {
            step(top);
        }
    }
    ll_top_screen_close();
}

int ll_top_follow(const struct ll_options *options,
                  const char *prefix,
                  enum ll_top_sort sort)
{
    struct top top = {.options = options,
                      .signals = LL_SIGNALS_INIT,
                      .view = {.sort = sort},
                      .feed = {.prefix = prefix,
                               .interval_ms = options->interval_ms,
                               .timeout_ms = options->timeout_ms,
                               .limit = PLACES_MAX,
                               .with_ttl = 1,
                               .on_locks = on_locks,
                               .on_queue = on_queue,
                               .on_failure = on_failure}};

    top.feed.arg = &top;
    if (options->filter != NULL) {
        (void)snprintf(top.view.filter, sizeof(top.view.filter), "%s",
                       options->filter);
    }
    if (ll_signals_open(&top.signals) != 0 ||
        ll_signals_add_resize(&top.signals) != 0) {
        ll_say("cannot receive signals");
        top.code = LL_EXIT_SYSTEM;
    } else {
        top.code = ll_connect(options, 1, log_beside_screen, NULL, &top.client);
    }
    if (top.code == 0) {
        top.feed.client = top.client;
        follow(&top, prefix);
        ll_feed_stop(&top.feed);
        leaselock_client_close(top.client, NULL);
    }
    ll_feed_free(&top.feed);
    ll_signals_close(&top.signals);
    ll_top_model_free(&top.model);
    ll_top_view_free(&top.view);
    leaselock_locks_free(top.locks);
    leaselock_queue_free(top.queue);
    return top.code;
}
