/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_BATCH_H
#define LL_CORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/key.h"
#include "leaselock/stats.h"

struct ll_core;
struct ll_link;
struct ll_object;

/**
 * Group commit: many Txns in one proposal.
 *
 * An enqueue, a release or a write is sent at once while fewer of them than the
 * window are in flight. The others are pending: when an answer arrives, the
 * pending ones are sent together, in one Txn. So an idle client waits for
 * nothing, and a busy one costs etcd one proposal, one log entry and one answer
 * for many of them.
 *
 * NEAR: up to the window, requests of a single Txn are in flight side by side,
 * in several slots. If pending Txns can share a request, or if more of them
 * than the window are around, the request waits for company: for the answers to
 * those in flight, and then for the callers that have just been answered,
 * because a thread that takes one lock after another comes back at once. That
 * wait ends when as many are pending as were answered and pending together, or
 * after LL_BATCH_COMPANY_NS. No request waits for an answer that takes
 * LL_BATCH_FAR_NS. A batch that is full, by its operations or its bytes, gains
 * nothing by waiting: it is sent as soon as a slot is free, so that etcd has
 * work while the previous answer is on its way.
 *
 * FAR: answers take long whatever is sent, because etcd's members or its disks
 * are slow to agree. A request that waited for an answer would take twice the
 * time. So none does: requests are sent LL_BATCH_GATHER_NS apart, each with
 * what has become pending, and many are in flight. After one with few parts the
 * next one goes sooner, because that time would cost more than it saves. Where
 * calls may not share a request, the next one goes at once.
 *
 * What counts is the shortest answer of the last two periods of
 * LL_BATCH_SHORTEST_NS in which there were answers; NEAR, without what this
 * client's own parts in flight explain, LL_BATCH_PART_NS each.
 *
 *     mode | event                       | next | does
 *     NEAR | the shortest answer takes   | FAR  |
 *          | LL_BATCH_FAR_NS or longer   |      |
 *     FAR  | it takes less than three    | NEAR |
 *          | quarters of that            |      |
 *
 *     slot | event                       | next | does
 *     FREE | NEAR: one Txn is pending,   | OUT  | sends it by itself
 *          | no more than the window are |      |
 *          | around                      |      |
 *     FREE | NEAR: others are pending or | OUT  | sends those that are pending
 *          | around, and no company is   |      | in one Txn
 *          | awaited, or they fill one   |      |
 *     FREE | FAR: some are pending, the  | OUT  | sends them in one Txn
 *          | last batch was sent that    |      |
 *          | time ago, or they fill one  |      |
 *     OUT  | answered                    | FREE | passes each part its answer
 *     OUT  | no answer, "too many        | FREE | reports that to each part
 *          | requests"                   |      |
 *     OUT  | refused as a whole, because | FREE | each part is resent,
 *          | of one part; or a condition |      | unbatched, and gets its own
 *          | of the batch does not hold  |      | answer or error
 *
 * A part is flat if it is a deletion by name, or an enqueue that was not sent
 * before: then its operations are the batch's own, and its condition, that the
 * key is not there, is one of the batch's. It holds, unless somebody else has
 * made the key; then nothing of the batch is applied. etcd takes less time for
 * flat operations than for nested Txns (docs/decisions.md). Other parts are
 * nested Txns.
 *
 * etcd evaluates every condition of a Txn, those of nested Txns too, before the
 * first of its writes (etcdserver's applyTxn), so parts must not depend on one
 * another. Keys that a batch creates have the same create revision, and a try
 * does not see the other keys of its batch. So a try is the only part of its
 * queue in a batch, and so is a write; a place that is not shared is the only
 * place. Shared places, which do not block each other, may be in one batch.
 * Releases may be in one batch with either, and are its first parts, so that
 * the ranges which a place reads do not find what its own batch deletes. A
 * write with conditions or reads of the caller is unbatched.
 *
 * Servers before 3.4.42, 3.5.28 and 3.6.9 check a user's permissions only for
 * the operations of the outer Txn, those of its else branch included
 * (etcdserver's checkTxnAuth). So for a client that has a user the else branch
 * lists what the nested Txns read and write. etcd then checks a part as it
 * would check it alone, and a batch that is refused is resent in its parts.
 * That branch must never be taken, so such a batch has no condition: only
 * deletions are flat in it. Writes are unbatched there.
 */

/** The most Txns of this kind in flight, single ones included, NEAR; and as many
 *  requests of reads, see read.h. */
#define LL_BATCHES_MAX 4
/** And FAR: twice as many as are sent LL_BATCH_GATHER_NS apart during the shortest
 *  answer, LL_BATCH_GATHER_PART at least, up to this. With a request a millisecond
 *  they suffice for answers that take 64 ms; farther away requests gather for
 *  longer. */
#define LL_BATCHES_FAR_MAX 64
/** From such answers on, requests do not wait for them. */
#define LL_BATCH_FAR_NS INT64_C(4000000)
/** What a part adds to an answer's time, rather too much than too little: etcd
 *  and client take 20 to 40 us for one (docs/benchmarks.md). */
#define LL_BATCH_PART_NS INT64_C(50000)
/** FAR: the time between two requests. */
#define LL_BATCH_GATHER_NS INT64_C(1000000)
/** From so many parts on, a request is not small. */
#define LL_BATCH_GATHER_MANY 4
/** After a smaller one, that time is at most the shortest answer divided by
 *  this. */
#define LL_BATCH_GATHER_PART 16
#define LL_BATCH_SHORTEST_NS INT64_C(5000000000)
/** NEAR: how long a request waits for those that come back, and how many of
 *  them at most. It is enough for so many threads to be woken and to send again
 *  (docs/decisions.md). */
#define LL_BATCH_COMPANY_NS INT64_C(200000)
#define LL_BATCH_COMPANY_MAX 16
/** The most parts of a batch, and the most operations of its outer Txn. etcd
 *  counts the operations of a Txn by level: those of the outer Txn and the most
 *  of any nested one must not exceed 128 together (etcdserver/api/v3rpc,
 *  checkTxnRequest). */
#define LL_BATCH_PARTS_MAX 120
/** The most operations of a flat part, and its one condition. */
#define LL_BATCH_FLAT_MAX 3
/** The most pending calls that are visited for one batch: thousands may be of
 *  the same queue. */
#define LL_BATCH_LOOK_MAX 1024
/** The most operations and conditions of a part. */
#define LL_BATCH_OPS_MAX 8
/** The most operations in the else branch, and of one part there. */
#define LL_BATCH_LISTED_MAX 112
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

/** With which Txns of the same queue one shares a batch. */
enum ll_batch_share {
    LL_SHARE_RELEASE, /* with releases and places */
    LL_SHARE_PLACES,  /* with releases and its like: a shared place */
    LL_SHARE_PLACE,   /* with releases: another place */
    LL_SHARE_NONE,
};
#define LL_SHARES 4

/** What a batch needs of a kind of object whose calls can share a request. */
struct ll_batch_ops {
    enum ll_call_way (*way)(const struct ll_core *core,
                            struct ll_object *object);
    /** Bytes of keys and values in the call's Txn. */
    size_t (*bytes)(struct ll_object *object);
    /** With which others of its queue its Txn shares a batch. */
    enum ll_batch_share (*share)(struct ll_object *object);
    /** How many operations its Txn adds to a batch if they and its condition
     *  may be the batch's own; else 0. NULL: always 0. */
    size_t (*flat_n)(const struct ll_core *core, struct ll_object *object);
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

#define LL_BATCH_OPS(way_, bytes_, share_, flat_n_, ranges_n_, reads_queue_,   \
                     is_wanted_, disbelieved_)                                 \
    {                                                                          \
        .way = (way_), .bytes = (bytes_), .share = (share_),                   \
        .flat_n = (flat_n_), .ranges_n = (ranges_n_),                          \
        .reads_queue = (reads_queue_), .is_wanted = (is_wanted_),              \
        .disbelieved = (disbelieved_)                                          \
    }

struct ll_batch_part {
    uint64_t id;
    uint32_t seq;
    uint16_t ops_n;  /* of the batch; of a read: its ranges */
    bool is_range;   /* of a read: its request is one range, not a Txn */
    bool is_release; /* of a write */
    bool is_flat;    /* of a write: its operations are the batch's */
    bool is_delete;  /* of a flat one: its request is a deletion, not a Txn */
};

struct ll_batch {
    bool out;
    uint32_t seq;        /* of the newest request */
    size_t n;            /* 1: the object's own call, unbatched */
    size_t ops_n;        /* operations of its outer Txn */
    bool has_conditions; /* it is applied only if they hold */
    size_t load_n; /* NEAR: parts in flight when it was sent, and its own */
    int64_t sent_ns;
    struct ll_batch_part parts[LL_BATCH_PARTS_MAX];
};

/** The batches of a core. */
struct ll_batches {
    struct ll_batch slots[LL_BATCHES_FAR_MAX + LL_BATCHES_MAX]; /* then reads */
    struct ll_batch *reads; /* the slots of reads */
    bool adapts;            /* may be FAR */
    bool far;
    unsigned slots_n;         /* of writes that may be in use */
    size_t parts_out;         /* of writes in flight */
    bool skipped;             /* the last batch left out a call of its queues */
    size_t company_n;         /* NEAR: pending ones that need not wait */
    int64_t company_until_ns; /* nor after this time */
    int64_t until_ns;         /* when the pending ones are sent at the latest */
    int64_t next_ns;          /* FAR: no request before it, unless it is full */
    int64_t shortest_ns;      /* answer of this time and the one before it */
    int64_t shortest_new_ns;  /* of this time alone */
    int64_t shortest_until_ns; /* when the next time begins */
    unsigned window;      /* the most slots in use; 0: nothing is batched */
    size_t ops_max;       /* of a batch; lowered when etcd accepts fewer */
    bool reads_contended; /* the last batch of reads left some pending */
    bool lists;           /* the else branch lists the parts' operations */
    struct ll_part *parts;
    struct ll_op *ops;
    struct ll_compare *compares; /* of the flat parts */
    size_t compares_n;
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
    struct ll_request (*join)(struct ll_core *core, struct ll_batch *batch);
    enum leaselock_stats_batch is;
};
/** Draws a request of pending calls in a free slot: the first one alone, or
 *  several in a batch. False: none is pending, or batch is NULL. */
bool ll_batch_draw(struct ll_core *core,
                   struct ll_link *pending,
                   struct ll_batch *batch,
                   const struct ll_batch_kind *kind,
                   struct ll_effect *ret_effect);
/** A call that was sent by itself has been answered: frees its slot. */
void ll_batches_on_single(struct ll_core *core, const struct ll_event *event);
/** When a pending request is sent at the latest; LL_NEVER: none waits for a
 *  time. */
int64_t ll_batches_deadline_ns(const struct ll_core *core);
/** That, or when one would be sent that became pending from now on: a thread
 *  that sleeps until then need not be woken for it. */
int64_t ll_batches_look_ns(const struct ll_core *core);
/** The answer to a batch, whose id is LL_ID_MAX or above. */
void ll_batches_on_answer(struct ll_core *core, const struct ll_event *event);
void ll_batches_free(struct ll_core *core);

/** batch_when.c: the slot of a request that may be sent now; NULL: none. */
struct ll_batch *ll_batch_free_slot(struct ll_core *core);
/** A request of writes is sent. */
void ll_batch_note_sent(struct ll_core *core, struct ll_batch *batch);
/** A request of writes is answered: notes who may come back, and how long it
 *  took. */
void ll_batch_note_answer(struct ll_core *core,
                          const struct ll_batch *batch,
                          const struct ll_event *event);
/** batch_list.c: whether the list of operations has room for those of one more
 *  part. */
bool ll_batch_list_has_room(const struct ll_batches *batches);
/** Lists what a part reads and writes. */
void ll_batch_list_part(struct ll_batches *batches, const struct ll_txn *txn);

#endif
