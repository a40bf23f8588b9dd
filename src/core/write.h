/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_WRITE_H
#define LL_CORE_WRITE_H

#include "core/object.h"
#include "core/ticket.h"

/**
 * A write under a ticket's fence. etcd applies it only while the ticket's key
 * K exists with its token; once, whatever messages are lost; and after the
 * writes of the ticket that were requested before it:
 *
 *     if   create_revision(K) == token  and  version(K) == v
 *          and the caller's conditions
 *          and, with a slot (see slot.h), lease(K) == the ticket's
 *     then the caller's reads, puts and deletions,
 *          put(K), which leaves K as it is but for its version: v + 1
 *     else range(K), and each key of the caller's conditions
 *
 * A ticket's writes are sent one after the other, so v is known, and a
 * duplicate that arrives late finds another version. After a lost answer the
 * same Txn is resent. If it then finds another version, each earlier attempt
 * was either applied, as the change of K from v to v + 1, or never will be.
 * The version does not show which: anybody with permission may put to K. So
 * the write's own keys are read (PROVE), at the revision c of that change and
 * at the one before. Another's put of K is in a Txn of its own, so what
 * changed at c together with K was changed by the write:
 *
 *     the write              | found                        | so it was
 *     puts a key             | its mod revision at c is c   | applied
 *                            | it is not                    | not applied
 *     gives K a new value    | it is not K's value at c     | not applied
 *                            | it is, and not at c - 1      | applied
 *                            | it is at both                | without effect
 *     deletes a key          | the key exists at c          | not applied
 *                            | it exists at c - 1 only      | applied
 *                            | it exists at neither         | without effect
 *     changes nothing else   | (not read)                   | without effect
 *     releases the ticket    | (not read) K, with its token | not applied
 *
 * The rows are in the order in which they are used, and "without effect" leads
 * to the next one. A write that was not applied, or without effect, is resent
 * with the version that was found: its effects are still applied once at most.
 * If the ticket is released, K's deletion is the mark, which shows less: with K
 * gone and an answer lost, the deleting client cannot be determined.
 *
 * A batch holds many writes in one revision, but each has a K of its own. A put
 * of a K that is not a write of its ticket must share no Txn with any write.
 *
 *     state  | event                         | next | does
 *     QUEUED | it is the first of its ticket | OUT  | sends it
 *     QUEUED | timeout                       | gone | WRITTEN UNAVAILABLE
 *     QUEUED | the ticket is over            | gone | WRITTEN NOT_HELD
 *     OUT    | applied                       | gone | WRITTEN 0
 *     OUT    | no answer                     | OUT  | resends it
 *     OUT    | "too many requests"           | OUT  | resends it later
 *     OUT    | another v after a lost answer:| OUT  | resends it, with that v
 *            | K would be gone; or the write |      |
 *            | changes nothing but K         |      |
 *     OUT    | a higher v after a lost       | PROVE| reads what it changes at
 *            | answer                        |      | c; before that K at
 *            |                               |      | c - 1, for an earlier c,
 *            |                               |      | if v rose by more than 1
 *     OUT    | the same, and the ticket is   | gone | WRITTEN UNKNOWN
 *            | over                          |      |
 *     OUT    | a lower v after a lost answer | gone | WRITTEN UNKNOWN
 *     PROVE  | it was applied                | gone | WRITTEN 0; UNKNOWN if
 *            |                               |      | v was open (below)
 *     PROVE  | the same; it has reads, and   | READ | reads them again, at the
 *            | its timeout has not expired   |      | revision before its own
 *     PROVE  | it was not, or had no effect  | OUT  | resends it, with the
 *            |                               |      | newest v
 *     PROVE  | no answer                     | PROVE| resends the reads
 *     PROVE  | refused, compacted, answer    | gone | WRITTEN UNKNOWN
 *            | too large, out of memory; too |      |
 *            | many changes of K             |      |
 *     PROVE  | timeout; the ticket is over   |      | as in OUT; if it was not
 *            |                               |      | applied, NOT_HELD
 *     READ   | answered                      | gone | WRITTEN 0 with the reads
 *     READ   | no answer                     | READ | resends the reads
 *     READ   | refused, compacted, answer    | gone | WRITTEN 0 without them
 *            | too large; timeout            |      |
 *     READ   | the ticket is over, the reads | READ | awaits the answer, and
 *            | are in flight                 |      | does not read again
 *     READ   | the ticket is over, they are  | gone | WRITTEN 0 without them
 *            | not                           |      |
 *     OUT    | another v, no answer was lost | OUT  | resends it, with that v
 *     OUT    | v: a condition of the caller  | gone | WRITTEN COMPARE, which
 *            | failed                        |      | names it; UNKNOWN
 *            |                               |      | after a lost answer: that
 *            |                               |      | attempt may be applied
 *            |                               |      | later
 *     OUT    | an answer that is too large   | OUT  | resends it, without the
 *            |                               |      | conditions' values
 *     OUT    | K is gone, or another         | gone | WRITTEN NOT_HELD; UNKNOWN
 *            |                               |      | after a lost answer; the
 *            |                               |      | ticket is lost
 *     OUT    | refused, error                | gone | WRITTEN error; UNKNOWN
 *            |                               |      | after a lost answer
 *     OUT    | answered by another cluster   | gone | WRITTEN UNKNOWN: its
 *            |                               |      | store may have had K
 *     OUT    | timeout                       | OUT  | UNKNOWN, and the outcome
 *            |                               |      | follows; UNAVAILABLE if
 *            |                               |      | no attempt can be applied
 *     OUT    | the ticket is over, the write | OUT  | awaits the answer, and
 *            | is in flight                  |      | does not resend it
 *     OUT    | the ticket is over, it is not | gone | WRITTEN NOT_HELD; UNKNOWN
 *            |                               |      | after a lost answer
 *
 * UNKNOWN is OUTCOME_UNKNOWN. If it is the final status, an attempt may still
 * be applied, as long as K is at v: so v is open then, as it is of a K that
 * another process made, and what has changed at c may be that write's.
 *
 * The reads come before the writes, and K's version is raised at a revision R
 * of the write's own: so they read the store of R - 1, and do so again there.
 * A write with reads shares no batch, whose parts could write before it at R.
 *
 * The keys of the conditions are read to report which one failed, and what was
 * found; a write without conditions of the caller's reads K alone. etcd already
 * requires the permission to read a key that is compared, so nothing is refused
 * because of these reads.
 *
 * A ticket is over when it is released or lost, or its session is over.
 *
 * A put or a deletion below NAME/ is refused (NESTED): every key there is a
 * place in the ticket's own queue, and one without a lease blocks it for ever.
 */

/** The most conditions of a write, and the most reads, puts and deletions;
 *  etcd's own limit is 128 each, ours and the else branch's included. */
#define LL_WRITE_PARTS_MAX 100
/** The most conditions whose key's value is read, to report what was found. */
#define LL_WRITE_VALUES_MAX 4
/** The most writes of one ticket that wait for their turn. */
#define LL_WRITES_MAX 1024
/** The most keys of a write that are read to find out whether it was applied;
 *  each takes two reads of a Txn. */
#define LL_WRITE_PROOFS_MAX 32
/** The most changes of the ticket's key that are followed back for that. */
#define LL_WRITE_CHANGES_MAX 8

enum ll_write_phase {
    LL_WRITE_SEND,  /* QUEUED, OUT */
    LL_WRITE_PROVE, /* whether it was applied at `change` */
    LL_WRITE_READ,  /* it was: reads again */
};

struct ll_write {
    struct ll_object object;
    struct ll_ticket *ticket; /* NULL: it is over */
    struct ll_link link;      /* in ticket->writes, in their order */
    bool releases;
    bool leaves;  /* it marks the key "released" (see delay.h); the ticket then
                    leaves its queue */
    bool lost;    /* an earlier attempt may have been applied */
    bool went_on; /* its timeout was reported; its reads are not needed */
    enum ll_write_phase phase;
    unsigned changes; /* PROVE: of the ticket's key, from `version` on, */
    int64_t change;   /* and the revision of the last one of these */
    int64_t timeout_ns;
    int64_t token; /* as it was sent */
    int64_t version;
    bool version_open; /* another write's attempt may use it */
    /** What is to be reported. */
    bool reported_due;
    bool is_over;
    int status;
    int64_t revision;
    const char *why; /* static, or `text` */
    char *text;      /* which condition failed, or NULL */
    struct ll_txn txn;
    struct ll_op else_op;             /* on the ticket's key */
    struct ll_op *else_ops;           /* NULL, or that and the conditions' */
    struct ll_op *proof;              /* PROVE: the reads, or NULL */
    struct ll_compare *compares;      /* the ticket's two, the caller's, and the
                                       * lease of a ticket with a slot */
    const struct ll_op_answer *reads; /* the answer's; NULL: not known */
    size_t reads_n;
    struct ll_op ops[]; /* the caller's reads and writes, then the mark */
};

extern const struct ll_object_ops ll_write_ops;

static inline struct ll_write *ll_write_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_write, object);
}

/** How many conditions the caller has. Each is read if one fails, and so is the
 *  ticket's key. */
static inline size_t ll_write_conditions_n(const struct ll_write *write)
{
    return write->txn.else_n - 1;
}

int ll_write_ask(struct ll_core *core,
                 struct ll_ticket *ticket,
                 const struct ll_event *event);

/** The ticket is not held any more. */
void ll_writes_end(struct ll_core *core, struct ll_ticket *ticket);
/** Whether the newest write releases the ticket. */
bool ll_writes_may_release(const struct ll_ticket *ticket);
/** Whether it was sent, so that it may have deleted the key. */
bool ll_writes_may_have_released(const struct ll_ticket *ticket);

/* Between the files of a write. */

/** 0, or the status of a command whose write is refused. */
int ll_write_check(const struct ll_ticket *ticket,
                   const struct ll_event *event);
/** NULL: out of memory. */
struct ll_write *ll_write_make(const struct ll_event *event);
/** Makes the two conditions that precede the caller's, the mark, and the reads
 *  of the else branch; the write has its ticket. */
void ll_write_fence(struct ll_write *write, const struct ll_event *event);
void ll_write_free(struct ll_object *object);
/** After a lost answer the ticket's key was found changed: reads whether the
 *  write did that, or ends it. The ticket has its newest version. */
void ll_write_prove(struct ll_core *core,
                    struct ll_write *write,
                    const struct ll_kv *own);
/** The reads of the newest request. */
struct ll_txn ll_write_proof_txn(struct ll_write *write);
void ll_write_on_proof(struct ll_core *core,
                       struct ll_write *write,
                       const struct ll_answer *answer);
/** It was applied at a revision. */
void ll_write_applied(struct ll_core *core,
                      struct ll_write *write,
                      int64_t revision);
/** No attempt was or will be applied, or to no effect: resends it. */
void ll_write_resend(struct ll_core *core, struct ll_write *write);
void ll_write_on_answer(struct ll_core *core,
                        struct ll_object *object,
                        const struct ll_answer *answer,
                        const struct ll_event *event);
/** Ends it with its last report. */
void ll_write_end(struct ll_core *core, struct ll_write *write, int status);
/** The same for a write that failed: after a lost answer the outcome is
 *  unknown, and one that only reads again has succeeded. */
void ll_write_fail(struct ll_core *core, struct ll_write *write, int status);

#endif
