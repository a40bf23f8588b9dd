/* SPDX-License-Identifier: Apache-2.0 */
#include "yields.h"

#include "base/clock.h"
#include "world.h"

/**
 * Requests to let go, which third parties put to keys of tickets: a holder that
 * wants to be told is told of each once, while it holds. */

/** Requests to each lock after the storm, and when the last one is made. A ticket
 * that is kept then is held for SIM_KEEP_NS. */
#define HEALED_N 8
#define HEALED_NS (20 * LL_NS_PER_S)
/** How soon a holder is told: at once, but for a watch that is created late, and
 * for messages on their way. */
#define TOLD_CALM_NS (5 * LL_NS_PER_S)
/** After the storm perhaps only by the slow re-check. */
#define TOLD_HEALED_NS (60 * LL_NS_PER_S)
_Static_assert(HEALED_NS + TOLD_HEALED_NS < SIM_KEEP_NS,
               "the last request is checked while its ticket is kept");

static struct sim_ticket *whole_of(struct sim_ticket *ticket)
{
    return ticket->multi != NULL ? ticket->multi : ticket;
}

void sim_yields_draw(struct sim_world *world, struct sim_ticket *ticket)
{
    ticket->yields =
        world->fault_rate[SIM_FAULT_ASK] > 0 && ticket->id % 2 == 0;
}

void sim_yields_heal(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_ASK];

    if (world->fault_rate[SIM_FAULT_ASK] == 0) {
        return;
    }
    for (unsigned i = 0; i < HEALED_N * world->names_n; i++) {
        sim_push(world, world->now_ns + sim_below(random, HEALED_NS),
                 SIM_EVENT_FAULT_END, SIM_FAULT_ASK, i % world->names_n);
    }
}

static int64_t *revision_at(struct sim_requests *requests, unsigned i)
{
    return &requests->revisions[i % SIM_REQUESTS_MAX];
}

void sim_yields_note(struct sim_world *world,
                     struct sim_ticket *ticket,
                     const struct ll_kv *kv)
{
    struct sim_requests *requests = &ticket->requests;

    if (kv->create_revision == kv->mod_revision) {
        *requests = (struct sim_requests){0};
    } else if (world->is_asked && whole_of(ticket)->yields) {
        *revision_at(requests, requests->n++) = kv->mod_revision;
        requests->newest_ns = world->now_ns;
        if (world->is_calm) {
            sim_push(world, world->now_ns + TOLD_CALM_NS, SIM_EVENT_TOLD,
                     ticket->client, ticket->id);
        } else if (world->phase == SIM_PHASE_HEAL) {
            sim_push(world, world->now_ns + TOLD_HEALED_NS, SIM_EVENT_TOLD,
                     ticket->client, ticket->id);
        }
    }
}

/** Whether a request that was not reported yet was made up to a revision. */
static bool is_new(struct sim_requests *requests, int64_t revision)
{
    for (unsigned i = 0; i < requests->n && i < SIM_REQUESTS_MAX; i++) {
        if (requests->revisions[i] > requests->told &&
            requests->revisions[i] <= revision) {
            return true;
        }
    }
    return requests->n > SIM_REQUESTS_MAX; /* it may have been forgotten */
}

/** The ticket whose key has a change: of a multi-lock, one of the members. NULL:
 *  not known. */
static struct sim_ticket *
changed_one(struct sim_ticket *ticket, int64_t revision, bool *ret_is_forgotten)
{
    *ret_is_forgotten = false;
    for (unsigned i = 0; i < ticket->members_n; i++) {
        struct sim_requests *requests = &ticket->members[i]->requests;

        *ret_is_forgotten |= requests->n > SIM_REQUESTS_MAX;
        for (unsigned at = 0; at < SIM_REQUESTS_MAX; at++) {
            if (requests->revisions[at] == revision) {
                return ticket->members[i];
            }
        }
    }
    return ticket->members_n == 0 ? ticket : NULL;
}

void sim_yields_told(struct sim_client *client, const struct ll_effect *effect)
{
    struct sim_world *world = client->world;
    struct sim_ticket *ticket = sim_ticket_find(client, effect->id);
    struct sim_ticket *one;
    int64_t revision = effect->asked.revision;
    bool is_forgotten;

    if (ticket == NULL || !ticket->yields || !ticket->is_granted ||
        ticket->is_released || ticket->lost_reported) {
        sim_break(world, "asked while it holds",
                  "%u.%llu is asked, and does not hold", client->peer.number,
                  (unsigned long long)effect->id);
        return;
    }
    world->result->asked++;
    one = changed_one(ticket, revision, &is_forgotten);
    /* A restored store counts anew, and a process that died may have left a
     * write on its way. */
    if (effect->asked.by_others && !ticket->resumes &&
        world->fault_rate[SIM_FAULT_RESTORE] == 0 &&
        (one == NULL ? !is_forgotten : !is_new(&one->requests, revision))) {
        sim_break(world, "asked once",
                  "ticket %u.%llu is asked at %lld, which no third party did, "
                  "or not since the report before",
                  ticket->client, (unsigned long long)ticket->id,
                  (long long)revision);
    }
    if (one != NULL) {
        one->requests.told = revision;
    }
}

void sim_yields_check(struct sim_client *client, uint64_t id)
{
    struct sim_world *world = client->world;
    struct sim_ticket *ticket = sim_ticket_find(client, id);
    struct sim_requests *requests;
    struct sim_ticket *whole;
    int64_t limit_ns = world->is_calm ? TOLD_CALM_NS : TOLD_HEALED_NS;
    int64_t since_ns;

    if (ticket == NULL || ticket->requests.n == 0) {
        return;
    }
    requests = &ticket->requests;
    whole = whole_of(ticket);
    if (!whole->is_granted || whole->is_released || whole->lost_reported ||
        !whole->yields || !ticket->has_key ||
        *revision_at(requests, requests->n - 1) <= requests->told) {
        return;
    }
    since_ns = requests->newest_ns > whole->granted_ns ? requests->newest_ns
                                                       : whole->granted_ns;
    if (world->now_ns - since_ns < limit_ns) {
        sim_push(world, since_ns + limit_ns, SIM_EVENT_TOLD, ticket->client,
                 ticket->id);
        return;
    }
    sim_break(world, "a holder hears of a request",
              "ticket %u.%llu was asked at %lld, and is not told",
              ticket->client, (unsigned long long)ticket->id,
              (long long)*revision_at(requests, requests->n - 1));
}
