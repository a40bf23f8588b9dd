#ifndef SIM_ETCD_H
#define SIM_ETCD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "core/request.h"

/**
 * A model of an etcd cluster: MVCC with revisions, Txns, leases, watches, and
 * members that lag, stop, lose their quorum and come back. No clock and no
 * network: the world calls it with its time, and carries what comes of it.
 *
 * There is one history of revisions; a member is a place in it (what it has
 * applied). A write is committed when the leader and a majority are reachable;
 * a member applies it later, after its lag. Whatever is random comes from the
 * seed.
 */
struct sim_etcd;

#define SIM_CLUSTER_ID UINT64_C(0xcdf818194e3a8c32)
/** Of the cluster behind wrong addresses. */
#define SIM_OTHER_ID UINT64_C(0x1f2e3d4c5b6a7988)

#define SIM_MEMBERS_MAX 5

/** The text of a refusal. */
#define SIM_DENIED "etcdserver: permission denied"

struct sim_etcd_config {
    uint64_t seed;
    unsigned members;    /* 1, 3 or 5 */
    uint64_t cluster_id; /* default SIM_CLUSTER_ID */
    /** The release that it is a model of, from 3.4 on; default "3.4.23".
     *  Borrowed. */
    const char *version;
    /** How far a follower's applied state lies behind, at random up to this;
     *  default 0: it is never behind. */
    int64_t lag_max_ns;
    /** A leader's election takes this long; in it nothing commits. Default
     *  1 s. */
    int64_t election_ns;
    /** Leases revoked a second at most (etcd, and default: 1000). */
    unsigned revokes_max;
    /** Shortest TTL that a grant gives (etcd, and default: 1.5 elections
     *  rounded up). */
    int64_t ttl_min_s;
    /** Most operations of a Txn, nested ones counted (etcd, and default:
     *  128). */
    unsigned txn_ops_max;
    /** One watch in eight takes up to this long between reading its start and
     *  being placed; a write in between makes it unsynced. Default 1 ms; below
     *  0: all are placed at once. */
    int64_t watch_race_max_ns;
    /** As etcd 3.4 may: a leader that is let go on after another one has taken
     *  over acts as a leader for a last moment. It renews what waits at it by
     *  its own clock, which binds nobody, does not know leases that are newer,
     *  and revokes what has expired by its own clock, which does bind. No
     *  client is safe from that. */
    bool stale_leaders;
};

/** What the model says back; all pointers are valid during the call alone. A
 *  hook may ask what looks past faults, and may call nothing else here: it
 *  notes what has come, and the world goes on from its own loop. */
struct sim_etcd_hooks {
    void *arg;
    /** The answer to a call; exactly one for each, unless the member dies. */
    void (*on_answer)(void *arg, uint64_t tag, const struct ll_answer *answer);
    /** A message of a watch stream: LL_EVENT_WATCH_CREATED, _CANCELED or
     *  _CHANGED, with watch_id, revision, member_id, outcome, reason and
     *  events set. */
    void (*on_watch)(void *arg, uint64_t stream, const struct ll_event *event);
    /** A keep-alive's answer: ttl_s 0 for a lease that is not known. */
    void (*on_keepalive)(void *arg,
                         uint64_t stream,
                         int64_t lease,
                         int64_t ttl_s);
    /** A stream ended: its member died, has no leader (with hasleader), or
     *  refuses a renewal (SIM_DENIED). */
    void (*on_stream_down)(void *arg, uint64_t stream, const char *text);
    /** For invariants: a revision was committed; keys of it follow with
     *  sim_etcd_changes. */
    void (*on_commit)(void *arg, int64_t revision);
};

struct sim_etcd *sim_etcd_new(const struct sim_etcd_config *config,
                              const struct sim_etcd_hooks *hooks);
void sim_etcd_free(struct sim_etcd *etcd);

/** Lets the time pass, from 0 on: answers that are due, lease expiry every 500
 * ms by the leader, the loop over unsynced watches every 100 ms, appliers,
 * elections. Time never goes back. */
void sim_etcd_advance(struct sim_etcd *etcd, int64_t now_ns);
/** When sim_etcd_advance has something to do; INT64_MAX: never. */
int64_t sim_etcd_deadline_ns(const struct sim_etcd *etcd);

/** A unary request that arrives at a member; the answer may come within this
 *  call or in an advance. The request is copied. A dead member answers
 *  nothing (the world tells the client); one without a leader answers
 *  UNAVAILABLE as etcd words it. */
void sim_etcd_call(struct sim_etcd *etcd,
                   unsigned member,
                   uint64_t tag,
                   const struct ll_request *request,
                   int64_t now_ns);

/** Streams; ids are the world's, unique. At a dead member, or on a stream that
 *  is down, nothing happens; a member without a leader ends it at once. A
 *  stream's messages are taken one after the other: a keep-alive that has to
 *  wait holds up the rest. */
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
    struct ll_bytes end;    /* size 0: key alone */
    int64_t start_revision; /* 0: from the next change on */
    bool puts;
    bool deletions;
};
void sim_etcd_watch_create(struct sim_etcd *etcd,
                           uint64_t stream,
                           const struct sim_watch_request *request,
                           int64_t now_ns);
void sim_etcd_watch_cancel(struct sim_etcd *etcd,
                           uint64_t stream,
                           int64_t watch_id,
                           int64_t now_ns);

/** Faults. A stopped member answers and applies nothing until it is let go
 *  on (SIGSTOP); a killed one loses its streams and calls, and comes back with
 *  what is committed. A leader that stops or is cut off is replaced after
 *  election_ns, and the new one starts every lease's TTL again. A member that
 *  is cut off keeps serving serializable reads of what it has, and fails what
 *  needs a leader after it has noticed (election_ns). */
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
/** Takes a snapshot; once. What it has stays in the history until then. */
void sim_etcd_snapshot(struct sim_etcd *etcd);
/** Starts all members, which are dead, with the snapshot's store; keys that are
 *  in it and were deleted, or made anew, since then are deleted first. */
void sim_etcd_restore(struct sim_etcd *etcd, int64_t now_ns);
/** Answers writes with "too many requests" while it is on. */
void sim_etcd_set_busy(struct sim_etcd *etcd, bool busy);
/** Refuses to renew a lease, as to a user who may not write one of its keys any
 *  more, or does no longer.
 *  @return whether there is such a lease, and the release looks at that */
bool sim_etcd_deny_renewals(struct sim_etcd *etcd, int64_t lease, bool denied);
/** Refuses watches on keys that begin so, as without permission. */
void sim_etcd_forbid_watch(struct sim_etcd *etcd, struct ll_bytes prefix);

/** Looks past every fault, for invariants. */
int64_t sim_etcd_revision(const struct sim_etcd *etcd);
unsigned sim_etcd_leader(const struct sim_etcd *etcd); /* or members: none */
/** The key as it stands at the newest committed revision; false: none. */
bool sim_etcd_get(const struct sim_etcd *etcd,
                  struct ll_bytes key,
                  struct ll_kv *ret_kv);
/** Calls back for every living key with a prefix, oldest create first. */
void sim_etcd_each(const struct sim_etcd *etcd,
                   struct ll_bytes prefix,
                   void (*fn)(void *arg, const struct ll_kv *kv),
                   void *arg);
/** Calls back for what a committed revision changed; until a compaction beyond
 *  it has been applied by all. */
void sim_etcd_changes(const struct sim_etcd *etcd,
                      int64_t revision,
                      void (*fn)(void *arg, const struct ll_watch_event *event),
                      void *arg);
/** The earliest time at which etcd may expire a lease; INT64_MAX: it is not
 *  there (gone or never granted: see sim_etcd_has_lease). */
int64_t sim_etcd_lease_expiry_ns(const struct sim_etcd *etcd, int64_t lease);
bool sim_etcd_has_lease(const struct sim_etcd *etcd, int64_t lease);
/** How many unary requests, and of these how many writes, were served. */
uint64_t sim_etcd_calls_served(const struct sim_etcd *etcd);
uint64_t sim_etcd_writes_served(const struct sim_etcd *etcd);

#endif
