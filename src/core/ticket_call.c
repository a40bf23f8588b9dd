#include <assert.h>

#include "base/alloc.h"
#include "core/blocker.h"
#include "core/ticket.h"
#include "leaselock/status.h"

/**
 * The unary requests of a ticket and what their answers do.
 */

/** All keys of the queue. */
static struct ll_range ticket_queue(struct ll_part *part,
                                    const struct ll_ticket *ticket)
{
    struct ll_range range = {.key = ll_ticket_prefix(ticket),
                             .keys_only = true};

    range.end = ll_prefix_end(range.key, part->end);
    return range;
}

static struct ll_op op_range(struct ll_range range)
{
    return (struct ll_op){.kind = LL_OP_RANGE, .range = range};
}

static struct ll_op op_key(struct ll_bytes key, bool serializable)
{
    return op_range((struct ll_range){
        .key = key, .serializable = serializable, .keys_only = true});
}

static void request_txn(struct ll_part *part,
                        struct ll_request *ret_request,
                        size_t compares_n,
                        size_t then_n,
                        size_t else_n)
{
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn = (struct ll_txn){.compares = &part->compare,
                                       .compares_n = compares_n,
                                       .then_ops = part->then_ops,
                                       .then_n = then_n,
                                       .else_ops = &part->else_op,
                                       .else_n = else_n};
}

/**
 * The place in the queue. The range stands before the put, so it finds the
 * predecessor, and its count is how many are ahead. The same Txn again, after
 * a lost answer, finds the key and takes the else branch.
 */
static void build_enqueue(struct ll_part *part,
                          const struct ll_ticket *ticket,
                          struct ll_request *ret_request)
{
    struct ll_range queue;
    struct ll_op put = {.kind = LL_OP_PUT,
                        .put = {.key = ll_ticket_key(ticket),
                                .value = {ticket->value, ticket->value_size},
                                .lease = ticket->session->lease}};

    if (ticket->resumes) {
        part->then_ops[0] = op_key(ll_ticket_key(ticket), false);
        request_txn(part, ret_request, 0, 1, 0);
        return;
    }
    part->compare = (struct ll_compare){.target = LL_COMPARE_CREATE_REVISION,
                                        .result = LL_COMPARE_EQUAL,
                                        .number = 0};
    queue = ticket_queue(part, ticket);
    queue.limit = 1;
    if (ticket->once) {
        part->compare.key = queue.key;
        part->compare.end = queue.end;
        queue.sort = LL_SORT_OLDEST_FIRST;
        part->then_ops[0] = put;
        queue.keys_only = false; /* for the message */
        part->else_op = op_range(queue);
        request_txn(part, ret_request, 1, 1, 1);
    } else {
        part->compare.key = ll_ticket_key(ticket);
        queue.sort = LL_SORT_NEWEST_FIRST;
        part->then_ops[0] = op_range(queue);
        part->then_ops[1] = put;
        part->else_op = op_key(ll_ticket_key(ticket), false);
        request_txn(part, ret_request, 1, 2, 1);
    }
}

/** The own key and, for one who waits, the predecessor's. */
static void build_read(struct ll_part *part,
                       const struct ll_ticket *ticket,
                       struct ll_request *ret_request)
{
    size_t then_n = 1;

    part->then_ops[0] = op_key(ll_ticket_key(ticket), !ticket->linearize);
    if (ticket->state == LL_TICKET_WAIT) {
        part->then_ops[1] = op_key(
            ll_ticket_watched_key(ticket, LL_WATCH_AHEAD), !ticket->linearize);
        part->then_ops[1].range.keys_only = !ticket->asks || ticket->ahead != 1;
        then_n = 2;
    }
    if (ll_ticket_reads_holder(ticket)) {
        struct ll_range queue = ticket_queue(part, ticket);

        queue.sort = LL_SORT_OLDEST_FIRST;
        queue.limit = 1;
        queue.keys_only = false;
        queue.serializable = true;
        part->then_ops[2] = op_range(queue);
        then_n = 3;
    }
    request_txn(part, ret_request, 0, then_n, 0);
}

/** The own key, read through etcd's log: a Txn with a deletion in it is
 *  proposed. It deletes nothing, as it is for a key that is not there. */
static void build_logged(struct ll_part *part,
                         const struct ll_ticket *ticket,
                         struct ll_request *ret_request)
{
    part->compare = (struct ll_compare){.key = ll_ticket_key(ticket),
                                        .target = LL_COMPARE_CREATE_REVISION,
                                        .result = LL_COMPARE_EQUAL,
                                        .number = 0};
    part->then_ops[0] = (struct ll_op){.kind = LL_OP_DELETE,
                                       .del = {.key = ll_ticket_key(ticket)}};
    part->else_op = op_key(ll_ticket_key(ticket), false);
    request_txn(part, ret_request, 1, 1, 1);
}

/** The newest three of the queue up to the own key: itself, the next
 *  predecessor, and whether that one is the last. Or, where it is known that
 *  there is none, the own key alone. */
static void build_next(struct ll_part *part,
                       const struct ll_ticket *ticket,
                       struct ll_request *ret_request)
{
    ret_request->kind = LL_REQUEST_RANGE;
    if (ticket->is_first) {
        ret_request->range =
            op_key(ll_ticket_key(ticket), !ticket->linearize).range;
        return;
    }
    ret_request->range = ticket_queue(part, ticket);
    ret_request->range.sort = LL_SORT_NEWEST_FIRST;
    ret_request->range.limit = 3;
    ret_request->range.max_create_revision = ticket->token;
    ret_request->range.serializable = !ticket->linearize;
}

/** A late duplicate cannot hit another ticket: only the key at its token. */
static void build_delete(struct ll_part *part,
                         const struct ll_ticket *ticket,
                         struct ll_request *ret_request)
{
    part->compare = (struct ll_compare){.key = ll_ticket_key(ticket),
                                        .target = LL_COMPARE_CREATE_REVISION,
                                        .result = LL_COMPARE_EQUAL,
                                        .number = ticket->token};
    part->then_ops[0] = (struct ll_op){.kind = LL_OP_DELETE,
                                       .del = {.key = ll_ticket_key(ticket)}};
    request_txn(part, ret_request, 1, 1, 0);
}

static bool reads_log(const struct ll_ticket *ticket)
{
    return ticket->linearize && ticket->by_log;
}

void ll_ticket_build(struct ll_core *core,
                     struct ll_object *object,
                     struct ll_part *part,
                     struct ll_request *ret_request)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    (void)core;
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        build_enqueue(part, ticket, ret_request);
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_HELD:
        if (reads_log(ticket)) {
            build_logged(part, ticket, ret_request);
        } else {
            build_read(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_NEXT:
        if (reads_log(ticket)) {
            build_logged(part, ticket, ret_request);
        } else {
            build_next(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_REAP:
        if (ticket->token == 0) {
            build_read(part, ticket, ret_request);
        } else {
            build_delete(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_LEAVE:
        build_delete(part, ticket, ret_request);
        break;
    case LL_TICKET_LOST:
    case LL_TICKET_GONE:
        assert(ticket->state != LL_TICKET_LOST); /* it is over: no call */
        assert(ticket->state != LL_TICKET_GONE);
        break;
    }
}

static enum ll_call_way ticket_way(const struct ll_core *core,
                                   struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);
    enum ll_call_way read = ticket->linearize ? LL_CALL_ALONE : LL_CALL_READ;

    (void)core;
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        return ticket->resumes ? LL_CALL_ALONE : LL_CALL_GATHER;
    case LL_TICKET_LEAVE:
        return LL_CALL_GATHER;
    case LL_TICKET_WAIT:
    case LL_TICKET_NEXT:
    case LL_TICKET_HELD:
        return read;
    case LL_TICKET_REAP:
        return ticket->token == 0 ? read : LL_CALL_ALONE;
    case LL_TICKET_LOST:
    case LL_TICKET_GONE:
        break;
    }
    return LL_CALL_ALONE;
}

static size_t ticket_bytes(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    return 4 * (size_t)ticket->key_size + ticket->value_size;
}

/** The own key, the predecessor's, and perhaps the holder; or the queue. */
static size_t ticket_ranges_n(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    return ticket->state != LL_TICKET_WAIT  ? 1
           : ll_ticket_reads_holder(ticket) ? 3
                                            : 2;
}

static bool ticket_reads_queue(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    return ticket->state == LL_TICKET_NEXT && !ticket->is_first;
}

static bool ticket_is_wanted(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    return ticket->state != LL_TICKET_ENQUEUE || !ticket->acquire_told;
}

const struct ll_batch_ops ll_ticket_batch_ops = LL_BATCH_OPS(ticket_way,
                                                             ticket_bytes,
                                                             ticket_ranges_n,
                                                             ticket_reads_queue,
                                                             ticket_is_wanted,
                                                             LL_OUTCOME_AGAIN);

static void ticket_on_misfit(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_keep_failure(core, core->endpoint, -1,
                    "the answer does not fit the request");
    if (!ticket->acquire_told) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_SERVER, "");
    }
}

void ll_ticket_enqueued(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_range_answer *queue,
                        bool is_free,
                        int64_t revision)
{
    ticket->token = revision;
    ticket->version = 1;
    ll_queue_note_made(core, ticket);
    ll_free(ticket->value);
    ticket->value = NULL;
    if (ticket->acquire_told) {
        ll_ticket_leave(core, ticket); /* given up in the meantime */
    } else if (is_free || (queue != NULL && queue->kvs_n == 0)) {
        ll_ticket_grant(core, ticket);
    } else if (queue == NULL) {
        ll_ticket_go(core, ticket, LL_TICKET_WAIT);
        ticket_on_misfit(core, ticket);
    } else {
        ll_ticket_wait_for(core, ticket, &queue->kvs[0], queue->count);
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
    if (own == NULL && ticket->acquire_told) {
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
    ll_queue_note_made(core, ticket);
    if (ticket->acquire_told) {
        ll_ticket_leave(core, ticket);
    } else if (is_first) {
        ll_ticket_grant(core, ticket);
    } else {
        ll_ticket_advance(core, ticket, revision, false);
    }
}

bool ll_ticket_note_blocked(struct ll_ticket *ticket,
                            const struct ll_kv *oldest)
{
    if (ll_kv_is_ticket(oldest, ll_ticket_prefix(ticket).size)) {
        return false;
    }
    ll_free(ticket->ahead_key);
    ticket->ahead_key = ll_alloc_copy(oldest->key.data, oldest->key.size);
    ticket->ahead_lease = oldest->lease;
    return true;
}

/** The compare failed: for a try the lock is not free; else the key was there,
 *  which is what an earlier try left. */
static void ticket_found(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_answer *answer)
{
    const struct ll_range_answer *found = ll_answer_range(answer, 0);
    bool own = found != NULL && found->kvs_n > 0 &&
               ll_bytes_equal(found->kvs[0].key, ll_ticket_key(ticket)) &&
               found->kvs[0].lease == ticket->session->lease;

    if (own) {
        ticket->lost_tries -= ticket->lost_tries > 0 ? 1 : 0;
        ll_ticket_found(core, ticket, &found->kvs[0], ticket->once,
                        answer->revision);
    } else if (ticket->acquire_told) {
        ll_ticket_end(core, ticket, 0);
    } else if (!ticket->once || found == NULL || found->kvs_n == 0) {
        ticket_on_misfit(core, ticket);
    } else if (ll_ticket_note_blocked(ticket, &found->kvs[0])) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NESTED, "");
    } else {
        ll_ticket_see_holder(ticket, &found->kvs[0]);
        ll_ticket_fail(core, ticket, LEASELOCK_E_TIMEOUT, "");
    }
}

/** Another process' key: it is taken over, or there is nothing to resume. */
static void ticket_resumed(struct ll_core *core,
                           struct ll_ticket *ticket,
                           const struct ll_answer *answer)
{
    const struct ll_range_answer *found = ll_answer_range(answer, 0);
    bool there = found != NULL && found->kvs_n > 0 &&
                 found->kvs[0].lease == ticket->session->lease &&
                 (ticket->resume_token == 0 ||
                  ticket->resume_token == found->kvs[0].create_revision);

    if (!there && ticket->acquire_told) {
        ll_ticket_end(core, ticket, 0);
    } else if (!there) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_LOST,
                       "there is no such key on the session's lease");
    } else {
        ticket_found(core, ticket, answer);
    }
}

/** Whether a key is there that was made at a revision. */
static bool range_has(const struct ll_range_answer *range, int64_t created)
{
    return range->kvs_n > 0 && range->kvs[0].create_revision == created;
}

/** Settles a watch that the same member created at the read's very revision,
 *  so that no write came in between; or any, after their time. */
static bool watch_settle(const struct ll_core *core,
                         struct ll_watch *watch,
                         const struct ll_answer *answer,
                         bool time_is_over)
{
    if (time_is_over || (watch->created_revision == answer->revision &&
                         core->watches.member_id == answer->member_id)) {
        watch->settled = true;
    }
    return watch->settled;
}

/** When the keys are to be read again. */
static void ticket_plan_read(struct ll_core *core,
                             struct ll_ticket *ticket,
                             const struct ll_answer *answer)
{
    struct ll_watch *watches = ticket->watches;
    bool time_is_over = core->now_ns >= ticket->settle_ns;
    bool settled = true;

    if (ll_ticket_is_watched(ticket)) {
        settled =
            watches[LL_WATCH_OWN].state != LL_WATCH_ON ||
            watch_settle(core, &watches[LL_WATCH_OWN], answer, time_is_over);
        if (ticket->state == LL_TICKET_WAIT) {
            settled = watch_settle(core, &watches[LL_WATCH_AHEAD], answer,
                                   time_is_over) &&
                      settled;
        }
    }
    if (settled) {
        ticket->read_ns = ll_ticket_recheck_ns(core);
    } else if (core->batches.reads_crowd) {
        /* Between here and there a read finds a deletion sooner, and delays
         * what others of the crowd have to ask. */
        ticket->read_ns = ll_max(ticket->settle_ns, core->now_ns + 1);
    } else {
        ticket->read_ns = core->now_ns + ticket->settle_step_ns;
        ticket->settle_step_ns *= 2;
    }
}

/** What a read must not be older than for a watch's sake. */
static int64_t watch_revision(const struct ll_watch *watch)
{
    return watch->state == LL_WATCH_ON ? watch->created_revision : 0;
}

/** The least revision that says something of the keys: that of the own key,
 *  and those that the watches begin with. */
static int64_t ticket_least_revision(const struct ll_ticket *ticket)
{
    int64_t least =
        ll_max(ticket->token, watch_revision(&ticket->watches[LL_WATCH_OWN]));

    if (ticket->state == LL_TICKET_WAIT) {
        least = ll_max(least, watch_revision(&ticket->watches[LL_WATCH_AHEAD]));
    }
    return least;
}

/** The answer is too old to say anything: asks the quorum, and where that was
 *  too old, the log. */
static void ticket_ask_quorum(struct ll_core *core, struct ll_ticket *ticket)
{
    ticket->by_log = ticket->linearize;
    ticket->linearize = true;
    ll_call_at(core, &ticket->object, core->now_ns);
}

/** The own key's watch that began at a revision which the store has not reached
 *  again is of no use, wherever it is: it is made anew. */
static void
watch_renew(struct ll_core *core, struct ll_ticket *ticket, int64_t revision)
{
    struct ll_watch *watch = &ticket->watches[LL_WATCH_OWN];

    if (watch->state == LL_WATCH_ON && watch->created_revision > revision) {
        ll_watch_drop(core, watch);
        ticket->watch_ns = core->now_ns + LL_WATCH_REFUSED_PAUSE_NS;
    }
}

/** The own key as the log has it. */
static void ticket_on_logged(struct ll_core *core,
                             struct ll_ticket *ticket,
                             const struct ll_answer *answer)
{
    const struct ll_range_answer *own = ll_answer_range(answer, 0);
    bool is_old =
        answer->revision <
        ll_max(ticket_least_revision(ticket),
               ticket->state == LL_TICKET_NEXT ? ticket->gone_revision : 0);

    ticket->linearize = false;
    ticket->by_log = false;
    if (is_old) {
        ll_core_log(core, 1,
                    "the store went back to revision %lld: a snapshot was "
                    "restored, or the data directory emptied",
                    (long long)answer->revision);
        ll_queue_notes_drop(core);
    }
    if (answer->txn.succeeded || own == NULL ||
        !range_has(own, ticket->token)) {
        ll_ticket_lose_key(core, ticket);
        return;
    }
    watch_renew(core, ticket, answer->revision);
    if (ticket->state == LL_TICKET_HELD) {
        ticket_plan_read(core, ticket, answer);
    } else if (is_old) {
        ticket->ahead = -1;
        ll_ticket_advance(core, ticket, answer->revision, false);
    } else {
        ll_call_at(core, &ticket->object, core->now_ns);
    }
}

static void ticket_read(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_answer *answer)
{
    const struct ll_range_answer *own = ll_answer_range(answer, 0);
    const struct ll_range_answer *ahead = ll_answer_range(answer, 1);
    bool waits = ticket->state == LL_TICKET_WAIT;

    if (own == NULL || (waits && ahead == NULL)) {
        ticket_on_misfit(core, ticket);
        return;
    }
    if (answer->revision < ticket_least_revision(ticket) &&
        (ticket->state != LL_TICKET_REAP || !ticket->linearize)) {
        /* A member that lags behind the watches': ask the quorum. */
        ticket_ask_quorum(core, ticket);
        return;
    }
    ticket->linearize = false;
    if (waits && ticket->asks) {
        const struct ll_range_answer *holder =
            ticket->ahead == 1 ? ahead : ll_answer_range(answer, 2);

        ticket->asks = false;
        if (holder != NULL && holder->kvs_n > 0) {
            ll_ticket_see_holder(ticket, &holder->kvs[0]);
        }
    }
    if (ticket->state == LL_TICKET_REAP) {
        if (own->kvs_n > 0) {
            ticket->token = own->kvs[0].create_revision;
            ll_call_at(core, &ticket->object, core->now_ns);
            return;
        }
    } else if (!range_has(own, ticket->token)) {
        ll_ticket_lose_key(core, ticket);
        return;
    } else if (waits && !range_has(ahead, ticket->ahead_token)) {
        /* The own key was there when the predecessor's was not. */
        ll_ticket_advance(core, ticket, answer->revision, true);
        return;
    }
    ticket_plan_read(core, ticket, answer);
}

static void ticket_next_read(struct ll_core *core,
                             struct ll_ticket *ticket,
                             const struct ll_answer *answer)
{
    const struct ll_range_answer *queue = &answer->range;
    int64_t ahead;

    if (answer->kind != LL_REQUEST_RANGE) {
        ticket_on_misfit(core, ticket);
    } else if (answer->revision < ticket->gone_revision) {
        ticket_ask_quorum(core, ticket);
    } else if (!range_has(queue, ticket->token) ||
               !ll_bytes_equal(queue->kvs[0].key, ll_ticket_key(ticket))) {
        ll_ticket_lose_key(core, ticket);
    } else if (queue->kvs_n == 1) {
        ll_ticket_grant(core, ticket);
    } else {
        ahead = queue->kvs_n == 2     ? 1
                : ticket->ahead == -1 ? -1
                                      : ll_max(2, ticket->ahead - 1);
        ll_ticket_wait_for(core, ticket, &queue->kvs[1], ahead);
    }
}

static void ticket_on_ok(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_answer *answer)
{
    bool ours;

    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        if (ticket->resumes) {
            ticket_resumed(core, ticket, answer);
        } else if (answer->kind == LL_REQUEST_TXN && answer->txn.succeeded) {
            ll_ticket_enqueued(core, ticket, ll_answer_range(answer, 0),
                               ticket->once, answer->revision);
        } else {
            ticket_found(core, ticket, answer);
        }
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_HELD:
        if (reads_log(ticket)) {
            ticket_on_logged(core, ticket, answer);
        } else {
            ticket_read(core, ticket, answer);
        }
        break;
    case LL_TICKET_NEXT:
        if (reads_log(ticket)) {
            ticket_on_logged(core, ticket, answer);
        } else {
            ticket_next_read(core, ticket, answer);
        }
        break;
    case LL_TICKET_LEAVE:
        /* Not there, though no earlier delete nor the session's own revoke can
         * have met it: a third party was quicker, and a lock that was held was
         * not held to the end. */
        ours = answer->txn.succeeded || ticket->leave_lost ||
               ticket->report.acquire_status != 0 ||
               !ll_session_is_alive(ticket->session);
        ll_ticket_end(core, ticket, ours ? 0 : LEASELOCK_E_LOST);
        break;
    case LL_TICKET_REAP:
        if (ticket->token == 0) {
            ticket_read(core, ticket, answer);
        } else {
            /* It may have been yet another try's: look again. */
            ticket->token = 0;
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
    ticket->lost_tries += ticket->resumes ? 0 : 1;
    if (ticket->acquire_told) {
        ll_ticket_end(core, ticket, 0);
    } else {
        ll_call_again(core, &ticket->object, LL_OUTCOME_LOST);
    }
}

/** An answer that no further try would change. */
static void
ticket_on_error(struct ll_core *core, struct ll_ticket *ticket, int status)
{
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        if (ticket->acquire_told) {
            ll_ticket_end(core, ticket, 0);
        } else {
            ll_ticket_fail(core, ticket, status, "");
        }
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_NEXT:
        ll_ticket_fail(core, ticket, status, "");
        break;
    case LL_TICKET_LEAVE:
        /* The key blocks the queue as long as the session lives: a permission
         * may be given back. */
        ll_core_log(core, 1, "%s cannot be deleted: %s", ticket->key,
                    core->failure.text);
        ll_ticket_tell_released(core, ticket, status);
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
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        ticket_on_ok(core, ticket, answer);
        break;
    case LL_OUTCOME_LOST:
        if (ticket->state == LL_TICKET_ENQUEUE) {
            ticket_on_lost_enqueue(core, ticket);
            break;
        }
        if (ticket->state == LL_TICKET_LEAVE) {
            ticket->leave_lost = true;
        }
        ll_call_again(core, &ticket->object, answer->outcome);
        break;
    case LL_OUTCOME_AGAIN:
        if (ticket->state == LL_TICKET_ENQUEUE && ticket->acquire_told) {
            ll_ticket_end(core, ticket, 0);
        } else {
            ll_call_again(core, &ticket->object, answer->outcome);
        }
        break;
    case LL_OUTCOME_NO_LEASE:
        if (ll_session_is_alive(ticket->session)) {
            ll_session_lose(core, ticket->session,
                            "etcd does not know the lease any more");
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
