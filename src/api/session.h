/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_SESSION_H
#define LL_API_SESSION_H

#include "client/client.h"
#include "leaselock/session.h"

/** A session of the user's; its core object has the same id. */
struct ll_session_object {
    struct ll_handle handle;
    struct ll_link link; /* in client->sessions */
    char *label;         /* NULL: none */
    int close_timeout_ms;
    int ttl_s;        /* that was asked for */
    int unguarded;    /* as in its options */
    uint64_t root;    /* of an heir: the session of the user's; else 0 */
    uint32_t guarded; /* its place with the guardian; 0: none */
    /** All that follows is under the client's mutex. */
    /** Of a user's: the newest heir, a reference, or NULL: see requeue.h. */
    struct ll_session_object *heir;
    unsigned tickets_n;     /* of an heir: how many are on it */
    struct ll_link useless; /* in client->heirs */
    /** The newest value of a ticket with the session's label, or NULL, and its
     *  time: within a second they are alike. */
    char *value;
    size_t value_size;
    int64_t value_since_unix_s;
    bool open_due;  /* SESSION_OPENED is to come */
    bool close_due; /* SESSION_CLOSED is */
    struct ll_completion opened;
    struct ll_completion closed;
    /** The newest change of state that the user is to be told of. */
    struct ll_notice changed;
    enum leaselock_session_state changed_to;
    const char *changed_why; /* static */
    leaselock_session_fn *on_state;
    void *on_state_arg;
};

/** A look-up of a session's handle, with its client's mutex locked when it
 *  succeeds; to be ended with ll_session_exit. */
int ll_session_enter(const void *user, struct ll_session_object **ret_session);
void ll_session_exit(struct ll_session_object *session);

/** Takes a session out of the tables once nothing is due for it. */
void ll_session_settle(struct ll_session_object *session);
void ll_session_destroy(struct ll_handle *handle);

/** How a session begins, beside its options. */
struct ll_session_begin {
    struct ll_waiter *waiter;
    leaselock_done_fn *done;
    void *arg;
    uint64_t root; /* of an heir */
    int64_t delay_ns;
};

/** Makes a session and asks for its lease; with the client's mutex held.
 *  @param ret_session  with a reference for the caller */
int ll_session_start(struct ll_client *client,
                     const struct leaselock_session_options *options,
                     const struct ll_session_begin *begin,
                     struct ll_session_object **ret_session,
                     struct leaselock_error *reterr);

/** Asks core to close a session whose handle has just been shut. */
int ll_session_close_one(struct ll_session_object *session,
                         struct ll_waiter *waiter,
                         leaselock_done_fn *done,
                         void *arg);

/** Copies a user's options, with the defaults where none is set, and checks
 *  them. */
int ll_session_options(const struct leaselock_session_options *user,
                       struct leaselock_session_options *options,
                       struct leaselock_error *reterr);

/**
 * The heir of a user's session: the one it has, or a new one, whose lease is
 * asked for after a delay.
 *
 * @param root  the id of the user's session
 * @return 0, LEASELOCK_E_CLOSED when that is closed, or as leaselock_session_
 *         open
 */
int ll_session_heir(struct ll_client *client,
                    uint64_t root,
                    int64_t delay_ns,
                    struct ll_session_object **ret_heir);
/** A ticket is on a session no more; does nothing where that is no heir. */
void ll_session_leave_heir(struct ll_client *client, uint64_t id);
/** Closes the heirs without tickets. */
void ll_sessions_close_heirs(struct ll_client *client);

#endif
