/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_BATCH_H
#define LL_CORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/key.h"

struct ll_core;
struct ll_object;

/**
 * Many Txns, one proposal: group commit.
 *
 * Enqueues, releases and writes go out at once while fewer of them than the
 * window are unanswered; the others gather, and when an answer comes those
 * that have gathered go out together, as nested Txns of one Txn. So an idle
 * client waits for nothing, and a busy one costs etcd one proposal, one entry
 * in its log and one answer for many.
 *
 * Single Txns go side by side in several slots. Where two can be put together
 * the next one to go waits for all that are out, and is the larger for it. One
 * that is as large as it can be, by its parts or its bytes, has nothing to wait
 * for: it goes as soon as a slot is free, and etcd has work while the answer
 * before it is on its way.
 *
 *     slot | event                       | next | does
 *     FREE | one has gathered            | OUT  | its own Txn goes out
 *     FREE | more have gathered, and     | OUT  | one Txn of nested ones
 *          | none is OUT, or they fill it|      |
 *     OUT  | answered                    | FREE | to each its part
 *     OUT  | no answer, "too many        | FREE | the same to each
 *          | requests"                   |      |
 *     OUT  | refused as a whole: one is  | FREE | each is sent again, alone,
 *          | to blame                    |      | and its error is its own
 *
 * etcd evaluates every condition of a Txn, nested ones too, before the first
 * of its writes (etcdserver's applyTxn), so parts must not depend on one
 * another. Two of one queue are never in one batch: their keys would carry the
 * same create revision, and a try would not see the other. A write with
 * conditions or reads of the caller's goes alone.
 *
 * Servers before 3.4.42, 3.5.28 and 3.6.9 check a user's permissions for the
 * operations of the outer Txn alone, those of its else branch included
 * (etcdserver's checkTxnAuth), which is never taken: a batch has no condition.
 * So for a client that has a user that branch lists what the parts read and
 * write, etcd judges a part as it would judge it alone, and a batch that is
 * refused is sent in its parts. A write goes alone there.
 */

/** Unanswered Txns of this kind at most, single ones too; and as many of
 *  reads, see read.h. */
#define LL_BATCHES_MAX 4
/** Parts of one at most. etcd counts the operations of a Txn by its levels: the
 *  outer ones and the most of any nested one are not to be above 128 together
 *  (etcdserver/api/v3rpc, checkTxnRequest). */
#define LL_BATCH_PARTS_MAX 112
/** Of what has gathered so many are looked at for one: thousands may be of the
 *  same queue. */
#define LL_BATCH_LOOK_MAX 1024
/** Operations and conditions of a part at most. */
#define LL_BATCH_OPS_MAX 8
/** Operations in the else branch at most, and of a part's among them. */
#define LL_BATCH_LISTED_MAX 112
#define LL_BATCH_LISTED_PART_MAX 2
/** Bytes of values and keys in one batch at most; etcd takes 1.5 MiB. */
#define LL_BATCH_BYTES_MAX 262144

/** What a ticket's request is made in. */
struct ll_part {
    struct ll_compare compare;
    struct ll_op then_ops[3];
    struct ll_op else_op;
    char end[LL_PREFIX_MAX];
};

/** How an object's next call goes out. */
enum ll_call_way {
    LL_CALL_ALONE,
    LL_CALL_GATHER, /* a Txn, with others' (see batch.h) */
    LL_CALL_READ,   /* a serializable read, with others' (see read.h) */
};

/** What a batch has to know of a kind of object whose calls go out with
 *  others'. */
struct ll_batch_ops {
    enum ll_call_way (*way)(const struct ll_core *core,
                            struct ll_object *object);
    /** Bytes of keys and values in the call's Txn. */
    size_t (*bytes)(struct ll_object *object);
    /** Ranges of the call's read; NULL where way is never LL_CALL_READ. */
    size_t (*ranges_n)(struct ll_object *object);
    /** Whether that is a read of the queue and not of single keys; or NULL. */
    bool (*reads_queue)(struct ll_object *object);
    /** Whether a call that was refused with its batch is to be sent again. */
    bool (*is_wanted)(struct ll_object *object);
    /** What a call that is not sent again is answered with where the batch's
     *  answer came from another cluster. */
    enum ll_outcome disbelieved;
};

#define LL_BATCH_OPS(way_, bytes_, ranges_n_, reads_queue_, is_wanted_,        \
                     disbelieved_)                                             \
    {                                                                          \
        .way = (way_), .bytes = (bytes_), .ranges_n = (ranges_n_),             \
        .reads_queue = (reads_queue_), .is_wanted = (is_wanted_),              \
        .disbelieved = (disbelieved_)                                          \
    }

struct ll_batch_part {
    uint64_t id;
    uint32_t seq;
    size_t ops_n;  /* of a read: its ranges */
    bool is_range; /* of a read: it asked for one range, not for a Txn */
};

struct ll_batch {
    bool out;
    uint32_t seq; /* of the newest */
    size_t n;     /* 1: the object's own call */
    size_t ops_n; /* operations in it */
    int64_t sent_ns;
    struct ll_batch_part parts[LL_BATCH_PARTS_MAX];
};

/** Of a core. */
struct ll_batches {
    struct ll_batch slots[2 * LL_BATCHES_MAX]; /* the second half: reads' */
    unsigned window;      /* slots in use at most; 0: nothing is batched */
    size_t parts_max;     /* as etcd has taught */
    bool reads_contended; /* the last batch of reads did not take all */
    bool lists;           /* the parts' operations in the else branch */
    struct ll_part *parts;
    struct ll_op *ops;
    struct ll_op *listed;
    size_t listed_n;
};

/** Draws what has gathered; false: nothing, or no slot is free. */
bool ll_batches_next(struct ll_core *core, struct ll_effect *ret_effect);
/** Whether there is memory to make a batch in, one at a time. */
bool ll_batches_ready(struct ll_core *core);
/** A single call has been answered: frees its slot. */
void ll_batches_on_single(struct ll_core *core, uint64_t id, uint32_t seq);
/** The answer to a batch, whose id is not below LL_ID_MAX. */
void ll_batches_on_answer(struct ll_core *core, const struct ll_event *event);
void ll_batches_free(struct ll_core *core);

#endif
