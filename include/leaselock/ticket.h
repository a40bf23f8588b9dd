/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_TICKET_H
#define LEASELOCK_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One place in one lock's queue: one key in etcd. */
typedef struct leaselock_ticket leaselock_ticket;

/** Longest name of a lock, in bytes. */
#define LEASELOCK_NAME_MAX 1024
/** Longest key of a ticket: the namespace, the name, '/', the mode, two
 *  hexadecimal numbers, '.', the lock-delay, and a candidate's description. */
#define LEASELOCK_KEY_MAX                                                      \
    (LEASELOCK_NAMESPACE_MAX + LEASELOCK_NAME_MAX + 1 + 7 + 16 + 1 + 16 + 8 +  \
     130)
/** A timeout that never expires. */
#define LEASELOCK_FOREVER (-1)
/** No delay, where 0 stands for a default. */
#define LEASELOCK_AT_ONCE (-1)

/**
 * Checks a name, without a request to etcd.
 *
 * @param name  may be NULL, which is not valid either
 * @return a static sentence with the reason, or NULL for a valid name
 * @thread any
 * @since 0.1
 */
const char *leaselock_name_check(const char *name);

/** The states of a ticket. */
enum leaselock_ticket_state {
    /** In the queue, or the request for a place is in flight. */
    LEASELOCK_TICKET_WAITING = 0,
    /** The ticket holds the lock. */
    LEASELOCK_TICKET_HELD = 1,
    /** It was held and is no longer. Final; release it. */
    LEASELOCK_TICKET_LOST = 2,
    /** It is being released, or a transaction that releases it has not been
     *  answered yet. */
    LEASELOCK_TICKET_RELEASED = 3
};

/**
 * Reports that a held ticket is lost: stop the work that the lock protects.
 * Called like any callback, at most once, and never for a ticket that was not
 * reported as held. It is an early hint: leaselock_ticket_state is
 * authoritative, and only the fencing token protects a store.
 *
 * @param why  a sentence; valid until the callback returns
 */
typedef void
leaselock_lost_fn(leaselock_ticket *ticket, const char *why, void *arg);

/**
 * Reports that a waiting ticket was queued again: see `requeue` below. Called
 * like any callback; several requeues in close succession may be reported once.
 *
 * @param why  a sentence; valid until the callback returns
 */
typedef void
leaselock_requeued_fn(leaselock_ticket *ticket, const char *why, void *arg);

/** A request to let go of a lock: see leaselock_yield. */
struct leaselock_yield_request {
    /** The process that asks, as "host pid 7 program"; "" if it is not known.
     *  As others have written it, like the reason: it may have any characters
     *  but a NUL. */
    const char *who;
    /** Why; "" if no reason was given, or the key has no room for one. */
    const char *reason;
    /** When, in Unix seconds of the asking process's clock; 0: not known. */
    int64_t at_unix_s;
};

/**
 * Reports that a held ticket is asked to let go. Nothing is forced: the ticket
 * stays held until it is released. Called like any callback, once for each
 * request.
 *
 * @param request  valid until the callback returns
 */
typedef void leaselock_yield_fn(leaselock_ticket *ticket,
                                const struct leaselock_yield_request *request,
                                void *arg);

/**
 * How a ticket shares its lock with the other tickets of the queue. Every
 * ticket is granted in etcd's order: one that waits blocks those of a
 * conflicting mode that come after it, so none waits for ever.
 */
enum leaselock_mode {
    /** Held alone. The only mode of other clients' keys. */
    LEASELOCK_EXCLUSIVE = 0,
    /** Held together with shared tickets and permits, never beside an exclusive
     *  one: readers, where writers take EXCLUSIVE. */
    LEASELOCK_SHARED = 1,
    /** One of `permits` that are held at the same time, never beside an
     *  exclusive ticket; shared ones do not count. */
    LEASELOCK_PERMIT = 2
};

/** The longest lock-delay: ten minutes. */
#define LEASELOCK_LOCK_DELAY_MAX_MS 600000

/** Most permits of one lock. */
#define LEASELOCK_PERMITS_MAX 100

/** Options of an acquire; 0 or NULL stands for the default of each. */
struct leaselock_acquire_options {
    /** sizeof(struct leaselock_acquire_options), set by the _INIT macro. */
    size_t struct_size;
    /** The label that the queue shows instead of the session's; copied. */
    const char *label;
    /** Called when the held ticket is lost; may be NULL. */
    leaselock_lost_fn *on_lost;
    void *on_lost_arg;
    /**
     * Not 0: the acquire ends with LEASELOCK_E_DEADLOCK when it is part of a
     * deadlock: when it waits for a ticket of a session that waits, directly or
     * through others, for a ticket of this ticket's session. The option assumes
     * that the session's other tickets stay held until this one is: use a
     * session for each thread that takes tickets one after another.
     *
     * The detection runs after a second of waiting, which finds a deadlock that
     * this wait has closed; then after about 2, 4, 8 and 16 more seconds and
     * every 30 seconds, for one that a wait without this option has closed. Of
     * all tickets of a deadlock that have the option exactly one is ended. A
     * run costs etcd three reads for each session that it visits, and up to
     * four more for each further 100 places of that session. It finds no
     * deadlock of more than 32 sessions, none through a session with more than
     * 1024 places, none through a session with a place that this user may not
     * read, and none through a wait for a permit. The option has no meaning for
     * leaselock_resume, and is refused for LEASELOCK_PERMIT, which waits for
     * any of several tickets.
     */
    int find_deadlock;
    /**
     * How long the ticket is held before its own key is watched. Until then a
     * third party's deletion of the key, or the revocation of the session's
     * lease, is not detected, although the next waiter gets the lock. 0 stands
     * for the default, 1000: a short hold without a wait then costs only its
     * two requests. LEASELOCK_AT_ONCE watches from the grant on, which costs a
     * watch and a read of the key for each hold. The key of a ticket that
     * waited directly behind the holder is watched already, but for that of a
     * permit.
     */
    int watch_own_key_ms;
    /**
     * Not 0: when the session is lost while the ticket waits, because etcd did
     * not answer for longer than the TTL of the lease, the ticket queues again
     * instead of ending with LEASELOCK_E_LOST. Its place in the queue is lost:
     * it gets a new key, at the end. Its timeout continues to run, and the wait
     * ends with LEASELOCK_E_UNAVAILABLE if etcd has not answered again by then.
     *
     * The caller's session stays lost. The library opens a replacement session
     * with the same time to live and label. All tickets of the lost session
     * that queue again live on it from then on, held ones included;
     * leaselock_ticket_lease returns its lease. Closing the caller's session
     * closes it; it ends by itself when the last of these tickets is released.
     *
     * A ticket whose key was deleted or whose lease was revoked by others while
     * etcd answered ends with LEASELOCK_E_LOST, as does one that is lost while
     * it is held. Has no meaning with a timeout of 0; leaselock_resume refuses
     * it (LEASELOCK_E_ARGUMENT).
     */
    int requeue;
    /** Called when the ticket was queued again; may be NULL. */
    leaselock_requeued_fn *on_requeue;
    void *on_requeue_arg;
    /**
     * One of enum leaselock_mode. leaselock_resume takes the mode from the key
     * and ignores this and the two below; leaselock_campaign takes only
     * LEASELOCK_EXCLUSIVE. There is no upgrade or downgrade of a held ticket:
     * release it, and acquire another one.
     */
    int mode;
    /**
     * Of LEASELOCK_PERMIT: how many permits the lock has, 1 to
     * LEASELOCK_PERMITS_MAX. Every client must name the same number: an acquire
     * with another one fails with LEASELOCK_E_MODE until the last permit and
     * waiter of the old number is gone. 0 in the other modes.
     */
    int permits;
    /**
     * For leaselock_acquire_all: the mode of each name, LEASELOCK_EXCLUSIVE or
     * LEASELOCK_SHARED; borrowed until the call returns. `mode` must then be
     * LEASELOCK_EXCLUSIVE. NULL: `mode` for all.
     */
    const int *modes;
    /**
     * Lock-delay, in milliseconds, 1 to LEASELOCK_LOCK_DELAY_MAX_MS; 0: none.
     * If this ticket's session ends while it holds the lock, because the
     * process died or was cut off, whoever waits behind it is granted the lock
     * only after this time: what the process still had on its way to other
     * systems can arrive before. A release, a withdrawal and
     * leaselock_session_close are no such end; leaselock_break and the
     * guardian's revoke are. A release then costs two requests, one after the
     * other.
     *
     * The ticket right behind it keeps the delay, if it is one of this library:
     * a ticket that is requested after the end is granted at once if it has to
     * wait for none that does, as a shared one behind shared ones, and so are
     * Go's clients. If the waiter that is delayed ends itself, its successor
     * does not wait for the rest. If the ticket between the two has gone just
     * before the end, and its successor has not learned yet what is ahead of it
     * now, that one does not wait either. A waiter that gives up during the
     * delay leaves the queue only when the delay is over, although its release
     * returns at once; closing its session removes it at once.
     *
     * For LEASELOCK_EXCLUSIVE, and neither for leaselock_acquire_all with
     * several names nor for a candidate of an election.
     */
    int lock_delay_ms;
    /**
     * The same behind tickets of other clients, whose keys name no delay: when
     * such a ticket goes, its lease is looked up. If that lives, it was a
     * release, and the lock is granted; else after this time, at most
     * LEASELOCK_LOCK_DELAY_MAX_MS. 0: no delay. Not for leaselock_acquire_all
     * with several names.
     */
    int foreign_delay_ms;
    /** Called when the ticket is asked to let go of the lock while it is held,
     *  or was before that; may be NULL. Watches the ticket's key from the grant
     *  on, as LEASELOCK_AT_ONCE of `watch_own_key_ms` does. */
    leaselock_yield_fn *on_yield;
    void *on_yield_arg;
    /**
     * How long the session keeps the lock after a release, in milliseconds, 1
     * to LEASELOCK_KEEP_MAX_MS; 0: not. As long as nobody else asks for it, the
     * session's next acquire of that name with this option and the same label
     * is granted in the process, without a request to etcd. Of several threads
     * that wait, one takes over from the other in the same way, in the order of
     * their calls. When another session asks, or this one without the option,
     * the lock is released at once, or when its holder does so; from then on
     * all wait in the queue.
     *
     * A kept lock is held as far as others can tell; its key says that it may
     * be kept. The first one that waits for it waits for one more message and a
     * deletion; a try of others asks for it, see leaselock_acquire; and a
     * process that is stopped while it keeps a lock blocks it until the lease
     * ends. Holds that follow each other in the process have one fencing token,
     * since nobody else held in between: leaselock_ticket_hold tells them
     * apart. The time starts with the first release, and again with each once
     * it is known that nobody waits, which takes up to a quarter of a second. A
     * release that keeps the lock returns 0 without asking etcd: a third party
     * may have deleted the key just before.
     *
     * For LEASELOCK_EXCLUSIVE; not with `find_deadlock`, `lock_delay_ms`,
     * `foreign_delay_ms` or `on_yield`, and neither for leaselock_acquire_all
     * with several names, for a candidate of an election nor for
     * leaselock_resume. Behind etcd's grpc-proxy nothing is kept.
     */
    int keep_ms;
    /**
     * With `keep_ms`: how often tickets that wait in this process still take
     * over from each other once another session waits, 0 to
     * LEASELOCK_LOCAL_PASSES_MAX. These are the first of those that wait at
     * that moment; all others queue behind the other session. 0: the holder's
     * release lets the other session in.
     */
    int local_passes;
};

/** The longest time for which a lock is kept: a day. */
#define LEASELOCK_KEEP_MAX_MS 86400000
/** The most hand-overs in the process while another session waits. */
#define LEASELOCK_LOCAL_PASSES_MAX 1000

#define LEASELOCK_ACQUIRE_OPTIONS_INIT                                         \
    {                                                                          \
        sizeof(struct leaselock_acquire_options), NULL, NULL, NULL, 0, 0, 0,   \
            NULL, NULL, 0, 0, NULL, 0, 0, NULL, NULL, 0, 0                     \
    }

/**
 * Takes a place in the queue of the lock and waits until it is a holder's.
 *
 * Waits only for the newest ticket ahead that blocks it, so a release wakes
 * those that it lets in and no others; a permit of n waits for any of several,
 * and up to 2n - 1 tickets take a step for a release. The queue has the order
 * in which etcd committed the requests.
 *
 * A try, with a timeout of 0, writes nothing if it fails, but for one case: if
 * the only key is another session's that may be kept (`keep_ms`), the try
 * touches that key, which leaves the holder undisturbed and ends a lock that is
 * kept without one. Then it waits for that for some round trips, 20 ms at least
 * and a second at most, and tries once more. Without the permission to write
 * that key it fails as any try.
 *
 * @param session     borrowed; must stay open until the ticket is released
 * @param name        1 to LEASELOCK_NAME_MAX bytes, copied: no '/' at either
 *                    end, no empty part between two '/', none that begins with
 *                    "~.", no control bytes
 * @param options     NULL for the defaults
 * @param timeout_ms  longest wait; 0 tries, and takes no place when the lock is
 *                    not free; LEASELOCK_FOREVER waits
 * @param ret_ticket  the held ticket; the caller releases it
 * @param reterr      filled on failure; may be NULL
 * @return 0, LEASELOCK_E_TIMEOUT, _LOST (the session's lease or the ticket's
 *         key is gone), _CLOSED, _NAME, _NESTED, _UNAVAILABLE, _REFUSED,
 *         _SERVER, _ARGUMENT, _STATE (the session is not open yet), _HANDLE,
 *         _FORKED, _DEADLOCK, _LIMIT, _NOMEM, _MODE (another number of
 *         permits is in use)
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_acquire(leaselock_session *session,
                      const char *name,
                      const struct leaselock_acquire_options *options,
                      int timeout_ms,
                      leaselock_ticket **ret_ticket,
                      struct leaselock_error *reterr);

/**
 * As leaselock_acquire, without waiting.
 *
 * @param done        called with 0 when the ticket is held, or with the reason
 *                    why the acquire failed: then the handle is closed as soon
 *                    as done returns. A release during the wait ends it with
 *                    LEASELOCK_E_CANCELED
 * @param ret_ticket  the waiting ticket; set before done is called
 * @return 0 when done will be called, else as leaselock_acquire
 * @thread any
 * @since 0.1
 */
int leaselock_acquire_async(leaselock_session *session,
                            const char *name,
                            const struct leaselock_acquire_options *options,
                            int timeout_ms,
                            leaselock_done_fn *done,
                            void *arg,
                            leaselock_ticket **ret_ticket,
                            struct leaselock_error *reterr);

/**
 * Takes over the place of a key that another process created on the session's
 * lease, with which the session has to be opened (`lease` of its options): a
 * process that is restarted continues as the holder, or at its place in the
 * queue. Waits as leaselock_acquire does.
 *
 * The process that created the key must have ended: if two processes use one
 * key, both hold the lock.
 *
 * @param session     borrowed; must stay open until the ticket is released
 * @param key         as leaselock_ticket_key returned it, of the same
 *                    namespace; copied
 * @param token       as leaselock_ticket_token returned it; 0 accepts any
 * @param options     NULL for the defaults; `label` has no meaning here
 * @param timeout_ms  1 or more, or LEASELOCK_FOREVER. When it expires the
 *                    ticket leaves the queue, as with leaselock_acquire
 * @param ret_ticket  the held ticket; the caller releases it
 * @param reterr      filled on failure; may be NULL
 * @return 0, LEASELOCK_E_LOST when there is no such key with this token, _NAME
 *         when it is not the key of a ticket on the session's lease, _STATE
 *         also when the session has resumed it already, else as
 *         leaselock_acquire
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_resume(leaselock_session *session,
                     const char *key,
                     int64_t token,
                     const struct leaselock_acquire_options *options,
                     int timeout_ms,
                     leaselock_ticket **ret_ticket,
                     struct leaselock_error *reterr);

/**
 * As leaselock_resume, without waiting.
 *
 * @param done        as of leaselock_acquire_async
 * @param ret_ticket  the ticket; set before done is called
 * @return 0 when done will be called, else as leaselock_resume
 * @thread any
 * @since 0.1
 */
int leaselock_resume_async(leaselock_session *session,
                           const char *key,
                           int64_t token,
                           const struct leaselock_acquire_options *options,
                           int timeout_ms,
                           leaselock_done_fn *done,
                           void *arg,
                           leaselock_ticket **ret_ticket,
                           struct leaselock_error *reterr);

/**
 * Releases a ticket: unlocks if it is held, leaves the queue if it waits.
 * Deletes the ticket's key and no other ticket's.
 * The handle is closed in every case but _FORKED and _DEADLOCK; when the
 * function has returned, on_lost is not running and is not called later.
 *
 * @param ticket  NULL does nothing
 * @return 0; LEASELOCK_E_LOST when the lock had been lost before;
 *         _OUTCOME_UNKNOWN when no answer came within twice the client's
 *         request timeout: the release continues in the background until
 *         etcd answers or the lease has expired; also when the session was
 *         closed in the meantime and its revoke was not answered either, or
 *         another cluster answered; _REFUSED, _SERVER; _CLOSED; _HANDLE
 *         (also for the later of two releases, and once the acquire has
 *         failed), _FORKED, _DEADLOCK, _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_release(leaselock_ticket *ticket, struct leaselock_error *reterr);

/**
 * As leaselock_release, without waiting. The handle is closed when it returns.
 *
 * @param done  called when etcd has answered; may be NULL
 * @return 0 when done will be called, else as leaselock_release
 * @thread any
 * @since 0.1
 */
int leaselock_release_async(leaselock_ticket *ticket,
                            leaselock_done_fn *done,
                            void *arg,
                            struct leaselock_error *reterr);

/**
 * Gives way and queues again, in one request: releases a held ticket, takes a
 * new place behind all that wait, and waits until that is a holder's. If nobody
 * waits, it is held again after that one request. A release and an acquire take
 * two, one after the other.
 *
 * The ticket is not held from the call on. It continues with the new place: a
 * new key, which leaselock_resume needs from then on, and, once etcd has
 * answered, a new token. The name, the mode and all other options of its
 * acquire apply to the new place; so does a label. If the lock had been lost
 * before, no place is taken.
 *
 * If the call fails, the lock has been given back, the new place is given up,
 * and the handle is closed, but for the statuses below. What etcd has not
 * answered by then is done in the background, until it answers or the lease has
 * expired: the old key and the new one are deleted.
 *
 *     after                      | the old key        | the new key
 *     0                          | gone               | the ticket's
 *     _TIMEOUT, _UNAVAILABLE,    | is deleted, if it  | is deleted, if it
 *     _CANCELED, _DEADLOCK,      | is there           | was made
 *     _REFUSED, _SERVER, _NESTED |                    |
 *     _LOST                      | gone, or lives no  | none, or gone
 *                                | longer than its    |
 *                                | lease              |
 *     _CLOSED                    | ends with the session's lease, both
 *     _LIMIT, _NOMEM             | is deleted         | none
 *     _ARGUMENT, _STATE          | there: the ticket  | none
 *                                | is held as before  |
 *
 * An answer that is lost does no harm: the request is sent again, and has an
 * effect once at most.
 *
 * Not for a candidate of an election, a ticket of several names, one with
 * `keep_ms`, or one with a lock-delay, whose release takes two requests anyway.
 * leaselock_release during the wait ends it with LEASELOCK_E_CANCELED. A fenced
 * write that is unanswered ends as at a release.
 *
 * @param ticket      held
 * @param timeout_ms  longest wait for the new turn, 1 or more, or
 *                    LEASELOCK_FOREVER
 * @param reterr      filled on failure; may be NULL
 * @return 0: held again; LEASELOCK_E_LOST when the lock had been lost before, or
 *         the new place was lost; _TIMEOUT, _UNAVAILABLE, _REFUSED, _SERVER,
 *         _NESTED, _DEADLOCK, _CANCELED, _CLOSED, _LIMIT, _NOMEM as
 *         leaselock_acquire; _ARGUMENT (see above), _STATE (it is not held, or
 *         a write that releases it is unanswered), _HANDLE, _FORKED and, inside
 *         a callback, _DEADLOCK: nothing is done, and the handle stays open
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_rejoin(leaselock_ticket *ticket,
                     int timeout_ms,
                     struct leaselock_error *reterr);

/**
 * As leaselock_rejoin, without waiting.
 *
 * @param done  called with 0 when the ticket is held again, or with the reason
 *              why not: then the handle is closed as soon as done returns
 * @return 0 when done will be called, else as leaselock_rejoin
 * @thread any
 * @since 0.1
 */
int leaselock_rejoin_async(leaselock_ticket *ticket,
                           int timeout_ms,
                           leaselock_done_fn *done,
                           void *arg,
                           struct leaselock_error *reterr);

/**
 * The state of a ticket now. It compares clocks: a process that was stopped
 * for longer than the lease lives sees LOST at its first call.
 *
 * @return a leaselock_ticket_state, LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_state(leaselock_ticket *ticket);

/**
 * The token: the create revision of the ticket's key. Later holders of a lock
 * have greater tokens, so a store that records the greatest token it has
 * received can refuse the writes of a former holder (a fencing token). Tickets
 * that hold a lock together are in no such order, and shared ones may have the
 * same token: then it is the tokens of exclusive tickets that a store records.
 *
 * @return the token, 0 while etcd has not answered, LEASELOCK_E_HANDLE or
 *         _FORKED
 * @thread any
 * @since 0.1
 */
int64_t leaselock_ticket_token(leaselock_ticket *ticket);

/**
 * Which of the holds of one session that follow each other with the same token
 * this is: 1, and with `keep_ms` more. The pair of token and hold rises with
 * each hold.
 *
 * @return the number, 0 while the ticket waits, LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int64_t leaselock_ticket_hold(leaselock_ticket *ticket);

/**
 * How many tickets that block this one were ahead of it in etcd's latest
 * answer; 0 when held. All tickets ahead block an exclusive one, the exclusive
 * ones a shared one, and these and the permits a permit.
 *
 * @return the number, which still counts tickets that have left since;
 *         LEASELOCK_E_STATE while it is not known, which in a long queue may
 *         take a tenth of a second longer than the token, _HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int64_t leaselock_ticket_position(leaselock_ticket *ticket);

/**
 * How long the ticket is certain to stay held when no further renewal of its
 * session succeeds; see leaselock_session_remaining_ms.
 *
 * @return milliseconds, 0 when it is not held, LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int64_t leaselock_ticket_remaining_ms(leaselock_ticket *ticket);

/**
 * The id of the lease that the ticket's key lives on: its session's, or that of
 * the replacement session if the ticket was queued again.
 *
 * @return the id, which is positive, LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int64_t leaselock_ticket_lease(leaselock_ticket *ticket);

/**
 * How often the ticket was queued again: see `requeue` of its options.
 *
 * @return the number, LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_requeues(leaselock_ticket *ticket);

/**
 * The ticket's mode: of a resumed ticket that of its key, of one with several
 * names that of the first.
 *
 * @return an enum leaselock_mode; LEASELOCK_E_STATE when a write has released
 *         it, _HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_mode(leaselock_ticket *ticket);

/**
 * How many permits the lock of a ticket of LEASELOCK_PERMIT has.
 *
 * @return the number, 0 in another mode, else as leaselock_ticket_mode
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_permits(leaselock_ticket *ticket);

/**
 * The ticket's key in etcd: NAME/LEASE.NUMBER, in hexadecimal; of a shared
 * ticket NAME/~.s.LEASE.NUMBER, of one of N permits NAME/~.pN.LEASE.NUMBER. By
 * the session's key_names hTAG-SLOT stands in the place of LEASE; then the key
 * may change until the ticket is in the queue, and keys that are there one
 * after the other have one name. What identifies a key is its create revision,
 * the token.
 *
 * @param ret_key  takes the key and a NUL; LEASELOCK_KEY_MAX + 1 suffices
 * @param size     bytes in ret_key
 * @return the key's length, LEASELOCK_E_ARGUMENT (size too small), _HANDLE or
 *         _FORKED
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_key(leaselock_ticket *ticket, char *ret_key, size_t size);

/**
 * The name of the ticket's lock.
 *
 * @param ret_name  takes the name and a NUL; LEASELOCK_NAME_MAX + 1 suffices
 * @param size      bytes in ret_name
 * @return the name's length, LEASELOCK_E_ARGUMENT (size too small), _HANDLE or
 *         _FORKED
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_name(leaselock_ticket *ticket,
                          char *ret_name,
                          size_t size);

#ifdef __cplusplus
}
#endif

#endif
