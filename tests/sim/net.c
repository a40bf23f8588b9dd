/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/key.h"
#include "net.h"

/**
 * The network. Unary calls are independent and race; a stream keeps its order.
 * A silent link delays streams as TCP does, until it recovers or the pings
 * detect it; it drops half of the unary messages. */

int64_t sim_net_delay_ns(struct sim_world *world)
{
    int64_t delay_ns =
        world->delay_ns / 2 + sim_below(&world->net, world->delay_ns) + 1;

    if (sim_fault_strikes(world, SIM_FAULT_DELAY)) {
        delay_ns += sim_spread(&world->net, LL_NS_PER_MS, 2 * LL_NS_PER_S);
    }
    return delay_ns;
}

int64_t sim_net_way_ns(struct sim_world *world, unsigned peer, unsigned member)
{
    return sim_net_delay_ns(world) + world->links[peer][member].distance_ns;
}

bool sim_net_is_cut(const struct sim_world *world,
                    unsigned peer,
                    unsigned member)
{
    return world->now_ns < world->links[peer][member].cut_until_ns;
}

bool sim_net_is_refused(const struct sim_world *world,
                        unsigned peer,
                        unsigned member)
{
    return world->members[member] == SIM_MEMBER_DEAD ||
           world->now_ns < world->links[peer][member].refused_until_ns;
}

/** Delivers a message to its peer, or keeps it until the end of a pause. */
void sim_net_deliver(struct sim_world *world,
                     unsigned number,
                     struct sim_message *message)
{
    struct sim_peer *peer = sim_peer(world, number);

    if (peer->is_paused) {
        sim_queue_append(&peer->inbox, message);
        return;
    }
    if (number < world->clients_n) {
        sim_client_receive(&world->clients[number], message);
    } else {
        sim_go_receive(world->gos[number - world->clients_n], message);
    }
    sim_message_free(&world->pool, message);
}

static void net_push(struct sim_world *world,
                     int64_t at_ns,
                     enum sim_event_kind kind,
                     unsigned peer,
                     unsigned member,
                     struct sim_message *message)
{
    sim_heap_push(&world->heap, (struct sim_event){.at_ns = at_ns,
                                                   .kind = (int)kind,
                                                   .number = peer << 8 | member,
                                                   .id = message->id,
                                                   .message = message});
}

static struct sim_call *call_find(struct sim_world *world, uint64_t tag)
{
    size_t place = (size_t)(tag & 0xffffffff);

    return tag != 0 && place < world->calls_n && world->calls[place].tag == tag
               ? &world->calls[place]
               : NULL;
}

static struct sim_call *call_new(struct sim_world *world)
{
    size_t place = world->calls_n;

    if (world->calls_free_n > 0) {
        place = world->calls_free[--world->calls_free_n];
    } else {
        world->calls_n++;
        world->calls =
            realloc(world->calls, world->calls_n * sizeof(*world->calls));
        world->calls_free = realloc(
            world->calls_free, world->calls_n * sizeof(*world->calls_free));
        if (world->calls == NULL || world->calls_free == NULL) {
            abort();
        }
    }
    world->calls[place].tag = ++world->calls_made << 32 | place;
    return &world->calls[place];
}

/** gRPC itself reports a call's end. */
static void call_fail(struct sim_world *world,
                      const struct sim_call *call,
                      int64_t at_ns,
                      int grpc_status,
                      const char *text)
{
    struct sim_message *message =
        sim_message_new(&world->pool, SIM_MESSAGE_ANSWER, call->tag);

    message->answer = (struct ll_answer){.outcome = LL_OUTCOME_LOST,
                                         .grpc_status = grpc_status,
                                         .text = text,
                                         .kind = call->kind};
    net_push(world, at_ns, SIM_EVENT_ANSWER, call->peer, SIM_MEMBER_NONE,
             message);
}

/** Whether a fenced write's message is lost, and a third party puts to a key of
 * its ticket's queue shortly after. */
static bool meets_ask(struct sim_world *world, const struct sim_call *call)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_ASK];
    const struct sim_write *write;

    if (world->fault_rate[SIM_FAULT_ASK] == 0 ||
        world->phase != SIM_PHASE_STORM || call->peer >= world->clients_n) {
        return false;
    }
    write = sim_write_find(&world->clients[call->peer], call->id);
    if (write == NULL || !sim_chance(random, 120000)) {
        return false;
    }
    sim_push(world,
             world->now_ns +
                 sim_spread(random, LL_NS_PER_MS / 8, 32 * LL_NS_PER_MS),
             SIM_EVENT_FAULT_END, SIM_FAULT_ASK, write->ticket->name);
    return true;
}

void sim_net_call(struct sim_world *world,
                  struct sim_call call,
                  const struct ll_request *request,
                  int64_t timeout_at_ns)
{
    struct sim_call *kept = call_new(world);
    struct sim_message *message;
    int64_t at_ns =
        world->now_ns + sim_net_way_ns(world, call.peer, call.member);

    call.tag = kept->tag;
    call.has_landed = false;
    *kept = call;
    sim_push(world, timeout_at_ns, SIM_EVENT_TIMEOUT, call.peer, call.tag);
    if (meets_ask(world, kept)) {
        SIM_REPORT(world, "    (the request never arrives)");
        call_fail(world, kept, at_ns, SIM_GRPC_UNAVAILABLE, "connection reset");
        return;
    }
    if (sim_fault_strikes(world, SIM_FAULT_DROP)) {
        SIM_REPORT(world, "    (the request never arrives)");
        return;
    }
    if (sim_fault_strikes(world, SIM_FAULT_LATE)) {
        at_ns = timeout_at_ns +
                sim_spread(&world->net, LL_NS_PER_MS, 15 * LL_NS_PER_S);
        world->landing_ns =
            at_ns > world->landing_ns ? at_ns : world->landing_ns;
        SIM_REPORT(world, "    (the request will arrive late)");
    }
    message = sim_message_new(&world->pool, SIM_MESSAGE_REQUEST, call.tag);
    sim_message_set_request(message, request);
    net_push(world, at_ns, SIM_EVENT_REQUEST, call.peer, call.member, message);
}

bool sim_net_claim(struct sim_world *world,
                   uint64_t tag,
                   struct sim_call *ret_call)
{
    struct sim_call *call = call_find(world, tag);

    if (call == NULL) {
        return false;
    }
    *ret_call = *call;
    call->tag = 0;
    world->calls_free[world->calls_free_n++] = (uint32_t)(call - world->calls);
    return true;
}

/** A unary message on a silent link is dropped or delayed. */
static void net_hold(struct sim_world *world, const struct sim_event *event)
{
    unsigned peer = event->number >> 8;
    unsigned member = event->number & 255;
    int64_t at_ns =
        world->links[peer][member].cut_until_ns + sim_net_delay_ns(world);

    if (sim_chance(&world->net, 500000)) {
        sim_message_free(&world->pool, event->message);
        return;
    }
    if (event->kind == SIM_EVENT_REQUEST && at_ns > world->landing_ns) {
        world->landing_ns = at_ns;
    }
    net_push(world, at_ns, (enum sim_event_kind)event->kind, peer, member,
             event->message);
}

static void net_land(struct sim_world *world, const struct sim_event *event)
{
    unsigned peer = event->number >> 8;
    unsigned member = event->number & 255;
    struct sim_call *call = call_find(world, event->id);

    if (sim_net_is_cut(world, peer, member)) {
        net_hold(world, event);
        return;
    }
    if (sim_net_is_refused(world, peer, member)) {
        if (call != NULL) {
            call_fail(world, call, world->now_ns + sim_net_delay_ns(world),
                      SIM_GRPC_UNAVAILABLE, "connection refused");
        }
    } else {
        if (call != NULL) {
            call->has_landed = true;
        } else {
            SIM_REPORT(world, "a request of peer %u that was abandoned arrives",
                       peer);
        }
        if (!world->links[peer][member].is_other) {
            sim_etcd_call(world->etcd, member, event->id,
                          &event->message->request, world->now_ns);
        } else if (event->message->request.kind != LL_REQUEST_LEASE_GRANT) {
            sim_etcd_call(world->other, 0, event->id, &event->message->request,
                          world->now_ns);
        } else if (call != NULL) {
            /* A session of that cluster would not belong to this world. */
            call_fail(world, call, world->now_ns + sim_net_delay_ns(world),
                      SIM_GRPC_UNAVAILABLE, "grants no lease");
        }
    }
    sim_message_free(&world->pool, event->message);
}

static void
net_on_answer(void *arg, uint64_t tag, const struct ll_answer *answer)
{
    struct sim_world *world = arg;
    struct sim_call *call = call_find(world, tag);
    struct sim_message *message;

    if (call == NULL) {
        return;
    }
    if (meets_ask(world, call)) {
        SIM_REPORT(world, "    (an answer to peer %u is lost)", call->peer);
        call_fail(world, call, world->now_ns + sim_net_delay_ns(world),
                  SIM_GRPC_UNAVAILABLE, "connection reset");
        return;
    }
    if (sim_fault_strikes(world, SIM_FAULT_ANSWER)) {
        SIM_REPORT(world, "    (an answer to peer %u is lost)", call->peer);
        if (sim_chance(&world->net, 500000)) {
            call_fail(world, call, world->now_ns + sim_net_delay_ns(world),
                      SIM_GRPC_UNAVAILABLE, "connection reset");
        }
        return;
    }
    if (answer->outcome == LL_OUTCOME_OK && answer->kind == LL_REQUEST_RANGE &&
        sim_followers_reject(world, call->peer, call->id,
                             answer->range.kvs_n)) {
        SIM_REPORT(world, "    (the answer is too large)");
        call_fail(world, call, world->now_ns + sim_net_delay_ns(world),
                  SIM_GRPC_RESOURCE_EXHAUSTED, "received message is too large");
        return;
    }
    message = sim_message_new(&world->pool, SIM_MESSAGE_ANSWER, tag);
    sim_message_set_answer(message, answer);
    message->is_other = world->other_talks;
    net_push(world,
             world->now_ns + sim_net_way_ns(world, call->peer, call->member),
             SIM_EVENT_ANSWER, call->peer, call->member, message);
}

static void
net_on_other_answer(void *arg, uint64_t tag, const struct ll_answer *answer)
{
    struct sim_world *world = arg;

    world->other_talks = true;
    net_on_answer(arg, tag, answer);
    world->other_talks = false;
}

static void net_come_back(struct sim_world *world,
                          const struct sim_event *event)
{
    unsigned peer = event->number >> 8;
    unsigned member = event->number & 255;

    if (member != SIM_MEMBER_NONE && sim_net_is_cut(world, peer, member)) {
        net_hold(world, event);
    } else {
        sim_net_deliver(world, peer, event->message);
    }
}

static void net_time_out(struct sim_world *world, uint64_t tag)
{
    struct sim_call *call = call_find(world, tag);

    if (call != NULL) {
        call_fail(world, call, world->now_ns, SIM_GRPC_DEADLINE_EXCEEDED,
                  "deadline exceeded");
    }
}

void sim_net_reset(struct sim_world *world, unsigned peer, unsigned member)
{
    for (size_t i = 0; i < world->calls_n; i++) {
        const struct sim_call *call = &world->calls[i];

        if (call->tag != 0 && call->peer == peer && call->member == member) {
            call_fail(world, call, world->now_ns + 1, SIM_GRPC_UNAVAILABLE,
                      "connection reset");
        }
    }
    sim_streams_break(world, peer, member, "connection reset");
}

void sim_net_member_died(struct sim_world *world, unsigned member)
{
    for (size_t i = 0; i < world->calls_n; i++) {
        const struct sim_call *call = &world->calls[i];

        if (call->tag != 0 && call->member == member && call->has_landed) {
            call_fail(world, call, world->now_ns + sim_net_delay_ns(world),
                      SIM_GRPC_UNAVAILABLE, "connection reset");
        }
    }
}

void sim_net_pause(struct sim_world *world,
                   struct sim_peer *peer,
                   int64_t until_ns)
{
    peer->is_paused = true;
    peer->paused_until_ns = until_ns;
    sim_push(world, until_ns, SIM_EVENT_RESUME, peer->number, 0);
}

void sim_net_resume(struct sim_world *world, struct sim_peer *peer)
{
    struct sim_message *message;

    if (!peer->is_paused) {
        return;
    }
    peer->is_paused = false;
    SIM_REPORT(world, "peer %u goes on", peer->number);
    /* When a process resumes, its first check comes before all callbacks. */
    sim_check_step(world);
    while (!world->is_over &&
           (message = sim_queue_take(&peer->inbox)) != NULL) {
        sim_net_deliver(world, peer->number, message);
        sim_check_step(world);
    }
    if (!world->is_over && peer->number < world->clients_n) {
        sim_client_wake(&world->clients[peer->number]);
    }
}

void sim_net_forget(struct sim_world *world, unsigned peer)
{
    struct sim_call call;

    for (size_t i = 0; i < world->calls_n; i++) {
        if (world->calls[i].tag != 0 && world->calls[i].peer == peer) {
            (void)sim_net_claim(world, world->calls[i].tag, &call);
        }
    }
    for (size_t i = 0; i < world->streams_n; i++) {
        if (world->streams[i].peer == peer) {
            sim_net_close(world, i + 1);
            world->streams[i].is_down_reported = true;
        }
    }
}

/** Whether a Txn creates a key on a lease: it puts it without a fence, which would compare
 * with a create revision above 0. */
static bool
txn_makes(const struct ll_txn *txn, int64_t lease, struct ll_bytes key)
{
    bool fenced = false;

    for (size_t i = 0; i < txn->compares_n; i++) {
        fenced |= txn->compares[i].target == LL_COMPARE_CREATE_REVISION &&
                  txn->compares[i].number > 0;
    }
    for (size_t i = 0; i < txn->then_n; i++) {
        const struct ll_op *op = &txn->then_ops[i];

        if ((op->kind == LL_OP_PUT && !fenced && op->put.lease == lease &&
             ll_bytes_equal(op->put.key, key)) ||
            (op->kind == LL_OP_TXN && txn_makes(&op->txn, lease, key))) {
            return true;
        }
    }
    return false;
}

unsigned sim_net_makers(const struct sim_world *world,
                        int64_t lease,
                        struct ll_bytes key)
{
    unsigned makers = 0;

    for (size_t i = 0; i < world->heap.size; i++) {
        const struct sim_message *message = world->heap.events[i].message;

        if (message != NULL && message->kind == SIM_MESSAGE_REQUEST &&
            message->request.kind == LL_REQUEST_TXN) {
            makers += txn_makes(&message->request.txn, lease, key) ? 1 : 0;
        }
    }
    return makers;
}

void sim_net_free(struct sim_world *world)
{
    struct sim_message *message;

    while (sim_heap_first(&world->heap) != NULL) {
        sim_message_free(&world->pool, sim_heap_pop(&world->heap).message);
    }
    for (unsigned i = 0; i < world->clients_n + world->gos_n; i++) {
        while ((message = sim_queue_take(&sim_peer(world, i)->inbox)) != NULL) {
            sim_message_free(&world->pool, message);
        }
    }
    sim_streams_free(world);
    sim_heap_free(&world->heap);
    free(world->calls);
    free(world->calls_free);
}

void sim_net_hooks(struct sim_world *world, struct sim_etcd_hooks *ret_hooks)
{
    ret_hooks->arg = world;
    ret_hooks->on_answer = net_on_answer;
    sim_stream_hooks(ret_hooks);
}

void sim_net_other_hooks(struct sim_world *world,
                         struct sim_etcd_hooks *ret_hooks)
{
    ret_hooks->arg = world;
    ret_hooks->on_answer = net_on_other_answer;
    sim_stream_hooks(ret_hooks);
}

void sim_net_on_event(struct sim_world *world, const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_EVENT_REQUEST:
        net_land(world, event);
        break;
    case SIM_EVENT_ANSWER:
        net_come_back(world, event);
        break;
    case SIM_EVENT_TIMEOUT:
        net_time_out(world, event->id);
        break;
    case SIM_EVENT_FORTH:
        sim_stream_forth(world, event->id);
        break;
    case SIM_EVENT_BACK:
        if (event->message != NULL) {
            sim_net_deliver(world, event->number, event->message);
        } else {
            sim_stream_back(world, event->id);
        }
        break;
    case SIM_EVENT_PROXY:
        sim_stream_proxied(world, event);
        break;
    case SIM_EVENT_PING:
        sim_stream_ping(world, event->id);
        break;
    case SIM_EVENT_RESUME:
        sim_net_resume(world, sim_peer(world, event->number));
        break;
    default:
        break;
    }
}
