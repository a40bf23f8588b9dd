/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/observe.h"
#include "leaselock/status.h"
#include "world.h"

/**
 * Invariants of observers. etcd's commits give each queue a history of its
 * leaders; from an observer's start on, that history is reported to it, each
 * leader in order. If events are missed or the history is compacted, leaders
 * may be left out, but never reported in another order. */

static uint64_t hash_bytes(uint64_t hash, struct ll_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ (unsigned char)bytes.data[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

/** A leader as a number; 0: none. */
static uint64_t leader_of(const struct ll_kv *kv)
{
    uint64_t hash = hash_bytes((uint64_t)kv->create_revision * 31 + 7, kv->key);

    hash = hash_bytes(hash * 33, kv->value);
    return hash != 0 ? hash : 1;
}

struct looking {
    size_t prefix_size;
    bool found;
    uint64_t leader;
};

static void look(void *arg, const struct ll_kv *kv)
{
    struct looking *looking = arg;
    const char *suffix = kv->key.data + looking->prefix_size;

    if (!looking->found &&
        memchr(suffix, '/', kv->key.size - looking->prefix_size) == NULL) {
        looking->found = true;
        looking->leader =
            kv->lease != 0 && sim_mode_of(kv->key, looking->prefix_size).kind ==
                                  LL_MODE_EXCLUSIVE
                ? leader_of(kv)
                : 0;
    }
}

static void
history_add(struct sim_leaders *leaders, int64_t revision, uint64_t leader)
{
    if (leaders->n == leaders->capacity) {
        leaders->capacity = leaders->capacity != 0 ? 2 * leaders->capacity : 64;
        leaders->history = realloc(
            leaders->history, leaders->capacity * sizeof(*leaders->history));
        if (leaders->history == NULL) {
            abort();
        }
    }
    leaders->history[leaders->n++] = (struct sim_leader){revision, leader};
}

void sim_leaders_start(struct sim_world *world)
{
    for (unsigned name = 0; name < world->names_n; name++) {
        history_add(&world->leaders[name], 0, 0);
    }
}

void sim_leaders_free(struct sim_world *world)
{
    for (unsigned name = 0; name < world->names_n; name++) {
        free(world->leaders[name].history);
    }
}

void sim_leaders_note(struct sim_world *world, struct ll_bytes key)
{
    for (unsigned name = 0; name < world->names_n; name++) {
        size_t size = strlen(world->names[name]);

        if (key.size > size && key.data[size] == '/' &&
            memcmp(key.data, world->names[name], size) == 0) {
            world->leaders[name].is_touched = true;
        }
    }
}

void sim_leaders_look(struct sim_world *world, int64_t revision)
{
    for (unsigned name = 0; name < world->names_n; name++) {
        struct sim_leaders *leaders = &world->leaders[name];
        struct looking looking = {.leader = 0};
        char prefix[SIM_KEY_SIZE];
        int size = snprintf(prefix, sizeof(prefix), "%s/", world->names[name]);

        if (!leaders->is_touched) {
            continue;
        }
        leaders->is_touched = false;
        looking.prefix_size = (size_t)size;
        sim_etcd_each(world->etcd, (struct ll_bytes){prefix, (size_t)size},
                      look, &looking);
        if (looking.leader != leaders->history[leaders->n - 1].leader) {
            history_add(leaders, revision, looking.leader);
        }
    }
}

void sim_leaders_restored(struct sim_world *world)
{
    for (unsigned name = 0; name < world->names_n; name++) {
        struct sim_leaders *leaders = &world->leaders[name];

        leaders->is_touched = true;
        /* A leader that the queue cannot have: the next one differs in any
         * case. */
        history_add(leaders, sim_etcd_revision(world->etcd), UINT64_MAX);
    }
    sim_leaders_look(world, sim_etcd_revision(world->etcd));
}

static void break_observer(struct sim_client *client,
                           const struct sim_observer *observer,
                           const char *what)
{
    sim_break(client->world, "every leader in its turn",
              "observer %u.%llu of %s %s", client->peer.number,
              (unsigned long long)observer->id,
              client->world->names[observer->name], what);
}

/** Finds the observer's start in the history: between its request and the
 * present, since it has just read the queue. */
static size_t first_seen(const struct sim_client *client,
                         const struct sim_observer *observer,
                         const struct sim_leaders *leaders)
{
    struct ll_entry *entry =
        ll_table_find(&client->core->objects, observer->id);
    int64_t revision =
        LL_CONTAINER(entry, struct ll_observer, object.entry)->revision;
    size_t at = observer->from;

    while (at + 1 < leaders->n &&
           leaders->history[at + 1].revision <= revision) {
        at++;
    }
    return at;
}

/** Finds the reported leader in the history, after the one reported before. If
 * an event is missed, an observer may report the next key as the leader until
 * its check detects that. */
static void observer_follow(struct sim_client *client,
                            struct sim_observer *observer,
                            uint64_t leader)
{
    struct sim_world *world = client->world;
    const struct sim_leaders *leaders = &world->leaders[observer->name];
    bool is_strict = observer->has_begun &&
                     world->fault_rate[SIM_FAULT_COMPACT] == 0 &&
                     !world->was_restored;
    size_t at = observer->has_begun ? observer->at + 1
                                    : first_seen(client, observer, leaders);

    while (at < leaders->n && leaders->history[at].leader != leader &&
           !is_strict) {
        at++;
    }
    if (observer->has_begun && observer->leader == leader) {
        break_observer(client, observer, "receives the same leader again");
    }
    observer->leader = leader;
    /* If an observer reconnects after the restored store has passed the
     * revision that it had seen, it treats the lost history as a part of the
     * store's until its next check. */
    if (world->fault_rate[SIM_FAULT_MISS] > 0 || observer->is_old) {
        observer->has_begun = true;
        return;
    }
    if (at >= leaders->n || leaders->history[at].leader != leader) {
        break_observer(client, observer,
                       leader == 0
                           ? "receives the end of leadership out of order"
                           : "receives a leader out of order");
        return;
    }
    observer->has_begun = true;
    observer->at = at;
}

void sim_check_observed(struct sim_client *client,
                        const struct ll_effect *effect)
{
    struct sim_observer *observer = sim_observer_find(client, effect->id);
    int status = effect->observed.detail.status;

    if (observer == NULL || observer->is_over) {
        sim_break(client->world, "reported once",
                  "observer %u.%llu receives a report after its end",
                  client->peer.number, (unsigned long long)effect->id);
    } else if (effect->observed.is_end) {
        observer->is_over = true;
        if (status == LEASELOCK_E_SERVER && client->met_other) {
            return;
        }
        if (status != (observer->end_asked ? 0 : LEASELOCK_E_REFUSED) ||
            (status != 0 &&
             (observer->name != 0 ||
              client->world->fault_rate[SIM_FAULT_FORBID] == 0))) {
            break_observer(client, observer, "ends for no reason");
        }
    } else if (ll_core_cluster_id(client->core) == SIM_OTHER_ID) {
        if (effect->observed.leader != NULL) {
            break_observer(client, observer,
                           "receives a leader of another cluster");
        }
    } else {
        observer_follow(client, observer,
                        effect->observed.leader != NULL
                            ? leader_of(effect->observed.leader)
                            : 0);
    }
}

bool sim_observers_are_current(struct sim_world *world)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        struct sim_client *client = &world->clients[i];

        for (size_t at = 0; at < client->live_n; at++) {
            const struct sim_observer *observer =
                client->objects[client->live[at]].observer;

            if (observer != NULL && !observer->is_over &&
                (!observer->has_begun ||
                 observer->leader !=
                     world->leaders[observer->name]
                         .history[world->leaders[observer->name].n - 1]
                         .leader)) {
                return false;
            }
        }
    }
    return true;
}
