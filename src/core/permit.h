/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_PERMIT_H
#define LL_CORE_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/request.h"
#include "core/watch.h"

struct ll_core;
struct ll_ticket;

/**
 * How a ticket of n permits waits once no exclusive key is ahead of it.
 *
 * Every permit ahead may be held for a long time, so the ticket cannot wait for
 * a certain one. With 2n or more of them ahead, it watches the n nearest, a key
 * each: before fewer than n are left, one of these has gone. With fewer than 2n
 * ahead, it watches the range of all permits, and counts down those ahead:
 *
 *     set     | event                       | next    | does
 *     none    | read: fewer than n ahead    | none    | HELD
 *     none,   | read: n to 2n - 1 ahead     | ALL     | watches the range
 *     NEAREST |                             |         |
 *     none,   | read: 2n ahead, or more     | NEAREST | watches the n nearest
 *     NEAREST |                             |         |
 *     NEAREST | one is deleted              | NEAREST | NEXT: reads the permits
 *     ALL     | one is deleted, n are left  | ALL     | takes it out of the set
 *     ALL     | one is deleted, fewer than n| ALL     | HELD if the own key is
 *             | are left                    |         | certain; else NEXT
 *     ALL     | a key is deleted that is not| ALL     | none, unless it is the
 *             | in the set                  |         | own key (see ticket.h)
 *     any     | one of the set is deleted   | same    | takes it out; the read
 *             | while a read is in flight   |         | must not be older
 *     ALL     | read: older than the one    | ALL     | reads through the
 *             | that made the set           |         | quorum
 *     any     | read: n or more ahead are no| (over)  | NESTED
 *             | tickets                     |         |
 *     any     | the store went back         | none    | NEXT: all blockers
 *
 * Keys leave the set one by one: a read and an event that report the same
 * deletion count it once. A release causes a step of at most 2n - 1 tickets,
 * however many wait, and no ticket's key is written by another.
 *
 * NEAREST: any one of the n deletions is enough. So unless n is small it does
 * no harm if one was before the watch, or is reported late, and one read closes
 * the gap, when all watches are certain to be synced (see ticket.h).
 *
 * ALL: the range includes the own key, which needs no watch of its own then.
 * One watch reports in the order of revisions, synced or not, and those of one
 * revision together. So the own key is certain as soon as a read has shown it
 * at the revision at which that watch was created, or later: a deletion of it
 * would be reported before the one that hands over, or with it. The first event
 * of the watch settles it: etcd's loop reports to a watch what it has missed,
 * and syncs it, in one step.
 */

/** A permit ahead. */
struct ll_permit_key {
    struct ll_watch watch; /* of NEAREST; of an earlier set it may be ending */
    char *key;             /* NULL: unused */
    uint32_t key_size;
    int64_t token;
};

struct ll_permits {
    struct ll_watch all;
    int64_t own_revision; /* at which a read has shown the own key; 0: none */
    bool has_all;         /* every permit ahead is in the set: ALL */
    bool lacks_slots;     /* ending watches have them: a read follows soon */
    unsigned keys_n;
    unsigned slots_n;
    struct ll_permit_key slots[];
};

/** From this n on, NEAREST does with one read. */
#define LL_PERMITS_MANY 4
/** The slots of these watches: that of the range, and the first of a key. */
#define LL_PERMIT_SLOT_ALL 2
#define LL_PERMIT_SLOT_KEY 3
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
 * @param ahead     the newest first; 2n at most
 * @param revision  that revision
 */
void ll_permits_see(struct ll_core *core,
                    struct ll_ticket *ticket,
                    const struct ll_range_answer *ahead,
                    int64_t revision);
/** One of these watches reports deletions. */
void ll_permits_on_changed(struct ll_core *core,
                           struct ll_ticket *ticket,
                           struct ll_watch *watch,
                           const struct ll_watch_event *events,
                           size_t n);

/** The watch in a slot; NULL: there is none. */
struct ll_watch *ll_permits_watch(const struct ll_ticket *ticket,
                                  unsigned slot);
/** Whether the set needs it. */
bool ll_permits_has(const struct ll_ticket *ticket, unsigned slot);
/** What a key's watch is of. */
struct ll_bytes ll_permits_key(const struct ll_ticket *ticket, unsigned slot);
/** Whether one read is enough until its watches are settled. */
bool ll_permits_settle_once(const struct ll_ticket *ticket);
/** Whether a watch of the own key would report nothing more: in ALL. */
bool ll_permits_watch_own(const struct ll_ticket *ticket);
/** Wants the watches that are OFF. */
void ll_permits_want(struct ll_core *core, struct ll_ticket *ticket);
/** Whether all are ON. */
bool ll_permits_are_watched(const struct ll_ticket *ticket);
/** Whether keys that were read are not in the set, for want of slots. */
bool ll_permits_lack_slots(const struct ll_ticket *ticket);
/** The revision that a read must not be older than, for the watches. */
int64_t ll_permits_least_revision(const struct ll_ticket *ticket);
/** Empties the set. */
void ll_permits_drop(struct ll_core *core, struct ll_ticket *ticket);
/** Whether every watch is OFF. */
bool ll_permits_are_off(const struct ll_ticket *ticket);
void ll_permits_free(struct ll_ticket *ticket);

#endif
