/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_SLOT_H
#define LL_CORE_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "core/key.h"

struct ll_answer;
struct ll_core;
struct ll_ticket;

/**
 * Names of keys that sessions use one after the other.
 *
 * etcd keeps the name of a deleted key until its history is compacted, and each
 * range over a queue visits all names that were ever in it (see number.h). A
 * session that lives for one lock would leave a name behind, as its lease is in
 * it. So the keys of a short session have names that others of its host use
 * again:
 *
 *     NAME/hTAG-SLOT.NUMBER
 *
 * TAG is a hash of eight bits that all processes of a host share; another host
 * with the same one does no harm. SLOT distinguishes processes that queue at
 * the same time, and NUMBER the tickets of one client in one queue. How many
 * names there are below a lock is bounded by how many keys stand there at once,
 * not by how many ever did: a process begins with one of LL_SLOT_WINDOW slots,
 * and when it finds one taken, it chooses from as many again as that and all
 * before.
 *
 *     ticket  | event                            | then
 *     none    | begins, and its session has slots| takes a number that no other
 *             |                                  | ticket of the client has in
 *             |                                  | the queue, and a first slot
 *     ENQUEUE | the key is on its own lease      | an earlier attempt made it
 *     ENQUEUE | the key is on another lease      | ENQUEUE: the next slot, sent
 *             |                                  | at once
 *     ENQUEUE | the same, and an earlier attempt | leaves a ticket behind in
 *             | was not answered                 | REAP, with the name and the
 *             |                                  | number; ENQUEUE with others
 *     ENQUEUE | the same, LL_SLOT_TRIES_MAX times| ENQUEUE: the name has the
 *             |                                  | lease, as that of a session
 *             |                                  | without slots
 *     LEAVE   | deletes its key                  | only if that has its token and
 *             |                                  | its lease
 *     REAP    | the key appears on another lease | REAP
 *     any     | its own key is read              | it stands only with its token
 *             |                                  | and its lease
 *
 * The Txn of a multi-lock makes all keys or none. If one of its names is taken,
 * that member gets the next slot; after a lost answer all do.
 *
 * A try of an exclusive ticket never finds its slot taken: it makes its key
 * only if the queue is empty.
 *
 * What the code does not conclude from such a name:
 *
 *  - Whose key it is: that is in the key's lease, and in its create revision.
 *    Within the client no two tickets have one name (number.h), so a key of
 *    that name on the session's own lease is the ticket's.
 *  - That a deletion does no harm: a name may be another's by the time when a
 *    release arrives. Tokens alone do not suffice, since a store that was
 *    restored gives them out again.
 *  - That its enqueue finds no such key: it does not share the condition of a
 *    batch (see batch.h), where one key that is there undoes all.
 *
 * A waiter watches its predecessor's key by its name: the first deletion after
 * that key's create revision is that key's, and whoever makes one of the name
 * afterwards stands behind the waiter.
 *
 * Sessions without slots have their lease in their keys' names, and so plain
 * deletions, flat batches, and no two trips. A session has slots if it was
 * asked for; by default once LL_SLOT_SESSIONS sessions of the client have
 * ended, which shows that its sessions are short. One with the lease of another
 * process has none: that process may have used any number.
 */

/** How many slots a process chooses its first one from. */
#define LL_SLOT_WINDOW 16
/** How many slots a ticket tries; the last is one of LL_SLOT_END. */
#define LL_SLOT_TRIES_MAX 8
_Static_assert(LL_SLOT_WINDOW << (LL_SLOT_TRIES_MAX - 1) <= LL_SLOT_END,
               "a slot has room in a key");
/** By default, a client's sessions have slots when so many have ended. */
#define LL_SLOT_SESSIONS 8

/** Whether the keys of a session that is opened now have slots. */
bool ll_slots_suit(const struct ll_core *core, enum ll_key_names names);
/** The slot that a ticket tries first. */
struct ll_slot ll_slot_first(const struct ll_core *core);
/** Whether the answer to an enqueue, or to a try, shows that a ticket's name is
 *  another's, by the operation at `at` of its else branch. */
bool ll_slot_is_taken(const struct ll_ticket *ticket,
                      bool try_only,
                      const struct ll_answer *answer,
                      size_t at);
/** Whether a key that has a ticket's name is its own. */
bool ll_slot_owns(const struct ll_ticket *ticket, const struct ll_kv *kv);
/** Makes the compares by which a request changes a ticket's key only if that is
 *  its own. @return one, or two with a slot */
size_t ll_slot_compare(const struct ll_ticket *ticket,
                       struct ll_compare *ret_compares);
/** slot_move.c: gives a ticket another name; false: no memory. */
bool ll_slot_move(struct ll_core *core, struct ll_ticket *ticket);
/** The same, and sends the enqueue again. */
void ll_slot_next(struct ll_core *core, struct ll_ticket *ticket);

#endif
