/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <stdio.h>
#include <string.h>

#include "world.h"

/**
 * Faults: the seed determines the rate of each kind, so that fault conditions
 * range from calm to severe. Each kind has random numbers of its own, so that
 * disabling one changes the others as little as possible. */

enum how { MESSAGE, TIME, HABIT, SETTING };

static const struct {
    const char *name;
    enum how how;
    const char *what;
} faults[SIM_FAULTS] = {
#define FAULT_ROW(name, text, how, what) {text, how, what},
    SIM_FAULT_MAP(FAULT_ROW)
#undef FAULT_ROW
};

const char *sim_fault_name(enum sim_fault fault)
{
    return faults[fault].name;
}

const char *sim_fault_sentence(enum sim_fault fault)
{
    return faults[fault].what;
}

enum sim_fault sim_fault_find(const char *name)
{
    int fault = 0;

    while (fault < SIM_FAULTS && strcmp(name, faults[fault].name) != 0) {
        fault++;
    }
    return (enum sim_fault)fault;
}

/** The percentage of worlds with a kind of fault, by severity. */
static const int64_t present_percent[4] = {5, 25, 50, 80};

/** Calm worlds have third parties and careless callers too. */
#define PRESENT_PARTIES 30
/** Most have holders that write. */
#define PRESENT_WRITERS 60

static int64_t rate_draw(struct ll_random *random, enum sim_fault fault)
{
    switch (faults[fault].how) {
    case MESSAGE:
        return sim_spread(random, 300, 60000);
    case TIME:
        if (fault == SIM_FAULT_RESTART) {
            return sim_spread(random, LL_NS_PER_S, 16 * LL_NS_PER_S);
        }
        if (fault == SIM_FAULT_ASK) {
            return sim_spread(random, 4 * LL_NS_PER_MS, 4 * LL_NS_PER_S);
        }
        return sim_spread(random, 100 * LL_NS_PER_MS, 12 * LL_NS_PER_S);
    case HABIT:
        return fault == SIM_FAULT_WRITE     ? 500000
               : fault == SIM_FAULT_REQUEUE ? 900000
                                            : sim_spread(random, 10000, 400000);
    case SETTING:
        break;
    }
    return 1;
}

/** Kinds that would dominate every world at the others' rate. */
static bool is_rare(enum sim_fault fault, struct ll_random *random)
{
    int64_t one_in = fault == SIM_FAULT_BURST     ? 40
                     : fault == SIM_FAULT_FORBID  ? 8
                     : fault == SIM_FAULT_NESTED  ? 4
                     : fault == SIM_FAULT_OTHER   ? 3
                     : fault == SIM_FAULT_RENEW   ? 2
                     : fault == SIM_FAULT_RESTORE ? 4
                     : fault == SIM_FAULT_APART   ? 2
                                                  : 1;

    return sim_below(random, one_in) != 0;
}

/** The percentage of worlds that have a kind. */
static int64_t present(enum sim_fault fault, int64_t percent)
{
    int64_t least = fault == SIM_FAULT_WRITE    ? PRESENT_WRITERS
                    : fault >= SIM_FAULT_DELETE ? PRESENT_PARTIES
                                                : 0;

    return percent > least ? percent : least;
}

void sim_faults_draw(struct sim_world *world)
{
    int64_t percent = present_percent[sim_below(&world->setup, 4)];

    for (int i = 0; i < SIM_FAULTS; i++) {
        struct ll_random *random = &world->fault_random[i];
        bool there;

        /* A kind added later uses another's random numbers: old seeds keep
         * their worlds. */
        random->state = i <= SIM_FAULT_PROXY
                            ? ll_random_next(&world->setup)
                            : world->fault_random[i - 1].state ^ (unsigned)i;
        there = sim_below(random, 100) < present((enum sim_fault)i, percent) &&
                !is_rare((enum sim_fault)i, random);
        world->fault_rate[i] = rate_draw(random, (enum sim_fault)i);
        if (!there || (world->options->without >> i & 1) != 0) {
            world->fault_rate[i] = 0;
        }
        if (there && world->fault_rate[i] != 0) {
            SIM_REPORT(world, "in this world: %s", faults[i].what);
        }
    }
    if (world->fault_rate[SIM_FAULT_RESTORE] > 0) {
        /* Go's clients would wait forever for a revision of the lost
         * history. */
        world->fault_rate[SIM_FAULT_GO] = 0;
    }
}

void sim_fault_count(struct sim_world *world, enum sim_fault fault)
{
    world->result->faults[fault]++;
}

int sim_fault_strikes(struct sim_world *world, enum sim_fault fault)
{
    if (world->phase != SIM_PHASE_STORM ||
        !sim_chance(&world->fault_random[fault], world->fault_rate[fault])) {
        return 0;
    }
    sim_fault_count(world, fault);
    return 1;
}

static void fault_again(struct sim_world *world, enum sim_fault fault)
{
    if (world->fault_rate[fault] > 0 && world->phase == SIM_PHASE_STORM) {
        sim_push(world,
                 world->now_ns + 1 +
                     sim_below(&world->fault_random[fault],
                               2 * world->fault_rate[fault]),
                 SIM_EVENT_FAULT, (unsigned)fault, 0);
    }
}

void sim_faults_start(struct sim_world *world)
{
    for (int i = 0; i < SIM_FAULTS; i++) {
        if (faults[i].how == TIME) {
            fault_again(world, (enum sim_fault)i);
        }
    }
    if (world->fault_rate[SIM_FAULT_FORBID] > 0) {
        char prefix[32];
        int size = snprintf(prefix, sizeof(prefix), "%s/", world->names[0]);

        sim_etcd_forbid_watch(world->etcd,
                              (struct ll_bytes){prefix, (size_t)size});
        sim_fault_count(world, SIM_FAULT_FORBID);
    }
}

static void end_in(struct sim_world *world,
                   enum sim_fault fault,
                   int64_t longest_ns,
                   uint64_t at)
{
    sim_push(world,
             world->now_ns + sim_spread(&world->fault_random[fault],
                                        10 * LL_NS_PER_MS, longest_ns),
             SIM_EVENT_FAULT_END, (unsigned)fault, at);
}

/** Makes a peer's links to one or all members silent, or closes them. */
static void strike_links(struct sim_world *world, enum sim_fault fault)
{
    struct ll_random *random = &world->fault_random[fault];
    unsigned peers = world->clients_n + world->gos_n;
    unsigned peer = (unsigned)sim_below(random, peers);
    unsigned only = (unsigned)sim_below(random, 2 * world->members_n);
    int64_t until_ns =
        world->now_ns + sim_spread(random, 20 * LL_NS_PER_MS, 15 * LL_NS_PER_S);

    for (unsigned member = 0; member < world->members_n; member++) {
        if (only < world->members_n && only != member) {
            continue;
        }
        if (fault == SIM_FAULT_RESET) {
            sim_net_reset(world, peer, member);
        } else if (fault == SIM_FAULT_CUT) {
            world->links[peer][member].cut_until_ns = until_ns;
            sim_net_ping(world, member);
        } else {
            world->links[peer][member].refused_until_ns = until_ns;
            sim_net_reset(world, peer, member);
        }
        SIM_REPORT(world, "** %s: peer %u, member %u", faults[fault].what, peer,
                   member);
    }
}

/** Redirects a client's address of a member to another cluster, or back to its
 * own. */
static void strike_address(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_OTHER];
    unsigned peer = (unsigned)sim_below(random, world->clients_n);
    unsigned member = (unsigned)sim_below(random, world->members_n);

    if (world->links[peer][member].is_other) {
        return;
    }
    SIM_REPORT(world, "** %s: peer %u, member %u", faults[SIM_FAULT_OTHER].what,
               peer, member);
    world->links[peer][member].is_other = true;
    sim_net_reset(world, peer, member);
    end_in(world, SIM_FAULT_OTHER, 4 * LL_NS_PER_S,
           (uint64_t)peer << 8 | member);
}

static void end_address(struct sim_world *world, unsigned peer, unsigned member)
{
    if (world->links[peer][member].is_other) {
        SIM_REPORT(world, "** peer %u's address of member %u is correct again",
                   peer, member);
        world->links[peer][member].is_other = false;
        sim_net_reset(world, peer, member);
    }
}

/** Moves a member away from a client, or next to it. */
static void strike_distance(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_APART];
    unsigned peer = (unsigned)sim_below(random, world->clients_n);
    unsigned member = (unsigned)sim_below(random, world->members_n);

    world->links[peer][member].distance_ns =
        sim_below(random, 3) == 0
            ? 0
            : sim_spread(random, LL_NS_PER_MS / 2, 64 * LL_NS_PER_MS);
    SIM_REPORT(world, "** member %u is %.3f ms away from client %u", member,
               (double)world->links[peer][member].distance_ns / 1e6, peer);
}

/** Refuses to renew one of a client's sessions; its keep-alives mostly share a
 * stream with those of others. */
static void strike_renewals(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_RENEW];
    unsigned number = (unsigned)sim_below(random, world->clients_n);
    struct sim_client *client = &world->clients[number];
    struct sim_session *picked = NULL;
    int64_t n = 0;

    for (size_t i = 0; i < client->live_n; i++) {
        struct sim_session *session = client->objects[client->live[i]].session;

        if (session != NULL && session->is_open &&
            sim_below(random, ++n) == 0) {
            picked = session;
        }
    }
    if (picked == NULL ||
        !sim_etcd_deny_renewals(world->etcd, picked->lease, true)) {
        return;
    }
    SIM_REPORT(world, "** %s: session %u.%llu", faults[SIM_FAULT_RENEW].what,
               number, (unsigned long long)picked->id);
    picked->is_denied = true;
    sim_fault_count(world, SIM_FAULT_RENEW);
    end_in(world, SIM_FAULT_RENEW, 12 * LL_NS_PER_S, (uint64_t)picked->lease);
}

static void strike_peer(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_PAUSE];
    struct sim_peer *peer = sim_peer(
        world, (unsigned)sim_below(random, world->clients_n + world->gos_n));
    int64_t pause_ns = sim_spread(random, LL_NS_PER_MS, 20 * LL_NS_PER_S);

    if (!peer->is_paused) {
        SIM_REPORT(world, "** peer %u is paused for %.3f s", peer->number,
                   (double)pause_ns / 1e9);
        sim_net_pause(world, peer, world->now_ns + pause_ns);
    }
}

static void strike_client(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_RESTART];
    unsigned number = (unsigned)sim_below(random, world->clients_n);

    if (!sim_peer(world, number)->is_paused) {
        SIM_REPORT(world, "** client %u dies, and a new one begins", number);
        sim_client_restart(&world->clients[number]);
    }
}

static void strike_member(struct sim_world *world, enum sim_fault fault)
{
    struct ll_random *random = &world->fault_random[fault];
    unsigned member = (unsigned)sim_below(random, world->members_n);

    if (world->members[member] != SIM_MEMBER_WELL) {
        return;
    }
    SIM_REPORT(world, "** %s: member %u", faults[fault].what, member);
    if (fault == SIM_FAULT_STOP) {
        world->members[member] = SIM_MEMBER_STOPPED;
        sim_etcd_stop(world->etcd, member, world->now_ns);
        sim_net_ping(world, member);
    } else if (fault == SIM_FAULT_KILL) {
        world->members[member] = SIM_MEMBER_DEAD;
        sim_etcd_kill(world->etcd, member, world->now_ns);
        sim_net_member_died(world, member);
    } else if (fault == SIM_FAULT_ISOLATE) {
        world->members[member] = SIM_MEMBER_ISOLATED;
        sim_etcd_cut_off(world->etcd, member, world->now_ns);
    } else {
        sim_etcd_move_leader(world->etcd, member, world->now_ns);
        return;
    }
    end_in(world, fault, 12 * LL_NS_PER_S, member);
}

static void strike_cluster(struct sim_world *world, enum sim_fault fault)
{
    struct ll_random *random = &world->fault_random[fault];

    SIM_REPORT(world, "** %s", faults[fault].what);
    if (fault == SIM_FAULT_BUSY) {
        sim_etcd_set_busy(world->etcd, true);
        end_in(world, fault, LL_NS_PER_S, 0);
    } else {
        int64_t revision =
            sim_etcd_revision(world->etcd) - sim_below(random, 20);

        if (revision > 1) {
            sim_etcd_compact(world->etcd, revision, world->now_ns);
        }
    }
}

/** Once in a run: a snapshot, and later its restoration. */
static void strike_store(struct sim_world *world)
{
    if (!world->has_snapshot) {
        SIM_REPORT(world, "** a snapshot is taken");
        world->has_snapshot = true;
        sim_etcd_snapshot(world->etcd);
    } else if (!world->is_down && !world->was_restored) {
        SIM_REPORT(world, "** %s: it stops", faults[SIM_FAULT_RESTORE].what);
        sim_fault_count(world, SIM_FAULT_RESTORE);
        sim_restore_stop(world);
        end_in(world, SIM_FAULT_RESTORE, 12 * LL_NS_PER_S, 0);
    }
}

static void end_store(struct sim_world *world)
{
    if (world->is_down) {
        sim_restore_start(world);
        SIM_REPORT(world, "** etcd is back, at revision %lld",
                   (long long)sim_etcd_revision(world->etcd));
    }
}

/** The list includes all endpoints again now and then, and finally. */
static void strike_list(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_LIST];
    unsigned number = (unsigned)sim_below(random, world->clients_n);
    uint64_t all = (UINT64_C(1) << world->members_n) - 1;
    uint64_t usable = (uint64_t)sim_below(random, (int64_t)all + 1);

    if (!sim_peer(world, number)->is_paused) {
        sim_client_list(&world->clients[number], usable != 0 ? usable : all);
    }
}

void sim_fault_on_time(struct sim_world *world, enum sim_fault fault)
{
    if (world->phase != SIM_PHASE_STORM) {
        return;
    }
    if (fault != SIM_FAULT_RENEW && fault != SIM_FAULT_RESTORE) {
        sim_fault_count(world, fault);
    }
    switch ((int)fault) {
    case SIM_FAULT_RESET:
    case SIM_FAULT_CUT:
    case SIM_FAULT_REFUSE:
        strike_links(world, fault);
        break;
    case SIM_FAULT_PAUSE:
        strike_peer(world);
        break;
    case SIM_FAULT_RESTART:
        strike_client(world);
        break;
    case SIM_FAULT_STOP:
    case SIM_FAULT_KILL:
    case SIM_FAULT_ISOLATE:
    case SIM_FAULT_LEADER:
        strike_member(world, fault);
        break;
    case SIM_FAULT_COMPACT:
    case SIM_FAULT_BUSY:
        strike_cluster(world, fault);
        break;
    case SIM_FAULT_LIST:
        strike_list(world);
        break;
    case SIM_FAULT_OTHER:
        strike_address(world);
        break;
    case SIM_FAULT_RENEW:
        strike_renewals(world);
        break;
    case SIM_FAULT_RESTORE:
        strike_store(world);
        break;
    case SIM_FAULT_APART:
        strike_distance(world);
        break;
    default:
        sim_party_strikes(world, fault);
        break;
    }
    fault_again(world, fault);
}

void sim_fault_end(struct sim_world *world, enum sim_fault fault, uint64_t at)
{
    unsigned member = (unsigned)at;

    switch ((int)fault) {
    case SIM_FAULT_BUSY:
        sim_etcd_set_busy(world->etcd, false);
        return;
    case SIM_FAULT_FOREIGN:
    case SIM_FAULT_NESTED:
        sim_party_removes(world, fault, at);
        return;
    case SIM_FAULT_ASK:
        sim_party_asks(world, (unsigned)at);
        return;
    case SIM_FAULT_OTHER:
        end_address(world, (unsigned)(at >> 8), (unsigned)(at & 255));
        return;
    case SIM_FAULT_RENEW:
        (void)sim_etcd_deny_renewals(world->etcd, (int64_t)at, false);
        return;
    case SIM_FAULT_RESTORE:
        end_store(world);
        return;
    default:
        break;
    }
    if (world->is_down) {
        return;
    }
    if (world->members[member] == SIM_MEMBER_STOPPED &&
        fault == SIM_FAULT_STOP) {
        sim_etcd_continue(world->etcd, member, world->now_ns);
    } else if (world->members[member] == SIM_MEMBER_DEAD &&
               fault == SIM_FAULT_KILL) {
        sim_etcd_restart(world->etcd, member, world->now_ns);
    } else if (world->members[member] == SIM_MEMBER_ISOLATED &&
               fault == SIM_FAULT_ISOLATE) {
        sim_etcd_heal(world->etcd, member, world->now_ns);
    } else {
        return;
    }
    SIM_REPORT(world, "** member %u is healthy again", member);
    world->members[member] = SIM_MEMBER_WELL;
}

void sim_faults_heal(struct sim_world *world)
{
    sim_etcd_set_busy(world->etcd, false);
    end_store(world);
    for (unsigned member = 0; member < world->members_n; member++) {
        sim_fault_end(world, SIM_FAULT_STOP, member);
        sim_fault_end(world, SIM_FAULT_KILL, member);
        sim_fault_end(world, SIM_FAULT_ISOLATE, member);
    }
    for (unsigned peer = 0; peer < world->clients_n + world->gos_n; peer++) {
        for (unsigned member = 0; member < world->members_n; member++) {
            end_address(world, peer, member);
            world->links[peer][member] = (struct sim_link){0, 0, 0, false};
        }
        sim_net_resume(world, sim_peer(world, peer));
    }
    for (unsigned client = 0; client < world->clients_n; client++) {
        sim_client_list(&world->clients[client], UINT64_MAX);
    }
}
