/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_QUEUE_H
#define LL_CORE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct ll_core;
struct ll_ticket;

/**
 * What a client keeps of queues, to avoid reading long ones.
 *
 * etcd reads all keys of a queue to find those ahead of one, 1.3 us each: 13 ms
 * for a queue of 10 000, whereas two keys by their names take 0.2 ms.
 *
 * A held exclusive ticket's key was the oldest of its queue, and no older one
 * can appear later. So if the key ahead of a ticket belongs to such a ticket of
 * this client, nothing is ahead of the ticket once that key is deleted: the
 * queue need not be read, at most the ticket's own key. A shared ticket or a
 * permit is held while older keys are left, so it is not noted.
 *
 * The notes are in a few slots, which queues share by their hash. A note that
 * was overwritten costs a read.
 */

/** Slots for notes. */
#define LL_QUEUE_NOTES 64

struct ll_queue_note {
    char *head; /* a key that has been the oldest of its queue, or NULL */
    uint32_t head_size;
    int64_t head_token;
};

/** An exclusive ticket is held. */
void ll_queue_note_head(struct ll_core *core, const struct ll_ticket *ticket);
/** A ticket's key was made, or found. A note of the same key, or of a newer
 *  one, is from before the store went back, and is dropped. */
void ll_queue_note_made(struct ll_core *core, const struct ll_ticket *ticket);
/** Whether the key ahead of a ticket is known to have been the oldest. */
bool ll_queue_knows_head(const struct ll_core *core,
                         const struct ll_ticket *ticket);
void ll_queue_notes_free(struct ll_core *core);
/** The store went back, or is another one: the notes may be of keys that will
 *  exist again. */
void ll_queue_notes_drop(struct ll_core *core);

#endif
