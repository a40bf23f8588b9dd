/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_H
#define SIM_ETCD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "core/request.h"

/**
 * A model of an etcd cluster: MVCC with revisions, Txns, leases, watches, and
 * members that lag, stop, lose their quorum and recover. It has no clock and no
 * network: the world calls it with its time, and delivers its messages.
 *
 * There is one history of revisions; a member is a position in it (the revision
 * that it has applied). A write is committed when the leader and a majority are
 * reachable; a member applies it later, after its lag. All randomness comes
 * from the seed. */
struct sim_etcd;

#define SIM_CLUSTER_ID UINT64_C(0xcdf818194e3a8c32)
/** Of the cluster behind wrong addresses. */
#define SIM_OTHER_ID UINT64_C(0x1f2e3d4c5b6a7988)

#define SIM_MEMBERS_MAX 5

/** The text of a permission error. */
#define SIM_DENIED "etcdserver: permission denied"

struct sim_etcd_config {
    uint64_t seed;
    unsigned members;    /* 1, 3 or 5 */
    uint64_t cluster_id; /* default SIM_CLUSTER_ID */
    /** The modelled release, from 3.4 on; default "3.4.23". Borrowed. */
    const char *version;
    /** A release that some members are of, as far as their watches and their
     * Status show it: every second one at first, and a member that restarts
     * changes from one release to the other. Default: the same. Borrowed. */
    const char *other_version;
    /** The maximum lag of a follower's applied state, which is random; default
     * 0: no lag. */
    int64_t lag_max_ns;
    /** The duration of an election, during which nothing is committed. Default
     * 1 s. */
    int64_t election_ns;
    /** The limit of leases revoked per second (etcd, and default: 1000). */
    unsigned revokes_max;
    /** The minimum TTL of a grant (etcd, and default: 1.5 elections, rounded
     * up). */
    int64_t ttl_min_s;
    /** The limit of operations in a Txn, nested ones included (etcd, and
     * default: 128). */
    unsigned txn_ops_max;
    /** One watch in eight takes up to this long between reading its start
     * revision and being added to its group; a write in between makes it
     * unsynced. Default 1 ms; below 0: all are added at once. */
    int64_t watch_race_max_ns;
    /** As etcd 3.4 may: a stopped leader that resumes after another has been
     * elected acts as leader for a moment. It answers the renewals that wait at
     * it by its own clock, which has no effect on the new leader; it has no
     * newer leases; and it revokes leases that have expired by its own clock,
     * which does take effect. No client can protect itself from that. */
    bool stale_leaders;
};

/** The model's output; all pointers are valid during the call only. A hook may
 * call the functions that ignore faults and no others: it records the message,
 * and the world processes it in its own loop. */
struct sim_etcd_hooks {
    void *arg;
    /** The answer to a call; exactly one for each, unless the member is
     * killed. */
    void (*on_answer)(void *arg, uint64_t tag, const struct ll_answer *answer);
    /** A message of a watch stream: LL_EVENT_WATCH_CREATED, _CANCELED or
     *  _CHANGED, with watch_id, revision, member_id, outcome, reason and
     *  events set. */
    void (*on_watch)(void *arg, uint64_t stream, const struct ll_event *event);
    /** A keep-alive's answer: ttl_s 0 for an unknown lease. */
    void (*on_keepalive)(void *arg,
                         uint64_t stream,
                         int64_t lease,
                         int64_t ttl_s);
    /** A stream ended: its member was killed, has no leader (with hasleader),
     * or refuses a renewal (SIM_DENIED). */
    void (*on_stream_down)(void *arg, uint64_t stream, const char *text);
    /** For invariants: a revision was committed; sim_etcd_changes lists its
     * keys. */
    void (*on_commit)(void *arg, int64_t revision);
};

struct sim_etcd *sim_etcd_new(const struct sim_etcd_config *config,
                              const struct sim_etcd_hooks *hooks);
void sim_etcd_free(struct sim_etcd *etcd);

/** Advances the time, from 0 on: answers that are due, lease expiry every 500
 * ms by the leader, the loop over unsynced watches every 100 ms, appliers,
 * elections. Time never goes back. */
void sim_etcd_advance(struct sim_etcd *etcd, int64_t now_ns);
/** The time of the next event in sim_etcd_advance; INT64_MAX: none. */
int64_t sim_etcd_deadline_ns(const struct sim_etcd *etcd);

/** Delivers a unary request to a member; the answer may come within this call
 * or in an advance. The request is copied. A killed member does not answer (the
 * world reports that to the client); one without a leader answers UNAVAILABLE
 * with etcd's text. */
void sim_etcd_call(struct sim_etcd *etcd,
                   unsigned member,
                   uint64_t tag,
                   const struct ll_request *request,
                   int64_t now_ns);

/** Streams; the world assigns unique ids. At a killed member, or on a stream
 * that is down, nothing happens; a member without a leader ends it at once. A
 * stream's messages are processed in order: a keep-alive that has to wait
 * delays the rest. */
void sim_etcd_stream_open(struct sim_etcd *etcd,
                          unsigned member,
                          uint64_t stream,
                          enum ll_stream_kind kind);
void sim_etcd_stream_close(struct sim_etcd *etcd, uint64_t stream);
void sim_etcd_keepalive(struct sim_etcd *etcd,
                        uint64_t stream,
                        int64_t lease,
                        int64_t now_ns);

struct sim_watch_request {
    int64_t watch_id; /* 0: etcd's choice */
    struct ll_bytes key;
    struct ll_bytes end;    /* size 0: the key only */
    int64_t start_revision; /* 0: from the next change on */
    bool puts;
    bool deletions;
    bool prev_values;
};
void sim_etcd_watch_create(struct sim_etcd *etcd,
                           uint64_t stream,
                           const struct sim_watch_request *request,
                           int64_t now_ns);
void sim_etcd_watch_cancel(struct sim_etcd *etcd,
                           uint64_t stream,
                           int64_t watch_id,
                           int64_t now_ns);

/** Faults. A stopped member (SIGSTOP) answers and applies nothing until it
 * resumes; a killed one loses its streams and calls, and restarts with all
 * committed revisions. A leader that stops or is cut off is replaced after
 * election_ns, and the new one restarts every lease's TTL. A member that is cut
 * off keeps serving serializable reads of its applied state, and fails requests
 * that need a leader once it has detected the loss (election_ns). */
void sim_etcd_stop(struct sim_etcd *etcd, unsigned member, int64_t now_ns);
void sim_etcd_continue(struct sim_etcd *etcd, unsigned member, int64_t now_ns);
void sim_etcd_kill(struct sim_etcd *etcd, unsigned member, int64_t now_ns);
void sim_etcd_restart(struct sim_etcd *etcd, unsigned member, int64_t now_ns);
void sim_etcd_cut_off(struct sim_etcd *etcd, unsigned member, int64_t now_ns);
void sim_etcd_heal(struct sim_etcd *etcd, unsigned member, int64_t now_ns);
void sim_etcd_move_leader(struct sim_etcd *etcd,
                          unsigned member,
                          int64_t now_ns);
void sim_etcd_compact(struct sim_etcd *etcd, int64_t revision, int64_t now_ns);
/** Takes a snapshot; once. The history keeps its revisions until then. */
void sim_etcd_snapshot(struct sim_etcd *etcd);
/** Starts all members, which were killed, with the snapshot's store. Keys of
 * the snapshot that were deleted or recreated since then are deleted first. */
void sim_etcd_restore(struct sim_etcd *etcd, int64_t now_ns);
/** Answers writes with "too many requests" while set. */
void sim_etcd_set_busy(struct sim_etcd *etcd, bool busy);
/** Refuses to renew a lease, as for a user without write permission for one of
 * its keys any more, or ends that.
 *  @return whether the lease exists and the release checks that permission */
bool sim_etcd_deny_renewals(struct sim_etcd *etcd, int64_t lease, bool denied);
/** Refuses watches on keys with this prefix, as without permission. */
void sim_etcd_forbid_watch(struct sim_etcd *etcd, struct ll_bytes prefix);

/** For invariants: not affected by any fault. */
int64_t sim_etcd_revision(const struct sim_etcd *etcd);
unsigned sim_etcd_leader(const struct sim_etcd *etcd); /* or members: none */
/** Reads the key at the newest committed revision; false: no key. */
bool sim_etcd_get(const struct sim_etcd *etcd,
                  struct ll_bytes key,
                  struct ll_kv *ret_kv);
/** Calls back for every existing key with a prefix, by create revision. */
void sim_etcd_each(const struct sim_etcd *etcd,
                   struct ll_bytes prefix,
                   void (*fn)(void *arg, const struct ll_kv *kv),
                   void *arg);
/** Calls back for the changes of a committed revision, until all members have
 * applied a compaction beyond it. */
void sim_etcd_changes(const struct sim_etcd *etcd,
                      int64_t revision,
                      void (*fn)(void *arg, const struct ll_watch_event *event),
                      void *arg);
/** The earliest time at which etcd may expire a lease; INT64_MAX if it does not
 * exist (gone or never granted: see sim_etcd_has_lease). */
int64_t sim_etcd_lease_expiry_ns(const struct sim_etcd *etcd, int64_t lease);
bool sim_etcd_has_lease(const struct sim_etcd *etcd, int64_t lease);
/** The number of unary requests served, and that of the writes among them. */
uint64_t sim_etcd_calls_served(const struct sim_etcd *etcd);
uint64_t sim_etcd_writes_served(const struct sim_etcd *etcd);

#endif
