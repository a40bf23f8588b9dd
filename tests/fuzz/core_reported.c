/* SPDX-License-Identifier: Apache-2.0 */
/* Checks core's reports of writes and observers against the contract. */
#include <string.h>

#include "core_world.h"
#include "leaselock/leaselock.h"

static struct thing *thing_of(struct world *world, uint64_t id)
{
    FUZZ_CHECK(id > 0 && id <= world->things_n);
    FUZZ_CHECK(world->things[id - 1].asked);
    return &world->things[id - 1];
}

void world_on_write_call(struct world *world, const struct thing *write)
{
    for (const struct thing *other = world->things; other < write; other++) {
        FUZZ_CHECK(other->kind != THING_WRITE || !other->asked || other->told ||
                   other->ticket != write->ticket);
    }
    for (unsigned i = 0; i < world->calls_n; i++) {
        FUZZ_CHECK(world->calls[i].id != (uint64_t)(write - world->things) + 1);
    }
}

void world_on_written(struct world *world, const struct ll_effect *effect)
{
    struct thing *write = thing_of(world, effect->id);
    struct thing *ticket = &world->things[write->ticket];
    int status = effect->written.detail.status;

    FUZZ_CHECK(write->kind == THING_WRITE && !write->told);
    FUZZ_CHECK(strlen(leaselock_status_name(status)) > 0);
    if (!effect->written.last) {
        FUZZ_CHECK(!write->end_reported &&
                   status == LEASELOCK_E_OUTCOME_UNKNOWN);
        write->end_reported = true;
        return;
    }
    FUZZ_CHECK((effect->written.revision != 0) == (status == 0));
    write->told = true;
    write->status = status;
    free(write->borrowed);
    write->borrowed = NULL;
    if (write->releases) {
        FUZZ_CHECK(ticket->giving > 0);
        ticket->giving--;
        /* A ticket that was lost or released before stays so. */
        ticket->given_back |= status == 0 && !ticket->lost &&
                              !ticket->end_asked &&
                              !world->things[ticket->session].end_asked;
    }
}

/** Reads every byte of a report to an observer. */
static uint64_t hash_of(const struct ll_kv *kv)
{
    uint64_t hash = (uint64_t)kv->create_revision * 31 + 1;

    for (size_t i = 0; i < kv->key.size; i++) {
        hash = hash * 1099511628211U + (unsigned char)kv->key.data[i];
    }
    for (size_t i = 0; i < kv->value.size; i++) {
        hash = hash * 1099511628211U + (unsigned char)kv->value.data[i];
    }
    return hash != 0 ? hash : 1; /* 0: none was reported */
}

void world_on_observed(struct world *world, const struct ll_effect *effect)
{
    struct thing *observer = thing_of(world, effect->id);
    uint64_t leader;

    FUZZ_CHECK(observer->kind == THING_OBSERVER && !observer->told);
    if (effect->observed.is_end) {
        FUZZ_CHECK(effect->observed.leader == NULL);
        FUZZ_CHECK(!observer->end_asked || effect->observed.detail.status == 0);
        observer->told = true;
        return;
    }
    if (effect->observed.leader == NULL) {
        FUZZ_CHECK(!observer->nobody);
        observer->nobody = true;
        observer->leader = 0;
        return;
    }
    leader = hash_of(effect->observed.leader);
    FUZZ_CHECK(observer->leader != leader);
    observer->nobody = false;
    observer->leader = leader;
}

void world_check_ticket(const struct world *world, unsigned at)
{
    const struct thing *ticket = &world->things[at];
    enum ll_ticket_phase phase = ticket->lost     ? LL_TICKET_PHASE_LOST
                                 : ticket->giving ? LL_TICKET_PHASE_LEAVING
                                                  : LL_TICKET_PHASE_HELD;
    struct ll_ticket_view view;

    FUZZ_CHECK(ll_core_ticket_view(world->core, at + 1, world->now_ns, &view));
    FUZZ_CHECK(view.phase == phase);
    FUZZ_CHECK((phase == LL_TICKET_PHASE_HELD) == (view.remaining_ns > 0));
}
