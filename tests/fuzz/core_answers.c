/* SPDX-License-Identifier: Apache-2.0 */
/* Input to core from etcd and the network: expected messages, and many
 * unexpected ones. */
#include <string.h>

#include "core/follow.h"
#include "core_world.h"

#define KVS_MAX 3

static char long_key[3000];

static int64_t
pick_created(struct world *world, uint64_t id, struct fuzz_bytes *bytes)
{
    struct ll_ticket_view view;

    switch (fuzz_below(bytes, 6)) {
    case 0:
    case 1:
        if (ll_core_ticket_view(world->core, id, world->now_ns, &view) &&
            view.token > 0) {
            return view.token;
        }
        return world->revision;
    case 2:
        return world->revision;
    case 3:
        return world->revision > 1 ? world->revision - 1 : 1;
    case 4:
        return 1;
    default:
        return INT64_MAX;
    }
}

static struct ll_kv
make_kv(struct world *world, uint64_t id, struct fuzz_bytes *bytes)
{
    struct ll_kv kv = {.version = 1 + (world->revision & 3)};
    struct ll_ticket_view view;
    uint64_t other = id;

    memset(long_key, 'k', sizeof(long_key));
    kv.key = (struct ll_bytes){"q/1.1", 5};
    switch (fuzz_below(bytes, 8)) {
    case 0:
    case 1:
        break;
    case 2:
    case 3:
        kv.key = (struct ll_bytes){"q/1.2", 5};
        break;
    case 4:
        kv.key = (struct ll_bytes){"q/nested/1.1", 12};
        break;
    case 5:
        kv.key = (struct ll_bytes){"q", 1};
        break;
    case 6:
        kv.key = (struct ll_bytes){long_key, sizeof(long_key)};
        break;
    default:
        other = fuzz_byte(bytes);
        break;
    }
    if ((other != id || fuzz_below(bytes, 2) == 0) &&
        ll_core_ticket_view(world->core, other, world->now_ns, &view)) {
        kv.key = view.key;
    }
    kv.create_revision = pick_created(world, other, bytes);
    kv.mod_revision = kv.create_revision;
    if (id > 0 && id <= world->things_n &&
        (world->things[id - 1].kind == THING_TICKET ||
         world->things[id - 1].kind == THING_PART) &&
        fuzz_below(bytes, 8) != 7) {
        kv.lease = world->things[world->things[id - 1].session].lease;
    }
    return kv;
}

/** An answer's memory, freed when it has been stepped in and all effects have
 *  been drawn. */
struct parts {
    struct ll_op_answer ops[OPS_MAX];
    struct ll_kv kvs[OPS_MAX][KVS_MAX];
    char text[64];
    struct parts *nested[LL_BATCH_PARTS_MAX];
};

static struct parts *parts_new(void)
{
    struct parts *parts = calloc(1, sizeof(*parts));

    FUZZ_CHECK(parts != NULL);
    return parts;
}

static void parts_free(struct parts *parts)
{
    for (size_t i = 0; i < LL_BATCH_PARTS_MAX; i++) {
        if (parts->nested[i] != NULL) {
            parts_free(parts->nested[i]);
        }
    }
    free(parts);
}

static struct ll_range_answer make_range(struct world *world,
                                         uint64_t id,
                                         struct ll_kv *kvs,
                                         struct fuzz_bytes *bytes)
{
    struct ll_range_answer range = {.kvs = kvs};

    range.kvs_n = fuzz_below(bytes, KVS_MAX + 1);
    for (size_t i = 0; i < range.kvs_n; i++) {
        kvs[i] = make_kv(world, id, bytes);
    }
    range.count = (int64_t)range.kvs_n + (int64_t)fuzz_below(bytes, 3) +
                  (world->revision % 8 == 0 ? 40 : 0);
    range.more = range.count > (int64_t)range.kvs_n;
    return range;
}

/** The key of a write's ticket, mostly as created, at some version. */
static struct ll_range_answer make_fence(struct world *world,
                                         uint64_t id,
                                         struct ll_kv *kv,
                                         struct fuzz_bytes *bytes)
{
    unsigned choice = fuzz_below(bytes, 16);
    struct ll_ticket_view view;

    *kv = (struct ll_kv){.key = {"q/1.1", 5}, .create_revision = 1};
    if (ll_core_ticket_view(world->core, world->things[id - 1].ticket + 1,
                            world->now_ns, &view) &&
        view.token > 0) {
        kv->create_revision = view.token;
        kv->key = view.key;
    }
    kv->create_revision += choice == 14 ? 1 : 0;
    kv->version = 1 + choice % 8;
    kv->mod_revision = world->revision;
    return (struct ll_range_answer){
        .kvs = kv, .kvs_n = choice == 15 ? 0 : 1, .count = 1};
}

static void make_txn(struct world *world,
                     uint64_t id,
                     const struct fuzz_txn *asked,
                     struct parts *parts,
                     struct ll_txn_answer *txn,
                     struct fuzz_bytes *bytes)
{
    const uint8_t *kinds;
    unsigned oddity;

    txn->succeeded = fuzz_below(bytes, 3) != 2;
    kinds = txn->succeeded ? asked->then_ops : asked->else_ops;
    txn->ops_n = txn->succeeded ? asked->then_n : asked->else_n;
    txn->ops = parts->ops;
    for (size_t i = 0; i < txn->ops_n; i++) {
        parts->ops[i].kind = (enum ll_op_kind)kinds[i];
    }
    oddity = fuzz_below(bytes, 32);
    if (oddity == 31) {
        txn->ops_n = 0;
    } else if (oddity == 30) {
        txn->ops_n = 1;
        parts->ops[0].kind = LL_OP_PUT;
    } else if (oddity == 29) {
        txn->ops_n = 1;
        parts->ops[0].kind = LL_OP_TXN;
        parts->ops[0].txn = (struct ll_txn_answer){.succeeded = true};
    }
    for (size_t i = 0; i < txn->ops_n; i++) {
        if (parts->ops[i].kind == LL_OP_RANGE && id <= world->things_n &&
            world->things[id - 1].kind == THING_WRITE) {
            parts->ops[i].range = make_fence(world, id, parts->kvs[i], bytes);
        } else if (parts->ops[i].kind == LL_OP_RANGE) {
            parts->ops[i].range = make_range(world, id, parts->kvs[i], bytes);
        } else if (parts->ops[i].kind == LL_OP_DELETE) {
            parts->ops[i].deleted = 1;
        }
    }
}

/** An answer to an operation of a batch. */
static void make_batch_op(struct world *world,
                          uint64_t id,
                          const struct fuzz_call *call,
                          struct parts *parts,
                          size_t at,
                          struct fuzz_bytes *bytes)
{
    struct ll_op_answer *op = &parts->ops[at];

    op->kind = (enum ll_op_kind)call->txn.then_ops[at];
    switch (op->kind) {
    case LL_OP_TXN:
        make_txn(world, id, &call->parts[at], parts->nested[at], &op->txn,
                 bytes);
        break;
    case LL_OP_RANGE:
        op->range = make_range(world, id, parts->nested[at]->kvs[0], bytes);
        break;
    case LL_OP_DELETE:
        op->deleted = fuzz_below(bytes, 2);
        break;
    case LL_OP_PUT:
        break;
    }
}

/** An answer to each request of a batch. */
static void make_batch(struct world *world,
                       const struct fuzz_call *call,
                       struct parts *parts,
                       struct ll_txn_answer *txn,
                       struct fuzz_bytes *bytes)
{
    const struct ll_batch *batch =
        &world->core->batches.slots[call->id - LL_ID_MAX];
    unsigned oddity = fuzz_below(bytes, 16);

    size_t at = 0;

    txn->succeeded = oddity != 15;
    txn->ops = parts->ops;
    txn->ops_n = call->txn.then_n - (oddity == 14 ? 1 : 0);
    for (size_t i = 0; i < batch->n; i++) {
        for (size_t k = 0; k < batch->parts[i].ops_n; k++, at++) {
            parts->nested[at] = parts_new();
            make_batch_op(world, batch->parts[i].id, call, parts, at, bytes);
            if (oddity == 13) {
                parts->ops[at].kind = LL_OP_PUT;
            }
        }
    }
}

static void make_ok(struct world *world,
                    const struct fuzz_call *call,
                    struct parts *parts,
                    struct ll_answer *answer,
                    struct fuzz_bytes *bytes)
{
    static const int64_t ttls_s[] = {10, 2, 1, 3600, INT64_C(9000000000)};
    static const struct ll_bytes keys[] = {
        {"q/1.1", 5}, {"r/2.1", 5}, {"r/2", 3},  {"2.1", 3},
        {"", 0},      {"/2.1", 4},  {"q/1.", 4}, {long_key, sizeof(long_key)}};
    unsigned back = fuzz_below(bytes, 8);

    answer->kind = call->kind;
    answer->text = "";
    if (back < 6) {
        answer->revision = ++world->revision;
    } else {
        answer->revision = world->revision - (back == 6 ? 0 : fuzz_byte(bytes));
        answer->revision = answer->revision > 0 ? answer->revision : 1;
    }
    answer->member_id = fuzz_below(bytes, 4) == 3 ? 2 : 1;
    switch (call->kind) {
    case LL_REQUEST_TXN:
        if (call->parts != NULL) {
            make_batch(world, call, parts, &answer->txn, bytes);
        } else {
            make_txn(world, call->id, &call->txn, parts, &answer->txn, bytes);
        }
        break;
    case LL_REQUEST_RANGE:
        if (call->id >= LL_NEAREST_CALLS) {
            break;
        }
        answer->range = make_range(world, call->id, parts->kvs[0], bytes);
        if (world_is_follower(world, call->id) && fuzz_below(bytes, 16) == 15) {
            answer->range.count = LL_FOLLOW_KEYS_MAX + 1;
        }
        break;
    case LL_REQUEST_DELETE:
        answer->deleted = fuzz_below(bytes, 3);
        break;
    case LL_REQUEST_LEASE_GRANT:
    case LL_REQUEST_LEASE_TTL:
        answer->lease.ttl_s = ttls_s[fuzz_below(bytes, 5)];
        answer->lease.granted_ttl_s = answer->lease.ttl_s;
        if (call->kind == LL_REQUEST_LEASE_TTL && fuzz_below(bytes, 4) == 3) {
            answer->lease.ttl_s = -1;
        } else if (call->kind == LL_REQUEST_LEASE_TTL) {
            answer->lease.keys = keys;
            answer->lease.keys_n =
                fuzz_below(bytes, sizeof(keys) / sizeof(keys[0]) + 1);
        }
        break;
    case LL_REQUEST_LEASE_REVOKE:
        break;
    case LL_REQUEST_STATUS:
        answer->status.version =
            fuzz_below(bytes, 2) == 0 ? "3.4.23" : "3.5.30";
        break;
    case LL_REQUEST_MEMBER_LIST:
        break;
    }
}

void world_answer(struct world *world,
                  unsigned call,
                  enum ll_outcome outcome,
                  struct fuzz_bytes *bytes)
{
    struct fuzz_call asked = world->calls[call];
    struct ll_event event = {.kind = LL_EVENT_ANSWER, .id = asked.id};
    struct parts *parts = parts_new();
    struct ll_answer *answer = calloc(1, sizeof(*answer));

    FUZZ_CHECK(answer != NULL);
    answer->outcome = outcome;
    if (outcome == LL_OUTCOME_OK) {
        make_ok(world, &asked, parts, answer, bytes);
    } else {
        (void)snprintf(parts->text, sizeof(parts->text), "outcome %d%s",
                       (int)outcome,
                       asked.parts != NULL && fuzz_below(bytes, 8) == 7
                           ? ": too many operations"
                           : "");
        answer->text = parts->text;
        answer->grpc_status =
            world_is_follower(world, asked.id) && fuzz_below(bytes, 4) == 3
                ? LL_GRPC_RESOURCE_EXHAUSTED
                : 14;
    }
    world->calls[call] = world->calls[--world->calls_n];
    event.answer.seq = asked.seq;
    event.answer.endpoint = asked.endpoint;
    event.answer.answer = answer;
    (void)world_step(world, &event);
    free(answer);
    free(asked.parts);
    parts_free(parts);
}

/** The generation of a stream: mostly the latest. */
static uint32_t pick_generation(const struct world *world,
                                enum ll_stream_kind which,
                                struct fuzz_bytes *bytes)
{
    return world->generations[which] - (fuzz_below(bytes, 16) == 15 ? 1 : 0);
}

void world_keepalive(struct world *world, struct fuzz_bytes *bytes)
{
    static const int64_t ttls_s[] = {10, 2, 0, INT64_C(9000000000)};
    struct thing *session = world_pick(world, THING_SESSION, bytes);
    struct ll_event event = {.kind = LL_EVENT_KEEPALIVE};

    event.keepalive.generation = pick_generation(
        world,
        fuzz_below(bytes, 4) == 3 ? LL_STREAM_KEEPALIVE_2 : LL_STREAM_KEEPALIVE,
        bytes);
    event.keepalive.lease = session != NULL ? session->lease : 99;
    event.keepalive.ttl_s = ttls_s[fuzz_below(bytes, 4)];
    (void)world_step(world, &event);
}

/** Records etcd's action on a watch. */
static void note_watch(struct world *world, const struct ll_event *event)
{
    struct fuzz_watch *watch = event->watch.watch_id < 0
                                   ? world_oldest_creating(world)
                                   : world_watch(world, event->watch.watch_id);

    if (event->kind == LL_EVENT_WATCH_CREATED && event->watch.watch_id < 0) {
        return; /* no watch: -1 is a refusal's id */
    }
    if (event->kind == LL_EVENT_WATCH_CREATED &&
        (watch == NULL || watch->state == FUZZ_WATCH_OVER)) {
        /* The server's own number, if it is unambiguous. */
        watch = world_oldest_creating(world);
        if (watch != NULL &&
            event->watch.generation == world->generations[LL_STREAM_WATCH]) {
            watch->id = event->watch.watch_id;
        }
    }
    if (world_stream(world, LL_STREAM_WATCH) == NULL || watch == NULL ||
        event->watch.generation != world->generations[LL_STREAM_WATCH]) {
        return;
    }
    if (event->kind == LL_EVENT_WATCH_CANCELED) {
        watch->state = FUZZ_WATCH_OVER;
    } else if (event->kind == LL_EVENT_WATCH_CREATED &&
               watch->state == FUZZ_WATCH_CREATING) {
        watch->state = FUZZ_WATCH_ON;
    }
}

static int64_t pick_watch(struct world *world, struct fuzz_bytes *bytes)
{
    struct fuzz_watch *oldest = world_oldest_creating(world);
    unsigned choice = fuzz_byte(bytes);

    if (choice < 96 && oldest != NULL) {
        return oldest->id;
    }
    if (choice == 255) {
        return -1;
    }
    if (choice >= 250 || world->watches_n == 0) {
        return (int64_t)(fuzz_number(bytes) >> 1);
    }
    return world->watches[world->watches_n - 1 - choice % world->watches_n].id;
}

/** Changes for a follower: new keys among them, and perhaps some that were
 *  reported before. */
static void
make_followed(struct ll_watch_event *events, size_t n, struct fuzz_bytes *bytes)
{
    int64_t back = fuzz_below(bytes, 8) == 7 ? 4 : 0;

    for (size_t i = 0; i < n; i++) {
        events[i].kv.mod_revision -= back;
        if (fuzz_below(bytes, 2) == 0) {
            events[i].kv.create_revision = events[i].kv.mod_revision;
        }
    }
}

void world_watch_event(struct world *world,
                       enum ll_event_kind kind,
                       struct fuzz_bytes *bytes)
{
    struct ll_event event = {.kind = kind};
    struct ll_watch_event *events = calloc(3, sizeof(*events));

    FUZZ_CHECK(events != NULL);
    event.watch.generation = pick_generation(world, LL_STREAM_WATCH, bytes);
    event.watch.watch_id = pick_watch(world, bytes);
    event.watch.revision = world->revision;
    event.watch.member_id = fuzz_below(bytes, 8) == 7 ? 2 : 1;
    event.watch.reason = "";
    event.watch.outcome = LL_OUTCOME_OK;
    if (kind == LL_EVENT_WATCH_CANCELED) {
        event.watch.reason = "for no reason";
        event.watch.outcome =
            fuzz_below(bytes, 2) ? LL_OUTCOME_REFUSED : LL_OUTCOME_ERROR;
    } else if (kind == LL_EVENT_WATCH_CHANGED) {
        uint64_t id = ll_watch_owner_of(event.watch.watch_id);

        event.watch.events = events;
        event.watch.events_n = 1 + fuzz_below(bytes, 3);
        for (size_t i = 0; i < event.watch.events_n; i++) {
            events[i].deleted = fuzz_below(bytes, 3) != 2;
            events[i].kv = make_kv(world, id, bytes);
            events[i].kv.mod_revision = ++world->revision;
            events[i].has_prev = world->revision % 3 != 0;
            events[i].prev_created =
                events[i].has_prev ? events[i].kv.create_revision : 0;
            events[i].prev_value = world->revision % 3 == 1
                                       ? (struct ll_bytes){"released", 8}
                                       : (struct ll_bytes){"{}", 2};
        }
        if (world_is_follower(world, id)) {
            make_followed(events, event.watch.events_n, bytes);
        }
    }
    note_watch(world, &event);
    (void)world_step(world, &event);
    free(events);
}

void world_stream_down(struct world *world,
                       unsigned at,
                       enum ll_outcome outcome)
{
    struct fuzz_stream stream = world->streams[at];
    struct ll_event event = {.kind = LL_EVENT_STREAM_DOWN};

    event.stream_down.which = stream.which;
    event.stream_down.generation = stream.generation;
    event.stream_down.endpoint = stream.endpoint;
    event.stream_down.grpc_status = 14;
    event.stream_down.outcome = outcome;
    event.stream_down.text = "down";
    world_forget_stream(world, &world->streams[at]);
    (void)world_step(world, &event);
}
