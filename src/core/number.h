/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_NUMBER_H
#define LL_CORE_NUMBER_H

#include <stdint.h>

struct ll_core;
struct ll_session;

/**
 * The numbers at the end of tickets' keys.
 *
 * No two keys of a session that exist, or may still be created, in one queue
 * have the same number; safety requires nothing more. A number whose key is
 * certainly gone, and that no request in flight can create again, is reused,
 * because etcd does not forget a key when it is deleted: until its history is
 * compacted, each range over the queue visits all the names that were ever in
 * it (mvcc's treeIndex), and the enqueue is such a range. A lock that is
 * acquired and released again and again would cost a little more each time.
 *
 * The keys of a session with slots (see slot.h) do not have its lease in their
 * names, but maybe the same slot as those of another session of the client. So
 * such a number is no other ticket's of the client in that queue, and a late
 * delete does it no harm: it compares the token and the lease.
 *
 * Old and new keys with one number are distinguished by their create revisions,
 * as are all keys in this library. Only the release names no revision where the
 * name suffices (see build_delete): it is answered before its number is free.
 *
 *     number            | event                           | then
 *     free              | a ticket begins                 | taken
 *     taken             | the ticket ends, each of its    | free
 *                       | enqueues and deletes answered;  |
 *                       | with a slot, each enqueue       |
 *     taken             | it ends otherwise               | taken, as long
 *                       |                                 | as the client
 *                       |                                 | exists
 *     none of 64 free   | a ticket begins                 | one that was never
 *                       |                                 | used
 */

/** Sets of numbers: a ticket's session and queue determine its set, and sharing
 *  one does no harm. */
#define LL_NUMBER_SETS 512
/** Numbers in a set, one bit each. */
#define LL_NUMBER_SET_SIZE 64
/** Numbers for keys with slots are from so many sets of their queue. */
#define LL_NUMBER_SLOT_SETS 16

struct ll_numbers {
    uint64_t taken[LL_NUMBER_SETS];
};

/** The place of a ticket whose number is not from a set. */
#define LL_NUMBER_NO_PLACE UINT16_MAX

/** Takes a number for a new key of a session in a queue.
 *  @param ret_place  for ll_number_give */
uint64_t ll_number_take(struct ll_core *core,
                        struct ll_session *session,
                        uint64_t queue_hash,
                        uint16_t *ret_place);

/** Takes one that no other ticket of the client has in a queue, for a key with a
 *  slot; 0: none is free. */
uint64_t ll_number_take_slot(struct ll_core *core,
                             uint64_t queue_hash,
                             uint16_t *ret_place);

/** Makes a number free again. */
void ll_number_give(struct ll_core *core, uint16_t place);

#endif
