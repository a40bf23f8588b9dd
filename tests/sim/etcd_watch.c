/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/status.h>

void sim_watcher_free(struct sim_watcher *watcher)
{
    sim_arena_free(&watcher->arena);
    free(watcher);
}

static void tell(struct sim_etcd *etcd,
                 const struct sim_stream *stream,
                 struct ll_event *event)
{
    event->now_ns = etcd->now_ns;
    event->watch.member_id = sim_member_id(stream->member);
    event->watch.cluster_id = etcd->config.cluster_id;
    if (event->watch.reason == NULL) {
        event->watch.reason = "";
    }
    etcd->hooks.on_watch(etcd->hooks.arg, stream->id, event);
}

/** A watch's end, as the library reads it: without a status, only the text
 * gives the reason. */
static void report_end(struct sim_etcd *etcd,
                       const struct sim_stream *stream,
                       int64_t watch_id,
                       int64_t revision,
                       const char *reason)
{
    struct ll_event event = {.kind = LL_EVENT_WATCH_CANCELED};

    event.watch.watch_id = watch_id;
    event.watch.revision = revision;
    event.watch.reason = reason;
    event.watch.outcome =
        ll_outcome_of(GRPC_STATUS_UNKNOWN, reason) == LL_OUTCOME_REFUSED
            ? LL_OUTCOME_REFUSED
            : LL_OUTCOME_ERROR;
    tell(etcd, stream, &event);
}

static struct sim_watcher *watcher_find(const struct sim_stream *stream,
                                        int64_t id)
{
    size_t i;

    for (i = 0; i < stream->watchers_n; i++) {
        if (stream->watchers[i]->id == id) {
            return stream->watchers[i];
        }
    }
    return NULL;
}

static bool starts_with(struct ll_bytes bytes, struct ll_bytes prefix)
{
    return prefix.size > 0 && bytes.size >= prefix.size &&
           memcmp(bytes.data, prefix.data, prefix.size) == 0;
}

/** The reason to refuse a watch; NULL: none. */
static const char *refusal(const struct sim_etcd *etcd,
                           const struct sim_stream *stream,
                           const struct sim_watch_request *create)
{
    if (create->start_revision < 0 &&
        sim_has_change(etcd, SIM_CHANGE_NEGATIVE_START_IS_REFUSED)) {
        return "etcdserver: mvcc: required revision has been compacted";
    }
    if (starts_with(create->key, etcd->forbidden)) {
        return "rpc error: code = PermissionDenied desc = "
               "etcdserver: permission denied";
    }
    if (create->end.size > 0 && !sim_end_is_open(create->end) &&
        sim_bytes_compare(create->key, create->end) >= 0) {
        return "mvcc: watcher range is empty";
    }
    if (create->watch_id != 0 && watcher_find(stream, create->watch_id)) {
        return "mvcc: duplicate watch ID provided on the WatchStream";
    }
    return NULL;
}

/** The loop's next iteration has work to do. */
static void plan_sync(struct sim_etcd *etcd, unsigned member)
{
    struct sim_member *it = &etcd->members[member];

    if (it->sync_ns == SIM_NEVER) {
        it->sync_ns =
            sim_beat(it->sync_phase_ns, SIM_WATCH_SYNC_NS, etcd->now_ns + 1);
    }
}

static int64_t choose_id(struct sim_stream *stream, int64_t id)
{
    if (id != 0) {
        return id;
    }
    while (watcher_find(stream, stream->watch_id_next) != NULL) {
        stream->watch_id_next++;
    }
    return stream->watch_id_next++;
}

/** Adds a watch to its group. Its start is the member's revision when it
 * received the message; a write since then makes the watch unsynced. In newer
 * releases the start is the revision at this moment, and the created answer's
 * revision is read after that. */
static void place(struct sim_etcd *etcd,
                  struct sim_stream *stream,
                  const struct sim_stream_message *message)
{
    const struct sim_watch_request *create = &message->create;
    const struct sim_member *member = &etcd->members[stream->member];
    struct sim_watcher *watcher = sim_alloc(1, sizeof(*watcher));
    bool is_new = sim_member_has_change(member, SIM_CHANGE_WATCH_NOW_IS_SYNCED);
    bool now = create->start_revision == 0 && is_new;
    int64_t start = now ? member->revision : message->revision;
    struct ll_event event = {.kind = LL_EVENT_WATCH_CREATED};

    watcher->id = choose_id(stream, create->watch_id);
    watcher->key = sim_copy_bytes(&watcher->arena, create->key);
    watcher->end = sim_copy_bytes(&watcher->arena, create->end);
    watcher->puts = create->puts;
    watcher->deletions = create->deletions;
    watcher->prev_values = create->prev_values;
    watcher->revision_min =
        create->start_revision != 0 ? create->start_revision : start + 1;
    watcher->state = watcher->revision_min > member->revision
                         ? SIM_WATCHER_SYNCED
                         : SIM_WATCHER_UNSYNCED;
    SIM_RESERVE(stream->watchers, stream->watchers_n,
                stream->watchers_capacity);
    stream->watchers[stream->watchers_n++] = watcher;
    if (watcher->state == SIM_WATCHER_UNSYNCED) {
        plan_sync(etcd, stream->member);
    }
    event.watch.watch_id = watcher->id;
    event.watch.revision = is_new ? member->revision : start;
    tell(etcd, stream, &event);
}

static bool create(struct sim_etcd *etcd,
                   struct sim_stream *stream,
                   struct sim_stream_message *message)
{
    const char *reason = NULL;

    if (!message->begun) {
        message->begun = true;
        message->revision = etcd->members[stream->member].revision;
        message->deadline_ns = etcd->now_ns;
        if (message->create.key.size == 0) {
            message->create.key = (struct ll_bytes){"", 1};
        }
        if (etcd->config.watch_race_max_ns > 0 &&
            sim_random_below(&etcd->random, 8) == 0) {
            message->deadline_ns +=
                1 +
                sim_random_below(&etcd->random, etcd->config.watch_race_max_ns);
        }
    }
    if (message->deadline_ns > etcd->now_ns) {
        return false;
    }
    reason = refusal(etcd, stream, &message->create);
    if (reason != NULL) {
        report_end(etcd, stream, -1, message->revision, reason);
    } else {
        place(etcd, stream, message);
    }
    return true;
}

/** For a missing or refused watch etcd sends no answer. */
static void
cancel(struct sim_etcd *etcd, struct sim_stream *stream, int64_t watch_id)
{
    size_t i;

    for (i = 0; i < stream->watchers_n; i++) {
        if (stream->watchers[i]->id == watch_id) {
            break;
        }
    }
    if (i == stream->watchers_n) {
        return;
    }
    sim_watcher_free(stream->watchers[i]);
    stream->watchers_n--;
    memmove(&stream->watchers[i], &stream->watchers[i + 1],
            (stream->watchers_n - i) * sizeof(stream->watchers[0]));
    report_end(etcd, stream, watch_id, etcd->members[stream->member].revision,
               "");
}

bool sim_watch_message(struct sim_etcd *etcd,
                       struct sim_stream *stream,
                       struct sim_stream_message *message)
{
    if (message->kind == SIM_STREAM_CREATE) {
        return create(etcd, stream, message);
    }
    cancel(etcd, stream, message->id);
    return true;
}

/** Sends a watcher, in one message, its changes from a position in the history
 * on; no message if it has none.
 *  @return the revision at which the next message has to continue; 0: none */
static int64_t send(struct sim_etcd *etcd,
                    const struct sim_stream *stream,
                    const struct sim_watcher *watcher,
                    size_t from,
                    int64_t revision)
{
    const struct sim_store *store = &etcd->store;
    const struct sim_member *member = &etcd->members[stream->member];
    struct ll_event event = {.kind = LL_EVENT_WATCH_CHANGED};
    struct ll_watch_event *events = NULL;
    bool keeps_deletion = sim_has_change(etcd, SIM_CHANGE_KEEPS_DELETION);
    size_t capacity = 0;
    size_t n = 0;
    size_t revisions = 0;
    int64_t last = 0;
    int64_t more = 0;
    size_t i;

    for (i = from; i < store->changes_n; i++) {
        const struct sim_version *change = store->changes[i];
        bool deleted = change->create_revision == 0;

        if (change->revision > revision) {
            break;
        }
        /* What a compaction keeps at its own revision: in older releases no
         * deletion. */
        if (!sim_range_has(watcher->key, watcher->end, change->key->name) ||
            (deleted && change->revision <= member->compacted &&
             !keeps_deletion)) {
            continue;
        }
        if (change->revision != last && ++revisions > SIM_WATCH_BATCH) {
            more = change->revision;
            break;
        }
        last = change->revision;
        if (deleted ? watcher->deletions : watcher->puts) {
            SIM_RESERVE(events, n, capacity);
            sim_version_event(change, &events[n]);
            if (watcher->prev_values && change->revision > member->compacted) {
                sim_version_prev(change, &events[n]);
            }
            n++;
        }
    }
    if (n > 0) {
        event.watch.watch_id = watcher->id;
        event.watch.revision = revision;
        event.watch.events = events;
        event.watch.events_n = n;
        tell(etcd, stream, &event);
    }
    free(events);
    return more;
}

/** A watcher of a member, with its stream. */
struct place {
    struct sim_stream *stream;
    size_t at;
};

/** Lists a member's watchers in a state, in arbitrary order: etcd iterates over
 * a map. */
static struct place *list(struct sim_etcd *etcd,
                          unsigned member,
                          enum sim_watcher_state state,
                          size_t *ret_n)
{
    struct place *places = NULL;
    size_t capacity = 0;
    size_t n = 0;
    size_t i;
    size_t k;

    for (i = 0; i < etcd->streams_n; i++) {
        struct sim_stream *stream = etcd->streams[i];

        for (k = 0; stream->member == member && k < stream->watchers_n; k++) {
            if (stream->watchers[k]->state == state) {
                SIM_RESERVE(places, n, capacity);
                places[n++] = (struct place){stream, k};
            }
        }
    }
    for (i = n; i > 1; i--) {
        size_t other = (size_t)sim_random_below(&etcd->random, (int64_t)i);
        struct place swap = places[i - 1];

        places[i - 1] = places[other];
        places[other] = swap;
    }
    *ret_n = n;
    return places;
}

void sim_watch_notify(struct sim_etcd *etcd, unsigned member, int64_t revision)
{
    size_t from = sim_store_change_lower(&etcd->store, revision);
    size_t n = 0;
    struct place *places = list(etcd, member, SIM_WATCHER_SYNCED, &n);
    size_t i;

    for (i = 0; i < n; i++) {
        const struct sim_watcher *watcher =
            places[i].stream->watchers[places[i].at];

        if (watcher->revision_min <= revision) {
            (void)send(etcd, places[i].stream, watcher, from, revision);
        }
    }
    free(places);
}

/** Sends one watcher the changes up to its member's applied revision, or a part
 * of them, or cancels it if they were compacted. */
static void sync_one(struct sim_etcd *etcd,
                     const struct sim_stream *stream,
                     struct sim_watcher *watcher)
{
    const struct sim_member *member = &etcd->members[stream->member];
    char reason[sizeof("compacted at revision ") + 20];
    int64_t more = 0;

    if (watcher->revision_min < member->compacted) {
        watcher->state = SIM_WATCHER_COMPACTED;
        (void)snprintf(reason, sizeof(reason), "compacted at revision %" PRId64,
                       member->compacted);
        report_end(etcd, stream, watcher->id, 0, reason);
        return;
    }
    more = send(etcd, stream, watcher,
                sim_store_change_lower(&etcd->store, watcher->revision_min),
                member->revision);
    if (more != 0) {
        watcher->revision_min = more;
        plan_sync(etcd, stream->member);
        return;
    }
    watcher->revision_min = member->revision + 1;
    watcher->state = SIM_WATCHER_SYNCED;
}

void sim_watch_sync(struct sim_etcd *etcd, unsigned member)
{
    size_t n = 0;
    struct place *places = list(etcd, member, SIM_WATCHER_UNSYNCED, &n);
    size_t i;

    etcd->members[member].sync_ns = SIM_NEVER;
    for (i = 0; i < n; i++) {
        sync_one(etcd, places[i].stream,
                 places[i].stream->watchers[places[i].at]);
    }
    free(places);
}
