/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/cluster.h"
#include "core/nearest.h"
#include "core/watch.h"
#include "support/test_timeline_private.h"

/**
 * The commands that represent input from etcd. */

static uint64_t cluster_parse(struct test_timeline *timeline)
{
    return test_word_take(timeline, "cluster")
               ? strtoull(test_word_next(timeline), NULL, 16)
               : 0;
}

bool test_run_answer(struct test_timeline *timeline)
{
    const char *word = test_word_next(timeline);
    struct ll_event event = {.kind = LL_EVENT_ANSWER};
    struct test_call call;
    size_t i = 0;
    char *end;

    if (strncmp(word, "batch", 5) == 0) {
        event.id = LL_ID_MAX + strtoull(word + 5, &end, 10);
    } else if (strncmp(word, "core", 4) == 0) {
        event.id = LL_ID_MAX - strtoull(word + 4, &end, 10);
    } else if (strncmp(word, "check", 5) == 0) {
        event.id = LL_CLUSTER_CALLS + strtoull(word + 5, &end, 10);
    } else if (strncmp(word, "nearest", 7) == 0) {
        event.id = LL_NEAREST_CALLS + strtoull(word + 7, &end, 10);
    } else if (strncmp(word, "server", 6) == 0) {
        event.id = LL_WATCH_SERVER_CALL;
        (void)strtoull(word + 6, &end, 10);
    } else if (strncmp(word, "left", 4) == 0) {
        event.id = LL_ID_MAX - strtoull(word + 4, &end, 10);
    } else {
        event.id = strtoull(word, &end, 10);
    }
    event.answer.seq =
        (uint32_t)strtoul(*end != '\0' ? end + 1 : end, NULL, 10);
    while (i < timeline->calls_n &&
           (timeline->calls[i].id != event.id ||
            timeline->calls[i].seq != event.answer.seq)) {
        i++;
    }
    if (i == timeline->calls_n) {
        return test_skip(timeline, "there is no such call");
    }
    call = timeline->calls[i];
    if (!test_answer_parse(timeline, &call)) {
        return false;
    }
    if (timeline->answer.outcome == LL_OUTCOME_OK &&
        timeline->answer.kind != call.kind) {
        return test_skip(timeline, "the call is of another kind");
    }
    timeline->calls[i] = timeline->calls[--timeline->calls_n];
    timeline->answer.member_id =
        (uint64_t)test_word_option(timeline, "member", 0);
    timeline->answer.cluster_id = cluster_parse(timeline);
    event.answer.endpoint = call.endpoint;
    event.answer.answer = &timeline->answer;
    (void)test_timeline_step(timeline, &event);
    return true;
}

/** The keep-alive stream that a line names by its generation, else the newest
 * open one. */
static enum ll_stream_kind beat_stream(struct test_timeline *timeline)
{
    int64_t wanted = test_word_option(timeline, "stream", -1);
    enum ll_stream_kind found = LL_STREAM_KEEPALIVE;

    for (unsigned i = LL_STREAM_KEEPALIVE; i < LL_STREAMS; i++) {
        const struct test_stream *stream = &timeline->streams[i];
        bool is_newer =
            stream->open &&
            (!timeline->streams[found].open ||
             stream->generation > timeline->streams[found].generation);

        if (wanted >= 0 ? stream->generation == wanted : is_newer) {
            found = (enum ll_stream_kind)i;
        }
    }
    return found;
}

bool test_run_renewed(struct test_timeline *timeline)
{
    struct ll_event event = {.kind = LL_EVENT_KEEPALIVE};

    event.keepalive.lease =
        (int64_t)strtoull(test_word_next(timeline), NULL, 16);
    event.keepalive.ttl_s = test_word_option(timeline, "ttl", 10);
    if (timeline->at < timeline->words_n &&
        strcmp(timeline->words[timeline->at], "stream") == 0) {
        event.keepalive.generation =
            (uint32_t)test_word_option(timeline, "stream", 0);
    } else {
        event.keepalive.generation =
            timeline->streams[beat_stream(timeline)].generation;
    }
    event.keepalive.cluster_id = cluster_parse(timeline);
    (void)test_timeline_step(timeline, &event);
    return true;
}

/** TICKET.own.USE, TICKET.ahead.USE or TICKET.aheadSLOT.USE, lineN.own.USE of
 *  the Nth line of permits, leftN.own.USE of the Nth ticket that another one has
 *  left behind, #NUMBER, or -1. */
static int64_t watch_parse(const char *word)
{
    uint64_t id = strtoull(word, NULL, 10);
    const char *dot = strchr(word, '.');
    const char *use = dot != NULL ? strchr(dot + 1, '.') : NULL;
    unsigned slot = LL_WATCH_OWN;

    if (word[0] == '#') {
        return strtoll(word + 1, NULL, 10);
    }
    if (strncmp(word, "core", 4) == 0 || strncmp(word, "left", 4) == 0) {
        id = LL_ID_MAX - strtoull(word + 4, NULL, 10);
    }
    if (use == NULL) {
        return -1;
    }
    if (strncmp(dot + 1, "ahead", 5) == 0) {
        slot = dot[6] == '.' ? LL_WATCH_AHEAD
                             : (unsigned)strtoul(dot + 6, NULL, 10);
    }
    return ll_watch_id(id, (unsigned)strtoul(use + 1, NULL, 10), slot);
}

bool test_run_watch(struct test_timeline *timeline, const char *verb)
{
    struct ll_event event = {.kind = LL_EVENT_WATCH_CHANGED};

    event.watch.watch_id = watch_parse(test_word_next(timeline));
    event.watch.revision = test_word_option(timeline, "rev", 0);
    event.watch.reason = "";
    if (strcmp(verb, "created") == 0) {
        event.kind = LL_EVENT_WATCH_CREATED;
    } else if (strcmp(verb, "refused") == 0) {
        bool denied = strcmp(test_word_next(timeline), "denied") == 0;

        event.kind = LL_EVENT_WATCH_CANCELED;
        event.watch.outcome = denied ? LL_OUTCOME_REFUSED : LL_OUTCOME_ERROR;
        event.watch.reason = denied ? "etcdserver: permission denied"
                                    : "etcdserver: duplicate watch id";
    } else {
        struct ll_watch_event *change = &timeline->changes[0];

        *change = (struct ll_watch_event){.deleted = verb[0] == 'd'};
        change->kv.mod_revision = event.watch.revision;
        change->kv.create_revision = verb[0] == 'd' ? 0 : event.watch.revision;
        if (test_word_take(timeline, "was")) {
            const char *value = test_word_next(timeline);

            change->has_prev = true;
            change->prev_value = (struct ll_bytes){value, strlen(value)};
            change->prev_created = test_word_option(timeline, "of", 0);
        }
        if (test_word_take(timeline, "lease")) {
            change->kv.lease =
                (int64_t)strtoull(test_word_next(timeline), NULL, 16);
        }
        event.watch.events = timeline->changes;
        event.watch.events_n = 1;
    }
    event.watch.member_id = (uint64_t)test_word_option(timeline, "member", 0);
    event.watch.generation = (uint32_t)test_word_option(
        timeline, "stream", timeline->streams[LL_STREAM_WATCH].generation);
    event.watch.cluster_id = cluster_parse(timeline);
    (void)test_timeline_step(timeline, &event);
    return true;
}

/** changed WATCH rev N put KEY@CREATED=VALUE [version V]|delete KEY[@CREATED] ...
 *  [rev N ...] */
bool test_run_changed(struct test_timeline *timeline)
{
    struct ll_event event = {.kind = LL_EVENT_WATCH_CHANGED};

    event.watch.watch_id = watch_parse(test_word_next(timeline));
    event.watch.reason = "";
    event.watch.events = timeline->changes;
    timeline->kvs_n = 0;
    while (event.watch.events_n < TEST_KVS_MAX) {
        struct ll_watch_event *change =
            &timeline->changes[event.watch.events_n];

        event.watch.revision =
            test_word_option(timeline, "rev", event.watch.revision);
        *change = (struct ll_watch_event){0};
        if (test_word_take(timeline, "put")) {
            const struct ll_kv *kv = test_kv_parse(timeline);

            if (kv == NULL) {
                return test_fault(timeline, "no KEY@CREATED");
            }
            change->kv = *kv;
            change->kv.version = test_word_option(timeline, "version", 1);
        } else if (test_word_take(timeline, "delete")) {
            const char *key = test_word_next(timeline);
            const char *created = strrchr(key, '@');

            change->deleted = true;
            change->kv.key = (struct ll_bytes){
                key, created != NULL ? (size_t)(created - key) : strlen(key)};
            change->has_prev = created != NULL;
            change->prev_created =
                created != NULL ? strtoll(created + 1, NULL, 10) : 0;
        } else {
            break;
        }
        change->kv.mod_revision = event.watch.revision;
        event.watch.events_n++;
    }
    event.watch.generation = timeline->streams[LL_STREAM_WATCH].generation;
    (void)test_timeline_step(timeline, &event);
    return true;
}

bool test_run_down(struct test_timeline *timeline)
{
    bool watch = strcmp(test_word_next(timeline), "watch") == 0;
    enum ll_stream_kind which = watch ? LL_STREAM_WATCH : beat_stream(timeline);
    struct test_stream *stream = &timeline->streams[which];
    bool denied = test_word_take(timeline, "denied");
    struct ll_event event = {.kind = LL_EVENT_STREAM_DOWN};

    if (!stream->open) {
        return test_skip(timeline, "the stream is not open");
    }
    stream->open = false;
    event.stream_down.which = which;
    event.stream_down.generation = stream->generation;
    event.stream_down.endpoint = stream->endpoint;
    event.stream_down.grpc_status = denied ? 7 : 14;
    event.stream_down.outcome = denied ? LL_OUTCOME_REFUSED : LL_OUTCOME_LOST;
    event.stream_down.no_token = denied && test_word_take(timeline, "token");
    event.stream_down.text = denied ? "permission denied" : "connection reset";
    (void)test_timeline_step(timeline, &event);
    return true;
}
