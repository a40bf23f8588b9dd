/* SPDX-License-Identifier: Apache-2.0 */
#include "core/permit_line.h"

#include <string.h>

#include "base/alloc.h"
#include "core/ticket.h"

/** How many deletions a line keeps. */
#define KEPT 64

struct gone {
    int64_t revision;
    int64_t created; /* the key's create revision; 0: etcd did not tell it */
};

struct ll_permit_line {
    struct ll_object object;
    struct ll_link link; /* in core->tickets.lines */
    struct ll_link members;
    unsigned members_n;
    const struct ll_permit_line_ops *ops;
    struct ll_watch watch;
    int64_t settle_ns;
    int64_t forgotten; /* later deletions are kept */
    int64_t newest;    /* revision of the watch or its newest event */
    int64_t count;     /* noted last */
    unsigned kept_n;
    unsigned kept_at; /* of the next one */
    struct gone kept[KEPT];
    uint32_t queue_hash; /* of the prefix */
    uint16_t permits;
    uint16_t prefix_size;
    char prefix[];
};

static const struct ll_object_ops line_ops;

static struct ll_permit_line *line_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_permit_line, object);
}

struct ll_permit_line *ll_permit_line_find(const struct ll_core *core,
                                           const struct ll_ticket *ticket)
{
    struct ll_bytes prefix = ll_ticket_prefix(ticket);
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &core->tickets.lines) {
        struct ll_permit_line *line =
            LL_CONTAINER(at, struct ll_permit_line, link);

        if (line->queue_hash == ticket->object.queue_hash &&
            line->permits == ticket->permits_max &&
            ll_bytes_equal((struct ll_bytes){line->prefix, line->prefix_size},
                           prefix)) {
            return line;
        }
    }
    return NULL;
}

static struct ll_permit_line *line_new(struct ll_core *core,
                                       const struct ll_ticket *ticket,
                                       const struct ll_permit_line_ops *ops)
{
    struct ll_bytes prefix = ll_ticket_prefix(ticket);
    struct ll_permit_line *line = ll_alloc_zero(1, sizeof(*line) + prefix.size);

    if (line == NULL) {
        return NULL;
    }
    /* A caller's ids count up from 1. None is used again: a line's watches
     * have its id. */
    if (!ll_object_enter(core, &line->object, &line_ops,
                         LL_ID_MAX - ++core->tickets.inner_n)) {
        ll_free(line);
        return NULL;
    }
    ll_link_init(&line->link);
    ll_link_init(&line->members);
    ll_link_append(&core->tickets.lines, &line->link);
    ll_watch_init(&line->watch, &line->object, LL_WATCH_OWN);
    line->ops = ops;
    line->queue_hash = ticket->object.queue_hash;
    line->permits = (uint16_t)ticket->permits_max;
    line->prefix_size = (uint16_t)prefix.size;
    memcpy(line->prefix, prefix.data, prefix.size);
    return line;
}

bool ll_permit_line_join(struct ll_core *core,
                         struct ll_permit_member *member,
                         struct ll_ticket *ticket,
                         const struct ll_permit_line_ops *ops)
{
    struct ll_permit_line *line = ll_permit_line_find(core, ticket);

    if (line == NULL) {
        line = line_new(core, ticket, ops);
    }
    if (line == NULL) {
        return false;
    }
    member->line = line;
    member->ticket = ticket;
    ll_link_append(&line->members, &member->link);
    line->members_n++;
    ll_permit_line_want(core, line);
    return true;
}

void ll_permit_line_leave(struct ll_core *core, struct ll_permit_member *member)
{
    struct ll_permit_line *line = member->line;

    if (line == NULL) {
        return;
    }
    ll_link_remove(&member->link);
    member->line = NULL;
    if (--line->members_n == 0) {
        ll_watch_drop(core, &line->watch);
        ll_object_report(core, &line->object); /* freed there, if it is OFF */
    }
}

struct ll_watch *ll_permit_line_watch(struct ll_permit_line *line)
{
    return &line->watch;
}

int64_t ll_permit_line_settle_ns(const struct ll_permit_line *line)
{
    return line->settle_ns;
}

int64_t ll_permit_line_covers(const struct ll_permit_line *line)
{
    return line->watch.state == LL_WATCH_ON
               ? ll_max(line->watch.created_revision, line->forgotten)
               : INT64_MAX;
}

int64_t ll_permit_line_gone(const struct ll_permit_line *line,
                            int64_t token,
                            int64_t revision,
                            int64_t *ret_least)
{
    int64_t n = 0;

    *ret_least = 0;
    for (unsigned i = 0; i < line->kept_n; i++) {
        const struct gone *gone = &line->kept[i];

        if (gone->revision <= revision) {
            continue;
        }
        if (gone->created == 0 || gone->created == token) {
            *ret_least = ll_max(*ret_least, gone->revision);
        }
        n += gone->created < token ? 1 : 0;
    }
    return *ret_least == 0 ? n : -1;
}

void ll_permit_line_note(struct ll_permit_line *line, int64_t count)
{
    line->count = count;
}

bool ll_permit_line_is_short(const struct ll_permit_line *line)
{
    return line->count <= 2 * (int64_t)line->permits * (line->members_n + 1);
}

void ll_permit_line_want(struct ll_core *core, struct ll_permit_line *line)
{
    if (line->watch.state == LL_WATCH_OFF) {
        ll_watch_want(core, &line->watch);
    }
}

static void line_keep(struct ll_permit_line *line,
                      const struct ll_watch_event *event)
{
    struct gone *gone = &line->kept[line->kept_at];

    if (!event->deleted) {
        return;
    }
    if (line->kept_n == KEPT) {
        line->forgotten = ll_max(line->forgotten, gone->revision);
    } else {
        line->kept_n++;
    }
    gone->revision = event->kv.mod_revision;
    gone->created = ll_max(event->prev_created, 0);
    line->newest = ll_max(line->newest, gone->revision);
    line->kept_at = (line->kept_at + 1) % KEPT;
}

static void line_on_changed(struct ll_core *core,
                            struct ll_watch *watch,
                            const struct ll_event *event)
{
    struct ll_permit_line *line = line_of(watch->owner);
    const struct ll_watch_event *events = event->watch.events;
    size_t n = event->watch.events_n;
    struct ll_link *at;
    struct ll_link *after;

    /* etcd's loop reports to a watch what it has missed, and syncs it, in one
     * step. */
    line->watch.settled |= !core->watches.numbered;
    for (size_t i = 0; i < n; i++) {
        line_keep(line, &events[i]);
    }
    LL_LIST_EACH (at, after, &line->members) {
        line->ops->on_gone(
            core, LL_CONTAINER(at, struct ll_permit_member, link)->ticket,
            events, n);
    }
}

static void line_on_created(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_permit_line *line = line_of(watch->owner);
    struct ll_link *at;
    struct ll_link *after;

    /* What another watch has reported is not known to be all. */
    line->kept_n = 0;
    line->kept_at = 0;
    line->forgotten = 0;
    line->newest = watch->created_revision;
    line->settle_ns = core->now_ns + LL_SETTLE_NS;
    LL_LIST_EACH (at, after, &line->members) {
        line->ops->on_created(
            core, LL_CONTAINER(at, struct ll_permit_member, link)->ticket);
    }
}

static void line_on_refused(struct ll_core *core,
                            struct ll_watch *watch,
                            enum ll_outcome outcome)
{
    struct ll_permit_line *line = line_of(watch->owner);
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &line->members) {
        line->ops->on_refused(
            core, LL_CONTAINER(at, struct ll_permit_member, link)->ticket,
            outcome);
    }
}

static void line_tell_down(struct ll_core *core, struct ll_permit_line *line)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &line->members) {
        line->ops->on_down(
            core, LL_CONTAINER(at, struct ll_permit_member, link)->ticket);
    }
}

static void line_on_down(struct ll_core *core, struct ll_watch *watch)
{
    line_tell_down(core, line_of(watch->owner));
}

void ll_permit_line_went_back(struct ll_core *core,
                              struct ll_permit_line *line,
                              int64_t revision)
{
    if (line->watch.state == LL_WATCH_ON && line->newest > revision) {
        ll_watch_drop(core, &line->watch); /* wanted again when it is OFF */
        line_tell_down(core, line);
    }
}

static void line_on_off(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_permit_line *line = line_of(watch->owner);

    if (line->members_n > 0) {
        ll_watch_want(core, watch);
    } else {
        ll_object_report(core, &line->object); /* freed there */
    }
}

static struct ll_watch *line_watch(struct ll_object *owner, unsigned slot)
{
    return slot == LL_WATCH_OWN ? &line_of(owner)->watch : NULL;
}

static void line_create(struct ll_core *core,
                        struct ll_watch *watch,
                        struct ll_part *part,
                        struct ll_effect *effect)
{
    const struct ll_permit_line *line = line_of(watch->owner);
    struct ll_range range =
        ll_place_permits_of((struct ll_bytes){line->prefix, line->prefix_size},
                            line->permits, &part->permits);

    (void)core;
    effect->watch.key = range.key;
    effect->watch.end = range.end;
    effect->watch.deletions = true;
    effect->watch.prev_values = true;
}

static const struct ll_watch_ops line_watch_ops = LL_WATCH_OPS(line_watch,
                                                               line_create,
                                                               line_on_created,
                                                               line_on_changed,
                                                               line_on_refused,
                                                               line_on_down,
                                                               line_on_off);

static void line_free(struct ll_object *object)
{
    ll_free(line_of(object));
}

static void line_on_time(struct ll_core *core, struct ll_object *object)
{
    (void)core;
    (void)object;
}

static int64_t line_deadline_ns(const struct ll_core *core,
                                struct ll_object *object)
{
    (void)core;
    (void)object;
    return LL_NEVER;
}

static bool line_next(struct ll_core *core,
                      struct ll_object *object,
                      struct ll_effect *ret_effect)
{
    struct ll_permit_line *line = line_of(object);

    (void)ret_effect;
    ll_link_remove(&object->pending);
    if (line->members_n == 0 && line->watch.state == LL_WATCH_OFF) {
        ll_link_remove(&line->link);
        ll_object_leave(core, object);
        line_free(object);
    }
    return false;
}

static const struct ll_object_ops line_ops = LL_OBJECT_OPS(line_free,
                                                           line_on_time,
                                                           line_deadline_ns,
                                                           NULL,
                                                           NULL,
                                                           line_next,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           NULL,
                                                           &line_watch_ops);
