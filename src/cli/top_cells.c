/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"
#include "cli/who.h"

#define MILLI 1000
/** From so many columns on the whole description of a process is shown. */
#define WHO_WIDTH_FULL 40

void ll_top_put(const struct ll_top_painter *painter,
                struct ll_top_text *line,
                size_t row,
                enum ll_top_style style)
{
    if (row < painter->scene->rows) {
        ll_text_cut(line->text, painter->scene->columns);
        painter->line(painter->arg, row, style, line->text);
    }
}

void ll_top_rate(int64_t rate_milli, char ret_text[LL_TOP_RATE_SIZE])
{
    if (rate_milli < 0) {
        (void)snprintf(ret_text, LL_TOP_RATE_SIZE, "-");
    } else if (rate_milli == 0) {
        (void)snprintf(ret_text, LL_TOP_RATE_SIZE, "0");
    } else if (rate_milli < 100 * MILLI) {
        (void)snprintf(ret_text, LL_TOP_RATE_SIZE, "%.1f",
                       (double)rate_milli / MILLI);
    } else {
        (void)snprintf(ret_text, LL_TOP_RATE_SIZE, "%" PRId64,
                       rate_milli / MILLI);
    }
}

void ll_top_mode(const struct leaselock_lock_info *lock,
                 char ret_text[LL_TOP_MODE_SIZE])
{
    const struct leaselock_queue_entry *holder = lock->holder;
    char mode[LL_WHO_MODE_SIZE];

    ll_who_mode(holder, mode);
    if (ll_who_is_ticket(holder) && holder->mode == LEASELOCK_PERMIT) {
        (void)snprintf(ret_text, LL_TOP_MODE_SIZE, "permit %zu/%d",
                       lock->holders_n, holder->permits);
    } else if (ll_who_is_ticket(holder) && holder->mode == LEASELOCK_SHARED) {
        (void)snprintf(ret_text, LL_TOP_MODE_SIZE, "shared x%zu",
                       lock->holders_n);
    } else {
        (void)snprintf(ret_text, LL_TOP_MODE_SIZE, "%s", mode);
    }
}

int64_t ll_top_age_s(const struct leaselock_queue_entry *entry,
                     int64_t now_unix_s)
{
    if (!ll_who_is_own(entry) || entry->since_unix_s <= 0) {
        return -1;
    }
    return now_unix_s > entry->since_unix_s ? now_unix_s - entry->since_unix_s
                                            : 0;
}

void ll_top_add_age(struct ll_top_text *line,
                    const char *sign,
                    int64_t age_s,
                    size_t width,
                    size_t gap)
{
    char age[LL_TEXT_AGE_SIZE];
    char text[LL_TEXT_AGE_SIZE + 2] = "-";

    if (age_s >= 0) {
        ll_text_age(age_s, age);
        (void)snprintf(text, sizeof(text), "%s%s", sign, age);
    }
    ll_top_add_cell(line, text, width, 1, gap);
}

/** Who it is in few columns, what tells most first: "nightly host pid 7". */
static void word_short(const struct leaselock_queue_entry *entry,
                       char ret_text[LL_WHO_SIZE])
{
    char process[LL_WHO_PROCESS_SIZE];

    if (!ll_who_is_own(entry)) {
        ll_who(entry, ret_text);
        return;
    }
    ll_who_process(entry, process);
    (void)snprintf(ret_text, LL_WHO_SIZE, "%s %s%s",
                   entry->label[0] != '\0' ? entry->label : entry->program,
                   entry->host, process);
}

void ll_top_add_who(struct ll_top_text *line,
                    const struct leaselock_queue_entry *entry,
                    int64_t now_unix_s,
                    size_t width)
{
    char note[LL_WHO_NOTE_SIZE];
    char who[LL_WHO_SIZE] = "";
    char both[LL_WHO_SIZE + LL_WHO_NOTE_SIZE + 4];

    ll_who_note(entry, now_unix_s, note);
    /* The note on a key of another kind names the key. */
    if (note[0] == '\0' || ll_who_is_own(entry)) {
        (width < WHO_WIDTH_FULL ? word_short : ll_who)(entry, who);
    }
    (void)snprintf(both, sizeof(both), "%s%s%s", who,
                   who[0] != '\0' && note[0] != '\0' ? "; " : "", note);
    ll_top_add(line, both, width);
}
