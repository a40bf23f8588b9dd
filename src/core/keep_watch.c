/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "core/keep_private.h"
#include "core/ticket.h"

/**
 * The object of a keep, its watch, and the read of the newest key.
 */

static const struct ll_object_ops keep_ops;

static struct ll_keep *keep_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_keep, object);
}

struct ll_keep *ll_keep_new(struct ll_core *core,
                            const struct ll_ticket *ticket,
                            struct ll_bytes label,
                            uint64_t queue_hash)
{
    struct ll_bytes prefix = ll_ticket_prefix(ticket);
    struct ll_keep *keep =
        ll_alloc_zero(1, sizeof(*keep) + prefix.size + label.size);

    if (keep == NULL) {
        return NULL;
    }
    keep->by_name.id = ll_keep_name_id(ticket->session, queue_hash);
    if (!ll_object_enter(core, &keep->object, &keep_ops,
                         ll_object_own_id(core))) {
        ll_free(keep);
        return NULL;
    }
    if (!ll_table_add(&core->keeps.by_name, &keep->by_name)) {
        ll_object_leave(core, &keep->object);
        ll_free(keep);
        return NULL;
    }
    ll_link_init(&keep->idle);
    ll_link_init(&keep->carriers);
    ll_link_init(&keep->lined);
    ll_watch_init(&keep->watch, &keep->object, LL_WATCH_OWN);
    keep->session_id = ticket->session->object.entry.id;
    keep->lease = ticket->session->lease;
    keep->until_ns = LL_NEVER;
    keep->settle_by_ns = LL_NEVER;
    keep->read_ns = LL_NEVER;
    keep->label_size = (uint32_t)label.size;
    keep->namespace_size = ticket->namespace_size;
    keep->prefix_size = (uint16_t)prefix.size;
    memcpy(keep->bytes, prefix.data, prefix.size);
    if (label.size > 0) {
        memcpy(keep->bytes + prefix.size, label.data, label.size);
    }
    return keep;
}

void ll_keep_watch(struct ll_core *core, struct ll_keep *keep)
{
    keep->state = LL_KEEP_SETTLING;
    keep->pause_ns = core->now_ns + LL_KEEP_PAUSE_NS;
    keep->settle_by_ns = LL_NEVER;
    keep->kept_since_ns = 0;
    if (keep->watch.state == LL_WATCH_OFF) {
        ll_watch_want(core, &keep->watch);
    } /* else when the one before is OFF */
}

void ll_keep_unwatch(struct ll_core *core, struct ll_keep *keep)
{
    keep->state = LL_KEEP_PLAIN;
    keep->read_ns = LL_NEVER;
    ll_call_none(core, &keep->object);
    ll_watch_drop(core, &keep->watch);
    ll_object_reschedule(core, &keep->object);
}

static void keep_on_created(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_keep *keep = keep_of(watch->owner);

    if (core->watches.numbered) {
        ll_keep_stop(core, keep, "a proxy numbers the watches");
        return;
    }
    keep->synced_ns = core->now_ns + LL_SETTLE_NS;
    keep->object.failures = 0;
    ll_call_at(core, &keep->object, core->now_ns);
    ll_object_reschedule(core, &keep->object);
}

static bool is_entry(const struct ll_keep *keep, struct ll_bytes key)
{
    return keep->entry != NULL &&
           ll_bytes_equal(ll_ticket_key(keep->entry), key);
}

/** The entry's key is at a version: above what was seen, somebody has put to it,
 *  while it was idle or before. */
static void
keep_see(struct ll_core *core, struct ll_keep *keep, const struct ll_kv *own)
{
    bool is_asked = own->version > ll_max(keep->version, keep->entry->version);

    if (own->create_revision != keep->entry->token) {
        return;
    }
    keep->version = ll_max(keep->version, own->version);
    if (is_asked && ll_keep_is_idle(keep->entry)) {
        ll_keep_stop(core, keep, "it was asked to let go");
    }
}

static void keep_on_event(struct ll_core *core,
                          struct ll_keep *keep,
                          const struct ll_watch_event *event)
{
    const struct ll_kv *kv = &event->kv;

    if (event->deleted) {
        if (is_entry(keep, kv->key) && kv->mod_revision > keep->entry->token) {
            keep->ops->lose(core, keep->entry);
        }
    } else if (kv->lease != keep->lease) {
        ll_keep_await(core, keep, "another session asks for it");
    } else if (is_entry(keep, kv->key)) {
        keep_see(core, keep, kv);
    }
}

static void keep_on_changed(struct ll_core *core,
                            struct ll_watch *watch,
                            const struct ll_event *event)
{
    int64_t id = watch->id;

    for (size_t i = 0; i < event->watch.events_n; i++) {
        if (watch->id != id || watch->state != LL_WATCH_ON) {
            return;
        }
        keep_on_event(core, keep_of(watch->owner), &event->watch.events[i]);
    }
}

static void keep_on_refused(struct ll_core *core,
                            struct ll_watch *watch,
                            enum ll_outcome outcome)
{
    (void)outcome;
    ll_keep_stop(core, keep_of(watch->owner), "its watch was refused");
}

static void keep_on_down(struct ll_core *core, struct ll_watch *watch)
{
    ll_keep_stop(core, keep_of(watch->owner), "its watch broke");
}

static void keep_on_off(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_keep *keep = keep_of(watch->owner);

    if (keep->state == LL_KEEP_SETTLING) {
        ll_watch_want(core, watch);
    }
    ll_object_reschedule(core, &keep->object);
    ll_object_report(core, &keep->object); /* freed there, if it is over */
}

static struct ll_watch *keep_find_watch(struct ll_object *owner, unsigned slot)
{
    return slot == LL_WATCH_OWN ? &keep_of(owner)->watch : NULL;
}

static void keep_create(struct ll_core *core,
                        struct ll_watch *watch,
                        struct ll_part *part,
                        struct ll_effect *effect)
{
    effect->watch.key = ll_keep_prefix(keep_of(watch->owner));
    effect->watch.end = ll_prefix_end(effect->watch.key, part->bounds.end);
    effect->watch.puts = true;
    effect->watch.deletions = true;
    (void)core;
}

static const struct ll_watch_ops keep_watch_ops = LL_WATCH_OPS(keep_find_watch,
                                                               keep_create,
                                                               keep_on_created,
                                                               keep_on_changed,
                                                               keep_on_refused,
                                                               keep_on_down,
                                                               keep_on_off);

static void keep_build(struct ll_core *core,
                       struct ll_object *object,
                       struct ll_part *part,
                       struct ll_request *ret_request)
{
    struct ll_keep *keep = keep_of(object);

    (void)core;
    ret_request->kind = LL_REQUEST_RANGE;
    ret_request->range = (struct ll_range){
        .key = ll_keep_prefix(keep),
        .end = ll_prefix_end(ll_keep_prefix(keep), part->bounds.end),
        .limit = 1,
        .sort = LL_SORT_NEWEST_FIRST,
        .keys_only = true};
}

/** Whether a key of the session came behind its last carrier, which is none of
 *  this keep. */
static bool has_others_behind(const struct ll_keep *keep)
{
    const struct ll_ticket *last =
        ll_link_alone(&keep->carriers)
            ? NULL
            : LL_CONTAINER(keep->carriers.prev, struct ll_keeping, link)
                  ->ticket;

    return last != NULL && last->state != LL_TICKET_ENQUEUE &&
           last->token < keep->least_token;
}

/** What a read at a revision that the watch has reached shows. */
static void keep_on_newest(struct ll_core *core,
                           struct ll_keep *keep,
                           const struct ll_kv *newest,
                           int64_t revision)
{
    struct ll_ticket *entry = keep->entry;

    if (newest != NULL && newest->lease != keep->lease) {
        ll_keep_await(core, keep, "another session waits for it");
        return;
    }
    if (entry != NULL && newest != NULL && is_entry(keep, newest->key)) {
        keep_see(core, keep, newest);
        if (keep->state == LL_KEEP_PLAIN) {
            return;
        }
    }
    if (keep->object.sent_ns < keep->synced_ns && !keep->watch.prompt &&
        revision > keep->watch.created_revision) {
        ll_watch_server_miss(core);
        keep->read_ns = keep->synced_ns; /* see ticket.h: it may miss some */
        ll_object_reschedule(core, &keep->object);
        return;
    }
    keep->state = LL_KEEP_ALONE;
    keep->least_token = newest != NULL ? newest->create_revision : revision + 1;
    keep->read_ns = ll_ticket_recheck_ns(core);
    if (entry != NULL && newest == NULL && entry->token <= revision) {
        keep->ops->lose(core, entry);
    } else if (has_others_behind(keep)) {
        ll_keep_stop(core, keep, "another ticket of the session is behind it");
    }
    ll_object_reschedule(core, &keep->object);
}

static void keep_on_answer(struct ll_core *core,
                           struct ll_object *object,
                           const struct ll_answer *answer,
                           const struct ll_event *event)
{
    struct ll_keep *keep = keep_of(object);

    (void)event;
    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        ll_call_again(core, object, answer->outcome);
    } else if (answer->outcome != LL_OUTCOME_OK) {
        ll_keep_stop(core, keep, "its queue cannot be read");
    } else if (answer->revision < keep->watch.created_revision) {
        ll_keep_stop(core, keep, "the store went back");
    } else {
        keep_on_newest(core, keep,
                       answer->range.kvs_n > 0 ? &answer->range.kvs[0] : NULL,
                       answer->revision);
    }
}

static void keep_free(struct ll_object *object)
{
    ll_free(keep_of(object));
}

static void keep_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_keep *keep = keep_of(object);

    if (core->now_ns >= keep->read_ns) {
        keep->read_ns = LL_NEVER;
        keep->object.failures = 0;
        ll_call_at(core, object, core->now_ns);
    }
    if (core->now_ns >= keep->until_ns) {
        ll_keep_drop_idle(core, keep);
    } else if (keep->until_ns != LL_NEVER && keep->state == LL_KEEP_SETTLING &&
               core->now_ns >= keep->settle_by_ns) {
        ll_keep_stop(core, keep, "it takes too long to know who waits");
    }
    ll_object_report(core, object); /* freed there, if it is over */
}

/** Whether it has no ticket. */
static bool is_empty(const struct ll_keep *keep)
{
    return ll_link_alone(&keep->carriers) && ll_link_alone(&keep->lined);
}

static int64_t keep_deadline_ns(const struct ll_core *core,
                                struct ll_object *object)
{
    const struct ll_keep *keep = keep_of(object);
    int64_t at_ns = keep->read_ns;

    (void)core;
    if (is_empty(keep)) {
        return keep->watch.state == LL_WATCH_OFF ? keep->pause_ns : LL_NEVER;
    }
    if (keep->until_ns != LL_NEVER) {
        at_ns = ll_min(at_ns, keep->until_ns);
        at_ns = keep->state == LL_KEEP_SETTLING
                    ? ll_min(at_ns, keep->settle_by_ns)
                    : at_ns;
    }
    return at_ns;
}

static bool keep_next(struct ll_core *core,
                      struct ll_object *object,
                      struct ll_effect *ret_effect)
{
    struct ll_keep *keep = keep_of(object);

    (void)ret_effect;
    ll_link_remove(&object->pending);
    if (is_empty(keep) && keep->watch.state == LL_WATCH_OFF &&
        core->now_ns >= keep->pause_ns) {
        ll_table_remove(&core->keeps.by_name, &keep->by_name);
        ll_object_leave(core, object);
        keep_free(object);
    }
    return false;
}

static const struct ll_object_ops keep_ops = LL_OBJECT_OPS(keep_free,
                                                           keep_on_time,
                                                           keep_deadline_ns,
                                                           keep_build,
                                                           keep_on_answer,
                                                           keep_next,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           &keep_watch_ops);
