/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch.h"

#include <assert.h>

#include "core/object.h"
#include "core/watch_number.h"

/** The operations of the owner of a watch. */
static const struct ll_watch_ops *ops_of(const struct ll_watch *watch)
{
    assert(watch->owner->ops->watch != NULL);
    return watch->owner->ops->watch;
}

void ll_watch_init(struct ll_watch *watch,
                   struct ll_object *owner,
                   unsigned slot)
{
    ll_link_init(&watch->link);
    watch->owner = owner;
    watch->slot = slot & ((1U << LL_WATCH_SLOT_BITS) - 1);
}

/** Moves a watch to a state and to that state's list. */
static void watch_enter(struct ll_core *core,
                        struct ll_watch *watch,
                        enum ll_watch_state state)
{
    struct ll_watches *watches = &core->watches;

    if (watch->state == LL_WATCH_CREATING || watch->state == LL_WATCH_DROPPED) {
        watches->creating_n--;
    } else if (watch->state == LL_WATCH_ON) {
        ll_watch_index_remove(&watches->index, watch);
    }
    watch->state = state;
    ll_link_remove(&watch->link);
    switch (state) {
    case LL_WATCH_OFF:
        break;
    case LL_WATCH_WANTED:
        ll_link_append(&watches->wanted, &watch->link);
        break;
    case LL_WATCH_CREATING:
    case LL_WATCH_DROPPED:
        watches->creating_n++;
        ll_link_append(&watches->creating, &watch->link);
        break;
    case LL_WATCH_ON:
        ll_link_append(&watches->on, &watch->link);
        break;
    case LL_WATCH_ENDING:
        ll_link_append(&watches->ending, &watch->link);
        break;
    }
}

static void watch_off(struct ll_core *core, struct ll_watch *watch)
{
    watch_enter(core, watch, LL_WATCH_OFF);
    watch->id = 0;
    ops_of(watch)->on_off(core, watch);
}

/** No two uses on one stream share an id, and no table is needed to find the
 *  owner. */
static void watch_name(struct ll_watch *watch)
{
    watch->uses++;
    watch->id = ll_watch_id(watch->owner->entry.id, watch->uses, watch->slot);
}

void ll_watch_want(struct ll_core *core, struct ll_watch *watch)
{
    assert(watch->state == LL_WATCH_OFF);
    watch_name(watch);
    watch->settled = false;
    watch->prompt = false;
    watch_enter(core, watch, LL_WATCH_WANTED);
}

void ll_watch_drop(struct ll_core *core, struct ll_watch *watch)
{
    switch (watch->state) {
    case LL_WATCH_OFF:
    case LL_WATCH_DROPPED:
    case LL_WATCH_ENDING:
        break;
    case LL_WATCH_WANTED:
        watch_off(core, watch);
        break;
    case LL_WATCH_CREATING:
        watch->state = LL_WATCH_DROPPED; /* keeps its place in the order */
        break;
    case LL_WATCH_ON:
        watch_enter(core, watch, LL_WATCH_ENDING);
        break;
    }
}

/** Wants a watch again whose stream went down or that etcd ended. */
static void watch_again(struct ll_core *core, struct ll_watch *watch)
{
    watch_name(watch);
    watch->settled = false;
    watch->prompt = false;
    watch_enter(core, watch, LL_WATCH_WANTED);
    ops_of(watch)->on_down(core, watch);
}

static void watches_on_down(struct ll_core *core, enum ll_stream_kind kind)
{
    struct ll_link *lists[] = {&core->watches.creating, &core->watches.on,
                               &core->watches.ending};

    (void)kind;
    core->watches.decided = false;
    ll_watch_server_forget(core);
    ll_watch_index_clear(&core->watches.index);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        while (!ll_link_alone(lists[i])) {
            struct ll_watch *watch =
                LL_CONTAINER(lists[i]->next, struct ll_watch, link);

            if (watch->state == LL_WATCH_DROPPED ||
                watch->state == LL_WATCH_ENDING) {
                watch_off(core, watch);
            } else {
                watch_again(core, watch);
            }
        }
    }
}

static void watch_refuse(struct ll_core *core,
                         struct ll_watch *watch,
                         enum ll_outcome outcome)
{
    watch_enter(core, watch, LL_WATCH_OFF);
    watch->id = 0;
    ops_of(watch)->on_refused(core, watch, outcome);
}

/** etcd refuses the whole stream, and so each creation on it. */
static void watches_refuse(struct ll_core *core)
{
    struct ll_watch *watch;

    while ((watch = ll_watch_oldest_creating(core)) != NULL) {
        if (watch->state == LL_WATCH_CREATING) {
            watch_refuse(core, watch, LL_OUTCOME_REFUSED);
        } else {
            watch_off(core, watch);
        }
    }
}

static void watch_on_created(struct ll_core *core,
                             struct ll_watch *watch,
                             const struct ll_event *event)
{
    core->watches.answered_ns = core->now_ns;
    if (core->watches.numbered) {
        struct ll_watch_index *index = &core->watches.index;
        bool is_taken =
            ll_watch_index_find(index, event->watch.watch_id) != NULL;

        watch->id = event->watch.watch_id;
        if (is_taken || (watch->state == LL_WATCH_CREATING &&
                         !ll_watch_index_add(index, watch))) {
            ll_watches_anew(core, LL_WATCH_REFUSED_PAUSE_NS);
            return;
        }
    }
    if (watch->state == LL_WATCH_DROPPED) {
        watch_enter(core, watch, LL_WATCH_ENDING);
    } else if (watch->state == LL_WATCH_CREATING) {
        bool is_known = ll_watch_server_created(core, event->watch.member_id);

        watch->created_revision = event->watch.revision;
        watch->prompt = watch->prompt && is_known;
        watch_enter(core, watch, LL_WATCH_ON);
        ops_of(watch)->on_created(core, watch);
    }
}

static void watch_on_canceled(struct ll_core *core,
                              struct ll_watch *watch,
                              const struct ll_event *event)
{
    core->watches.answered_ns = core->now_ns;
    ll_core_log(core, LL_LOG_WATCH_REFUSED,
                ll_log_endpoint(core->streams[LL_STREAM_WATCH].endpoint),
                "a watch was refused: %s", event->watch.reason);
    switch (watch->state) {
    case LL_WATCH_OFF:
    case LL_WATCH_WANTED:
        break;
    case LL_WATCH_DROPPED:
    case LL_WATCH_ENDING:
        watch_off(core, watch);
        break;
    case LL_WATCH_ON:
    case LL_WATCH_CREATING:
        ll_keep_failure(core, core->streams[LL_STREAM_WATCH].endpoint, -1,
                        event->watch.reason);
        watch_refuse(core, watch, event->watch.outcome);
        break;
    }
}

void ll_watches_on_event(struct ll_core *core, const struct ll_event *event)
{
    struct ll_watch *watch;

    if (!ll_stream_is_current(core, LL_STREAM_WATCH, event->watch.generation) ||
        !ll_cluster_believes(core, event->watch.cluster_id,
                             core->streams[LL_STREAM_WATCH].endpoint)) {
        return;
    }
    if (event->kind == LL_EVENT_WATCH_CREATED) {
        watch = ll_watch_of_created(core, event->watch.watch_id);
    } else if (event->kind == LL_EVENT_WATCH_CANCELED) {
        watch = ll_watch_of_canceled(core, event->watch.watch_id);
    } else {
        watch = ll_watch_of_event(core, event->watch.watch_id);
    }
    if (watch == NULL) {
        return; /* one that has been cancelled since */
    }
    if (event->kind == LL_EVENT_WATCH_CREATED) {
        watch_on_created(core, watch, event);
    } else if (event->kind == LL_EVENT_WATCH_CANCELED) {
        watch_on_canceled(core, watch, event);
    } else {
        ops_of(watch)->on_changed(core, watch, event);
    }
}

/** How many creations may be unanswered. */
static unsigned watches_creating_max(const struct ll_core *core)
{
    return core->watches.numbered ? 1 : LL_WATCHES_CREATING_MAX;
}

bool ll_watches_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    struct ll_watch *watch;

    if (!core->streams[LL_STREAM_WATCH].up) {
        return false;
    }
    if (!ll_link_alone(&core->watches.ending)) {
        watch = LL_CONTAINER(core->watches.ending.next, struct ll_watch, link);
        *ret_effect = (struct ll_effect){.kind = LL_EFFECT_WATCH_CANCEL};
        ret_effect->watch.watch_id = watch->id;
        watch_off(core, watch);
        return true;
    }
    if (!ll_link_alone(&core->watches.wanted) &&
        core->watches.creating_n < watches_creating_max(core)) {
        watch = LL_CONTAINER(core->watches.wanted.next, struct ll_watch, link);
        core->stats.watches++;
        watch->sent_ns = core->now_ns;
        watch_enter(core, watch, LL_WATCH_CREATING);
        *ret_effect = (struct ll_effect){.kind = LL_EFFECT_WATCH_CREATE};
        ret_effect->id = watch->owner->entry.id;
        ret_effect->watch.watch_id = watch->id;
        ops_of(watch)->create(core, watch, &core->single, ret_effect);
        watch->prompt = ret_effect->watch.start_revision == 0 &&
                        ll_watch_server_request(core);
        return true;
    }
    return false;
}

static bool watches_need_stream(const struct ll_core *core,
                                enum ll_stream_kind kind)
{
    (void)kind;
    return !ll_link_alone(&core->watches.wanted) ||
           !ll_link_alone(&core->watches.creating) ||
           !ll_link_alone(&core->watches.on);
}

static uint32_t watches_generation(struct ll_core *core)
{
    return core->streams[LL_STREAM_WATCH].generation + 1;
}

static void watches_on_refused(struct ll_core *core,
                               struct ll_stream *stream,
                               const struct ll_event *event)
{
    ll_stream_note_failure(core, event);
    if (!stream->proven) {
        watches_refuse(core);
    }
}

static void watches_leave(struct ll_core *core, enum ll_stream_kind kind)
{
    ll_core_log(core, LL_LOG_ENDPOINT_LEFT,
                ll_log_endpoint(core->streams[kind].endpoint),
                "leaving endpoint %u: another one answers",
                core->streams[kind].endpoint);
    ll_stream_close(core, kind);
}

static const struct ll_stream_ops watches_ops = {
    .name = "watch",
    .pause_max_ns = LL_NEVER,
    .is_needed = watches_need_stream,
    .generation = watches_generation,
    .on_down = watches_on_down,
    .on_refused = watches_on_refused,
    .leave = watches_leave,
    .move = ll_stream_close,
};

void ll_watches_init(struct ll_core *core)
{
    ll_link_init(&core->watches.wanted);
    ll_link_init(&core->watches.creating);
    ll_link_init(&core->watches.on);
    ll_link_init(&core->watches.ending);
    ll_stream_init(core, LL_STREAM_WATCH, &watches_ops);
}

void ll_watches_free(struct ll_core *core)
{
    ll_watch_index_clear(&core->watches.index);
}

int64_t ll_watches_deadline_ns(const struct ll_core *core)
{
    const struct ll_watch *oldest = ll_watch_oldest_creating(core);

    return oldest != NULL ? ll_max(oldest->sent_ns, core->watches.answered_ns) +
                                LL_WATCH_CREATE_TIMEOUT_NS
                          : LL_NEVER;
}

void ll_watches_on_time(struct ll_core *core)
{
    if (core->now_ns >= ll_watches_deadline_ns(core)) {
        ll_stream_restart(core, LL_STREAM_WATCH,
                          "a watch was not created in time");
    }
}
