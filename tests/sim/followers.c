/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "core/follow.h"
#include "etcd_memory.h"
#include "leaselock/status.h"
#include "world.h"

/**
 * Invariants of followers (core/follow.h). etcd's commits give each range a
 * history of its content. What a follower reports adds up to that of the revision
 * that it names, and in the end to the newest one.
 *
 * If a watch event is missed, or the store is restored, a follower detects that
 * by the number of keys alone. Until it has read all keys again, only that number
 * has to become right. */

/** One report in so many is dropped by its caller, who has no memory for it. */
#define DROPPED_PPM 4000
/** The limit of the keys of an answer, in some worlds. */
#define ANSWER_KEYS_MAX 64

void sim_followers_start(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_FOLLOW];

    if (world->fault_rate[SIM_FAULT_FOLLOW] > 0 && sim_chance(random, 600000)) {
        world->answer_keys_max = (size_t)sim_spread(random, 1, ANSWER_KEYS_MAX);
    }
}

void sim_follower_free(struct sim_follower *follower)
{
    if (follower != NULL) {
        sim_mirror_free(&follower->mirror);
        sim_mirror_free(&follower->pages);
        free(follower);
    }
}

static void mislead(struct sim_client *client, struct sim_follower *follower)
{
    follower->is_misled = true;
    follower->misled_ns = client->world->now_ns;
}

/** Marks a client's follower `only` as misled; 0: each of them. */
static void mislead_each(struct sim_client *client, uint64_t only)
{
    for (size_t at = 0; at < client->live_n; at++) {
        struct sim_follower *follower =
            client->objects[client->live[at]].follower;

        if (follower != NULL && (only == 0 || follower->id == only)) {
            mislead(client, follower);
        }
    }
}

void sim_followers_restored(struct sim_world *world)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        mislead_each(&world->clients[i], 0);
    }
}

/** A follower that core still has, or NULL. */
static const struct ll_follow *core_follow(const struct sim_client *client,
                                           uint64_t id)
{
    struct ll_object *object = ll_object_find(client->core, id, &ll_follow_ops);

    return object != NULL ? LL_CONTAINER(object, struct ll_follow, object)
                          : NULL;
}

void sim_followers_missed(struct sim_world *world,
                          unsigned peer,
                          const struct ll_event *event,
                          bool is_proxied)
{
    struct sim_client *client = &world->clients[peer];
    uint64_t id = ll_watch_owner_of(event->watch.watch_id);
    const struct ll_follow *follow;

    if (is_proxied) { /* the number is not the client's */
        mislead_each(client, 0);
        return;
    }
    follow = core_follow(client, id);
    if (follow != NULL && follow->watch.id == event->watch.watch_id) {
        mislead_each(client, id);
    }
}

void sim_followers_call(struct sim_client *client,
                        const struct ll_effect *effect)
{
    struct sim_follower *follower = sim_follower_find(client, effect->id);

    if (follower != NULL) {
        follower->asked_ns = client->world->now_ns;
    }
}

bool sim_followers_reject(struct sim_world *world,
                          unsigned peer,
                          uint64_t id,
                          size_t keys_n)
{
    return world->answer_keys_max > 0 && keys_n > world->answer_keys_max &&
           peer < world->clients_n &&
           sim_follower_find(&world->clients[peer], id) != NULL;
}

static void break_follower(struct sim_client *client,
                           const struct sim_follower *follower,
                           const char *invariant,
                           const char *what)
{
    struct sim_world *world = client->world;

    sim_break(world, invariant, "follower %u.%llu of %s %s",
              client->peer.number, (unsigned long long)follower->id,
              follower->range < world->names_n ? world->names[follower->range]
                                               : "all keys",
              what);
}

/** The content of a follower's range at a revision; false: it is not known. */
static bool content_at(const struct sim_client *client,
                       const struct sim_follower *follower,
                       int64_t revision,
                       struct sim_content *ret_content)
{
    const struct sim_content *known =
        sim_followed_content(client->world, follower->range, revision);

    /* The other cluster is empty, and at its first revision. */
    if (ll_core_cluster_id(client->core) == SIM_OTHER_ID) {
        *ret_content = (struct sim_content){revision, 0, 0};
        return true;
    }
    if (known != NULL) {
        *ret_content = *known;
    }
    return known != NULL;
}

static bool is_same(const struct sim_mirror *mirror,
                    const struct sim_content *content)
{
    return mirror->n == content->n && mirror->sum == content->sum;
}

static void check_content(struct sim_client *client,
                          const struct sim_follower *follower,
                          const char *when)
{
    struct sim_content content;

    if (follower->is_misled) {
        return;
    }
    if (!content_at(client, follower, follower->revision, &content)) {
        break_follower(client, follower, "followed means the same",
                       "names a revision that is not of etcd's history");
        return;
    }
    if (is_same(&follower->mirror, &content)) {
        return;
    }
    sim_break(client->world, "followed means the same",
              "follower %u.%llu of %s has %zu keys at revision %lld %s, which "
              "are not etcd's %zu",
              client->peer.number, (unsigned long long)follower->id,
              follower->range < client->world->names_n
                  ? client->world->names[follower->range]
                  : "all keys",
              follower->mirror.n, (long long)follower->revision, when,
              content.n);
}

/** Whether a report may come after what was reported before. */
static bool report_fits(const struct sim_follower *follower,
                        const struct ll_effect *effect)
{
    enum sim_follower_state state = follower->state;
    bool is_loaded =
        state == SIM_FOLLOWER_CURRENT || state == SIM_FOLLOWER_LOST;

    switch (effect->followed.kind) {
    case LL_FOLLOWED_LOADING:
        return state != SIM_FOLLOWER_LOADED;
    case LL_FOLLOWED_PAGE:
        return effect->followed.is_first
                   ? state == SIM_FOLLOWER_LOADING ||
                         state == SIM_FOLLOWER_FAILED
                   : state == SIM_FOLLOWER_PAGES &&
                         effect->followed.revision == follower->revision;
    case LL_FOLLOWED_CHANGES:
        return is_loaded && effect->followed.events_n > 0;
    case LL_FOLLOWED_CURRENT:
        return (is_loaded || state == SIM_FOLLOWER_LOADED) &&
               effect->followed.revision == follower->revision;
    case LL_FOLLOWED_LOST:
        return is_loaded;
    case LL_FOLLOWED_FAILED:
        return state == SIM_FOLLOWER_LOADING;
    case LL_FOLLOWED_END:
        return follower->end_asked;
    }
    return false;
}

/** Without faults, nothing makes a follower read all keys again. */
static void check_load(struct sim_client *client,
                       const struct sim_follower *follower)
{
    struct sim_world *world = client->world;

    if (follower->state != SIM_FOLLOWER_NEW && !follower->load_asked &&
        world->is_mild && world->fault_rate[SIM_FAULT_COMPACT] == 0) {
        break_follower(client, follower, "no needless load",
                       "begins again for no reason");
    }
}

static void on_page(struct sim_client *client,
                    struct sim_follower *follower,
                    const struct ll_effect *effect)
{
    struct sim_mirror *pages = &follower->pages;

    if (effect->followed.is_first) {
        follower->load_ns = follower->asked_ns;
        sim_mirror_clear(pages);
    }
    for (size_t i = 0; i < effect->followed.kvs_n; i++) {
        struct ll_bytes key = effect->followed.kvs[i].key;

        if (!sim_followed_has(client->world, follower->range, key) ||
            (pages->n > 0 &&
             sim_bytes_compare(pages->entries[pages->n - 1].key, key) >= 0)) {
            break_follower(client, follower, "followed in order",
                           "receives a page with a key out of place");
            return;
        }
        sim_mirror_put(pages, &effect->followed.kvs[i]);
    }
    client->world->result->pages++;
    follower->revision = effect->followed.revision;
    follower->state = SIM_FOLLOWER_PAGES;
    if (effect->followed.is_last) {
        struct sim_mirror before = follower->mirror;

        follower->mirror = *pages;
        *pages = before;
        follower->count = (int64_t)follower->mirror.n;
        follower->state = SIM_FOLLOWER_LOADED;
        follower->is_misled =
            follower->is_misled && follower->load_ns < follower->misled_ns;
        check_content(client, follower, "after a load");
    }
}

static void on_changes(struct sim_client *client,
                       struct sim_follower *follower,
                       const struct ll_effect *effect)
{
    int64_t before = follower->revision;

    for (size_t i = 0; i < effect->followed.events_n; i++) {
        const struct ll_watch_event *event = &effect->followed.events[i];
        int64_t revision = event->kv.mod_revision;

        if (revision <= before || revision < follower->revision ||
            !sim_followed_has(client->world, follower->range, event->kv.key)) {
            break_follower(client, follower, "followed in order",
                           "receives a change out of place");
            return;
        }
        follower->revision = revision;
        if (event->deleted) {
            follower->count--;
        } else if (event->kv.create_revision == revision) {
            follower->count++;
        }
        sim_mirror_apply(&follower->mirror, event);
    }
    if (effect->followed.revision != follower->revision) {
        break_follower(client, follower, "followed in order",
                       "receives changes of another revision");
    }
    check_content(client, follower, "after changes");
}

static void check_failure(struct sim_client *client,
                          const struct sim_follower *follower,
                          int status)
{
    const struct sim_world *world = client->world;

    if ((status != LEASELOCK_E_REFUSED || follower->range != 0 ||
         world->fault_rate[SIM_FAULT_FORBID] == 0) &&
        (status != LEASELOCK_E_SERVER || !client->met_other)) {
        break_follower(client, follower, "statuses", "fails for no reason");
    }
}

/** Its caller has no memory for a report: it is to begin again, as in
 *  api/locks_watch.c. */
static void drop_report(struct sim_client *client,
                        struct sim_follower *follower)
{
    struct ll_event event = {.kind = LL_EVENT_FOLLOW, .id = follower->id};

    follower->load_asked = true;
    if (sim_client_step(client, &event) != 0) {
        break_follower(client, follower, "statuses", "cannot begin again");
    }
    follower->load_asked = false;
}

static bool is_dropped(struct sim_world *world, const struct ll_effect *effect)
{
    return world->phase == SIM_PHASE_STORM &&
           (effect->followed.kind == LL_FOLLOWED_PAGE ||
            effect->followed.kind == LL_FOLLOWED_CHANGES) &&
           sim_chance(&world->fault_random[SIM_FAULT_FOLLOW], DROPPED_PPM);
}

static void take_report(struct sim_client *client,
                        struct sim_follower *follower,
                        const struct ll_effect *effect)
{
    switch (effect->followed.kind) {
    case LL_FOLLOWED_LOADING:
        check_load(client, follower);
        follower->state = SIM_FOLLOWER_LOADING;
        break;
    case LL_FOLLOWED_PAGE:
        on_page(client, follower, effect);
        break;
    case LL_FOLLOWED_CHANGES:
        on_changes(client, follower, effect);
        break;
    case LL_FOLLOWED_CURRENT:
        follower->state = SIM_FOLLOWER_CURRENT;
        check_content(client, follower, "when it is current");
        break;
    case LL_FOLLOWED_LOST:
        follower->state = SIM_FOLLOWER_LOST;
        break;
    case LL_FOLLOWED_FAILED:
        follower->state = SIM_FOLLOWER_FAILED;
        check_failure(client, follower, effect->followed.detail.status);
        break;
    case LL_FOLLOWED_END:
        follower->state = SIM_FOLLOWER_OVER;
        break;
    }
}

void sim_check_followed(struct sim_client *client,
                        const struct ll_effect *effect)
{
    struct sim_follower *follower = sim_follower_find(client, effect->id);

    sim_hash(client->world, (uint64_t)effect->followed.kind << 56 ^
                                (uint64_t)effect->followed.revision);
    if (follower == NULL || follower->state == SIM_FOLLOWER_OVER) {
        sim_break(client->world, "reported once",
                  "follower %u.%llu receives a report after its end",
                  client->peer.number, (unsigned long long)effect->id);
    } else if (!report_fits(follower, effect)) {
        break_follower(client, follower, "followed in order",
                       "receives a report that does not fit the one before");
    } else if (is_dropped(client->world, effect)) {
        drop_report(client, follower);
    } else {
        take_report(client, follower, effect);
    }
}

/** Whether a follower's watch is refused, again and again. */
static bool is_refused(const struct sim_world *world,
                       const struct sim_follower *follower)
{
    return follower->range == 0 && world->fault_rate[SIM_FAULT_FORBID] > 0;
}

static bool is_behind(const struct sim_client *client,
                      const struct sim_follower *follower)
{
    struct sim_content content;

    return follower->state != SIM_FOLLOWER_CURRENT ||
           !content_at(client, follower, INT64_MAX, &content) ||
           ll_core_cluster_id(client->core) == SIM_OTHER_ID ||
           (follower->is_misled ? follower->count != (int64_t)content.n
                                : !is_same(&follower->mirror, &content));
}

const struct sim_follower *sim_follower_behind(struct sim_world *world,
                                               unsigned *ret_client)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        struct sim_client *client = &world->clients[i];

        for (size_t at = 0; at < client->live_n; at++) {
            const struct sim_follower *follower =
                client->objects[client->live[at]].follower;

            if (follower != NULL && !follower->end_asked &&
                !is_refused(world, follower) && is_behind(client, follower)) {
                *ret_client = i;
                return follower;
            }
        }
    }
    return NULL;
}
