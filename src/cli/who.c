/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/who.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "cli/text.h"

int ll_who_is_own(const struct leaselock_queue_entry *entry)
{
    return entry->host[0] != '\0';
}

int ll_who_is_ticket(const struct leaselock_queue_entry *entry)
{
    return entry->lease != 0 && !entry->nested;
}

void ll_who_process(const struct leaselock_queue_entry *entry,
                    char ret_text[LL_WHO_PROCESS_SIZE])
{
    ret_text[0] = '\0';
    if (entry->pid > 0) {
        (void)snprintf(ret_text, LL_WHO_PROCESS_SIZE, " pid %" PRId64,
                       entry->pid);
    }
}

void ll_who(const struct leaselock_queue_entry *entry,
            char ret_text[LL_WHO_SIZE])
{
    char process[LL_WHO_PROCESS_SIZE];

    if (!ll_who_is_own(entry)) {
        (void)snprintf(ret_text, LL_WHO_SIZE, "%s", entry->key);
    } else {
        ll_who_process(entry, process);
        (void)snprintf(ret_text, LL_WHO_SIZE, "%s%s %s%s%s%s", entry->host,
                       process, entry->program,
                       entry->label[0] != '\0' ? " (" : "", entry->label,
                       entry->label[0] != '\0' ? ")" : "");
    }
}

const char *ll_who_mode_name(int mode)
{
    switch ((enum leaselock_mode)mode) {
    case LEASELOCK_EXCLUSIVE:
        return "exclusive";
    case LEASELOCK_SHARED:
        return "shared";
    case LEASELOCK_PERMIT:
        break;
    }
    return "permit";
}

/** The name of a ticket's mode; NULL: it is no ticket. */
static const char *mode_of(const struct leaselock_queue_entry *entry)
{
    return ll_who_is_ticket(entry) ? ll_who_mode_name(entry->mode) : NULL;
}

void ll_who_mode(const struct leaselock_queue_entry *entry,
                 char ret_text[LL_WHO_MODE_SIZE])
{
    const char *mode = mode_of(entry);

    if (mode != NULL && entry->mode == LEASELOCK_PERMIT) {
        (void)snprintf(ret_text, LL_WHO_MODE_SIZE, "%s/%d", mode,
                       entry->permits);
    } else {
        (void)snprintf(ret_text, LL_WHO_MODE_SIZE, "%s",
                       mode != NULL ? mode : "-");
    }
}

const char *ll_who_state(const struct leaselock_queue_entry *entry)
{
    if (!ll_who_is_ticket(entry)) {
        return "blocks";
    }
    return entry->holds ? "holds" : "waits";
}

void ll_who_shares(const struct leaselock_queue_entry *entry,
                   char ret_text[LL_WHO_MODE_SIZE])
{
    if (entry->mode == LEASELOCK_PERMIT) {
        (void)snprintf(ret_text, LL_WHO_MODE_SIZE, ", one of %d permits",
                       entry->permits);
    } else {
        (void)snprintf(ret_text, LL_WHO_MODE_SIZE, "%s",
                       entry->mode == LEASELOCK_SHARED ? ", shared" : "");
    }
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? ll_json_text(text, strlen(text)) : json_null();
}

static json_t *asked_to_json(const struct leaselock_yield_request *asked)
{
    return asked == NULL
               ? json_null()
               : json_pack("{s:o, s:o, s:o}", "who",
                           ll_json_text(asked->who, strlen(asked->who)),
                           "reason",
                           ll_json_text(asked->reason, strlen(asked->reason)),
                           "at_unix_s",
                           asked->at_unix_s > 0 ? json_integer(asked->at_unix_s)
                                                : json_null());
}

json_t *ll_who_to_json(const struct leaselock_queue_entry *entry)
{
    int own = ll_who_is_own(entry);
    const char *mode = mode_of(entry);

    return json_pack(
        "{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, "
        "s:b, s:b, s:b, s:b}",
        "key", ll_json_text(entry->key, strlen(entry->key)), "token",
        (json_int_t)entry->token, "lease",
        entry->lease != 0 ? ll_json_lease(entry->lease) : json_null(), "host",
        text_or_null(entry->host), "pid",
        own && entry->pid > 0 ? json_integer(entry->pid) : json_null(),
        "program", text_or_null(entry->program), "label",
        text_or_null(entry->label), "since_unix_s",
        own && entry->since_unix_s > 0 ? json_integer(entry->since_unix_s)
                                       : json_null(),
        "mode", mode, "permits",
        entry->permits > 0 ? json_integer(entry->permits) : json_null(),
        "lock_delay_ms",
        entry->lock_delay_ms > 0 ? json_integer(entry->lock_delay_ms)
                                 : json_null(),
        "keep_ms",
        entry->keep_ms > 0 ? json_integer(entry->keep_ms) : json_null(),
        "asked", asked_to_json(entry->asked), "holds", entry->holds, "foreign",
        entry->foreign, "nested", entry->nested, "ticket",
        ll_who_is_ticket(entry));
}

static void add_text(struct ll_grid *grid, const char *text)
{
    ll_grid_add(grid, text[0] != '\0' ? text : "-",
                text[0] != '\0' ? strlen(text) : 1);
}

void ll_who_add_mode(struct ll_grid *grid,
                     const struct leaselock_queue_entry *entry)
{
    char mode[LL_WHO_MODE_SIZE];

    ll_who_mode(entry, mode);
    ll_grid_addf(grid, "%s", mode);
}

void ll_who_add_process(struct ll_grid *grid,
                        const struct leaselock_queue_entry *entry)
{
    add_text(grid, entry->host);
    if (ll_who_is_own(entry) && entry->pid > 0) {
        ll_grid_addf(grid, "%" PRId64, entry->pid);
    } else {
        ll_grid_addf(grid, "-");
    }
    add_text(grid, entry->program);
    add_text(grid, entry->label);
}

void ll_who_add_age(struct ll_grid *grid,
                    const struct leaselock_queue_entry *entry,
                    int64_t now_s)
{
    char age[LL_TEXT_AGE_SIZE];

    if (ll_who_is_own(entry) && entry->since_unix_s > 0) {
        ll_text_age(now_s - entry->since_unix_s, age);
        ll_grid_addf(grid, "%s", age);
    } else {
        ll_grid_addf(grid, "-");
    }
}

void ll_who_add(struct ll_grid *grid,
                const struct leaselock_queue_entry *entry,
                int64_t now_s)
{
    ll_who_add_process(grid, entry);
    ll_who_add_age(grid, entry, now_s);
}

/** What kind of key it is, or "". */
static void note_kind(const struct leaselock_queue_entry *entry,
                      char *ret_text,
                      size_t size)
{
    if (entry->lease == 0) {
        (void)snprintf(ret_text, size, "blocked by %s, which is no ticket",
                       entry->key);
    } else if (entry->nested) {
        (void)snprintf(ret_text, size, "nested: blocks (%s)", entry->key);
    } else if (entry->foreign) {
        (void)snprintf(ret_text, size, "foreign (%s)", entry->key);
    } else if (entry->candidate) {
        (void)snprintf(ret_text, size, "candidate (%s)", entry->key);
    } else if (entry->lock_delay_ms > 0) {
        (void)snprintf(ret_text, size, "lock-delay %g s",
                       entry->lock_delay_ms / 1000.0);
    } else if (entry->keep_ms > 0) {
        (void)snprintf(ret_text, size, "may be kept for %g s",
                       entry->keep_ms / 1000.0);
    } else {
        ret_text[0] = '\0';
    }
}

void ll_who_note(const struct leaselock_queue_entry *entry,
                 int64_t now_s,
                 char ret_text[LL_WHO_NOTE_SIZE])
{
    const struct leaselock_yield_request *asked = entry->asked;
    char age[LL_TEXT_AGE_SIZE];
    size_t length;

    note_kind(entry, ret_text, LL_WHO_NOTE_SIZE);
    length = strlen(ret_text);
    if (asked != NULL) {
        ll_text_age(now_s - asked->at_unix_s, age);
        (void)snprintf(
            ret_text + length, LL_WHO_NOTE_SIZE - length, "%sasked%s%s%s%s%s%s",
            length > 0 ? ", " : "", asked->who[0] != '\0' ? " by " : "",
            asked->who, asked->at_unix_s > 0 ? " " : "",
            asked->at_unix_s > 0 ? age : "", asked->at_unix_s > 0 ? " ago" : "",
            asked->reason[0] != '\0' ? ": " : "");
        length = strlen(ret_text);
        (void)snprintf(ret_text + length, LL_WHO_NOTE_SIZE - length, "%s",
                       asked->reason);
    }
}

void ll_who_add_note(struct ll_grid *grid,
                     const struct leaselock_queue_entry *entry,
                     int64_t now_s)
{
    char note[LL_WHO_NOTE_SIZE];

    ll_who_note(entry, now_s, note);
    ll_grid_add(grid, note, strlen(note));
}
