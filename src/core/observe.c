/* SPDX-License-Identifier: Apache-2.0 */
#include "core/observe.h"

#include "base/alloc.h"
#include "leaselock/status.h"

/** How many of the oldest keys a check reads: some may be of nested locks. */
#define CHECKED 8

void ll_observer_settle(struct ll_core *core, struct ll_observer *observer)
{
    if (ll_candidates_settle(&observer->candidates)) {
        ll_object_report(core, &observer->object);
    }
}

void ll_observer_finish(struct ll_core *core,
                        struct ll_observer *observer,
                        int status)
{
    observer->state = LL_OBSERVER_GONE;
    ll_link_remove(&observer->link);
    observer->end_due = true;
    observer->end_status = status;
    observer->check_ns = LL_NEVER;
    ll_call_none(core, &observer->object);
    ll_watch_drop(core, &observer->watch);
    ll_object_report(core, &observer->object);
    ll_object_reschedule(core, &observer->object);
}

void ll_observer_look(struct ll_core *core,
                      struct ll_observer *observer,
                      int64_t at_ns)
{
    observer->state = LL_OBSERVER_LOOK;
    observer->check_ns = LL_NEVER;
    ll_watch_drop(core, &observer->watch);
    ll_call_at(core, &observer->object, at_ns);
    ll_object_reschedule(core, &observer->object);
}

static void observer_plan_check(struct ll_core *core,
                                struct ll_observer *observer)
{
    observer->suspect_revision = 0;
    observer->check_ns =
        core->now_ns + LL_OBSERVE_CHECK_NS * 4 / 5 +
        ll_random_below(&core->random, LL_OBSERVE_CHECK_NS * 2 / 5);
    ll_object_reschedule(core, &observer->object);
}

int ll_observer_start(struct ll_core *core, const struct ll_event *event)
{
    struct ll_observer *observer;

    if (ll_name_check(event->observe.name) != NULL) {
        return LEASELOCK_E_NAME;
    }
    if (core->observers.n >= LL_OBSERVERS_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    observer = ll_alloc_zero(1, sizeof(*observer));
    if (observer == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &observer->object, &ll_observer_ops,
                         event->id)) {
        ll_free(observer);
        return LEASELOCK_E_NOMEM;
    }
    core->observers.n++;
    ll_link_init(&observer->link);
    ll_link_append(&core->observers.list, &observer->link);
    ll_watch_init(&observer->watch, &observer->object, LL_WATCH_OWN);
    observer->prefix_size =
        ll_prefix_make(core->config.namespace, event->observe.name,
                       observer->prefix)
            .size;
    ll_candidates_init(&observer->candidates, observer->prefix_size);
    /* The first report is made even if there is no leader. */
    observer->vacancy_due = true;
    ll_observer_look(core, observer, core->now_ns);
    return 0;
}

static void observer_on_cluster(struct ll_core *core, struct ll_object *object)
{
    ll_observer_finish(core, ll_observer_of(object), LEASELOCK_E_SERVER);
}

int ll_observer_end(struct ll_core *core, const struct ll_event *event)
{
    struct ll_object *object =
        ll_object_find(core, event->id, &ll_observer_ops);
    struct ll_observer *observer;

    if (object == NULL) {
        return LEASELOCK_E_HANDLE;
    }
    observer = ll_observer_of(object);
    if (observer->state == LL_OBSERVER_GONE) {
        return LEASELOCK_E_STATE;
    }
    ll_observer_finish(core, observer, 0);
    return 0;
}

static void observer_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_observer *observer = ll_observer_of(object);

    if (core->now_ns >= observer->check_ns) {
        observer->check_ns = LL_NEVER;
        observer->object.failures = 0;
        ll_call_at(core, &observer->object, core->now_ns);
    }
}

static int64_t observer_deadline_ns(const struct ll_core *core,
                                    struct ll_object *object)
{
    (void)core;
    return ll_observer_of(object)->check_ns;
}

struct ll_range ll_observer_range(const struct ll_observer *observer,
                                  struct ll_part *part)
{
    struct ll_range range = {
        .key = {observer->prefix, observer->prefix_size},
        .sort = LL_SORT_OLDEST_FIRST,
    };

    range.end = ll_prefix_end(range.key, part->bounds.end);
    return range;
}

static void observer_build(struct ll_core *core,
                           struct ll_object *object,
                           struct ll_part *part,
                           struct ll_request *ret_request)
{
    struct ll_observer *observer = ll_observer_of(object);

    ret_request->kind = LL_REQUEST_RANGE;
    ret_request->range = ll_observer_range(observer, part);
    if (observer->state == LL_OBSERVER_WATCH) {
        ret_request->range.limit = CHECKED;
        ret_request->range.keys_only = true;
        /* etcd's grpc-proxy answers a serializable range from memory, with the
         * same old revision again and again. */
        ret_request->range.serializable =
            !observer->by_quorum && !core->watches.numbered;
    } else {
        ret_request->range.limit = LL_CANDIDATES_MAX + 1;
    }
}

/** An answer is older than what was seen already. */
static void observer_on_older(struct ll_core *core,
                              struct ll_observer *observer,
                              int64_t revision)
{
    if (!observer->by_quorum) {
        observer->by_quorum = true;
        ll_call_at(core, &observer->object, core->now_ns);
    } else if (!observer->looks_back) {
        observer->looks_back = true;
        ll_call_at(core, &observer->object,
                   core->now_ns + LL_OBSERVE_RECHECK_NS);
    } else {
        ll_core_log(core, LL_LOG_STORE_WENT_BACK, ll_log_none(),
                    "the store went back from revision %lld to %lld: a "
                    "snapshot was restored, or the data directory emptied",
                    (long long)observer->revision, (long long)revision);
        observer->by_quorum = false;
        observer->looks_back = false;
        observer->revision = 0;
        observer->replayed_revision = 0;
        ll_observer_look(core, observer, core->now_ns);
    }
}

static void observer_looked(struct ll_core *core,
                            struct ll_observer *observer,
                            const struct ll_answer *answer)
{
    if (answer->kind != LL_REQUEST_RANGE) {
        ll_keep_failure(core, core->endpoints.current, -1,
                        "the answer does not fit the request");
        ll_observer_finish(core, observer, LEASELOCK_E_SERVER);
    } else if (answer->range.kvs_n > LL_CANDIDATES_MAX) {
        ll_observer_finish(core, observer, LEASELOCK_E_LIMIT);
    } else if (answer->revision < observer->revision) {
        observer->by_quorum = true; /* as is each read in LOOK */
        observer_on_older(core, observer, answer->revision);
    } else if (!ll_candidates_take(&observer->candidates, &answer->range)) {
        ll_call_at(core, &observer->object,
                   core->now_ns + LL_WATCH_REFUSED_PAUSE_NS);
    } else {
        observer->by_quorum = false;
        observer->looks_back = false;
        observer->revision = answer->revision;
        observer->state = LL_OBSERVER_WATCH;
        ll_observer_settle(core, observer);
        if (observer->vacancy_due) {
            ll_object_report(core, &observer->object);
        }
        if (observer->watch.state == LL_WATCH_OFF) {
            ll_watch_want(core, &observer->watch);
        }
        observer_plan_check(core, observer);
    }
}

/** Whether the watch is at a member that did not even have what was seen before
 * when it created the watch. Its events are not lost, but late: reading the
 * queue in their place would leave out leaders. */
static bool observer_lags(const struct ll_observer *observer)
{
    return observer->watch.state == LL_WATCH_ON &&
           observer->watch.created_revision < observer->revision;
}

static void observer_checked(struct ll_core *core,
                             struct ll_observer *observer,
                             const struct ll_answer *answer)
{
    if (answer->kind == LL_REQUEST_RANGE &&
        answer->revision < observer->revision) {
        observer_on_older(core, observer, answer->revision);
        return;
    }
    observer->by_quorum = false;
    observer->looks_back = false;
    if (answer->kind != LL_REQUEST_RANGE ||
        ll_candidates_fit(&observer->candidates, &answer->range)) {
        observer_plan_check(core, observer);
    } else if (answer->revision <= observer->revision) {
        /* The watch has missed something up to here. */
        ll_observer_look(core, observer, core->now_ns);
    } else if (observer->suspect_revision == observer->revision &&
               observer->replayed_revision == observer->revision) {
        /* Nor has the one that was created again reported it. */
        if (observer_lags(observer)) {
            observer_plan_check(core, observer);
            ll_stream_restart(core, LL_STREAM_WATCH,
                              "the member of the watches lags behind");
        } else {
            ll_observer_look(core, observer, core->now_ns);
        }
    } else if (observer->suspect_revision == observer->revision) {
        /* The watch has reported nothing since the last check, but the store
         * has changed: watches again from there, so nothing is left out. */
        observer->replayed_revision = observer->revision;
        observer_plan_check(core, observer);
        ll_watch_drop(core, &observer->watch);
    } else {
        observer->suspect_revision = observer->revision;
        observer->check_ns = core->now_ns + LL_OBSERVE_RECHECK_NS;
        ll_object_reschedule(core, &observer->object);
    }
}

static void observer_on_answer(struct ll_core *core,
                               struct ll_object *object,
                               const struct ll_answer *answer,
                               const struct ll_event *event)
{
    struct ll_observer *observer = ll_observer_of(object);

    (void)event;
    bool looks = observer->state == LL_OBSERVER_LOOK;

    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        if (looks) {
            observer_looked(core, observer, answer);
        } else {
            observer_checked(core, observer, answer);
        }
        break;
    case LL_OUTCOME_LOST:
    case LL_OUTCOME_AGAIN:
        ll_call_again(core, &observer->object, answer->outcome);
        break;
    case LL_OUTCOME_REFUSED:
        ll_observer_finish(core, observer, LEASELOCK_E_REFUSED);
        break;
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        if (looks) {
            ll_observer_finish(core, observer, LEASELOCK_E_SERVER);
        } else {
            observer_plan_check(core, observer);
        }
        break;
    }
}

static void observer_free(struct ll_object *object)
{
    ll_candidates_free(&ll_observer_of(object)->candidates);
    ll_free(ll_observer_of(object));
}

static bool observer_next(struct ll_core *core,
                          struct ll_object *object,
                          struct ll_effect *ret_effect)
{
    struct ll_observer *observer = ll_observer_of(object);

    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_OBSERVED,
                                     .id = observer->object.entry.id};
    ret_effect->observed.detail =
        (struct ll_detail){0, -1, LL_ENDPOINT_ANY, ""};
    if (ll_candidates_next(&observer->candidates,
                           &ret_effect->observed.leader) ||
        (observer->vacancy_due && observer->state == LL_OBSERVER_WATCH)) {
        observer->vacancy_due = false;
        return true;
    }
    if (observer->end_due) {
        observer->end_due = false;
        ret_effect->observed.is_end = true;
        ret_effect->observed.detail =
            ll_detail_of(core, observer->end_status, "");
        return true;
    }
    ll_link_remove(&observer->object.pending);
    if (observer->state == LL_OBSERVER_GONE &&
        observer->watch.state == LL_WATCH_OFF) {
        core->observers.n--;
        ll_object_leave(core, &observer->object);
        observer_free(&observer->object);
    }
    return false;
}

const struct ll_object_ops ll_observer_ops =
    LL_OBJECT_OPS(observer_free,
                  observer_on_time,
                  observer_deadline_ns,
                  observer_build,
                  observer_on_answer,
                  observer_next,
                  NULL,
                  NULL,
                  observer_on_cluster,
                  NULL,
                  NULL,
                  &ll_observer_watch_ops);
