/* SPDX-License-Identifier: Apache-2.0 */
#include "core/blocker.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "leaselock/status.h"

int64_t ll_ticket_ask_ns(const struct ll_ticket *ticket)
{
    return ticket->state == LL_TICKET_WAIT && !ticket->asked &&
                   ticket->timeout_ns != LL_NEVER
               ? ticket->timeout_ns - LL_ASK_NS
               : LL_NEVER;
}

void ll_ticket_ask_holder(struct ll_core *core, struct ll_ticket *ticket)
{
    ticket->asked = true;
    if (ticket->state == LL_TICKET_WAIT && ticket->ahead > 0 &&
        ticket->ahead <= LL_ASK_AHEAD_MAX) {
        ticket->asks = true;
        ticket->read_ns = LL_NEVER;
        ticket->object.failures = 0;
        ll_call_at(core, &ticket->object, core->now_ns);
    }
}

bool ll_ticket_reads_holder(const struct ll_ticket *ticket)
{
    /* If one ticket is ahead of an exclusive one, it is the holder, and is read
     * in any case. One that blocks a shared ticket may wait itself. */
    return ticket->state == LL_TICKET_WAIT && ticket->asks &&
           (ticket->ahead != 1 || !ll_ticket_is_exclusive(ticket));
}

void ll_ticket_see_holder(struct ll_ticket *ticket, const struct ll_kv *holder)
{
    size_t size = holder->key.size + holder->value.size;
    struct ll_seen *seen = ll_alloc_zero(1, sizeof(*seen) + size + 1);

    if (seen == NULL) {
        return;
    }
    seen->key_size = holder->key.size;
    seen->value_size = holder->value.size;
    if (seen->key_size > 0) {
        memcpy(seen->bytes, holder->key.data, seen->key_size);
    }
    if (seen->value_size > 0) {
        memcpy(seen->bytes + seen->key_size, holder->value.data,
               seen->value_size);
    }
    ll_free(ticket->value);
    ticket->seen = seen;
    ticket->has_seen = true;
}

struct ll_blocker ll_ticket_blocker(const struct ll_ticket *ticket)
{
    struct ll_blocker blocker = {
        .name = {ticket->key + ticket->namespace_size, ticket->name_size},
        .mode = ticket->mode,
        /* A try, which has no key, reads the oldest of those that block it. */
        .is_holder = ll_ticket_is_exclusive(ticket) || ticket->token != 0,
        .ahead = ticket->ahead,
        .prefix_size = (size_t)ticket->namespace_size + ticket->name_size + 1};

    if (ticket->has_seen) {
        blocker.key =
            (struct ll_bytes){ticket->seen->bytes, ticket->seen->key_size};
        blocker.value =
            (struct ll_bytes){ticket->seen->bytes + ticket->seen->key_size,
                              ticket->seen->value_size};
    }
    return blocker;
}

const char *ll_ticket_failure_text(struct ll_core *core,
                                   const struct ll_ticket *ticket,
                                   int status)
{
    if (status == LEASELOCK_E_DEADLOCK) {
        (void)snprintf(core->scratch.text, sizeof(core->scratch.text),
                       "the wait for \"%s\" would never end: its session waits "
                       "for a ticket of this one, by itself or through others; "
                       "release what is held and begin again",
                       ticket->ahead_key != NULL ? ticket->ahead_key : "");
        return core->scratch.text;
    }
    if (status == LEASELOCK_E_MODE) {
        struct ll_bytes key = {"", 0}; /* without memory for a copy */
        unsigned permits;

        if (ticket->ahead_key != NULL) {
            key = (struct ll_bytes){ticket->ahead_key, ticket->ahead_key_size};
        }
        permits = ll_key_mode(key).permits;
        (void)snprintf(core->scratch.text, sizeof(core->scratch.text),
                       "the lock \"%.*s\" has %u permits, as \"%.*s\" says, "
                       "and not %u: name the same number everywhere, or wait "
                       "until the last of them is released",
                       (int)ticket->name_size,
                       ticket->key + ticket->namespace_size, permits,
                       (int)key.size, key.data, (unsigned)ticket->permits_max);
        return core->scratch.text;
    }
    if (status != LEASELOCK_E_NESTED) {
        return ticket->report.why;
    }
    if (ticket->ahead_lease == 0) {
        (void)snprintf(core->scratch.text, sizeof(core->scratch.text),
                       "the lock \"%.*s\" is blocked by \"%s\", which is no "
                       "ticket: the key has no lease and stays until it is "
                       "deleted by hand; keep data under another prefix",
                       (int)ticket->name_size,
                       ticket->key + ticket->namespace_size,
                       ticket->ahead_key != NULL ? ticket->ahead_key : "");
        return core->scratch.text;
    }
    (void)snprintf(core->scratch.text, sizeof(core->scratch.text),
                   "the lock \"%.*s\" is blocked by the key \"%s\" of a lock "
                   "nested below it; use names of which none is the beginning "
                   "of another's path",
                   (int)ticket->name_size, ticket->key + ticket->namespace_size,
                   ticket->ahead_key != NULL ? ticket->ahead_key : "");
    return core->scratch.text;
}

bool ll_ticket_note_blocked(struct ll_ticket *ticket, const struct ll_kv *key)
{
    if (ll_kv_is_ticket(key, ll_ticket_prefix(ticket).size)) {
        return false;
    }
    ll_free(ticket->ahead_key);
    ticket->ahead_key = ll_alloc_copy(key->key.data, key->key.size);
    ticket->ahead_lease = key->lease;
    return true;
}
