/* SPDX-License-Identifier: Apache-2.0 */
#include "modes.h"

#include <string.h>

#include "keeps.h"
#include "world.h"

/**
 * The modes of tickets: each world draws how often its callers use each, and
 * the rule by which a ticket is granted is evaluated on etcd's store. Nothing
 * of core's own code is used for that. */

/** The percentages of shared acquires, and of permits among the others, in
 *  worlds of several kinds: without modes, of writers, of readers, even. */
static const struct {
    int64_t shared;
    int64_t permits;
} kinds[] = {
    {0, 0},  {0, 0},   {10, 10}, {25, 0},  {50, 0},
    {75, 0}, {90, 10}, {95, 0},  {35, 50}, {10, 90},
};

/** The most permits of a lock. */
#define PERMITS_MAX 4
/** How often a permit's number is another one than its lock's. */
#define DIFFERENT_PPM 30000

void sim_modes_draw(struct sim_world *world)
{
    struct ll_random *setup = &world->setup;
    size_t kind = (size_t)sim_below(setup, sizeof(kinds) / sizeof(kinds[0]));

    world->shared_ppm = 10000 * kinds[kind].shared;
    world->permit_ppm = 10000 * kinds[kind].permits;
    for (unsigned i = 0; i < SIM_NAMES_MAX; i++) {
        world->permits[i] = 1 + (unsigned)sim_below(setup, PERMITS_MAX);
    }
    world->different_ppm = sim_below(setup, 4) == 0 ? DIFFERENT_PPM : 0;
    world->delay_ppm =
        sim_below(setup, 4) == 0 ? sim_spread(setup, 100000, 900000) : 0;
    world->foreign_delay_ppm =
        sim_below(setup, 8) == 0 ? sim_spread(setup, 100000, 900000) : 0;
    /* In a calm world a wait for the wrong one is seen before the slow re-check
     * ends it. */
    sim_keeps_draw_world(world);
    world->keep_ppm = sim_below(setup, 4) < (world->is_calm ? 3 : 1)
                          ? sim_spread(setup, 100000, 900000)
                          : 0;
}

struct ll_mode sim_mode_draw(struct sim_client *client, unsigned name)
{
    const struct sim_world *world = client->world;
    struct ll_mode mode = {LL_MODE_EXCLUSIVE, 0};

    if (sim_chance(&client->random, world->shared_ppm)) {
        mode.kind = LL_MODE_SHARED;
    } else if (sim_chance(&client->random, world->permit_ppm)) {
        mode.kind = LL_MODE_PERMIT;
        mode.permits = world->permits[name];
        if (sim_chance(&client->random, world->different_ppm)) {
            mode.permits =
                1 + (unsigned)sim_below(&client->random, PERMITS_MAX);
        }
    }
    return mode;
}

struct ll_mode sim_mode_draw_member(struct sim_client *client, unsigned name)
{
    struct ll_mode mode = sim_mode_draw(client, name);

    return mode.kind == LL_MODE_PERMIT ? (struct ll_mode){LL_MODE_EXCLUSIVE, 0}
                                       : mode;
}

/** Lock-delays, in milliseconds. */
#define DELAY_MIN_MS 1
#define DELAY_MAX_MS 4000

void sim_delays_draw(struct sim_client *client,
                     struct sim_ticket *ticket,
                     struct ll_event *event)
{
    const struct sim_world *world = client->world;

    if (ticket->mode.kind == LL_MODE_EXCLUSIVE &&
        sim_chance(&client->random, world->delay_ppm)) {
        ticket->lock_delay_ms =
            (uint32_t)sim_spread(&client->random, DELAY_MIN_MS, DELAY_MAX_MS);
    }
    event->acquire.lock_delay_ms = ticket->lock_delay_ms;
    if (sim_chance(&client->random, world->foreign_delay_ppm)) {
        event->acquire.foreign_delay_ms =
            (uint32_t)sim_spread(&client->random, DELAY_MIN_MS, DELAY_MAX_MS);
    }
}

/** Clients' clocks differ by less than this from etcd's. */
#define CLOCK_PERCENT 90

void sim_delay_note(struct sim_world *world,
                    const struct sim_ticket *gone,
                    struct ll_bytes value)
{
    struct sim_ticket *other;
    struct sim_ticket *next;

    if (gone->lock_delay_ms == 0 || world->was_restored ||
        ll_bytes_equal(value, (struct ll_bytes){"released", 8})) {
        return;
    }
    HASH_ITER(hh, world->keys, other, next)
    {
        if (other->name == gone->name && other->has_key &&
            other->waits_for == gone->created) {
            other->delayed_until_ns = world->now_ns + gone->lock_delay_ms *
                                                          LL_NS_PER_MS / 100 *
                                                          CLOCK_PERCENT;
        }
    }
}

struct ll_mode sim_mode_of(struct ll_bytes key, size_t prefix_size)
{
    struct ll_mode mode = {LL_MODE_EXCLUSIVE, 0};
    char suffix[SIM_KEY_SIZE];

    (void)snprintf(suffix, sizeof(suffix), "%.*s",
                   (int)(key.size - prefix_size), key.data + prefix_size);
    if (strncmp(suffix, "~.s.", 4) == 0) {
        mode.kind = LL_MODE_SHARED;
    } else if (sscanf(suffix, "~.p%u.", &mode.permits) == 1) {
        mode.kind = LL_MODE_PERMIT;
    }
    return mode;
}

bool sim_mode_blocks(struct ll_mode mode, struct ll_mode older)
{
    return mode.kind == LL_MODE_EXCLUSIVE || older.kind == LL_MODE_EXCLUSIVE;
}

void sim_rule_add(struct sim_rule *rule,
                  struct ll_bytes key,
                  struct ll_mode mode,
                  int64_t created)
{
    bool is_permit =
        rule->mode.kind == LL_MODE_PERMIT && mode.kind == LL_MODE_PERMIT;

    if (created >= rule->created || rule->is_blocked) {
        return;
    }
    if (is_permit) {
        uint32_t n = mode.permits < rule->mode.permits ? mode.permits
                                                       : rule->mode.permits;

        rule->least = rule->least == 0 || n < rule->least ? n : rule->least;
        rule->permits++;
    }
    rule->is_blocked = sim_mode_blocks(rule->mode, mode) ||
                       (is_permit && rule->permits >= rule->least);
    if (rule->is_blocked) {
        (void)snprintf(rule->key, sizeof(rule->key), "%.*s", (int)key.size,
                       key.data);
    }
}

static void rule_add_kv(void *arg, const struct ll_kv *kv)
{
    struct sim_rule *rule = arg;

    sim_rule_add(rule, kv->key, sim_mode_of(kv->key, rule->prefix_size),
                 kv->create_revision);
}

struct sim_rule sim_rule_of(struct sim_world *world,
                            const struct sim_ticket *ticket)
{
    struct sim_rule rule = {.mode = ticket->mode, .created = ticket->created};
    char prefix[SIM_KEY_SIZE];

    rule.prefix_size = (size_t)snprintf(prefix, sizeof(prefix), "%s/",
                                        world->names[ticket->name]);
    sim_etcd_each(world->etcd, (struct ll_bytes){prefix, rule.prefix_size},
                  rule_add_kv, &rule);
    return rule;
}

void sim_hold_add(struct sim_world *world,
                  struct sim_holds *holds,
                  const struct sim_ticket *ticket)
{
    const struct sim_ticket *other =
        ticket->mode.kind == LL_MODE_EXCLUSIVE || holds->exclusive != NULL
            ? holds->any
            : NULL;

    if (ticket->mode.kind == LL_MODE_PERMIT) {
        holds->least =
            holds->permits == 0 || ticket->mode.permits < holds->least
                ? ticket->mode.permits
                : holds->least;
        if (++holds->permits > holds->least) {
            sim_break(world, "no more permits than n",
                      "ticket %u.%llu (%s) is held, and so %u permits of %u of "
                      "%s",
                      ticket->client, (unsigned long long)ticket->id,
                      ticket->key, holds->permits, holds->least,
                      world->names[ticket->name]);
        }
    }
    if (other != NULL) {
        sim_break(world, "mutual exclusion",
                  "tickets %u.%llu (%s) and %u.%llu (%s) hold %s at one time",
                  other->client, (unsigned long long)other->id, other->key,
                  ticket->client, (unsigned long long)ticket->id, ticket->key,
                  world->names[ticket->name]);
    }
    holds->any = ticket;
    if (ticket->mode.kind == LL_MODE_EXCLUSIVE) {
        holds->exclusive = ticket;
    }
}

void sim_tokens_raise(struct sim_tokens *tokens,
                      struct ll_mode mode,
                      int64_t token)
{
    bool is_exclusive = mode.kind == LL_MODE_EXCLUSIVE;

    if (token > tokens->any) {
        tokens->any = token;
    }
    if (is_exclusive && token > tokens->exclusive) {
        tokens->exclusive = token;
    }
}

int64_t sim_tokens_least(const struct sim_tokens *tokens, struct ll_mode mode)
{
    return mode.kind == LL_MODE_EXCLUSIVE ? tokens->any : tokens->exclusive;
}

struct numbers {
    struct sim_world *world;
    const struct ll_kv *kv;
    struct ll_mode mode;
    size_t prefix_size;
};

static void check_number(void *arg, const struct ll_kv *kv)
{
    const struct numbers *numbers = arg;
    struct ll_mode mode = sim_mode_of(kv->key, numbers->prefix_size);

    if (mode.kind == LL_MODE_PERMIT && mode.permits != numbers->mode.permits) {
        sim_break(numbers->world, "one number of permits",
                  "%.*s is made while %.*s exists", (int)numbers->kv->key.size,
                  numbers->kv->key.data, (int)kv->key.size, kv->key.data);
    }
}

static void check_made(struct sim_world *world,
                       unsigned name,
                       size_t prefix_size,
                       const struct ll_kv *kv)
{
    struct numbers numbers = {.world = world,
                              .kv = kv,
                              .mode = sim_mode_of(kv->key, prefix_size),
                              .prefix_size = prefix_size};
    bool is_shared = numbers.mode.kind == LL_MODE_SHARED;
    struct sim_made *made = &world->made[name];

    if (made->revision == kv->create_revision &&
        !(is_shared && made->is_shared)) {
        sim_break(world, "equal tokens are shared",
                  "%.*s has the create revision %lld of another key in its "
                  "queue",
                  (int)kv->key.size, kv->key.data,
                  (long long)kv->create_revision);
    }
    *made = (struct sim_made){kv->create_revision, is_shared};
    if (numbers.mode.kind == LL_MODE_PERMIT) {
        sim_etcd_each(world->etcd, (struct ll_bytes){kv->key.data, prefix_size},
                      check_number, &numbers);
    }
}

void sim_check_made(struct sim_world *world, const struct ll_kv *kv)
{
    for (unsigned name = 0; name < world->names_n; name++) {
        size_t size = strlen(world->names[name]);

        if (kv->key.size > size && kv->key.data[size] == '/' &&
            memcmp(kv->key.data, world->names[name], size) == 0) {
            check_made(world, name, size + 1, kv);
            sim_keeps_note(world, name, kv);
        }
    }
}
