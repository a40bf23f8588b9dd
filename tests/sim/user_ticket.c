/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "keeps.h"
#include "user.h"

/**
 * Callers of one ticket: they acquire a lock and release it, once or twice.
 * */

struct sim_ticket *sim_ticket_new(struct sim_client *client,
                                  struct sim_session *session)
{
    struct sim_ticket *ticket = calloc(1, sizeof(*ticket));

    if (ticket == NULL) {
        abort();
    }
    ticket->id = sim_client_next_id(client);
    ticket->client = client->peer.number;
    ticket->session = session;
    ticket->seen_state = SIM_STATE_NONE;
    ticket->seen_deadlock = SIM_STATE_NONE;
    ticket->acquire_owed = true;
    ticket->acquire_due_ns = INT64_MAX;
    ticket->release_due_ns = INT64_MAX;
    client->objects[ticket->id].ticket = ticket;
    client->live[client->live_n++] = ticket->id;
    return ticket;
}

void sim_ticket_enter(struct sim_client *client,
                      struct sim_ticket *ticket,
                      struct ll_bytes key)
{
    struct sim_world *world = client->world;
    struct ll_mode mode =
        sim_mode_of(key, strlen(world->names[ticket->name]) + 1);
    struct sim_ticket *before;

    if (!ll_mode_equal(mode, ticket->mode)) {
        sim_break(world, "the key names the mode",
                  "ticket %u.%llu has the key %.*s", ticket->client,
                  (unsigned long long)ticket->id, (int)key.size, key.data);
        return;
    }
    before = sim_key_find(world, ticket->session->lease, key);
    if (before == ticket) {
        return; /* it took over that key at once */
    }
    /* A number is reused once its key cannot come back (see number.h): only the
     * new ticket's request may create it. */
    if (before != NULL && !ticket->resumes &&
        (before->client != ticket->client || before->has_key ||
         before->acquire_owed || before->in_held ||
         sim_net_makers(world, ticket->session->lease, key) > 1)) {
        sim_break(world, "keys differ", "ticket %u.%llu has the key %s of %llu",
                  ticket->client, (unsigned long long)ticket->id, before->key,
                  (unsigned long long)before->id);
        return;
    }
    sim_key_leave(world, ticket);
    if (before != NULL) {
        sim_key_pass(world, before, ticket);
    } else {
        sim_key_enter(world, ticket, key);
    }
}

/** Chances in ten of a try, and of a timeout. */
#define TRIES 2
#define TIMEOUTS 3

static int64_t draw_timeout(struct sim_client *client, int64_t kind)
{

    if (kind < TRIES) {
        return 0;
    }
    if (kind < TRIES + TIMEOUTS) {
        return sim_spread(&client->random, LL_NS_PER_MS / 4,
                          4 * client->world->wait_ns);
    }
    return -1;
}

int64_t sim_user_draw_timeout(struct sim_client *client,
                              struct sim_ticket *ticket)
{
    /* No deadlock detection covers a permit's wait: a holder that waits for
     * one has a timeout. */
    bool must_end = ticket->is_chained && ticket->mode.kind == LL_MODE_PERMIT;
    int64_t timeout_ns = draw_timeout(
        client, sim_below(&client->random, must_end ? TRIES + TIMEOUTS : 10));

    ticket->try_only = timeout_ns == 0;
    ticket->has_timeout = timeout_ns > 0;
    if (ticket->try_only) {
        ticket->acquire_due_ns =
            sim_user_now_ns(client) + 3 * client->world->request_timeout_ns;
    } else if (ticket->has_timeout) {
        ticket->acquire_due_ns = sim_user_now_ns(client) + timeout_ns;
    }
    return timeout_ns;
}

void sim_user_await(struct sim_client *client, struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;

    if (world->is_over) {
        return;
    }
    if (ticket->acquire_due_ns != INT64_MAX) {
        sim_user_due(client, ticket->id, ticket->acquire_due_ns);
    }
    if (sim_fault_strikes(world, SIM_FAULT_CANCEL)) {
        sim_user_push(
            client,
            sim_spread(&client->random, world->wait_ns / 64, world->wait_ns),
            SIM_EVENT_RELEASE, ticket->id);
    }
}

void sim_user_find_deadlock(struct sim_client *client,
                            struct sim_ticket *ticket)
{
    (void)sim_client_next_id(client);
    ticket->finds_deadlock = true;
}

int64_t sim_user_draw_watch_own(struct sim_client *client,
                                struct sim_ticket *ticket)
{
    ticket->watches_own = sim_chance(&client->random, 250000);
    return ticket->watches_own ? -1 : 0;
}

/** Acquires a lock, alone or while another is held. */
static struct sim_ticket *acquire(struct sim_client *client,
                                  struct sim_session *session,
                                  bool is_chained,
                                  bool finds_deadlock)
{
    struct sim_world *world = client->world;
    struct sim_ticket *ticket = sim_ticket_new(client, session);
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE, .id = ticket->id};
    struct ll_ticket_view view;

    ticket->name = sim_keeps_draw_name(client);
    sim_keeps_draw(client, ticket, &event, is_chained || finds_deadlock);
    if (!ticket->keeps) {
        ticket->mode = sim_mode_draw(client, ticket->name);
    }
    ticket->is_chained = is_chained;
    if (finds_deadlock && ticket->mode.kind != LL_MODE_PERMIT) {
        sim_user_find_deadlock(client, ticket);
    }
    event.acquire.find_deadlock = ticket->finds_deadlock;
    event.acquire.watch_own_ns = sim_user_draw_watch_own(client, ticket);
    event.acquire.mode = ticket->mode;
    if (!ticket->keeps) {
        sim_yields_draw(client->world, ticket);
        event.acquire.yields = ticket->yields;
        sim_delays_draw(client, ticket, &event);
    }
    event.acquire.session = session->id;
    event.acquire.name = (struct ll_bytes){world->names[ticket->name],
                                           strlen(world->names[ticket->name])};
    event.acquire.value =
        ticket->keeps ? sim_keeps_value() : (struct ll_bytes){"sim", 3};
    event.acquire.timeout_ns = sim_user_draw_timeout(client, ticket);
    if (!sim_user_is_taken(client, sim_client_step(client, &event))) {
        client->objects[ticket->id].ticket = NULL;
        free(ticket);
        return NULL;
    }
    world->result->tickets++;
    if (world->is_over ||
        !ll_core_ticket_view(client->core, ticket->id, 0, &view) ||
        view.key.size >= sizeof(ticket->key)) {
        return ticket;
    }
    sim_ticket_enter(client, ticket, view.key);
    sim_user_await(client, ticket);
    return ticket;
}

void sim_user_acquire(struct sim_client *client, struct sim_session *session)
{
    (void)acquire(client, session, false,
                  sim_fault_strikes(client->world, SIM_FAULT_CHAIN));
}

bool sim_user_chain(struct sim_client *client, struct sim_ticket *held)
{
    struct sim_ticket *ticket;

    if (!held->session->is_open || client->objects[held->session->id].is_dead) {
        return false;
    }
    ticket = acquire(client, held->session, true, true);
    if (ticket != NULL) {
        held->chained = ticket->id;
        ticket->frees = held->id;
    }
    return ticket != NULL;
}

/** Records the token with which a ticket, and each of its members, is
 * released. */
static void note_token(struct sim_client *client, struct sim_ticket *ticket)
{
    struct ll_ticket_view view = {.token = 0};

    (void)ll_core_ticket_view(client->core, ticket->id, 0, &view);
    ticket->token = view.token;
    for (unsigned i = 0; i < ticket->members_n; i++) {
        note_token(client, ticket->members[i]);
    }
}

void sim_user_release(struct sim_client *client, struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;
    bool again = ticket->is_released;
    bool waits = ticket->acquire_owed;
    struct ll_event event = {.kind = LL_EVENT_RELEASE, .id = ticket->id};
    int status;

    event.release.timeout_ns =
        sim_spread(&client->random, LL_NS_PER_MS / 4, 3 * LL_NS_PER_S);
    if (!again) {
        note_token(client, ticket);
        ticket->is_released = true;
        ticket->release_owed = true;
        ticket->was_canceled = waits;
        ticket->asked_ns = world->now_ns;
        ticket->release_due_ns =
            sim_user_now_ns(client) + event.release.timeout_ns;
    }
    status = sim_client_step(client, &event);
    if (world->is_over) {
        return;
    }
    if (again && status == 0) {
        sim_break(world, "reported once", "ticket %u.%llu is released twice",
                  ticket->client, (unsigned long long)ticket->id);
    } else if (!again && status != 0) {
        ticket->release_owed = false;
    } else if (!again) {
        sim_user_due(client, ticket->id, ticket->release_due_ns);
        if (sim_fault_strikes(world, SIM_FAULT_TWICE)) {
            sim_user_push(
                client, sim_spread(&client->random, LL_NS_PER_MS, LL_NS_PER_S),
                SIM_EVENT_RELEASE, ticket->id);
        }
    }
}
