/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_PRIVATE_H
#define SIM_ETCD_PRIVATE_H

#include <limits.h>

#include "etcd/messages.h"
#include "sim/etcd.h"
#include "sim/etcd_memory.h"
#include "sim/etcd_mvcc.h"
#include "sim/etcd_txn.h"

#define SIM_NS_PER_MS INT64_C(1000000)
#define SIM_NS_PER_S INT64_C(1000000000)
#define SIM_NEVER INT64_MAX
#define SIM_NOBODY UINT_MAX
/** etcd's compacted revision before the first compaction: a watch from a
 * revision below it is cancelled too. */
#define SIM_NEVER_COMPACTED (-1)

/** etcd's own constants. */
#define SIM_LEASE_CHECK_NS (500 * SIM_NS_PER_MS)
#define SIM_WATCH_SYNC_NS (100 * SIM_NS_PER_MS)
#define SIM_WATCH_BATCH 1000
#define SIM_LEASE_TTL_MAX_S INT64_C(9000000000)
/** How late a proposal to a former leader may still be committed, from other
 * members' logs or from the network. Longer than any member waits for it. */
#define SIM_LATE_MAX_NS (10 * SIM_NS_PER_S)
/** A request times out after this and two elections. */
#define SIM_REQUEST_TIMEOUT_NS (5 * SIM_NS_PER_S)
/** A stream ends when its member has had no leader for this many elections.
 * */
#define SIM_STREAM_PATIENCE 3

/** The state of an unanswered request. */
enum sim_call_state {
    SIM_CALL_ARRIVED,  /* at a member that is stopped */
    SIM_CALL_PROPOSED, /* sent to a leader that cannot commit it now */
    SIM_CALL_LATE,     /* will be committed at some time */
    SIM_CALL_DROPPED,  /* will not; only its timeout remains */
    SIM_CALL_APPLYING, /* committed as entry; its member has not applied it
                        * yet */
    SIM_CALL_READING,  /* a linearizable read that has no index yet */
    SIM_CALL_INDEXED,  /* its member has not applied up to entry yet */
    SIM_CALL_ASKING,   /* a lease's TTL, of an unreachable leader */
    SIM_CALL_DONE,     /* to be freed */
};

struct sim_call {
    uint64_t tag;
    unsigned member;
    enum sim_call_state state;
    /** The answer is not awaited any more. */
    bool forgotten;
    /** It is being processed for the first time. */
    bool fresh;
    struct ll_request request;
    struct sim_arena arena; /* the request's and the answer's */
    uint64_t term;          /* as known to its member */
    int64_t deadline_ns;
    int64_t late_ns;         /* of LATE */
    uint64_t entry;          /* of APPLYING and INDEXED */
    struct ll_answer answer; /* of APPLYING */
};

/** A committed entry of the log, which members apply. */
struct sim_entry {
    int64_t commit_ns;
    int64_t revision;  /* after it */
    int64_t compacted; /* after it */
    bool changed;      /* it made that revision */
};

struct sim_lease {
    int64_t id;
    int64_t ttl_s;
    /** By the leader's clock. */
    int64_t expiry_ns;
    /** By the clock of the stale leader; SIM_NEVER: unknown to it. */
    int64_t stale_ns;
    size_t keys_n;
    bool is_denied; /* renewals are refused */
};

enum sim_watcher_state {
    SIM_WATCHER_SYNCED,
    SIM_WATCHER_UNSYNCED,
    /** Cancelled by a compaction; its id is still in use. */
    SIM_WATCHER_COMPACTED,
};

struct sim_watcher {
    int64_t id;
    enum sim_watcher_state state;
    struct ll_bytes key; /* its own */
    struct ll_bytes end;
    int64_t revision_min;
    bool puts;
    bool deletions;
    bool prev_values;
    struct sim_arena arena;
};

/** A message on a stream that its member has not processed yet. */
struct sim_stream_message {
    enum { SIM_STREAM_KEEPALIVE, SIM_STREAM_CREATE, SIM_STREAM_CANCEL } kind;
    int64_t id; /* the lease's, or the watch's to cancel */
    struct sim_watch_request create;
    struct sim_arena arena;
    /** Set when it reaches the head: when a keep-alive times out, or when a
     * watch is put into its group. */
    int64_t deadline_ns;
    bool begun;
    int64_t
        revision; /* of a CREATE that has begun: the member's revision then */
};

struct sim_stream {
    uint64_t id;
    unsigned member;
    enum ll_stream_kind kind;
    bool opened; /* received by its member */
    struct sim_stream_message **messages;
    size_t messages_n;
    size_t messages_capacity;
    struct sim_watcher **watchers;
    size_t watchers_n;
    size_t watchers_capacity;
    int64_t watch_id_next;
};

struct sim_member {
    const char *version;
    bool dead;
    bool stopped;
    bool cut;
    uint64_t applied; /* entries */
    int64_t revision;
    int64_t compacted;
    int64_t apply_ns;      /* when it applies the next entry; SIM_NEVER: none */
    unsigned leader;       /* the leader known to it; or SIM_NOBODY */
    uint64_t term;         /* the term of that */
    int64_t lost_ns;       /* when it detects the leader's loss; SIM_NEVER */
    int64_t leaderless_ns; /* since when it has no leader; SIM_NEVER */
    int64_t sync_phase_ns;
    int64_t sync_ns; /* the loop's next iteration with work to do */
    int64_t lease_phase_ns;
};

/** The state that a restored cluster begins with. */
struct sim_snapshot {
    int64_t revision; /* 0: none was taken */
    int64_t compacted;
    struct sim_lease *leases;
    size_t leases_n;
};

struct sim_etcd {
    struct sim_etcd_config config;
    struct sim_etcd_hooks hooks;
    uint64_t random;
    int64_t now_ns;
    struct sim_store store;
    int64_t compacted;
    struct sim_member members[SIM_MEMBERS_MAX];
    unsigned leader; /* or SIM_NOBODY */
    uint64_t term;
    unsigned stale; /* a leader that stopped and was replaced; or SIM_NOBODY */
    int64_t election_ns; /* when the election ends; SIM_NEVER: none is held */
    bool busy;
    /** Something that waits may be able to continue. */
    bool stirred;
    struct sim_entry *entries; /* those that some member has not applied yet */
    size_t entries_n;
    size_t entries_capacity;
    uint64_t entries_first;
    struct sim_call **calls; /* unanswered, in the order of their arrival */
    size_t calls_n;
    size_t calls_capacity;
    struct sim_lease *leases; /* by id */
    size_t leases_n;
    size_t leases_capacity;
    int64_t lease_check_ns; /* the leader's next check that may find an expired
                             * lease */
    struct sim_snapshot snapshot;
    struct sim_stream **streams;
    size_t streams_n;
    size_t streams_capacity;
    struct ll_bytes forbidden; /* its own */
    struct sim_arena arena;
    uint64_t calls_served;
    uint64_t writes_served;
};

/* etcd_version.c */
/** The differences between releases of etcd. */
enum sim_change {
    /** A compaction keeps a deletion at its own revision. */
    SIM_CHANGE_KEEPS_DELETION,
    /** A watch that starts now is synced even if a write comes meanwhile, and
     * its created answer has the revision after which it starts, or a later
     * one. */
    SIM_CHANGE_WATCH_NOW_IS_SYNCED,
    SIM_CHANGE_NEGATIVE_START_IS_REFUSED,
    /** See sim_txn_apply. Taken from the sources of 3.6; Debian has no 3.6 to
     * compare it with. */
    SIM_CHANGE_TXN_CHECKED_IN_ORDER,
    /** Renewing a lease requires write permission for all of its keys; a
     * refusal ends the stream. */
    SIM_CHANGE_RENEWAL_IS_CHECKED,
    SIM_CHANGES
};
bool sim_has_change(const struct sim_etcd *etcd, enum sim_change change);
/** The same of a member, which may be of another release. */
bool sim_member_has_change(const struct sim_member *member,
                           enum sim_change change);

/* etcd.c */
/** Processes all requests that can continue, and frees those that are done. */
void sim_etcd_settle(struct sim_etcd *etcd);

/* etcd_member.c: which members are reachable. */
/** Up, not stopped, and not cut off. */
bool sim_member_is_reachable(const struct sim_etcd *etcd, unsigned member);
/** Whether the leader can commit. */
bool sim_has_quorum(const struct sim_etcd *etcd);
/** Handles a change of the reachable members or of the leader. */
void sim_reconsider(struct sim_etcd *etcd);
/** Members that detect the loss of their leader, and elections. */
void sim_members_time(struct sim_etcd *etcd);
int64_t sim_members_deadline_ns(const struct sim_etcd *etcd);
uint64_t sim_member_id(unsigned member);
struct sim_view sim_member_view(const struct sim_etcd *etcd, unsigned member);

/* etcd_log.c: what is committed, and applied. */
uint64_t sim_log_end(const struct sim_etcd *etcd);
/** Commits a call's write; members without lag apply it at once. */
void sim_commit(struct sim_etcd *etcd, struct sim_call *call);
/** Commits a write that has no waiting call. */
void sim_commit_revoke(struct sim_etcd *etcd, int64_t lease);
void sim_commit_compaction(struct sim_etcd *etcd, int64_t revision);
/** Sets when a member applies its next entry. */
void sim_plan_apply(struct sim_etcd *etcd, unsigned member);
void sim_apply_next(struct sim_etcd *etcd, unsigned member);
/** Applies all at once, as a new leader does. */
void sim_apply_all(struct sim_etcd *etcd, unsigned member);

/* etcd_call.c: unary requests. */
void sim_call_serve(struct sim_etcd *etcd, struct sim_call *call);
/** Continues the calls that can. */
void sim_calls_stir(struct sim_etcd *etcd);
/** Frees those that are done. */
void sim_calls_sweep(struct sim_etcd *etcd);
/** A member has applied up to its position. */
void sim_calls_applied(struct sim_etcd *etcd, unsigned member);
void sim_calls_time(struct sim_etcd *etcd);
int64_t sim_calls_deadline_ns(const struct sim_etcd *etcd);
void sim_calls_kill(struct sim_etcd *etcd, unsigned member);
void sim_call_free(struct sim_call *call);

/* etcd_answer.c */
/** Answers a call, if the answer is awaited; the call is then done. */
void sim_answer(struct sim_etcd *etcd,
                struct sim_call *call,
                const struct ll_answer *answer);
void sim_fail(struct sim_etcd *etcd,
              struct sim_call *call,
              const struct sim_error *error);
/** Answers from the applied state of the call's member. */
void sim_answer_read(struct sim_etcd *etcd, struct sim_call *call);
void sim_answer_status(struct sim_etcd *etcd, struct sim_call *call);
/** Answers from the leader's state, if it can be reached. */
void sim_answer_ttl(struct sim_etcd *etcd, struct sim_call *call);

/* etcd_lease.c */
struct sim_lease *sim_lease_find(const struct sim_etcd *etcd, int64_t id);
void sim_lease_on_attach(void *arg, int64_t lease, int change);
bool sim_lease_known(void *arg, int64_t lease);
const struct sim_error *sim_lease_grant(struct sim_etcd *etcd,
                                        int64_t id,
                                        int64_t ttl_s,
                                        int64_t *ret_ttl_s);
/** The expiry of a lease that is renewed now; if too far off, just before
 * SIM_NEVER. */
int64_t sim_lease_expiry_from(int64_t now_ns, int64_t ttl_s, int64_t extra_ns);
const struct sim_error *sim_lease_revoke(struct sim_etcd *etcd, int64_t id);
/** A new leader restarts every TTL; the old one may come back stale. */
void sim_leases_promote(struct sim_etcd *etcd, unsigned old);
/** The leader's check for expired leases, if due. */
void sim_leases_check(struct sim_etcd *etcd);
/** The member that answers a given member's lease requests, or SIM_NOBODY. */
unsigned sim_lease_primary(const struct sim_etcd *etcd, unsigned member);
/** The next tick of a member's timer that is not before a time. */
int64_t sim_beat(int64_t phase_ns, int64_t beat_ns, int64_t from_ns);

/* etcd_stream.c: streams, and renewals of leases. */
struct sim_stream *sim_stream_find(const struct sim_etcd *etcd, uint64_t id);
void sim_streams_stir(struct sim_etcd *etcd);
void sim_streams_time(struct sim_etcd *etcd);
int64_t sim_streams_deadline_ns(const struct sim_etcd *etcd);
void sim_streams_kill(struct sim_etcd *etcd, unsigned member, const char *text);

/** Removes the message at a stream's head. */
void sim_stream_pop(struct sim_stream *stream);

/* etcd_stale.c */
/** The last moment of a leader that was stopped and replaced. */
void sim_stale_leader(struct sim_etcd *etcd, unsigned member);

/* etcd_watch.c */
/** Processes the message at the stream's head; false: it has to wait. */
bool sim_watch_message(struct sim_etcd *etcd,
                       struct sim_stream *stream,
                       struct sim_stream_message *message);
/** Sends a revision that a member has applied to its synced watchers. */
void sim_watch_notify(struct sim_etcd *etcd, unsigned member, int64_t revision);
/** The loop over a member's unsynced watchers. */
void sim_watch_sync(struct sim_etcd *etcd, unsigned member);
void sim_watcher_free(struct sim_watcher *watcher);

#endif
