/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "core/blocker.h"
#include "core/rejoin.h"
#include "core/slot.h"
#include "core/ticket.h"
#include "core/try_ask.h"
#include "leaselock/status.h"

/**
 * What the answers to a ticket's requests do; ticket_read.c has those to reads.
 */

/** The Txn has made the key. */
static void ticket_begin_key(struct ll_core *core,
                             struct ll_ticket *ticket,
                             int64_t revision)
{
    ticket->token = revision;
    ticket->version = 1;
    ll_queue_note_made(core, ticket);
    ll_free(ticket->value);
    ticket->value = NULL;
}

/** By a Txn without a range: what is ahead is not known. */
static void ticket_enqueued_short(struct ll_core *core,
                                  struct ll_ticket *ticket,
                                  int64_t revision)
{
    ticket_begin_key(core, ticket, revision);
    if (ticket->acquire_reported) {
        ll_ticket_leave(core, ticket); /* abandoned in the meantime */
        return;
    }
    ll_ticket_advance(core, ticket, revision, false);
    (void)ll_survey_join(core, ticket); /* else it reads for itself */
    ll_ticket_update(core, ticket);
}

void ll_ticket_enqueued(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_ahead *ahead,
                        int64_t revision)
{
    ticket_begin_key(core, ticket, revision);
    if (ahead != NULL && ll_ticket_is_exclusive(ticket)) {
        ll_survey_note(core, ticket, ahead->count + 1);
    }
    if (ticket->acquire_reported) {
        ll_ticket_leave(core, ticket); /* abandoned in the meantime */
    } else if (ahead == NULL) {
        ll_ticket_go(core, ticket, LL_TICKET_WAIT);
        ll_ticket_on_misfit(core, ticket);
    } else {
        ll_ticket_take_ahead(core, ticket, ahead,
                             ahead->count + (ahead->permits != NULL
                                                 ? ahead->permits->count
                                                 : 0));
    }
}

void ll_ticket_found(struct ll_core *core,
                     struct ll_ticket *ticket,
                     const struct ll_kv *own,
                     bool is_first,
                     int64_t revision)
{
    ll_free(ticket->value);
    ticket->value = NULL;
    if (own == NULL && ticket->acquire_reported) {
        ll_ticket_end(core, ticket, 0);
        return;
    }
    if (own == NULL) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_LOST,
                       "the ticket's key was deleted by others");
        return;
    }
    ticket->token = own->create_revision;
    ticket->version = own->version;
    ticket->version_open = ticket->resumes;
    if (ticket->resumes) {
        ll_yield_resumed(ticket, own->version);
    }
    ll_queue_note_made(core, ticket);
    if (ticket->acquire_reported) {
        ll_ticket_leave(core, ticket);
    } else if (is_first) {
        ll_ticket_grant(core, ticket);
    } else {
        ll_ticket_advance(core, ticket, revision, false);
    }
}

/** The lock has permits of another n; the key is kept for the failure's text. */
static void ticket_fail_mode(struct ll_core *core,
                             struct ll_ticket *ticket,
                             const struct ll_kv *other)
{
    ll_free(ticket->ahead_key);
    ticket->ahead_key = ll_alloc_copy(other->key.data, other->key.size);
    ticket->ahead_key_size = (uint32_t)other->key.size;
    ll_ticket_fail(core, ticket, LEASELOCK_E_MODE, "");
}

/** A try finds its lock not free.
 *  @param first  the oldest key that blocks it */
static void try_on_taken(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_ahead *ahead,
                         const struct ll_kv *first)
{
    if (ll_ticket_note_blocked(ticket, first)) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NESTED, "");
    } else if (!ll_try_asks(core, ticket, ahead)) {
        ll_ticket_see_holder(ticket, first);
        ll_ticket_fail(core, ticket, LEASELOCK_E_TIMEOUT, "");
    }
}

/** The compare failed: for a try, the lock is not free; otherwise the key
 *  exists, because an earlier attempt made it. */
static void ticket_found(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_answer *answer)
{
    const struct ll_kv *own = ll_place_own(ticket, answer, 0);
    const struct ll_kv *other;
    struct ll_ahead ahead;

    if (own != NULL) {
        if (ticket->lost_tries > 0 && ticket->lost_tries < LL_LOST_TRIES_MAX) {
            ticket->lost_tries--;
        }
        ll_ticket_found(core, ticket, own, ticket->try_only, answer->revision);
    } else if (ticket->acquire_reported) {
        ll_ticket_end(core, ticket, 0);
    } else if (ll_slot_is_taken(ticket, ticket->try_only, answer, 0)) {
        ll_slot_next(core, ticket);
    } else if (ticket->mode == LL_MODE_PERMIT &&
               (other = ll_place_other_permit(answer, 1)) != NULL) {
        ticket_fail_mode(core, ticket, other);
    } else if (!ticket->try_only && ll_place_none_is_there(ticket, answer)) {
        /* The permit of another n was released in the same batch. */
        ll_call_at(core, &ticket->object, core->now_ns);
    } else if (!ticket->try_only ||
               !ll_place_try_ahead(ticket, answer, 0, &ahead) ||
               ahead.oldest == NULL) {
        ll_ticket_on_misfit(core, ticket);
    } else {
        try_on_taken(core, ticket, &ahead, ahead.oldest);
    }
}

/** A permit's try has read the queue. */
static void try_on_read(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_answer *answer)
{
    const struct ll_kv *other = ll_place_other_permit(answer, 3);
    struct ll_ahead ahead;

    if (ticket->acquire_reported) {
        ll_ticket_end(core, ticket, 0);
    } else if (!ll_place_ahead(ticket, answer, 0, &ahead) ||
               (ahead.permits->count > 0 && ahead.permits->kvs_n == 0)) {
        ll_ticket_on_misfit(core, ticket);
    } else if (other != NULL) {
        ticket_fail_mode(core, ticket, other);
    } else if (ahead.newest == NULL &&
               ahead.permits->count < ticket->permits_max) {
        ticket->try_put = true;
        ticket->try_revision = answer->revision;
        ll_call_at(core, &ticket->object, core->now_ns);
    } else {
        try_on_taken(core, ticket, &ahead,
                     ahead.oldest != NULL ? ahead.oldest
                                          : &ahead.permits->kvs[0]);
    }
}

/** A permit's try has not put its key, as another one has come since the read:
 *  reads once more. */
static void try_on_change(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->acquire_reported) {
        ll_ticket_end(core, ticket, 0);
    } else if (ticket->try_again) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_TIMEOUT, "");
    } else {
        ticket->try_put = false;
        ticket->try_again = true;
        ll_call_at(core, &ticket->object, core->now_ns);
    }
}

/** Another process's key: it is taken over, or there is nothing to resume. */
static void ticket_resumed(struct ll_core *core,
                           struct ll_ticket *ticket,
                           const struct ll_answer *answer)
{
    const struct ll_range_answer *found = ll_answer_range(answer, 0);
    bool there = found != NULL && found->kvs_n > 0 &&
                 found->kvs[0].lease == ticket->session->lease &&
                 (ticket->resume_token == 0 ||
                  ticket->resume_token == found->kvs[0].create_revision);

    if (!there && ticket->acquire_reported) {
        ll_ticket_end(core, ticket, 0);
    } else if (!there) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_LOST,
                       "there is no such key on the session's lease");
    } else {
        ticket_found(core, ticket, answer);
    }
}

/** The Txn of a place has made the key; a try's, because nothing was ahead. */
static void ticket_made(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_answer *answer)
{
    struct ll_ahead ahead = {0};
    struct ll_kv own = {.create_revision = answer->revision, .version = 1};
    bool fits;

    if (ticket->is_short) {
        ticket_enqueued_short(core, ticket, answer->revision);
        return;
    }
    fits = ticket->try_only || ll_place_ahead(ticket, answer, 0, &ahead);
    /* A permit's try compares with the revision of its read. If its own is not
     * greater, the store went back, and others may be ahead. */
    if (ll_ticket_tries_permit(ticket) &&
        answer->revision <= ticket->try_revision) {
        ll_ticket_found(core, ticket, &own, false, answer->revision);
        return;
    }
    ll_ticket_enqueued(core, ticket, fits ? &ahead : NULL, answer->revision);
}

/** The key says "released": deletes it. */
static void ticket_marked(struct ll_core *core, struct ll_ticket *ticket)
{
    ticket->marked = true;
    ticket->object.failures = 0;
    ll_call_at(core, &ticket->object, core->now_ns);
}

static bool has_deleted(const struct ll_answer *answer)
{
    return answer->kind == LL_REQUEST_DELETE ? answer->deleted > 0
                                             : answer->txn.succeeded;
}

static void ticket_enqueue_on_ok(struct ll_core *core,
                                 struct ll_ticket *ticket,
                                 const struct ll_answer *answer)
{
    if (ticket->rejoin != NULL) {
        ll_rejoin_on_answer(core, ticket, answer);
    } else if (ticket->resumes) {
        ticket_resumed(core, ticket, answer);
    } else if (ll_ticket_tries_permit(ticket) && !ticket->try_put) {
        try_on_read(core, ticket, answer);
    } else if (ll_ticket_tries_permit(ticket) &&
               answer->kind == LL_REQUEST_TXN && !answer->txn.succeeded &&
               ll_place_own(ticket, answer, 0) == NULL &&
               !ll_slot_is_taken(ticket, ticket->try_only, answer, 0)) {
        try_on_change(core, ticket);
    } else if (answer->kind == LL_REQUEST_TXN && answer->txn.succeeded) {
        ticket_made(core, ticket, answer);
    } else {
        ticket_found(core, ticket, answer);
    }
}

static void ticket_on_ok(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_answer *answer)
{
    bool ours;

    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        ticket_enqueue_on_ok(core, ticket, answer);
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_HELD:
        if (ll_ticket_reads_log(ticket)) {
            ll_ticket_on_logged(core, ticket, answer);
        } else {
            ll_ticket_on_read(core, ticket, answer);
        }
        break;
    case LL_TICKET_NEXT:
        if (ll_ticket_reads_log(ticket)) {
            ll_ticket_on_logged(core, ticket, answer);
        } else {
            ll_ticket_on_next_read(core, ticket, answer);
        }
        break;
    case LL_TICKET_LEAVE:
        if (ticket->rejoin != NULL) {
            ll_rejoin_on_deleted(core, ticket, answer);
            break;
        }
        if (ll_delay_marks(ticket) && answer->txn.succeeded) {
            ticket_marked(core, ticket);
            break;
        }
        /* It does not exist, though no earlier delete and no revoke of the
         * session can have deleted it: a third party did, and a lock that was
         * held was not held to the end. */
        ours = has_deleted(answer) || ticket->leave_lost ||
               ticket->report.acquire_status != 0 ||
               !ll_session_is_alive(ticket->session);
        ll_ticket_end(core, ticket, ours ? 0 : LEASELOCK_E_LOST);
        break;
    case LL_TICKET_REAP:
        if (ticket->token == 0) {
            ll_ticket_on_read(core, ticket, answer);
        } else if (ll_delay_marks(ticket) && answer->txn.succeeded) {
            ticket_marked(core, ticket);
        } else {
            /* It may be another attempt's: reads again. */
            ticket->token = 0;
            ticket->marked = false;
            ll_call_at(core, &ticket->object, core->now_ns);
        }
        break;
    case LL_TICKET_LOST:
    case LL_TICKET_GONE:
        break;
    }
}

/** An enqueue that may or may not have been applied. */
static void ticket_on_lost_enqueue(struct ll_core *core,
                                   struct ll_ticket *ticket)
{
    bool wrote = !ticket->resumes &&
                 (!ll_ticket_tries_permit(ticket) || ticket->try_put);

    if (wrote && ticket->lost_tries < LL_LOST_TRIES_MAX) {
        ticket->lost_tries++;
    }
    if (ticket->acquire_reported) {
        ll_ticket_end(core, ticket, 0);
    } else {
        ll_call_again(core, &ticket->object, LL_OUTCOME_LOST);
    }
}

/** An answer that no further attempt would change. */
static void
ticket_on_error(struct ll_core *core, struct ll_ticket *ticket, int status)
{
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        if (ticket->acquire_reported) {
            ll_ticket_end(core, ticket, 0);
        } else {
            ll_ticket_fail(core, ticket, status, "");
        }
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
        ll_ticket_fail(core, ticket, status, "");
        break;
    case LL_TICKET_LEAVE:
        /* The key blocks the queue as long as the session lives, and the
         * permission may be restored: retries. */
        ll_core_log(core, LL_LOG_TICKET_STAYS,
                    ll_log_status(ll_log_ticket(ticket), status),
                    "%s cannot be deleted: %s", ticket->key,
                    core->failure.text);
        ll_ticket_report_released(core, ticket, status);
        ll_call_at(core, &ticket->object, ll_ticket_recheck_ns(core));
        break;
    case LL_TICKET_HELD:
    case LL_TICKET_REAP:
        ticket->token = ticket->state == LL_TICKET_REAP ? 0 : ticket->token;
        ticket->read_ns = core->now_ns + LL_RECHECK_NS;
        break;
    case LL_TICKET_LOST:
    case LL_TICKET_GONE:
        break;
    }
}

void ll_ticket_on_answer(struct ll_core *core,
                         struct ll_object *object,
                         const struct ll_answer *answer,
                         const struct ll_event *event)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    (void)event;
    ticket->answered_once |= answer->outcome != LL_OUTCOME_LOST;
    if (ticket->state == LL_TICKET_DELAYED && ticket->delay->asks) {
        ll_delay_on_answer(core, ticket, answer);
        return;
    }
    if (ll_try_is_asking(ticket) && !ticket->acquire_reported) {
        ll_try_on_asked(core, ticket, answer);
        return;
    }
    if (ll_try_is_asking(ticket)) {
        ll_ticket_end(core, ticket, 0);
        return;
    }
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        ticket_on_ok(core, ticket, answer);
        break;
    case LL_OUTCOME_LOST:
        if (ticket->state == LL_TICKET_ENQUEUE) {
            ticket_on_lost_enqueue(core, ticket);
            break;
        }
        if (ticket->state == LL_TICKET_LEAVE && !ll_delay_marks(ticket)) {
            ticket->leave_lost = true;
        }
        ll_call_again(core, &ticket->object, answer->outcome);
        break;
    case LL_OUTCOME_AGAIN:
        if (ticket->state == LL_TICKET_ENQUEUE && ticket->acquire_reported) {
            ll_ticket_end(core, ticket, 0);
        } else {
            ll_call_again(core, &ticket->object, answer->outcome);
        }
        break;
    case LL_OUTCOME_NO_LEASE:
        if (ll_session_is_alive(ticket->session)) {
            ll_session_lose(core, ticket->session, LEASELOCK_STATS_LOSS_LEASE);
        }
        break;
    case LL_OUTCOME_REFUSED:
        ticket_on_error(core, ticket, LEASELOCK_E_REFUSED);
        break;
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        ticket_on_error(core, ticket, LEASELOCK_E_SERVER);
        break;
    }
}
