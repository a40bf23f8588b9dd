#include "core/queue.h"

#include <string.h>

#include "base/alloc.h"
#include "core/ticket.h"

void ll_queue_note_head(struct ll_core *core, const struct ll_ticket *ticket)
{
    struct ll_queue_note *note =
        &core->queue_notes[ticket->queue_hash % LL_QUEUE_NOTES];

    ll_free(note->head);
    note->head = ll_alloc_copy(ticket->key, ticket->key_size);
    note->head_size = ticket->key_size;
    note->head_token = ticket->token;
}

bool ll_queue_knows_head(const struct ll_core *core,
                         const struct ll_ticket *ticket)
{
    const struct ll_queue_note *note =
        &core->queue_notes[ticket->queue_hash % LL_QUEUE_NOTES];

    return note->head != NULL && ticket->ahead_key != NULL &&
           note->head_token == ticket->ahead_token &&
           note->head_size == ticket->ahead_key_size &&
           memcmp(note->head, ticket->ahead_key, note->head_size) == 0;
}

void ll_queue_notes_drop(struct ll_core *core)
{
    for (size_t i = 0; i < LL_QUEUE_NOTES; i++) {
        ll_free(core->queue_notes[i].head);
        core->queue_notes[i] = (struct ll_queue_note){0};
    }
}

void ll_queue_notes_free(struct ll_core *core)
{
    for (size_t i = 0; i < LL_QUEUE_NOTES; i++) {
        ll_free(core->queue_notes[i].head);
    }
}
