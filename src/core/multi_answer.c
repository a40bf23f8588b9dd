/* SPDX-License-Identifier: Apache-2.0 */
#include "core/blocker.h"
#include "core/multi.h"
#include "core/slot.h"
#include "leaselock/status.h"

/**
 * What the answer to the Txn of a multi-lock does.
 */

/** A member that waits for the answer, if its session is alive; or NULL. */
static struct ll_ticket *member_at(const struct ll_multi *multi, size_t i)
{
    struct ll_ticket *member = multi->members[i];

    return member != NULL && member->state == LL_TICKET_ENQUEUE ? member : NULL;
}

/** Every key was created, at one revision. */
static void multi_enqueued(struct ll_core *core,
                           struct ll_multi *multi,
                           const struct ll_answer *answer)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        struct ll_ticket *member = member_at(multi, i);
        struct ll_ahead ahead = {0};

        if (member != NULL) {
            bool fits = multi->try_only ||
                        ll_place_ahead(member, answer, multi->places[i].then_at,
                                       &ahead);

            ll_ticket_expect(member, multi->lost_tries,
                             multi->acquire_reported);
            ll_ticket_enqueued(core, member, fits ? &ahead : NULL,
                               answer->revision);
        }
    }
}

/** A member's own key in the else branch; or NULL. */
static const struct ll_kv *
own_at(const struct ll_multi *multi, size_t i, const struct ll_answer *answer)
{
    return ll_place_own(multi->members[i], answer, multi->places[i].else_at);
}

/** The keys exist because an earlier attempt created them: any that is missing
 *  has been deleted since. */
static void multi_found(struct ll_core *core,
                        struct ll_multi *multi,
                        const struct ll_answer *answer)
{
    multi->lost_tries -= multi->lost_tries > 0 ? 1 : 0;
    for (size_t i = 0; i < multi->members_n; i++) {
        struct ll_ticket *member = member_at(multi, i);

        if (member != NULL) {
            ll_ticket_expect(member, multi->lost_tries,
                             multi->acquire_reported);
            ll_ticket_found(core, member, own_at(multi, i, answer),
                            multi->try_only, answer->revision);
        }
    }
}

/** A try: one of the locks is not free. */
static void multi_not_free(struct ll_core *core,
                           struct ll_multi *multi,
                           const struct ll_answer *answer)
{
    int status = LEASELOCK_E_TIMEOUT;

    for (size_t i = 0; i < multi->members_n; i++) {
        struct ll_ticket *member = member_at(multi, i);
        struct ll_ahead ahead;

        if (member == NULL ||
            !ll_place_try_ahead(member, answer, multi->places[i].else_at,
                                &ahead) ||
            ahead.oldest == NULL) {
            continue;
        }
        if (ll_ticket_note_blocked(member, ahead.oldest)) {
            multi->fault = member;
            status = LEASELOCK_E_NESTED;
        }
        ll_ticket_see_holder(member, ahead.oldest);
    }
    ll_multi_fail(core, multi, status, "");
}

static bool any_own(const struct ll_multi *multi,
                    const struct ll_answer *answer)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (member_at(multi, i) != NULL && own_at(multi, i, answer) != NULL) {
            return true;
        }
    }
    return false;
}

static bool any_taken(const struct ll_multi *multi,
                      const struct ll_answer *answer)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        const struct ll_ticket *member = member_at(multi, i);

        if (member != NULL && ll_slot_is_taken(member, multi->try_only, answer,
                                               multi->places[i].else_at)) {
            return true;
        }
    }
    return false;
}

/** Gives other names to the members whose names are taken. An attempt that was
 *  not answered may still make the keys of all. */
static void multi_move(struct ll_core *core,
                       struct ll_multi *multi,
                       const struct ll_answer *answer)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        struct ll_ticket *member = member_at(multi, i);

        if (member == NULL ||
            (multi->lost_tries == 0 &&
             !ll_slot_is_taken(member, multi->try_only, answer,
                               multi->places[i].else_at))) {
            continue;
        }
        ll_ticket_expect(member, multi->lost_tries, false);
        if (!ll_slot_move(core, member)) {
            ll_multi_fail(core, multi, LEASELOCK_E_NOMEM, "");
            return;
        }
    }
    multi->lost_tries = 0;
    ll_multi_make_txn(multi);
    ll_call_at(core, &multi->object, core->now_ns);
}

static void multi_on_ok(struct ll_core *core,
                        struct ll_multi *multi,
                        const struct ll_answer *answer)
{
    bool made = answer->kind == LL_REQUEST_TXN && answer->txn.succeeded;

    if (!made && (answer->kind != LL_REQUEST_TXN || !any_own(multi, answer))) {
        if (multi->acquire_reported) {
            ll_multi_drop_members(core, multi);
        } else if (any_taken(multi, answer)) {
            multi_move(core, multi, answer);
        } else if (multi->try_only && answer->kind == LL_REQUEST_TXN) {
            multi_not_free(core, multi, answer);
        } else {
            ll_keep_failure(core, core->endpoints.current, -1,
                            "the answer does not fit the request");
            ll_multi_fail(core, multi, LEASELOCK_E_SERVER, "");
        }
        return;
    }
    multi->state = LL_MULTI_QUEUED;
    if (made) {
        multi_enqueued(core, multi, answer);
    } else {
        multi_found(core, multi, answer);
    }
}

void ll_multi_on_answer(struct ll_core *core,
                        struct ll_object *object,
                        const struct ll_answer *answer,
                        const struct ll_event *event)
{
    struct ll_multi *multi = ll_multi_of(object);

    (void)event;
    multi->answered_once |= answer->outcome != LL_OUTCOME_LOST;
    if (ll_multi_is_gone(multi)) {
        /* Its session has ended: the members report that. */
        ll_object_report(core, &multi->object);
        return;
    }
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        multi_on_ok(core, multi, answer);
        break;
    case LL_OUTCOME_LOST:
        multi->lost_tries++;
        /* fall through */
    case LL_OUTCOME_AGAIN:
        if (multi->acquire_reported) {
            ll_multi_drop_members(core, multi);
        } else {
            ll_call_again(core, &multi->object, answer->outcome);
        }
        break;
    case LL_OUTCOME_NO_LEASE:
        for (size_t i = 0; i < multi->members_n; i++) {
            if (member_at(multi, i) != NULL &&
                ll_session_is_alive(multi->members[i]->session)) {
                ll_session_lose(core, multi->members[i]->session,
                                LEASELOCK_STATS_LOSS_LEASE);
            }
        }
        break;
    case LL_OUTCOME_REFUSED:
        ll_multi_fail(core, multi, LEASELOCK_E_REFUSED, "");
        break;
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        ll_multi_fail(core, multi, LEASELOCK_E_SERVER, "");
        break;
    }
    ll_object_report(core, &multi->object);
}
