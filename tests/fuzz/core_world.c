/* SPDX-License-Identifier: Apache-2.0 */
#include "core_world.h"

#include <string.h>

#include "core/ticket.h"
#include "etcd/messages.h"
#include "leaselock/leaselock.h"

/** The limit of consecutive immediate wake-ups. */
#define WAKES_MAX 4

struct fuzz_stream *world_stream(struct world *world, enum ll_stream_kind kind)
{
    for (unsigned i = 0; i < world->streams_n; i++) {
        struct fuzz_stream *stream = &world->streams[i];

        if (stream->which == kind && !stream->closed) {
            return stream;
        }
    }
    return NULL;
}

struct fuzz_watch *world_oldest_creating(struct world *world)
{
    for (unsigned i = 0; i < world->watches_n; i++) {
        if (world->watches[i].state == FUZZ_WATCH_CREATING) {
            return &world->watches[i];
        }
    }
    return NULL;
}

struct fuzz_watch *world_watch(struct world *world, int64_t id)
{
    struct fuzz_watch *found = NULL;

    /* A server's own number may equal one that the client requested. */
    for (unsigned i = world->watches_n; i-- > 0;) {
        if (world->watches[i].id == id &&
            (found == NULL || found->state == FUZZ_WATCH_OVER)) {
            found = &world->watches[i];
        }
    }
    return found;
}

void world_forget_stream(struct world *world, struct fuzz_stream *stream)
{
    *stream = world->streams[--world->streams_n];
}

bool world_is_follower(const struct world *world, uint64_t id)
{
    return id > 0 && id <= world->things_n &&
           world->things[id - 1].kind == THING_FOLLOWER;
}

bool session_is_open(const struct thing *session)
{
    return session->asked && session->told && session->status == 0 &&
           !session->lost && !session->end_asked;
}

bool thing_can_end(const struct world *world, const struct thing *thing)
{
    bool there = thing->asked && !thing->end_asked && !thing->given_back &&
                 (!thing->told || thing->status == 0);

    return thing->kind == THING_TICKET
               ? there && !world->things[thing->session].end_asked
               : there;
}

struct thing *
world_pick(struct world *world, enum thing_kind kind, struct fuzz_bytes *bytes)
{
    unsigned skip = fuzz_below(bytes, 8);
    struct thing *found = NULL;

    for (unsigned i = world->things_n; i > 0; i--) {
        if (world->things[i - 1].kind == kind && world->things[i - 1].asked) {
            found = &world->things[i - 1];
            if (skip-- == 0) {
                break;
            }
        }
    }
    return found;
}

struct thing *world_new_thing(struct world *world, enum thing_kind kind)
{
    struct thing *thing;

    if (world->things_n >= THINGS_MAX) {
        return NULL;
    }
    thing = &world->things[world->things_n++];
    *thing = (struct thing){.kind = kind};
    return thing;
}

static struct thing *thing_of(struct world *world, uint64_t id)
{
    FUZZ_CHECK(id > 0 && id <= world->things_n);
    FUZZ_CHECK(world->things[id - 1].asked);
    return &world->things[id - 1];
}

static void check_detail(const struct ll_detail *detail)
{
    FUZZ_CHECK(detail->text != NULL);
    (void)strlen(detail->text);
    /* Checks that each status has a name. */
    FUZZ_CHECK(strlen(leaselock_status_name(detail->status)) > 0);
}

static void
note_ops(const struct ll_op *ops, size_t n, uint8_t *ret_kinds, size_t *ret_n)
{
    FUZZ_CHECK(n <= OPS_MAX);
    for (size_t i = 0; i < n; i++) {
        ret_kinds[i] = (uint8_t)ops[i].kind;
    }
    *ret_n = n;
}

static void note_txn(const struct ll_txn *txn, struct fuzz_txn *ret_txn)
{
    note_ops(txn->then_ops, txn->then_n, ret_txn->then_ops, &ret_txn->then_n);
    note_ops(txn->else_ops, txn->else_n, ret_txn->else_ops, &ret_txn->else_n);
}

/** Whether an object is a ticket that another one has left behind. */
static bool is_left_behind(const struct world *world, uint64_t id)
{
    return id > LL_ID_MAX / 2 &&
           ll_object_find(world->core, id, &ll_ticket_ops) != NULL;
}

/** Checks a request of an object, alone or within a batch. */
static void check_asker(struct world *world, uint64_t id)
{
    const struct thing *thing;

    if (is_left_behind(world, id)) {
        return;
    }
    thing = thing_of(world, id);
    FUZZ_CHECK((thing->kind != THING_QUERY && thing->kind != THING_WRITE &&
                thing->kind != THING_OBSERVER &&
                thing->kind != THING_FOLLOWER) ||
               !thing->told);
    if (thing->kind == THING_WRITE) {
        world_on_write_call(world, thing);
    }
}

/** A batch of reads: only serializable ranges. */
static void on_reads(struct world *world,
                     const struct ll_request *request,
                     const struct ll_batch *batch)
{
    FUZZ_CHECK(batch->n > 1);
    for (size_t i = 0; i < batch->n; i++) {
        check_asker(world, batch->parts[i].id);
    }
    for (size_t i = 0; i < request->txn.then_n; i++) {
        FUZZ_CHECK(request->txn.then_ops[i].kind == LL_OP_RANGE);
        FUZZ_CHECK(request->txn.then_ops[i].range.serializable);
    }
}

/** The flat part of a batch: its operations, which belong to one object, and its
 *  condition on the key that it puts. */
static void on_flat_part(const struct ll_txn *txn,
                         const struct ll_batch_part *part,
                         size_t at,
                         size_t *conditions)
{
    const struct ll_op *last = &txn->then_ops[at + part->ops_n - 1];

    if (part->is_delete) {
        FUZZ_CHECK(part->ops_n == 1 && last->kind == LL_OP_DELETE);
        return;
    }
    FUZZ_CHECK(part->ops_n <= LL_BATCH_FLAT_MAX && last->kind == LL_OP_PUT);
    for (size_t i = 0; i + 1 < part->ops_n; i++) {
        FUZZ_CHECK(txn->then_ops[at + i].kind == LL_OP_RANGE);
    }
    ++*conditions;
}

/** Whether a batch has a condition that a key is not there. */
static bool has_condition(const struct ll_txn *txn, struct ll_bytes key)
{
    for (size_t i = 0; i < txn->compares_n; i++) {
        if (txn->compares[i].number == 0 &&
            ll_bytes_equal(txn->compares[i].key, key)) {
            return true;
        }
    }
    return false;
}

/** A batch of Txns, each of which belongs to one object. */
static void on_batch(struct world *world,
                     const struct ll_request *request,
                     struct fuzz_call *call)
{
    const struct ll_batch *batch =
        &world->core->batches.slots[call->id - LL_ID_MAX];
    size_t conditions = 0;
    size_t at = 0;

    FUZZ_CHECK(call->id - LL_ID_MAX < LL_BATCHES_FAR_MAX + LL_BATCHES_MAX);
    FUZZ_CHECK(request->kind == LL_REQUEST_TXN && request->txn.then_n > 1);
    FUZZ_CHECK(request->txn.else_n == 0);
    FUZZ_CHECK(batch->ops_n == request->txn.then_n);
    if (call->id - LL_ID_MAX >= LL_BATCHES_FAR_MAX) {
        on_reads(world, request, batch);
        return;
    }
    call->parts = calloc(batch->ops_n, sizeof(*call->parts));
    FUZZ_CHECK(call->parts != NULL);
    for (size_t i = 0; i < batch->n; i++) {
        const struct ll_batch_part *part = &batch->parts[i];

        check_asker(world, part->id);
        if (part->is_flat) {
            on_flat_part(&request->txn, part, at, &conditions);
            FUZZ_CHECK(
                part->is_delete ||
                has_condition(
                    &request->txn,
                    request->txn.then_ops[at + part->ops_n - 1].put.key));
        } else {
            FUZZ_CHECK(part->ops_n == 1 &&
                       request->txn.then_ops[at].kind == LL_OP_TXN);
            note_txn(&request->txn.then_ops[at].txn, &call->parts[at]);
        }
        at += part->ops_n;
    }
    FUZZ_CHECK(at == batch->ops_n && conditions == request->txn.compares_n);
}

static void on_call(struct world *world, const struct ll_effect *effect)
{
    const struct ll_request *request = &effect->call.request;
    struct fuzz_call *call = &world->calls[world->calls_n];

    FUZZ_CHECK(world->calls_n < LL_CALLS_MAX);
    FUZZ_CHECK(effect->call.endpoint < world->config.endpoints_n);
    FUZZ_CHECK(effect->call.timeout_ns > 0);
    for (unsigned i = 0; i < world->calls_n; i++) {
        FUZZ_CHECK(world->calls[i].id != effect->id ||
                   world->calls[i].seq != effect->call.seq);
    }
    call->id = effect->id;
    call->seq = effect->call.seq;
    call->endpoint = effect->call.endpoint;
    call->kind = request->kind;
    call->parts = NULL;
    if (request->kind == LL_REQUEST_TXN) {
        note_txn(&request->txn, &call->txn);
    }
    if (effect->id == LL_WATCH_SERVER_CALL) {
        FUZZ_CHECK(request->kind == LL_REQUEST_STATUS);
    } else if (effect->id >= LL_NEAREST_CALLS) {
        FUZZ_CHECK(request->kind == LL_REQUEST_RANGE);
        FUZZ_CHECK(effect->id == LL_NEAREST_CALLS + effect->call.endpoint);
    } else if (effect->id >= LL_ID_MAX) {
        on_batch(world, request, call);
    } else {
        check_asker(world, effect->id);
    }
    /* Reads every byte that the request borrows. */
    FUZZ_CHECK(world->short_of_memory ||
               ll_request_encode(request, world->buffer) == 0);
    world->calls_n++;
}

static void on_stream_open(struct world *world, const struct ll_effect *effect)
{
    enum ll_stream_kind which = effect->stream.which;

    FUZZ_CHECK(world_stream(world, which) == NULL);
    FUZZ_CHECK(effect->stream.generation > world->generations[which]);
    FUZZ_CHECK(effect->stream.endpoint < world->config.endpoints_n);
    FUZZ_CHECK(world->streams_n < STREAMS_MAX);
    world->generations[which] = effect->stream.generation;
    world->streams[world->streams_n++] = (struct fuzz_stream){
        which, effect->stream.generation, effect->stream.endpoint, false};
    if (which == LL_STREAM_WATCH) {
        world->watches_n = 0;
    }
}

static void on_stream_close(struct world *world, const struct ll_effect *effect)
{
    struct fuzz_stream *stream = world_stream(world, effect->stream.which);

    FUZZ_CHECK(stream != NULL);
    FUZZ_CHECK(stream->generation == effect->stream.generation);
    stream->closed = true;
}

/** A keep-alive may be drawn just before the session is reported as open. */
static void on_beat(struct world *world, const struct ll_effect *effect)
{
    const struct thing *session = thing_of(world, effect->id);

    FUZZ_CHECK(effect->keepalive.which != LL_STREAM_WATCH);
    FUZZ_CHECK(world_stream(world, effect->keepalive.which) != NULL);
    FUZZ_CHECK(session->kind == THING_SESSION);
    FUZZ_CHECK(session->lease == effect->keepalive.lease);
    FUZZ_CHECK(session->status == 0 && !session->lost && !session->end_asked);
}

static void on_watch(struct world *world, const struct ll_effect *effect)
{
    struct fuzz_watch *watch = world_watch(world, effect->watch.watch_id);

    FUZZ_CHECK(world_stream(world, LL_STREAM_WATCH) != NULL);
    if (effect->kind == LL_EFFECT_WATCH_CANCEL) {
        FUZZ_CHECK(watch != NULL && watch->state == FUZZ_WATCH_ON);
        watch->state = FUZZ_WATCH_OVER;
        return;
    }
    if (is_left_behind(world, effect->id)) {
        FUZZ_CHECK(effect->watch.puts && !effect->watch.deletions);
        FUZZ_CHECK(effect->watch.end.size == 0);
    } else if (effect->id > LL_ID_MAX / 2) { /* a line of permits */
        FUZZ_CHECK(effect->watch.deletions && !effect->watch.puts);
        FUZZ_CHECK(effect->watch.end.size > 0);
        FUZZ_CHECK(effect->watch.start_revision == 0 &&
                   effect->watch.prev_values);
    } else if (thing_of(world, effect->id)->kind == THING_OBSERVER ||
               thing_of(world, effect->id)->kind == THING_FOLLOWER) {
        FUZZ_CHECK(effect->watch.puts && effect->watch.deletions);
        FUZZ_CHECK(effect->watch.end.size > 0);
        FUZZ_CHECK(effect->watch.start_revision > 0);
    } else {
        FUZZ_CHECK(thing_of(world, effect->id)->kind == THING_TICKET ||
                   thing_of(world, effect->id)->kind == THING_PART);
        /* Both are of a ticket that reports requests. */
        FUZZ_CHECK(effect->watch.puts != effect->watch.deletions ||
                   (effect->watch.puts &&
                    ll_watch_slot_of(effect->watch.watch_id) == LL_WATCH_OWN));
        FUZZ_CHECK(effect->watch.start_revision == 0 ||
                   effect->watch.prev_values);
    }
    FUZZ_CHECK(effect->watch.watch_id > 0);
    for (unsigned i = 0; i < world->watches_n; i++) {
        /* An id is used once on a stream. */
        FUZZ_CHECK(world->watches[i].asked != effect->watch.watch_id);
    }
    FUZZ_CHECK(effect->watch.key.size > 0);
    FUZZ_CHECK(world->short_of_memory ||
               ll_watch_create_encode(effect, world->buffer) == 0);
    FUZZ_CHECK(world->watches_n < WATCHES_MAX);
    world->watches[world->watches_n++] = (struct fuzz_watch){
        effect->watch.watch_id, FUZZ_WATCH_CREATING, effect->watch.watch_id};
}

static void on_acquired(struct world *world, const struct ll_effect *effect)
{
    struct thing *ticket = thing_of(world, effect->id);
    struct ll_ticket_view view;

    FUZZ_CHECK(ticket->kind == THING_TICKET && !ticket->told);
    ticket->told = true;
    ticket->status = effect->detail.status;
    check_detail(&effect->detail);
    if (ticket->status == 0) {
        FUZZ_CHECK(session_is_open(&world->things[ticket->session]));
        FUZZ_CHECK(
            ll_core_ticket_view(world->core, effect->id, world->now_ns, &view));
        FUZZ_CHECK(view.phase == LL_TICKET_PHASE_HELD);
        FUZZ_CHECK(view.token > 0 && view.ahead == 0);
        FUZZ_CHECK(view.remaining_ns > 0);
    }
}

static void on_ending(struct world *world, const struct ll_effect *effect)
{
    struct thing *thing = thing_of(world, effect->id);
    bool session = effect->kind == LL_EFFECT_SESSION_CLOSED;

    FUZZ_CHECK(thing->kind == (session ? THING_SESSION : THING_TICKET));
    FUZZ_CHECK(thing->end_asked && !thing->end_reported);
    FUZZ_CHECK(thing->told);
    thing->end_reported = true;
    check_detail(&effect->detail);
}

static void on_user_effect(struct world *world, const struct ll_effect *effect)
{
    struct thing *thing = thing_of(world, effect->id);

    if (effect->kind == LL_EFFECT_SESSION_OPENED) {
        FUZZ_CHECK(thing->kind == THING_SESSION && !thing->told);
        thing->told = true;
        thing->status = effect->detail.status;
        check_detail(&effect->detail);
    } else if (effect->kind == LL_EFFECT_SESSION_CHANGED) {
        FUZZ_CHECK(thing->kind == THING_SESSION && thing->told);
        FUZZ_CHECK(thing->status == 0 && !thing->lost && !thing->end_reported);
        thing->lost = effect->session.state == LL_SESSION_LOST;
        (void)strlen(effect->session.why);
    } else if (effect->kind == LL_EFFECT_LOST) {
        FUZZ_CHECK(thing->kind == THING_TICKET && thing->told);
        FUZZ_CHECK(thing->status == 0 && !thing->lost && !thing->end_asked);
        FUZZ_CHECK(!thing->given_back);
        thing->lost = true;
        (void)strlen(effect->lost.why);
    } else if (effect->kind == LL_EFFECT_ASKED) {
        FUZZ_CHECK(thing->kind == THING_TICKET && thing->told);
        FUZZ_CHECK(thing->status == 0 && !thing->lost && !thing->end_asked);
        FUZZ_CHECK(effect->asked.value.size == 0 ||
                   effect->asked.value.data != NULL);
    } else {
        FUZZ_CHECK(thing->kind == THING_QUERY && !thing->told);
        thing->told = true;
        check_detail(&effect->query.detail);
        FUZZ_CHECK((effect->query.detail.status == 0) ==
                   (effect->query.answer != NULL));
        FUZZ_CHECK(effect->query.answer == NULL ||
                   effect->query.answer->outcome == LL_OUTCOME_OK);
    }
}

/** Prints input and output, for the analysis of a failure. */
static void
say(const struct world *world, const char *what, int kind, uint64_t id)
{
    if (world->verbose) {
        (void)fprintf(stderr, "%14.9f %s %d of %llu, next at %.9f\n",
                      (double)world->now_ns / 1e9, what, kind,
                      (unsigned long long)id,
                      (double)ll_core_deadline_ns(world->core) / 1e9);
    }
}

static void on_effect(struct world *world, const struct ll_effect *effect)
{
    say(world, "    effect", (int)effect->kind, effect->id);
    switch (effect->kind) {
    case LL_EFFECT_CALL:
        on_call(world, effect);
        break;
    case LL_EFFECT_STREAM_OPEN:
        on_stream_open(world, effect);
        break;
    case LL_EFFECT_STREAM_CLOSE:
        on_stream_close(world, effect);
        break;
    case LL_EFFECT_KEEPALIVE:
        on_beat(world, effect);
        break;
    case LL_EFFECT_WATCH_CREATE:
    case LL_EFFECT_WATCH_CANCEL:
        on_watch(world, effect);
        break;
    case LL_EFFECT_SESSION_OPENED:
    case LL_EFFECT_SESSION_CHANGED:
    case LL_EFFECT_LOST:
    case LL_EFFECT_ASKED:
    case LL_EFFECT_QUERIED:
        on_user_effect(world, effect);
        break;
    case LL_EFFECT_ACQUIRED:
        on_acquired(world, effect);
        break;
    case LL_EFFECT_SESSION_CLOSED:
    case LL_EFFECT_RELEASED:
        on_ending(world, effect);
        break;
    case LL_EFFECT_WRITTEN:
        world_on_written(world, effect);
        break;
    case LL_EFFECT_OBSERVED:
        world_on_observed(world, effect);
        break;
    case LL_EFFECT_FOLLOWED:
        world_on_followed(world, effect);
        break;
    case LL_EFFECT_LOG:
        FUZZ_CHECK(effect->log.level <= world->config.log_level);
        FUZZ_CHECK(strlen(effect->log.text) > 0);
        break;
    }
}

/** Checks the view of a session that was reported as open. */
static void check_session(const struct world *world, unsigned at)
{
    const struct thing *session = &world->things[at];
    struct ll_session_view view;

    FUZZ_CHECK(ll_core_session_view(world->core, at + 1, world->now_ns, &view));
    FUZZ_CHECK(view.lease == session->lease);
    FUZZ_CHECK((view.state == LL_SESSION_LOST) == session->lost);
    FUZZ_CHECK((view.remaining_ns > 0) == !session->lost);
}

/** Checks the views of objects that were reported as acquired. */
static void check_held(const struct world *world)
{
    for (unsigned i = 0; i < world->things_n; i++) {
        const struct thing *thing = &world->things[i];

        if (!thing->told || !thing_can_end(world, thing)) {
            continue;
        }
        if (thing->kind == THING_SESSION) {
            check_session(world, i);
        } else if (thing->kind == THING_TICKET) {
            world_check_ticket(world, i);
        }
    }
}

/** Records a command that was accepted. */
static void note_command(struct world *world, const struct ll_event *event)
{
    struct thing *thing = &world->things[event->id - 1];

    switch ((int)event->kind) {
    case LL_EVENT_SESSION_CLOSE:
    case LL_EVENT_RELEASE:
    case LL_EVENT_OBSERVE_END:
    case LL_EVENT_FOLLOW_END:
        thing->end_asked = true;
        break;
    case LL_EVENT_ACQUIRE_ALL:
        thing->asked = true;
        for (size_t i = 1; i <= event->acquire_all.names_n; i++) {
            thing[i].asked = true;
        }
        break;
    case LL_EVENT_WRITE:
        thing->asked = true;
        world->things[thing->ticket].giving += thing->releases ? 1 : 0;
        break;
    case LL_EVENT_REJOIN:
        thing->asked = true;
        world->things[event->rejoin.ticket - 1].given_back = true;
        break;
    case LL_EVENT_SESSION_OPEN:
    case LL_EVENT_ACQUIRE:
    case LL_EVENT_RESUME:
    case LL_EVENT_QUERY:
    case LL_EVENT_OBSERVE:
    case LL_EVENT_FOLLOW:
        thing->asked = true;
        break;
    default:
        break;
    }
}

/** Steps an event and draws every effect. */
static int step_once(struct world *world, struct ll_event *event)
{
    struct ll_effect effect;
    int status;

    event->now_ns = world->now_ns;
    say(world, "event", (int)event->kind, event->id);
    status = ll_core_step(world->core, event);
    FUZZ_CHECK(status <= 0);
    if (status == 0 && event->id != 0 && event->id <= world->things_n) {
        note_command(world, event);
    }
    while (ll_core_next(world->core, &effect)) {
        on_effect(world, &effect);
    }
    return status;
}

int world_step(struct world *world, struct ll_event *event)
{
    int status = step_once(world, event);

    /* Work that an event makes due at once is done when core is woken; core
     * must not ask for immediate wake-ups endlessly. */
    for (unsigned i = 0; ll_core_deadline_ns(world->core) <= world->now_ns;
         i++) {
        struct ll_event time = {.kind = LL_EVENT_TIME};

        FUZZ_CHECK(i < WAKES_MAX);
        (void)step_once(world, &time);
    }
    check_held(world);
    return status;
}

void world_advance(struct world *world, int64_t now_ns)
{
    struct ll_event event = {.kind = LL_EVENT_TIME};

    if (now_ns > world->now_ns) {
        world->now_ns = now_ns;
        (void)world_step(world, &event);
    }
}
