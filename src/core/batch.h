/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_BATCH_H
#define LL_CORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/key.h"

struct ll_core;
struct ll_link;
struct ll_object;

/**
 * Group commit: many Txns in one proposal.
 *
 * An enqueue, a release or a write is sent at once while fewer of them than the
 * window are in flight. The others are pending: when an answer arrives, the
 * pending ones are sent together, as nested Txns of one Txn. So an idle client
 * waits for nothing, and a busy one costs etcd one proposal, one log entry and
 * one answer for many of them.
 *
 * Requests of a single Txn may be in flight side by side, in several slots. If
 * pending Txns can share a request, that request waits for all that are in
 * flight, and is the larger for it. A batch that is full, by its parts or its
 * bytes, gains nothing by waiting: it is sent as soon as a slot is free, so
 * that etcd has work while the previous answer is on its way.
 *
 *     slot | event                       | next | does
 *     FREE | one Txn is pending          | OUT  | sends it by itself
 *     FREE | more are pending, and none  | OUT  | sends one Txn of nested ones
 *          | is OUT, or they fill a batch|      |
 *     OUT  | answered                    | FREE | passes each part its answer
 *     OUT  | no answer, "too many        | FREE | reports that to each part
 *          | requests"                   |      |
 *     OUT  | refused as a whole, because | FREE | each part is resent,
 *          | of one part                 |      | unbatched, and gets its own
 *          |                             |      | error
 *
 * etcd evaluates every condition of a Txn, those of nested Txns too, before the
 * first of its writes (etcdserver's applyTxn), so parts must not depend on one
 * another. Keys that a batch creates have the same create revision, and a try
 * does not see the other keys of its batch. So a place that is not shared, or a
 * try, is the only part of its queue in a batch, and so is a write. Shared
 * places, which do not block each other, and releases may be in one batch. A
 * write with conditions or reads of the caller is unbatched.
 *
 * Servers before 3.4.42, 3.5.28 and 3.6.9 check a user's permissions only for
 * the operations of the outer Txn, those of its else branch included
 * (etcdserver's checkTxnAuth). That branch is never taken, because a batch has
 * no condition. So for a client that has a user the else branch lists what the
 * parts read and write. etcd then checks a part as it would check it alone, and
 * a batch that is refused is resent in its parts. Writes are unbatched there.
 */

/** The most Txns of this kind in flight, single ones included; and as many
 *  requests of reads, see read.h. */
#define LL_BATCHES_MAX 4
/** The most parts of a batch. etcd counts the operations of a Txn by level:
 *  those of the outer Txn and the most of any nested one must not exceed 128
 *  together (etcdserver/api/v3rpc, checkTxnRequest). */
#define LL_BATCH_PARTS_MAX 112
/** The most pending calls that are visited for one batch: thousands may be of
 *  the same queue. */
#define LL_BATCH_LOOK_MAX 1024
/** The most operations and conditions of a part. */
#define LL_BATCH_OPS_MAX 8
/** The most operations in the else branch, and the fewest and most of one part
 *  there. */
#define LL_BATCH_LISTED_MAX 112
#define LL_BATCH_LISTED_PART_MIN 2
#define LL_BATCH_LISTED_PART_MAX 6
/** The most bytes of values and keys in one batch; etcd accepts 1.5 MiB. */
#define LL_BATCH_BYTES_MAX 262144

/** Bounds of the ranges of a queue. */
struct ll_bounds {
    char end[LL_PREFIX_MAX];
    char modes[LL_PREFIX_MAX + 2];
    char past_modes[LL_PREFIX_MAX + 2];
};

/** Bounds of the permit keys of a queue: those of a lower n in the order of
 *  keys, of the ticket's n, and of a higher one. */
struct ll_permit_bounds {
    char low[LL_PREFIX_MAX + 3];
    char own[LL_PREFIX_MAX + LL_MODE_TEXT_MAX + 1];
    char high[LL_PREFIX_MAX + LL_MODE_TEXT_MAX + 1];
    char end[LL_PREFIX_MAX + 3];
};

/** The memory in which an object's request is built. */
struct ll_part {
    struct ll_compare compares[3];
    struct ll_op then_ops[5];
    struct ll_op else_ops[3];
    struct ll_bounds bounds;
    struct ll_permit_bounds permits;
};

/** How an object's next call is sent. */
enum ll_call_way {
    LL_CALL_ALONE,
    LL_CALL_GATHER, /* a Txn, batched (see batch.h) */
    LL_CALL_READ,   /* a serializable read, batched (see read.h) */
};

/** What a batch needs of a kind of object whose calls can share a request. */
struct ll_batch_ops {
    enum ll_call_way (*way)(const struct ll_core *core,
                            struct ll_object *object);
    /** Bytes of keys and values in the call's Txn. */
    size_t (*bytes)(struct ll_object *object);
    /** Whether its Txn shares a batch with no other one of its queue. */
    bool (*is_sole)(struct ll_object *object);
    /** Ranges of the call's read; NULL if way is never LL_CALL_READ. */
    size_t (*ranges_n)(struct ll_object *object);
    /** Whether that read is of the queue and not of single keys; or NULL. */
    bool (*reads_queue)(struct ll_object *object);
    /** Whether a call that was refused with its batch is to be resent. */
    bool (*is_wanted)(struct ll_object *object);
    /** The outcome of a call that is not resent, if another cluster answered
     *  the batch. */
    enum ll_outcome disbelieved;
};

#define LL_BATCH_OPS(way_, bytes_, is_sole_, ranges_n_, reads_queue_,          \
                     is_wanted_, disbelieved_)                                 \
    {                                                                          \
        .way = (way_), .bytes = (bytes_), .is_sole = (is_sole_),               \
        .ranges_n = (ranges_n_), .reads_queue = (reads_queue_),                \
        .is_wanted = (is_wanted_), .disbelieved = (disbelieved_)               \
    }

struct ll_batch_part {
    uint64_t id;
    uint32_t seq;
    size_t ops_n;  /* of a read: its ranges */
    bool is_range; /* of a read: its request is one range, not a Txn */
};

struct ll_batch {
    bool out;
    uint32_t seq; /* of the newest request */
    size_t n;     /* 1: the object's own call, unbatched */
    size_t ops_n; /* operations in it */
    int64_t sent_ns;
    struct ll_batch_part parts[LL_BATCH_PARTS_MAX];
};

/** The batches of a core. */
struct ll_batches {
    struct ll_batch slots[2 * LL_BATCHES_MAX]; /* the second half: of reads */
    unsigned window;      /* the most slots in use; 0: nothing is batched */
    size_t parts_max;     /* lowered when etcd accepts fewer */
    bool reads_contended; /* the last batch of reads left some pending */
    bool lists;           /* the else branch lists the parts' operations */
    struct ll_part *parts;
    struct ll_op *ops;
    struct ll_op *listed;
    size_t listed_n;
};

/** Draws a request of pending calls; false: none, or no slot is free. */
bool ll_batches_next(struct ll_core *core, struct ll_effect *ret_effect);
/** How the pending calls of a list share a request. */
struct ll_batch_kind {
    /** Adds calls to a batch, at least the first one. @return the request that
     *  the first one would send by itself */
    struct ll_request (*fill)(struct ll_core *core, struct ll_batch *batch);
    /** The request of a batch of several parts. */
    struct ll_request (*join)(struct ll_core *core,
                              const struct ll_batch *batch);
};
/** Draws a request of pending calls in a free slot: the first one alone, or
 *  several in a batch. False: none is pending, or batch is NULL. */
bool ll_batch_draw(struct ll_core *core,
                   struct ll_link *pending,
                   struct ll_batch *batch,
                   const struct ll_batch_kind *kind,
                   struct ll_effect *ret_effect);
/** A call that was sent by itself has been answered: frees its slot. */
void ll_batches_on_single(struct ll_core *core, uint64_t id, uint32_t seq);
/** The answer to a batch, whose id is LL_ID_MAX or above. */
void ll_batches_on_answer(struct ll_core *core, const struct ll_event *event);
void ll_batches_free(struct ll_core *core);

#endif
