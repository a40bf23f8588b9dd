/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_bed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/etcd_memory.h"
#include "sim/etcd_program.h"

#define NS_PER_MS INT64_C(1000000)

/** Appends a line, and frees it. */
static void tell(struct sim_bed *bed, const char *who, char *line)
{
    size_t size = strlen(who) + strlen(line) + 4;

    bed->output = sim_grow(bed->output, bed->output_size + size, 1);
    bed->output_size += (size_t)snprintf(bed->output + bed->output_size, size,
                                         "%s: %s\n", who, line);
    free(line);
}

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *line = sim_alloc(1, size);

    memcpy(line, text, size);
    return line;
}

static void on_answer(void *arg, uint64_t tag, const struct ll_answer *answer)
{
    char who[24];

    (void)snprintf(who, sizeof(who), "%" PRIu64, tag);
    tell(arg, who, sim_print_answer(answer));
}

static void on_watch(void *arg, uint64_t stream, const struct ll_event *event)
{
    char who[24];

    (void)snprintf(who, sizeof(who), "w%" PRIu64, stream);
    tell(arg, who, sim_print_watch(event));
}

static void
on_keepalive(void *arg, uint64_t stream, int64_t lease, int64_t ttl_s)
{
    char who[24];
    char line[80];

    (void)snprintf(who, sizeof(who), "k%" PRIu64, stream);
    (void)snprintf(line, sizeof(line), "lease %" PRId64 " ttl %" PRId64, lease,
                   ttl_s);
    tell(arg, who, copy(line));
}

static void on_stream_down(void *arg, uint64_t stream, const char *text)
{
    char who[24];
    char line[120];

    (void)snprintf(who, sizeof(who), "s%" PRIu64, stream);
    (void)snprintf(line, sizeof(line), "down \"%s\"", text);
    tell(arg, who, copy(line));
}

static void on_commit(void *arg, int64_t revision)
{
    struct sim_bed *bed = arg;

    (void)revision;
    bed->commits++;
}

void sim_bed_open(struct sim_bed *bed, const struct sim_etcd_config *config)
{
    struct sim_etcd_config with = *config;
    struct sim_etcd_hooks hooks = {
        .arg = bed,
        .on_answer = on_answer,
        .on_watch = on_watch,
        .on_keepalive = on_keepalive,
        .on_stream_down = on_stream_down,
        .on_commit = on_commit,
    };

    if (with.watch_race_max_ns == 0) {
        with.watch_race_max_ns = -1;
    }
    *bed = (struct sim_bed){.now_ns = 1000 * NS_PER_MS};
    bed->etcd = sim_etcd_new(&with, &hooks);
    sim_etcd_advance(bed->etcd, bed->now_ns);
}

void sim_bed_close(struct sim_bed *bed)
{
    sim_etcd_free(bed->etcd);
    free(bed->output);
    free(bed->taken);
}

const char *sim_bed_take(struct sim_bed *bed)
{
    free(bed->taken);
    bed->taken = bed->output != NULL ? bed->output : copy("");
    bed->output = NULL;
    bed->output_size = 0;
    return bed->taken;
}

void sim_bed_pass_ms(struct sim_bed *bed, int64_t ms)
{
    bed->now_ns += ms * NS_PER_MS;
    sim_etcd_advance(bed->etcd, bed->now_ns);
}

struct ll_bytes sim_bytes(const char *text)
{
    return (struct ll_bytes){text, text != NULL ? strlen(text) : 0};
}

uint64_t sim_bed_ask(struct sim_bed *bed,
                     unsigned member,
                     const struct ll_request *request)
{
    bed->tag++;
    sim_etcd_call(bed->etcd, member, bed->tag, request, bed->now_ns);
    return bed->tag;
}

uint64_t
sim_bed_txn(struct sim_bed *bed, unsigned member, const struct ll_txn *txn)
{
    struct ll_request request = {.kind = LL_REQUEST_TXN, .txn = *txn};

    return sim_bed_ask(bed, member, &request);
}

uint64_t sim_bed_put(struct sim_bed *bed,
                     unsigned member,
                     const char *key,
                     const char *value,
                     int64_t lease)
{
    struct ll_op op = {.kind = LL_OP_PUT,
                       .put = {.key = sim_bytes(key),
                               .value = sim_bytes(value),
                               .lease = lease}};
    struct ll_txn txn = {.then_ops = &op, .then_n = 1};

    return sim_bed_txn(bed, member, &txn);
}

uint64_t sim_bed_delete(struct sim_bed *bed, unsigned member, const char *key)
{
    struct ll_op op = {.kind = LL_OP_DELETE, .del = {.key = sim_bytes(key)}};
    struct ll_txn txn = {.then_ops = &op, .then_n = 1};

    return sim_bed_txn(bed, member, &txn);
}

uint64_t sim_bed_range(struct sim_bed *bed,
                       unsigned member,
                       const struct ll_range *range)
{
    struct ll_request request = {.kind = LL_REQUEST_RANGE, .range = *range};

    return sim_bed_ask(bed, member, &request);
}

uint64_t sim_bed_get(struct sim_bed *bed,
                     unsigned member,
                     const char *key,
                     bool serializable)
{
    struct ll_range range = {.key = sim_bytes(key),
                             .serializable = serializable};

    return sim_bed_range(bed, member, &range);
}

uint64_t sim_bed_lease(struct sim_bed *bed,
                       unsigned member,
                       enum ll_request_kind kind,
                       int64_t lease,
                       int64_t ttl_s)
{
    struct ll_request request = {.kind = kind,
                                 .lease = {.lease = lease, .ttl_s = ttl_s}};

    return sim_bed_ask(bed, member, &request);
}

void sim_bed_watch(struct sim_bed *bed,
                   uint64_t stream,
                   int64_t watch_id,
                   const char *key,
                   const char *end,
                   int64_t start_revision)
{
    const struct sim_watch_request request = {
        .watch_id = watch_id,
        .key = sim_bytes(key),
        .end = sim_bytes(end),
        .start_revision = start_revision,
        .puts = true,
        .deletions = true,
    };

    sim_etcd_watch_create(bed->etcd, stream, &request, bed->now_ns);
}
