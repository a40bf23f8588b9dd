/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_BED_H
#define SIM_ETCD_BED_H

#include "sim/etcd.h"

/**
 * The model alone, for its tests: requests go in without a network, and its
 * output is a text with a line for each message:
 *
 *     1: revision 2 txn then {put}
 *     2: no lease 5 "etcdserver: requested lease not found"
 *     w1: watch 7 revision 2 created
 *     w1: watch 7 revision 3  put "a"="1"(c3 m3 v1 l0)
 *     k2: lease 9 ttl 5
 *     s1: down "etcdserver: no leader"
 *
 * The number is the request's tag; behind w, k or s the stream's.
 */
struct sim_bed {
    struct sim_etcd *etcd;
    int64_t now_ns;
    uint64_t tag; /* of the latest request */
    char *output;
    size_t output_size;
    /** The text taken last. */
    char *taken;
    int64_t commits; /* as on_commit has counted them */
};

/** Uses the model's default for each 0 in config; watches are placed at once
 * unless config sets otherwise. */
void sim_bed_open(struct sim_bed *bed, const struct sim_etcd_config *config);
void sim_bed_close(struct sim_bed *bed);

/** The output since the last call; valid until the next call. */
const char *sim_bed_take(struct sim_bed *bed);
/** Advances the time. */
void sim_bed_pass_ms(struct sim_bed *bed, int64_t ms);

uint64_t sim_bed_ask(struct sim_bed *bed,
                     unsigned member,
                     const struct ll_request *request);
/** Send requests; texts end with a NUL; an end of NULL or "" means the key
 * only. Each returns its tag. */
uint64_t sim_bed_put(struct sim_bed *bed,
                     unsigned member,
                     const char *key,
                     const char *value,
                     int64_t lease);
uint64_t sim_bed_delete(struct sim_bed *bed, unsigned member, const char *key);
uint64_t sim_bed_get(struct sim_bed *bed,
                     unsigned member,
                     const char *key,
                     bool serializable);
uint64_t
sim_bed_txn(struct sim_bed *bed, unsigned member, const struct ll_txn *txn);
uint64_t sim_bed_range(struct sim_bed *bed,
                       unsigned member,
                       const struct ll_range *range);
uint64_t sim_bed_lease(struct sim_bed *bed,
                       unsigned member,
                       enum ll_request_kind kind,
                       int64_t lease,
                       int64_t ttl_s);
void sim_bed_watch(struct sim_bed *bed,
                   uint64_t stream,
                   int64_t watch_id,
                   const char *key,
                   const char *end,
                   int64_t start_revision);

struct ll_bytes sim_bytes(const char *text);

#endif
