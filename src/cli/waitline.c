/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/waitline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/who.h"

#define FIRST_NS NS_PER_S
#define INTERVAL_MAX_NS (30 * NS_PER_S)
#define ASK_TIMEOUT_MS 2000
#define WIDTH_DEFAULT 80
#define TEXT_SIZE 512

void ll_waitline_start(struct ll_waitline *line,
                       leaselock_client *client,
                       leaselock_ticket *ticket,
                       const char *name,
                       int verbose)
{
    int is_asking = line->is_asking;

    leaselock_queue_free(line->queue);
    memset(line, 0, sizeof(*line));
    line->is_asking = is_asking; /* its answer still arrives */
    line->client = client;
    line->ticket = ticket;
    line->name = name;
    line->is_terminal =
        isatty(STDERR_FILENO) && tcgetpgrp(STDERR_FILENO) == getpgrp();
    line->is_on = line->is_terminal || verbose > 0;
    line->interval_ns = FIRST_NS;
    line->next_ns = now_ns() + FIRST_NS;
}

int ll_waitline_due_ms(const struct ll_waitline *line)
{
    int64_t left_ns;

    if (!line->is_on || line->is_asking) {
        return -1;
    }
    left_ns = line->next_ns - now_ns();
    return left_ns > 0 ? (int)(left_ns / NS_PER_MS) + 1 : 0;
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return WIDTH_DEFAULT;
    }
    return size.ws_col;
}

/** " HOST pid 12 PROGRAM (LABEL), shared", or the key of another kind of client. */
static void
word_holder(const struct leaselock_queue_entry *holder, char *text, size_t size)
{
    char process[LL_WHO_PROCESS_SIZE];
    char shares[LL_WHO_MODE_SIZE];
    size_t at;

    if (holder->host[0] == '\0') {
        (void)snprintf(text, size, ", held by %s", holder->key);
        return;
    }
    ll_who_process(holder, process);
    at = (size_t)snprintf(text, size, ", held by %s%s %s", holder->host,
                          process, holder->program);
    if (holder->label[0] != '\0' && at < size) {
        at += (size_t)snprintf(text + at, size - at, " (%s)", holder->label);
    }
    if (at < size) {
        ll_who_shares(holder, shares);
        (void)snprintf(text + at, size - at, "%s", shares);
    }
}

void ll_waitline_word(const char *name,
                      int64_t ahead,
                      const struct leaselock_queue_entry *holder,
                      char *ret_text,
                      unsigned size)
{
    char place[48] = "";
    char who[2 * TEXT_SIZE] = "";
    char raw[4 * TEXT_SIZE];

    if (ahead >= 0) {
        (void)snprintf(place, sizeof(place), ": %" PRId64 " ahead", ahead);
    }
    if (holder != NULL) {
        word_holder(holder, who, sizeof(who));
    }
    (void)snprintf(raw, sizeof(raw), "waiting for %s%s%s", name, place, who);
    ll_text_escape(raw, strlen(raw), ret_text, size);
}

static void show(struct ll_waitline *line)
{
    const struct leaselock_queue_info *queue = line->queue;
    /* The ticket may already hold the shown one of several locks. */
    int is_known =
        queue != NULL && queue->entries_n > 0 &&
        queue->entries[0].token != leaselock_ticket_token(line->ticket);
    char text[TEXT_SIZE];
    char name[LEASELOCK_NAME_MAX + 48];

    (void)snprintf(name, sizeof(name), "%s%s", line->name,
                   leaselock_ticket_requeues(line->ticket) > 0
                       ? " (queued again: etcd was silent)"
                       : "");
    ll_waitline_word(name, leaselock_ticket_position(line->ticket),
                     is_known ? &queue->entries[0] : NULL, text, sizeof(text));
    if (!line->is_terminal) {
        ll_say("%s", text);
        return;
    }
    /* The last column stays free: a terminal may wrap after it. */
    ll_text_cut(text, terminal_width() - 1);
    (void)fprintf(stderr, "\r%s\033[K", text);
    line->is_shown = 1;
}

static void on_queue(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_waitline *line = arg;

    (void)status;
    (void)error;
    line->is_asking = 0;
    if (line->is_on) {
        show(line);
    }
}

void ll_waitline_update(struct ll_waitline *line)
{
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;

    if (ll_waitline_due_ms(line) != 0) {
        return;
    }
    leaselock_queue_free(line->queue);
    line->queue = NULL;
    line->next_ns = now_ns() + line->interval_ns;
    line->interval_ns *= 2;
    if (line->interval_ns > INTERVAL_MAX_NS) {
        line->interval_ns = INTERVAL_MAX_NS;
    }
    options.limit = 1;
    options.timeout_ms = ASK_TIMEOUT_MS;
    line->is_asking = 1;
    if (leaselock_queue_async(line->client, line->name, &options, &line->queue,
                              on_queue, line, NULL) != 0) {
        line->is_asking = 0;
        show(line);
    }
}

void ll_waitline_clear(struct ll_waitline *line)
{
    if (line->is_shown) {
        (void)fputs("\r\033[K", stderr);
        line->is_shown = 0;
    }
}

void ll_waitline_stop(struct ll_waitline *line)
{
    ll_waitline_clear(line);
    line->is_on = 0;
}

void ll_waitline_free(struct ll_waitline *line)
{
    leaselock_queue_free(line->queue);
    line->queue = NULL;
}
