/* SPDX-License-Identifier: Apache-2.0 */
/* Checks core's reports of writes, observers and followers against the
 * contract. */
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

/** Reads every byte of a report to an observer or a follower. */
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

static void read_keys(struct thing *follower, const struct ll_effect *effect)
{
    for (size_t i = 0; i < effect->followed.kvs_n; i++) {
        follower->read += hash_of(&effect->followed.kvs[i]);
    }
}

/** Changes come in the order of their revisions, each once. */
static void check_changes(struct thing *follower,
                          const struct ll_effect *effect)
{
    int64_t revision = follower->revision + 1;

    FUZZ_CHECK(effect->followed.events_n > 0);
    for (size_t i = 0; i < effect->followed.events_n; i++) {
        const struct ll_kv *kv = &effect->followed.events[i].kv;

        FUZZ_CHECK(kv->mod_revision >= revision);
        revision = kv->mod_revision;
        follower->read += hash_of(kv);
    }
    FUZZ_CHECK(effect->followed.revision == revision);
}

/** Whether a report may come after another one. */
static bool follows(const struct thing *follower,
                    const struct ll_effect *effect)
{
    enum ll_followed_kind last = follower->reported;
    bool loads = follower->has_reported &&
                 (last == LL_FOLLOWED_LOADING || last == LL_FOLLOWED_FAILED);
    bool is_loaded = follower->has_reported && !follower->has_page && !loads;

    switch (effect->followed.kind) {
    case LL_FOLLOWED_LOADING:
        return !is_loaded || last != LL_FOLLOWED_PAGE;
    case LL_FOLLOWED_PAGE:
        return effect->followed.is_first
                   ? loads
                   : follower->has_page &&
                         effect->followed.revision == follower->revision;
    case LL_FOLLOWED_CHANGES:
    case LL_FOLLOWED_LOST:
        return is_loaded && last != LL_FOLLOWED_PAGE;
    case LL_FOLLOWED_CURRENT:
        return is_loaded && effect->followed.revision == follower->revision;
    case LL_FOLLOWED_FAILED:
        return loads && last == LL_FOLLOWED_LOADING &&
               effect->followed.detail.status != 0;
    case LL_FOLLOWED_END:
        return follower->end_asked;
    }
    return false;
}

void world_on_followed(struct world *world, const struct ll_effect *effect)
{
    struct thing *follower = thing_of(world, effect->id);
    enum ll_followed_kind kind = effect->followed.kind;

    FUZZ_CHECK(follower->kind == THING_FOLLOWER && !follower->told);
    FUZZ_CHECK(follows(follower, effect));
    if (kind == LL_FOLLOWED_CHANGES) {
        check_changes(follower, effect);
    }
    if (kind == LL_FOLLOWED_PAGE || kind == LL_FOLLOWED_CHANGES) {
        read_keys(follower, effect);
        follower->revision = effect->followed.revision;
    }
    follower->has_reported = true;
    follower->reported = kind;
    follower->has_page = kind == LL_FOLLOWED_PAGE && !effect->followed.is_last;
    follower->told = kind == LL_FOLLOWED_END;
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
