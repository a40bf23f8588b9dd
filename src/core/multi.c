/* SPDX-License-Identifier: Apache-2.0 */
#include "core/multi.h"

#include "core/blocker.h"
#include "core/deadlock.h"
#include "core/stats.h"
#include "leaselock/status.h"

static void multi_acquired(struct ll_core *core,
                           struct ll_multi *multi,
                           int status,
                           const char *why)
{
    multi->acquire_reported = true;
    multi->timeout_ns = LL_NEVER;
    multi->report.why = why;
    ll_deadlock_end(core, multi->deadlock);
    ll_report_acquired(core, &multi->object, &multi->report, status);
    ll_object_reschedule(core, &multi->object);
}

/** Whether an answer in flight decides if its keys exist. */
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

bool ll_multi_is_gone(const struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL &&
            multi->members[i]->state != LL_TICKET_GONE) {
            return false;
        }
    }
    return true;
}

void ll_multi_drop_members(struct ll_core *core, struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            ll_ticket_drop(core, multi->members[i], multi->lost_tries);
        }
    }
}

void ll_multi_fail(struct ll_core *core,
                   struct ll_multi *multi,
                   int status,
                   const char *why)
{
    if (!multi->acquire_reported) {
        multi_acquired(core, multi, status, why);
    }
    if (!awaits(multi)) {
        ll_call_none(core, &multi->object);
        ll_multi_drop_members(core, multi);
    }
}

/** When the holders are to be read of the locks that others hold. */
static int64_t multi_ask_ns(const struct ll_multi *multi)
{
    return multi->state == LL_MULTI_QUEUED && !multi->asked &&
                   multi->timeout_ns != LL_NEVER
               ? multi->timeout_ns - LL_ASK_NS
               : LL_NEVER;
}

/** Whether it was requested early, and its session is not open yet. */
static bool waits_for_session(const struct ll_multi *multi)
{
    return multi->members[0] != NULL && multi->members[0]->session != NULL &&
           ll_session_is_opening(multi->members[0]->session);
}

void ll_multi_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_multi *multi = ll_multi_of(object);
    bool unreached = multi->state == LL_MULTI_ENQUEUE &&
                     !multi->answered_once &&
                     (multi->try_only || multi->object.failures > 0 ||
                      multi->lost_tries > 0 || waits_for_session(multi));

    if (core->now_ns >= multi->release_ns) {
        multi->release_ns = LL_NEVER;
        if (!multi->release_over) {
            /* The keys that the answer shows are deleted nevertheless. */
            multi->release_over = true;
            ll_report_released(core, &multi->object, &multi->report,
                               LEASELOCK_E_OUTCOME_UNKNOWN);
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
        ll_note_failure(core, core->endpoints.current, LL_GRPC_DEADLINE,
                        "no answer in time");
    }
    ll_multi_fail(core, multi,
                  unreached ? LEASELOCK_E_UNAVAILABLE : LEASELOCK_E_TIMEOUT,
                  "");
}

int64_t ll_multi_deadline_ns(const struct ll_core *core,
                             struct ll_object *object)
{
    struct ll_multi *multi = ll_multi_of(object);

    (void)core;
    return ll_min(ll_min(multi->timeout_ns, multi->release_ns),
                  multi_ask_ns(multi));
}

int ll_multi_release(struct ll_core *core,
                     struct ll_object *object,
                     int64_t timeout_ns)
{
    struct ll_multi *multi = ll_multi_of(object);

    if (multi->release_asked || ll_multi_is_gone(multi) ||
        (multi->acquire_reported && multi->report.acquire_status != 0)) {
        return LEASELOCK_E_STATE;
    }
    multi->release_asked = true;
    if (awaits(multi)) {
        multi->release_ns = ll_after(core->now_ns, timeout_ns);
    }
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            ll_ticket_ask_release(core, multi->members[i], timeout_ns);
        }
    }
    ll_multi_fail(core, multi, LEASELOCK_E_CANCELED, "");
    ll_object_report(core, &multi->object);
    ll_object_reschedule(core, &multi->object);
    return 0;
}

/** A member's release has ended: the worst status is reported. */
static void merge_release(struct ll_multi *multi, int status)
{
    if (multi->report.release_status == 0 || status == LEASELOCK_E_LOST) {
        multi->report.release_status = (int16_t)status;
    }
}

/** Whether each member is held now: the answer that grants one member may also
 *  have ended another, whose loss is not processed yet. */
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

/** Whether its user has been told that it is held, and not that it is lost. */
static bool is_held(const struct ll_multi *multi)
{
    return multi->acquire_reported && multi->report.acquire_status == 0 &&
           !multi->report.acquired_due && !multi->lost && !multi->release_asked;
}

/** Processes a member's reports; the multi-lock still exists. */
static void multi_take(struct ll_core *core,
                       struct ll_multi *multi,
                       const struct ll_ticket *member,
                       const struct ll_report *report)
{
    if (report->acquired_due && report->acquire_status != 0) {
        multi->fault = member;
        multi->report.silenced |= report->silenced;
        ll_multi_fail(core, multi, report->acquire_status, report->why);
    } else if (report->acquired_due && ++multi->held_n == multi->members_n &&
               !multi->acquire_reported && all_hold(multi)) {
        multi_acquired(core, multi, 0, "");
    }
    if (report->lost_due && !multi->acquire_reported) {
        multi->report.silenced |= report->silenced;
        ll_multi_fail(core, multi, LEASELOCK_E_LOST, report->why);
    } else if (report->lost_due && multi->report.acquire_status == 0 &&
               !multi->lost && !multi->release_asked) {
        multi->lost = true;
        ll_report_lost(core, &multi->object, &multi->report, report->loss);
    }
    if (report->released_due) {
        merge_release(multi, report->release_status);
    }
    ll_object_report(core, &multi->object);
}

/** A member is about to be freed. */
static void multi_forget(struct ll_core *core,
                         struct ll_multi *multi,
                         struct ll_ticket *member)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] == member) {
            multi->members[i] = NULL;
        }
    }
    multi->fault = multi->fault == member ? NULL : multi->fault;
    member->multi = NULL;
    ll_object_report(core, &multi->object);
}

static bool member_next(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_effect *ret_effect)
{
    struct ll_ticket *member = ll_ticket_of(object);
    struct ll_report due;
    bool drawn;

    /* Processing them may give the member something more to report. */
    while (ll_report_take(&member->report, &due)) {
        if (member->multi != NULL) {
            multi_take(core, member->multi, member, &due);
        }
    }
    if (ll_ticket_is_over(member) && member->multi != NULL) {
        multi_forget(core, member->multi, member);
    }
    ll_yield_hold_back(member,
                       member->multi == NULL || !is_held(member->multi));
    drawn = ll_ticket_next(core, object, ret_effect);
    if (drawn) {
        ret_effect->id = member->multi->object.entry.id; /* ASKED */
    }
    return drawn;
}

static void member_on_session_open(struct ll_core *core,
                                   struct ll_object *object)
{
    struct ll_multi *multi = ll_ticket_of(object)->multi;

    /* This runs once for each member. */
    if (multi != NULL && multi->state == LL_MULTI_ENQUEUE &&
        !multi->acquire_reported && multi->object.seq == 0) {
        ll_call_at(core, &multi->object, core->now_ns);
        ll_object_reschedule(core, &multi->object);
    }
}

static const struct ll_lease_ops member_lease_ops =
    LL_LEASE_OPS(member_on_session_open, ll_ticket_on_session_end, NULL);

const struct ll_object_ops ll_member_ops = LL_OBJECT_OPS(ll_ticket_free,
                                                         ll_ticket_on_time,
                                                         ll_ticket_deadline_ns,
                                                         ll_ticket_build,
                                                         ll_ticket_on_answer,
                                                         member_next,
                                                         NULL,
                                                         NULL,
                                                         NULL,
                                                         &member_lease_ops,
                                                         &ll_ticket_batch_ops,
                                                         &ll_ticket_watch_ops);

/** Whether the release of a member has not ended yet. */
static bool owes_release(const struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL &&
            (multi->members[i]->release_asked ||
             multi->members[i]->report.released_due)) {
            return true;
        }
    }
    return false;
}

/** Whether the multi-lock is not needed any more. */
static bool is_over(const struct ll_multi *multi)
{
    if (awaits(multi)) {
        return false;
    }
    if (multi->release_asked) {
        return multi->release_over;
    }
    return (multi->acquire_reported && multi->report.acquire_status != 0) ||
           !has_members(multi);
}

static void multi_end(struct ll_core *core, struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            multi->members[i]->multi = NULL; /* it continues by itself */
        }
    }
    ll_object_leave(core, &multi->object);
    ll_multi_free(&multi->object);
}

/** What blocks the first lock that others are known to hold. */
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

/** The requests to its members can be reported from now on. */
static void report_yields(struct ll_core *core, const struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            ll_yield_report(core, multi->members[i]);
        }
    }
}

bool ll_multi_next(struct ll_core *core,
                   struct ll_object *object,
                   struct ll_effect *ret_effect)
{
    struct ll_multi *multi = ll_multi_of(object);
    struct ll_report *report = &multi->report;
    const char *text = report->why;

    if (multi->release_asked && !multi->release_over && !awaits(multi) &&
        !owes_release(multi)) {
        multi->release_over = true;
        ll_report_released(core, object, report,
                           multi->lost ? LEASELOCK_E_LOST
                                       : report->release_status);
    }
    if (report->acquired_due && multi->fault != NULL) {
        text =
            ll_ticket_failure_text(core, multi->fault, report->acquire_status);
    }
    if (ll_report_next(core, object, report, text, ret_effect)) {
        if (ret_effect->kind == LL_EFFECT_ACQUIRED) {
            ll_stats_acquired(core, report, LEASELOCK_STATS_MODE_SEVERAL,
                              multi->try_only);
            ret_effect->acquired.blocker = multi_blocker(multi);
            report_yields(core, multi);
        }
        return true;
    }
    ll_link_remove(&multi->object.pending);
    if (is_over(multi)) {
        multi_end(core, multi);
    }
    return false;
}
