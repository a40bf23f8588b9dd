/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_PERMIT_H
#define LL_CORE_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/permit_line.h"
#include "core/request.h"
#include "core/watch.h"

struct ll_core;
struct ll_ticket;

/**
 * How a ticket of n permits waits once no exclusive key is ahead of it.
 *
 * Every permit ahead may be held for a long time, so the ticket cannot wait for
 * a certain one. Either it is in the client's line (permit_line.h), which
 * reports every deletion of a permit, and counts down; or it watches the n
 * nearest of 2n or more, a key each: before fewer than n are left, one of these
 * has gone.
 *
 *     set     | event                       | next    | does
 *     none    | read: fewer than n ahead    | none    | HELD
 *     none,   | read: n to 2n - 1 ahead     | LINE    | joins the line
 *     NEAREST |                             |         |
 *     none    | answered: 2n ahead or more, | LINE    | joins it
 *             | few for its line, which     |         |
 *             | covers the answer           |         |
 *     any     | read: 2n ahead or more, and | NEAREST | watches the n nearest
 *             | not counted in a line       |         |
 *     NEAREST | one is deleted              | NEAREST | NEXT: reads the permits
 *     LINE    | one ahead is deleted, n are | LINE    | counts it
 *             | left                        |         |
 *     LINE    | one ahead is deleted, fewer | LINE    | HELD if the own key is
 *             | than n are left             |         | certain; else NEXT
 *     LINE    | one is deleted, and it is   | LINE    | NEXT
 *             | not known whether it was    |         |
 *             | ahead                       |         |
 *     LINE    | the own key is deleted      | none    | lost (see ticket.h)
 *     LINE    | the line's watch is down    | LINE    | counts from the next read
 *     any     | read: older than the one    | same    | reads through the
 *             | that it counts from         |         | quorum
 *     any     | read: n or more ahead are no| (over)  | NESTED
 *             | tickets                     |         |
 *     any     | the store went back         | none    | NEXT: all blockers
 *     LINE    | held, the own key is not    | HOLDER  |
 *             | watched, but the line is    |         |
 *     HOLDER  | the own key is watched, or  | none    | leaves the line
 *             | the line's watch is down    |         |
 *     HOLDER  | the own key is deleted      | none    | lost
 *
 * A count is that of an answer's revision, less the deletions of later ones.
 * Releases come before the enqueue in its Txn (see batch.h), so no deletion of
 * the answer's own revision is still to be subtracted. A release causes
 * a step of at most 2n - 1 tickets, besides those of lines, which take it from
 * a number; no ticket's key is written by another.
 *
 * A line costs a client an event for each release. A ticket with 2n or more
 * ahead joins it only if, for each ticket in it, there are at most 2n ahead:
 * then all of these cost no more than the watches of the n nearest would,
 * which are created and ended.
 *
 * NEAREST: any one of the n deletions is enough. So unless n is small it does
 * no harm if one was before the watch, or is reported late, and one read closes
 * the gap, when all watches are certain to be synced (see ticket.h).
 *
 * LINE: its range includes the own key, which needs no watch of its own then.
 * One watch reports in the order of revisions, synced or not, and those of one
 * revision together. So the own key is certain as soon as a read has shown it
 * at the revision at which that watch was created, or later, and none of the
 * line's deletions is of that key: one that came before the answer is among
 * those that the line keeps, and a later one is reported before the deletion
 * that hands over, or with it. The first event of the watch settles it. An
 * enqueue that only counts does not find keys that are no tickets; the slow
 * re-check does.
 */

/** A permit ahead. */
struct ll_permit_key {
    struct ll_watch watch; /* of an earlier set it may be ending */
    char *key;             /* NULL: unused */
    uint32_t key_size;
    int64_t token;
};

struct ll_permits {
    struct ll_permit_member member; /* of a line: LINE or HOLDER */
    int64_t seen_revision;          /* LINE: of the newest read that counted */
    bool is_counted;                /* LINE: for the line's present watch */
    bool lacks_slots; /* ending watches have them: a read follows soon */
    unsigned keys_n;  /* NEAREST */
    unsigned slots_n; /* 0: it has never been in NEAREST */
    struct ll_permit_key *slots;
};

/** From this n on, NEAREST does with one read. */
#define LL_PERMITS_MANY 4
/** The slot of the first of these watches. */
#define LL_PERMIT_SLOT_KEY 2
/** How many keys' slots a ticket of n permits has: for a new set, and for the
 *  watches of the old one that are ending. */
#define LL_PERMIT_SLOTS(n) (3 * (n))

/** Whether a ticket waits for permits alone. */
bool ll_ticket_is_behind_permits(const struct ll_ticket *ticket);
/** Whether it is a permit's try: two requests (see place.h). */
bool ll_ticket_tries_permit(const struct ll_ticket *ticket);

/**
 * The permits ahead of a ticket, at a revision at which its own key stood and
 * no exclusive one was ahead: it is held, or waits.
 *
 * @param ahead     the newest first, 2n at most; maybe none, if there is a count
 * @param count     how many are ahead, if that is certain; else -1
 * @param revision  that revision
 */
void ll_permits_see(struct ll_core *core,
                    struct ll_ticket *ticket,
                    const struct ll_range_answer *ahead,
                    int64_t count,
                    int64_t revision);
/** Whether an enqueue needs the number of permits ahead, and not their keys. */
bool ll_permits_suffice(const struct ll_core *core,
                        const struct ll_ticket *ticket);
/** A watch of NEAREST reports deletions. */
void ll_permits_on_changed(struct ll_core *core,
                           struct ll_ticket *ticket,
                           struct ll_watch *watch,
                           const struct ll_watch_event *events,
                           size_t n);

/** The watch in a slot; NULL: there is none. */
struct ll_watch *ll_permits_watch(const struct ll_ticket *ticket,
                                  unsigned slot);
/** What a key's watch is of; empty: no key of the set. */
struct ll_bytes ll_permits_key(const struct ll_ticket *ticket, unsigned slot);
/** Whether one read is enough until its watches are settled. */
bool ll_permits_settle_once(const struct ll_ticket *ticket);
/** Whether a watch of the own key would report nothing more: in LINE. */
bool ll_permits_watch_own(const struct ll_ticket *ticket);
/** The line's watch, of a ticket in LINE; else NULL. */
struct ll_watch *ll_permits_line_watch(const struct ll_ticket *ticket);
/** Wants the watches that are OFF. */
void ll_permits_want(struct ll_core *core, struct ll_ticket *ticket);
/** Whether all are ON. */
bool ll_permits_are_watched(const struct ll_ticket *ticket);
/** Whether the next read must come soon: keys that were read are not in the set,
 *  for want of slots, or those ahead are not counted. */
bool ll_permits_read_soon(const struct ll_ticket *ticket);
/** The revision that a read must not be older than, for the watches. */
int64_t ll_permits_least_revision(const struct ll_ticket *ticket);
/** The ticket is held: HOLDER, or none. */
void ll_permits_hold(struct ll_core *core, struct ll_ticket *ticket);
/** The store went back to a revision. */
void ll_permits_went_back(struct ll_core *core,
                          struct ll_ticket *ticket,
                          int64_t revision);
/** Empties the set. */
void ll_permits_drop(struct ll_core *core, struct ll_ticket *ticket);
/** Whether every watch is OFF. */
bool ll_permits_are_off(const struct ll_ticket *ticket);
void ll_permits_free(struct ll_ticket *ticket);

/** permit_set.c: NEAREST. Each may fail for want of memory, as false. */
bool ll_permits_make(struct ll_ticket *ticket);
/** Makes the set consist of these keys, and leaves the line. */
bool ll_permits_keys_set(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_kv *kvs,
                         size_t n);
struct ll_permit_key *ll_permits_key_at(const struct ll_ticket *ticket,
                                        unsigned slot);
void ll_permits_key_drop(struct ll_core *core,
                         struct ll_permits *permits,
                         struct ll_permit_key *key);
void ll_permits_keys_drop(struct ll_core *core, struct ll_permits *permits);

#endif
