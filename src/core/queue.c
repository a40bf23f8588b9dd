/* SPDX-License-Identifier: Apache-2.0 */
#include "core/queue.h"

#include <string.h>

#include "base/alloc.h"
#include "core/ticket.h"

void ll_queue_note_head(struct ll_core *core, const struct ll_ticket *ticket)
{
    struct ll_queue_note *note =
        &core->queue_notes[ticket->object.queue_hash % LL_QUEUE_NOTES];

    ll_free(note->head);
    note->head = ll_alloc_copy(ticket->key, ticket->key_size);
    note->head_size = ticket->key_size;
    note->head_token = ticket->token;
}

bool ll_queue_knows_head(const struct ll_core *core,
                         const struct ll_ticket *ticket)
{
    const struct ll_queue_note *note =
        &core->queue_notes[ticket->object.queue_hash % LL_QUEUE_NOTES];

    /* Permits may stand between the head and a permit ticket. */
    return note->head != NULL && ticket->ahead_key != NULL &&
           ticket->mode != LL_MODE_PERMIT &&
           note->head_token == ticket->ahead_token &&
           note->head_size == ticket->ahead_key_size &&
           memcmp(note->head, ticket->ahead_key, note->head_size) == 0;
}

static void note_drop(struct ll_queue_note *note)
{
    ll_free(note->head);
    *note = (struct ll_queue_note){0};
}

void ll_queue_note_made(struct ll_core *core, const struct ll_ticket *ticket)
{
    struct ll_queue_note *note =
        &core->queue_notes[ticket->object.queue_hash % LL_QUEUE_NOTES];
    bool is_own = note->head != NULL && note->head_token == ticket->token &&
                  note->head_size == ticket->key_size &&
                  memcmp(note->head, ticket->key, note->head_size) == 0;

    /* Answers that overtake each other cost a note as well, and so a read. */
    if (is_own || note->head_token > ticket->token) {
        note_drop(note);
    }
}

void ll_queue_notes_drop(struct ll_core *core)
{
    for (size_t i = 0; i < LL_QUEUE_NOTES; i++) {
        note_drop(&core->queue_notes[i]);
    }
}

void ll_queue_notes_free(struct ll_core *core)
{
    for (size_t i = 0; i < LL_QUEUE_NOTES; i++) {
        ll_free(core->queue_notes[i].head);
    }
}
