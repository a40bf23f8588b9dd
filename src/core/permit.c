/* SPDX-License-Identifier: Apache-2.0 */
#include "core/permit.h"

#include "base/alloc.h"
#include "core/blocker.h"
#include "core/ticket.h"
#include "leaselock/status.h"

bool ll_ticket_is_behind_permits(const struct ll_ticket *ticket)
{
    return ticket->mode == LL_MODE_PERMIT && ticket->past_exclusive &&
           (ticket->state == LL_TICKET_WAIT || ticket->state == LL_TICKET_NEXT);
}

bool ll_ticket_tries_permit(const struct ll_ticket *ticket)
{
    return ticket->mode == LL_MODE_PERMIT && ticket->try_only;
}

static bool permits_make(struct ll_ticket *ticket)
{
    unsigned n = LL_PERMIT_SLOTS((unsigned)ticket->permits_max);
    struct ll_permits *permits;

    if (ticket->permits != NULL) {
        return true;
    }
    permits =
        ll_alloc_zero(1, sizeof(*permits) + n * sizeof(permits->slots[0]));
    if (permits == NULL) {
        return false;
    }
    permits->slots_n = n;
    ll_watch_init(&permits->all, &ticket->object, LL_PERMIT_SLOT_ALL);
    for (unsigned i = 0; i < n; i++) {
        ll_watch_init(&permits->slots[i].watch, &ticket->object,
                      LL_PERMIT_SLOT_KEY + i);
    }
    ticket->permits = permits;
    return true;
}

static void key_drop(struct ll_core *core,
                     struct ll_permits *permits,
                     struct ll_permit_key *key)
{
    ll_free(key->key);
    key->key = NULL;
    permits->keys_n--;
    ll_watch_drop(core, &key->watch);
}

static bool key_is(const struct ll_permit_key *key, const struct ll_kv *kv)
{
    return key->key != NULL && key->token == kv->create_revision &&
           ll_bytes_equal((struct ll_bytes){key->key, key->key_size}, kv->key);
}

static bool
is_in(const struct ll_permit_key *key, const struct ll_kv *kvs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (key_is(key, &kvs[i])) {
            return true;
        }
    }
    return false;
}

/** Adds a key to the set, unless it is there; false: no memory. */
static bool
key_add(struct ll_ticket *ticket, const struct ll_kv *kv, bool *ret_no_slot)
{
    struct ll_permits *permits = ticket->permits;
    struct ll_permit_key *free_key = NULL;

    for (unsigned i = 0; i < permits->slots_n; i++) {
        struct ll_permit_key *key = &permits->slots[i];

        if (key_is(key, kv)) {
            return true;
        }
        if (free_key == NULL && key->key == NULL &&
            (permits->has_all || key->watch.state == LL_WATCH_OFF)) {
            free_key = key;
        }
    }
    if (free_key == NULL) {
        *ret_no_slot = true;
        return true;
    }
    free_key->key = ll_alloc_copy(kv->key.data, kv->key.size);
    free_key->key_size = (uint32_t)kv->key.size;
    free_key->token = kv->create_revision;
    permits->keys_n += free_key->key != NULL ? 1 : 0;
    return free_key->key != NULL;
}

/** Makes the set consist of these keys; false: no memory. */
static bool permits_set(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_kv *kvs,
                        size_t n)
{
    struct ll_permits *permits = ticket->permits;
    bool no_slot = false;

    for (unsigned i = 0; i < permits->slots_n; i++) {
        struct ll_permit_key *key = &permits->slots[i];

        if (key->key != NULL && !is_in(key, kvs, n)) {
            key_drop(core, permits, key);
        } else if (permits->has_all) {
            ll_watch_drop(core, &key->watch);
        }
    }
    if (!permits->has_all) {
        ll_watch_drop(core, &permits->all);
    }
    for (size_t i = 0; i < n; i++) {
        if (!key_add(ticket, &kvs[i], &no_slot)) {
            return false;
        }
    }
    permits->lacks_slots = no_slot;
    if (no_slot) {
        ticket->read_ns = core->now_ns + LL_SETTLE_FIRST_NS;
    }
    return true;
}

/** One of the permits ahead that are no tickets, if none comes free before
 *  somebody deletes such a key; else NULL. */
static const struct ll_kv *permits_stuck(const struct ll_ticket *ticket,
                                         const struct ll_range_answer *ahead)
{
    const struct ll_kv *stuck = NULL;
    size_t n = 0;

    for (size_t i = 0; i < ahead->kvs_n; i++) {
        if (!ll_kv_is_ticket(&ahead->kvs[i], ll_ticket_prefix(ticket).size)) {
            stuck = &ahead->kvs[i];
            n++;
        }
    }
    return n >= ticket->permits_max ? stuck : NULL;
}

/** How many permits are ahead, as far as that is known. */
static int64_t ahead_of(const struct ll_ticket *ticket, size_t seen)
{
    return ticket->permits->has_all ? (int64_t)seen
                                    : ll_max((int64_t)seen, ticket->ahead);
}

void ll_permits_see(struct ll_core *core,
                    struct ll_ticket *ticket,
                    const struct ll_range_answer *ahead,
                    int64_t revision)
{
    size_t most = ticket->permits_max;
    bool has_all = ahead->kvs_n < 2 * most;
    const struct ll_kv *stuck = permits_stuck(ticket, ahead);

    ticket->past_exclusive = true;
    ticket->one_left = false;
    if (ahead->kvs_n < most) {
        ll_ticket_grant(core, ticket);
        return;
    }
    ll_ticket_go(core, ticket, LL_TICKET_WAIT);
    ticket->read_ns = ll_ticket_recheck_ns(core);
    if (stuck != NULL && ll_ticket_note_blocked(ticket, stuck)) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NESTED, "");
        return;
    }
    if (!permits_make(ticket)) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NOMEM, "");
        return;
    }
    ticket->permits->has_all = has_all;
    ticket->permits->own_revision = revision;
    ticket->ahead = ahead_of(ticket, ahead->kvs_n);
    if (!permits_set(core, ticket, ahead->kvs, has_all ? ahead->kvs_n : most)) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NOMEM, "");
        return;
    }
    ll_core_log(core, 3, "%s waits for one of %u permits, %lld ahead",
                ticket->key, ticket->permits->keys_n, (long long)ticket->ahead);
    ll_ticket_watch_wait(core, ticket);
    ll_ticket_update(core, ticket);
}

static struct ll_permit_key *key_at(const struct ll_ticket *ticket,
                                    unsigned slot)
{
    struct ll_permits *permits = ticket->permits;

    return permits != NULL && slot >= LL_PERMIT_SLOT_KEY &&
                   slot - LL_PERMIT_SLOT_KEY < permits->slots_n
               ? &permits->slots[slot - LL_PERMIT_SLOT_KEY]
               : NULL;
}

/** Reads the permits again. */
static void permits_read(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_ticket_go(core, ticket, LL_TICKET_NEXT);
    ticket->is_first = false;
    ticket->read_ns = LL_NEVER;
    ticket->linearize = core->watches.numbered; /* as ll_ticket_advance */
    ticket->object.failures = 0;
    ll_call_at(core, &ticket->object, core->now_ns);
    ll_ticket_update(core, ticket);
}

/** The key of the set with a name; NULL: it is not there. */
static struct ll_permit_key *key_of(struct ll_permits *permits,
                                    struct ll_bytes name)
{
    for (unsigned i = 0; i < permits->slots_n; i++) {
        struct ll_permit_key *key = &permits->slots[i];

        if (key->key != NULL &&
            ll_bytes_equal((struct ll_bytes){key->key, key->key_size}, name)) {
            return key;
        }
    }
    return NULL;
}

/** Whether a read has shown the own key since the range is watched. */
static bool own_is_watched(const struct ll_core *core,
                           const struct ll_permits *permits)
{
    return !core->watches.numbered && permits->all.state == LL_WATCH_ON &&
           permits->own_revision >= permits->all.created_revision;
}

/** The range's first event: reads need not look for others any more. */
static void all_settle(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_permits *permits = ticket->permits;

    if (core->watches.numbered || permits->all.settled) {
        return;
    }
    permits->all.settled = true;
    if (ticket->state == LL_TICKET_WAIT && own_is_watched(core, permits)) {
        ticket->read_ns = ll_ticket_recheck_ns(core);
        ll_ticket_update(core, ticket);
    }
}

/** One of the permits ahead was deleted. */
static void key_gone(struct ll_core *core,
                     struct ll_ticket *ticket,
                     struct ll_permit_key *key,
                     int64_t revision)
{
    struct ll_permits *permits = ticket->permits;

    if (key == NULL || key->key == NULL || revision <= key->token) {
        return;
    }
    key_drop(core, permits, key);
    ticket->gone_revision = ll_max(ticket->gone_revision, revision);
    ticket->ahead = ll_max(ticket->ahead - 1, 0);
    if (ticket->state != LL_TICKET_WAIT) {
        return; /* the read in flight must not be older */
    }
    if (!permits->has_all) {
        permits_read(core, ticket);
    } else if (permits->keys_n < ticket->permits_max) {
        if (own_is_watched(core, permits)) {
            ll_ticket_grant(core, ticket);
        } else {
            permits_read(core, ticket);
        }
    }
}

/** Whether one of these events is the deletion of the own key. */
static bool own_gone(const struct ll_ticket *ticket,
                     const struct ll_watch_event *events,
                     size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (events[i].deleted && events[i].kv.mod_revision > ticket->token &&
            ll_bytes_equal(events[i].kv.key, ll_ticket_key(ticket))) {
            return true;
        }
    }
    return false;
}

void ll_permits_on_changed(struct ll_core *core,
                           struct ll_ticket *ticket,
                           struct ll_watch *watch,
                           const struct ll_watch_event *events,
                           size_t n)
{
    bool is_all = watch->slot == LL_PERMIT_SLOT_ALL;
    int64_t id = watch->id;

    if (is_all && own_gone(ticket, events, n)) {
        ll_ticket_lose_key(core, ticket);
        return;
    }
    if (is_all) {
        all_settle(core, ticket);
    }
    for (size_t i = 0; i < n && watch->id == id && watch->state == LL_WATCH_ON;
         i++) {
        if (events[i].deleted) {
            key_gone(core, ticket,
                     is_all ? key_of(ticket->permits, events[i].kv.key)
                            : key_at(ticket, watch->slot),
                     events[i].kv.mod_revision);
        }
    }
}

struct ll_watch *ll_permits_watch(const struct ll_ticket *ticket, unsigned slot)
{
    struct ll_permit_key *key = key_at(ticket, slot);

    if (slot == LL_PERMIT_SLOT_ALL && ticket->permits != NULL) {
        return &ticket->permits->all;
    }
    return key != NULL ? &key->watch : NULL;
}

bool ll_permits_has(const struct ll_ticket *ticket, unsigned slot)
{
    const struct ll_permits *permits = ticket->permits;

    if (permits == NULL || permits->keys_n == 0) {
        return false;
    }
    return permits->has_all ? slot == LL_PERMIT_SLOT_ALL
                            : ll_permits_key(ticket, slot).size > 0;
}

bool ll_permits_settle_once(const struct ll_ticket *ticket)
{
    return ll_ticket_is_behind_permits(ticket) && ticket->permits != NULL &&
           !ticket->permits->has_all && ticket->permits_max >= LL_PERMITS_MANY;
}

bool ll_permits_watch_own(const struct ll_ticket *ticket)
{
    return ll_ticket_is_behind_permits(ticket) && ticket->permits != NULL &&
           ticket->permits->has_all;
}

struct ll_bytes ll_permits_key(const struct ll_ticket *ticket, unsigned slot)
{
    const struct ll_permit_key *key = key_at(ticket, slot);

    return key != NULL && key->key != NULL
               ? (struct ll_bytes){key->key, key->key_size}
               : (struct ll_bytes){NULL, 0};
}

void ll_permits_want(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_watch *watch;

    for (unsigned slot = LL_PERMIT_SLOT_ALL;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        if (ll_permits_has(ticket, slot) && watch->state == LL_WATCH_OFF) {
            ll_watch_want(core, watch);
        }
    }
}

bool ll_permits_are_watched(const struct ll_ticket *ticket)
{
    const struct ll_watch *watch;

    for (unsigned slot = LL_PERMIT_SLOT_ALL;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        if (ll_permits_has(ticket, slot) && watch->state != LL_WATCH_ON) {
            return false;
        }
    }
    return ticket->permits != NULL;
}

int64_t ll_permits_least_revision(const struct ll_ticket *ticket)
{
    const struct ll_watch *watch;
    /* An older read would add keys whose deletions have been reported. */
    int64_t least = ticket->permits != NULL && ticket->permits->has_all
                        ? ticket->permits->own_revision
                        : 0;

    for (unsigned slot = LL_PERMIT_SLOT_ALL;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        if (watch->state == LL_WATCH_ON) {
            least = ll_max(least, watch->created_revision);
        }
    }
    return least;
}

bool ll_permits_lack_slots(const struct ll_ticket *ticket)
{
    return ticket->permits != NULL && ticket->permits->lacks_slots;
}

void ll_permits_drop(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_permits *permits = ticket->permits;

    if (permits == NULL) {
        return;
    }
    permits->lacks_slots = false;
    for (unsigned i = 0; i < permits->slots_n; i++) {
        if (permits->slots[i].key != NULL) {
            key_drop(core, permits, &permits->slots[i]);
        }
    }
    permits->own_revision = 0;
    ll_watch_drop(core, &permits->all);
}

bool ll_permits_are_off(const struct ll_ticket *ticket)
{
    const struct ll_watch *watch;

    for (unsigned slot = LL_PERMIT_SLOT_ALL;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        if (watch->state != LL_WATCH_OFF) {
            return false;
        }
    }
    return true;
}

void ll_permits_free(struct ll_ticket *ticket)
{
    for (unsigned i = 0;
         ticket->permits != NULL && i < ticket->permits->slots_n; i++) {
        ll_free(ticket->permits->slots[i].key);
    }
    ll_free(ticket->permits);
}
