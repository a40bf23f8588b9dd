/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "core/deadlock.h"
#include "core/multi.h"
#include "core/ticket_open.h"
#include "leaselock/status.h"

/**
 * How a multi-lock begins: its members, and the Txn that makes their keys.
 */

void ll_multi_free(struct ll_object *object)
{
    struct ll_multi *multi = ll_multi_of(object);

    ll_free(multi->value);
    ll_free(multi->txn.compares);
    ll_free(multi->txn.then_ops);
    ll_free(multi->txn.else_ops);
    ll_free(multi->bounds);
    ll_free(multi->places);
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
    multi->txn.compares =
        ll_alloc_zero(LL_PLACE_OPS_MAX * n, sizeof(*multi->txn.compares));
    multi->txn.then_ops =
        ll_alloc_zero(LL_PLACE_OPS_MAX * n, sizeof(*multi->txn.then_ops));
    multi->txn.else_ops =
        ll_alloc_zero(LL_PLACE_OPS_MAX * n, sizeof(*multi->txn.else_ops));
    multi->bounds = ll_alloc_zero(n, sizeof(*multi->bounds));
    multi->places = ll_alloc_zero(n, sizeof(*multi->places));
    if (multi->value == NULL || multi->txn.compares == NULL ||
        multi->txn.then_ops == NULL || multi->txn.else_ops == NULL ||
        multi->bounds == NULL || multi->places == NULL) {
        ll_multi_free(&multi->object);
        return NULL;
    }
    multi->timeout_ns = LL_NEVER;
    multi->release_ns = LL_NEVER;
    multi->report.why = "";
    return multi;
}

/** Whether a name equals another one, or is the beginning of its path. */
static bool is_above(struct ll_bytes upper, struct ll_bytes lower)
{
    return lower.size >= upper.size &&
           memcmp(upper.data, lower.data, upper.size) == 0 &&
           (lower.size == upper.size || lower.data[upper.size] == '/');
}

static struct ll_mode mode_at(const struct ll_event *event, size_t i)
{
    return event->acquire_all.modes != NULL
               ? event->acquire_all.modes[i]
               : (struct ll_mode){LL_MODE_EXCLUSIVE, 0};
}

/** Whether etcd takes that many operations in one Txn. A try has fewer, and the
 *  same limit. */
static bool txn_fits(const struct ll_event *event)
{
    size_t ops_n = 0;

    for (size_t i = 0; i < event->acquire_all.names_n; i++) {
        ops_n += mode_at(event, i).kind == LL_MODE_SHARED ? 3 : 2;
    }
    return ops_n <= LL_MULTI_OPS_MAX;
}

static int check_names(const struct ll_event *event)
{
    const struct ll_bytes *names = event->acquire_all.names;
    size_t n = event->acquire_all.names_n;

    if (n == 0) {
        return LEASELOCK_E_ARGUMENT;
    }
    if (n > LL_NAMES_MAX || event->acquire_all.value.size > LL_VALUE_MAX ||
        !txn_fits(event)) {
        return LEASELOCK_E_LIMIT;
    }
    for (size_t i = 0; i < n; i++) {
        if (mode_at(event, i).kind == LL_MODE_PERMIT) {
            return LEASELOCK_E_ARGUMENT;
        }
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

/** Discards the members of a multi-lock that cannot be created. */
static void unmake(struct ll_core *core, struct ll_multi *multi)
{
    for (size_t i = 0; i < multi->members_n; i++) {
        if (multi->members[i] != NULL) {
            ll_ticket_discard(core, multi->members[i]);
        }
    }
    ll_multi_free(&multi->object);
}

static int make_members(struct ll_core *core,
                        struct ll_multi *multi,
                        struct ll_session *session,
                        const struct ll_event *event)
{
    multi->members_n = event->acquire_all.names_n;
    for (size_t i = 0; i < multi->members_n; i++) {
        int status = ll_ticket_make_member(
            core, session, event->acquire_all.names[i], mode_at(event, i),
            event->id + 1 + i, &ll_member_ops, event->acquire_all.watch_own_ns,
            &multi->members[i]);

        if (status != 0) {
            return status;
        }
        multi->members[i]->multi = multi;
        if (event->acquire_all.yields &&
            !ll_yield_make(multi->members[i],
                           event->acquire_all.find_deadlock)) {
            return LEASELOCK_E_NOMEM;
        }
    }
    return 0;
}

/** The Txn: for each member, that of a single ticket. */
void ll_multi_make_txn(struct ll_multi *multi)
{
    struct ll_bytes value = {multi->value, multi->value_size};

    multi->txn.compares_n = 0;
    multi->txn.then_n = 0;
    multi->txn.else_n = 0;
    for (size_t i = 0; i < multi->members_n; i++) {
        multi->places[i] = (struct ll_multi_place){(uint16_t)multi->txn.then_n,
                                                   (uint16_t)multi->txn.else_n};
        if (multi->try_only) {
            ll_place_add_try(multi->members[i], value, &multi->bounds[i],
                             &multi->txn);
        } else {
            ll_place_add(multi->members[i], value, &multi->bounds[i],
                         &multi->txn);
        }
    }
}

/** Its wait is part of a deadlock, through this member. */
static void on_deadlock(struct ll_core *core, struct ll_ticket *member)
{
    member->multi->fault = member;
    ll_multi_fail(core, member->multi, LEASELOCK_E_DEADLOCK, "");
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
        multi->try_only = true;
        multi->timeout_ns = ll_after(core->now_ns, ll_try_time_ns(core));
    } else if (event->acquire_all.timeout_ns > 0) {
        multi->timeout_ns =
            ll_after(core->now_ns, event->acquire_all.timeout_ns);
    }
    multi->report.begun_ns = core->now_ns;
    ll_multi_make_txn(multi);
    ll_call_at(core, &multi->object,
               ll_ticket_begin_ns(core, session, event->acquire_all.delay_ns));
    ll_object_reschedule(core, &multi->object);
    return 0;
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
    ret_request->txn = (struct ll_txn){.compares = multi->txn.compares,
                                       .compares_n = multi->txn.compares_n,
                                       .then_ops = multi->txn.then_ops,
                                       .then_n = multi->txn.then_n,
                                       .else_ops = multi->txn.else_ops,
                                       .else_n = multi->txn.else_n};
}

const struct ll_object_ops ll_multi_ops = LL_OBJECT_OPS(ll_multi_free,
                                                        ll_multi_on_time,
                                                        ll_multi_deadline_ns,
                                                        multi_build,
                                                        ll_multi_on_answer,
                                                        ll_multi_next,
                                                        NULL,
                                                        ll_multi_release,
                                                        NULL,
                                                        NULL,
                                                        NULL,
                                                        NULL);
