/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_PLACE_H
#define LL_CORE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/batch.h"
#include "core/request.h"

struct ll_ticket;

/**
 * The requests that take a place in a queue, and the ranges of the keys that
 * block it, by the ticket's mode (see key.h and ticket.h):
 *
 *     mode       | ranges                | own key | deadlock edges
 *     EXCLUSIVE  | the queue             | in it   | every key ahead
 *     SHARED     | the two of exclusive  | in none | every exclusive key ahead
 *                | keys                  |         |
 *     PERMIT     | the same, and the     | in the  | n = 1: every key that
 *                | permits of its n      | permits | blocks it; else none
 *
 * The permits of a lock have one n. So the place of a permit needs that no
 * permit of another n is there: two more ranges, of a lower n and of a higher
 * one in the order of keys. As long as the key stands, no other n can come.
 *
 * A try of a permit takes two requests: whether one is free depends on the
 * number of keys, which a Txn cannot compare.
 *
 *     request | answer                        | next    | does
 *     read    | a permit is free, at r        | put     | if every key of the
 *             |                               |         | queue was created by
 *             |                               |         | r, and the own one
 *             |                               |         | is not there: puts it
 *     read    | none is free                  | (over)  | TIMEOUT
 *     read    | permits of another n          | (over)  | MODE
 *     put     | done, or the key is there     | (over)  | HELD
 *     put     | a key was created since, the  | read    |
 *             | first time                    |         |
 *     put     | the second time               | (over)  | TIMEOUT
 */

/** A Txn that takes places, while parts are added to it. */
struct ll_place_txn {
    struct ll_compare *compares;
    size_t compares_n;
    struct ll_op *then_ops;
    size_t then_n;
    struct ll_op *else_ops;
    size_t else_n;
};

/** The most ranges of a ticket, and the most parts of each kind that it adds to
 *  a Txn. */
#define LL_PLACE_RANGES_MAX 2
#define LL_PLACE_OPS_MAX 3 /* of a multi-lock's member: no permit */

bool ll_ticket_is_exclusive(const struct ll_ticket *ticket);

/** All keys of a ticket's queue. */
struct ll_range ll_place_queue(const struct ll_ticket *ticket,
                               struct ll_bounds *bounds);
/** The ranges of the keys that block a ticket. @return how many they are */
size_t ll_place_blockers(const struct ll_ticket *ticket,
                         struct ll_bounds *bounds,
                         struct ll_range ret_ranges[LL_PLACE_RANGES_MAX]);

/** Adds a ticket's place. Those ranges come before the put, so they find the
 *  predecessor, and their counts are the number of keys ahead. If the Txn is
 *  resent after a lost answer, it finds the key and takes the else branch,
 *  which reads it. */
void ll_place_add(const struct ll_ticket *ticket,
                  struct ll_bytes value,
                  struct ll_bounds *bounds,
                  struct ll_place_txn *txn);
/** The same without those ranges, of a queue that is known to be long: see
 *  survey.h. */
void ll_place_add_short(const struct ll_ticket *ticket,
                        struct ll_bytes value,
                        struct ll_place_txn *txn);
/** The permits of a queue that are of one n. */
struct ll_range ll_place_permits_of(struct ll_bytes prefix,
                                    uint32_t n,
                                    struct ll_permit_bounds *bounds);
/** The permits of a ticket's n. */
struct ll_range ll_place_permits(const struct ll_ticket *ticket,
                                 struct ll_permit_bounds *bounds);
/** A permit's place, as ll_place_add; the else branch reads a permit of another
 *  n, too. count_only: the permits ahead are counted, and not read. */
void ll_place_add_permit(const struct ll_ticket *ticket,
                         struct ll_bytes value,
                         bool count_only,
                         struct ll_part *part,
                         struct ll_place_txn *txn);
/** The read of a permit's try, and its put. */
void ll_place_read_permits(const struct ll_ticket *ticket,
                           struct ll_part *part,
                           struct ll_place_txn *txn);
void ll_place_put_permit(const struct ll_ticket *ticket,
                         struct ll_bytes value,
                         struct ll_part *part,
                         struct ll_place_txn *txn);
/** Whether the else branch of a permit's place has found no key at all. */
bool ll_place_none_is_there(const struct ll_ticket *ticket,
                            const struct ll_answer *answer);
/** A permit of another n, from the ranges of those in an answer, from `at` on;
 *  NULL: there is none. */
const struct ll_kv *ll_place_other_permit(const struct ll_answer *answer,
                                          size_t at);

/** Adds a ticket's place on the condition that no key is there that blocks it.
 *  Else the oldest such keys are read, with their values. An exclusive ticket's
 *  own key would be one of them; that of another mode is read before them. */
void ll_place_add_try(const struct ll_ticket *ticket,
                      struct ll_bytes value,
                      struct ll_bounds *bounds,
                      struct ll_place_txn *txn);

/** The keys ahead of a ticket, as its ranges show them. */
struct ll_ahead {
    const struct ll_kv *newest; /* NULL: none is ahead */
    const struct ll_kv *oldest; /* of a try's ranges */
    int64_t count;              /* of all */
    int64_t read;               /* of those that were read */
    int64_t revision;           /* at which they were read */
    /** Of a permit ticket: the permits ahead, the newest first, 2n at most; the
     *  numbers above are of the exclusive keys. */
    const struct ll_range_answer *permits;
    int64_t permits_count; /* of all permits ahead; -1: not known */
};

/** The keys ahead, from the ranges in an answer from `at` on; false: the answer
 *  has no such ranges. */
bool ll_place_ahead(const struct ll_ticket *ticket,
                    const struct ll_answer *answer,
                    size_t at,
                    struct ll_ahead *ret_ahead);
/** The same, from the else branch of a try, which is at `at`. */
bool ll_place_try_ahead(const struct ll_ticket *ticket,
                        const struct ll_answer *answer,
                        size_t at,
                        struct ll_ahead *ret_ahead);
/** The own key in the else branch of either Txn; NULL: it is not there. */
const struct ll_kv *ll_place_own(const struct ll_ticket *ticket,
                                 const struct ll_answer *answer,
                                 size_t at);

/** A read of keys without their values. */
struct ll_op ll_op_range(struct ll_range range);
struct ll_op ll_op_key(struct ll_bytes key, bool serializable);
/** Compares the create revision of a key; or, with an end, of all keys of a
 *  range. */
struct ll_compare
ll_compare_created(struct ll_bytes key, struct ll_bytes end, int64_t revision);

#endif
