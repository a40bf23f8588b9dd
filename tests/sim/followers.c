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

static bool are_followed(const struct sim_world *world)
{
    return world->fault_rate[SIM_FAULT_FOLLOW] > 0;
}

void sim_followed_bounds(const struct sim_world *world,
                         unsigned range,
                         char *ret_from,
                         char *ret_end,
                         struct ll_bytes *ret_from_bytes,
                         struct ll_bytes *ret_end_bytes)
{
    int size = 1;

    if (range == world->names_n) { /* from "\0" to the end */
        ret_from[0] = '\0';
        ret_end[0] = '\0';
    } else { /* '0' is the character after '/' */
        size = snprintf(ret_from, SIM_KEY_SIZE, "%s/", world->names[range]);
        (void)snprintf(ret_end, SIM_KEY_SIZE, "%s0", world->names[range]);
    }
    *ret_from_bytes = (struct ll_bytes){ret_from, (size_t)size};
    *ret_end_bytes = (struct ll_bytes){ret_end, (size_t)size};
}

static bool
is_in_range(const struct sim_world *world, unsigned range, struct ll_bytes key)
{
    char from[SIM_KEY_SIZE];
    char end[SIM_KEY_SIZE];
    struct ll_bytes first;
    struct ll_bytes past;

    sim_followed_bounds(world, range, from, end, &first, &past);
    return sim_range_has(first, past, key);
}

static void history_add(struct sim_followed *followed, int64_t revision)
{
    if (followed->history_n == followed->capacity) {
        followed->capacity =
            followed->capacity != 0 ? 2 * followed->capacity : 64;
        followed->history = realloc(
            followed->history, followed->capacity * sizeof(*followed->history));
        if (followed->history == NULL) {
            abort();
        }
    }
    followed->history[followed->history_n++] = (struct sim_content){
        revision, followed->mirror.sum, followed->mirror.n};
}

void sim_followers_start(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_FOLLOW];

    if (!are_followed(world)) {
        return;
    }
    for (unsigned range = 0; range <= world->names_n; range++) {
        history_add(&world->followed[range], 0);
    }
    if (sim_chance(random, 600000)) {
        world->answer_keys_max = (size_t)sim_spread(random, 1, ANSWER_KEYS_MAX);
    }
}

void sim_followers_free(struct sim_world *world)
{
    for (unsigned range = 0; range <= SIM_NAMES_MAX; range++) {
        sim_mirror_free(&world->followed[range].mirror);
        free(world->followed[range].history);
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

static void apply(struct sim_mirror *mirror, const struct ll_watch_event *event)
{
    if (event->deleted) {
        sim_mirror_delete(mirror, event->kv.key);
    } else {
        sim_mirror_put(mirror, &event->kv);
    }
}

static void note_change(void *arg, const struct ll_watch_event *event)
{
    struct sim_world *world = arg;

    for (unsigned range = 0; range <= world->names_n; range++) {
        if (is_in_range(world, range, event->kv.key)) {
            apply(&world->followed[range].mirror, event);
            world->followed[range].is_touched = true;
        }
    }
}

void sim_followers_note(struct sim_world *world, int64_t revision)
{
    if (!are_followed(world)) {
        return;
    }
    sim_etcd_changes(world->etcd, revision, note_change, world);
    for (unsigned range = 0; range <= world->names_n; range++) {
        if (world->followed[range].is_touched) {
            world->followed[range].is_touched = false;
            history_add(&world->followed[range], revision);
        }
    }
}

static void note_key(void *arg, const struct ll_kv *kv)
{
    struct ll_watch_event event = {.kv = *kv};

    note_change(arg, &event);
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
    if (!are_followed(world)) {
        return;
    }
    for (unsigned range = 0; range <= world->names_n; range++) {
        sim_mirror_clear(&world->followed[range].mirror);
        world->followed[range].history_n = 0;
    }
    sim_etcd_each(world->etcd, (struct ll_bytes){"", 0}, note_key, world);
    for (unsigned range = 0; range <= world->names_n; range++) {
        world->followed[range].is_touched = false;
        history_add(&world->followed[range], sim_etcd_revision(world->etcd));
    }
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

/** The content of a follower's range at a revision. One that is not known is like no
 *  mirror's. */
static struct sim_content content_at(const struct sim_client *client,
                                     const struct sim_follower *follower,
                                     int64_t revision)
{
    const struct sim_followed *followed =
        &client->world->followed[follower->range];
    size_t at = followed->history_n;

    /* The other cluster is empty, and at its first revision. */
    if (ll_core_cluster_id(client->core) == SIM_OTHER_ID) {
        return (struct sim_content){revision, 0, 0};
    }
    while (at > 0 && followed->history[at - 1].revision > revision) {
        at--;
    }
    return at > 0 ? followed->history[at - 1]
                  : (struct sim_content){-1, UINT64_MAX, SIZE_MAX};
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
    struct sim_content content =
        content_at(client, follower, follower->revision);

    if (follower->is_misled || is_same(&follower->mirror, &content)) {
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

        if (!is_in_range(client->world, follower->range, key) ||
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
            !is_in_range(client->world, follower->range, event->kv.key)) {
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
        apply(&follower->mirror, event);
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
    struct sim_content content = content_at(client, follower, INT64_MAX);

    return follower->state != SIM_FOLLOWER_CURRENT ||
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
