/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_REJOIN_H
#define LL_CORE_REJOIN_H

#include "core/event.h"

struct ll_core;
struct ll_part;
struct ll_place_txn;
struct ll_ticket;

/**
 * A held ticket gives way and queues again, in one request. The place is a new
 * ticket with a key and a number of its own: the first one's key is OLD, the
 * new one's is NEW.
 *
 *     if   NEW does not exist, and OLD's create revision is its token
 *     then delete OLD; read what blocks NEW; put NEW
 *     else read NEW
 *
 * etcd carries out the operations of a Txn in their order, and its ranges see
 * what those before them did (mvcc's storeTxnWrite), so the deleted key is not
 * among those ahead; and what it puts has the revision of the Txn, so NEW is
 * behind all that waited.
 *
 * If OLD's name is one of slot.h, its lease is compared as well: a restored
 * store gives revisions out again. NEW always has the lease in its name, so
 * that what is there is an own attempt's.
 *
 * OLD can never again exist with its token. So once it is gone no copy of the
 * request has an effect, however late it comes: nothing has to be awaited
 * (REAP), and both numbers are free when both keys are gone. All requests
 * compare OLD's token, so its name may belong to another ticket by then.
 *
 * The first ticket is not held any more from the command on. It is in LEAVE
 * without a call, and reports nothing: the new one has the request and the
 * result, in ACQUIRED. While `rejoin` of each names the other, OLD may be
 * there:
 *
 *     the new one | event                      | next    | does
 *     (none)      | rejoin                     | ENQUEUE | sends the request
 *     ENQUEUE     | answered: applied          | HELD,   | OLD is gone; goes on
 *                 |                            | WAIT    | like an enqueue
 *     ENQUEUE     | answered: NEW exists       | NEXT    | an earlier attempt was
 *                 |                            |         | applied: OLD is gone
 *     ENQUEUE     | answered: neither          | gone    | ACQUIRED LOST: a third
 *                 |                            |         | party deleted OLD, and
 *                 |                            |         | nothing was put; or,
 *                 |                            |         | after a lost answer,
 *                 |                            |         | perhaps NEW
 *     ENQUEUE     | no answer                  | ENQUEUE | resends the request
 *     ENQUEUE     | timeout, release, while a  | ENQUEUE | reported; the answer
 *                 | request is unanswered      |         | decides
 *     ENQUEUE     | applied after that, or NEW | LEAVE   | deletes NEW
 *                 | exists                     |         |
 *     ENQUEUE     | timeout, release before it | LEAVE   | deletes OLD or, if it
 *                 | is sent, or no answer after|         | is gone, NEW: OLD is
 *                 | that; refused, error       |         | there as long as no
 *                 |                            |         | attempt was applied
 *     LEAVE       | OLD deleted; or NEW, and an| gone    | RELEASED 0
 *                 | attempt was sent           |         |
 *     LEAVE       | OLD was gone, and no other | gone    | RELEASED LOST
 *                 | attempt can have deleted it|         |
 *     LEAVE       | no answer; refused, error  | LEAVE   | as of any ticket: again
 *     any         | session lost or closed     | gone    | the lease has both keys
 *
 * When OLD is gone, the first ticket ends as after a release: in REAP if one of
 * its own enqueues may still be applied. Writes of it that are unanswered end
 * as at a release.
 *
 * Refused with STATE: a ticket that is not held, or that a write may have
 * released. With ARGUMENT: one with a lock-delay, whose release takes two
 * requests, as etcd does not put and delete a key in one Txn; and a candidate,
 * whose value core does not know; and one whose lock is kept (keep.h), as that
 * is handed on without a request. With HANDLE: a multi-lock. With LOST: a lost
 * one.
 */

/** LL_EVENT_REJOIN. If it fails, the first ticket is as before. */
int ll_ticket_rejoin(struct ll_core *core, const struct ll_event *event);

/* Of a new ticket, while OLD may be there. */

/** Adds the request to a Txn that has nothing yet. */
void ll_rejoin_add(const struct ll_core *core,
                   const struct ll_ticket *ticket,
                   struct ll_bytes value,
                   struct ll_part *part,
                   struct ll_place_txn *txn);
/** Its answer. */
void ll_rejoin_on_answer(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_answer *answer);
/** Writes the Txn that deletes OLD if it is there, else NEW: an operation in each
 *  branch. @return how many conditions it has */
size_t ll_rejoin_delete(const struct ll_ticket *ticket, struct ll_part *part);
/** Its answer. */
void ll_rejoin_on_deleted(struct ll_core *core,
                          struct ll_ticket *ticket,
                          const struct ll_answer *answer);

#endif
