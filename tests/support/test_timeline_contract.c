/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "leaselock/status.h"
#include "support/test_timeline_private.h"

/**
 * Checks core's promises to its driver and, through it, to the user. */

void test_breach(struct test_timeline *timeline, const char *format, ...)
{
    va_list args;

    timeline->breaches++;
    fprintf(timeline->out, "!! ");
    va_start(args, format);
    vfprintf(timeline->out, format, args);
    va_end(args);
    fprintf(timeline->out, "\n");
}

static struct test_promise *promise_of(struct test_timeline *timeline,
                                       uint64_t id)
{
    if (id > UINT32_MAX) {
        return &timeline->unchecked;
    }
    if (id >= timeline->promises_n) {
        size_t n = (size_t)id + 64;
        struct test_promise *promises =
            realloc(timeline->promises, n * sizeof(*promises));

        if (promises == NULL) {
            abort(); /* not tested here: core's memory is its own */
        }
        memset(&promises[timeline->promises_n], 0,
               (n - timeline->promises_n) * sizeof(*promises));
        timeline->promises = promises;
        timeline->promises_n = n;
    }
    return &timeline->promises[id];
}

void test_contract_command(struct test_timeline *timeline,
                           const struct ll_event *event)
{
    struct test_promise *promise;

    if (event->kind == LL_EVENT_ANSWER) {
        return; /* not a command's; it may be a batch's */
    }
    promise = promise_of(timeline, event->id);
    if (event->kind == LL_EVENT_SESSION_OPEN) {
        promise->session = true;
    } else if (event->kind == LL_EVENT_OBSERVE) {
        promise->observer = true;
    } else if (event->kind == LL_EVENT_FOLLOW) {
        promise->follower = true;
    } else if (event->kind == LL_EVENT_ACQUIRE ||
               event->kind == LL_EVENT_ACQUIRE_ALL ||
               event->kind == LL_EVENT_RESUME ||
               event->kind == LL_EVENT_REJOIN) {
        promise->ticket = true;
        if (event->kind == LL_EVENT_REJOIN) {
            /* Nothing more is reported of it. */
            promise_of(timeline, event->rejoin.ticket)->good = false;
        }
    } else if (event->kind == LL_EVENT_WRITE) {
        promise->write = true;
        promise->writes_on = event->write.ticket;
        promise->order = timeline->writes_asked++;
        promise->releases = event->write.release;
        promise->end_asked = true;
    } else if (event->kind == LL_EVENT_QUERY) {
        promise->query = true;
    } else if (event->kind == LL_EVENT_SESSION_CLOSE ||
               event->kind == LL_EVENT_RELEASE ||
               event->kind == LL_EVENT_OBSERVE_END ||
               event->kind == LL_EVENT_FOLLOW_END) {
        promise->end_asked = true;
    }
}

static void
once(struct test_timeline *timeline, bool *ret_seen, bool due, const char *what)
{
    if (!due) {
        test_breach(timeline, "%s, which is not awaited", what);
    } else if (*ret_seen) {
        test_breach(timeline, "%s for the second time", what);
    }
    *ret_seen = true;
}

static void check_written(struct test_timeline *timeline,
                          const struct ll_effect *effect)
{
    struct test_promise *promise = promise_of(timeline, effect->id);
    int status = effect->written.detail.status;
    struct ll_ticket_view view;

    if (!effect->written.last) {
        once(timeline, &promise->went_on, promise->write && !promise->ended,
             "a write's timeout");
        if (status != LEASELOCK_E_OUTCOME_UNKNOWN) {
            test_breach(timeline, "a timeout with another status");
        }
        return;
    }
    once(timeline, &promise->ended, promise->write, "a write's last word");
    if ((effect->written.revision > 0) != (status == 0)) {
        test_breach(timeline, "the revision does not fit the status");
    }
    if (status == 0 && promise->releases &&
        ll_core_ticket_view(timeline->core, promise->writes_on,
                            timeline->now_ns, &view) &&
        view.phase != LL_TICKET_PHASE_LEAVING &&
        view.phase != LL_TICKET_PHASE_LOST) {
        test_breach(timeline, "released, but its key exists");
    }
}

/** Each leader is reported to an observer once in a row, and its end once. */
static void check_observed(struct test_timeline *timeline,
                           const struct ll_effect *effect)
{
    struct test_promise *promise = promise_of(timeline, effect->id);
    const struct ll_kv *leader = effect->observed.leader;
    char told[sizeof(promise->leader)] = "nobody";

    if (effect->observed.is_end) {
        once(timeline, &promise->ended, promise->observer, "an observer's end");
        return;
    }
    if (leader != NULL) {
        (void)snprintf(told, sizeof(told), "%.*s@%" PRId64 "=%.*s",
                       (int)leader->key.size, leader->key.data,
                       leader->create_revision, (int)leader->value.size,
                       leader->value.data);
    }
    if (promise->ended || !promise->observer) {
        test_breach(timeline, "a leader is reported without an observer");
    }
    if (strcmp(promise->leader, told) == 0) {
        test_breach(timeline, "%s for the second time", told);
    }
    memcpy(promise->leader, told, sizeof(told));
}

/** A write's call: the earlier writes of its ticket have ended. */
static void check_write_call(struct test_timeline *timeline, uint64_t id)
{
    const struct test_promise *promise = promise_of(timeline, id);

    if (!promise->write) {
        return;
    }
    if (promise->ended) {
        test_breach(timeline, "a call of a write that has ended");
    }
    for (size_t i = 0; i < timeline->promises_n; i++) {
        const struct test_promise *other = &timeline->promises[i];

        if (other->write && other->writes_on == promise->writes_on &&
            other->order < promise->order && !other->ended) {
            test_breach(timeline, "a write overtakes another");
        }
    }
    for (size_t i = 0; i < timeline->calls_n; i++) {
        if (timeline->calls[i].id == id) {
            test_breach(timeline,
                        "a write is sent while its call is in flight");
        }
    }
}

static void check_reported(struct test_timeline *timeline,
                           const struct ll_effect *effect)
{
    struct test_promise *promise = promise_of(timeline, effect->id);

    if (effect->kind == LL_EFFECT_SESSION_OPENED) {
        once(timeline, &promise->answered, promise->session, "opened");
        promise->good = effect->detail.status == 0;
    } else if (effect->kind == LL_EFFECT_ACQUIRED) {
        once(timeline, &promise->answered, promise->ticket, "acquired");
        promise->good = effect->detail.status == 0;
    } else if (effect->kind == LL_EFFECT_QUERIED) {
        once(timeline, &promise->answered, promise->query, "queried");
    } else if (effect->kind == LL_EFFECT_LOST) {
        once(timeline, &promise->lost, promise->ticket && promise->good,
             "lost");
    } else if (effect->kind == LL_EFFECT_ASKED) {
        if (!promise->ticket || !promise->good || promise->lost ||
            promise->ended || promise->end_asked) {
            test_breach(timeline, "asked, but it is not held");
        }
    } else if (effect->kind == LL_EFFECT_OBSERVED) {
        check_observed(timeline, effect);
    } else if (effect->kind == LL_EFFECT_FOLLOWED) {
        if (promise->ended || !promise->follower) {
            test_breach(timeline, "a report without a follower");
        }
        promise->ended = effect->followed.kind == LL_FOLLOWED_END;
    } else if (effect->kind == LL_EFFECT_WRITTEN) {
        check_written(timeline, effect);
    } else if (effect->kind == LL_EFFECT_SESSION_CLOSED ||
               effect->kind == LL_EFFECT_RELEASED) {
        once(timeline, &promise->ended, promise->end_asked, "ended");
    }
    if (effect->kind == LL_EFFECT_ACQUIRED && effect->detail.status == 0) {
        struct ll_ticket_view view;

        if (!ll_core_ticket_view(timeline->core, effect->id, timeline->now_ns,
                                 &view) ||
            view.phase != LL_TICKET_PHASE_HELD || view.token <= 0) {
            test_breach(timeline, "acquired, but it is not held");
        }
    }
}

/** Notes what the first operations of a branch read. */
static void
note_ops(struct test_op to[TEST_OPS_MAX], const struct ll_op *ops, size_t n)
{
    for (size_t i = 0; i < n && i < TEST_OPS_MAX; i++) {
        to[i].kind = ops[i].kind;
        if (ops[i].kind == LL_OP_RANGE) {
            to[i].max_created = ops[i].range.max_create_revision;
            to[i].count_only = ops[i].range.count_only;
            (void)snprintf(to[i].key, sizeof(to[i].key), "%.*s",
                           (int)ops[i].range.key.size, ops[i].range.key.data);
            (void)snprintf(to[i].end, sizeof(to[i].end), "%.*s",
                           (int)ops[i].range.end.size, ops[i].range.end.data);
        }
    }
}

static void note_kinds(struct test_call *call, const struct ll_txn *txn)
{
    for (size_t i = 0; i < txn->then_n && i < LL_BATCH_PARTS_MAX; i++) {
        call->kinds[i] = txn->then_ops[i].kind;
    }
}

static void check_call(struct test_timeline *timeline,
                       const struct ll_effect *effect)
{
    struct test_call *calls;

    if (effect->id < LL_ID_MAX / 2) {
        check_write_call(timeline, effect->id);
    }
    for (size_t i = 0; i < timeline->calls_n; i++) {
        if (timeline->calls[i].id == effect->id &&
            timeline->calls[i].seq == effect->call.seq) {
            test_breach(timeline, "two calls have the same name");
        }
    }
    if (timeline->calls_n == LL_CALLS_MAX) {
        test_breach(timeline, "too many calls in flight");
    }
    calls = realloc(timeline->calls, (timeline->calls_n + 1) * sizeof(*calls));
    if (calls == NULL) {
        abort();
    }
    timeline->calls = calls;
    calls[timeline->calls_n++] = (struct test_call){
        .id = effect->id,
        .seq = effect->call.seq,
        .endpoint = effect->call.endpoint,
        .kind = effect->call.request.kind,
        .then_n = effect->call.request.kind == LL_REQUEST_TXN
                      ? effect->call.request.txn.then_n
                      : 0,
        .else_n = effect->call.request.kind == LL_REQUEST_TXN
                      ? effect->call.request.txn.else_n
                      : 0,
        .is_try = effect->call.request.kind == LL_REQUEST_TXN &&
                  effect->call.request.txn.then_n > 0 &&
                  effect->call.request.txn.then_ops[0].kind == LL_OP_PUT};
    if (effect->call.request.kind == LL_REQUEST_TXN) {
        note_kinds(&calls[timeline->calls_n - 1], &effect->call.request.txn);
        note_ops(calls[timeline->calls_n - 1].then_ops,
                 effect->call.request.txn.then_ops,
                 effect->call.request.txn.then_n);
        note_ops(calls[timeline->calls_n - 1].else_ops,
                 effect->call.request.txn.else_ops,
                 effect->call.request.txn.else_n);
    }
}

static void check_stream(struct test_timeline *timeline,
                         const struct ll_effect *effect)
{
    struct test_stream *stream = &timeline->streams[effect->stream.which];

    if (effect->kind == LL_EFFECT_STREAM_CLOSE) {
        if (!stream->open || stream->generation != effect->stream.generation) {
            test_breach(timeline, "closes a stream that is not open");
        }
        stream->open = false;
        return;
    }
    if (stream->open || effect->stream.generation <= stream->generation) {
        test_breach(timeline, "opens a stream that is open");
    }
    *stream = (struct test_stream){true, effect->stream.generation,
                                   effect->stream.endpoint};
}

void test_contract_effect(struct test_timeline *timeline,
                          const struct ll_effect *effect)
{
    switch (effect->kind) {
    case LL_EFFECT_CALL:
        check_call(timeline, effect);
        break;
    case LL_EFFECT_STREAM_OPEN:
    case LL_EFFECT_STREAM_CLOSE:
        check_stream(timeline, effect);
        break;
    case LL_EFFECT_KEEPALIVE:
        if (!timeline->streams[effect->keepalive.which].open) {
            test_breach(timeline, "beats on no stream");
        }
        break;
    case LL_EFFECT_WATCH_CREATE:
    case LL_EFFECT_WATCH_CANCEL:
        if (!timeline->streams[LL_STREAM_WATCH].open ||
            (effect->kind == LL_EFFECT_WATCH_CREATE &&
             effect->watch.watch_id <= 0)) {
            test_breach(timeline, "watches on no stream");
        }
        break;
    case LL_EFFECT_SESSION_OPENED:
    case LL_EFFECT_SESSION_CLOSED:
    case LL_EFFECT_ACQUIRED:
    case LL_EFFECT_LOST:
    case LL_EFFECT_RELEASED:
    case LL_EFFECT_ASKED:
    case LL_EFFECT_WRITTEN:
    case LL_EFFECT_OBSERVED:
    case LL_EFFECT_FOLLOWED:
    case LL_EFFECT_QUERIED:
        check_reported(timeline, effect);
        break;
    case LL_EFFECT_SESSION_CHANGED:
        if (!promise_of(timeline, effect->id)->session) {
            test_breach(timeline, "a change of no session");
        }
        break;
    case LL_EFFECT_LOG:
        break;
    }
}
