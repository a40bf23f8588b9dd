#include "core/multi.h"

#include <string.h>

#include "base/alloc.h"
#include "core/blocker.h"
#include "core/deadlock.h"
#include "leaselock/status.h"

static void tell_acquired(struct ll_core *core,
                          struct ll_multi *multi,
                          int status,
                          const char *why)
{
    multi->acquire_told = true;
    multi->acquired_due = true;
    multi->acquire_status = status;
    multi->why = why;
    multi->timeout_ns = LL_NEVER;
    ll_deadlock_end(core, multi->deadlock);
    ll_tell(core, &multi->object);
    ll_object_reschedule(core, &multi->object);
}

/** Whether the fate of the keys hangs on an answer. */
static bool awaits(const struct ll_multi *multi)
{
    return multi->state == LL_MULTI_ENQUEUE && multi->object.in_flight;
}

static bool has_members(const struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            return true;
        }
    }
    return false;
}

/** Whether its session ended it: all that is left are watches. */
static bool is_gone(const struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL &&
            multi->members[i]->state != LL_TICKET_GONE) {
            return false;
        }
    }
    return true;
}

/** Lets every member leave its queue. */
static void drop_members(struct ll_core *core, struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            multi->members[i]->lost_tries = multi->lost_tries;
            ll_ticket_drop(core, multi->members[i]);
        }
    }
}

static void multi_fail(struct ll_core *core,
                       struct ll_multi *multi,
                       int status,
                       const char *why)
{
    if (!multi->acquire_told) {
        tell_acquired(core, multi, status, why);
    }
    if (!awaits(multi)) {
        ll_call_none(core, &multi->object);
        drop_members(core, multi);
    }
}

static void multi_free(struct ll_object *object)
{
    struct ll_multi *multi = ll_multi_of(object);

    ll_free(multi->value);
    ll_free(multi->compares);
    ll_free(multi->then_ops);
    ll_free(multi->else_ops);
    ll_free(multi->ends);
    ll_free(multi);
}

static struct ll_multi *multi_new(const struct ll_event *event)
{
    size_t n = event->acquire_all.names_n;
    struct ll_multi *multi =
        ll_alloc_zero(1, sizeof(*multi) + n * sizeof(multi->members[0]));

    if (multi == NULL) {
        return NULL;
    }
    multi->value = ll_alloc_copy(event->acquire_all.value.data,
                                 event->acquire_all.value.size);
    multi->value_size = event->acquire_all.value.size;
    multi->compares = ll_alloc_zero(n, sizeof(*multi->compares));
    multi->then_ops = ll_alloc_zero(2 * n, sizeof(*multi->then_ops));
    multi->else_ops = ll_alloc_zero(n, sizeof(*multi->else_ops));
    multi->ends = ll_alloc_zero(n, LL_PREFIX_MAX);
    if (multi->value == NULL || multi->compares == NULL ||
        multi->then_ops == NULL || multi->else_ops == NULL ||
        multi->ends == NULL) {
        multi_free(&multi->object);
        return NULL;
    }
    multi->timeout_ns = LL_NEVER;
    multi->release_ns = LL_NEVER;
    multi->why = "";
    return multi;
}

/** Whether a name is another's, or the beginning of its path. */
static bool is_above(struct ll_bytes upper, struct ll_bytes lower)
{
    return lower.size >= upper.size &&
           memcmp(upper.data, lower.data, upper.size) == 0 &&
           (lower.size == upper.size || lower.data[upper.size] == '/');
}

static int check_names(const struct ll_event *event)
{
    const struct ll_bytes *names = event->acquire_all.names;
    size_t n = event->acquire_all.names_n;

    if (n == 0) {
        return LEASELOCK_E_ARGUMENT;
    }
    if (n > LL_NAMES_MAX || event->acquire_all.value.size > LL_VALUE_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    for (size_t i = 0; i < n; i++) {
        if (ll_name_check(names[i]) != NULL) {
            return LEASELOCK_E_NAME;
        }
        for (size_t j = 0; j < n; j++) {
            if (i != j && is_above(names[i], names[j])) {
                return names[i].size == names[j].size ? LEASELOCK_E_ARGUMENT
                                                      : LEASELOCK_E_NESTED;
            }
        }
    }
    return 0;
}

/** Takes back the members of a multi-lock that cannot be made. */
static void unmake(struct ll_core *core, struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            ll_ticket_discard(core, multi->members[i]);
        }
    }
    multi_free(&multi->object);
}

static int make_members(struct ll_core *core,
                        struct ll_multi *multi,
                        struct ll_session *session,
                        const struct ll_event *event)
{
    multi->members_n = event->acquire_all.names_n;
    for (size_t i = 0; i < multi->members_n; i++) {
        int status =
            ll_ticket_make_member(core, session, event->acquire_all.names[i],
                                  event->id + 1 + i, &multi->members[i]);

        if (status != 0) {
            return status;
        }
        multi->members[i]->multi = multi;
        multi->members[i]->guard_ms = ll_guard_ms(event->acquire_all.guard_ns);
    }
    return 0;
}

/** The Txn: as that of one ticket (see ticket_call.c), for each member. */
static void make_txn(struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        const struct ll_ticket *member = multi->members[i];
        char *end = multi->ends + i * LL_PREFIX_MAX;
        struct ll_range queue = {
            .key = ll_ticket_prefix(member), .limit = 1, .keys_only = true};
        struct ll_op put = {.kind = LL_OP_PUT,
                            .put = {.key = ll_ticket_key(member),
                                    .value = {multi->value, multi->value_size},
                                    .lease = member->session->lease}};

        queue.end = ll_prefix_end(queue.key, end);
        queue.sort = multi->once ? LL_SORT_OLDEST_FIRST : LL_SORT_NEWEST_FIRST;
        multi->compares[i] =
            (struct ll_compare){.key = multi->once ? queue.key : put.put.key,
                                .target = LL_COMPARE_CREATE_REVISION,
                                .result = LL_COMPARE_EQUAL};
        if (multi->once) {
            multi->compares[i].end = queue.end;
            queue.keys_only = false; /* for the message */
            multi->then_ops[i] = put;
            multi->else_ops[i] =
                (struct ll_op){.kind = LL_OP_RANGE, .range = queue};
        } else {
            multi->then_ops[2 * i] =
                (struct ll_op){.kind = LL_OP_RANGE, .range = queue};
            multi->then_ops[2 * i + 1] = put;
            multi->else_ops[i] = (struct ll_op){
                .kind = LL_OP_RANGE,
                .range = {.key = put.put.key, .keys_only = true}};
        }
    }
}

/** It waits in a deadlock, by this member. */
static void on_deadlock(struct ll_core *core, struct ll_ticket *member)
{
    member->multi->fault = member;
    multi_fail(core, member->multi, LEASELOCK_E_DEADLOCK, "");
}

int ll_multi_acquire(struct ll_core *core, const struct ll_event *event)
{
    struct ll_session *session = NULL;
    struct ll_multi *multi;
    int status = check_names(event);

    if (status == 0) {
        status = ll_ticket_find_session(core, event->acquire_all.session,
                                        event->acquire_all.early &&
                                            event->acquire_all.timeout_ns != 0,
                                        &session);
    }
    if (status != 0) {
        return status;
    }
    multi = multi_new(event);
    if (multi == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    status = make_members(core, multi, session, event);
    if (status == 0 &&
        !ll_object_enter(core, &multi->object, &ll_multi_ops, event->id)) {
        status = LEASELOCK_E_NOMEM;
    }
    if (status == 0 && event->acquire_all.find_deadlock) {
        struct ll_deadlock_owner owner = {.slot = &multi->deadlock,
                                          .members = multi->members,
                                          .members_n = multi->members_n,
                                          .found = on_deadlock};

        status =
            ll_deadlock_begin(core, event->id + 1 + multi->members_n, &owner);
        if (status != 0) {
            ll_object_leave(core, &multi->object);
        }
    }
    if (status != 0) {
        unmake(core, multi);
        return status;
    }
    if (event->acquire_all.timeout_ns == 0) {
        multi->once = true;
        multi->timeout_ns = ll_after(core->now_ns, ll_try_time_ns(core));
    } else if (event->acquire_all.timeout_ns > 0) {
        multi->timeout_ns =
            ll_after(core->now_ns, event->acquire_all.timeout_ns);
    }
    make_txn(multi);
    ll_call_at(core, &multi->object,
               ll_ticket_begin_ns(core, session, event->acquire_all.delay_ns));
    ll_object_reschedule(core, &multi->object);
    return 0;
}

void ll_multi_on_session_open(struct ll_core *core, struct ll_multi *multi)
{
    /* Each member comes here. */
    if (multi->state == LL_MULTI_ENQUEUE && !multi->acquire_told &&
        multi->object.seq == 0) {
        ll_call_at(core, &multi->object, core->now_ns);
        ll_object_reschedule(core, &multi->object);
    }
}

static void multi_build(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_part *part,
                        struct ll_request *ret_request)
{
    struct ll_multi *multi = ll_multi_of(object);

    (void)core;
    (void)part;
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn = (struct ll_txn){
        .compares = multi->compares,
        .compares_n = multi->members_n,
        .then_ops = multi->then_ops,
        .then_n = multi->once ? multi->members_n : 2 * multi->members_n,
        .else_ops = multi->else_ops,
        .else_n = multi->members_n};
}

/** A member that waits for the answer, if its session is alive; or NULL. */
static struct ll_ticket *member_at(const struct ll_multi *multi, size_t i)
{
    struct ll_ticket *member = multi->members[i];

    return member != NULL && member->state == LL_TICKET_ENQUEUE ? member : NULL;
}

/** Readies a member for what the answer says of its key: one of a multi-lock
 *  that was given up in the meantime only leaves again. */
static void member_ready(const struct ll_multi *multi, struct ll_ticket *member)
{
    member->lost_tries = multi->lost_tries;
    if (multi->acquire_told) {
        member->acquire_told = true;
        member->acquire_status = LEASELOCK_E_CANCELED;
    }
}

/** Every key has been made, at one revision. */
static void multi_enqueued(struct ll_core *core,
                           struct ll_multi *multi,
                           const struct ll_answer *answer)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (member_at(multi, i) != NULL) {
            member_ready(multi, multi->members[i]);
            ll_ticket_enqueued(core, multi->members[i],
                               multi->once ? NULL
                                           : ll_answer_range(answer, 2 * i),
                               multi->once, answer->revision);
        }
    }
}

/** Whether a range shows a member's own key. */
static bool shows_own(const struct ll_range_answer *range,
                      const struct ll_ticket *member)
{
    return range->kvs_n > 0 &&
           ll_bytes_equal(range->kvs[0].key, ll_ticket_key(member)) &&
           range->kvs[0].lease == member->session->lease;
}

/** The keys are there, as an earlier try made them: what is missing has been
 *  deleted since. */
static void multi_found(struct ll_core *core,
                        struct ll_multi *multi,
                        const struct ll_answer *answer)
{
    multi->lost_tries -= multi->lost_tries > 0 ? 1 : 0;
    for (size_t i = 0; i < multi->members_n; i++) {
        struct ll_ticket *member = member_at(multi, i);
        const struct ll_range_answer *range = ll_answer_range(answer, i);

        if (member != NULL) {
            member_ready(multi, member);
            ll_ticket_found(core, member,
                            range != NULL && shows_own(range, member)
                                ? &range->kvs[0]
                                : NULL,
                            multi->once, answer->revision);
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
        const struct ll_range_answer *range = ll_answer_range(answer, i);

        if (range != NULL && range->kvs_n > 0 && member_at(multi, i) != NULL &&
            ll_ticket_note_blocked(multi->members[i], &range->kvs[0])) {
            multi->fault = multi->members[i];
            status = LEASELOCK_E_NESTED;
        }
        if (range != NULL && range->kvs_n > 0 && member_at(multi, i) != NULL) {
            ll_ticket_see_holder(multi->members[i], &range->kvs[0]);
        }
    }
    multi_fail(core, multi, status, "");
}

static bool any_own(const struct ll_multi *multi,
                    const struct ll_answer *answer)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        const struct ll_range_answer *range = ll_answer_range(answer, i);

        if (range != NULL && member_at(multi, i) != NULL &&
            shows_own(range, multi->members[i])) {
            return true;
        }
    }
    return false;
}

static void multi_on_ok(struct ll_core *core,
                        struct ll_multi *multi,
                        const struct ll_answer *answer)
{
    bool made = answer->kind == LL_REQUEST_TXN && answer->txn.succeeded;

    if (!made && (answer->kind != LL_REQUEST_TXN || !any_own(multi, answer))) {
        if (multi->acquire_told) {
            drop_members(core, multi);
        } else if (multi->once && answer->kind == LL_REQUEST_TXN) {
            multi_not_free(core, multi, answer);
        } else {
            ll_keep_failure(core, core->endpoint, -1,
                            "the answer does not fit the request");
            multi_fail(core, multi, LEASELOCK_E_SERVER, "");
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

static void multi_on_answer(struct ll_core *core,
                            struct ll_object *object,
                            const struct ll_answer *answer,
                            const struct ll_event *event)
{
    struct ll_multi *multi = ll_multi_of(object);

    (void)event;
    multi->answered_once |= answer->outcome != LL_OUTCOME_LOST;
    if (is_gone(multi)) {
        /* Its session has ended: the members tell so. */
        ll_tell(core, &multi->object);
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
        if (multi->acquire_told) {
            drop_members(core, multi);
        } else {
            ll_call_again(core, &multi->object, answer->outcome);
        }
        break;
    case LL_OUTCOME_NO_LEASE:
        for (size_t i = 0; i < multi->members_n; i++) {
            if (member_at(multi, i) != NULL &&
                ll_session_is_alive(multi->members[i]->session)) {
                ll_session_lose(core, multi->members[i]->session,
                                "etcd does not know the lease any more");
            }
        }
        break;
    case LL_OUTCOME_REFUSED:
        multi_fail(core, multi, LEASELOCK_E_REFUSED, "");
        break;
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        multi_fail(core, multi, LEASELOCK_E_SERVER, "");
        break;
    }
    ll_tell(core, &multi->object);
}

/** When the holders are to be read of those locks that others hold. */
static int64_t multi_ask_ns(const struct ll_multi *multi)
{
    return multi->state == LL_MULTI_QUEUED && !multi->asked &&
                   multi->timeout_ns != LL_NEVER
               ? multi->timeout_ns - LL_ASK_NS
               : LL_NEVER;
}

/** Whether it was asked for early, and its session is not open yet. */
static bool waits_for_session(const struct ll_multi *multi)
{
    return multi->members[0] != NULL && multi->members[0]->session != NULL &&
           ll_session_is_opening(multi->members[0]->session);
}

static void multi_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_multi *multi = ll_multi_of(object);
    bool unreached = multi->state == LL_MULTI_ENQUEUE &&
                     !multi->answered_once &&
                     (multi->once || multi->object.failures > 0 ||
                      multi->lost_tries > 0 || waits_for_session(multi));

    if (core->now_ns >= multi->release_ns) {
        multi->release_ns = LL_NEVER;
        if (!multi->release_over) {
            /* What the answer shows is deleted all the same. */
            multi->release_over = true;
            multi->released_due = true;
            multi->release_status = LEASELOCK_E_OUTCOME_UNKNOWN;
            ll_tell(core, &multi->object);
        }
    }
    if (core->now_ns >= multi_ask_ns(multi)) {
        multi->asked = true;
        for (size_t i = 0; i < multi->members_n; i++) {
            if (multi->members[i] != NULL) {
                ll_ticket_ask_holder(core, multi->members[i]);
            }
        }
    }
    if (core->now_ns < multi->timeout_ns) {
        return;
    }
    if (unreached && multi->object.failures == 0 && multi->lost_tries == 0 &&
        !waits_for_session(multi)) {
        ll_note_failure(core, core->endpoint, LL_GRPC_DEADLINE,
                        "no answer in time");
    }
    multi_fail(core, multi,
               unreached ? LEASELOCK_E_UNAVAILABLE : LEASELOCK_E_TIMEOUT, "");
}

static int64_t multi_deadline_ns(const struct ll_core *core,
                                 struct ll_object *object)
{
    struct ll_multi *multi = ll_multi_of(object);

    (void)core;
    return ll_min(ll_min(multi->timeout_ns, multi->release_ns),
                  multi_ask_ns(multi));
}

int ll_multi_release(struct ll_core *core,
                     struct ll_multi *multi,
                     int64_t timeout_ns)
{
    if (multi->release_asked || is_gone(multi) ||
        (multi->acquire_told && multi->acquire_status != 0)) {
        return LEASELOCK_E_STATE;
    }
    multi->release_asked = true;
    if (awaits(multi)) {
        multi->release_ns = ll_after(core->now_ns, timeout_ns);
    }
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            multi->members[i]->release_asked = true;
            multi->members[i]->release_ns = ll_after(core->now_ns, timeout_ns);
            ll_ticket_update(core, multi->members[i]);
        }
    }
    multi_fail(core, multi, LEASELOCK_E_CANCELED, "");
    ll_tell(core, &multi->object);
    ll_object_reschedule(core, &multi->object);
    return 0;
}

/** A member's release has ended: the worst is told. */
static void merge_release(struct ll_multi *multi, int status)
{
    if (multi->release_status == 0 || status == LEASELOCK_E_LOST) {
        multi->release_status = status;
    }
}

/** Whether each member is held now: one may have been lost by the very answer
 *  that let another be held, and have its loss still to be heard. */
static bool all_hold(const struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] == NULL ||
            multi->members[i]->state != LL_TICKET_HELD) {
            return false;
        }
    }
    return true;
}

void ll_multi_hear(struct ll_core *core, struct ll_ticket *member)
{
    struct ll_multi *multi = member->multi;

    if (member->acquired_due) {
        member->acquired_due = false;
        if (multi != NULL && member->acquire_status != 0) {
            multi->fault = member;
            multi->silenced |= member->silenced;
            multi_fail(core, multi, member->acquire_status, member->why);
        } else if (multi != NULL && ++multi->held_n == multi->members_n &&
                   !multi->acquire_told && all_hold(multi)) {
            tell_acquired(core, multi, 0, "");
        }
    }
    if (member->lost_due) {
        member->lost_due = false;
        if (multi != NULL && !multi->acquire_told) {
            multi->silenced |= member->silenced;
            multi_fail(core, multi, LEASELOCK_E_LOST, member->why);
        } else if (multi != NULL && multi->acquire_status == 0 &&
                   !multi->lost && !multi->release_asked) {
            multi->lost = true;
            multi->lost_due = true;
            multi->why = member->why;
        }
    }
    if (member->released_due) {
        member->released_due = false;
        if (multi != NULL) {
            merge_release(multi, member->release_status);
        }
    }
    if (multi != NULL) {
        ll_tell(core, &multi->object);
    }
}

void ll_multi_forget(struct ll_core *core, struct ll_ticket *member)
{
    struct ll_multi *multi = member->multi;

    if (multi == NULL) {
        return;
    }
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] == member) {
            multi->members[i] = NULL;
        }
    }
    multi->fault = multi->fault == member ? NULL : multi->fault;
    member->multi = NULL;
    ll_tell(core, &multi->object);
}

/** Whether a member still owes the end of its release. */
static bool owes_release(const struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL && (multi->members[i]->release_asked ||
                                          multi->members[i]->released_due)) {
            return true;
        }
    }
    return false;
}

/** Whether nobody needs the multi-lock any more. */
static bool is_over(const struct ll_multi *multi)
{
    if (awaits(multi)) {
        return false;
    }
    if (multi->release_asked) {
        return multi->release_over;
    }
    return (multi->acquire_told && multi->acquire_status != 0) ||
           !has_members(multi);
}

static void multi_end(struct ll_core *core, struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            multi->members[i]->multi = NULL; /* it goes on by itself */
        }
    }
    ll_object_leave(core, &multi->object);
    multi_free(&multi->object);
}

/** Who stands in the way of the first lock that others are known to hold. */
static struct ll_blocker multi_blocker(const struct ll_multi *multi)
{
    const struct ll_ticket *found = NULL;

    for (size_t i = 0; i < multi->members_n; i++) {
        const struct ll_ticket *member = multi->members[i];

        if (member != NULL && member->ahead != 0 &&
            (found == NULL || (!found->has_seen && member->has_seen))) {
            found = member;
        }
    }
    return found != NULL ? ll_ticket_blocker(found)
                         : (struct ll_blocker){.ahead = -1};
}

static bool multi_next(struct ll_core *core,
                       struct ll_object *object,
                       struct ll_effect *ret_effect)
{
    struct ll_multi *multi = ll_multi_of(object);

    *ret_effect = (struct ll_effect){.id = multi->object.entry.id};
    if (multi->release_asked && !multi->release_over && !awaits(multi) &&
        !owes_release(multi)) {
        multi->release_over = true;
        multi->released_due = true;
        if (multi->lost) {
            multi->release_status = LEASELOCK_E_LOST;
        }
    }
    if (multi->acquired_due) {
        multi->acquired_due = false;
        ret_effect->kind = LL_EFFECT_ACQUIRED;
        ret_effect->silenced =
            multi->acquire_status == LEASELOCK_E_LOST && multi->silenced;
        ret_effect->detail = ll_detail_of(
            core, multi->acquire_status,
            multi->fault != NULL ? ll_ticket_failure_text(core, multi->fault,
                                                          multi->acquire_status)
                                 : multi->why);
        ret_effect->acquired.is_blocked =
            multi->acquire_status == LEASELOCK_E_TIMEOUT;
        ret_effect->acquired.blocker = multi_blocker(multi);
        return true;
    }
    if (multi->lost_due) {
        multi->lost_due = false;
        ret_effect->kind = LL_EFFECT_LOST;
        ret_effect->lost.why = multi->why;
        return true;
    }
    if (multi->released_due) {
        multi->released_due = false;
        ret_effect->kind = LL_EFFECT_RELEASED;
        ret_effect->detail =
            ll_detail_of(core, multi->release_status, multi->why);
        return true;
    }
    ll_link_remove(&multi->object.telling);
    if (is_over(multi)) {
        multi_end(core, multi);
    }
    return false;
}

const struct ll_object_ops ll_multi_ops = LL_OBJECT_OPS(multi_free,
                                                        multi_on_time,
                                                        multi_deadline_ns,
                                                        multi_build,
                                                        multi_on_answer,
                                                        multi_next,
                                                        NULL,
                                                        NULL,
                                                        NULL);
