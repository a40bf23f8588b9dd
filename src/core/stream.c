#include "core/stream.h"

#include <assert.h>

#include "core/object.h"
#include "core/observe.h"
#include "core/session.h"
#include "core/ticket.h"

void ll_streams_init(struct ll_core *core)
{
    for (size_t i = 0; i < LL_STREAMS; i++) {
        core->streams[i].kind = (enum ll_stream_kind)i;
    }
    ll_beats_init(core);
    ll_link_init(&core->watches.wanted);
    ll_link_init(&core->watches.creating);
    ll_link_init(&core->watches.on);
    ll_link_init(&core->watches.ending);
}

void ll_streams_free(struct ll_core *core)
{
    ll_watch_index_clear(&core->watches.index);
}

static const char *stream_name(enum ll_stream_kind kind)
{
    return kind == LL_STREAM_WATCH ? "watch" : "keep-alive";
}

static bool stream_is_needed(const struct ll_core *core,
                             const struct ll_stream *stream)
{
    if (stream->kind != LL_STREAM_WATCH) {
        return ll_beats_need_stream(core, stream->kind);
    }
    return !ll_link_alone(&core->watches.wanted) ||
           !ll_link_alone(&core->watches.creating) ||
           !ll_link_alone(&core->watches.on);
}

/** The watch that has been unanswered for longest, or NULL. */
static struct ll_watch *watch_oldest_creating(const struct ll_core *core)
{
    return ll_link_alone(&core->watches.creating)
               ? NULL
               : LL_CONTAINER(core->watches.creating.next, struct ll_watch,
                              link);
}

/** The owner as a ticket, or NULL when it is an observer. */
static struct ll_ticket *watch_ticket(const struct ll_watch *watch)
{
    return watch->owner->kind == LL_OBJECT_TICKET
               ? LL_CONTAINER(watch->owner, struct ll_ticket, object)
               : NULL;
}

static enum ll_watch_slot watch_slot(const struct ll_watch *watch)
{
    const struct ll_ticket *ticket = watch_ticket(watch);

    return ticket != NULL && watch == &ticket->watches[LL_WATCH_AHEAD]
               ? LL_WATCH_AHEAD
               : LL_WATCH_OWN;
}

static struct ll_observer *watch_observer(const struct ll_watch *watch)
{
    assert(watch->owner->kind == LL_OBJECT_OBSERVER);
    return LL_CONTAINER(watch->owner, struct ll_observer, object);
}

void ll_watch_init(struct ll_watch *watch, struct ll_object *owner)
{
    ll_link_init(&watch->link);
    watch->owner = owner;
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
    struct ll_ticket *ticket = watch_ticket(watch);
    enum ll_watch_slot slot = watch_slot(watch);

    watch_enter(core, watch, LL_WATCH_OFF);
    watch->id = 0;
    if (ticket != NULL) {
        ll_ticket_on_off(core, ticket, slot);
    } else {
        ll_observer_on_off(core, watch_observer(watch));
    }
}

/** The watch's id is its owner's with a count of uses and the slot: no two
 *  uses on one stream share it, and no table is needed to find its owner. */
static void watch_name(struct ll_watch *watch, enum ll_watch_slot slot)
{
    watch->uses++; /* and begins anew past the bits that it has */
    watch->id =
        (int64_t)(watch->owner->entry.id << 20 | (uint64_t)watch->uses << 1 |
                  (slot == LL_WATCH_AHEAD ? 1U : 0U));
}

void ll_watch_want(struct ll_core *core,
                   struct ll_watch *watch,
                   enum ll_watch_slot slot)
{
    assert(watch->state == LL_WATCH_OFF);
    watch_name(watch, slot);
    watch->settled = false;
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

/** Wants a watch again whose stream went down or which etcd ended. */
static void watch_again(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_ticket *ticket = watch_ticket(watch);
    enum ll_watch_slot slot = watch_slot(watch);

    watch_name(watch, slot);
    watch->settled = false;
    watch_enter(core, watch, LL_WATCH_WANTED);
    if (ticket != NULL) {
        ll_ticket_on_unwatched(core, ticket, slot);
    }
}

static void watches_on_down(struct ll_core *core)
{
    struct ll_link *lists[] = {&core->watches.creating, &core->watches.on,
                               &core->watches.ending};

    core->watches.decided = false;
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
    struct ll_ticket *ticket = watch_ticket(watch);
    enum ll_watch_slot slot = watch_slot(watch);

    watch_enter(core, watch, LL_WATCH_OFF);
    watch->id = 0;
    if (ticket != NULL) {
        ll_ticket_on_refused(core, ticket, slot, outcome);
    } else {
        ll_observer_on_refused(core, watch_observer(watch), outcome);
    }
}

/** etcd turns the whole stream away: so it does each creation on it. */
static void watches_on_refusal(struct ll_core *core)
{
    struct ll_watch *watch;

    while ((watch = watch_oldest_creating(core)) != NULL) {
        if (watch->state == LL_WATCH_CREATING) {
            watch_refuse(core, watch, LL_OUTCOME_REFUSED);
        } else {
            watch_off(core, watch);
        }
    }
}

static void stream_set_down(struct ll_core *core, struct ll_stream *stream)
{
    stream->up = false;
    stream->open_due = false;
    if (stream->kind == LL_STREAM_WATCH) {
        watches_on_down(core);
    } else {
        ll_beats_on_down(core, stream->kind);
    }
}

static void stream_open(struct ll_core *core, struct ll_stream *stream)
{
    stream->up = true;
    stream->open_due = true;
    stream->proven = false;
    stream->generation = stream->kind == LL_STREAM_WATCH
                             ? stream->generation + 1
                             : ++core->beats.generation;
    stream->endpoint = core->endpoint;
    ll_core_log(core, 2, "opening %s stream %u on endpoint %u",
                stream_name(stream->kind), stream->generation,
                stream->endpoint);
    if (stream->kind != LL_STREAM_WATCH) {
        ll_beats_on_up(core, stream->kind);
    }
}

/** When the stream is to be taken for stuck. */
static int64_t creation_deadline_ns(const struct ll_core *core)
{
    const struct ll_watch *oldest = watch_oldest_creating(core);

    return oldest != NULL ? ll_max(oldest->sent_ns, core->watches.answered_ns) +
                                LL_WATCH_CREATE_TIMEOUT_NS
                          : LL_NEVER;
}

void ll_streams_on_time(struct ll_core *core)
{
    if (core->now_ns >= creation_deadline_ns(core)) {
        ll_stream_restart(core, LL_STREAM_WATCH,
                          "a watch was not created in time");
    }
    for (size_t i = 0; i < LL_STREAMS; i++) {
        struct ll_stream *stream = &core->streams[i];

        if (!stream->up && core->now_ns >= stream->retry_ns &&
            stream_is_needed(core, stream)) {
            stream_open(core, stream);
        }
    }
}

int64_t ll_streams_deadline_ns(const struct ll_core *core)
{
    int64_t deadline_ns = creation_deadline_ns(core);

    for (size_t i = 0; i < LL_STREAMS; i++) {
        if (!core->streams[i].up && stream_is_needed(core, &core->streams[i])) {
            deadline_ns = ll_min(deadline_ns, core->streams[i].retry_ns);
        }
    }
    return deadline_ns;
}

void ll_stream_close(struct ll_core *core, enum ll_stream_kind kind)
{
    struct ll_stream *stream = &core->streams[kind];

    if (!stream->up) {
        return;
    }
    if (!stream->open_due) {
        stream->close_due = true;
        stream->closing_generation = stream->generation;
    }
    stream->retry_ns = core->now_ns;
    stream_set_down(core, stream);
}

void ll_stream_restart(struct ll_core *core,
                       enum ll_stream_kind kind,
                       const char *why)
{
    if (core->streams[kind].up) {
        ll_note_failure(core, core->streams[kind].endpoint, LL_GRPC_DEADLINE,
                        why);
        ll_stream_close(core, kind);
    }
}

void ll_streams_leave(struct ll_core *core, uint32_t endpoint)
{
    const struct ll_stream *watch = &core->streams[LL_STREAM_WATCH];

    if (watch->up && watch->endpoint == endpoint) {
        ll_core_log(core, 2, "leaving endpoint %u: another one answers",
                    endpoint);
        ll_stream_close(core, LL_STREAM_WATCH);
    }
    ll_beats_leave(core, endpoint);
}

/** etcd turns the stream away, or what was sent on it. */
static void stream_refused(struct ll_core *core,
                           struct ll_stream *stream,
                           const struct ll_event *event)
{
    int64_t pause_ns;

    ll_core_log(core, 1, "the %s stream is refused: %s",
                stream_name(stream->kind), event->stream_down.text);
    if (stream->kind != LL_STREAM_WATCH && !event->stream_down.no_token &&
        ll_beats_on_refusal(core, stream->kind, &pause_ns)) {
        /* The endpoint is well: another one would refuse that beat, too. */
        ll_keep_failure(core, event->stream_down.endpoint,
                        event->stream_down.grpc_status,
                        event->stream_down.text);
        stream->retry_ns = core->now_ns + pause_ns;
        return;
    }
    ll_note_failure(core, event->stream_down.endpoint,
                    event->stream_down.grpc_status, event->stream_down.text);
    if (stream->kind != LL_STREAM_WATCH) {
        core->beats.refused = true;
    } else if (!stream->proven) {
        watches_on_refusal(core);
    }
}

void ll_streams_on_down(struct ll_core *core, const struct ll_event *event)
{
    struct ll_stream *stream = &core->streams[event->stream_down.which];
    unsigned endpoints = core->endpoints_n;

    if (!stream->up || stream->generation != event->stream_down.generation) {
        return;
    }
    ll_core_log(core, 2, "%s stream %u ended: %s", stream_name(stream->kind),
                stream->generation, event->stream_down.text);
    stream->failures = stream->proven ? 1 : stream->failures + 1;
    stream->retry_ns = core->now_ns;
    if (stream->failures >= endpoints) {
        int64_t pause_ns =
            ll_backoff_ns(&core->random, stream->failures - endpoints + 1);

        stream->retry_ns += stream->kind == LL_STREAM_WATCH
                                ? pause_ns
                                : ll_min(pause_ns, LL_BEAT_PAUSE_MAX_NS);
    }
    if (event->stream_down.outcome == LL_OUTCOME_REFUSED) {
        stream_refused(core, stream, event);
    } else {
        ll_note_failure(core, event->stream_down.endpoint,
                        event->stream_down.grpc_status,
                        event->stream_down.text);
    }
    stream_set_down(core, stream);
}

bool ll_stream_is_current(struct ll_core *core,
                          enum ll_stream_kind kind,
                          uint32_t generation)
{
    struct ll_stream *stream = &core->streams[kind];

    if (!stream->up || stream->generation != generation) {
        return false;
    }
    stream->proven = true;
    ll_endpoint_heard(core, stream->endpoint);
    return true;
}

/** The watch for which the client asked with this id. */
static struct ll_watch *watch_find_asked(struct ll_core *core, int64_t id)
{
    struct ll_entry *entry;
    struct ll_object *object;
    struct ll_watch *watch;

    if (id < 0) {
        return NULL;
    }
    entry = ll_table_find(&core->objects, (uint64_t)id >> 20);
    if (entry == NULL) {
        return NULL;
    }
    object = LL_CONTAINER(entry, struct ll_object, entry);
    if (object->kind == LL_OBJECT_OBSERVER) {
        watch = &LL_CONTAINER(object, struct ll_observer, object)->watch;
    } else if (object->kind == LL_OBJECT_TICKET) {
        watch = &LL_CONTAINER(object, struct ll_ticket, object)
                     ->watches[(id & 1) != 0 ? LL_WATCH_AHEAD : LL_WATCH_OWN];
    } else {
        return NULL;
    }
    return watch->id == id ? watch : NULL;
}

/** The watch that an answer or event means. */
static struct ll_watch *watch_find(struct ll_core *core, int64_t id)
{
    if (id < 0) {
        return watch_oldest_creating(core);
    }
    return core->watches.numbered
               ? ll_watch_index_find(&core->watches.index, id)
               : watch_find_asked(core, id);
}

/** Whether creations go out one at a time, because the server numbers watches
 *  itself, or may do so. */
static void watches_set_numbered(struct ll_core *core, bool numbered)
{
    if (core->watches.numbered != numbered) {
        core->watches.numbered = numbered;
        ll_core_log(core, 2, "watches have the %s numbers",
                    numbered ? "server's" : "client's");
    }
}

/** Begins the watches' stream anew, where it is. */
static void watches_anew(struct ll_core *core, int64_t pause_ns)
{
    ll_stream_close(core, LL_STREAM_WATCH);
    core->streams[LL_STREAM_WATCH].retry_ns = core->now_ns + pause_ns;
}

/** The watch that is created, from the id that the server gives it; NULL: it
 *  cannot be told which one. */
static struct ll_watch *watch_of_created(struct ll_core *core, int64_t id)
{
    struct ll_watches *watches = &core->watches;
    struct ll_watch *watch = NULL;
    /* One that is ON has the number that was asked for. */
    bool mixed = watches->decided && !watches->numbered;

    if (watches->creating_n == 0 || id < 0) {
        return NULL;
    }
    if (!watches->numbered || !watches->decided) {
        watch = watch_find_asked(core, id);
    }
    watches->decided = true;
    watches_set_numbered(core, watch == NULL);
    if (watch != NULL) {
        return watch;
    }
    if (watches->creating_n > 1 || mixed) {
        watches_anew(core, 0);
        return NULL;
    }
    return watch_oldest_creating(core);
}

/** The watch that is cancelled or refused; NULL as above. One that was never
 *  created has no other number than the client's, whoever numbers them. */
static struct ll_watch *watch_of_canceled(struct ll_core *core, int64_t id)
{
    struct ll_watches *watches = &core->watches;
    struct ll_watch *watch;

    if (id >= 0 || watches->decided || watches->numbered ||
        watches->creating_n <= 1) {
        watch = watch_find(core, id);
        return watch != NULL ? watch : watch_find_asked(core, id);
    }
    watches_set_numbered(core, true);
    watches_anew(core, 0);
    return NULL;
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
            watches_anew(core, LL_WATCH_REFUSED_PAUSE_NS);
            return;
        }
    }
    if (watch->state == LL_WATCH_DROPPED) {
        watch_enter(core, watch, LL_WATCH_ENDING);
    } else if (watch->state == LL_WATCH_CREATING) {
        watch->created_revision = event->watch.revision;
        core->watches.member_id = event->watch.member_id;
        watch_enter(core, watch, LL_WATCH_ON);
        if (watch_ticket(watch) != NULL) {
            ll_ticket_on_created(core, watch_ticket(watch), watch_slot(watch));
        } else {
            ll_observer_on_created(core, watch_observer(watch),
                                   event->watch.revision);
        }
    }
}

static void watch_on_canceled(struct ll_core *core,
                              struct ll_watch *watch,
                              const struct ll_event *event)
{
    core->watches.answered_ns = core->now_ns;
    ll_core_log(core, 2, "a watch was refused: %s", event->watch.reason);
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

void ll_streams_on_watch(struct ll_core *core, const struct ll_event *event)
{
    struct ll_watch *watch;

    if (!ll_stream_is_current(core, LL_STREAM_WATCH, event->watch.generation) ||
        !ll_cluster_believes(core, event->watch.cluster_id,
                             core->streams[LL_STREAM_WATCH].endpoint)) {
        return;
    }
    if (event->kind == LL_EVENT_WATCH_CREATED) {
        watch = watch_of_created(core, event->watch.watch_id);
    } else if (event->kind == LL_EVENT_WATCH_CANCELED) {
        watch = watch_of_canceled(core, event->watch.watch_id);
    } else {
        watch = watch_find(core, event->watch.watch_id);
    }
    if (watch == NULL) {
        return; /* one that has been cancelled since */
    }
    if (event->kind == LL_EVENT_WATCH_CREATED) {
        watch_on_created(core, watch, event);
    } else if (event->kind == LL_EVENT_WATCH_CANCELED) {
        watch_on_canceled(core, watch, event);
    } else if (watch_ticket(watch) == NULL) {
        ll_observer_on_changed(core, watch_observer(watch), event);
    } else {
        int64_t id = watch->id;

        for (size_t i = 0; i < event->watch.events_n; i++) {
            if (watch->id != id || watch->state != LL_WATCH_ON) {
                return; /* the first event ended the need for it */
            }
            ll_ticket_on_changed(core, watch_ticket(watch), watch_slot(watch),
                                 &event->watch.events[i]);
        }
    }
}

/** How many creations may be unanswered. */
static unsigned watches_creating_max(const struct ll_core *core)
{
    return core->watches.numbered ? 1 : LL_WATCHES_CREATING_MAX;
}

static bool watches_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    struct ll_watch *watch;

    if (!ll_link_alone(&core->watches.ending)) {
        watch = LL_CONTAINER(core->watches.ending.next, struct ll_watch, link);
        *ret_effect = (struct ll_effect){.kind = LL_EFFECT_WATCH_CANCEL};
        ret_effect->watch.watch_id = watch->id;
        watch_off(core, watch);
        return true;
    }
    if (!ll_link_alone(&core->watches.wanted) &&
        core->watches.creating_n < watches_creating_max(core)) {
        struct ll_ticket *ticket;

        watch = LL_CONTAINER(core->watches.wanted.next, struct ll_watch, link);
        ticket = watch_ticket(watch);
        watch->sent_ns = core->now_ns;
        watch_enter(core, watch, LL_WATCH_CREATING);
        *ret_effect = (struct ll_effect){.kind = LL_EFFECT_WATCH_CREATE};
        ret_effect->id = watch->owner->entry.id;
        ret_effect->watch.watch_id = watch->id;
        if (ticket == NULL) {
            ll_observer_watch(core, watch_observer(watch), ret_effect);
            return true;
        }
        ret_effect->watch.key =
            ll_ticket_watched_key(ticket, watch_slot(watch));
        ret_effect->watch.puts = ticket->state == LL_TICKET_REAP;
        ret_effect->watch.deletions = ticket->state != LL_TICKET_REAP;
        return true;
    }
    return false;
}

bool ll_streams_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    for (size_t i = 0; i < LL_STREAMS; i++) {
        struct ll_stream *stream = &core->streams[i];

        if (stream->close_due || stream->open_due) {
            bool close = stream->close_due;

            *ret_effect = (struct ll_effect){
                .kind = close ? LL_EFFECT_STREAM_CLOSE : LL_EFFECT_STREAM_OPEN};
            ret_effect->stream.which = stream->kind;
            ret_effect->stream.generation =
                close ? stream->closing_generation : stream->generation;
            ret_effect->stream.endpoint = stream->endpoint;
            if (close) {
                stream->close_due = false;
            } else {
                stream->open_due = false;
            }
            return true;
        }
    }
    return core->streams[LL_STREAM_WATCH].up && watches_next(core, ret_effect);
}
