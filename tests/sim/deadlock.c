/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

/**
 * Checks deadlocks against etcd's state: a ticket that is marked as a victim
 * must be in a cycle of the wait-for graph of all existing keys. */

#define PLACES_MAX 4096
/** A marked key that is still there after the shortest pause between two
 * detections, by the fastest clock, counts as a wait again. */
#define LEAVING_NS (700 * LL_NS_PER_MS)

struct place {
    char key[SIM_KEY_SIZE];
    unsigned name;
    struct ll_mode mode;
    int64_t lease;
    int64_t created;
    bool is_leaving; /* it was marked a short time ago */
};

struct places {
    struct sim_world *world;
    struct place *list;
    size_t n;
    unsigned name; /* being read, */
    size_t prefix_size;
};

static void add_place(void *arg, const struct ll_kv *kv)
{
    struct places *places = arg;
    struct sim_ticket *ticket;
    struct place *place;

    if (places->n == PLACES_MAX || kv->key.size >= SIM_KEY_SIZE) {
        return;
    }
    place = &places->list[places->n++];
    memcpy(place->key, kv->key.data, kv->key.size);
    place->key[kv->key.size] = '\0';
    place->name = places->name;
    place->mode = sim_mode_of(kv->key, places->prefix_size);
    place->lease = kv->lease;
    place->created = kv->create_revision;
    ticket = sim_key_find(places->world, kv->lease, kv->key);
    place->is_leaving = ticket != NULL && ticket->is_marked &&
                        places->world->now_ns < ticket->marked_ns + LEAVING_NS;
}

/** Whether a key waits for another one of its queue to be deleted, by itself.
 * For one of several permits a permit waits for none of them in particular. */
static bool is_blocked_by(const struct place *place, const struct place *other)
{
    return other->name == place->name && other->created < place->created &&
           (sim_mode_blocks(place->mode, other->mode) ||
            (place->mode.kind == LL_MODE_PERMIT &&
             other->mode.kind == LL_MODE_PERMIT && place->mode.permits == 1));
}

/** The same, by itself or through keys of the queue that block it: all of an
 * exclusive one's. */
static bool waits_for(const struct places *places,
                      const struct place *place,
                      const struct place *other)
{
    bool does = is_blocked_by(place, other);

    for (size_t i = 0; i < places->n && !does; i++) {
        does = places->list[i].mode.kind == LL_MODE_EXCLUSIVE &&
               is_blocked_by(place, &places->list[i]) &&
               is_blocked_by(&places->list[i], other);
    }
    return does;
}

/** Whether a key makes its lease wait: it is the lease's first in its queue,
 * and was not marked right before. */
static bool is_wait(const struct places *places, const struct place *place)
{
    bool is = !place->is_leaving;

    for (size_t i = 0; i < places->n; i++) {
        const struct place *other = &places->list[i];

        is =
            is && (other->name != place->name || other->lease != place->lease ||
                   other->created >= place->created);
    }
    return is;
}

struct leases {
    int64_t list[PLACES_MAX];
    size_t n;
};

static void reach(struct leases *leases, int64_t lease)
{
    if (lease == 0) {
        return;
    }
    for (size_t i = 0; i < leases->n; i++) {
        if (leases->list[i] == lease) {
            return;
        }
    }
    leases->list[leases->n++] = lease;
}

static bool is_own(const struct sim_ticket *ticket, const struct place *place)
{
    bool is = ticket->members_n == 0 && strcmp(place->key, ticket->key) == 0;

    for (unsigned i = 0; i < ticket->members_n; i++) {
        is = is || strcmp(place->key, ticket->members[i]->key) == 0;
    }
    return is;
}

/** Follows a wait to the leases that it waits for. True: the own one is among
 * them, through a key that is not the own one. */
static bool follow(const struct places *places,
                   const struct place *own,
                   const struct place *place,
                   struct leases *leases)
{
    for (size_t i = 0; i < places->n; i++) {
        const struct place *other = &places->list[i];

        if (!waits_for(places, place, other) || other == own) {
            continue;
        }
        if (other->lease == own->lease) {
            return true;
        }
        reach(leases, other->lease);
    }
    return false;
}

/** Follows the waits from the ticket's own key, and searches for another key of
 * its lease. */
static bool waits_in_deadlock(const struct places *places,
                              const struct place *own,
                              struct leases *leases)
{
    bool found;

    leases->n = 0;
    found = follow(places, own, own, leases);
    for (size_t at = 0; at < leases->n && !found; at++) {
        for (size_t i = 0; i < places->n && !found; i++) {
            const struct place *place = &places->list[i];

            found = place->lease == leases->list[at] &&
                    is_wait(places, place) &&
                    follow(places, own, place, leases);
        }
    }
    return found;
}

void sim_check_mark(struct sim_world *world, const struct sim_ticket *ticket)
{
    struct places places = {.world = world,
                            .list = calloc(PLACES_MAX, sizeof(*places.list))};
    struct leases *leases = calloc(1, sizeof(*leases));
    bool found = false;

    if (places.list == NULL || leases == NULL) {
        abort();
    }
    for (unsigned i = 0; i < world->names_n; i++) {
        char prefix[SIM_KEY_SIZE];
        int size = snprintf(prefix, sizeof(prefix), "%s/", world->names[i]);

        places.name = i;
        places.prefix_size = (size_t)size;
        sim_etcd_each(world->etcd, (struct ll_bytes){prefix, (size_t)size},
                      add_place, &places);
    }
    world->result->deadlocks++;
    for (size_t i = 0; i < places.n && !found; i++) {
        found = is_own(ticket, &places.list[i]) &&
                waits_in_deadlock(&places, &places.list[i], leases);
    }
    if (!found) {
        sim_break(world, "one of a deadlock",
                  "ticket %u.%llu (%s) is marked, but is in no deadlock",
                  ticket->client, (unsigned long long)ticket->id, ticket->key);
    }
    free(leases);
    free(places.list);
}
