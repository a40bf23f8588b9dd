/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deadlock.h"

#include "base/alloc.h"
#include "core/ticket.h"
#include "leaselock/status.h"

/** A member of the ticket, or NULL if it no longer waits. */
static struct ll_ticket *member_at(const struct ll_deadlock *deadlock, size_t i)
{
    return i < deadlock->owner.members_n ? deadlock->owner.members[i] : NULL;
}

/** Frees everything that one detection has read. */
static void forget(struct ll_deadlock *deadlock)
{
    ll_deadlock_graph_close(&deadlock->graph);
    ll_free(deadlock->ops);
    ll_free(deadlock->compares);
    deadlock->ops = NULL;
    deadlock->compares = NULL;
}

/** Pauses until the next detection. */
static void rest(struct ll_core *core, struct ll_deadlock *deadlock)
{
    int64_t pause_ns;

    forget(deadlock);
    deadlock->state = LL_DEADLOCK_REST;
    deadlock->since = deadlock->newest;
    deadlock->pause_ns = ll_min(2 * deadlock->pause_ns, LL_RECHECK_NS);
    pause_ns = deadlock->pause_ns * 4 / 5 +
               ll_random_below(&core->random, deadlock->pause_ns * 2 / 5);
    deadlock->rest_ns = core->now_ns + pause_ns;
    deadlock->object.failures = 0;
    ll_call_none(core, &deadlock->object);
    ll_object_reschedule(core, &deadlock->object);
}

static void ask(struct ll_core *core,
                struct ll_deadlock *deadlock,
                enum ll_deadlock_state state)
{
    deadlock->state = state;
    deadlock->object.failures = 0;
    ll_call_at(core, &deadlock->object, core->now_ns);
    ll_object_reschedule(core, &deadlock->object);
}

/** Requests the mark on the ticket, as the one that leaves the deadlock which
 *  the newest step closes; or rests, if the deadlock is too long. */
static void mark(struct ll_core *core, struct ll_deadlock *deadlock)
{
    size_t n = ll_deadlock_graph_compare(&deadlock->graph, deadlock->compares);
    size_t ops_n = 0;

    if (n == 0) {
        ll_core_log(core, LL_LOG_DEADLOCK_TOO_LONG, ll_log_none(),
                    "a deadlock of more than %d sessions is not "
                    "broken up",
                    LL_DEADLOCK_LENGTH_MAX);
        rest(core, deadlock);
        return;
    }
    for (size_t i = 0; i < deadlock->owner.members_n; i++) {
        const struct ll_ticket *member = member_at(deadlock, i);

        if (member != NULL) {
            deadlock->compares[n++] =
                (struct ll_compare){.key = ll_ticket_key(member),
                                    .target = LL_COMPARE_CREATE_REVISION,
                                    .result = LL_COMPARE_EQUAL,
                                    .number = member->token};
            deadlock->ops[ops_n++] = (struct ll_op){
                .kind = LL_OP_PUT,
                .put = {.key = ll_ticket_key(member), .keep = true}};
        }
    }
    deadlock->txn = (struct ll_txn){.compares = deadlock->compares,
                                    .compares_n = n,
                                    .then_ops = deadlock->ops,
                                    .then_n = ops_n};
    ask(core, deadlock, LL_DEADLOCK_MARK);
}

static void ask_reads(struct ll_core *core,
                      struct ll_deadlock *deadlock,
                      enum ll_deadlock_state state,
                      size_t n)
{
    deadlock->txn = (struct ll_txn){.then_ops = deadlock->ops, .then_n = n};
    ask(core, deadlock, state);
}

/** Builds the reads of what the ticket's own keys wait for, once; returns how
 *  many. The key ahead of each has been followed, but maybe not its wait: it
 *  may be a later one of its lease. */
static size_t read_own(struct ll_deadlock *deadlock)
{
    for (size_t i = 0; !deadlock->own_read && i < deadlock->owner.members_n;
         i++) {
        const struct ll_ticket *member = member_at(deadlock, i);
        struct ll_kv own;

        if (member == NULL || member->state != LL_TICKET_WAIT) {
            continue;
        }
        own = (struct ll_kv){.key = ll_ticket_key(member),
                             .create_revision = member->token,
                             .lease = member->session->lease};
        if (!ll_deadlock_graph_own(&deadlock->graph, i, &own)) {
            return 0;
        }
    }
    deadlock->own_read = true;
    return ll_deadlock_graph_read(&deadlock->graph, true, deadlock->ops);
}

/** Reads the next lease, if there is one. */
static void go_on(struct ll_core *core, struct ll_deadlock *deadlock)
{
    size_t n;

    if (ll_deadlock_graph_next(&deadlock->graph)) {
        ask(core, deadlock, LL_DEADLOCK_KEYS);
        return;
    }
    n = read_own(deadlock);
    if (n > 0) {
        ask_reads(core, deadlock, LL_DEADLOCK_AHEAD, n);
    } else {
        rest(core, deadlock);
    }
}

/** Continues with the present lease, or with the next one. */
static void read_on(struct ll_core *core, struct ll_deadlock *deadlock)
{
    size_t n = ll_deadlock_graph_read(
        &deadlock->graph, deadlock->state == LL_DEADLOCK_AHEAD, deadlock->ops);

    if (n > 0) {
        ask_reads(core, deadlock, deadlock->state, n);
    } else {
        deadlock->graph.step += deadlock->graph.from_own ? 0 : 1;
        go_on(core, deadlock);
    }
}

/** Begins with the leases of the keys that the ticket waits for. */
static void set_out(struct ll_core *core, struct ll_deadlock *deadlock)
{
    deadlock->own_read = false;
    deadlock->ops = ll_alloc_zero(LL_DEADLOCK_OPS_MAX, sizeof(*deadlock->ops));
    deadlock->compares =
        ll_alloc_zero(LL_DEADLOCK_OPS_MAX, sizeof(*deadlock->compares));
    if (!ll_deadlock_graph_open(&deadlock->graph, deadlock->since) ||
        deadlock->ops == NULL || deadlock->compares == NULL) {
        rest(core, deadlock);
        return;
    }
    for (size_t i = 0; i < deadlock->owner.members_n; i++) {
        const struct ll_ticket *member = member_at(deadlock, i);
        struct ll_kv ahead;

        if (member == NULL || member->state != LL_TICKET_WAIT) {
            continue;
        }
        ahead =
            (struct ll_kv){.key = {member->ahead_key, member->ahead_key_size},
                           .create_revision = member->ahead_token,
                           .lease = member->ahead_lease};
        if (!ll_deadlock_graph_begin(&deadlock->graph, i, &ahead)) {
            rest(core, deadlock);
            return;
        }
        if (ahead.lease == member->session->lease) {
            mark(core, deadlock);
            return;
        }
    }
    go_on(core, deadlock);
}

static void on_keys(struct ll_core *core,
                    struct ll_deadlock *deadlock,
                    const struct ll_answer *answer)
{
    if (!ll_deadlock_graph_take(&deadlock->graph, answer)) {
        rest(core, deadlock);
        return;
    }
    deadlock->state = LL_DEADLOCK_MADE;
    read_on(core, deadlock);
}

static void on_made(struct ll_core *core,
                    struct ll_deadlock *deadlock,
                    const struct ll_answer *answer)
{
    if (ll_deadlock_graph_on_made(&deadlock->graph, answer)) {
        deadlock->state = LL_DEADLOCK_AHEAD;
    }
    read_on(core, deadlock);
}

static void on_ahead(struct ll_core *core,
                     struct ll_deadlock *deadlock,
                     const struct ll_answer *answer)
{
    struct ll_deadlock_graph *graph = &deadlock->graph;
    /* Of the ticket's own keys no step is being read: any member will do. */
    const struct ll_ticket *member = member_at(
        deadlock, graph->from_own ? 0 : graph->steps[graph->step].root);

    switch (ll_deadlock_graph_on_ahead(graph, ll_ticket_key(member),
                                       member->session->lease, answer)) {
    case LL_DEADLOCK_FOUND_NONE:
        read_on(core, deadlock);
        break;
    case LL_DEADLOCK_FOUND_CYCLE:
        mark(core, deadlock);
        break;
    case LL_DEADLOCK_FOUND_LIMIT:
        rest(core, deadlock);
        break;
    }
}

static void on_marked(struct ll_core *core,
                      struct ll_deadlock *deadlock,
                      const struct ll_answer *answer)
{
    if (answer->kind == LL_REQUEST_TXN && answer->txn.succeeded) {
        deadlock->owner.found(core, member_at(deadlock, ll_deadlock_graph_root(
                                                            &deadlock->graph)));
    } else {
        deadlock->pause_ns = LL_DEADLOCK_FIRST_NS / 2;
        rest(core, deadlock);
    }
}

static void on_ok(struct ll_core *core,
                  struct ll_deadlock *deadlock,
                  const struct ll_answer *answer)
{
    switch (deadlock->state) {
    case LL_DEADLOCK_KEYS:
        on_keys(core, deadlock, answer);
        break;
    case LL_DEADLOCK_MADE:
        on_made(core, deadlock, answer);
        break;
    case LL_DEADLOCK_AHEAD:
        on_ahead(core, deadlock, answer);
        break;
    case LL_DEADLOCK_MARK:
        on_marked(core, deadlock, answer);
        break;
    case LL_DEADLOCK_REST:
    case LL_DEADLOCK_GONE:
        break;
    }
}

int ll_deadlock_begin(struct ll_core *core,
                      uint64_t id,
                      const struct ll_deadlock_owner *owner)
{
    struct ll_deadlock *deadlock = ll_alloc_zero(1, sizeof(*deadlock));

    if (deadlock == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &deadlock->object, &ll_deadlock_ops, id)) {
        ll_free(deadlock);
        return LEASELOCK_E_NOMEM;
    }
    deadlock->owner = *owner;
    if (owner->members == NULL) {
        deadlock->owner.members = &deadlock->owner.ticket;
        deadlock->owner.members_n = 1;
    }
    *owner->slot = deadlock;
    deadlock->pause_ns = LL_DEADLOCK_FIRST_NS;
    deadlock->rest_ns = core->now_ns + LL_DEADLOCK_FIRST_NS;
    ll_object_reschedule(core, &deadlock->object);
    return 0;
}

void ll_deadlock_end(struct ll_core *core, struct ll_deadlock *deadlock)
{
    if (deadlock == NULL) {
        return;
    }
    *deadlock->owner.slot = NULL;
    deadlock->owner = (struct ll_deadlock_owner){.slot = NULL};
    deadlock->state = LL_DEADLOCK_GONE;
    ll_call_none(core, &deadlock->object);
    ll_object_report(core, &deadlock->object); /* freed there */
    ll_object_reschedule(core, &deadlock->object);
}

static void deadlock_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_deadlock *deadlock = ll_deadlock_of(object);
    bool waits = false;

    if (deadlock->state != LL_DEADLOCK_REST ||
        core->now_ns < deadlock->rest_ns) {
        return;
    }
    for (size_t i = 0; i < deadlock->owner.members_n; i++) {
        const struct ll_ticket *member = member_at(deadlock, i);

        waits |= member != NULL && member->state == LL_TICKET_WAIT;
    }
    if (waits) {
        set_out(core, deadlock);
    } else {
        deadlock->pause_ns = LL_DEADLOCK_FIRST_NS / 2;
        rest(core, deadlock);
    }
}

static int64_t deadlock_deadline_ns(const struct ll_core *core,
                                    struct ll_object *object)
{
    const struct ll_deadlock *deadlock = ll_deadlock_of(object);

    (void)core;
    return deadlock->state == LL_DEADLOCK_REST ? deadlock->rest_ns : LL_NEVER;
}

static void deadlock_build(struct ll_core *core,
                           struct ll_object *object,
                           struct ll_part *part,
                           struct ll_request *ret_request)
{
    struct ll_deadlock *deadlock = ll_deadlock_of(object);

    (void)core;
    (void)part;
    if (deadlock->state == LL_DEADLOCK_KEYS) {
        ret_request->kind = LL_REQUEST_LEASE_TTL;
        ret_request->lease.lease =
            deadlock->graph.steps[deadlock->graph.step].lease;
        ret_request->lease.keys = true;
    } else {
        ret_request->kind = LL_REQUEST_TXN;
        ret_request->txn = deadlock->txn;
    }
}

/** Whether the wait has ended and the multi-lock has not processed that yet:
 *  the time of an event is processed before its answer, and may end the
 *  session. Otherwise all members exist. */
static bool is_over(const struct ll_deadlock *deadlock)
{
    for (size_t i = 0; i < deadlock->owner.members_n; i++) {
        const struct ll_ticket *member = member_at(deadlock, i);

        if (member == NULL || member->session == NULL) {
            return true;
        }
    }
    return false;
}

static void deadlock_on_answer(struct ll_core *core,
                               struct ll_object *object,
                               const struct ll_answer *answer,
                               const struct ll_event *event)
{
    struct ll_deadlock *deadlock = ll_deadlock_of(object);

    (void)event;
    if (is_over(deadlock)) {
        return;
    }
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        deadlock->newest = ll_max(deadlock->newest, answer->revision);
        on_ok(core, deadlock, answer);
        break;
    case LL_OUTCOME_LOST:
    case LL_OUTCOME_AGAIN:
        ll_call_again(core, &deadlock->object, answer->outcome);
        break;
    case LL_OUTCOME_REFUSED:
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        ll_core_log(core, LL_LOG_DEADLOCK_REFUSED,
                    ll_log_endpoint(core->failure.endpoint),
                    "a deadlock detection was refused: %s", core->failure.text);
        rest(core, deadlock);
        break;
    }
    ll_object_reschedule(core, &deadlock->object);
}

static void deadlock_free(struct ll_object *object)
{
    struct ll_deadlock *deadlock = ll_deadlock_of(object);

    forget(deadlock);
    ll_free(deadlock);
}

static bool deadlock_next(struct ll_core *core,
                          struct ll_object *object,
                          struct ll_effect *ret_effect)
{
    struct ll_deadlock *deadlock = ll_deadlock_of(object);

    (void)ret_effect;
    ll_link_remove(&deadlock->object.pending);
    if (deadlock->state == LL_DEADLOCK_GONE) {
        ll_object_leave(core, &deadlock->object);
        deadlock_free(&deadlock->object);
    }
    return false;
}

const struct ll_object_ops ll_deadlock_ops = LL_OBJECT_OPS(deadlock_free,
                                                           deadlock_on_time,
                                                           deadlock_deadline_ns,
                                                           deadlock_build,
                                                           deadlock_on_answer,
                                                           deadlock_next,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           NULL);
