/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/object.h"
#include "keeps.h"
#include "leaselock/status.h"
#include "world.h"

/**
 * The invariants of every world; a failure prints the name of the broken one.
 * They compare etcd's newest committed state, regardless of the network, with
 * tickets as their callers see them. */

/** The time until an interference is reported: in a calm world, the time in
 * which a key is not watched yet (LL_WATCH_OWN_NS), and the watch's creation and
 * first reads. */
#define NOTICE_CALM_NS (3 * LL_NS_PER_S)
/** The same for a key that is watched from the grant on. */
#define NOTICE_GUARDED_NS (1 * LL_NS_PER_S)
/** The same after healing, or for a waiter above the contention threshold: the
 * slow re-check at the latest. */
#define NOTICE_HEALED_NS (60 * LL_NS_PER_S)

static long long number(int64_t value)
{
    return (long long)value;
}

static bool is_meddled(const struct sim_ticket *ticket)
{
    return ticket->is_meddled || ticket->session->is_meddled;
}

/** Whether its key exists: this one, not one that a late copy of the enqueue
 * created after it. */
static bool stands(const struct sim_ticket *ticket)
{
    return ticket->has_key && ticket->created == ticket->token;
}

/** A third party deleted the key, and the event may be in flight. */
static bool is_excused(const struct sim_ticket *ticket)
{
    return is_meddled(ticket) && !stands(ticket);
}

static struct sim_client *client_of(struct sim_world *world,
                                    const struct sim_ticket *ticket)
{
    return &world->clients[ticket->client];
}

/** The ticket of the caller: for a member, its multi-lock. */
static const struct sim_ticket *whole_of(const struct sim_ticket *ticket)
{
    return ticket->multi != NULL ? ticket->multi : ticket;
}

/** Whether the caller would see the ticket as held at present. */
static bool acts(struct sim_world *world, const struct sim_ticket *ticket)
{
    struct sim_client *client = client_of(world, ticket);
    int64_t look_ns = sim_local_ns(client, world->now_ns);
    struct ll_ticket_view view;

    if (client->peer.is_paused) {
        return false;
    }
    if (world->options->plant == SIM_PLANT_BLIND) {
        look_ns = client->core->now_ns;
    }
    return ll_core_ticket_view(client->core, whole_of(ticket)->id, look_ns,
                               &view) &&
           view.phase == LL_TICKET_PHASE_HELD;
}

static void check_first(struct sim_world *world,
                        const struct sim_ticket *ticket)
{
    struct sim_rule rule = sim_rule_of(world, ticket);

    if (rule.is_blocked) {
        sim_break(world, "first come, first served",
                  "ticket %u.%llu (%s) is granted behind %s", ticket->client,
                  (unsigned long long)ticket->id, ticket->key, rule.key);
    }
}

void sim_check_grant(struct sim_client *client, struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;
    struct ll_ticket_view view;
    struct sim_tokens *last = &world->granted[ticket->name];
    int64_t least = sim_tokens_least(last, ticket->mode);

    sim_keeps_take(client, ticket);
    if (world->held_n < SIM_HELD_MAX) {
        world->held[world->held_n++] = ticket;
        ticket->in_held = true;
    }
    world->result->grants++;
    world->result->shared += ticket->mode.kind == LL_MODE_SHARED ? 1 : 0;
    world->result->permits += ticket->mode.kind == LL_MODE_PERMIT ? 1 : 0;
    if (!ll_core_ticket_view(client->core, ticket->id, 0, &view)) {
        return;
    }
    ticket->token = view.token;
    if (ticket->is_out && ticket->created == view.token &&
        world->fault_rate[SIM_FAULT_MISS] == 0) {
        /* The read that finds no key ahead also finds that its own key is
         * gone, and a grant without one needs a settled watch of that. */
        sim_break(world, "held means key",
                  "ticket %u.%llu is granted, and its key %s was deleted while "
                  "others blocked it",
                  ticket->client, (unsigned long long)ticket->id, ticket->key);
        return;
    }
    if (ticket->delayed_until_ns > world->now_ns) {
        sim_break(world, "a lock-delay is kept",
                  "ticket %u.%llu is granted %lld ns too early after a crash "
                  "of its holder",
                  ticket->client, (unsigned long long)ticket->id,
                  number(ticket->delayed_until_ns - world->now_ns));
        return;
    }
    if (is_excused(ticket)) {
        return;
    }
    if (!stands(ticket)) {
        sim_break(world, "held means key",
                  "ticket %u.%llu is granted with token %lld; its key %s is "
                  "%s, created at %lld",
                  ticket->client, (unsigned long long)ticket->id,
                  number(view.token), ticket->key,
                  ticket->has_key ? "there" : "not there",
                  number(ticket->created));
        return;
    }
    if (view.token < least ||
        (view.token == least && !ticket->resumes && !ticket->has_taken)) {
        sim_break(world, "tokens rise",
                  "ticket %u.%llu is granted with token %lld after %lld",
                  ticket->client, (unsigned long long)ticket->id,
                  number(view.token), number(least));
    }
    sim_tokens_raise(last, ticket->mode, view.token);
    check_first(world, ticket);
}

/** The loss of a holder whose key is gone must be reported in time. */
static void check_notice(struct sim_world *world,
                         const struct sim_ticket *ticket)
{
    int64_t since_ns = ticket->key_gone_ns;
    int64_t notice_ns =
        whole_of(ticket)->watches_own ? NOTICE_GUARDED_NS : NOTICE_CALM_NS;

    if (!is_meddled(ticket)) {
        sim_break(world, "held means key",
                  "ticket %u.%llu is held, but its key %s is gone "
                  "without interference",
                  ticket->client, (unsigned long long)ticket->id, ticket->key);
        return;
    }
    if (!world->is_calm) {
        notice_ns = NOTICE_HEALED_NS;
        if (world->phase == SIM_PHASE_STORM) {
            return;
        }
        since_ns = since_ns > world->heal_ns ? since_ns : world->heal_ns;
    }
    if (world->now_ns > since_ns + notice_ns) {
        sim_break(world, "held means key",
                  "ticket %u.%llu is still held %.3f s after a third party "
                  "deleted its key %s",
                  ticket->client, (unsigned long long)ticket->id,
                  (double)(world->now_ns - ticket->key_gone_ns) / 1e9,
                  ticket->key);
    }
}

/** etcd must not be able to expire the lease of a ticket seen as held. */
static void check_lease(struct sim_world *world,
                        const struct sim_ticket *ticket)
{
    int64_t lease = ticket->session->lease;

    if (ticket->session->is_meddled) {
        return;
    }
    if (!sim_etcd_has_lease(world->etcd, lease) ||
        sim_etcd_lease_expiry_ns(world->etcd, lease) <= world->now_ns) {
        sim_break(world, "loss before expiry",
                  "ticket %u.%llu is held, and etcd may expire its lease",
                  ticket->client, (unsigned long long)ticket->id);
    }
}

void sim_check_step(struct sim_world *world)
{
    struct sim_holds holds[SIM_NAMES_MAX] = {{NULL, NULL, 0, 0}};

    for (size_t i = 0; i < world->held_n && !world->is_over; i++) {
        const struct sim_ticket *ticket = world->held[i];

        if (!acts(world, ticket)) {
            continue;
        }
        check_lease(world, ticket);
        if (!stands(ticket)) {
            check_notice(world, ticket);
            continue;
        }
        sim_hold_add(world, &holds[ticket->name], ticket);
    }
}

void sim_check_go_grant(struct sim_world *world,
                        struct ll_bytes key,
                        unsigned name,
                        int64_t revision)
{
    struct ll_kv kv;

    if (!sim_etcd_get(world->etcd, key, &kv) ||
        kv.create_revision != revision) {
        return; /* Go's client does not check its own key */
    }
    for (size_t i = 0; i < world->held_n; i++) {
        const struct sim_ticket *ticket = world->held[i];

        if (ticket->name == name && stands(ticket) && acts(world, ticket)) {
            sim_break(world, "mutual exclusion",
                      "ticket %u.%llu and Go's %.*s hold %s at one time",
                      ticket->client, (unsigned long long)ticket->id,
                      (int)key.size, key.data, world->names[name]);
        }
    }
}

void sim_check_waiter(struct sim_client *client, uint64_t id)
{
    const struct sim_ticket *ticket = sim_ticket_find(client, id);

    if (ticket != NULL) {
        sim_keeps_check(client, ticket);
    }
    if (ticket != NULL && whole_of(ticket)->acquire_owed && !ticket->has_key) {
        sim_break(client->world, "a waiter hears",
                  "ticket %u.%llu still waits, but its key %s is gone",
                  ticket->client, (unsigned long long)id, ticket->key);
    }
}

/** A try makes its key only where it is held at once. */
static void check_try(struct sim_world *world, const struct sim_ticket *ticket)
{
    struct sim_rule rule = sim_rule_of(world, ticket);

    /* A restored store has keys that its condition takes for older ones. */
    if (rule.is_blocked && !world->was_restored) {
        sim_break(world, "a try leaves no trace",
                  "the try %u.%llu makes its key %s behind %s", ticket->client,
                  (unsigned long long)ticket->id, ticket->key, rule.key);
    }
}

static bool is_below(struct ll_bytes key, const char *prefix)
{
    return key.size > strlen(prefix) &&
           memcmp(key.data, prefix, strlen(prefix)) == 0;
}

static void on_asked(void *arg, const struct ll_watch_event *event)
{
    struct sim_world *world = arg;

    world->is_asked |= ll_bytes_equal(
        event->kv.key, (struct ll_bytes){SIM_ASKED, strlen(SIM_ASKED)});
}

static void on_change(void *arg, const struct ll_watch_event *event)
{
    struct sim_world *world = arg;
    struct sim_ticket *ticket;

    SIM_REPORT(world, "etcd: %s %.*s at %lld",
               event->deleted ? "deletes" : "puts", (int)event->kv.key.size,
               event->kv.key.data, number(event->kv.mod_revision));
    if (is_below(event->kv.key, SIM_DATA) && !event->deleted) {
        sim_check_data(world, &event->kv);
        return;
    }
    if (is_below(event->kv.key, SIM_GONE)) {
        sim_check_gone(world, event);
        return;
    }
    sim_leaders_note(world, event->kv.key);
    if (!event->deleted &&
        event->kv.create_revision == event->kv.mod_revision) {
        sim_check_made(world, &event->kv);
    }
    ticket = event->deleted ? sim_key_last(world, event->kv.key)
                            : sim_key_made(world, &event->kv);
    if (ticket == NULL) {
        return;
    }
    if (event->deleted) {
        ticket->has_key = false;
        ticket->key_gone_ns = world->now_ns;
        sim_delay_note(world, ticket, event->prev_value);
        if (world->is_calm && whole_of(ticket)->acquire_owed) {
            sim_push(world,
                     world->now_ns +
                         (world->clients[ticket->client].has_low_threshold
                              ? NOTICE_HEALED_NS
                              : NOTICE_CALM_NS),
                     SIM_EVENT_NOTICE, ticket->client, ticket->id);
        }
    } else {
        if (whole_of(ticket)->try_only && !ticket->has_key) {
            ticket->created = event->kv.create_revision;
            check_try(world, ticket);
        }
        if (ticket->has_key && whole_of(ticket)->acquire_owed &&
            whole_of(ticket)->finds_deadlock && !world->is_asked) {
            ticket->is_marked = true;
            ticket->marked_ns = world->now_ns;
            world->marked = ticket->multi != NULL ? ticket->multi : ticket;
        }
        sim_yields_note(world, ticket, &event->kv);
        sim_keeps_touch(world, ticket, &event->kv);
        ticket->has_key = true;
        ticket->had_key = true;
        ticket->is_out = false;
        ticket->created = event->kv.create_revision;
        sim_check_own_value(world, ticket, &event->kv);
    }
}

struct leaving {
    struct sim_world *world;
    struct sim_ticket *ticket;
    struct sim_rule rule;
};

/** A key that the same revision deletes. */
static void on_other_deletion(void *arg, const struct ll_watch_event *event)
{
    struct leaving *leaving = arg;
    struct sim_ticket *other = sim_key_last(leaving->world, event->kv.key);

    if (other != NULL && event->deleted &&
        other->name == leaving->ticket->name) {
        sim_rule_add(&leaving->rule, event->kv.key, other->mode,
                     other->created);
    }
}

/** Keys deleted together with one that blocked them, as by a revoke, were
 * blocked to the end. */
static void on_deletion(void *arg, const struct ll_watch_event *event)
{
    struct sim_world *world = arg;
    struct leaving leaving = {.world = world};

    leaving.ticket = sim_key_last(world, event->kv.key);
    if (leaving.ticket != NULL && event->deleted) {
        leaving.rule = sim_rule_of(world, leaving.ticket);
        sim_etcd_changes(world->etcd, event->kv.mod_revision, on_other_deletion,
                         &leaving);
        leaving.ticket->is_out = leaving.rule.is_blocked;
    }
}

void sim_check_commit(struct sim_world *world, int64_t revision)
{
    sim_hash(world, (uint64_t)revision);
    world->marked = NULL;
    world->is_asked = false;
    sim_etcd_changes(world->etcd, revision, on_asked, world);
    sim_etcd_changes(world->etcd, revision, on_change, world);
    sim_etcd_changes(world->etcd, revision, on_deletion, world);
    if (world->marked != NULL) {
        sim_check_mark(world, world->marked);
    }
    if (world->fault_rate[SIM_FAULT_OBSERVE] > 0) {
        sim_leaders_look(world, revision);
    }
    sim_followed_note(world, revision);
}

/** Deadlock detections are objects of core, one for each such ticket. */
static size_t detections_n(const struct sim_client *client)
{
    size_t n = 0;

    for (size_t i = 0; i < client->live_n; i++) {
        const struct sim_ticket *ticket =
            client->objects[client->live[i]].ticket;

        n += ticket != NULL && ticket->finds_deadlock ? 1 : 0;
    }
    return n;
}

void sim_check_core(struct sim_client *client)
{
    const struct ll_core *core = client->core;
    struct sim_world *world = client->world;

    if (core->calls.in_flight > LL_CALLS_MAX ||
        core->tickets.reaps_n > LL_REAPS_MAX ||
        core->watches.creating_n > LL_WATCHES_CREATING_MAX ||
        core->sessions.n > LL_SESSIONS_MAX ||
        core->tickets.n > LL_TICKETS_MAX) {
        sim_break(world, "limits",
                  "client %u has %u calls in flight, %u abandoned attempts, "
                  "%u watches being created",
                  client->peer.number, core->calls.in_flight,
                  core->tickets.reaps_n, core->watches.creating_n);
    }
    /* A ticket that another one leaves behind reaps. */
    if (core->timers.size > client->live_n + detections_n(client) +
                                core->tickets.reaps_n + core->keeps.by_name.n +
                                2 ||
        core->logs.drawn != NULL) {
        sim_break(world, "limits", "client %u has more timers than objects",
                  client->peer.number);
    }
}
