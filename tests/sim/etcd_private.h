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
/** What etcd says it has compacted to while it never has: a watch from a
 *  revision below even that is cancelled. */
#define SIM_NEVER_COMPACTED (-1)

/** etcd's own constants. */
#define SIM_LEASE_CHECK_NS (500 * SIM_NS_PER_MS)
#define SIM_WATCH_SYNC_NS (100 * SIM_NS_PER_MS)
#define SIM_WATCH_BATCH 1000
#define SIM_LEASE_TTL_MAX_S INT64_C(9000000000)
/** How late a proposal may still be committed that was with a leader who is
 *  none any more: the wire and other members' logs keep it. Longer than any
 *  member waits for it. */
#define SIM_LATE_MAX_NS (10 * SIM_NS_PER_S)
/** A request waits this long, and two elections. */
#define SIM_REQUEST_TIMEOUT_NS (5 * SIM_NS_PER_S)
/** A stream ends when its member has known no leader for this many elections.
 */
#define SIM_STREAM_PATIENCE 3

/** Where a request stands that is not answered yet. */
enum sim_call_state {
    SIM_CALL_ARRIVED,  /* at a member that is stopped */
    SIM_CALL_PROPOSED, /* to a leader that cannot commit it now */
    SIM_CALL_LATE,     /* will be committed, some time */
    SIM_CALL_DROPPED,  /* will not; only its time-out is to come */
    SIM_CALL_APPLYING, /* committed as entry; its member has yet to apply it */
    SIM_CALL_READING,  /* a linearizable read that has no index yet */
    SIM_CALL_INDEXED,  /* its member has yet to apply up to entry */
    SIM_CALL_ASKING,   /* a lease's TTL, of a leader out of reach */
    SIM_CALL_DONE,     /* to be swept out */
};

struct sim_call {
    uint64_t tag;
    unsigned member;
    enum sim_call_state state;
    /** Nobody waits for the answer any more. */
    bool forgotten;
    /** It is being served for the first time. */
    bool fresh;
    struct ll_request request;
    struct sim_arena arena; /* the request's and the answer's */
    uint64_t term;          /* as its member knew it */
    int64_t deadline_ns;
    int64_t late_ns;         /* of LATE */
    uint64_t entry;          /* of APPLYING and INDEXED */
    struct ll_answer answer; /* of APPLYING */
};

/** What was committed, as members apply it. */
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
    /** By the clock of the stale leader; SIM_NEVER: it does not know it. */
    int64_t stale_ns;
    size_t keys_n;
    bool is_denied; /* to whoever renews it */
};

enum sim_watcher_state {
    SIM_WATCHER_SYNCED,
    SIM_WATCHER_UNSYNCED,
    /** Cancelled by a compaction; its id is still taken. */
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
    struct sim_arena arena;
};

/** A message on a stream that its member has not taken yet. */
struct sim_stream_message {
    enum { SIM_STREAM_KEEPALIVE, SIM_STREAM_CREATE, SIM_STREAM_CANCEL } kind;
    int64_t id; /* the lease's, or the watch's to cancel */
    struct sim_watch_request create;
    struct sim_arena arena;
    /** Since it is at the head: until when a keep-alive is tried, or when a
     *  watch is put into its group. */
    int64_t deadline_ns;
    bool begun;
    int64_t
        revision; /* of a CREATE that has begun: the member's at that time */
};

struct sim_stream {
    uint64_t id;
    unsigned member;
    enum ll_stream_kind kind;
    bool opened; /* its member has seen it */
    struct sim_stream_message **messages;
    size_t messages_n;
    size_t messages_capacity;
    struct sim_watcher **watchers;
    size_t watchers_n;
    size_t watchers_capacity;
    int64_t watch_id_next;
};

struct sim_member {
    bool dead;
    bool stopped;
    bool cut;
    uint64_t applied; /* entries */
    int64_t revision;
    int64_t compacted;
    int64_t apply_ns;      /* when the next entry is applied; SIM_NEVER: none */
    unsigned leader;       /* whom it takes for the leader; or SIM_NOBODY */
    uint64_t term;         /* in which that is so */
    int64_t lost_ns;       /* when it notices that it has none; SIM_NEVER */
    int64_t leaderless_ns; /* since when it has known none; SIM_NEVER */
    int64_t sync_phase_ns;
    int64_t sync_ns; /* the loop's next turn that finds something */
    int64_t lease_phase_ns;
};

/** What a restored cluster begins with. */
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
    unsigned stale; /* was the leader, stopped, and was replaced; or nobody */
    int64_t election_ns; /* when one ends; SIM_NEVER: none is on */
    bool busy;
    /** Something that waits may be able to go on. */
    bool stirred;
    struct sim_entry *entries; /* those that some member has yet to apply */
    size_t entries_n;
    size_t entries_capacity;
    uint64_t entries_first;
    struct sim_call **calls; /* unanswered, in the order of their arrival */
    size_t calls_n;
    size_t calls_capacity;
    struct sim_lease *leases; /* by id */
    size_t leases_n;
    size_t leases_capacity;
    int64_t lease_check_ns; /* the leader's next look that may find something */
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
/** What releases of etcd do otherwise than those before them. */
enum sim_change {
    /** A compaction keeps a deletion that is of its very revision. */
    SIM_CHANGE_KEEPS_DELETION,
    /** A watch that starts now is synced whatever is written meanwhile, and its
     *  created answer has the revision that it starts behind, or a later one.
     */
    SIM_CHANGE_WATCH_NOW_IS_SYNCED,
    SIM_CHANGE_NEGATIVE_START_IS_REFUSED,
    /** See sim_txn_apply. 3.6's own sources are where this is from: Debian has
     *  no 3.6 that it could be compared with. */
    SIM_CHANGE_TXN_CHECKED_IN_ORDER,
    /** A renewal of a lease needs permission to write all of its keys; a
     *  refusal ends the stream. */
    SIM_CHANGE_RENEWAL_IS_CHECKED,
    SIM_CHANGES
};
bool sim_has_change(const struct sim_etcd *etcd, enum sim_change change);

/* etcd.c */
/** Lets all go on that can, and forgets what is done. */
void sim_etcd_settle(struct sim_etcd *etcd);

/* etcd_member.c: who is there. */
/** Up, not stopped, and not cut off. */
bool sim_member_is_reachable(const struct sim_etcd *etcd, unsigned member);
/** Whether the leader can commit. */
bool sim_has_quorum(const struct sim_etcd *etcd);
/** Takes in that members came or went, or that the leader is another. */
void sim_reconsider(struct sim_etcd *etcd);
/** Members that notice that they have no leader, and elections. */
void sim_members_time(struct sim_etcd *etcd);
int64_t sim_members_deadline_ns(const struct sim_etcd *etcd);
uint64_t sim_member_id(unsigned member);
struct sim_view sim_member_view(const struct sim_etcd *etcd, unsigned member);

/* etcd_log.c: what is committed, and applied. */
uint64_t sim_log_end(const struct sim_etcd *etcd);
/** Commits a call's write, and has it applied where it is due at once. */
void sim_commit(struct sim_etcd *etcd, struct sim_call *call);
/** Commits what nobody waits for. */
void sim_commit_revoke(struct sim_etcd *etcd, int64_t lease);
void sim_commit_compaction(struct sim_etcd *etcd, int64_t revision);
/** Says when a member applies its next entry. */
void sim_plan_apply(struct sim_etcd *etcd, unsigned member);
void sim_apply_next(struct sim_etcd *etcd, unsigned member);
/** Applies all at once, as a new leader does. */
void sim_apply_all(struct sim_etcd *etcd, unsigned member);

/* etcd_call.c: unary requests. */
void sim_call_serve(struct sim_etcd *etcd, struct sim_call *call);
/** Lets go on what can. */
void sim_calls_stir(struct sim_etcd *etcd);
/** Forgets those that are done. */
void sim_calls_sweep(struct sim_etcd *etcd);
/** A member has applied up to its position. */
void sim_calls_applied(struct sim_etcd *etcd, unsigned member);
void sim_calls_time(struct sim_etcd *etcd);
int64_t sim_calls_deadline_ns(const struct sim_etcd *etcd);
void sim_calls_kill(struct sim_etcd *etcd, unsigned member);
void sim_call_free(struct sim_call *call);

/* etcd_answer.c */
/** Answers a call, unless nobody waits for it; it is done then. */
void sim_answer(struct sim_etcd *etcd,
                struct sim_call *call,
                const struct ll_answer *answer);
void sim_fail(struct sim_etcd *etcd,
              struct sim_call *call,
              const struct sim_error *error);
/** Answers from what the call's member has applied. */
void sim_answer_read(struct sim_etcd *etcd, struct sim_call *call);
void sim_answer_status(struct sim_etcd *etcd, struct sim_call *call);
/** Asks the leader, if it can be reached. */
void sim_answer_ttl(struct sim_etcd *etcd, struct sim_call *call);

/* etcd_lease.c */
struct sim_lease *sim_lease_find(const struct sim_etcd *etcd, int64_t id);
void sim_lease_on_attach(void *arg, int64_t lease, int change);
bool sim_lease_known(void *arg, int64_t lease);
const struct sim_error *sim_lease_grant(struct sim_etcd *etcd,
                                        int64_t id,
                                        int64_t ttl_s,
                                        int64_t *ret_ttl_s);
/** When a lease expires that is renewed now; far off: just before never. */
int64_t sim_lease_expiry_from(int64_t now_ns, int64_t ttl_s, int64_t extra_ns);
const struct sim_error *sim_lease_revoke(struct sim_etcd *etcd, int64_t id);
/** A new leader starts every TTL again; the old one may come back stale. */
void sim_leases_promote(struct sim_etcd *etcd, unsigned old);
/** The leader's look for expired ones, if it is due. */
void sim_leases_check(struct sim_etcd *etcd);
/** The member that answers for leases to one that asks, or SIM_NOBODY. */
unsigned sim_lease_primary(const struct sim_etcd *etcd, unsigned member);
/** The next moment on a member's beat that is not before a time. */
int64_t sim_beat(int64_t phase_ns, int64_t beat_ns, int64_t from_ns);

/* etcd_stream.c: streams, and what renews leases. */
struct sim_stream *sim_stream_find(const struct sim_etcd *etcd, uint64_t id);
void sim_streams_stir(struct sim_etcd *etcd);
void sim_streams_time(struct sim_etcd *etcd);
int64_t sim_streams_deadline_ns(const struct sim_etcd *etcd);
void sim_streams_kill(struct sim_etcd *etcd, unsigned member, const char *text);

/** Forgets the message at a stream's head. */
void sim_stream_pop(struct sim_stream *stream);

/* etcd_stale.c */
/** The last moment of a leader that was stopped and replaced. */
void sim_stale_leader(struct sim_etcd *etcd, unsigned member);

/* etcd_watch.c */
/** Carries out the message at the stream's head; false: it has to wait. */
bool sim_watch_message(struct sim_etcd *etcd,
                       struct sim_stream *stream,
                       struct sim_stream_message *message);
/** Tells a member's synced watchers of a revision that it has applied. */
void sim_watch_notify(struct sim_etcd *etcd, unsigned member, int64_t revision);
/** The loop over a member's unsynced watchers. */
void sim_watch_sync(struct sim_etcd *etcd, unsigned member);
void sim_watcher_free(struct sim_watcher *watcher);

#endif
