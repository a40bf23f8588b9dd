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
 *     OPENING | "already exists", after a   | ACTIVE  | the same, counted from
 *             | lost answer                 |         | when the first attempt
 *             |                             |         | was sent
 *     OPENING | resumed: its TTL answered   | ACTIVE  | the same; renews at
 *             |                             |         | once
 *     OPENING | resumed: no such lease      | gone    | OPENED LOST
 *     OPENING | no answer                   | OPENING | resends the request
 *     OPENING | refused, error              | gone    | OPENED error
 *     OPENING | a ticket is requested early | OPENING | its request waits for
 *             |                             |         | the grant, and for the
 *             |                             |         | answers of the other
 *             |                             |         | endpoints
 *     OPENING | timeout, close              | CLOSING | OPENED error; revokes
 *             |                             |         | when the grant in
 *             |                             |         | flight is answered
 *     OPENING,| another cluster answered    | CLOSING | OPENED SERVER; revokes
 *     ACTIVE  | before OPENED               |         |
 *     ACTIVE, | another cluster answered    | LOST    | reports it, also to
 *     SUSPECT |                             |         | every ticket
 *     ACTIVE  | a renewal is due            | ACTIVE  | KEEPALIVE
 *     ACTIVE  | no answer for the time of   | SUSPECT | reports it
 *             | two renewals                |         |
 *     ACTIVE, | renewal answered            | ACTIVE  | deadline, counted from
 *     SUSPECT |                             |         | its sending
 *     ACTIVE, | deadline; TTL 0; "lease not | LOST    | reports it, also to
 *     SUSPECT | found"                      |         | every ticket
 *     LOST    | the TTL is over             | LOST    | revokes, with retries
 *     LOST    | another session is granted, | LOST    | revokes at once: etcd
 *             | the revoke is unanswered    |         | answers again
 *     ACTIVE, | close                       | CLOSING | ends the tickets;
 *     SUSPECT,|                             |         | revokes, but marks the
 *     LOST    |                             |         | keys with a lock-delay
 *             |                             |         | first: see remains.h
 *     CLOSING | marked, or that is refused  | CLOSING | revokes
 *     CLOSING | revoked, not found          | gone    | CLOSED 0; if not found
 *             |                             |         | after a loss by another
 *             |                             |         | cluster's answer:
 *             |                             |         | OUTCOME_UNKNOWN
 *     CLOSING | no answer                   | CLOSING | resends the request
 *     CLOSING | timeout                     | CLOSING | OUTCOME_UNKNOWN;
 *             |                             |         | continues to resend
 *     CLOSING | another cluster answered    | CLOSING | OUTCOME_UNKNOWN, of the
 *             |                             |         | releases as well; gone
 *             |                             |         | if it answered the
 *             |                             |         | revoke
 *     CLOSING | permission denied, and its  | CLOSING | deletes each key by
 *             | tickets had keys            |         | itself: see remains.h
 *     CLOSING | a key is deleted, or that   | CLOSING | deletes the next one;
 *             | is refused                  |         | after the last, if none
 *             |                             |         | was refused, revokes
 *             |                             |         | again
 *     CLOSING | the last is, some refused   | gone    | CLOSED REFUSED, which
 *             |                             |         | names what stays
 *     CLOSING | refused, error, lease's end | gone    | CLOSED if not reported;
 *             |                             |         | if refused, the keys
 *             |                             |         | stay until the lease
 *             |                             |         | expires
 *
 * A renewal is sent every third of the TTL (see beat.h). etcd counts the TTL
 * from when it handles a renewal, which is not before it was sent; a leader
 * change only extends it (lessor.Promote). So the deadline, counted from the
 * sending and shortened by a margin, passes before etcd can expire the lease.
 */

/** TTLs of a session. The server has a minimum of its own, which it grants if
 *  less is requested (1.5 election timeouts, rounded up: 2 s by default, 1 s
 *  below 667 ms). etcd's maximum is 9 000 000 000 (lease.MaxLeaseTTL). */
#define LL_TTL_MIN_S 1
#define LL_TTL_MAX_S 86400

/** The least margin between the deadline and the end of the TTL; a tenth of the
 *  TTL if that is more. */
#define LL_MARGIN_MIN_NS INT64_C(300000000)

/** What an object does when its session opens and ends. */
struct ll_lease_ops {
    /** The session of an object that was requested early is open. */
    void (*on_open)(struct ll_core *core, struct ll_object *object);
    /** The session is lost, or closed with this status for waiting calls. */
    void (*on_end)(struct ll_core *core,
                   struct ll_object *object,
                   int status,
                   const char *why);
    /** The session is ACTIVE again, after it was SUSPECT; it may remove the
     *  object, and no other. NULL: nothing. */
    void (*on_active)(struct ll_core *core, struct ll_object *object);
};

#define LL_LEASE_OPS(on_open_, on_end_, on_active_)                            \
    {                                                                          \
        .on_open = (on_open_), .on_end = (on_end_), .on_active = (on_active_)  \
    }

struct ll_session {
    struct ll_object object;
    struct ll_entry by_lease; /* in core->sessions.by_lease */
    struct ll_link link;      /* in core->sessions.list */
    struct ll_link tickets;
    enum ll_session_state state;
    int64_t lease;
    int64_t ttl_s;
    /** For the keys of its tickets, see number.h: all numbers are above
     *  numbers_first; numbers counts those that are not from a set. */
    uint64_t numbers_first;
    uint64_t numbers;
    /** OPENING: when the open fails. Later: the lease lives until then. */
    int64_t deadline_ns;
    /** When etcd may expire the lease: the deadline without its margin. */
    int64_t expiry_ns;
    int64_t first_sent_ns; /* of the grant */
    /** ACTIVE: it becomes SUSPECT then. */
    int64_t suspect_ns;
    /** When a renewal is due, if none is in flight. */
    int64_t beat_ns;
    /** When the newest renewal in flight is overdue. */
    int64_t overdue_ns;
    struct ll_beat beats[LL_BEAT_STREAMS];
    struct ll_link denied; /* in core->keepalive.denied */
    /** CLOSING: when CLOSED is reported without an answer. */
    int64_t close_ns;
    bool revoking;          /* the call is a revoke, not the grant */
    bool marking;           /* the call marks keys of `remains` */
    bool deleting;          /* the call deletes the first of `remains` */
    struct ll_marks *marks; /* while it marks */
    struct ll_link remains; /* ll_remain: keys that its tickets had */
    struct ll_link refused; /* those that etcd refused to delete */
    unsigned refused_n;
    /** LOST by its deadline: when the lease is revoked nevertheless. */
    int64_t late_revoke_ns;
    /** Its lease is granted; until then OPENED waits for the answers of other
     *  endpoints (see cluster.h). LL_NEVER: it does not wait. */
    int64_t check_ns;
    bool late_revoke_owed; /* it is not answered yet */
    bool grant_lost;       /* a grant may have been applied unanswered */
    bool resumes;          /* the lease existed before the session */
    bool has_slots;        /* its keys have names of slot.h */
    bool renewed;          /* a renewal has been answered */
    bool checking;         /* a TTL of 0 is being checked with a call */
    /** A renewal stream ended, unrefused, since the last answered renewal. */
    bool shaken;
    /** etcd refused a renewal since the last one that it answered. */
    bool renewal_refused;
    /** LOST because etcd did not answer; see ll_session_beat_is_silent. */
    bool silenced;
    /** LOST, and another cluster has answered, which has no such lease. */
    bool contradicted;
    enum leaselock_stats_loss loss : 8; /* LOST: why */
    bool close_reported;
    /** What is to be reported. */
    bool opened_due;
    bool changed_due;
    bool closed_due;
    bool gone; /* to be freed when all is reported */
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

/** Its opening has not ended yet: requests of tickets have to wait. */
static inline bool ll_session_is_opening(const struct ll_session *session)
{
    return session->state == LL_SESSION_OPENING ||
           session->check_ns != LL_NEVER;
}

/** Ends an alive session for good. */
void ll_session_lose(struct ll_core *core,
                     struct ll_session *session,
                     enum leaselock_stats_loss loss);

/** The other endpoints are not awaited any more. */
void ll_sessions_on_checked_cluster(struct ll_core *core);
/** Whether a loss that is detected now results from etcd's silence: the
 *  deadline has passed, or etcd does not have the lease and a renewal or a
 *  stream failed since the last answered renewal. A lease that disappears
 *  between two renewals of one stream was revoked by another client, and a
 *  refusal is not silence. Not called for a loss by another cluster's
 *  answer. */
bool ll_session_beat_is_silent(const struct ll_core *core,
                               const struct ll_session *session);

/* Steps of the machine, for beat.c, session_open.c and session_close.c. */

/** Ends one of its tickets, with a status for what is not reported yet. */
void ll_session_end_ticket(struct ll_core *core,
                           struct ll_ticket *ticket,
                           int status,
                           const char *why);
/** Every change of state uses this, which counts the alive sessions. */
void ll_session_move(struct ll_core *core,
                     struct ll_session *session,
                     enum ll_session_state state);
int64_t ll_session_ttl_ns(const struct ll_session *session);
/** Reports a change; why is static. */
void ll_session_set_state(struct ll_core *core,
                          struct ll_session *session,
                          enum ll_session_state state,
                          const char *why);

#endif
