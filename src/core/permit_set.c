/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "core/ticket.h"

/**
 * The set of permits that a ticket watches one by one: NEAREST (see permit.h).
 */

bool ll_permits_make(struct ll_ticket *ticket)
{
    if (ticket->permits == NULL) {
        ticket->permits = ll_alloc_zero(1, sizeof(*ticket->permits));
        if (ticket->permits != NULL) {
            ll_link_init(&ticket->permits->member.link);
        }
    }
    return ticket->permits != NULL;
}

static bool slots_make(struct ll_ticket *ticket)
{
    struct ll_permits *permits = ticket->permits;
    unsigned n = LL_PERMIT_SLOTS((unsigned)ticket->permits_max);

    if (permits->slots != NULL) {
        return true;
    }
    permits->slots = ll_alloc_zero(n, sizeof(permits->slots[0]));
    if (permits->slots == NULL) {
        return false;
    }
    permits->slots_n = n;
    for (unsigned i = 0; i < n; i++) {
        ll_watch_init(&permits->slots[i].watch, &ticket->object,
                      LL_PERMIT_SLOT_KEY + i);
    }
    return true;
}

struct ll_permit_key *ll_permits_key_at(const struct ll_ticket *ticket,
                                        unsigned slot)
{
    struct ll_permits *permits = ticket->permits;

    return permits != NULL && slot >= LL_PERMIT_SLOT_KEY &&
                   slot - LL_PERMIT_SLOT_KEY < permits->slots_n
               ? &permits->slots[slot - LL_PERMIT_SLOT_KEY]
               : NULL;
}

void ll_permits_key_drop(struct ll_core *core,
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
            key->watch.state == LL_WATCH_OFF) {
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

void ll_permits_keys_drop(struct ll_core *core, struct ll_permits *permits)
{
    permits->lacks_slots = false;
    for (unsigned i = 0; i < permits->slots_n; i++) {
        if (permits->slots[i].key != NULL) {
            ll_permits_key_drop(core, permits, &permits->slots[i]);
        }
    }
}

bool ll_permits_keys_set(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_kv *kvs,
                         size_t n)
{
    struct ll_permits *permits = ticket->permits;
    bool no_slot = false;

    if (!slots_make(ticket)) {
        return false;
    }
    ll_permit_line_leave(core, &permits->member);
    for (unsigned i = 0; i < permits->slots_n; i++) {
        struct ll_permit_key *key = &permits->slots[i];

        if (key->key != NULL && !is_in(key, kvs, n)) {
            ll_permits_key_drop(core, permits, key);
        }
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

struct ll_watch *ll_permits_watch(const struct ll_ticket *ticket, unsigned slot)
{
    struct ll_permit_key *key = ll_permits_key_at(ticket, slot);

    return key != NULL ? &key->watch : NULL;
}

struct ll_bytes ll_permits_key(const struct ll_ticket *ticket, unsigned slot)
{
    const struct ll_permit_key *key = ll_permits_key_at(ticket, slot);

    return key != NULL && key->key != NULL
               ? (struct ll_bytes){key->key, key->key_size}
               : (struct ll_bytes){NULL, 0};
}

bool ll_permits_are_off(const struct ll_ticket *ticket)
{
    const struct ll_watch *watch;

    for (unsigned slot = LL_PERMIT_SLOT_KEY;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        if (watch->state != LL_WATCH_OFF) {
            return false;
        }
    }
    return true;
}

void ll_permits_free(struct ll_ticket *ticket)
{
    struct ll_permits *permits = ticket->permits;

    if (permits == NULL) {
        return;
    }
    for (unsigned i = 0; i < permits->slots_n; i++) {
        ll_free(permits->slots[i].key);
    }
    ll_free(permits->slots);
    ll_free(permits);
}
