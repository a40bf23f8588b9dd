/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

/**
 * Checks deadlocks against etcd's state: a ticket that is marked as a victim
 * must be in a cycle of the wait-for graph of all existing keys. */

#define PLACES_MAX 4096

struct place {
    char key[SIM_KEY_SIZE];
    unsigned name;
    int64_t lease;
    int64_t created;
    int64_t version;
};

struct places {
    struct place *list;
    size_t n;
    unsigned name; /* being read */
};

static void add_place(void *arg, const struct ll_kv *kv)
{
    struct places *places = arg;
    struct place *place;

    if (places->n == PLACES_MAX || kv->key.size >= SIM_KEY_SIZE) {
        return;
    }
    place = &places->list[places->n++];
    memcpy(place->key, kv->key.data, kv->key.size);
    place->key[kv->key.size] = '\0';
    place->name = places->name;
    place->lease = kv->lease;
    place->created = kv->create_revision;
    place->version = kv->version;
}

/** The predecessor in the queue, or NULL. */
static const struct place *place_before(const struct places *places,
                                        const struct place *place)
{
    const struct place *before = NULL;

    for (size_t i = 0; i < places->n; i++) {
        const struct place *other = &places->list[i];

        if (other->name == place->name && other->created < place->created &&
            (before == NULL || before->created < other->created)) {
            before = other;
        }
    }
    return before;
}

/** Whether a key makes its lease wait: it is the lease's first in its queue,
 * and is not marked. */
static bool is_wait(const struct places *places, const struct place *place)
{
    bool is = place->version == 1;

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

static void reach(struct leases *leases, const struct place *place)
{
    if (place == NULL || place->lease == 0) {
        return;
    }
    for (size_t i = 0; i < leases->n; i++) {
        if (leases->list[i] == place->lease) {
            return;
        }
    }
    leases->list[leases->n++] = place->lease;
}

static bool is_own(const struct sim_ticket *ticket, const struct place *place)
{
    bool is = ticket->members_n == 0 && strcmp(place->key, ticket->key) == 0;

    for (unsigned i = 0; i < ticket->members_n; i++) {
        is = is || strcmp(place->key, ticket->members[i]->key) == 0;
    }
    return is;
}

/** Follows the waits from the ticket's own key, and searches for another key of
 * its lease. */
static bool waits_in_deadlock(const struct places *places,
                              const struct place *own,
                              struct leases *leases)
{
    const struct place *before = place_before(places, own);

    if (before != NULL && before->lease == own->lease) {
        return true;
    }
    leases->n = 0;
    reach(leases, before);
    for (size_t at = 0; at < leases->n; at++) {
        for (size_t i = 0; i < places->n; i++) {
            const struct place *place = &places->list[i];

            if (place->lease != leases->list[at] || !is_wait(places, place)) {
                continue;
            }
            before = place_before(places, place);
            if (before != NULL && before->lease == own->lease) {
                if (before != own) {
                    return true;
                }
            } else {
                reach(leases, before);
            }
        }
    }
    return false;
}

void sim_check_mark(struct sim_world *world, const struct sim_ticket *ticket)
{
    struct places places = {calloc(PLACES_MAX, sizeof(*places.list)), 0, 0};
    struct leases *leases = calloc(1, sizeof(*leases));
    bool found = false;

    if (places.list == NULL || leases == NULL) {
        abort();
    }
    for (unsigned i = 0; i < world->names_n; i++) {
        char prefix[SIM_KEY_SIZE];
        int size = snprintf(prefix, sizeof(prefix), "%s/", world->names[i]);

        places.name = i;
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
