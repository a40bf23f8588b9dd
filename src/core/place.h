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
 *     EXCLUSIVE  | the queue             | in it   | the predecessor
 *     SHARED     | the two of exclusive  | in none | the newest exclusive key
 *                | keys                  |         |
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
#define LL_PLACE_OPS_MAX 3

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
