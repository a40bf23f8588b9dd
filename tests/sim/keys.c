/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "world.h"

/**
 * Which ticket a key is of. Its name alone does not show that: clients use names
 * one after the other (core/slot.h). The name on a lease does, and a deletion is
 * of the key that was made last under its name. */

/** The lease and the name, which are next to each other. */
static size_t id_size(size_t key_size)
{
    return offsetof(struct sim_key, name) + key_size;
}

struct sim_ticket *
sim_key_find(struct sim_world *world, int64_t lease, struct ll_bytes name)
{
    struct sim_ticket *ticket = NULL;
    struct sim_key key = {.lease = lease};

    if (name.size <= sizeof(key.name)) {
        memcpy(key.name, name.data, name.size);
        HASH_FIND(hh, world->keys, &key, id_size(name.size), ticket);
    }
    return ticket;
}

struct sim_ticket *sim_key_last(struct sim_world *world, struct ll_bytes name)
{
    struct sim_ticket *ticket;

    HASH_FIND(hh_last, world->last, name.data, name.size, ticket);
    return ticket;
}

static void last_remove(struct sim_world *world, struct sim_ticket *ticket)
{
    if (ticket->is_last) {
        ticket->is_last = false;
        HASH_DELETE(hh_last, world->last, ticket);
    }
}

static void last_add(struct sim_world *world, struct sim_ticket *ticket)
{
    ticket->is_last = true;
    HASH_ADD_KEYPTR(hh_last, world->last, ticket->key, ticket->key_size,
                    ticket);
}

struct sim_ticket *sim_key_made(struct sim_world *world, const struct ll_kv *kv)
{
    struct sim_ticket *ticket = sim_key_find(world, kv->lease, kv->key);
    struct sim_ticket *last = sim_key_last(world, kv->key);

    if (last != NULL && last != ticket) {
        last_remove(world, last);
    }
    if (ticket != NULL && !ticket->is_last) {
        last_add(world, ticket);
    }
    return ticket;
}

void sim_key_enter(struct sim_world *world,
                   struct sim_ticket *ticket,
                   struct ll_bytes name)
{
    struct sim_key *key = &ticket->in_etcd;

    key->lease = ticket->session->lease;
    memcpy(key->name, name.data, name.size);
    key->name[name.size] = '\0';
    ticket->key_size = name.size;
    ticket->in_keys = true;
    HASH_ADD_KEYPTR(hh, world->keys, key, id_size(name.size), ticket);
}

void sim_key_leave(struct sim_world *world, struct sim_ticket *ticket)
{
    last_remove(world, ticket);
    if (ticket->in_keys) {
        ticket->in_keys = false;
        HASH_DELETE(hh, world->keys, ticket);
    }
}

void sim_key_pass(struct sim_world *world,
                  struct sim_ticket *from,
                  struct sim_ticket *to)
{
    bool was_last = from->is_last;
    struct ll_bytes name = {from->key, from->key_size};

    sim_key_leave(world, from);
    sim_key_enter(world, to, name);
    if (was_last) {
        last_add(world, to);
    }
}
