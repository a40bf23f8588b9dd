/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_SESSION_H
#define LL_CORE_SESSION_H

#include "core/object.h"

/**
 * One lease.
 *
 *     state   | event                       | next    | does
 *     OPENING | grant answered              | ACTIVE  | OPENED 0; deadline.
 *             |                             |         | With other endpoints to
 *             |                             |         | check (see cluster.h)
 *             |                             |         | OPENED 0 comes later
 *     OPENING | "already exists" on a retry | ACTIVE  | the same, from the
 *             |                             |         | first try's sending
 *     OPENING | resumed: its TTL answered   | ACTIVE  | the same; beats at
 *             |                             |         | once
 *     OPENING | resumed: no such lease      | gone    | OPENED LOST
 *     OPENING | no answer                   | OPENING | again
 *     OPENING | refused, error              | gone    | OPENED error
 *     OPENING | a ticket is asked for early | OPENING | its request waits for
 *             |                             |         | the grant, and for what
 *             |                             |         | other endpoints answer
 *     OPENING | timeout, close              | CLOSING | OPENED error; revoke
 *             |                             |         | when the grant that is
 *             |                             |         | out is answered
 *     OPENING,| another cluster answered    | CLOSING | OPENED SERVER; revoke
 *     ACTIVE  | before OPENED               |         |
 *     ACTIVE, | another cluster answered    | LOST    | tell it and every
 *     SUSPECT |                             |         | ticket
 *     ACTIVE  | a beat is due               | ACTIVE  | KEEPALIVE
 *     ACTIVE  | two beats' time unanswered  | SUSPECT | tell it
 *     ACTIVE, | beat answered               | ACTIVE  | deadline from its
 *     SUSPECT |                             |         | sending
 *     ACTIVE, | deadline; TTL 0; "lease not | LOST    | tell it and every
 *     SUSPECT | found"                      |         | ticket
 *     LOST    | the TTL is over             | LOST    | revoke, once it can be
 *     LOST    | another session is granted, | LOST    | revoke at once: etcd
 *             | the revoke is unanswered    |         | answers again
 *     ACTIVE, | close                       | CLOSING | end the tickets; revoke
 *     SUSPECT,|                             |         |
 *     LOST    |                             |         |
 *     CLOSING | revoked, not found          | gone    | CLOSED 0; not found,
 *             |                             |         | of one that was lost for
 *             |                             |         | another cluster's
 *             |                             |         | answer: OUTCOME_UNKNOWN
 *     CLOSING | no answer                   | CLOSING | again
 *     CLOSING | timeout                     | CLOSING | OUTCOME_UNKNOWN; again
 *     CLOSING | another cluster answered    | CLOSING | OUTCOME_UNKNOWN, of the
 *             |                             |         | releases as well; gone
 *             |                             |         | where it answered the
 *             |                             |         | revoke
 *     CLOSING | permission denied, and its  | CLOSING | delete each key by
 *             | tickets had keys            |         | itself: see remains.h
 *     CLOSING | a key is deleted, or that   | CLOSING | the next one; behind
 *             | is refused                  |         | the last, if none was
 *             |                             |         | refused, revoke again
 *     CLOSING | the last is, some refused   | gone    | CLOSED REFUSED, which
 *             |                             |         | names what stays
 *     CLOSING | refused, error, lease's end | gone    | CLOSED if not told yet;
 *             |                             |         | refused: the keys stay
 *             |                             |         | until the lease ends
 *
 * A beat goes out every third of the TTL (see beat.h). etcd counts the TTL from
 * when it handles a renewal, which is not before it was sent; a leader change
 * only extends it (lessor.Promote). So the deadline, counted from the sending
 * and shortened by a margin, passes before etcd can expire the lease.
 */

/** TTLs of a session. The server has a shortest of its own, and grants that
 *  where less is asked for (1.5 election timeouts, rounded up: 2 s by default,
 *  1 s below 667 ms). etcd's longest is 9 000 000 000 (lease.MaxLeaseTTL). */
#define LL_TTL_MIN_S 1
#define LL_TTL_MAX_S 86400

/** The least margin between the deadline and the end of the TTL; a tenth of
 *  the TTL where that is more. */
#define LL_MARGIN_MIN_NS INT64_C(300000000)

/** What an object does as its session opens and ends. */
struct ll_lease_ops {
    /** The session of an object that was asked for early is open. */
    void (*on_open)(struct ll_core *core, struct ll_object *object);
    /** The session is lost, or closed with this status for those who wait. */
    void (*on_end)(struct ll_core *core,
                   struct ll_object *object,
                   int status,
                   const char *why);
};

#define LL_LEASE_OPS(on_open_, on_end_)                                        \
    {                                                                          \
        .on_open = (on_open_), .on_end = (on_end_)                             \
    }

struct ll_session {
    struct ll_object object;
    struct ll_entry by_lease; /* in core->leases */
    struct ll_link link;      /* in core->sessions */
    struct ll_link tickets;
    enum ll_session_state state;
    int64_t lease;
    int64_t ttl_s;
    /** Of its tickets: see number.h. All are above the first one; so many were
     *  never used before. */
    uint64_t numbers_first;
    uint64_t numbers;
    /** OPENING: when the open is given up. Later: the lease lives until. */
    int64_t deadline_ns;
    /** When etcd may expire the lease: the deadline without its margin. */
    int64_t expiry_ns;
    int64_t first_sent_ns; /* of the grant */
    /** ACTIVE: it becomes SUSPECT then. */
    int64_t suspect_ns;
    /** When a beat is due, if none is out. */
    int64_t beat_ns;
    /** When the newest that is out is overdue. */
    int64_t overdue_ns;
    struct ll_beat beats[LL_BEAT_STREAMS];
    struct ll_link denied; /* in core->keepalive.denied */
    /** CLOSING: when CLOSED is told without an answer. */
    int64_t close_ns;
    bool revoking; /* the call is a revoke, not the grant any more */
    bool deleting; /* nor that, but the deletion of the first of `remains` */
    struct ll_link remains; /* ll_remain: keys that its tickets had */
    struct ll_link refused; /* of these, which etcd refused to delete */
    unsigned refused_n;
    /** LOST by its deadline: when the lease is revoked all the same. */
    int64_t late_revoke_ns;
    /** Its lease is granted; OPENED waits until then for what other endpoints
     *  answer (see cluster.h). LL_NEVER: it does not wait. */
    int64_t check_ns;
    bool late_revoke_owed; /* it is not answered yet */
    bool grant_lost;       /* a grant may have been applied unanswered */
    bool resumes;          /* the lease was there before the session */
    bool renewed;          /* a beat has been answered */
    bool checking;         /* a TTL of 0 is being checked with a call */
    /** A stream of beats has ended since the last answered one, not refused. */
    bool shaken;
    /** LOST: because etcd was silent; see ll_session_beat_is_silent. */
    bool silenced;
    /** LOST: because another cluster answered, which has no such lease. */
    bool contradicted;
    bool close_reported;
    /** What is to be told. */
    bool opened_due;
    bool changed_due;
    bool closed_due;
    bool gone; /* to be freed when all is told */
    int open_status;
    int close_status;
    const char *why; /* static, or core's; of SUSPECT and LOST */
};

extern const struct ll_object_ops ll_session_ops;

static inline struct ll_session *ll_session_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_session, object);
}

int ll_session_open(struct ll_core *core, const struct ll_event *event);
int ll_session_close(struct ll_core *core, const struct ll_event *event);

/** ACTIVE or SUSPECT: tickets can live in it. */
static inline bool ll_session_is_alive(const struct ll_session *session)
{
    return session->state == LL_SESSION_ACTIVE ||
           session->state == LL_SESSION_SUSPECT;
}

/** Its opening has no end yet: what a ticket asks for has to wait. */
static inline bool ll_session_is_opening(const struct ll_session *session)
{
    return session->state == LL_SESSION_OPENING ||
           session->check_ns != LL_NEVER;
}

/** Ends an alive session for good; why is static, or core->cluster.text where
 *  another cluster has answered: see ll_session_beat_is_silent. */
void ll_session_lose(struct ll_core *core,
                     struct ll_session *session,
                     const char *why);

/** No endpoint is waited for any more. */
void ll_sessions_on_checked_cluster(struct ll_core *core);
/** Whether a loss that is found now comes of etcd's silence: the deadline has
 *  passed, or etcd does not know the lease and was not well since the last
 *  renewal. A lease that vanishes between two renewals of one stream was
 *  revoked by somebody, and a refusal is no silence. Nor is a loss for another
 *  cluster's answer, of which it is not asked. */
bool ll_session_beat_is_silent(const struct ll_core *core,
                               const struct ll_session *session);

/* Steps of the machine, for beat.c, session_open.c and session_close.c. */

/** Ends one of its tickets, with a status for what is not reported. */
void ll_session_end_ticket(struct ll_core *core,
                           struct ll_ticket *ticket,
                           int status,
                           const char *why);
/** Every change of state goes through here, for the count of the alive. */
void ll_session_move(struct ll_core *core,
                     struct ll_session *session,
                     enum ll_session_state state);
int64_t ll_session_ttl_ns(const struct ll_session *session);
/** Tells of a change; why is static. */
void ll_session_set_state(struct ll_core *core,
                          struct ll_session *session,
                          enum ll_session_state state,
                          const char *why);

#endif
