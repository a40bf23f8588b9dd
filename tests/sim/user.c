/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "leaselock/status.h"
#include "user.h"

/**
 * The callers of a client: they open sessions, acquire locks in every way and
 * hold them, as carelessly as the seed determines. */

/** The number of locks that a burst acquires at once: above the limit of calls
 * in flight. */
#define BURST (LL_CALLS_MAX + 40)

/** Tickets that are not held yet or any more count too, but less. */
#define LIVE_MAX 64

void sim_user_push(struct sim_client *client,
                   int64_t in_ns,
                   enum sim_event_kind kind,
                   uint64_t id)
{
    sim_push(client->world, client->world->now_ns + in_ns, kind,
             client->peer.number, id);
}

void sim_user_due(struct sim_client *client, uint64_t id, int64_t due_ns)
{
    sim_push(client->world, sim_world_ns(client, due_ns + SIM_SLACK_NS),
             SIM_EVENT_DUE, client->peer.number, id);
}

int64_t sim_user_now_ns(const struct sim_client *client)
{
    return sim_local_ns(client, client->world->now_ns);
}

bool sim_user_is_taken(struct sim_client *client, int status)
{
    if (status != 0 && status != LEASELOCK_E_LOST) {
        sim_break(client->world, "statuses", "a request is refused with %s",
                  leaselock_status_name(status));
    }
    return status == 0;
}

struct sim_session *sim_session_new(struct sim_client *client, int64_t lease)
{
    struct sim_session *session = calloc(1, sizeof(*session));

    if (session == NULL) {
        abort();
    }
    session->id = sim_client_next_id(client);
    session->lease = lease;
    session->seen_state = SIM_STATE_NONE;
    session->seen_renewal = SIM_STATE_NONE;
    session->open_owed = true;
    client->objects[session->id].session = session;
    client->live[client->live_n++] = session->id;
    client->world->result->sessions++;
    return session;
}

void sim_user_open(struct sim_client *client, struct sim_session *session)
{
    struct ll_event event = {.kind = LL_EVENT_SESSION_OPEN, .id = session->id};

    event.session_open.lease = session->lease;
    event.session_open.ttl_s = client->ttl_s;
    event.session_open.resume = session->before != NULL;
    event.session_open.names =
        client->has_slots ? LL_KEY_NAMES_SLOT : LL_KEY_NAMES_AUTO;
    event.session_open.timeout_ns =
        session->open_timeout_ns != 0
            ? session->open_timeout_ns
            : sim_spread(&client->random, 100 * LL_NS_PER_MS, 8 * LL_NS_PER_S);
    session->open_due_ns =
        sim_user_now_ns(client) + event.session_open.timeout_ns;
    if (sim_client_step(client, &event) != 0) {
        sim_break(client->world, "statuses", "a session is refused");
    }
    sim_user_due(client, session->id, session->open_due_ns);
}

static void session_close(struct sim_client *client,
                          struct sim_session *session,
                          int64_t timeout_ns)
{
    struct ll_event event = {.kind = LL_EVENT_SESSION_CLOSE, .id = session->id};
    int status;

    session->is_closing = true;
    session->is_open = false;
    session->close_owed = true;
    session->close_due_ns = sim_user_now_ns(client) + timeout_ns;
    event.session_close.timeout_ns = timeout_ns;
    status = sim_client_step(client, &event);
    if (status != 0) {
        /* An open that timed out in this step closes by itself. */
        session->close_owed = false;
        if (status != LEASELOCK_E_STATE && status != LEASELOCK_E_HANDLE) {
            sim_break(client->world, "statuses", "a close is refused with %d",
                      status);
        }
        return;
    }
    sim_user_due(client, session->id, session->close_due_ns);
}

/** An open session of a client, at random, or NULL. */
static struct sim_session *session_pick(struct sim_client *client, bool closing)
{
    struct sim_session *picked = NULL;
    int64_t n = 0;

    for (size_t i = 0; i < client->live_n; i++) {
        struct sim_session *session = client->objects[client->live[i]].session;

        if (session != NULL && !session->is_closing &&
            (session->is_open || (closing && session->open_owed)) &&
            sim_below(&client->random, ++n) == 0) {
            picked = session;
        }
    }
    return picked;
}

static void user_work(struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct sim_session *session = session_pick(client, false);
    bool burst = world->fault_rate[SIM_FAULT_BURST] > 0 &&
                 client->peer.number == 0 && !client->has_burst;

    if (world->phase != SIM_PHASE_STORM) {
        return;
    }
    if (session != NULL && client->live_n < LIVE_MAX) {
        if (world->names_n > 1 && sim_fault_strikes(world, SIM_FAULT_SEVERAL)) {
            sim_user_acquire_all(client, session);
        } else {
            sim_user_acquire(client, session);
        }
        for (int i = 1; burst && i < BURST && !world->is_over; i++) {
            sim_user_acquire(client, session);
        }
        if (burst) {
            client->has_burst = true;
            sim_fault_count(world, SIM_FAULT_BURST);
        }
    }
    sim_user_push(
        client,
        sim_spread(&client->random, world->think_ns / 4, 4 * world->think_ns),
        SIM_EVENT_WORK, 0);
}

static void user_query(struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct ll_event event = {.kind = LL_EVENT_QUERY};
    const char *name = world->names[sim_below(&client->random, world->names_n)];

    if (client->query_id != 0) {
        event.kind = LL_EVENT_QUERY_CANCEL;
        event.id = client->query_id;
        (void)sim_client_step(client, &event);
        return;
    }
    client->query = (struct ll_request){.kind = LL_REQUEST_RANGE};
    client->query.range.key = (struct ll_bytes){name, strlen(name)};
    client->query.range.serializable = true;
    client->query_id = sim_client_next_id(client);
    event.id = client->query_id;
    event.query.request = &client->query;
    event.query.timeout_ns =
        sim_spread(&client->random, LL_NS_PER_MS, 3 * LL_NS_PER_S);
    event.query.endpoint =
        sim_chance(&client->random, 500000) ? 0 : LL_ENDPOINT_ANY;
    if (sim_client_step(client, &event) != 0) {
        sim_break(world, "statuses", "a query is refused");
    }
    sim_user_due(client, event.id,
                 sim_user_now_ns(client) + event.query.timeout_ns);
}

/** Whether a lost session is still to be closed. */
static struct sim_session *session_lost(struct sim_client *client)
{
    for (size_t i = 0; i < client->live_n; i++) {
        struct sim_session *session = client->objects[client->live[i]].session;

        if (session != NULL && session->seen_state == LL_SESSION_LOST &&
            !session->is_closing) {
            return session;
        }
    }
    return NULL;
}

static unsigned sessions_in_use(const struct sim_client *client)
{
    unsigned n = 0;

    for (size_t i = 0; i < client->live_n; i++) {
        const struct sim_session *session =
            client->objects[client->live[i]].session;

        if (session != NULL && !session->is_closing &&
            (session->is_open || session->open_owed)) {
            n++;
        }
    }
    return n;
}

static void user_tend(struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct sim_session *lost = session_lost(client);
    int64_t timeout_ns =
        sim_spread(&client->random, LL_NS_PER_MS, 5 * LL_NS_PER_S);

    sim_check_revoked(client);
    if (world->phase != SIM_PHASE_STORM || world->is_over) {
        return;
    }
    if (lost != NULL && sim_chance(&client->random, 700000)) {
        session_close(client, lost, timeout_ns);
    } else if (sessions_in_use(client) < client->sessions_max) {
        sim_user_open(
            client,
            sim_session_new(
                client, (int64_t)(ll_random_next(&client->random) >> 1) | 1));
    } else if (sim_fault_strikes(world, SIM_FAULT_CLOSE)) {
        struct sim_session *session = session_pick(client, true);

        if (session != NULL) {
            session_close(client, session, timeout_ns);
        }
    } else if (sim_fault_strikes(world, SIM_FAULT_OBSERVE)) {
        sim_user_observe(client);
    } else if (sim_fault_strikes(world, SIM_FAULT_FOLLOW)) {
        sim_user_follow(client);
    } else if (sim_chance(&client->random, 100000)) {
        user_query(client);
    }
    sim_user_push(client,
                  sim_spread(&client->random, 10 * LL_NS_PER_MS, LL_NS_PER_S),
                  SIM_EVENT_TEND, 0);
}

/** A write that should have released the ticket did not: the caller does. */
static void user_hears_end(struct sim_client *client,
                           const struct ll_effect *effect)
{
    const struct sim_write *write = sim_write_find(client, effect->id);

    if (effect->written.last && write->releases &&
        effect->written.detail.status != 0 && !write->ticket->is_released) {
        sim_user_push(client,
                      sim_spread(&client->random, LL_NS_PER_MS, LL_NS_PER_S),
                      SIM_EVENT_RELEASE, write->ticket->id);
    }
}

/** How long a lock is held that is granted after the storm: some for long, but
 * every waiter must be served in time. */
static int64_t healed_hold_ns(struct sim_client *client,
                              const struct sim_ticket *ticket)
{
    const struct sim_world *world = client->world;
    int64_t one_in = ticket->mode.kind == LL_MODE_EXCLUSIVE ? 8 : 2;
    int64_t keep_ns = world->heal_ns + SIM_KEEP_NS - world->now_ns;

    return keep_ns > 0 && sim_chance(&client->random, world->keep_ppm / one_in)
               ? keep_ns
               : LL_NS_PER_MS;
}

static void user_hears_grant(struct sim_client *client,
                             struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;
    int64_t hold_ns =
        world->phase == SIM_PHASE_STORM
            ? sim_spread(&client->random, world->hold_ns / 64, world->hold_ns)
            : healed_hold_ns(client, ticket);

    if (ticket->is_released) {
        return;
    }
    if (world->phase == SIM_PHASE_STORM && client->live_n < LIVE_MAX &&
        sim_fault_strikes(world, SIM_FAULT_CHAIN)) {
        sim_user_push(client, sim_below(&client->random, hold_ns),
                      SIM_EVENT_CHAIN, ticket->id);
    } else if (!sim_fault_strikes(world, SIM_FAULT_FORGET)) {
        sim_user_push(client, hold_ns, SIM_EVENT_RELEASE, ticket->id);
    }
    if (ticket->members_n == 0 && sim_fault_strikes(world, SIM_FAULT_WRITE)) {
        sim_user_push(client, sim_below(&client->random, hold_ns),
                      SIM_EVENT_WRITE, ticket->id);
    }
}

void sim_user_on_effect(struct sim_client *client,
                        const struct ll_effect *effect)
{
    struct sim_world *world = client->world;

    if (effect->kind == LL_EFFECT_ACQUIRED) {
        const struct sim_ticket *ticket = sim_ticket_find(client, effect->id);

        if (ticket != NULL && ticket->frees != 0) {
            sim_user_push(client, sim_below(&client->random, world->hold_ns),
                          SIM_EVENT_RELEASE, ticket->frees);
        }
        if (ticket != NULL && effect->silenced) {
            sim_user_on_silence(client, ticket);
        }
    }
    if (effect->kind == LL_EFFECT_ACQUIRED && effect->detail.status == 0) {
        user_hears_grant(client, sim_ticket_find(client, effect->id));
    } else if (effect->kind == LL_EFFECT_SESSION_OPENED &&
               effect->detail.status == 0 &&
               sim_session_find(client, effect->id)->before != NULL) {
        sim_user_push(client, 1, SIM_EVENT_TAKE_OVER, effect->id);
    } else if (effect->kind == LL_EFFECT_WRITTEN) {
        user_hears_end(client, effect);
    } else if (effect->kind == LL_EFFECT_LOST &&
               (world->phase != SIM_PHASE_STORM ||
                sim_chance(&client->random, 600000))) {
        sim_user_push(client,
                      sim_spread(&client->random, LL_NS_PER_MS, LL_NS_PER_S),
                      SIM_EVENT_RELEASE, effect->id);
    }
}

void sim_user_on_event(struct sim_client *client, const struct sim_event *event)
{
    struct sim_ticket *ticket;
    struct sim_session *session;

    if (client->peer.is_paused) {
        sim_push(client->world, client->peer.paused_until_ns + SIM_SLACK_NS,
                 (enum sim_event_kind)event->kind, event->number, event->id);
        return;
    }
    switch (event->kind) {
    case SIM_EVENT_WORK:
        user_work(client);
        break;
    case SIM_EVENT_TEND:
        user_tend(client);
        break;
    case SIM_EVENT_RELEASE:
        ticket = sim_ticket_find(client, event->id);
        if (ticket != NULL && !sim_user_rejoin(client, ticket) &&
            !client->world->is_over) {
            sim_user_release(client, ticket);
        }
        break;
    case SIM_EVENT_CHAIN:
        ticket = sim_ticket_find(client, event->id);
        if (ticket != NULL && !ticket->is_released &&
            (client->world->phase != SIM_PHASE_STORM ||
             !sim_user_chain(client, ticket)) &&
            !client->world->is_over) {
            sim_user_release(client, ticket);
        }
        break;
    case SIM_EVENT_TAKE_OVER:
        sim_user_take_over(client, event->id);
        break;
    case SIM_EVENT_REQUEUE:
        sim_user_requeue(client, event->id);
        break;
    case SIM_EVENT_UNOBSERVE:
        sim_user_unobserve(client, event->id);
        break;
    case SIM_EVENT_UNFOLLOW:
        sim_user_unfollow(client, event->id);
        break;
    case SIM_EVENT_CLOSE:
        session = sim_session_find(client, event->id);
        if (session != NULL && !session->is_closing && !session->is_ended) {
            session_close(client, session, LL_NS_PER_S);
        }
        break;
    case SIM_EVENT_WRITE:
        ticket = sim_ticket_find(client, event->id);
        if (ticket != NULL) {
            sim_user_write(client, ticket);
        }
        break;
    case SIM_EVENT_DUE:
        sim_check_due(client, event->id);
        break;
    case SIM_EVENT_NOTICE:
        sim_check_waiter(client, event->id);
        break;
    case SIM_EVENT_TOLD:
        sim_yields_check(client, event->id);
        break;
    default:
        break;
    }
}

void sim_user_start(struct sim_client *client)
{
    sim_user_push(client, 1, SIM_EVENT_TEND, 0);
    for (unsigned i = 0; i < client->workers; i++) {
        sim_user_push(client, 2 + sim_below(&client->random, LL_NS_PER_S / 10),
                      SIM_EVENT_WORK, 0);
    }
}

/** Whether it is held during a wait that has not ended. */
static bool awaits_chained(struct sim_client *client,
                           const struct sim_ticket *ticket)
{
    const struct sim_ticket *chained =
        ticket->chained != 0 ? sim_ticket_find(client, ticket->chained) : NULL;

    return chained != NULL && chained->acquire_owed;
}

void sim_user_finish(struct sim_client *client)
{
    for (size_t i = 0; i < client->live_n; i++) {
        const struct sim_ticket *ticket =
            client->objects[client->live[i]].ticket;
        const struct sim_session *session =
            client->objects[client->live[i]].session;

        if (session != NULL && session->before != NULL) {
            /* Its lease may have unknown keys. */
            sim_user_push(
                client, sim_spread(&client->random, LL_NS_PER_MS, LL_NS_PER_S),
                SIM_EVENT_CLOSE, session->id);
        }
        /* A lost one too: only then does its client search for a late key. */
        if (ticket != NULL && ticket->is_granted && !ticket->is_released &&
            !awaits_chained(client, ticket)) {
            int64_t keep_ns =
                sim_chance(&client->random, client->world->keep_ppm)
                    ? SIM_KEEP_NS
                    : 0;

            sim_user_push(client,
                          keep_ns + sim_spread(&client->random, LL_NS_PER_MS,
                                               LL_NS_PER_S),
                          SIM_EVENT_RELEASE, ticket->id);
        }
    }
}

void sim_user_close_all(struct sim_client *client)
{
    for (uint64_t id = 1; id < client->objects_n; id++) {
        struct sim_session *session = sim_session_find(client, id);

        if (!client->world->is_over) {
            sim_user_unobserve(client, id);
        }
        if (!client->world->is_over) {
            sim_user_unfollow(client, id);
        }
        if (session != NULL && !session->is_closing && !session->is_ended &&
            !client->world->is_over) {
            session_close(client, session, 20 * LL_NS_PER_S);
        }
    }
}

bool sim_user_is_idle(const struct sim_client *client)
{
    if (client->requeues_due > 0) {
        return false;
    }
    for (size_t i = 0; i < client->live_n; i++) {
        const struct sim_object *object = &client->objects[client->live[i]];

        if (object->ticket != NULL &&
            (object->ticket->acquire_owed || object->ticket->release_owed ||
             object->ticket->in_held)) {
            return false;
        }
        if (object->session != NULL && object->session->open_owed) {
            return false;
        }
        if (object->write != NULL && !object->write->is_over) {
            return false;
        }
    }
    return true;
}
