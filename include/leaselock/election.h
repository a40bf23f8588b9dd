/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_ELECTION_H
#define LEASELOCK_ELECTION_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/ticket.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Leader election. An election is a lock whose holder proclaims a value: the
 * leader is the holder, and the value of its key is what it proclaims. The
 * queue is that of leaselock_acquire, of Go's Election and of `etcdctl elect`;
 * all of them can take part in one election.
 *
 * leaselock_release resigns. A leader should write with fenced writes
 * (leaselock_fenced_put), or send its token with each write.
 */

/** Longest value of a candidate, in bytes. */
#define LEASELOCK_VALUE_MAX 16384

/**
 * Campaigns: as leaselock_acquire, with a value that the candidate proclaims
 * once it leads.
 *
 * @param session     borrowed; must stay open until the ticket is released
 * @param name        of the election; as a lock's
 * @param value       value_size bytes, at most LEASELOCK_VALUE_MAX; copied;
 *                    NULL with size 0 is empty
 * @param options     NULL for the defaults; the label goes into the key
 * @param timeout_ms  longest wait; 0 tries once and leaves no trace when
 *                    there is a leader; LEASELOCK_FOREVER waits
 * @param ret_ticket  the leader's ticket; to resign, release it
 * @param reterr      filled on failure; may be NULL
 * @return as leaselock_acquire; LEASELOCK_E_LIMIT for a value that is too long
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_campaign(leaselock_session *session,
                       const char *name,
                       const void *value,
                       size_t value_size,
                       const struct leaselock_acquire_options *options,
                       int timeout_ms,
                       leaselock_ticket **ret_ticket,
                       struct leaselock_error *reterr);

/**
 * As leaselock_campaign, without waiting: done reports the election, and
 * on_lost, which is never called without or before it, the loss of the
 * leadership.
 *
 * @param done        as of leaselock_acquire_async
 * @param ret_ticket  the candidate's ticket; set before done is called
 * @return 0 when done will be called, else as leaselock_campaign
 * @thread any
 * @since 0.1
 */
int leaselock_campaign_async(leaselock_session *session,
                             const char *name,
                             const void *value,
                             size_t value_size,
                             const struct leaselock_acquire_options *options,
                             int timeout_ms,
                             leaselock_done_fn *done,
                             void *arg,
                             leaselock_ticket **ret_ticket,
                             struct leaselock_error *reterr);

/**
 * Proclaims another value, as leader. It is a fenced write: applied only while
 * the ticket leads, once, and in order with the ticket's other writes.
 *
 * @param ticket      a held ticket, also one that was acquired as a lock
 * @param value       value_size bytes, at most LEASELOCK_VALUE_MAX; copied
 * @param timeout_ms  1 or more, or LEASELOCK_FOREVER
 * @param reterr      filled on failure; may be NULL
 * @return as leaselock_fenced_txn: LEASELOCK_E_NOT_HELD when it does not lead,
 *         or no longer does; after _OUTCOME_UNKNOWN see
 *         leaselock_fenced_outcome
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_proclaim(leaselock_ticket *ticket,
                       const void *value,
                       size_t value_size,
                       int timeout_ms,
                       struct leaselock_error *reterr);

/**
 * As leaselock_proclaim, without waiting.
 *
 * @param done  called with its result
 * @return 0 when done will be called, else as leaselock_proclaim
 * @thread any
 * @since 0.1
 */
int leaselock_proclaim_async(leaselock_ticket *ticket,
                             const void *value,
                             size_t value_size,
                             int timeout_ms,
                             leaselock_done_fn *done,
                             void *arg,
                             struct leaselock_error *reterr);

/** The leader of an election, and what it proclaims. */
struct leaselock_leader_info {
    /** The leader's key in etcd, and a NUL. */
    const char *key;
    /** What it proclaims: value_size bytes and a NUL. */
    const char *value;
    size_t value_size;
    /** The key's create revision; later leaders have greater ones. */
    int64_t token;
    /** The revision at which the value was proclaimed. */
    int64_t revision;
    /** The lease that it lives on, never 0: see leaselock_leader. */
    int64_t lease;
};

/**
 * Reads the leader of an election, or the holder of a lock.
 *
 * A key without a lease is not a candidate: while it is the oldest it blocks
 * the queue, the election has no leader, and the error names the key. Nor is a
 * shared ticket or a permit, beside which others may hold: while one is the
 * oldest, there is no leader either. leaselock_observe also reports no leader
 * then. Both functions ignore the keys of a lock nested below the name: a
 * foreign key behind one of them counts as the leader, although it may still
 * wait for that key. leaselock_queue shows such keys.
 *
 * @param client      borrowed
 * @param name        as for leaselock_campaign
 * @param timeout_ms  longest wait, 1 or more
 * @param ret_leader  the leader; the caller frees it with
 *                    leaselock_leader_free
 * @param reterr      filled on failure; may be NULL
 * @return 0, LEASELOCK_E_NO_LEADER when there is none, _NAME, _UNAVAILABLE,
 *         _REFUSED, _SERVER, _ARGUMENT, _HANDLE, _FORKED, _CLOSED, _DEADLOCK,
 *         _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_leader(leaselock_client *client,
                     const char *name,
                     int timeout_ms,
                     struct leaselock_leader_info **ret_leader,
                     struct leaselock_error *reterr);

/**
 * As leaselock_leader, without waiting.
 *
 * @param ret_leader  set before done is called with status 0; must stay valid
 *                    until done has been called
 * @return 0 when done will be called, else as leaselock_leader
 * @thread any
 * @since 0.1
 */
int leaselock_leader_async(leaselock_client *client,
                           const char *name,
                           int timeout_ms,
                           struct leaselock_leader_info **ret_leader,
                           leaselock_done_fn *done,
                           void *arg,
                           struct leaselock_error *reterr);

/**
 * Frees what leaselock_leader returned; NULL does nothing.
 *
 * @thread any
 * @since 0.1
 */
void leaselock_leader_free(struct leaselock_leader_info *leader);

/** An observer follows an election. */
typedef struct leaselock_observer leaselock_observer;

/**
 * Reports the leader, or with NULL that there is none. Called like any
 * callback.
 *
 * @param leader  valid until the callback returns
 */
typedef void leaselock_leader_fn(leaselock_observer *observer,
                                 const struct leaselock_leader_info *leader,
                                 void *arg);

/**
 * Follows an election: reports the present leader, then every later leader,
 * every later value that a leader proclaims, and every time without a leader,
 * in order and however short each lasted. After a broken connection the
 * observer continues from the history that etcd keeps. It misses only what
 * began and ended while there was no connection and has been compacted since,
 * or whose events did not arrive for half a minute although reads were
 * answered.
 *
 * @param client        borrowed; closing it ends the observer
 * @param name          as for leaselock_campaign
 * @param on_leader     called first with the present state, even if there is no
 *                      leader
 * @param done          called when the observer ends by itself, with the
 *                      reason: LEASELOCK_E_REFUSED, _SERVER, _LIMIT (more than
 *                      100000 candidates, or more than 65536 leaders that are
 *                      not reported yet), _NOMEM, _CLOSED (the client was
 *                      closed); the handle is closed as soon as it returns. It
 *                      is not called after leaselock_observer_close
 * @param arg           of both
 * @param ret_observer  set before any callback; the caller closes it
 * @param reterr        filled on failure; may be NULL
 * @return 0, LEASELOCK_E_NAME, _ARGUMENT, _LIMIT (of observers), _HANDLE,
 *         _FORKED, _CLOSED, _NOMEM
 * @thread any; does not block
 * @since 0.1
 */
int leaselock_observe(leaselock_client *client,
                      const char *name,
                      leaselock_leader_fn *on_leader,
                      leaselock_done_fn *done,
                      void *arg,
                      leaselock_observer **ret_observer,
                      struct leaselock_error *reterr);

/**
 * Ends an observer. When it has returned, no callback of the observer is
 * running and none is called later. It can be called inside one of its
 * callbacks, which then is the last.
 *
 * @param observer  NULL does nothing
 * @return 0, LEASELOCK_E_HANDLE or _FORKED
 * @thread any; does not wait for etcd
 * @since 0.1
 */
int leaselock_observer_close(leaselock_observer *observer);

/** The states of a leadership. */
enum leaselock_lead_state {
    /** It leads. */
    LEASELOCK_LEAD_LEADING = 0,
    /** A renewal of its lease is overdue: it still leads, but should stop, or
     *  at least begin nothing long. The next renewal may succeed. */
    LEASELOCK_LEAD_SUSPECT = 1,
    /** It no longer leads. Final. */
    LEASELOCK_LEAD_LOST = 2
};

/** The work of a leader, on the thread that called leaselock_lead.
 *  @return 0 or a positive number of its own, or a LEASELOCK_E_ */
typedef int leaselock_lead_fn(leaselock_ticket *ticket, void *arg);

/**
 * Requests that a leader stop. Called like any callback, each time that the
 * leadership becomes suspect and once when it is lost; not before the election
 * was won, and not after leaselock_lead has returned. It may be called just
 * before fn begins; if the leadership is lost at once, fn is not called at all.
 *
 * @param why  a sentence; valid until the callback returns
 */
typedef void leaselock_stop_fn(leaselock_ticket *ticket,
                               enum leaselock_lead_state state,
                               const char *why,
                               void *arg);

/** Changes that leaselock_lead reports with the option `again`. */
enum leaselock_lead_change {
    /** It joins the queue; also reported before the first time. */
    LEASELOCK_CHANGE_CAMPAIGNING = 0,
    /** It leads, and fn begins. */
    LEASELOCK_CHANGE_LEADING = 1,
    /** The leadership, or the place in the queue, is lost, and fn has
     *  returned. */
    LEASELOCK_CHANGE_LOST = 2,
    /** etcd does not answer; reported once until it does. */
    LEASELOCK_CHANGE_UNREACHABLE = 3
};

/** Reports each change, on the thread that called leaselock_lead; blocking
 *  calls are allowed in it. With leaselock_lead_async it is called like any
 *  callback.
 *  @param error  the reason of _LOST and _UNREACHABLE, else NULL; valid until
 *                it returns
 *  @return 0 to continue, or what leaselock_lead is to return at once */
typedef int leaselock_change_fn(enum leaselock_lead_change change,
                                const struct leaselock_error *error,
                                void *arg);

/** Options of leaselock_lead; 0 or NULL stands for the default of each. */
struct leaselock_lead_options {
    /** sizeof(struct leaselock_lead_options), set by the _INIT macro. */
    size_t struct_size;
    /** Longest wait for the election; default: no limit. */
    int timeout_ms;
    /** Requests that the leader stop; may be NULL, because leaselock_lead_wait
     *  reports the same. */
    leaselock_stop_fn *on_stop;
    void *on_stop_arg;
    /** Not NULL: campaigns again after each loss, on a session that it opens on
     *  the same client with these options and closes itself; their lease must
     *  be 0. Borrowed. NULL: campaigns once. */
    const struct leaselock_session_options *again;
    /** With `again`: called for each change; may be NULL. */
    leaselock_change_fn *on_change;
    void *on_change_arg;
    /** Called when the leader is asked to let go, as of
     *  leaselock_acquire_options; may be NULL. */
    leaselock_yield_fn *on_yield;
    void *on_yield_arg;
};

#define LEASELOCK_LEAD_OPTIONS_INIT                                            \
    {                                                                          \
        sizeof(struct leaselock_lead_options), 0, NULL, NULL, NULL, NULL,      \
            NULL, NULL, NULL                                                   \
    }

/**
 * Campaigns, calls a function while it leads, and resigns when the function has
 * returned, not before: however late the function returns, this call does not
 * let the next candidate lead. The function has to stop in time: it calls
 * leaselock_lead_wait, or stops when on_stop is called, and it uses fenced
 * writes. The leader's own key is watched from its election on
 * (LEASELOCK_AT_ONCE of leaselock_acquire_options).
 *
 * With the option `again` a loss is not the end: once fn has returned 0, it
 * opens a session, with as many attempts as that takes while etcd does not
 * answer, and campaigns again. The pauses between grow from 0.1 to 10 seconds.
 * It ends when fn returns and the leadership was not lost; when fn or on_change
 * returns anything but 0; with any failure but LEASELOCK_E_LOST and
 * _UNAVAILABLE; and with LEASELOCK_E_CLOSED or _HANDLE when another thread
 * closes the client, also during a wait or a pause.
 *
 * @param session  borrowed; must stay open until this returns
 * @param name     as for leaselock_campaign, as are value and value_size
 * @param options  NULL for the defaults
 * @param fn       called at most once, with `again` once for each time that it
 *                 leads, on this thread; blocking calls are allowed in it; it
 *                 may release the ticket itself
 * @param arg      passed to fn
 * @param reterr   filled on failure; may be NULL
 * @return a failure of leaselock_campaign, and fn was not called;
 *         LEASELOCK_E_LOST when the leadership was lost before fn returned
 *         (with `again`: and fn did not return 0, which is returned then);
 *         else what fn returned, and when that is 0 a failure of the release
 *         (LEASELOCK_E_OUTCOME_UNKNOWN, _REFUSED, _SERVER)
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_lead(leaselock_session *session,
                   const char *name,
                   const void *value,
                   size_t value_size,
                   const struct leaselock_lead_options *options,
                   leaselock_lead_fn *fn,
                   void *arg,
                   struct leaselock_error *reterr);

/** A leadership without a thread of its own: leaselock_lead_async. */
typedef struct leaselock_leadership leaselock_leadership;

/**
 * Begins a term. Called like any callback, after each election. The term ends
 * with leaselock_lead_term_end or leaselock_lead_stop, which may be called in
 * here as well, and not before.
 *
 * @param ticket  the leader's; the leadership releases it when the term ends
 */
typedef void leaselock_term_fn(leaselock_leadership *leadership,
                               leaselock_ticket *ticket,
                               void *arg);

/**
 * As leaselock_lead, without waiting and without a thread, for a program with
 * an event loop. Where leaselock_lead calls fn, on_term begins the term, and
 * leaselock_lead_term_end ends it as fn does by returning 0: with `again`, a
 * lost term is followed by the next campaign; a term that was not lost is
 * resigned, which ends the leadership.
 *
 * on_stop and on_change of the options are called like any callback, on_stop
 * only during a term: when it reports LEASELOCK_LEAD_LOST the work has to stop,
 * and then the program calls leaselock_lead_term_end, at once or later.
 *
 * @param session         borrowed; must stay open until done has been called
 * @param name            copied, as is what `value` and `again` point at
 * @param on_term         begins a term
 * @param done            called at the end: with 0 when it was stopped or
 *                        resigned, with what on_change has returned, or as
 *                        leaselock_lead; with LEASELOCK_E_CLOSED when the
 *                        client was closed. No callback is called later, its
 *                        own session is closed, and the handle is closed when
 *                        done returns
 * @param arg             of on_term and done
 * @param ret_leadership  set before any callback; valid until done returns
 * @return 0 when done will be called; LEASELOCK_E_NAME, _ARGUMENT, _LIMIT,
 *         _HANDLE, _FORKED, _CLOSED, _NOMEM, _SYSTEM
 * @thread any
 * @since 0.1
 */
int leaselock_lead_async(leaselock_session *session,
                         const char *name,
                         const void *value,
                         size_t value_size,
                         const struct leaselock_lead_options *options,
                         leaselock_term_fn *on_term,
                         leaselock_done_fn *done,
                         void *arg,
                         leaselock_leadership **ret_leadership,
                         struct leaselock_error *reterr);

/**
 * Ends a term: its work has stopped.
 *
 * @return 0, LEASELOCK_E_STATE when there is no term, _HANDLE, _FORKED
 * @thread any; does not block
 * @since 0.1
 */
int leaselock_lead_term_end(leaselock_leadership *leadership);

/**
 * Ends the leadership in any phase: a waiting candidate is withdrawn, a pause
 * ends, and a leader, whose work must have stopped before, resigns. done is
 * called with 0 once nothing is left in etcd, or with the failure of that, such
 * as LEASELOCK_E_OUTCOME_UNKNOWN. A second call changes nothing.
 *
 * @return 0, LEASELOCK_E_HANDLE (done has been called) or _FORKED
 * @thread any; does not block
 * @since 0.1
 */
int leaselock_lead_stop(leaselock_leadership *leadership);

/**
 * Waits until a held ticket is suspect or lost. It compares clocks: in a
 * process that was stopped for longer than the lease lives it returns at once.
 *
 * @param ticket      of leaselock_lead or leaselock_lead_async, or any that was
 *                    held once
 * @param timeout_ms  longest wait; 0 returns the state at once, which is
 *                    allowed in a callback as well; LEASELOCK_FOREVER
 * @return LEASELOCK_LEAD_LEADING when the time is over and it still leads (or
 *         holds), LEASELOCK_LEAD_SUSPECT or _LOST as soon as that is the state;
 *         or LEASELOCK_E_STATE when it is not held yet, _ARGUMENT, _HANDLE
 *         (also when it is released during the wait), _FORKED, _DEADLOCK
 * @thread any; blocks unless timeout_ms is 0
 * @since 0.1
 */
int leaselock_lead_wait(leaselock_ticket *ticket, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
