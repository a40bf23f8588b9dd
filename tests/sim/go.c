/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

/**
 * A client that behaves like Go's concurrency package: one lease, one lock at a
 * time, the key NAME/LEASE for each acquire, a watch from the revision of the
 * read before it, and an unlock without a compare. After any failure it
 * abandons its lease and starts over. */

enum go_state {
    GO_IDLE,
    GO_GRANT,
    GO_LOCK,
    GO_READ,  /* reads the last of the keys before its own */
    GO_WATCH, /* waits until that one is deleted */
    GO_HELD,
    GO_UNLOCK,
};

#define GO_TTL_S 5
#define GO_TIMEOUT_NS (3 * LL_NS_PER_S)

struct sim_go {
    struct sim_peer peer; /* first: a peer is cast to it */
    struct sim_world *world;
    struct ll_random random;
    enum go_state state;
    unsigned member;
    int64_t lease; /* 0: none */
    bool is_granted;
    uint64_t turn; /* events of an earlier turn are stale */
    unsigned name;
    int64_t revision; /* of its key */
    uint64_t streams[LL_STREAMS];
    char prefix[32];
    char prefix_end[32];
    char key[64];
};

static struct ll_bytes bytes(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

static void go_in(struct sim_go *go, int64_t in_ns)
{
    sim_push(go->world, go->world->now_ns + in_ns, SIM_EVENT_GO,
             go->peer.number, ++go->turn);
}

static void go_close(struct sim_go *go, enum ll_stream_kind kind)
{
    if (go->streams[kind] != 0) {
        sim_net_close(go->world, go->streams[kind]);
        go->streams[kind] = 0;
    }
}

static void go_open(struct sim_go *go, enum ll_stream_kind kind)
{
    go->streams[kind] =
        sim_net_open(go->world, (struct sim_stream){.peer = go->peer.number,
                                                    .member = go->member,
                                                    .kind = kind});
}

/** Abandons the lease, which expires with its key. */
static void go_fail(struct sim_go *go)
{
    SIM_REPORT(go->world, "go %u gives up", go->peer.number);
    go_close(go, LL_STREAM_WATCH);
    go_close(go, LL_STREAM_KEEPALIVE);
    go->state = GO_IDLE;
    go->lease = 0;
    go->is_granted = false;
    go->member = (go->member + 1) % go->world->members_n;
    go_in(go, sim_spread(&go->random, 10 * LL_NS_PER_MS, LL_NS_PER_S));
}

static void
go_call(struct sim_go *go, enum go_state state, struct ll_request request)
{
    go->state = state;
    sim_net_call(go->world,
                 (struct sim_call){.peer = go->peer.number,
                                   .member = go->member,
                                   .id = ++go->turn},
                 &request, go->world->now_ns + GO_TIMEOUT_NS);
}

static void go_grant(struct sim_go *go)
{
    struct ll_request request = {.kind = LL_REQUEST_LEASE_GRANT};

    go->lease = (int64_t)(ll_random_next(&go->random) >> 1) | 1;
    request.lease.lease = go->lease;
    request.lease.ttl_s = GO_TTL_S;
    go_call(go, GO_GRANT, request);
}

static struct ll_range go_queue(const struct sim_go *go, enum ll_sort sort)
{
    return (struct ll_range){.key = bytes(go->prefix),
                             .end = bytes(go->prefix_end),
                             .limit = 1,
                             .sort = sort};
}

static void go_lock(struct sim_go *go)
{
    struct ll_compare compare;
    struct ll_op then_ops[2];
    struct ll_op else_ops[2];
    struct ll_request request = {.kind = LL_REQUEST_TXN};

    go->name = (unsigned)sim_below(&go->random, go->world->names_n);
    (void)snprintf(go->prefix, sizeof(go->prefix), "%s/",
                   go->world->names[go->name]);
    (void)snprintf(go->prefix_end, sizeof(go->prefix_end), "%s0",
                   go->world->names[go->name]);
    (void)snprintf(go->key, sizeof(go->key), "%s%llx", go->prefix,
                   (unsigned long long)go->lease);
    compare = (struct ll_compare){.key = bytes(go->key),
                                  .target = LL_COMPARE_CREATE_REVISION,
                                  .result = LL_COMPARE_EQUAL};
    then_ops[0] = (struct ll_op){
        .kind = LL_OP_PUT, .put = {.key = bytes(go->key), .lease = go->lease}};
    then_ops[1] = (struct ll_op){.kind = LL_OP_RANGE,
                                 .range = go_queue(go, LL_SORT_OLDEST_FIRST)};
    else_ops[0] =
        (struct ll_op){.kind = LL_OP_RANGE, .range = {.key = bytes(go->key)}};
    else_ops[1] = then_ops[1];
    request.txn = (struct ll_txn){&compare, 1, then_ops, 2, else_ops, 2};
    SIM_REPORT(go->world, "go %u locks %s", go->peer.number,
               go->world->names[go->name]);
    go_call(go, GO_LOCK, request);
}

static void go_read(struct sim_go *go)
{
    struct ll_request request = {.kind = LL_REQUEST_RANGE};

    go_close(go, LL_STREAM_WATCH);
    request.range = go_queue(go, LL_SORT_NEWEST_FIRST);
    request.range.max_create_revision = go->revision - 1;
    go_call(go, GO_READ, request);
}

static void go_watch(struct sim_go *go, struct ll_bytes key, int64_t revision)
{
    struct sim_message *message;

    go->state = GO_WATCH;
    go_open(go, LL_STREAM_WATCH);
    message = sim_message_new(&go->world->pool, SIM_MESSAGE_WATCH_CREATE,
                              go->streams[LL_STREAM_WATCH]);
    sim_message_set_watch(
        message, &(struct sim_watch_request){.key = key,
                                             .start_revision = revision,
                                             .puts = true,
                                             .deletions = true});
    sim_net_send(go->world, go->streams[LL_STREAM_WATCH], message);
}

static void go_hold(struct sim_go *go)
{
    go->state = GO_HELD;
    SIM_REPORT(go->world, "go %u holds %s with %lld", go->peer.number,
               go->world->names[go->name], (long long)go->revision);
    go->world->result->go_grants++;
    sim_check_go_grant(go->world, bytes(go->key), go->name, go->revision);
    go_in(go, sim_spread(&go->random, 1, go->world->hold_ns));
}

static void go_unlock(struct sim_go *go)
{
    struct ll_op op = {.kind = LL_OP_DELETE, .del = {.key = bytes(go->key)}};
    struct ll_request request = {.kind = LL_REQUEST_TXN};

    request.txn = (struct ll_txn){.then_ops = &op, .then_n = 1};
    SIM_REPORT(go->world, "go %u unlocks %s", go->peer.number,
               go->world->names[go->name]);
    go_call(go, GO_UNLOCK, request);
}

static void go_on_locked(struct sim_go *go, const struct ll_answer *answer)
{
    const struct ll_op_answer *ops = answer->txn.ops;
    const struct ll_range_answer *owner = &ops[1].range;

    go->revision = answer->revision;
    if (!answer->txn.succeeded) {
        if (ops[0].range.kvs_n == 0) {
            go_fail(go);
            return;
        }
        go->revision = ops[0].range.kvs[0].create_revision;
    }
    if (owner->kvs_n == 0 || owner->kvs[0].create_revision == go->revision) {
        go_hold(go);
    } else {
        go_read(go);
    }
}

static void go_on_answer(struct sim_go *go, const struct ll_answer *answer)
{
    if (answer->outcome != LL_OUTCOME_OK) {
        go_fail(go);
        return;
    }
    switch (go->state) {
    case GO_GRANT:
        go->is_granted = true;
        sim_push(go->world, go->world->now_ns + 1, SIM_EVENT_GO_BEAT,
                 go->peer.number, (uint64_t)go->lease);
        go_lock(go);
        break;
    case GO_LOCK:
        go_on_locked(go, answer);
        break;
    case GO_READ:
        if (answer->range.kvs_n == 0) {
            go_hold(go);
        } else {
            go_watch(go, answer->range.kvs[0].key, answer->revision);
        }
        break;
    case GO_UNLOCK:
        go->state = GO_IDLE;
        go_in(go, sim_spread(&go->random, 1, 4 * go->world->think_ns));
        break;
    case GO_IDLE:
    case GO_WATCH:
    case GO_HELD:
        break;
    }
}

static void go_on_watch(struct sim_go *go, const struct ll_event *event)
{
    if (go->state != GO_WATCH) {
        return;
    }
    if (event->kind == LL_EVENT_WATCH_CANCELED) {
        go_read(go); /* perhaps compacted: reads again */
        return;
    }
    for (size_t i = 0; i < event->watch.events_n; i++) {
        if (event->watch.events[i].deleted) {
            go_read(go);
            return;
        }
    }
}

void sim_go_receive(struct sim_go *go, struct sim_message *message)
{
    struct sim_call call;

    if (message->kind == SIM_MESSAGE_ANSWER) {
        if (sim_net_claim(go->world, message->id, &call) &&
            call.id == go->turn) {
            go_on_answer(go, &message->answer);
        }
    } else if (message->kind == SIM_MESSAGE_BEAT_ANSWER) {
        if (message->beat.lease == go->lease && message->beat.ttl_s == 0) {
            go_fail(go);
        }
    } else if (message->id == go->streams[LL_STREAM_WATCH]) {
        if (message->kind == SIM_MESSAGE_WATCH_EVENT) {
            go_on_watch(go, &message->event);
        } else if (go->state == GO_WATCH) {
            go_fail(go);
        }
    } else if (message->id == go->streams[LL_STREAM_KEEPALIVE]) {
        go->streams[LL_STREAM_KEEPALIVE] = 0;
        go->member = (go->member + 1) % go->world->members_n;
    }
}

static void go_beat(struct sim_go *go)
{
    struct sim_message *message;

    if (go->streams[LL_STREAM_KEEPALIVE] == 0) {
        go_open(go, LL_STREAM_KEEPALIVE);
    }
    message = sim_message_new(&go->world->pool, SIM_MESSAGE_BEAT,
                              go->streams[LL_STREAM_KEEPALIVE]);
    message->beat.lease = go->lease;
    sim_net_send(go->world, go->streams[LL_STREAM_KEEPALIVE], message);
    sim_push(go->world, go->world->now_ns + GO_TTL_S * LL_NS_PER_S / 3,
             SIM_EVENT_GO_BEAT, go->peer.number, (uint64_t)go->lease);
}

void sim_go_on_event(struct sim_go *go, const struct sim_event *event)
{
    if (go->peer.is_paused) {
        sim_push(go->world, go->peer.paused_until_ns + SIM_SLACK_NS,
                 (enum sim_event_kind)event->kind, event->number, event->id);
    } else if (event->kind == SIM_EVENT_GO_BEAT) {
        if (go->lease == (int64_t)event->id && go->is_granted &&
            go->world->phase < SIM_PHASE_CLOSE) {
            go_beat(go);
        }
    } else if (event->id == go->turn && go->state == GO_HELD) {
        go_unlock(go);
    } else if (event->id == go->turn && go->state == GO_IDLE &&
               go->world->phase == SIM_PHASE_STORM) {
        if (go->is_granted) {
            go_lock(go);
        } else {
            go_grant(go);
        }
    }
}

struct sim_go *sim_go_new(struct sim_world *world, unsigned number)
{
    struct sim_go *go = calloc(1, sizeof(*go));

    if (go == NULL) {
        abort();
    }
    go->world = world;
    go->peer.number = number;
    go->random.state = ll_random_next(&world->setup);
    go->member = number % world->members_n;
    go_in(go, sim_below(&go->random, LL_NS_PER_S));
    return go;
}

void sim_go_free(struct sim_go *go)
{
    free(go);
}

bool sim_go_is_idle(const struct sim_go *go)
{
    return go->state == GO_IDLE;
}
