/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_WRITE_H
#define LL_CORE_WRITE_H

#include "core/object.h"
#include "core/ticket.h"

/**
 * A write under a ticket's fence. etcd applies it only while the ticket's key
 * K stands at its token; once, whatever is lost on the way; and after the
 * writes of the ticket that were asked for before it:
 *
 *     if   create_revision(K) == token  and  version(K) == v
 *          and the caller's conditions
 *     then the caller's reads, puts and deletions,
 *          put(K), which leaves K as it is but for its version: v + 1
 *     else range(K), and each key of the caller's conditions
 *
 * A ticket's writes go out one after the other, so v is known, and a duplicate
 * that comes late finds another version. After a lost answer the same Txn goes
 * out again; when it finds v + 1 then it was an earlier try that did it. Where
 * K is to have a new value (a candidate that proclaims) that put is the mark;
 * where the ticket is given back K's deletion is, which says less: with K gone
 * and an answer lost it cannot be known who deleted it.
 *
 *     state  | event                         | next | does
 *     QUEUED | it is the first of its ticket | OUT  | sends it
 *     QUEUED | timeout                       | gone | WRITTEN UNAVAILABLE
 *     QUEUED | the ticket is over            | gone | WRITTEN NOT_HELD
 *     OUT    | applied                       | gone | WRITTEN 0
 *     OUT    | no answer                     | OUT  | the same again
 *     OUT    | "too many requests"           | OUT  | the same again, later
 *     OUT    | v + 1 after a lost answer     | gone | WRITTEN 0; UNKNOWN where
 *            |                               |      | v was open (below)
 *     OUT    | the same; it has reads, and   | READ | reads them again, of the
 *            | its timeout is not over       |      | revision before its own
 *     READ   | answered                      | gone | WRITTEN 0 with the reads
 *     READ   | no answer                     | READ | the same again
 *     READ   | refused, compacted, too large | gone | WRITTEN 0 without them
 *            | an answer; timeout            |      |
 *     READ   | the ticket is over, an answer | READ | awaits it, and does not
 *            | is awaited                    |      | read again
 *     READ   | the ticket is over, and none  | gone | WRITTEN 0 without them
 *            | is                            |      |
 *     OUT    | another v, no answer was lost | OUT  | the same again, with it
 *     OUT    | another v after a lost answer | gone | WRITTEN UNKNOWN
 *     OUT    | as it was: a condition failed | gone | WRITTEN COMPARE, which
 *            |                               |      | names it; UNKNOWN
 *            |                               |      | after a lost answer: that
 *            |                               |      | try may land yet
 *     OUT    | an answer that is too large   | OUT  | the same again, without
 *            |                               |      | the conditions' values
 *     OUT    | K is gone, or another         | gone | WRITTEN NOT_HELD; UNKNOWN
 *            |                               |      | after a lost answer; the
 *            |                               |      | ticket is lost
 *     OUT    | refused, error                | gone | WRITTEN error; UNKNOWN
 *            |                               |      | after a lost answer
 *     OUT    | answered by another cluster   | gone | WRITTEN UNKNOWN: its
 *            |                               |      | store may have had K
 *     OUT    | timeout                       | OUT  | UNKNOWN, the last word
 *            |                               |      | follows; UNAVAILABLE when
 *            |                               |      | no try can be applied
 *     OUT    | the ticket is over, an answer | OUT  | awaits it, and does not
 *            | is awaited                    |      | send it again
 *     OUT    | the ticket is over, and none  | gone | WRITTEN NOT_HELD; UNKNOWN
 *            | is                            |      | after a lost answer
 *
 * UNKNOWN is OUTCOME_UNKNOWN. When it is the last word a try may land yet, as
 * long as K is at v: so v is open then, as it is of a K that another process
 * made, and v + 1 does not show which write it was.
 *
 * The reads stand before the writes, and K's version is raised at a revision R
 * of the write's own: so they saw the store of R - 1, and see it again there.
 * A write with reads shares no batch, whose parts could write before it at R.
 *
 * The keys of the conditions are read to say which one failed, and what was
 * found; a write without conditions of the caller's reads K alone. etcd wants
 * the permission to read a key of whoever compares it, so that nothing is
 * refused for it.
 *
 * A ticket is over when it is released, lost, or its session is.
 *
 * A put or a deletion below NAME/ is refused (NESTED): every key there is a
 * place in the ticket's own queue, and one without a lease blocks it for ever.
 */

/** Conditions, and reads, puts and deletions, of a write at most; etcd's own limit is
 *  128 each, ours and the else branch's included. */
#define LL_WRITE_PARTS_MAX 100
/** Of its conditions, those whose key's value is read to say what was found. */
#define LL_WRITE_VALUES_MAX 4
/** Writes of one ticket that wait for their turn at most. */
#define LL_WRITES_MAX 1024

struct ll_write {
    struct ll_object object;
    struct ll_ticket *ticket; /* NULL: it is over */
    struct ll_link link;      /* in ticket->writes, in their order */
    bool releases;
    bool lost;    /* an earlier try may have been applied */
    bool again;   /* READ: applied, at `revision` */
    bool went_on; /* its timeout was told: nobody waits for its reads */
    int64_t timeout_ns;
    int64_t token; /* as it was sent */
    int64_t version;
    bool version_open; /* another write's try may take it */
    /** What is to be told. */
    bool reported_due;
    bool is_over;
    int status;
    int64_t revision;
    const char *why; /* static, or `text` */
    char *text;      /* which condition failed, or NULL */
    struct ll_txn txn;
    struct ll_op else_op;             /* on the ticket's key */
    struct ll_op *else_ops;           /* NULL, or that and the conditions' */
    struct ll_compare *compares;      /* the ticket's two, then the caller's */
    const struct ll_op_answer *reads; /* the answer's; NULL: not known */
    size_t reads_n;
    struct ll_op ops[]; /* the caller's reads and writes, then the mark */
};

extern const struct ll_object_ops ll_write_ops;

static inline struct ll_write *ll_write_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_write, object);
}

int ll_write_ask(struct ll_core *core,
                 struct ll_ticket *ticket,
                 const struct ll_event *event);

/** The ticket is held no more. */
void ll_writes_end(struct ll_core *core, struct ll_ticket *ticket);
/** Whether the newest write is to give the ticket back. */
bool ll_writes_may_release(const struct ll_ticket *ticket);
/** Whether it was sent, so that the key may be gone by it. */
bool ll_writes_may_have_released(const struct ll_ticket *ticket);

/* Between the files of a write. */

/** 0, or why the command asks for no write that can be made. */
int ll_write_check(const struct ll_ticket *ticket,
                   const struct ll_event *event);
/** NULL: out of memory. */
struct ll_write *ll_write_make(const struct ll_event *event);
/** Makes the two conditions that stand before the caller's, the mark, and the
 *  reads of the else branch; the write has its ticket. */
void ll_write_fence(struct ll_write *write, const struct ll_event *event);
void ll_write_free(struct ll_object *object);
void ll_write_on_answer(struct ll_core *core,
                        struct ll_object *object,
                        const struct ll_answer *answer,
                        const struct ll_event *event);
/** Ends it with its last report. */
void ll_write_end(struct ll_core *core, struct ll_write *write, int status);
/** The same of one that failed: after a lost answer the outcome is unknown, and
 *  one that only reads again has succeeded. */
void ll_write_fail(struct ll_core *core, struct ll_write *write, int status);

#endif
