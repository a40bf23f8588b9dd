/* SPDX-License-Identifier: Apache-2.0 */
#include "keeps.h"

#include <string.h>

#include "core/keep_private.h"
#include "core/object.h"
#include "core/ticket.h"
#include "world.h"

/**
 * Locks that are kept after their release: which ticket has a key, and that
 * nobody waits for an idle one for long.
 */

/** The worlds in which keys are kept: other modes are rare, each client has a
 *  lock of its own, and holds are short. */
#define OTHER_MODES 8
#define OWN_NAME_PPM 850000
#define HOLD_MAX_NS (20 * LL_NS_PER_MS)
#define THINK_NS (20 * LL_NS_PER_MS)
#define CLIENTS_MAX 3
#define PASSES_MAX 4

#define KEEP_MIN_NS LL_NS_PER_MS
#define KEEP_MAX_NS (20 * LL_NS_PER_S)
/** The time until an idle key leaves in a calm world. */
#define IDLE_CALM_NS (3 * LL_NS_PER_S)

void sim_keeps_draw_world(struct sim_world *world)
{
    struct ll_random *setup = &world->setup;

    if (sim_below(setup, 4) != 0) {
        return;
    }
    world->sticky_ppm = sim_spread(setup, 700000, 1000000);
    world->shared_ppm /= OTHER_MODES;
    world->permit_ppm /= OTHER_MODES;
    if (world->hold_ns > HOLD_MAX_NS && sim_below(setup, 2) == 0) {
        world->hold_ns = HOLD_MAX_NS;
        world->think_ns = THINK_NS;
    }
    if (world->clients_n > CLIENTS_MAX) {
        world->clients_n = CLIENTS_MAX;
    }
    world->local_passes = (uint32_t)sim_below(setup, PASSES_MAX + 1);
}

struct ll_bytes sim_keeps_value(void)
{
    static const char value[] = "{\"host\":\"sim\",\"keep_ms\":1}";

    return (struct ll_bytes){value, sizeof(value) - 1};
}

unsigned sim_keeps_draw_name(struct sim_client *client)
{
    const struct sim_world *world = client->world;

    return world->sticky_ppm > 0 && sim_chance(&client->random, OWN_NAME_PPM)
               ? client->peer.number % world->names_n
               : (unsigned)sim_below(&client->random, world->names_n);
}

void sim_keeps_draw(struct sim_client *client,
                    struct sim_ticket *ticket,
                    struct ll_event *event,
                    bool has_option)
{
    if (client->world->sticky_ppm > 0 && !has_option &&
        sim_chance(&client->random, client->world->sticky_ppm)) {
        ticket->keeps = true;
        ticket->mode = (struct ll_mode){LL_MODE_EXCLUSIVE, 0};
        event->acquire.keep_ns =
            sim_spread(&client->random, KEEP_MIN_NS, KEEP_MAX_NS);
        event->acquire.local_passes = client->world->local_passes;
    }
}

static const struct ll_ticket *core_ticket(const struct sim_client *client,
                                           uint64_t id)
{
    struct ll_object *object = ll_object_find(client->core, id, &ll_ticket_ops);

    return object != NULL ? ll_ticket_of(object) : NULL;
}

void sim_keeps_see(struct sim_client *client, const struct ll_event *event)
{
    for (size_t i = 0; i < client->live_n; i++) {
        const struct ll_ticket *known = core_ticket(client, client->live[i]);
        struct sim_ticket *ticket = sim_ticket_find(client, client->live[i]);
        const struct ll_keep *keep = known != NULL && known->keeping != NULL
                                         ? known->keeping->keep
                                         : NULL;

        if (ticket == NULL || keep == NULL || keep->entry != known ||
            keep->watch.state != LL_WATCH_ON ||
            keep->watch.id != event->watch.watch_id) {
            continue;
        }
        for (size_t at = 0; at < event->watch.events_n; at++) {
            ticket->was_seen |=
                !event->watch.events[at].deleted &&
                event->watch.events[at].kv.lease != ticket->session->lease;
        }
    }
}

/** A key passes on, while its session knows that another one waits: that may
 *  happen a number of times, and only while it is held. */
static void check_passes(struct sim_world *world,
                         const struct sim_ticket *before,
                         struct sim_ticket *ticket)
{
    ticket->was_seen |= before->was_seen;
    ticket->passes_n = before->passes_n + (before->was_seen ? 1 : 0);
    world->result->passed += before->was_seen ? 1 : 0;
    if (ticket->passes_n > world->local_passes) {
        sim_break(world, "as many local passes as allowed",
                  "ticket %u.%llu takes the key %.*s, which has passed on %u "
                  "times while another session is seen to wait",
                  ticket->client, (unsigned long long)ticket->id,
                  (int)ticket->key_size, ticket->key, ticket->passes_n - 1);
    }
}

void sim_keeps_take(struct sim_client *client, struct sim_ticket *ticket)
{
    const struct ll_ticket *known = core_ticket(client, ticket->id);
    struct sim_world *world = client->world;
    struct sim_ticket *before;
    struct ll_bytes key;

    if (!ticket->keeps || known == NULL) {
        return;
    }
    key = ll_ticket_key(known);
    if (ll_bytes_equal(key, (struct ll_bytes){ticket->key, ticket->key_size})) {
        return;
    }
    before = sim_key_find(world, ticket->session->lease, key);
    if (before == NULL || before->client != ticket->client ||
        before->session != ticket->session || before->name != ticket->name ||
        !before->keeps || !before->is_released) {
        sim_break(world, "a kept key passes on",
                  "ticket %u.%llu takes the key %.*s of %llu", ticket->client,
                  (unsigned long long)ticket->id, (int)key.size, key.data,
                  before != NULL ? (unsigned long long)before->id : 0);
        return;
    }
    sim_key_leave(world, ticket);
    sim_key_pass(world, before, ticket);
    check_passes(world, before, ticket);
    ticket->has_key = before->has_key;
    ticket->had_key = before->had_key;
    ticket->created = before->created;
    ticket->is_meddled |= before->is_meddled;
    ticket->is_out = before->is_out;
    ticket->key_gone_ns = before->key_gone_ns;
    ticket->writes_n = before->writes_n;
    ticket->applied_n = before->applied_n;
    ticket->has_value = before->has_value;
    before->has_key = false;
    ticket->has_taken = true;
    world->result->kept++;
}

bool sim_keeps_key(struct sim_client *client, const struct sim_ticket *ticket)
{
    struct ll_bytes key = {ticket->key, ticket->key_size};

    for (size_t i = 0; ticket->keeps && i < client->live_n; i++) {
        const struct ll_ticket *known = core_ticket(client, client->live[i]);

        if (known != NULL && known->state == LL_TICKET_HELD &&
            (ll_keep_is_idle(known) || client->live[i] != ticket->id) &&
            ll_bytes_equal(ll_ticket_key(known), key)) {
            return true;
        }
    }
    return false;
}

static bool is_idle(const struct sim_client *client,
                    const struct sim_ticket *ticket)
{
    const struct ll_ticket *known = core_ticket(client, ticket->id);

    return ticket->has_key && known != NULL && ll_keep_is_idle(known);
}

void sim_keeps_note(struct sim_world *world,
                    unsigned name,
                    const struct ll_kv *kv)
{
    struct sim_ticket *other;
    struct sim_ticket *next;

    if (world->sticky_ppm == 0 || !world->is_calm) {
        return;
    }
    HASH_ITER(hh, world->keys, other, next)
    {
        if (other->name == name && other->keeps &&
            other->session->lease != kv->lease &&
            is_idle(&world->clients[other->client], other)) {
            other->is_awaited = true;
            sim_push(world, world->now_ns + IDLE_CALM_NS, SIM_EVENT_NOTICE,
                     other->client, other->id);
        }
    }
}

void sim_keeps_idle(struct sim_client *client, struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;

    if (world->is_calm && ticket->keeps && is_idle(client, ticket)) {
        ticket->idle_revision = sim_etcd_revision(world->etcd);
        sim_push(world, world->now_ns + IDLE_CALM_NS, SIM_EVENT_NOTICE,
                 ticket->client, ticket->id);
    }
}

/** Whether a ticket waits for an idle key since before that was idle. */
static bool is_waited_for(const struct sim_world *world,
                          const struct sim_ticket *ticket)
{
    struct sim_ticket *other;
    struct sim_ticket *next;

    HASH_ITER(hh, world->keys, other, next)
    {
        if (other->name == ticket->name && other != ticket && other->has_key &&
            other->acquire_owed && other->created <= ticket->idle_revision) {
            return true;
        }
    }
    return false;
}

void sim_keeps_touch(struct sim_world *world,
                     struct sim_ticket *ticket,
                     const struct ll_kv *kv)
{
    if (kv->mod_revision > kv->create_revision && ticket->keeps &&
        is_idle(&world->clients[ticket->client], ticket)) {
        world->result->touched += world->is_asked ? 0 : 1;
        if (world->is_calm) {
            ticket->is_awaited = true;
            sim_push(world, world->now_ns + IDLE_CALM_NS, SIM_EVENT_NOTICE,
                     ticket->client, ticket->id);
        }
    }
}

void sim_keeps_check(struct sim_client *client, const struct sim_ticket *ticket)
{
    if (ticket->keeps && is_idle(client, ticket) &&
        (ticket->is_awaited || is_waited_for(client->world, ticket))) {
        sim_break(client->world, "a kept key goes when it is awaited",
                  "ticket %u.%llu still keeps %s, though another one %s",
                  ticket->client, (unsigned long long)ticket->id, ticket->key,
                  ticket->is_awaited ? "made a key or put to this one"
                                     : "waits for it");
    }
}
