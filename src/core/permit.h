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
 * a certain one. With 2n or more of them ahead, it watches the n nearest: before
 * fewer than n are left, one of these has gone. With fewer than 2n ahead, it
 * watches all of them and counts them down:
 *
 *     set     | event                       | next    | does
 *     none    | read: fewer than n ahead    | none    | HELD
 *     none,   | read: n to 2n - 1 ahead     | ALL     | watches all of them
 *     NEAREST |                             |         |
 *     none,   | read: 2n ahead, or more     | NEAREST | watches the n nearest
 *     NEAREST |                             |         |
 *     NEAREST | one is deleted              | NEAREST | NEXT: reads the permits
 *     ALL     | one is deleted, n are left  | ALL     | takes it out of the set
 *     ALL     | one is deleted, fewer than n| ALL     | HELD if the own key is
 *             | are left                    |         | certain (see ticket.h);
 *             |                             |         | else NEXT
 *     any     | deleted while a read is in  | same    | takes it out; the read
 *             | flight                      |         | must not be older
 *     any     | the store went back         | none    | NEXT: all blockers
 *
 * Keys leave the set one by one: a read and an event that report the same
 * deletion count it once. A release so causes a step of at most 2n - 1 tickets,
 * however many wait, and no ticket's key is written by another.
 */

/** A permit ahead. */
struct ll_permit_key {
    struct ll_watch watch;
    char *key; /* NULL: unused, but the watch may still be ending */
    uint32_t key_size;
    int64_t token;
    int64_t lease;
};

struct ll_permits {
    bool has_all;     /* every permit ahead is in the set */
    bool lacks_slots; /* ending watches have them: a read follows soon */
    unsigned keys_n;
    unsigned slots_n;
    struct ll_permit_key slots[];
};

/** The slot of the first of these watches. */
#define LL_PERMIT_SLOT 2
/** How many slots a ticket of n permits has: for the 2n - 1 of a new set, and
 *  for those of the old one that are ending. */
#define LL_PERMIT_SLOTS(n) (3 * (n))

/** Whether a ticket waits for permits alone. */
bool ll_ticket_is_behind_permits(const struct ll_ticket *ticket);
/** Whether it is a permit's try: two requests (see place.h). */
bool ll_ticket_tries_permit(const struct ll_ticket *ticket);

/**
 * The permits ahead of a ticket, at a revision at which its own key stood and
 * no exclusive one was ahead: it is held, or waits.
 *
 * @param ahead  the newest first; 2n at most
 */
void ll_permits_see(struct ll_core *core,
                    struct ll_ticket *ticket,
                    const struct ll_range_answer *ahead);
/** One of the watched keys was deleted. */
void ll_permits_on_deleted(struct ll_core *core,
                           struct ll_ticket *ticket,
                           const struct ll_watch *watch,
                           int64_t revision);

/** The watch in a slot; NULL: there is none. */
struct ll_watch *ll_permits_watch(const struct ll_ticket *ticket,
                                  unsigned slot);
/** What it watches. */
struct ll_bytes ll_permits_key(const struct ll_ticket *ticket, unsigned slot);
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
