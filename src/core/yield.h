/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_YIELD_H
#define LL_CORE_YIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "core/event.h"

struct ll_core;
struct ll_ticket;
struct ll_write;

/**
 * Requests to a ticket that it let go of its lock. A client makes one by a put
 * to the ticket's key that keeps the create revision and the lease; it adds the
 * request to the value, or leaves the value as it is where that has another
 * use. Nothing is forced.
 *
 * Only a ticket with a yield watches its own key for puts as well, from the
 * grant on at once. Its changes are counted by the key's version, which each
 * put raises by one, so that none is missed or counted twice, whether an event
 * or a read shows it:
 *
 *     the key is seen   | does
 *     not above `seen`  | nothing: it was noted before
 *     above `seen`      | notes the value, and the versions from `seen` on
 *     the same, and     | the note replaces the newest one, and stands for its
 *     there are too many| versions as well
 *     notes             |
 *     the same, no      | nothing: the next event or read notes it
 *     memory            |
 *     the store went    | counts from the version found on, and notes the value
 *     back              | as one of unknown origin
 *     not above `seen`, | the same: the store went back, and has gone on since,
 *     changed since     | before anybody looked
 *     first, by a resume| the same: the process before may have missed it
 *
 * Fenced writes of the ticket are puts to its key, too. A note is reported in
 * this way, in the order of the versions, while the ticket is held and its user
 * has been told so:
 *
 *     of the versions of a note               | effect
 *     one is certainly not an own write's     | ASKED, by_others
 *     all are certainly own writes'           | none
 *     one may be that of a write whose answer | waits for that answer
 *     has not come                            |
 *     one may be that of a write with an      | ASKED, not by_others: only the
 *     unknown outcome, or of one that was sent| value shows whether it is a
 *     again as it had no effect (write.h), or | request
 *     of a deadlock's mark (deadlock.h); or   |
 *     its origin is unknown                   |
 */

/** The most notes of a ticket that are not reported yet. */
#define LL_YIELD_NOTES_MAX 8
/** The most runs of own versions; the newest are joined when there are more. */
#define LL_YIELD_RUNS_MAX 4

/** Versions of the key: those above `after`, up to `last`. */
struct ll_yield_run {
    int64_t after;
    int64_t last;
};

/** Versions that writes of the ticket have made. */
struct ll_yield_own_run {
    struct ll_yield_run versions;
    bool is_perhaps; /* each may be another client's */
};

/** A value of the key, and the versions that it stands for. */
struct ll_yield_note {
    struct ll_link link;
    struct ll_yield_run versions;
    bool is_unsure; /* one of them may be the client's own */
    bool is_fresh;  /* the value's origin is unknown: always reported */
    int64_t revision;
    size_t value_size;
    char value[];
};

struct ll_yield {
    int64_t seen;       /* the version up to which changes are noted */
    int64_t revision;   /* of the newest change that was noted */
    bool is_fresh;      /* the next value is of unknown origin */
    bool may_be_marked; /* until the key is first seen while all is held */
    bool is_held_back;  /* a member's: its multi-lock is not held */
    unsigned notes_n;
    struct ll_link notes;        /* the oldest first */
    struct ll_yield_note *drawn; /* in the effect that was drawn last */
    unsigned runs_n;
    struct ll_yield_own_run runs[LL_YIELD_RUNS_MAX]; /* ascending */
};

/** Gives a new ticket a yield.
 *  @param may_be_marked  the detection of deadlocks may put to the key
 *  @return false: out of memory */
bool ll_yield_make(struct ll_ticket *ticket, bool may_be_marked);
void ll_yield_free(struct ll_yield *yield);

/** The functions below do nothing for a ticket without a yield. */

/** The key was made by another process, and is at this version now. */
void ll_yield_resumed(struct ll_ticket *ticket, int64_t version);
/** An event or a read has shown the own key, with its token. */
void ll_yield_see(struct ll_core *core,
                  struct ll_ticket *ticket,
                  const struct ll_kv *own);
/** The store went back, and this is the key now. */
void ll_yield_restart(struct ll_core *core,
                      struct ll_ticket *ticket,
                      const struct ll_kv *own);
/** A write of the ticket was applied, and made this version. */
void ll_yield_wrote(struct ll_ticket *ticket, int64_t version);
/** A write of the ticket, which is its first, is sent again, though an earlier
 *  attempt may have been applied. */
void ll_yield_unsure(struct ll_ticket *ticket, const struct ll_write *write);
/** A write of the ticket, which is its first, ends with this status. */
void ll_yield_on_write_end(struct ll_core *core,
                           struct ll_ticket *ticket,
                           const struct ll_write *write,
                           int status);
/** A member reports nothing while its multi-lock is not held. */
void ll_yield_hold_back(struct ll_ticket *ticket, bool is_held_back);
/** Has the notes drawn that can be reported by now. */
void ll_yield_report(struct ll_core *core, struct ll_ticket *ticket);
/** Draws the next note; its effect has the ticket's id. */
bool ll_yield_next(struct ll_ticket *ticket, struct ll_effect *ret_effect);

#endif
