/* SPDX-License-Identifier: Apache-2.0 */
#include "core/observe.h"
#include "leaselock/status.h"

/** What an observer does for its watch. */

static struct ll_watch *observer_find(struct ll_object *owner, unsigned slot)
{
    return slot == LL_WATCH_OWN ? &ll_observer_of(owner)->watch : NULL;
}

static void observer_on_down(struct ll_core *core, struct ll_watch *watch)
{
    /* The watch continues where it was; the checks continue meanwhile. */
    (void)core;
    (void)watch;
}

static void observer_create(struct ll_core *core,
                            struct ll_watch *watch,
                            struct ll_part *part,
                            struct ll_effect *effect)
{
    struct ll_observer *observer = ll_observer_of(watch->owner);
    struct ll_range range = ll_observer_range(observer, part);

    (void)core;
    effect->watch.key = range.key;
    effect->watch.end = range.end;
    /* From the newest revision that was seen. If etcd has compacted to exactly
     * that one, it accepts the watch, but keeps no deletion of it (mvcc's
     * keyIndex.compact). It refuses an older one; then the queue is read. */
    effect->watch.start_revision = observer->revision;
    effect->watch.puts = true;
    effect->watch.deletions = true;
}

static void observer_on_created(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_observer *observer = ll_observer_of(watch->owner);

    observer->suspect_revision = 0; /* its events have yet to come */
    if (observer->state == LL_OBSERVER_WATCH &&
        watch->created_revision < observer->revision) {
        observer->check_ns = LL_NEVER;
        observer->object.failures = 0;
        ll_call_at(core, &observer->object, core->now_ns);
        ll_object_reschedule(core, &observer->object);
    }
}

static void observer_on_changed(struct ll_core *core,
                                struct ll_watch *watch,
                                const struct ll_event *event)
{
    struct ll_observer *observer = ll_observer_of(watch->owner);

    if (observer->state != LL_OBSERVER_WATCH) {
        return;
    }
    for (size_t i = 0; i < event->watch.events_n; i++) {
        const struct ll_watch_event *change = &event->watch.events[i];
        int64_t revision = change->kv.mod_revision;

        if (revision <= observer->revision) {
            continue;
        }
        if (!ll_candidates_change(&observer->candidates, change)) {
            /* Out of memory: the known state may be wrong. */
            ll_observer_look(core, observer,
                             core->now_ns + LL_WATCH_REFUSED_PAUSE_NS);
            return;
        }
        if (i + 1 == event->watch.events_n ||
            event->watch.events[i + 1].kv.mod_revision != revision) {
            observer->revision = revision;
            ll_observer_settle(core, observer);
        }
    }
    if (observer->candidates.n > LL_CANDIDATES_MAX) {
        ll_observer_finish(core, observer, LEASELOCK_E_LIMIT);
    }
}

static void observer_on_refused(struct ll_core *core,
                                struct ll_watch *watch,
                                enum ll_outcome outcome)
{
    struct ll_observer *observer = ll_observer_of(watch->owner);

    if (observer->state == LL_OBSERVER_GONE) {
        ll_object_report(core, &observer->object); /* freed there */
    } else if (outcome == LL_OUTCOME_REFUSED) {
        ll_observer_finish(core, observer, LEASELOCK_E_REFUSED);
    } else {
        ll_observer_look(core, observer,
                         core->now_ns + LL_WATCH_REFUSED_PAUSE_NS);
    }
}

static void observer_on_off(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_observer *observer = ll_observer_of(watch->owner);

    switch (observer->state) {
    case LL_OBSERVER_LOOK:
        break;
    case LL_OBSERVER_WATCH:
        ll_watch_want(core, &observer->watch);
        break;
    case LL_OBSERVER_GONE:
        ll_object_report(core, &observer->object); /* freed there */
        break;
    }
}

const struct ll_watch_ops ll_observer_watch_ops =
    LL_WATCH_OPS(observer_find,
                 observer_create,
                 observer_on_created,
                 observer_on_changed,
                 observer_on_refused,
                 observer_on_down,
                 observer_on_off);
