/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/cluster.h"
#include "core/nearest.h"
#include "core/ticket.h"
#include "core/watch.h"
#include "leaselock/status.h"
#include "support/test_timeline_private.h"

/**
 * Prints effects as lines of a timeline, and the states that a user reads. */

void test_print_time(struct test_timeline *timeline)
{
    int64_t ms = (timeline->now_ns - TEST_START_NS) / 1000000;

    fprintf(timeline->out, "[%4" PRId64 ".%03" PRId64 "]", ms / 1000,
            ms % 1000);
}

static void print_bytes(FILE *out, struct ll_bytes bytes)
{
    fprintf(out, "%.*s", (int)bytes.size, bytes.data);
}

/** The end of a range: a text if it is that of the key as a prefix. */
static void print_bound(FILE *out,
                        struct ll_bytes key,
                        struct ll_bytes end,
                        const char *of_prefix)
{
    char past[LL_KEY_MAX];

    if (end.size > 0 && ll_bytes_equal(end, ll_prefix_end(key, past))) {
        fprintf(out, "%s", of_prefix);
    } else if (end.size > 0) {
        fprintf(out, " to ");
        print_bytes(out, end);
    }
}

static void print_range(FILE *out, const struct ll_range *range)
{
    fprintf(out, "%s ",
            range->count_only     ? "count"
            : range->end.size > 0 ? "list"
                                  : "get");
    print_bytes(out, range->key);
    print_bound(out, range->key, range->end, "");
    if (range->sort != LL_SORT_NONE) {
        fprintf(out, " %s",
                range->sort == LL_SORT_NEWEST_FIRST ? "newest" : "oldest");
        fprintf(out, " %" PRId64, range->limit);
    }
    if (range->revision != 0) {
        fprintf(out, " of revision %" PRId64, range->revision);
    }
    if (range->max_create_revision != 0) {
        fprintf(out, " up to %" PRId64, range->max_create_revision);
    }
    fprintf(out, "%s%s", range->serializable ? " serializable" : "",
            range->keys_only ? "" : " with values");
}

static void print_put(FILE *out, const struct ll_put *put)
{
    fprintf(out, put->keep ? "touch " : "put ");
    print_bytes(out, put->key);
    if (put->value.size > 0 && put->value.data[0] != '{') {
        fprintf(out, " = ");
        print_bytes(out, put->value);
    }
    if (put->lease != 0) {
        fprintf(out, " on %" PRIx64, (uint64_t)put->lease);
    }
}

static void print_txn(FILE *out, const struct ll_txn *txn);

static void print_ops(FILE *out, const struct ll_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s", i > 0 ? "; " : "");
        switch (ops[i].kind) {
        case LL_OP_RANGE:
            print_range(out, &ops[i].range);
            break;
        case LL_OP_PUT:
            print_put(out, &ops[i].put);
            break;
        case LL_OP_DELETE:
            fprintf(out, "delete ");
            print_bytes(out, ops[i].del.key);
            break;
        case LL_OP_TXN:
            print_txn(out, &ops[i].txn);
            break;
        }
    }
}

static void print_txn(FILE *out, const struct ll_txn *txn)
{
    static const char *const results[] = {"=", ">", "<", "!="};
    static const char *const targets[] = {"version", "created", "changed",
                                          "lease", "value"};

    for (size_t i = 0; i < txn->compares_n; i++) {
        const struct ll_compare *compare = &txn->compares[i];

        fprintf(out, "%s%s(", i == 0 ? "if " : "and ",
                targets[compare->target]);
        print_bytes(out, compare->key);
        print_bound(out, compare->key, compare->end, "*");
        fprintf(out, ") %s ", results[compare->result]);
        if (compare->target == LL_COMPARE_VALUE) {
            print_bytes(out, compare->value);
            fprintf(out, " ");
        } else {
            fprintf(out, "%" PRId64 " ", compare->number);
        }
    }
    fprintf(out, "{");
    print_ops(out, txn->then_ops, txn->then_n);
    fprintf(out, "}");
    if (txn->else_n > 0) {
        fprintf(out, " else {");
        print_ops(out, txn->else_ops, txn->else_n);
        fprintf(out, "}");
    }
}

/** The name of an object; those that core makes by itself have ids of their
 *  own. */
static void print_id(const struct test_timeline *timeline, uint64_t id)
{
    bool is_left = ll_object_find(timeline->core, id, &ll_ticket_ops) != NULL;

    if (id > LL_ID_MAX / 2) {
        fprintf(timeline->out, "%s%" PRIu64, is_left ? "left" : "core",
                LL_ID_MAX - id);
    } else {
        fprintf(timeline->out, "%" PRIu64, id);
    }
}

static void print_call(struct test_timeline *timeline,
                       const struct ll_effect *effect)
{
    const struct ll_request *request = &effect->call.request;
    uint64_t lease = (uint64_t)request->lease.lease;
    FILE *out = timeline->out;

    if (effect->id == LL_WATCH_SERVER_CALL) {
        fprintf(out, "call server.%" PRIu32, effect->call.seq);
    } else if (effect->id >= LL_NEAREST_CALLS) {
        fprintf(out, "call nearest%" PRIu64 ".%" PRIu32,
                effect->id - LL_NEAREST_CALLS, effect->call.seq);
    } else if (effect->id >= LL_CLUSTER_CALLS) {
        fprintf(out, "call check%" PRIu64 ".%" PRIu32,
                effect->id - LL_CLUSTER_CALLS, effect->call.seq);
    } else if (effect->id >= LL_ID_MAX) {
        fprintf(out, "call batch%" PRIu64 ".%" PRIu32, effect->id - LL_ID_MAX,
                effect->call.seq);
    } else {
        fprintf(out, "call ");
        print_id(timeline, effect->id);
        fprintf(out, ".%" PRIu32, effect->call.seq);
    }
    if (timeline->config.endpoints_n > 1) {
        fprintf(out, " to endpoint %" PRIu32, effect->call.endpoint);
    }
    fprintf(out, ": ");
    switch (request->kind) {
    case LL_REQUEST_TXN:
        print_txn(out, &request->txn);
        break;
    case LL_REQUEST_RANGE:
        print_range(out, &request->range);
        break;
    case LL_REQUEST_DELETE:
        fprintf(out, "delete ");
        print_bytes(out, request->del.key);
        break;
    case LL_REQUEST_LEASE_GRANT:
        fprintf(out, "grant lease %" PRIx64 ", ttl %" PRId64, lease,
                request->lease.ttl_s);
        break;
    case LL_REQUEST_LEASE_REVOKE:
        fprintf(out, "revoke lease %" PRIx64, lease);
        break;
    case LL_REQUEST_LEASE_TTL:
        fprintf(out, "what is %s lease %" PRIx64,
                request->lease.keys ? "on" : "left of", lease);
        break;
    case LL_REQUEST_STATUS:
        fprintf(out, "status");
        break;
    case LL_REQUEST_MEMBER_LIST:
        fprintf(out, "members");
        break;
    }
}

static void print_stream(struct test_timeline *timeline,
                         const struct ll_effect *effect)
{
    bool opens = effect->kind == LL_EFFECT_STREAM_OPEN;

    fprintf(timeline->out, "%s %s stream %" PRIu32, opens ? "open" : "close",
            effect->stream.which == LL_STREAM_WATCH ? "watch" : "keep-alive",
            effect->stream.generation);
    if (opens && timeline->config.endpoints_n > 1) {
        fprintf(timeline->out, " to endpoint %" PRIu32,
                effect->stream.endpoint);
    }
}

static void print_watch(const struct test_timeline *timeline, int64_t id)
{
    FILE *out = timeline->out;
    unsigned slot = ll_watch_slot_of(id);

    if (ll_watch_owner_of(id) == 0) {
        fprintf(out, "#%" PRId64, id);
        return;
    }
    print_id(timeline, ll_watch_owner_of(id));
    fprintf(out, ".%s", slot == LL_WATCH_OWN ? "own" : "ahead");
    if (slot > LL_WATCH_AHEAD) {
        fprintf(out, "%u", slot);
    }
    fprintf(out, ".%u", ll_watch_uses_of(id));
}

static void print_watch_create(const struct test_timeline *timeline,
                               const struct ll_effect *effect)
{
    FILE *out = timeline->out;

    fprintf(out, "watch ");
    print_watch(timeline, effect->watch.watch_id);
    fprintf(out, ": %s%sof ", effect->watch.puts ? "puts " : "",
            effect->watch.deletions ? "deletions " : "");
    print_bytes(out, effect->watch.key);
    if (effect->watch.end.size > 0) {
        fprintf(out, "*");
    }
    if (effect->watch.end.size > 0 || effect->watch.prev_values) {
        fprintf(out, " from revision %" PRId64, effect->watch.start_revision);
    }
    if (effect->watch.prev_values) {
        fprintf(out, " with the values that they had");
    }
}

static void print_detail(FILE *out, const struct ll_detail *detail)
{
    /* Without "LEASELOCK_". */
    fprintf(out, "%s", leaselock_status_name(detail->status) + 10);
    if (detail->status != 0 && detail->text[0] != '\0') {
        fprintf(out, ": %s", detail->text);
    }
    if (detail->grpc_status >= 0) {
        fprintf(out, " (gRPC %d)", detail->grpc_status);
    }
}

static const char *state_name(enum ll_session_state state)
{
    switch (state) {
    case LL_SESSION_OPENING:
        return "opening";
    case LL_SESSION_ACTIVE:
        return "active";
    case LL_SESSION_SUSPECT:
        return "suspect";
    case LL_SESSION_LOST:
        return "lost";
    case LL_SESSION_CLOSING:
        return "closing";
    }
    return "?";
}

/** "ticket 2 acquired: OK" and the like. */
static void print_end(FILE *out,
                      const struct ll_effect *effect,
                      const char *noun,
                      const char *verb)
{
    fprintf(out, "%s %" PRIu64 " %s: ", noun, effect->id, verb);
    print_detail(out, &effect->detail);
}

void test_effect_print(struct test_timeline *timeline,
                       const struct ll_effect *effect)
{
    FILE *out = timeline->out;

    test_print_time(timeline);
    fprintf(out, "   -> ");
    switch (effect->kind) {
    case LL_EFFECT_CALL:
        print_call(timeline, effect);
        break;
    case LL_EFFECT_STREAM_OPEN:
    case LL_EFFECT_STREAM_CLOSE:
        print_stream(timeline, effect);
        break;
    case LL_EFFECT_KEEPALIVE:
        fprintf(out, "beat %" PRIx64, (uint64_t)effect->keepalive.lease);
        if (timeline->streams[LL_STREAM_KEEPALIVE].open +
                timeline->streams[LL_STREAM_KEEPALIVE_2].open +
                timeline->streams[LL_STREAM_TRIAL].open >
            1) {
            fprintf(out, " on stream %" PRIu32,
                    timeline->streams[effect->keepalive.which].generation);
        }
        break;
    case LL_EFFECT_WATCH_CREATE:
        print_watch_create(timeline, effect);
        break;
    case LL_EFFECT_WATCH_CANCEL:
        fprintf(out, "cancel watch ");
        print_watch(timeline, effect->watch.watch_id);
        break;
    case LL_EFFECT_SESSION_OPENED:
        print_end(out, effect, "session", "opened");
        break;
    case LL_EFFECT_SESSION_CLOSED:
        print_end(out, effect, "session", "closed");
        break;
    case LL_EFFECT_ACQUIRED:
        print_end(out, effect, "ticket", "acquired");
        fprintf(out, "%s", effect->silenced ? " (silenced)" : "");
        break;
    case LL_EFFECT_RELEASED:
        print_end(out, effect, "ticket", "released");
        break;
    case LL_EFFECT_ASKED:
        fprintf(out, "ticket %" PRIu64 " is asked%s in revision %" PRId64 ": ",
                effect->id,
                effect->asked.by_others ? " by others" : ", perhaps",
                effect->asked.revision);
        print_bytes(out, effect->asked.value);
        break;
    case LL_EFFECT_OBSERVED:
        fprintf(out, "observer %" PRIu64 ": ", effect->id);
        if (effect->observed.is_end) {
            fprintf(out, "the end: ");
            print_detail(out, &effect->observed.detail);
        } else if (effect->observed.leader == NULL) {
            fprintf(out, "nobody leads");
        } else {
            print_bytes(out, effect->observed.leader->key);
            fprintf(out, " leads with \"");
            print_bytes(out, effect->observed.leader->value);
            fprintf(out, "\"");
        }
        break;
    case LL_EFFECT_FOLLOWED:
        fprintf(out, "follower %" PRIu64 ": ", effect->id);
        test_print_followed(out, effect);
        if (effect->followed.kind == LL_FOLLOWED_FAILED) {
            print_detail(out, &effect->followed.detail);
        }
        break;
    case LL_EFFECT_WRITTEN:
        fprintf(out, "write %" PRIu64 " %s: ", effect->id,
                effect->written.last ? "ended" : "goes on");
        print_detail(out, &effect->written.detail);
        if (effect->written.revision > 0) {
            fprintf(out, ", revision %" PRId64, effect->written.revision);
        }
        if (effect->written.detail.status == 0 && effect->written.reads_n > 0 &&
            effect->written.reads == NULL) {
            fprintf(out, ", what it read is not known");
        }
        for (size_t i = 0;
             effect->written.reads != NULL && i < effect->written.reads_n;
             i++) {
            const struct ll_range_answer *range =
                &effect->written.reads[i].range;

            fprintf(out, ", read ");
            print_bytes(out, range->kvs_n > 0 ? range->kvs[0].value
                                              : (struct ll_bytes){"-", 1});
        }
        break;
    case LL_EFFECT_SESSION_CHANGED:
        fprintf(out, "session %" PRIu64 " is %s%s%s", effect->id,
                state_name(effect->session.state),
                effect->session.why[0] != '\0' ? ": " : "",
                effect->session.why);
        break;
    case LL_EFFECT_LOST:
        fprintf(out, "ticket %" PRIu64 " lost: %s", effect->id,
                effect->lost.why);
        break;
    case LL_EFFECT_QUERIED:
        fprintf(out,
                "query %" PRIu64 " ended after %" PRId64 " ms: ", effect->id,
                effect->query.round_trip_ns / 1000000);
        print_detail(out, &effect->query.detail);
        break;
    case LL_EFFECT_LOG:
        fprintf(out, "log %d: %s", effect->log.level, effect->log.text);
        break;
    }
    fprintf(out, "\n");
}

bool test_run_look(struct test_timeline *timeline)
{
    static const char *const phases[] = {"waiting", "held", "lost", "leaving"};
    static const char *const states[] = {"opening", "active", "suspect", "lost",
                                         "closing"};
    uint64_t id = strtoull(test_word_next(timeline), NULL, 10);
    struct ll_session_view session;
    struct ll_ticket_view ticket;

    test_print_time(timeline);
    if (ll_core_session_view(timeline->core, id, timeline->now_ns, &session)) {
        fprintf(timeline->out,
                "   session %" PRIu64 " is %s for %" PRId64 " ms more\n", id,
                states[session.state], session.remaining_ns / 1000000);
    } else if (ll_core_ticket_view(timeline->core, id, timeline->now_ns,
                                   &ticket)) {
        fprintf(timeline->out,
                "   ticket %" PRIu64 " is %s, token %" PRId64 ", %" PRId64
                " ahead, for %" PRId64 " ms more\n",
                id, phases[ticket.phase], ticket.token, ticket.ahead,
                ticket.remaining_ns / 1000000);
    } else {
        fprintf(timeline->out, "   %" PRIu64 " is no more\n", id);
    }
    return true;
}
