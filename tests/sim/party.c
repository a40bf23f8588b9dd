/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "world.h"

/**
 * Third parties: they delete keys of queues and put to them, revoke leases, and
 * put foreign keys into queues. Their requests go to a healthy member, and their answers
 * are ignored. */

/** So few names that each is used repeatedly: the deletion of an old key must
 * not be taken for the new one's. */
#define FOREIGN_KEYS 4
/** A lock's even foreign keys have this lease, which belongs to no client and
 * outlives every world; the others have none, so they are not tickets. */
#define FOREIGN_LEASE INT64_MAX
#define FOREIGN_TTL_S INT64_C(1000000)

static bool party_member(const struct sim_world *world, unsigned *ret_member)
{
    for (unsigned i = 0; i < world->members_n; i++) {
        if (world->members[i] == SIM_MEMBER_WELL) {
            *ret_member = i;
            return true;
        }
    }
    return false;
}

static void party_txn(struct sim_world *world,
                      const struct ll_compare *compare,
                      const struct ll_op *op)
{
    struct ll_request request = {.kind = LL_REQUEST_TXN};
    unsigned member;

    request.txn = (struct ll_txn){.compares = compare,
                                  .compares_n = compare != NULL,
                                  .then_ops = op,
                                  .then_n = 1};
    if (party_member(world, &member)) {
        sim_etcd_call(world->etcd, member, 0, &request, world->now_ns);
    }
}

/**
 * Names of keys are reused, and a deletion may be late: one meant for a
 * ticket's key of `create_revision` has no effect on the next ticket's. */
static void party_delete(struct sim_world *world,
                         struct ll_bytes key,
                         int64_t create_revision)
{
    const struct ll_compare meant = {.target = LL_COMPARE_CREATE_REVISION,
                                     .key = key,
                                     .number = create_revision};
    struct sim_ticket *ticket = sim_key_last(world, key);

    if (ticket != NULL) {
        ticket->is_meddled = true;
    }
    SIM_REPORT(world, "** a third party deletes %.*s", (int)key.size, key.data);
    party_txn(world, create_revision > 0 ? &meant : NULL,
              &(struct ll_op){.kind = LL_OP_DELETE, .del = {.key = key}});
}

struct picking {
    struct ll_random *random;
    bool foreign; /* third parties' keys only */
    int64_t n;
    char key[SIM_KEY_SIZE];
    size_t size;
    int64_t create_revision;
};

static void pick(void *arg, const struct ll_kv *kv)
{
    struct picking *picking = arg;

    if (kv->key.size <= sizeof(picking->key) &&
        (!picking->foreign || kv->lease == 0 || kv->lease == FOREIGN_LEASE) &&
        (picking->foreign || sim_below(picking->random, ++picking->n) == 0)) {
        memcpy(picking->key, kv->key.data, kv->key.size);
        picking->size = kv->key.size;
        picking->create_revision = kv->create_revision;
    }
}

static struct ll_bytes party_prefix(const struct sim_world *world,
                                    unsigned name,
                                    char *ret_prefix,
                                    size_t size)
{
    int length = snprintf(ret_prefix, size, "%s/", world->names[name]);

    return (struct ll_bytes){ret_prefix, (size_t)length};
}

static void party_delete_any(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_DELETE];
    struct picking picking = {.random = random};
    char prefix[SIM_KEY_SIZE];

    sim_etcd_each(world->etcd,
                  party_prefix(world,
                               (unsigned)sim_below(random, world->names_n),
                               prefix, sizeof(prefix)),
                  pick, &picking);
    if (picking.size > 0) {
        party_delete(world, (struct ll_bytes){picking.key, picking.size},
                     picking.create_revision);
    }
}

struct asking {
    struct ll_random *random;
    bool oldest; /* the oldest key, else any */
    int64_t n;
    struct ll_kv kv; /* without its bytes */
    size_t value_size;
    char key[SIM_KEY_SIZE];
    char value[SIM_VALUE_SIZE];
};

/** Values that are too large stay as they are. */
static void pick_to_ask(void *arg, const struct ll_kv *kv)
{
    static const char asked[] = " asked";
    struct asking *asking = arg;

    if (kv->key.size > sizeof(asking->key) ||
        (asking->n++ > 0 &&
         (asking->oldest || sim_below(asking->random, asking->n) != 0))) {
        return;
    }
    asking->kv = *kv;
    memcpy(asking->key, kv->key.data, kv->key.size);
    asking->value_size = 0;
    if (kv->value.size + sizeof(asked) <= sizeof(asking->value)) {
        memcpy(asking->value, kv->value.data, kv->value.size);
        memcpy(asking->value + kv->value.size, asked, sizeof(asked) - 1);
        asking->value_size = kv->value.size + sizeof(asked) - 1;
    }
}

/** Create revision and lease stay, and the value stays or is changed. Nothing of
 * a ticket may depend on that. */
void sim_party_asks(struct sim_world *world, unsigned name)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_ASK];
    struct asking asking = {.random = random,
                            .oldest = sim_chance(random, 500000)};
    struct ll_request request = {.kind = LL_REQUEST_TXN};
    char prefix[SIM_KEY_SIZE];
    unsigned member;

    sim_etcd_each(world->etcd,
                  party_prefix(world, name, prefix, sizeof(prefix)),
                  pick_to_ask, &asking);
    if (asking.n > 0 && party_member(world, &member)) {
        struct ll_bytes key = {asking.key, asking.kv.key.size};
        struct ll_compare as_read[2] = {{.key = key,
                                         .target = LL_COMPARE_CREATE_REVISION,
                                         .number = asking.kv.create_revision},
                                        {.key = key,
                                         .target = LL_COMPARE_MOD_REVISION,
                                         .number = asking.kv.mod_revision}};
        struct ll_op ops[2] = {
            {.kind = LL_OP_PUT, .put = {.key = key, .keep = true}},
            {.kind = LL_OP_PUT,
             .put = {.key = {SIM_ASKED, strlen(SIM_ASKED)}}}};

        if (asking.value_size > 0 && sim_chance(random, 500000)) {
            ops[0].put.keep = false;
            ops[0].put.value =
                (struct ll_bytes){asking.value, asking.value_size};
            ops[0].put.keep_lease = true;
        }
        SIM_REPORT(world, "** a third party puts to %.*s%s", (int)key.size,
                   key.data, ops[0].put.keep ? "" : ", with another value");
        request.txn = (struct ll_txn){
            .compares = as_read, .compares_n = 2, .then_ops = ops, .then_n = 2};
        sim_etcd_call(world->etcd, member, 0, &request, world->now_ns);
    }
}

void sim_party_plants(struct sim_world *world, struct ll_bytes key)
{
    party_txn(world, NULL,
              &(struct ll_op){.kind = LL_OP_PUT, .put = {.key = key}});
}

static void party_revoke_any(struct sim_world *world)
{
    struct ll_random *random = &world->fault_random[SIM_FAULT_REVOKE];
    struct sim_client *client =
        &world->clients[sim_below(random, world->clients_n)];
    struct sim_session *picked = NULL;
    struct ll_request request = {.kind = LL_REQUEST_LEASE_REVOKE};
    unsigned member;
    int64_t n = 0;

    for (size_t i = 0; i < client->live_n; i++) {
        struct sim_session *session = client->objects[client->live[i]].session;

        if (session != NULL && sim_below(random, ++n) == 0) {
            picked = session;
        }
    }
    if (picked != NULL && party_member(world, &member)) {
        SIM_REPORT(world, "** a third party revokes session %u.%llu",
                   client->peer.number, (unsigned long long)picked->id);
        picked->is_meddled = true;
        request.lease.lease = picked->lease;
        sim_etcd_call(world->etcd, member, 0, &request, world->now_ns);
    }
}

static struct ll_bytes foreign_key(const struct sim_world *world,
                                   enum sim_fault fault,
                                   uint64_t at,
                                   char *ret_key,
                                   size_t size)
{
    /* Exclusive keys are in two ranges of a queue. */
    static const char *const ranges[] = {"", "~~"};
    unsigned number = (unsigned)(at % FOREIGN_KEYS);
    int length = snprintf(
        ret_key, size, fault == SIM_FAULT_NESTED ? "%s/%sbelow/%u" : "%s/%s%u",
        world->names[at / FOREIGN_KEYS], ranges[number / 2], number);

    return (struct ll_bytes){ret_key, (size_t)length};
}

/** Grants the lease of foreign keys, repeatedly, so that it exists. */
static void party_grants(struct sim_world *world)
{
    struct ll_request request = {.kind = LL_REQUEST_LEASE_GRANT};
    unsigned member;

    request.lease.lease = FOREIGN_LEASE;
    request.lease.ttl_s = FOREIGN_TTL_S;
    if (party_member(world, &member)) {
        sim_etcd_call(world->etcd, member, 0, &request, world->now_ns);
    }
}

static void party_puts(struct sim_world *world, enum sim_fault fault)
{
    struct ll_random *random = &world->fault_random[fault];
    uint64_t at = (uint64_t)sim_below(random, FOREIGN_KEYS * world->names_n);
    char key[SIM_KEY_SIZE];
    struct ll_op op = {.kind = LL_OP_PUT};

    op.put.key = foreign_key(world, fault, at, key, sizeof(key));
    if (fault == SIM_FAULT_FOREIGN && at % FOREIGN_KEYS % 2 == 0) {
        party_grants(world);
        op.put.lease = FOREIGN_LEASE;
    }
    SIM_REPORT(world, "** a third party puts %s%s", key,
               op.put.lease == 0 ? ", which is no ticket" : "");
    party_txn(world, NULL, &op);
    sim_push(world,
             world->now_ns + sim_spread(random, LL_NS_PER_MS, 2 * LL_NS_PER_S),
             SIM_EVENT_FAULT_END, (unsigned)fault, at);
}

void sim_party_removes(struct sim_world *world,
                       enum sim_fault fault,
                       uint64_t at)
{
    char key[SIM_KEY_SIZE];

    party_delete(world, foreign_key(world, fault, at, key, sizeof(key)), 0);
}

void sim_party_strikes(struct sim_world *world, enum sim_fault fault)
{
    if (fault == SIM_FAULT_DELETE) {
        party_delete_any(world);
    } else if (fault == SIM_FAULT_REVOKE) {
        party_revoke_any(world);
    } else if (fault == SIM_FAULT_ASK) {
        sim_party_asks(world, (unsigned)sim_below(&world->fault_random[fault],
                                                  world->names_n));
    } else {
        party_puts(world, fault);
    }
}

void sim_faults_sweep(struct sim_world *world)
{
    for (unsigned name = 0; name < world->names_n; name++) {
        struct picking picking = {.foreign = true};
        char prefix[SIM_KEY_SIZE];

        sim_etcd_each(world->etcd,
                      party_prefix(world, name, prefix, sizeof(prefix)), pick,
                      &picking);
        if (picking.size > 0) {
            party_delete(world, (struct ll_bytes){picking.key, picking.size},
                         picking.create_revision);
        }
    }
    if (world->phase < SIM_PHASE_OVER) {
        sim_push(world, world->now_ns + LL_NS_PER_S / 2, SIM_EVENT_SWEEP, 0, 0);
    }
}
