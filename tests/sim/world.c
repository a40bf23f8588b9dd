/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

/**
 * The run of a seed: draws the settings, then processes the earliest event,
 * repeatedly. A storm with a number of steps is followed by healing, a quiet
 * phase in which no key may be left, and the closing of all sessions. */

/** The limit of a phase: more than any timeout, TTL, late message and slow
 * re-check (36 s) that is pending when it begins; of healing, when the last
 * holders release their locks. */
#define PHASE_NS (150 * LL_NS_PER_S)
/** Until then the tickets that wait after the storm are those that the holders
 * block: more than a slow re-check before SIM_KEEP_NS. */
#define BLOCKED_NS (40 * LL_NS_PER_S)
/** The same in a calm world, where no event is missed. */
#define BLOCKED_CALM_NS (3 * LL_NS_PER_S)
/** The quiet time after the last late request has arrived. */
#define QUIET_NS (2 * LL_NS_PER_S)
/** The end of a phase is checked every so many steps. */
#define PHASE_STEPS 16

static const char *const names[SIM_NAMES_MAX] = {"jobs", "db/main", "x"};

int64_t sim_spread(struct ll_random *random, int64_t low, int64_t high)
{
    int64_t doublings = 0;
    int64_t drawn;

    while (low << (doublings + 1) <= high) {
        doublings++;
    }
    drawn = low << sim_below(random, doublings + 1);
    drawn += sim_below(random, drawn);
    return drawn < high ? drawn : high;
}

struct sim_peer *sim_peer(struct sim_world *world, unsigned number)
{
    /* A peer is the first field of either kind. */
    return number < world->clients_n
               ? &world->clients[number].peer
               : (struct sim_peer *)(void *)
                     world->gos[number - world->clients_n];
}

void sim_push(struct sim_world *world,
              int64_t at_ns,
              enum sim_event_kind kind,
              unsigned number,
              uint64_t id)
{
    sim_heap_push(&world->heap, (struct sim_event){.at_ns = at_ns,
                                                   .kind = (int)kind,
                                                   .number = number,
                                                   .id = id});
}

void sim_hash(struct sim_world *world, uint64_t number)
{
    struct ll_random mix = {world->result->hash ^ number};

    world->result->hash = ll_random_next(&mix);
}

void sim_report(struct sim_world *world, const char *format, ...)
{
    va_list args;

    (void)fprintf(world->options->trace, "[%12.6f] ",
                  (double)world->now_ns / 1e9);
    va_start(args, format);
    (void)vfprintf(world->options->trace, format, args);
    va_end(args);
    (void)fputc('\n', world->options->trace);
}

void sim_break(struct sim_world *world,
               const char *invariant,
               const char *format,
               ...)
{
    va_list args;

    if (world->is_over) {
        return;
    }
    world->is_over = true;
    world->result->invariant = invariant;
    va_start(args, format);
    (void)vsnprintf(world->result->text, sizeof(world->result->text), format,
                    args);
    va_end(args);
    SIM_REPORT(world, "!! %s: %s", invariant, world->result->text);
}

static void world_on_commit(void *arg, int64_t revision)
{
    sim_check_commit(arg, revision);
}

static void world_draw(struct sim_world *world)
{
    struct ll_random *setup = &world->setup;
    static const unsigned members[] = {1, 3, 3, 3, 3, 5};

    setup->state = world->options->seed;
    (void)ll_random_next(setup);
    world->net.state = ll_random_next(setup);
    world->members_n = members[sim_below(setup, 6)];
    world->clients_n = 1 + (unsigned)sim_below(setup, SIM_CLIENTS_MAX);
    if (world->options->clients_max != 0 &&
        world->clients_n > world->options->clients_max) {
        world->clients_n = world->options->clients_max;
    }
    world->names_n = 1 + (unsigned)sim_below(setup, SIM_NAMES_MAX);
    for (unsigned i = 0; i < world->names_n; i++) {
        (void)strcpy(world->names[i], names[i]);
    }
    world->delay_ns = sim_spread(setup, LL_NS_PER_MS / 20, 8 * LL_NS_PER_MS);
    world->request_timeout_ns =
        sim_spread(setup, 250 * LL_NS_PER_MS, 5 * LL_NS_PER_S);
    world->ping_timeout_ns = sim_spread(setup, LL_NS_PER_S, 12 * LL_NS_PER_S);
    world->think_ns = sim_spread(setup, 2 * LL_NS_PER_MS, 2 * LL_NS_PER_S);
    world->hold_ns = sim_spread(setup, LL_NS_PER_MS, 16 * LL_NS_PER_S);
    world->wait_ns = sim_spread(setup, LL_NS_PER_MS, 4 * LL_NS_PER_S);
    sim_faults_draw(world);
    world->is_mild = world->fault_rate[SIM_FAULT_FORBID] == 0 &&
                     world->fault_rate[SIM_FAULT_BURST] == 0 &&
                     world->fault_rate[SIM_FAULT_OTHER] == 0 &&
                     world->fault_rate[SIM_FAULT_RESTORE] == 0;
    for (int i = 0; i <= SIM_FAULT_BUSY; i++) {
        world->is_mild =
            world->is_mild && (world->fault_rate[i] == 0 ||
                               i == SIM_FAULT_COMPACT || i == SIM_FAULT_RESET);
    }
    world->is_calm = world->is_mild && world->fault_rate[SIM_FAULT_RESET] == 0;
    sim_modes_draw(world);
}

static void world_make_etcd(struct sim_world *world)
{
    /* Releases before and after each change in the model. */
    static const char *const versions[] = {"3.4.23", "3.5.16", "3.5.30",
                                           "3.6.14"};
    struct sim_etcd_config config = {
        .seed = ll_random_next(&world->setup),
        .members = world->members_n,
        .election_ns =
            sim_spread(&world->setup, LL_NS_PER_S / 2, 2 * LL_NS_PER_S),
        .revokes_max = 1000,
        .ttl_min_s = 2,
        .txn_ops_max = 128,
    };
    struct sim_etcd_hooks hooks = {.on_commit = world_on_commit};

    config.version =
        versions[config.seed % (sizeof(versions) / sizeof(versions[0]))];
    if ((config.seed >> 8) % 3 == 0) { /* in the middle of an upgrade */
        config.other_version =
            versions[(config.seed >> 16) %
                     (sizeof(versions) / sizeof(versions[0]))];
    }
    if (world->fault_rate[SIM_FAULT_LAG] > 0) {
        sim_fault_count(world, SIM_FAULT_LAG);
        config.lag_max_ns =
            sim_spread(&world->setup, LL_NS_PER_MS, 300 * LL_NS_PER_MS);
    }
    sim_net_hooks(world, &hooks);
    world->etcd = sim_etcd_new(&config, &hooks);
    if (world->etcd == NULL) {
        abort();
    }
}

/** Another cluster, empty, with one member. */
static void world_make_other(struct sim_world *world)
{
    struct sim_etcd_config config = {
        .seed = world->options->seed, .members = 1, .cluster_id = SIM_OTHER_ID};
    struct sim_etcd_hooks hooks = {.on_commit = NULL};

    sim_net_other_hooks(world, &hooks);
    world->other = sim_etcd_new(&config, &hooks);
    if (world->other == NULL) {
        abort();
    }
}

static void world_make_peers(struct sim_world *world)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        struct sim_client *client = &world->clients[i];
        struct ll_random *random = &client->random;

        client->world = world;
        client->peer.number = i;
        random->state = ll_random_next(&world->setup);
        client->offset_ns = sim_below(random, 1000 * LL_NS_PER_S);
        client->rate_ppm = sim_below(random, 100001) - 50000;
        if (world->fault_rate[SIM_FAULT_SKEW] == 0) {
            client->rate_ppm = 0;
        }
        client->ttl_s = sim_spread(random, 2, 10);
        client->workers = 1 + (unsigned)sim_below(random, 4);
        client->sessions_max = 1 + (unsigned)sim_below(random, 2);
    }
    if (world->fault_rate[SIM_FAULT_SKEW] > 0) {
        sim_fault_count(world, SIM_FAULT_SKEW);
    }
    if (world->fault_rate[SIM_FAULT_GO] > 0) {
        world->gos_n = 1 + (unsigned)sim_below(&world->setup, SIM_GOS_MAX);
        sim_fault_count(world, SIM_FAULT_GO);
    }
    for (unsigned i = 0; i < world->gos_n; i++) {
        world->gos[i] = sim_go_new(world, world->clients_n + i);
    }
    for (unsigned i = 0; i < world->clients_n; i++) {
        sim_client_start(&world->clients[i]);
    }
}

/** Tickets that nothing blocks at one time are held at another. */
static void
phase_look_twice(struct sim_world *world, int64_t first_ns, int64_t second_ns)
{
    sim_push(world, world->now_ns + first_ns, SIM_EVENT_BLOCKED, 0, 0);
    sim_push(world, world->now_ns + second_ns, SIM_EVENT_BLOCKED, 1, 0);
}

static void phase_enter(struct sim_world *world, enum sim_phase phase)
{
    static const char *const titles[] = {"storm", "healing", "quiet", "closing",
                                         "over"};
    int64_t keep_ns =
        phase == SIM_PHASE_HEAL && world->keep_ppm > 0 ? SIM_KEEP_NS : 0;

    world->phase = phase;
    world->phase_ns = world->now_ns;
    SIM_REPORT(world, "== %s", titles[phase]);
    sim_push(world, world->now_ns + keep_ns + PHASE_NS, SIM_EVENT_PHASE,
             (unsigned)phase, 0);
    if (phase == SIM_PHASE_HEAL) {
        world->heal_ns = world->now_ns;
        sim_faults_heal(world);
        sim_faults_sweep(world);
        sim_yields_heal(world);
        if (world->keep_ppm > 0) {
            phase_look_twice(world, BLOCKED_NS, SIM_KEEP_NS - LL_NS_PER_S);
        }
        for (int64_t at_ns = BLOCKED_CALM_NS;
             world->keep_ppm > 0 && world->is_calm && at_ns < BLOCKED_NS / 2;
             at_ns += 2 * BLOCKED_CALM_NS) {
            phase_look_twice(world, at_ns, at_ns + BLOCKED_CALM_NS - 1);
        }
    }
    for (unsigned i = 0; i < world->clients_n && !world->is_over; i++) {
        if (phase == SIM_PHASE_HEAL) {
            sim_user_finish(&world->clients[i]);
        } else if (phase == SIM_PHASE_CLOSE) {
            sim_user_close_all(&world->clients[i]);
        }
    }
}

static bool everybody_is_idle(const struct sim_world *world)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        if (!sim_user_is_idle(&world->clients[i])) {
            return false;
        }
    }
    for (unsigned i = 0; i < world->gos_n; i++) {
        if (!sim_go_is_idle(world->gos[i])) {
            return false;
        }
    }
    return true;
}

static bool everything_is_closed(const struct sim_world *world)
{
    for (unsigned i = 0; i < world->clients_n; i++) {
        if (ll_core_has_sessions(world->clients[i].core) ||
            world->clients[i].live_n > 0 || world->clients[i].query_id != 0) {
            return false;
        }
    }
    return true;
}

static void phase_look(struct sim_world *world)
{
    int64_t landed_ns = world->landing_ns > world->phase_ns ? world->landing_ns
                                                            : world->phase_ns;
    unsigned number;

    switch (world->phase) {
    case SIM_PHASE_STORM:
        if (world->result->steps >= world->options->steps) {
            phase_enter(world, SIM_PHASE_HEAL);
        }
        break;
    case SIM_PHASE_HEAL:
        if (everybody_is_idle(world)) {
            phase_enter(world, SIM_PHASE_QUIET);
        }
        break;
    case SIM_PHASE_QUIET:
        if (world->now_ns > landed_ns + QUIET_NS &&
            sim_queue_leftover(world) == NULL &&
            sim_observers_are_current(world) &&
            sim_follower_behind(world, &number) == NULL) {
            phase_enter(world, SIM_PHASE_CLOSE);
        }
        break;
    case SIM_PHASE_CLOSE:
        if (everything_is_closed(world)) {
            phase_enter(world, SIM_PHASE_OVER);
            sim_check_end(world);
            world->is_over = true;
        }
        break;
    case SIM_PHASE_OVER:
        break;
    }
}

static void world_dispatch(struct sim_world *world,
                           const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_EVENT_WAKE:
        sim_client_wake(&world->clients[event->number]);
        break;
    case SIM_EVENT_WORK:
    case SIM_EVENT_TEND:
    case SIM_EVENT_RELEASE:
    case SIM_EVENT_WRITE:
    case SIM_EVENT_TAKE_OVER:
    case SIM_EVENT_CHAIN:
    case SIM_EVENT_UNOBSERVE:
    case SIM_EVENT_UNFOLLOW:
    case SIM_EVENT_CLOSE:
    case SIM_EVENT_DUE:
    case SIM_EVENT_REQUEUE:
    case SIM_EVENT_NOTICE:
    case SIM_EVENT_TOLD:
        sim_user_on_event(&world->clients[event->number], event);
        break;
    case SIM_EVENT_GO:
    case SIM_EVENT_GO_BEAT:
        sim_go_on_event(world->gos[event->number - world->clients_n], event);
        break;
    case SIM_EVENT_FAULT:
        sim_fault_on_time(world, (enum sim_fault)event->number);
        break;
    case SIM_EVENT_FAULT_END:
        sim_fault_end(world, (enum sim_fault)event->number, event->id);
        break;
    case SIM_EVENT_SWEEP:
        sim_faults_sweep(world);
        break;
    case SIM_EVENT_BLOCKED:
        sim_check_blocked(world, event->number == 1);
        break;
    case SIM_EVENT_PHASE:
        if (event->number == world->phase) {
            sim_check_phase(world);
        }
        break;
    default:
        sim_net_on_event(world, event);
        break;
    }
}

static void world_step(struct sim_world *world)
{
    const struct sim_event *first = sim_heap_first(&world->heap);
    int64_t etcd_ns = sim_etcd_deadline_ns(world->etcd);
    int64_t other_ns =
        world->other != NULL ? sim_etcd_deadline_ns(world->other) : INT64_MAX;

    etcd_ns = other_ns < etcd_ns ? other_ns : etcd_ns;
    world->result->steps++;
    if (first == NULL || etcd_ns <= first->at_ns) {
        world->now_ns = etcd_ns > world->now_ns ? etcd_ns : world->now_ns;
        sim_etcd_advance(world->etcd, world->now_ns);
        if (world->other != NULL) {
            sim_etcd_advance(world->other, world->now_ns);
        }
    } else {
        struct sim_event event = sim_heap_pop(&world->heap);

        world->now_ns = event.at_ns;
        sim_hash(world, (uint64_t)event.at_ns);
        sim_hash(world, (uint64_t)event.kind << 40 ^
                            (uint64_t)event.number << 32 ^ event.id);
        world_dispatch(world, &event);
    }
    sim_check_step(world);
}

void sim_run(const struct sim_options *options, struct sim_result *ret_result)
{
    struct sim_world *world = calloc(1, sizeof(*world));

    if (world == NULL) {
        abort();
    }
    *ret_result = (struct sim_result){.hash = options->seed};
    world->options = options;
    world->result = ret_result;
    world->now_ns = LL_NS_PER_S;
    world_draw(world);
    world_make_etcd(world);
    if (world->fault_rate[SIM_FAULT_OTHER] > 0) {
        world_make_other(world);
    }
    sim_leaders_start(world);
    sim_followed_start(world);
    sim_followers_start(world);
    world_make_peers(world);
    sim_faults_start(world);
    while (!world->is_over) {
        world_step(world);
        if (world->result->steps % PHASE_STEPS == 0 && !world->is_over) {
            phase_look(world);
        }
    }
    ret_result->time_ns = world->now_ns;
    sim_net_free(world);
    for (unsigned i = 0; i < world->clients_n; i++) {
        sim_client_stop(&world->clients[i]);
    }
    for (unsigned i = 0; i < world->gos_n; i++) {
        sim_go_free(world->gos[i]);
    }
    sim_etcd_free(world->etcd);
    sim_etcd_free(world->other);
    sim_pool_free(&world->pool);
    sim_leaders_free(world);
    sim_followed_free(world);
    free(world);
}
