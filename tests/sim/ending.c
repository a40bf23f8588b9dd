/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/object.h"
#include "core/ticket.h"
#include "world.h"

/**
 * Invariants of the phases after the storm: every waiter is served, no key is
 * left, and core frees all closed objects. */

static unsigned orphan_of(struct sim_world *world, const char *key)
{
    const struct sim_ticket *ticket =
        sim_key_last(world, (struct ll_bytes){key, strlen(key)});

    return ticket != NULL ? ticket->client : SIM_PEERS_MAX;
}

static char leftover[SIM_KEY_SIZE];

static void find_any(void *arg, const struct ll_kv *kv)
{
    bool *found = arg;

    if (!*found) {
        *found = true;
        (void)snprintf(leftover, sizeof(leftover), "%.*s", (int)kv->key.size,
                       kv->key.data);
    }
}

const char *sim_queue_leftover(struct sim_world *world)
{
    bool found = false;

    for (unsigned name = 0; name < world->names_n && !found; name++) {
        char prefix[SIM_KEY_SIZE];
        int size = snprintf(prefix, sizeof(prefix), "%s/", world->names[name]);

        sim_etcd_each(world->etcd, (struct ll_bytes){prefix, (size_t)size},
                      find_any, &found);
    }
    return found ? leftover : NULL;
}

/** Prints a ticket that has not ended. */
static const struct sim_ticket *find_busy(struct sim_world *world)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        struct sim_client *client = &world->clients[i];

        for (size_t at = 0; at < client->live_n; at++) {
            const struct sim_ticket *ticket =
                client->objects[client->live[at]].ticket;

            if (ticket != NULL && (ticket->acquire_owed ||
                                   ticket->release_owed || ticket->in_held)) {
                return ticket;
            }
        }
    }
    return NULL;
}

void sim_check_phase(struct sim_world *world)
{
    const struct sim_ticket *busy = find_busy(world);
    const char *key = sim_queue_leftover(world);
    const struct sim_follower *behind;
    unsigned number;

    switch (world->phase) {
    case SIM_PHASE_STORM:
        /* With few events, the steps take long: not a fault. */
        break;
    case SIM_PHASE_HEAL:
        if (busy != NULL) {
            sim_break(world, "served after healing",
                      "ticket %u.%llu (%s, seen as %d) has not come to its end",
                      busy->client, (unsigned long long)busy->id, busy->key,
                      busy->seen_state);
        } else {
            sim_break(world, "served after healing",
                      "a client has not come to an end");
        }
        break;
    case SIM_PHASE_QUIET:
        if (key != NULL) {
            sim_break(world, "no orphan",
                      "the key %s of client %u is left without an owner", key,
                      orphan_of(world, key));
        } else if (!sim_observers_are_current(world)) {
            sim_break(world, "every leader in its turn",
                      "an observer did not report that nobody leads");
        } else if ((behind = sim_follower_behind(world, &number)) != NULL) {
            sim_break(world, "followed to the end",
                      "follower %u.%llu (%d) has not reported what etcd has: "
                      "%zu keys, counted as %lld, at revision %lld%s",
                      number, (unsigned long long)behind->id,
                      (int)behind->state, behind->mirror.n,
                      (long long)behind->count, (long long)behind->revision,
                      behind->is_misled ? ", changes were hidden" : "");
        }
        break;
    case SIM_PHASE_CLOSE:
        for (unsigned i = 0; i < world->clients_n; i++) {
            if (world->clients[i].live_n > 0) {
                sim_break(world, "nothing is left",
                          "client %u is closed but still has %zu objects", i,
                          world->clients[i].live_n);
            }
        }
        break;
    case SIM_PHASE_OVER:
        break;
    }
}

/** A ticket that waits with its key, and not for the end of a lock-delay: a
 *  third party that puts to a key which says "released" makes it a crash's. */
static bool waits(const struct sim_ticket *ticket)
{
    const struct sim_ticket *whole =
        ticket->multi != NULL ? ticket->multi : ticket;

    return ticket->members_n == 0 && whole->acquire_owed && ticket->has_key &&
           !ticket->in_held && ticket->seen_state != (int)LL_TICKET_DELAYED;
}

void sim_check_blocked(struct sim_world *world, bool again)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        struct sim_client *client = &world->clients[i];

        for (size_t at = 0; at < client->live_n; at++) {
            struct sim_ticket *ticket =
                client->objects[client->live[at]].ticket;

            if (ticket == NULL || !waits(ticket)) {
                continue;
            }
            if (again && ticket->is_free) {
                sim_break(world, "served beside holders",
                          "ticket %u.%llu (%s) waits, but nothing blocks it",
                          ticket->client, (unsigned long long)ticket->id,
                          ticket->key);
            }
            ticket->is_free = !sim_rule_of(world, ticket).is_blocked;
        }
    }
}

void sim_check_end(struct sim_world *world)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        const struct ll_core *core = world->clients[i].core;

        if (core->sessions.n != 0 || core->tickets.n != 0 ||
            core->tickets.reaps_n != 0 || core->watches.creating_n != 0 ||
            core->objects.n != 0 || core->sessions.by_lease.n != 0 ||
            core->timers.size != 0) {
            sim_break(world, "nothing is left",
                      "client %u is closed but has %u sessions, %u tickets, "
                      "%u abandoned attempts, %u watches, %zu timers",
                      i, core->sessions.n, core->tickets.n,
                      core->tickets.reaps_n, core->watches.creating_n,
                      core->timers.size);
        }
    }
}
