/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

#include <stdlib.h>

#include <grpc/status.h>

static const struct sim_error error_no_leader = {GRPC_STATUS_UNAVAILABLE,
                                                 "etcdserver: no leader"};
static const struct sim_error error_leader_changed = {
    GRPC_STATUS_UNAVAILABLE, "etcdserver: leader changed"};
static const struct sim_error error_timed_out = {
    GRPC_STATUS_UNAVAILABLE, "etcdserver: request timed out"};
/** etcd does not map this error to a code of its own. */
static const struct sim_error error_too_many_requests = {
    GRPC_STATUS_UNKNOWN, "etcdserver: too many requests"};

void sim_call_free(struct sim_call *call)
{
    sim_arena_free(&call->arena);
    free(call);
}

void sim_calls_sweep(struct sim_etcd *etcd)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < etcd->calls_n; i++) {
        if (etcd->calls[i]->state == SIM_CALL_DONE) {
            sim_call_free(etcd->calls[i]);
        } else {
            etcd->calls[kept++] = etcd->calls[i];
        }
    }
    etcd->calls_n = kept;
}

/** Proposes a write. One that cannot be committed at once stays in flight; its
 * outcome is decided when a leader can commit again. */
static void propose(struct sim_etcd *etcd, struct sim_call *call)
{
    bool reachable = sim_member_is_reachable(etcd, call->member);

    if (!sim_has_quorum(etcd) ||
        (!reachable && !etcd->members[call->member].dead)) {
        return;
    }
    if (reachable && call->term == etcd->term &&
        (call->member == etcd->leader || call->fresh)) {
        sim_commit(etcd, call);
        return;
    }
    /* It was sent to a former leader, or to one that could not be reached. It
     * may be in a member's log or in the network. */
    switch (sim_random_below(&etcd->random, 3)) {
    case 0:
        sim_commit(etcd, call);
        break;
    case 1:
        call->state = call->forgotten ? SIM_CALL_DONE : SIM_CALL_DROPPED;
        break;
    default:
        call->state = SIM_CALL_LATE;
        call->late_ns =
            etcd->now_ns + sim_random_below(&etcd->random, SIM_LATE_MAX_NS);
        break;
    }
}

/** Sets the index that a linearizable read has to wait for. */
static void read_index(struct sim_etcd *etcd, struct sim_call *call)
{
    const struct sim_member *member = &etcd->members[call->member];

    if (member->leader != SIM_NOBODY && member->term != call->term) {
        sim_fail(etcd, call, &error_leader_changed);
        return;
    }
    if (!sim_has_quorum(etcd) || !sim_member_is_reachable(etcd, call->member)) {
        return;
    }
    call->entry = sim_log_end(etcd);
    call->state = SIM_CALL_INDEXED;
    if (member->applied >= call->entry) {
        sim_answer_read(etcd, call);
    }
}

/** Processes a call as far as possible. */
static void go_on(struct sim_etcd *etcd, struct sim_call *call)
{
    switch (call->state) {
    case SIM_CALL_ARRIVED:
        if (!etcd->members[call->member].stopped) {
            sim_call_serve(etcd, call);
        }
        break;
    case SIM_CALL_PROPOSED:
        propose(etcd, call);
        break;
    case SIM_CALL_READING:
        read_index(etcd, call);
        break;
    case SIM_CALL_ASKING:
        if (!etcd->members[call->member].stopped) {
            sim_answer_ttl(etcd, call);
        }
        break;
    case SIM_CALL_LATE:
    case SIM_CALL_DROPPED:
    case SIM_CALL_APPLYING:
    case SIM_CALL_INDEXED:
    case SIM_CALL_DONE:
        break;
    }
}

static const struct sim_error *check(const struct sim_etcd *etcd,
                                     const struct ll_request *request)
{
    switch (request->kind) {
    case LL_REQUEST_TXN:
        return sim_txn_check(&request->txn, etcd->config.txn_ops_max);
    case LL_REQUEST_RANGE:
        return request->range.key.size == 0 ? &sim_error_empty_key : NULL;
    case LL_REQUEST_DELETE:
        return request->del.key.size == 0 ? &sim_error_empty_key : NULL;
    case LL_REQUEST_LEASE_GRANT:
    case LL_REQUEST_LEASE_REVOKE:
    case LL_REQUEST_LEASE_TTL:
    case LL_REQUEST_STATUS:
    case LL_REQUEST_MEMBER_LIST:
        break;
    }
    return NULL;
}

/** The state in which a request waits for its need; INDEXED: no need. */
static enum sim_call_state need_of(const struct ll_request *request)
{
    switch (request->kind) {
    case LL_REQUEST_TXN:
        if (!sim_txn_is_read(&request->txn)) {
            return SIM_CALL_PROPOSED;
        }
        return sim_txn_is_serializable(&request->txn) ? SIM_CALL_INDEXED
                                                      : SIM_CALL_READING;
    case LL_REQUEST_RANGE:
        return request->range.serializable ? SIM_CALL_INDEXED
                                           : SIM_CALL_READING;
    case LL_REQUEST_DELETE:
    case LL_REQUEST_LEASE_GRANT:
    case LL_REQUEST_LEASE_REVOKE:
        return SIM_CALL_PROPOSED;
    case LL_REQUEST_LEASE_TTL:
        return SIM_CALL_ASKING;
    case LL_REQUEST_STATUS:
    case LL_REQUEST_MEMBER_LIST:
        break;
    }
    return SIM_CALL_INDEXED;
}

/** A member receives a call. The clients here require a leader (hasleader) for
 * all calls but the status, so a member without one answers only that. */
void sim_call_serve(struct sim_etcd *etcd, struct sim_call *call)
{
    const struct sim_member *member = &etcd->members[call->member];
    const struct sim_error *error = NULL;

    etcd->calls_served++;
    call->term = member->term;
    call->deadline_ns =
        etcd->now_ns + SIM_REQUEST_TIMEOUT_NS + 2 * etcd->config.election_ns;
    if (call->request.kind == LL_REQUEST_STATUS) {
        sim_answer_status(etcd, call);
        return;
    }
    error = member->leader == SIM_NOBODY ? &error_no_leader
                                         : check(etcd, &call->request);
    if (error != NULL) {
        sim_fail(etcd, call, error);
        return;
    }
    call->state = need_of(&call->request);
    if (call->state == SIM_CALL_INDEXED) {
        sim_answer_read(etcd, call);
        return;
    }
    if (call->state == SIM_CALL_PROPOSED) {
        etcd->writes_served++;
        if (etcd->busy) {
            sim_fail(etcd, call, &error_too_many_requests);
            return;
        }
    }
    call->fresh = true;
    go_on(etcd, call);
    call->fresh = false;
}

void sim_etcd_call(struct sim_etcd *etcd,
                   unsigned member,
                   uint64_t tag,
                   const struct ll_request *request,
                   int64_t now_ns)
{
    struct sim_call *call = NULL;

    sim_etcd_advance(etcd, now_ns);
    if (etcd->members[member].dead) {
        return;
    }
    call = sim_alloc(1, sizeof(*call));
    call->tag = tag;
    call->member = member;
    call->state = SIM_CALL_ARRIVED;
    call->deadline_ns = SIM_NEVER;
    call->request = sim_copy_request(&call->arena, request);
    SIM_RESERVE(etcd->calls, etcd->calls_n, etcd->calls_capacity);
    etcd->calls[etcd->calls_n++] = call;
    go_on(etcd, call);
    sim_etcd_settle(etcd);
}

void sim_calls_stir(struct sim_etcd *etcd)
{
    size_t n = etcd->calls_n;
    size_t i;

    for (i = 0; i < n; i++) {
        go_on(etcd, etcd->calls[i]);
    }
}

void sim_calls_applied(struct sim_etcd *etcd, unsigned member)
{
    uint64_t applied = etcd->members[member].applied;
    size_t i;

    for (i = 0; i < etcd->calls_n; i++) {
        struct sim_call *call = etcd->calls[i];

        if (call->member != member || call->entry > applied) {
            continue;
        }
        if (call->state == SIM_CALL_APPLYING) {
            sim_answer(etcd, call, &call->answer);
        } else if (call->state == SIM_CALL_INDEXED) {
            sim_answer_read(etcd, call);
        }
    }
}

/** A write that times out may still be committed. */
static void time_out(struct sim_etcd *etcd, struct sim_call *call)
{
    enum sim_call_state state = call->state;

    sim_fail(etcd, call,
             state == SIM_CALL_ASKING &&
                     etcd->members[call->member].leader == SIM_NOBODY
                 ? &error_no_leader
                 : &error_timed_out);
    if (state == SIM_CALL_PROPOSED || state == SIM_CALL_LATE) {
        call->state = state;
    }
}

static int64_t call_deadline_ns(const struct sim_etcd *etcd,
                                const struct sim_call *call)
{
    int64_t deadline_ns = call->deadline_ns;

    if (call->forgotten || etcd->members[call->member].stopped) {
        deadline_ns = SIM_NEVER;
    }
    if (call->state == SIM_CALL_LATE && call->late_ns < deadline_ns) {
        deadline_ns = call->late_ns;
    }
    return deadline_ns;
}

void sim_calls_time(struct sim_etcd *etcd)
{
    size_t n = etcd->calls_n;
    size_t i;

    for (i = 0; i < n; i++) {
        struct sim_call *call = etcd->calls[i];

        if (call->state == SIM_CALL_LATE && call->late_ns <= etcd->now_ns) {
            if (sim_has_quorum(etcd)) {
                sim_commit(etcd, call);
            } else {
                call->late_ns = etcd->now_ns + etcd->config.election_ns;
            }
        }
        if (call->state != SIM_CALL_DONE &&
            call_deadline_ns(etcd, call) <= etcd->now_ns) {
            time_out(etcd, call);
        }
    }
}

int64_t sim_calls_deadline_ns(const struct sim_etcd *etcd)
{
    int64_t deadline_ns = SIM_NEVER;
    size_t i;

    for (i = 0; i < etcd->calls_n; i++) {
        int64_t at_ns = call_deadline_ns(etcd, etcd->calls[i]);

        deadline_ns = at_ns < deadline_ns ? at_ns : deadline_ns;
    }
    return deadline_ns;
}

/** Ends the calls of a killed member; its proposals may still be committed. */
void sim_calls_kill(struct sim_etcd *etcd, unsigned member)
{
    size_t i;

    for (i = 0; i < etcd->calls_n; i++) {
        struct sim_call *call = etcd->calls[i];

        if (call->member != member) {
            continue;
        }
        call->forgotten = true;
        if (call->state != SIM_CALL_PROPOSED && call->state != SIM_CALL_LATE) {
            call->state = SIM_CALL_DONE;
        }
    }
}
