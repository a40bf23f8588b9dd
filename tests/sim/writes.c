/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "leaselock/status.h"
#include "world.h"

/**
 * Invariants of writes under a fence. Each committed value, or deleted key,
 * identifies its write; the reports of a write are compared with that. */

static void break_write(struct sim_client *client,
                        const struct sim_write *write,
                        const char *invariant,
                        const char *what)
{
    sim_break(client->world, invariant,
              "write %u.%llu (of ticket %llu, its write %llu) %s",
              client->peer.number, (unsigned long long)write->id,
              (unsigned long long)write->ticket->id,
              (unsigned long long)write->sequence, what);
}

/** Whether a final status leaves the write's outcome unknown. */
static bool is_open(int status)
{
    return status == LEASELOCK_E_OUTCOME_UNKNOWN;
}

void sim_write_forget(struct sim_write *write)
{
    /* Core has returned the borrowed memory; ASan detects later reads. */
    free(write->parts);
    write->parts = NULL;
}

/** The write that a value, or the rest of a key, belongs to, or NULL. */
static struct sim_write *write_of(struct sim_world *world,
                                  struct ll_bytes value,
                                  struct sim_client **ret_client)
{
    char text[SIM_VALUE_SIZE];
    unsigned client;
    unsigned long long id;

    (void)snprintf(text, sizeof(text), "%.*s", (int)value.size, value.data);
    if (sscanf(text, "%u %llu", &client, &id) != 2 ||
        client >= world->clients_n || id >= world->clients[client].objects_n) {
        return NULL;
    }
    *ret_client = &world->clients[client];
    return world->clients[client].objects[id].write;
}

static void check_applied(struct sim_world *world,
                          struct sim_client *client,
                          struct sim_write *write,
                          int64_t revision)
{
    /* The ticket that has this key at present. */
    struct sim_ticket *ticket = sim_key_find(
        world, write->ticket->key_lease,
        (struct ll_bytes){write->ticket->key, write->ticket->key_size});
    struct sim_tokens *last;

    if (ticket == NULL) {
        break_write(client, write, "a write is fenced",
                    "is applied, and its ticket never had a key");
        return;
    }
    last = &world->written[ticket->name];
    if (write->is_old) {
        /* It may have been applied in the lost history. */
    } else if (write->revision != 0) {
        break_write(client, write, "a write is applied once",
                    "is applied again");
    } else if (write->is_over && !is_open(write->status)) {
        break_write(client, write, "told means so",
                    "is applied, but was reported as not applied");
    } else if (write->sequence <= ticket->applied_n) {
        break_write(client, write, "writes keep their order",
                    "is applied after a later one");
    } else if (!ticket->has_key || ticket->created != write->token) {
        break_write(client, write, "a write is fenced",
                    "is applied without the ticket's key");
    } else if (write->token < sim_tokens_least(last, ticket->mode)) {
        break_write(client, write, "a write is fenced",
                    "is applied after one of a later holder");
    }
    write->revision = revision;
    ticket->applied_n = write->sequence;
    sim_tokens_raise(last, ticket->mode, write->token);
}

void sim_check_data(struct sim_world *world, const struct ll_kv *kv)
{
    struct sim_client *client = NULL;
    struct sim_write *write = write_of(world, kv->value, &client);

    if (write == NULL) {
        sim_break(world, "a write is applied once", "%.*s belongs to no write",
                  (int)kv->value.size, kv->value.data);
        return;
    }
    check_applied(world, client, write, kv->mod_revision);
}

void sim_check_own_value(struct sim_world *world,
                         struct sim_ticket *ticket,
                         const struct ll_kv *kv)
{
    struct sim_client *client = NULL;
    struct sim_write *write = write_of(world, kv->value, &client);

    if (write == NULL || write->kind != SIM_WRITE_VALUE || world->is_asked ||
        ticket->has_value == write->id) {
        return; /* the value is not a write's, or stays as it was */
    }
    ticket->has_value = write->id;
    check_applied(world, client, write, kv->mod_revision);
}

void sim_check_gone(struct sim_world *world, const struct ll_watch_event *event)
{
    struct sim_client *client = NULL;
    struct ll_bytes rest = {event->kv.key.data + strlen(SIM_GONE),
                            event->kv.key.size - strlen(SIM_GONE)};
    struct sim_write *write = write_of(world, rest, &client);

    if (write != NULL && event->deleted) {
        check_applied(world, client, write, event->kv.mod_revision);
    } else if (write != NULL) {
        write->planted = event->kv.mod_revision;
    }
}

/** Whether a write that was reported as applied was, as far as can be seen. */
static bool was_applied(const struct sim_write *write, int64_t revision)
{
    switch (write->kind) {
    case SIM_WRITE_PUTS:
    case SIM_WRITE_VALUE:
        return write->revision == revision && revision != 0;
    case SIM_WRITE_DELETES:
        return write->revision != 0
                   ? write->revision == revision
                   : write->planted == 0 || revision < write->planted;
    case SIM_WRITE_COMPARES:
        break;
    }
    return true;
}

/** Checks the ticket after a write has released it. */
static void check_given_back(struct sim_client *client,
                             const struct sim_write *write)
{
    const struct sim_ticket *ticket = write->ticket;
    struct ll_ticket_view view;

    /* A key with a lock-delay says "released", and is deleted next. */
    if (ticket->has_key && ticket->created == write->token &&
        ticket->lock_delay_ms == 0) {
        break_write(client, write, "released means gone",
                    "releases its ticket, but the key exists");
    }
    if (ll_core_ticket_view(client->core, ticket->id, 0, &view) &&
        view.phase != LL_TICKET_PHASE_LEAVING &&
        view.phase != LL_TICKET_PHASE_LOST) {
        break_write(client, write, "released means gone",
                    "releases its ticket, but core still has it");
    }
}

void sim_check_written(struct sim_client *client,
                       const struct ll_effect *effect)
{
    struct sim_write *write = sim_write_find(client, effect->id);
    int status = effect->written.detail.status;

    if (write == NULL || write->is_over) {
        sim_break(client->world, "reported once",
                  "write %u.%llu is reported again", client->peer.number,
                  (unsigned long long)effect->id);
        return;
    }
    if (!effect->written.last) {
        if (write->was_reported || !is_open(status)) {
            break_write(client, write, "reported once",
                        "is reported wrongly before its end");
        }
        write->was_reported = true;
        return;
    }
    write->is_over = true;
    write->status = status;
    sim_write_forget(write);
    if (!write->is_old &&
        (status == 0 ? !was_applied(write, effect->written.revision)
                     : write->revision != 0 && !is_open(status))) {
        break_write(client, write, "told means so", "is reported wrongly");
    }
    if (status != 0 && !is_open(status) && status != LEASELOCK_E_COMPARE &&
        status != LEASELOCK_E_NOT_HELD && status != LEASELOCK_E_UNAVAILABLE &&
        (status != LEASELOCK_E_SERVER || !client->met_other)) {
        break_write(client, write, "told means so", "has an odd end");
    }
    if (status == 0 && write->releases && !write->is_old) {
        check_given_back(client, write);
    }
}
