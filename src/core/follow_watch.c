/* SPDX-License-Identifier: Apache-2.0 */
#include "core/follow.h"
#include "leaselock/status.h"

/** What a follower of a range does for its watch. */

static struct ll_watch *follow_find(struct ll_object *owner, unsigned slot)
{
    return slot == LL_WATCH_OWN ? &ll_follow_of(owner)->watch : NULL;
}

static void follow_on_down(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_follow *follow = ll_follow_of(watch->owner);

    if (follow->state == LL_FOLLOW_WATCH) {
        ll_follow_turn(core, follow, LL_FOLLOW_LOST);
    }
}

static void follow_create(struct ll_core *core,
                          struct ll_watch *watch,
                          struct ll_part *part,
                          struct ll_effect *effect)
{
    struct ll_follow *follow = ll_follow_of(watch->owner);

    (void)core;
    (void)part;
    effect->watch.key = (struct ll_bytes){follow->from, follow->from_size};
    effect->watch.end = (struct ll_bytes){follow->end, follow->end_size};
    /* As observe_watch.c: a watch from exactly the revision to which etcd has
     * compacted is accepted, but has no deletion of that revision. */
    effect->watch.start_revision = follow->revision;
    effect->watch.puts = true;
    effect->watch.deletions = true;
}

static void follow_on_created(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_follow *follow = ll_follow_of(watch->owner);

    follow->suspect_revision = 0; /* its changes have yet to come */
    if (follow->state == LL_FOLLOW_LOST ||
        (follow->state == LL_FOLLOW_WATCH &&
         watch->created_revision < follow->revision)) {
        ll_follow_check(core, follow);
    }
}

/** Counts a change. False: by a check, the keys before it were others than
 *  those that were reported. */
static bool follow_count(struct ll_follow *follow,
                         const struct ll_watch_event *change)
{
    int64_t revision = change->kv.mod_revision;

    if (follow->checked_revision != 0 && revision > follow->checked_revision) {
        if (follow->count != follow->checked_count) {
            return false;
        }
        follow->checked_revision = 0;
    }
    follow->revision = revision;
    if (change->deleted) {
        follow->count--;
    } else if (change->kv.create_revision == revision) {
        follow->count++;
    }
    return true;
}

static void follow_on_changed(struct ll_core *core,
                              struct ll_watch *watch,
                              const struct ll_event *event)
{
    struct ll_follow *follow = ll_follow_of(watch->owner);
    size_t n = event->watch.events_n;
    size_t at = 0;

    if (follow->state != LL_FOLLOW_WATCH && follow->state != LL_FOLLOW_LOST) {
        return;
    }
    /* A watch that was made again begins with what is known already. */
    while (at < n &&
           event->watch.events[at].kv.mod_revision <= follow->revision) {
        at++;
    }
    for (size_t i = at; i < n; i++) {
        if (!follow_count(follow, &event->watch.events[i])) {
            ll_follow_load(core, follow, core->now_ns);
            return;
        }
    }
    if (follow->count > LL_FOLLOW_KEYS_MAX) {
        ll_follow_fail(core, follow, LEASELOCK_E_LIMIT);
    } else if (at < n) {
        follow->changes = event->watch.events + at;
        follow->changes_n = n - at;
        ll_object_report(core, &follow->object);
    }
}

static void follow_on_refused(struct ll_core *core,
                              struct ll_watch *watch,
                              enum ll_outcome outcome)
{
    struct ll_follow *follow = ll_follow_of(watch->owner);

    if (follow->state == LL_FOLLOW_GONE) {
        ll_object_report(core, &follow->object); /* freed there */
    } else if (outcome == LL_OUTCOME_REFUSED) {
        ll_follow_fail(core, follow, LEASELOCK_E_REFUSED);
    } else {
        ll_follow_load(core, follow, core->now_ns + LL_WATCH_REFUSED_PAUSE_NS);
    }
}

static void follow_on_off(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_follow *follow = ll_follow_of(watch->owner);

    switch (follow->state) {
    case LL_FOLLOW_LOAD:
        break;
    case LL_FOLLOW_WATCH:
    case LL_FOLLOW_LOST:
        ll_watch_want(core, &follow->watch);
        break;
    case LL_FOLLOW_GONE:
        ll_object_report(core, &follow->object); /* freed there */
        break;
    }
}

const struct ll_watch_ops ll_follow_watch_ops = LL_WATCH_OPS(follow_find,
                                                             follow_create,
                                                             follow_on_created,
                                                             follow_on_changed,
                                                             follow_on_refused,
                                                             follow_on_down,
                                                             follow_on_off);
