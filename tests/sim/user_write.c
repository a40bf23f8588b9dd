/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "leaselock/status.h"
#include "user.h"

/**
 * Holders that write under their tickets' fences: most writes put a value that
 * identifies them at their lock's data key; some have conditions on a key that all
 * locks' writes change, some proclaim, some release the ticket. */

#define WRITES_AT_ONCE 4
/** A condition's number is the flag's version, or differs from it by one. */
#define FLAG_SPREAD 3

static struct ll_op op_put(struct ll_bytes key, struct ll_bytes value)
{
    return (struct ll_op){.kind = LL_OP_PUT,
                          .put = {.key = key, .value = value}};
}

static struct ll_bytes bytes_of(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

/** A condition that other writes make true or false in time. */
static void draw_condition(struct sim_client *client,
                           struct ll_compare *ret_compare)
{
    static const enum ll_compare_result results[] = {
        LL_COMPARE_EQUAL, LL_COMPARE_GREATER, LL_COMPARE_LESS};
    struct ll_kv flag = {.version = 0};

    *ret_compare = (struct ll_compare){.key = bytes_of(SIM_FLAG),
                                       .target = LL_COMPARE_VERSION};
    (void)sim_etcd_get(client->world->etcd, ret_compare->key, &flag);
    ret_compare->result = results[sim_below(&client->random, 3)];
    ret_compare->number =
        flag.version - 1 + sim_below(&client->random, FLAG_SPREAD);
}

static struct sim_write *
write_new(struct sim_client *client, struct sim_ticket *ticket, int64_t token)
{
    struct sim_write *write = calloc(1, sizeof(*write));

    if (write == NULL ||
        (write->parts = calloc(1, sizeof(*write->parts))) == NULL) {
        abort();
    }
    write->id = sim_client_next_id(client);
    client->objects[write->id].write = write;
    write->ticket = ticket;
    write->token = token;
    write->sequence = ++ticket->writes_n;
    write->seen_state = SIM_STATE_NONE;
    (void)snprintf(write->parts->key, sizeof(write->parts->key), "%s%u",
                   SIM_DATA, ticket->name);
    (void)snprintf(write->parts->value, sizeof(write->parts->value),
                   "%u %llu %lld %llu", client->peer.number,
                   (unsigned long long)write->id, (long long)token,
                   (unsigned long long)write->sequence);
    return write;
}

/** Writes that put no data can be told from a third party's put by less. */
static enum sim_write_kind draw_kind(struct sim_client *client)
{
    struct sim_world *world = client->world;
    int64_t ten;

    if (world->fault_rate[SIM_FAULT_ASK] == 0) {
        return SIM_WRITE_PUTS;
    }
    ten = sim_below(&world->fault_random[SIM_FAULT_ASK], 10);
    return ten < 2   ? SIM_WRITE_VALUE
           : ten < 4 ? SIM_WRITE_DELETES
           : ten < 5 ? SIM_WRITE_COMPARES
                     : SIM_WRITE_PUTS;
}

/** Draws the parts of a write that does not put data. */
static void draw_other(struct sim_client *client,
                       struct sim_write *write,
                       struct ll_event *event)
{
    struct sim_write_parts *parts = write->parts;

    draw_condition(client, &parts->compare);
    event->write.compares = &parts->compare;
    event->write.compares_n = sim_chance(&client->random, 300000) ? 1 : 0;
    event->write.ops = parts->ops;
    if (write->kind == SIM_WRITE_VALUE) {
        parts->own = bytes_of(parts->value);
        event->write.value = &parts->own;
    } else if (write->kind == SIM_WRITE_DELETES) {
        (void)snprintf(parts->key, sizeof(parts->key), "%s%u %llu", SIM_GONE,
                       client->peer.number, (unsigned long long)write->id);
        if (sim_chance(&client->random, 700000)) {
            sim_party_plants(client->world, bytes_of(parts->key));
        }
        parts->ops[event->write.ops_n++] = (struct ll_op){
            .kind = LL_OP_DELETE, .del = {.key = bytes_of("junk")}};
        parts->ops[event->write.ops_n++] = (struct ll_op){
            .kind = LL_OP_DELETE, .del = {.key = bytes_of(parts->key)}};
        event->write.release = sim_chance(&client->random, 150000);
    }
}

static void draw_parts(struct sim_client *client,
                       struct sim_write *write,
                       struct ll_event *event)
{
    struct sim_write_parts *parts = write->parts;
    struct ll_bytes value = bytes_of(parts->value);

    parts->ops[event->write.ops_n++] = op_put(bytes_of(parts->key), value);
    if (sim_chance(&client->random, 300000)) {
        parts->ops[event->write.ops_n++] = op_put(bytes_of(SIM_FLAG), value);
    }
    if (sim_chance(&client->random, 200000)) {
        parts->ops[event->write.ops_n++] = (struct ll_op){
            .kind = LL_OP_DELETE, .del = {.key = bytes_of("junk")}};
    }
    if (sim_chance(&client->random, 400000)) {
        draw_condition(client, &parts->compare);
        event->write.compares_n = 1;
    }
    if (sim_chance(&client->random, 150000)) {
        event->write.release = true;
    } else if (sim_chance(&client->random, 150000)) {
        parts->own = value;
        event->write.value = &parts->own;
    }
    event->write.ops = parts->ops;
    event->write.compares = &parts->compare;
}

/** Starts one write; false: the ticket accepts no more. */
static bool
write_ask(struct sim_client *client, struct sim_ticket *ticket, int64_t token)
{
    struct sim_world *world = client->world;
    struct sim_write *write = write_new(client, ticket, token);
    struct ll_event event = {.kind = LL_EVENT_WRITE, .id = write->id};
    int status;

    write->kind = draw_kind(client);
    if (write->kind == SIM_WRITE_PUTS) {
        draw_parts(client, write, &event);
    } else {
        draw_other(client, write, &event);
    }
    write->releases = event.write.release;
    event.write.ticket = ticket->id;
    event.write.timeout_ns =
        sim_spread(&client->random, LL_NS_PER_MS / 4, 4 * LL_NS_PER_S);
    write->due_ns = sim_user_now_ns(client) + event.write.timeout_ns;
    client->live[client->live_n++] = write->id;
    status = sim_client_step(client, &event);
    if (status != 0) {
        sim_write_forget(write);
        write->is_over = true;
        write->status = status;
        if (status != LEASELOCK_E_NOT_HELD && status != LEASELOCK_E_HANDLE) {
            sim_break(world, "statuses", "a write is refused with %d", status);
        }
        return false;
    }
    world->result->writes++;
    ticket->is_released_by_write |= write->releases;
    if (!world->is_over) {
        sim_user_due(client, write->id, write->due_ns);
    }
    return !world->is_over;
}

void sim_user_write(struct sim_client *client, struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;
    int64_t n = 1 + sim_below(&client->random, WRITES_AT_ONCE);
    struct ll_ticket_view view;

    if (world->phase != SIM_PHASE_STORM ||
        !ll_core_ticket_view(client->core, ticket->id, 0, &view)) {
        return;
    }
    while (n-- > 0 && write_ask(client, ticket, view.token)) {
    }
    if (!ticket->is_released && sim_chance(&client->random, 600000)) {
        sim_user_push(
            client,
            sim_spread(&client->random, LL_NS_PER_MS / 4, world->hold_ns),
            SIM_EVENT_WRITE, ticket->id);
    }
}
