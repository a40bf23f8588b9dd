/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_SESSION_H
#define LEASELOCK_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One etcd lease, kept alive by its client's thread. */
typedef struct leaselock_session leaselock_session;

/** The states of a session, in the order in which it passes through them. */
enum leaselock_session_state {
    /** The lease is being granted. */
    LEASELOCK_SESSION_OPENING = 0,
    /** The lease is alive and renewed in time. */
    LEASELOCK_SESSION_ACTIVE = 1,
    /** A renewal is overdue; the deadline has not come yet. */
    LEASELOCK_SESSION_SUSPECT = 2,
    /** The deadline has passed, or etcd does not have the lease. Final. */
    LEASELOCK_SESSION_LOST = 3,
    /** leaselock_session_close was called. Final. */
    LEASELOCK_SESSION_CLOSED = 4
};

/**
 * Reports that a session became active, suspect or lost. Called like any
 * callback. Lost is reported at most once and is the last.
 *
 * @param why  a sentence, valid until the callback returns; "" for active
 */
typedef void leaselock_session_fn(leaselock_session *session,
                                  enum leaselock_session_state state,
                                  const char *why,
                                  void *arg);

/** Longest label, in bytes. */
#define LEASELOCK_LABEL_MAX 128

/**
 * What the keys of a session's tickets are called. etcd keeps the name of a
 * deleted key until its history is compacted, and each acquire of a lock takes
 * a little longer for every name that was ever below it. So programs that open
 * a session for each lock should leave no new name behind for each.
 */
enum leaselock_key_names {
    /** As _LEASE, until eight sessions of the client have ended; then _HOST. */
    LEASELOCK_KEY_NAMES_AUTO,
    /** NAME/LEASE.NUMBER: for sessions that live long. Releases are plain
     *  deletions, the cheapest request. */
    LEASELOCK_KEY_NAMES_LEASE,
    /** NAME/hTAG-SLOT.NUMBER: for short ones. Other sessions of this host, which
     *  TAG stands for, use the names again; a name that somebody else has costs
     *  another request. A candidate's key has no process id and no time. */
    LEASELOCK_KEY_NAMES_HOST,
};

/** Options of a session; 0 or NULL stands for the default of each. */
struct leaselock_session_options {
    /** sizeof(struct leaselock_session_options), set by the _INIT macro. */
    size_t struct_size;
    /** Time to live of the lease, in seconds; default 10, 1 to 86400. etcd
     *  may grant more (its minimum is 1.5 election timeouts, rounded up: 2 s
     *  by default); the granted time counts. */
    int ttl_s;
    /** Longest wait of leaselock_session_open; default 5000. */
    int open_timeout_ms;
    /** A free-form label that the queue shows; copied; at most
     *  LEASELOCK_LABEL_MAX bytes, UTF-8 without control characters. */
    const char *label;
    /** Called for each change of state; may be NULL. */
    leaselock_session_fn *on_state;
    void *on_state_arg;
    /** Not 0: the id of another process's lease, which this session takes over
     *  with the time to live that it has, instead of a lease of its own;
     *  leaselock_resume takes its keys over. The other process must have ended,
     *  or must no longer use the lease. Closing the session revokes the lease
     *  like any. */
    int64_t lease;
    /** Not 0: the client's guardian, if it has one, does not revoke this lease.
     *  For a lease that another process takes over when this one has ended. */
    int unguarded;
    /** An enum leaselock_key_names. A session with a `lease` of another process
     *  is as with _LEASE. */
    int key_names;
};

#define LEASELOCK_SESSION_OPTIONS_INIT                                         \
    {                                                                          \
        sizeof(struct leaselock_session_options), 0, 0, NULL, NULL, NULL, 0,   \
            0, 0                                                               \
    }

/**
 * Opens a session: grants a lease and begins to keep it alive.
 *
 * @param client       borrowed; must stay open until the session is closed
 * @param options      NULL for the defaults; on_state_arg must stay valid
 *                     until the session is closed
 * @param ret_session  the session, active; the caller closes it
 * @param reterr       filled on failure; may be NULL
 * @return 0, LEASELOCK_E_UNAVAILABLE when no endpoint answered in time, _LOST
 *         when etcd does not have the `lease` of the options, _STATE when the
 *         client has a session with it, _REFUSED, _SERVER, _ARGUMENT, _HANDLE,
 *         _FORKED, _CLOSED, _DEADLOCK, _LIMIT, _NOMEM, _SYSTEM (also when the
 *         client's guardian cannot be started: reterr has the reason)
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_session_open(leaselock_client *client,
                           const struct leaselock_session_options *options,
                           leaselock_session **ret_session,
                           struct leaselock_error *reterr);

/**
 * As leaselock_session_open, without waiting.
 *
 * @param done         called when the session is active or has failed to open;
 *                     after a failure the handle is closed
 * @param ret_session  the session, opening; set before done is called
 * @return 0 when done will be called, else as leaselock_session_open
 * @thread any
 * @since 0.1
 */
int leaselock_session_open_async(
    leaselock_client *client,
    const struct leaselock_session_options *options,
    leaselock_done_fn *done,
    void *arg,
    leaselock_session **ret_session,
    struct leaselock_error *reterr);

/**
 * Closes a session: ends the waits in it with LEASELOCK_E_CLOSED and revokes
 * its lease, with which etcd deletes the keys of all its tickets, held ones
 * too. The tickets' handles are closed with it, and no loss of a ticket is
 * reported. When it has returned, no on_state of the session and no on_lost of
 * one of its tickets is running, and none is called later.
 *
 * If etcd refuses the revoke, because the user may no longer write a key of the
 * lease, the keys of its tickets are deleted one by one. A key that may not be
 * deleted stays until the lease expires, and the error names it.
 *
 * @param session  NULL does nothing
 * @return 0, LEASELOCK_E_HANDLE, _FORKED, _DEADLOCK, _NOMEM, _REFUSED, _SERVER
 *         (etcd's answer to the revoke), or _OUTCOME_UNKNOWN when the revoke
 *         was not answered within the client's request timeout, or another
 *         cluster answered: the session is closed nevertheless, the revoke is
 *         retried in the background until it is answered, and the keys
 *         disappear when the lease expires at the latest
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_session_close(leaselock_session *session,
                            struct leaselock_error *reterr);

/**
 * As leaselock_session_close, without waiting. Callbacks of its tickets that
 * are due are called before done.
 *
 * @param done  may be NULL
 * @return 0 when done will be called, else as leaselock_session_close
 * @thread any
 * @since 0.1
 */
int leaselock_session_close_async(leaselock_session *session,
                                  leaselock_done_fn *done,
                                  void *arg,
                                  struct leaselock_error *reterr);

/**
 * The state of a session now. It compares clocks: a process that was stopped
 * for longer than the lease lives sees LOST at its first call.
 *
 * @return a leaselock_session_state, LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int leaselock_session_state(leaselock_session *session);

/**
 * The id of the session's etcd lease.
 *
 * @return the id, which is positive, or LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int64_t leaselock_session_lease(leaselock_session *session);

/**
 * How long the session is certain to live when no further renewal succeeds:
 * the time of sending the last answered renewal, plus the lease's time to
 * live, minus a margin of a tenth of that or 300 ms, whichever is more.
 * It is measured by CLOCK_BOOTTIME, which includes suspend.
 *
 * @return milliseconds, 0 once it is lost, LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int64_t leaselock_session_remaining_ms(leaselock_session *session);

#ifdef __cplusplus
}
#endif

#endif
