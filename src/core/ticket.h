/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_TICKET_H
#define LL_CORE_TICKET_H

#include "core/delay.h"
#include "core/object.h"
#include "core/permit.h"
#include "core/place.h"
#include "core/report.h"
#include "core/session.h"
#include "core/yield.h"

/**
 * One place in one lock's queue: one key. Its mode says which keys block it
 * (see key.h); the table's "ahead" are those, with a lower create revision than
 * its own, and its predecessor is the newest of them:
 *
 *     EXCLUSIVE  every key
 *     SHARED     the exclusive keys, which are in two ranges of the queue
 *     PERMIT     the same; when none of them is left, the permits: see permit.h
 *
 * "No other was ahead" is said of an exclusive predecessor of a permit ticket
 * only if fewer than n permits were ahead besides.
 *
 * Tickets that do not block each other may share a create revision: a batch
 * makes the keys of several shared ones.
 *
 *     state   | event                         | next    | does
 *     ENQUEUE | early, its session is open now| ENQUEUE | sends the request
 *     ENQUEUE | answered: none ahead          | HELD    | ACQUIRED 0; watches
 *             |                               |         | its own key in
 *             |                               |         | watch_own_ms
 *     ENQUEUE | answered: k ahead             | WAIT    | watches the last one
 *             |                               |         | (see LL_WATCH_OWN_NS)
 *     ENQUEUE | answered, without a range     | NEXT    | see survey.h
 *     ENQUEUE | answered: the key exists      | NEXT    | an earlier attempt
 *             |                               |         | made it
 *     ENQUEUE | answered: the key exists on   | ENQUEUE | takes another name,
 *             | another lease (see slot.h)    |         | and resends the Txn
 *     ENQUEUE | resumed, answered: the key    | NEXT    |
 *             | exists                        |         |
 *     ENQUEUE | resumed, answered: no such key| gone    | ACQUIRED LOST
 *     ENQUEUE | try answered: not free        | gone    | TIMEOUT; NESTED if
 *             | (but see try_ask.h)           |         | the oldest key is no
 *             |                               |         | ticket
 *     ENQUEUE | no answer                     | ENQUEUE | resends the Txn
 *     ENQUEUE | refused, error                | gone *  | ACQUIRED error
 *     ENQUEUE | timeout, release              | ENQUEUE | reported; on the
 *             |                               |         | answer LEAVE or REAP
 *     WAIT    | predecessor gone, no other was| HELD    | ACQUIRED 0
 *             | ahead, own key certain        |         |
 *     WAIT    | predecessor gone, no other was| NEXT    | reads its own key
 *             | ahead                         |         |
 *     WAIT    | predecessor gone otherwise    | NEXT    | reads the queue
 *     WAIT    | its timeout is near           | WAIT    | reads the holder
 *     NEXT    | read: none ahead              | HELD    | ACQUIRED 0
 *     NEXT    | read: another predecessor     | WAIT    | watches it
 *     WAIT,   | own key gone                  | gone *  | ACQUIRED LOST
 *     NEXT    |                               |         |
 *     WAIT,   | predecessor is a nested lock's| LEAVE   | ACQUIRED NESTED
 *     NEXT    | or has no lease: no ticket    |         |
 *     WAIT,   | timeout, release              | LEAVE   | ACQUIRED TIMEOUT or
 *     NEXT    |                               |         | CANCELED
 *     WAIT,   | its wait is in a deadlock     | LEAVE   | ACQUIRED DEADLOCK
 *     NEXT    | (see deadlock.h)              |         |
 *     WAIT,   | a read through the log is     | NEXT    | the store went back:
 *     NEXT    | older than the own watch or   |         | reads the queue as it
 *             | the last change               |         | is now
 *     WAIT    | predecessor gone by a crash,  | DELAYED | see delay.h
 *             | and it has a lock-delay       |         |
 *     HELD    | own key gone, session lost    | LOST    | LOST
 *     HELD    | own key gone, while a write   | HELD    | when the write ends:
 *             | that releases is unanswered   |         | gone or LOST
 *     HELD    | asked to let go (yield.h)     | HELD    | ASKED
 *     HELD    | release                       | LEAVE   |
 *     HELD    | rejoin                        | LEAVE   | see rejoin.h
 *     LOST    | release                       | gone *  | RELEASED LOST
 *     LEAVE   | delete answered               | gone *  | RELEASED
 *     LEAVE   | no answer                     | LEAVE   | resends the delete
 *     LEAVE   | release's timeout             | LEAVE   | OUTCOME_UNKNOWN
 *     LEAVE   | refused, error                | LEAVE   | RELEASED error;
 *             |                               |         | retries later
 *     REAP    | the key appears, on its lease | REAP    | deletes it
 *     any     | session lost or closed        | gone    | (LOST stays)
 *
 *     * REAP instead, if an enqueue was sent that was never answered and may
 *       still be applied: the ticket watches for its key and deletes it when it
 *       appears, until the session's lease is gone. The compare with
 *       create_revision 0 makes a late duplicate harmless, but only while the
 *       key exists.
 *
 * While a ticket waits or holds, its keys are watched from start_revision 0,
 * which puts a watch among etcd's synced ones at once; one from an older
 * revision waits for a loop that runs every 100 ms. A read at or past the
 * created revision of the watch closes the gap before the watch. If the read's
 * revision equals the created one, there was no write in between, and the watch
 * is settled, as it is if it is prompt (watch_server.h); otherwise the read is
 * repeated at growing intervals until LL_SETTLE_NS have passed, by when etcd's
 * loop has processed the watch. The own key is certain when a read has shown it
 * without the predecessor, or when its watch is settled: an earlier deletion of
 * it would have been reported before the predecessor's. Deletions of one
 * revision are reported in any order. Those by a revoke are recognized, as the
 * predecessor has the own lease; a third party that deletes both keys in one
 * Txn can make a ticket held until its own event follows.
 *
 * A store can go back in time: a snapshot is restored, or the data directory is
 * emptied, and the cluster's id may stay the same. A read that is older than
 * the key or its watches is repeated through the quorum. If that is too old as
 * well, the key is read through the log, by a Txn that could write: what etcd
 * applies there comes after everything that it has answered before, whereas a
 * read through the quorum may be stale (#20418). If that is too old, too, the
 * store went back. Then the key is gone, or it exists with its token and so in
 * its old place; what was known of the keys ahead is void.
 *
 * Reads may be serializable: the question is always whether a key with a
 * create revision below the token is left, and no such key can appear again.
 * So at any revision from the token on a "no" stays right for ever, and a stale
 * "yes" only waits for a deletion that is then seen.
 */

/** A watch that has existed for this long is among etcd's synced ones: etcd's
 *  loop (mvcc's syncWatchersLoop) runs every 100 ms. */
#define LL_SETTLE_NS INT64_C(128000000)
/** The first interval between the reads until then, doubled each time. For each
 *  ticket ahead of the predecessor, of LL_SETTLE_STEPS_MAX, the first read is
 *  later by this much, within bounds, and the next one by twice as much: until
 *  then the predecessor's deletion does not grant the lock. */
#define LL_SETTLE_FIRST_NS INT64_C(2000000)
#define LL_SETTLE_FIRST_MAX_NS INT64_C(30000000)
#define LL_SETTLE_STEPS_MAX INT64_C(64)
/** Where it is known how long a hand-over takes (pace.h), or that it takes long
 *  (FAR, see batch.h), the first read is sent half of one after the predecessor's
 *  turn should be over, so that mostly the one that follows its deletion is the
 *  only one; or after so long at the latest. */
#define LL_SETTLE_GAP_MAX_NS INT64_C(1000000000)
/** The slow re-check, so that a missed event costs a delay and not a hang; plus
 *  or minus a fifth at random. */
#define LL_RECHECK_NS INT64_C(30000000000)
/** The contention threshold. While so many tickets of one client wait, a ticket
 *  that begins to wait watches only its predecessor's key. When many tickets
 *  register, etcd spends most of its time on the creation of watches (see
 *  docs/performance.md), and a waiting ticket gains little from that of its own
 *  key: a loss is reported before the re-check, and a grant needs no read. A
 *  held key is watched like any other's. */
#define LL_CONTENTION_THRESHOLD 512
/** Under contention, re-checks share requests, at multiples of it (read.h). */
#define LL_RECHECK_STEP_NS INT64_C(1000000000)
/** A ticket watches its own key once it has waited, or been held, for this
 *  long; a permit in LINE (see permit.h) once it has been held. If only the
 *  predecessor is ahead, it does so at once, since that deletion alone then
 *  hands the lock over; with others ahead, a read usually follows, which shows
 *  the own key. The acquire may set another time for the hold. Until the read
 *  that closes the watch's gap, a deletion of the key is not detected, but in a
 *  line: a program that must stop at once sets no delay. */
#define LL_WATCH_OWN_NS INT64_C(1000000000)

#define LL_LOST_TRIES_MAX UINT16_MAX /* further ones are not counted */
/** A try may take as long as one request to each of this many endpoints. */
#define LL_TRY_ENDPOINTS 3

enum ll_ticket_state {
    LL_TICKET_ENQUEUE,
    LL_TICKET_WAIT,
    LL_TICKET_DELAYED,
    LL_TICKET_NEXT,
    LL_TICKET_HELD,
    LL_TICKET_LOST,
    LL_TICKET_LEAVE,
    LL_TICKET_REAP,
    LL_TICKET_GONE, /* freed once all is reported and no watch is left */
};

struct ll_deadlock;
struct ll_keeping;
struct ll_multi;
struct ll_seen;
struct ll_ticket { /* fields of one size are kept together, for their memory */
    struct ll_object object;
    struct ll_multi *multi;     /* of a member; NULL: the multi-lock is over */
    struct ll_session *session; /* not of a ticket that is GONE */
    struct ll_ticket *rejoin;   /* see rejoin.h; or NULL */
    struct ll_link link;        /* in session->tickets */
    struct ll_link group;       /* REAP: in tickets.reaping; NEXT: surveyed */
    bool try_only : 1;          /* a try: no waiting */
    bool resumes : 1;           /* the key was made by another process */
    bool acquire_reported : 1;  /* ACQUIRED is reported or due */
    bool release_asked : 1;     /* RELEASED is to be reported */
    bool answered_once : 1;     /* etcd was reached, even if only for AGAIN */
    bool leave_lost : 1;        /* a delete may have been applied unanswered */
    bool linearize : 1;         /* the next read goes through the quorum */
    bool by_log : 1;            /* and, with linearize, through the log */
    bool is_first : 1;          /* NEXT: none is ahead, if the own key exists */
    bool version_open : 1;      /* an abandoned write may still raise it */
    bool key_gone : 1;          /* HELD: but a write may have released it */
    bool asked : 1;             /* for the holder, or it was not needed */
    bool asks : 1;              /* WAIT: the next read includes the holder */
    bool has_seen : 1;          /* it has a `seen` instead of a value */
    bool one_left : 1;          /* WAIT: without the predecessor it is held */
    bool past_exclusive : 1;    /* a permit's: no exclusive key is ahead */
    bool try_put : 1;           /* a permit's try: next comes its put */
    bool try_again : 1;         /* and its second round */
    unsigned try_step : 3;      /* a try's, see try_ask.h */
    bool marked : 1;            /* LEAVE, REAP: the key says "released" */
    bool finds_deadlock : 1;    /* requested */
    bool has_slot : 1;          /* its key's name is one of slot.h */
    bool is_short : 1;          /* ENQUEUE: the Txn has no range: survey.h */
    bool surveyed : 1;          /* NEXT: it waits for a survey */
    unsigned slots_tried : 4;   /* beside it */
    enum ll_mode_kind mode : 2;
    enum ll_ticket_state state : 4;
    unsigned permits_max : 7; /* of a permit: n */
    uint16_t lost_tries;      /* enqueues that may still be applied */
    uint16_t number;          /* its place among the numbers */
    uint16_t slot_number;     /* its number, if it began with a slot */
    uint16_t writes_n;
    uint16_t settle_step_ms; /* between two of the reads until settle_ns */
    uint16_t value_size;     /* LL_VALUE_MAX at most */
    uint16_t namespace_size; /* the key begins with the namespace, */
    uint16_t name_size;      /* then comes the name */
    uint16_t key_size;       /* LL_KEY_MAX at most */
    uint32_t ahead_key_size;
    uint32_t watch_own_ms; /* from the grant to the own watch; 0: no delay */
    int64_t timeout_ns;    /* of the acquire */
    int64_t release_ns;    /* of the release's answer */
    int64_t token;         /* 0: its key is not known to exist */
    int64_t ahead;         /* -1: not known yet */
    char *ahead_key;       /* WAIT: the predecessor's */
    int64_t ahead_token;
    union {
        int64_t ahead_lease; /* WAIT, DELAYED: the predecessor's */
        int64_t gone_ns;     /* NEXT: when it left WAIT; 0: not from there */
    };
    union {
        int64_t gone_revision; /* NEXT: reads must be this new */
        int64_t resume_token;  /* ENQUEUE: the existing key's; 0: any */
        int64_t try_revision;  /* ENQUEUE: permit free; or see try_ask.h */
    };
    struct ll_deadlock *deadlock; /* while it waits, if requested */
    struct ll_link writes;        /* HELD: ll_write, in their order */
    int64_t version;              /* HELD: of the key, as far as it is known */
    struct ll_permits *permits;   /* once it has waited for them */
    struct ll_delay *delay;     /* once it has waited for a key with a delay */
    struct ll_yield *yield;     /* NULL: requests are not reported */
    struct ll_keeping *keeping; /* see keep.h */
    struct ll_watch watches[LL_WATCH_SLOTS];
    int64_t watch_ns;  /* when OFF watches are wanted */
    int64_t read_ns;   /* when a read of the keys is due */
    int64_t settle_ns; /* until then reads follow each other closely */
    struct ll_report report;
    union {
        char *value;          /* until etcd has answered the enqueue */
        struct ll_seen *seen; /* the holder; see blocker.h */
    };
    char key[]; /* NAME/LEASE.NUMBER, or see slot.h, and a NUL */
};

extern const struct ll_object_ops ll_ticket_ops;

static inline struct ll_ticket *ll_ticket_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_ticket, object);
}

int ll_ticket_acquire(struct ll_core *core, const struct ll_event *event);
int ll_ticket_resume(struct ll_core *core, const struct ll_event *event);
/** A fenced write (see write.h). */
int ll_ticket_write(struct ll_core *core, const struct ll_event *event);
/** Operations of its kind, see struct ll_object_ops; the table is in
 *  ticket_ops.c, the rest in ticket_request.c and ticket_answer.c. */
void ll_ticket_free(struct ll_object *object);
void ll_ticket_on_time(struct ll_core *core, struct ll_object *object);
int64_t ll_ticket_deadline_ns(const struct ll_core *core,
                              struct ll_object *object);
bool ll_ticket_next(struct ll_core *core,
                    struct ll_object *object,
                    struct ll_effect *ret_effect);
int ll_ticket_release(struct ll_core *core,
                      struct ll_object *object,
                      int64_t timeout_ns);
void ll_ticket_on_session_end(struct ll_core *core,
                              struct ll_object *object,
                              int status,
                              const char *why);
void ll_ticket_build(struct ll_core *core,
                     struct ll_object *object,
                     struct ll_part *part,
                     struct ll_request *ret_request);
void ll_ticket_on_answer(struct ll_core *core,
                         struct ll_object *object,
                         const struct ll_answer *answer,
                         const struct ll_event *event);
extern const struct ll_batch_ops ll_ticket_batch_ops;
extern const struct ll_watch_ops ll_ticket_watch_ops;

/** ticket_watch.c. It is HELD: plans the watch of its key, and the reads while the
 *  first deletions may come late. */
void ll_ticket_watch_held(struct ll_core *core, struct ll_ticket *ticket);
/** A watch that a ticket needs, or its line, is ON, refused or down. */
void ll_ticket_on_watched(struct ll_core *core, struct ll_ticket *ticket);
void ll_ticket_on_unwatched(struct ll_core *core,
                            struct ll_ticket *ticket,
                            unsigned slot,
                            enum ll_outcome outcome);
void ll_ticket_on_watch_down(struct ll_core *core, struct ll_ticket *ticket);
struct ll_bytes ll_ticket_watched_key(const struct ll_ticket *ticket,
                                      unsigned slot);

/** For a multi-lock. Creates a member that is in no queue yet, with the table
 *  of operations that multi.c has for it. */
int ll_ticket_make_member(struct ll_core *core,
                          struct ll_session *session,
                          struct ll_bytes name,
                          struct ll_mode mode,
                          uint64_t id,
                          const struct ll_object_ops *ops,
                          int64_t watch_own_ns,
                          struct ll_ticket **ret_member);
/** Discards a member that was created in this step. */
void ll_ticket_discard(struct ll_core *core, struct ll_ticket *member);
/** Makes a member leave its queue, in whatever state it is, and report nothing
 *  of an acquire. lost_tries: enqueues that may still be applied. */
void ll_ticket_drop(struct ll_core *core,
                    struct ll_ticket *member,
                    unsigned lost_tries);
/** Prepares a member for its key's result: one that is given up only leaves. */
void ll_ticket_expect(struct ll_ticket *member,
                      unsigned lost_tries,
                      bool is_given_up);
/** Notes that the end of a member's leaving is to be reported. */
void ll_ticket_ask_release(struct ll_core *core,
                           struct ll_ticket *member,
                           int64_t timeout_ns);
/** Whether nothing of a ticket is awaited any more: ll_ticket_next frees it. */
bool ll_ticket_is_over(const struct ll_ticket *ticket);
/** The key has been created. ahead: the keys ahead then; NULL: unknown, as the
 *  answer does not fit. */
void ll_ticket_enqueued(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_ahead *ahead,
                        int64_t revision);
/** The key existed already, or (NULL) does not exist any more; is_first: it is
 *  known to be the oldest. */
void ll_ticket_found(struct ll_core *core,
                     struct ll_ticket *ticket,
                     const struct ll_kv *own,
                     bool is_first,
                     int64_t revision);

/** ticket_read.c: what the answers to reads do. */
void ll_ticket_on_read(struct ll_core *core,
                       struct ll_ticket *ticket,
                       const struct ll_answer *answer);
void ll_ticket_on_logged(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_answer *answer);
void ll_ticket_on_next_read(struct ll_core *core,
                            struct ll_ticket *ticket,
                            const struct ll_answer *answer);
/** An answer does not fit its request. */
void ll_ticket_on_misfit(struct ll_core *core, struct ll_ticket *ticket);

/** Steps of the machine. Enters a state; this counts the waiting tickets. */
void ll_ticket_go(struct ll_core *core,
                  struct ll_ticket *ticket,
                  enum ll_ticket_state state);
void ll_ticket_grant(struct ll_core *core, struct ll_ticket *ticket);
/** The predecessor is gone, as seen at a revision; own_stands: the own key
 *  certainly existed at that revision. */
void ll_ticket_advance(struct ll_core *core,
                       struct ll_ticket *ticket,
                       int64_t revision,
                       bool own_stands);
/** The predecessor has crashed: the lock-delay begins. */
void ll_ticket_delay(struct ll_core *core, struct ll_ticket *ticket);
/** Whether the watches that it needs are ON: a waiting ticket can do without
 *  that of its own key. */
bool ll_ticket_is_watched(const struct ll_ticket *ticket);
/** Waits for a predecessor, or fails: NESTED (no ticket), NOMEM. one_left: it
 *  is the only key that blocks the ticket. */
void ll_ticket_wait_for(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_kv *predecessor,
                        bool one_left,
                        int64_t ahead);
/** Is held, or waits, by what was ahead at a revision at which its key stood.
 *  count: how many keys. */
void ll_ticket_take_ahead(struct ll_core *core,
                          struct ll_ticket *ticket,
                          const struct ll_ahead *ahead,
                          int64_t count);
/** Whether the own key certainly still exists when the deletion of a key ahead
 *  is reported that was on a lease. */
bool ll_ticket_own_stands(const struct ll_core *core,
                          const struct ll_ticket *ticket,
                          int64_t lease);
/** A third party has deleted the own key. */
void ll_ticket_lose_key(struct ll_core *core, struct ll_ticket *ticket);
/** Ends an acquire that is not reported yet with an error, and leaves. */
void ll_ticket_fail(struct ll_core *core,
                    struct ll_ticket *ticket,
                    int status,
                    const char *why);
/** Reports the end of a release that was requested and is not reported yet. */
void ll_ticket_report_released(struct ll_core *core,
                               struct ll_ticket *ticket,
                               int status);
/** Wants the watches that its state needs and that are OFF; of the own key not
 *  while it waits under contention. */
void ll_ticket_want_watches(struct ll_core *core, struct ll_ticket *ticket);
/** Wants the watch of a waiting ticket, and later that of its own key. */
void ll_ticket_watch_wait(struct ll_core *core, struct ll_ticket *ticket);
/** Wants the watch of the own key after a delay, or when it was due before. */
void ll_ticket_watch_own_at(struct ll_core *core,
                            struct ll_ticket *ticket,
                            int64_t delay_ns);
/** Nothing of it is left in etcd except what may still be applied. */
void ll_ticket_end(struct ll_core *core, struct ll_ticket *ticket, int status);
/** Deletes the key. */
void ll_ticket_leave(struct ll_core *core, struct ll_ticket *ticket);
void ll_ticket_update(struct ll_core *core, struct ll_ticket *ticket);
int64_t ll_ticket_recheck_ns(struct ll_core *core);

/** Whether the next read goes through etcd's log. */
static inline bool ll_ticket_reads_log(const struct ll_ticket *ticket)
{
    return ticket->linearize && ticket->by_log;
}

/** Whether a ticket waits: commands and times still matter to its acquire. */
static inline bool ll_ticket_waits(const struct ll_ticket *ticket)
{
    return !ticket->acquire_reported && (ticket->state == LL_TICKET_ENQUEUE ||
                                         ticket->state == LL_TICKET_WAIT ||
                                         ticket->state == LL_TICKET_DELAYED ||
                                         ticket->state == LL_TICKET_NEXT);
}

static inline struct ll_bytes ll_ticket_key(const struct ll_ticket *ticket)
{
    return (struct ll_bytes){ticket->key, ticket->key_size};
}

/** What the keys of its queue begin with. */
static inline struct ll_bytes ll_ticket_prefix(const struct ll_ticket *ticket)
{
    return (struct ll_bytes){ticket->key, (size_t)ticket->namespace_size +
                                              ticket->name_size + 1};
}

#endif
