/* SPDX-License-Identifier: Apache-2.0 */
#include "core/slot.h"

#include "core/ticket.h"
#include "leaselock/status.h"

bool ll_slots_suit(const struct ll_core *core, enum ll_key_names names)
{
    switch (names) {
    case LL_KEY_NAMES_LEASE:
        return false;
    case LL_KEY_NAMES_SLOT:
        return true;
    case LL_KEY_NAMES_AUTO:
        break;
    }
    return core->sessions.opened_n - core->sessions.n >= LL_SLOT_SESSIONS;
}

struct ll_slot ll_slot_first(const struct ll_core *core)
{
    return (struct ll_slot){
        core->config.host_tag,
        (uint16_t)(core->config.slot_first % LL_SLOT_WINDOW)};
}

bool ll_slot_is_taken(const struct ll_ticket *ticket,
                      bool try_only,
                      const struct ll_answer *answer,
                      size_t at)
{
    const struct ll_range_answer *found = ll_answer_range(answer, at);

    /* An exclusive ticket's try reads the oldest key, whatever its name. */
    if (!ticket->has_slot || (try_only && ll_ticket_is_exclusive(ticket))) {
        return false;
    }
    return found != NULL && found->kvs_n > 0 &&
           ll_bytes_equal(found->kvs[0].key, ll_ticket_key(ticket)) &&
           found->kvs[0].lease != ticket->session->lease;
}

bool ll_slot_owns(const struct ll_ticket *ticket, const struct ll_kv *kv)
{
    return !ticket->has_slot || kv->lease == ticket->session->lease;
}

size_t ll_slot_compare(const struct ll_ticket *ticket,
                       struct ll_compare *ret_compares)
{
    struct ll_bytes key = ll_ticket_key(ticket);

    ret_compares[0] =
        ll_compare_created(key, (struct ll_bytes){NULL, 0}, ticket->token);
    ret_compares[1] = (struct ll_compare){.key = key,
                                          .target = LL_COMPARE_LEASE,
                                          .result = LL_COMPARE_EQUAL,
                                          .number = ticket->session->lease};
    return ticket->has_slot ? 2 : 1;
}
