/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_SESSION_H
#define LL_API_SESSION_H

#include "client/client.h"
#include "leaselock/session.h"

/** A session that the user or the library opened; its core object has the same
 *  id. */
struct ll_session_object {
    struct ll_handle handle;
    struct ll_link link; /* in client->sessions */
    char *label;         /* NULL: none */
    int close_timeout_ms;
    int ttl_s;        /* the requested one */
    int unguarded;    /* as in its options */
    int key_names;    /* the same */
    uint64_t root;    /* of a replacement: the user's session; else 0 */
    uint32_t guarded; /* its slot in the guardian's table; 0: none */
    /** All that follows is under the client's mutex. */
    /** Of a user's session: a reference to the newest replacement session, or
     *  NULL; see requeue.h. */
    struct ll_session_object *heir;
    unsigned tickets_n;     /* of a replacement: how many are on it */
    struct ll_link useless; /* in client->heirs */
    /** The newest value of a ticket with the session's label, or NULL, and its
     *  time: values made within one second are equal if they are kept alike. */
    char *value;
    size_t value_size;
    int64_t value_since_unix_s;
    int value_keep_ms; /* as of ll_value_make */
    bool open_due;     /* SESSION_OPENED is pending */
    bool close_due;    /* SESSION_CLOSED is pending */
    struct ll_completion opened;
    struct ll_completion closed;
    /** The newest change of state that is to be reported to the user. */
    struct ll_notice changed;
    enum leaselock_session_state changed_to;
    const char *changed_why; /* static */
    leaselock_session_fn *on_state;
    void *on_state_arg;
};

/** Finds a session by its handle; on success, the client's mutex is locked. To
 *  be ended with ll_session_exit. */
int ll_session_enter(const void *user, struct ll_session_object **ret_session);
void ll_session_exit(struct ll_session_object *session);

/** Takes a session out of the tables once nothing is due for it. */
void ll_session_settle(struct ll_session_object *session);
void ll_session_destroy(struct ll_handle *handle);

/** What ll_session_start needs besides the options. */
struct ll_session_begin {
    struct ll_waiter *waiter;
    leaselock_done_fn *done;
    void *arg;
    uint64_t root; /* of a replacement session */
    int64_t delay_ns;
};

/** Makes a session and requests its lease; with the client's mutex held.
 *  @param ret_session  with a reference for the caller */
int ll_session_start(struct ll_client *client,
                     const struct leaselock_session_options *options,
                     const struct ll_session_begin *begin,
                     struct ll_session_object **ret_session,
                     struct leaselock_error *reterr);

/** Requests core to close a session whose handle has just been shut. */
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
 * The replacement session of a user's session: the present one, or a new one,
 * whose lease is requested after a delay.
 *
 * @param root  the id of the user's session
 * @return 0, LEASELOCK_E_CLOSED when that is closed, or as leaselock_session_
 *         open
 */
int ll_session_heir(struct ll_client *client,
                    uint64_t root,
                    int64_t delay_ns,
                    struct ll_session_object **ret_heir);
/** Removes a ticket from a session; does nothing unless it is a replacement. */
void ll_session_leave_heir(struct ll_client *client, uint64_t id);
/** Closes the replacement sessions without tickets. */
void ll_sessions_close_heirs(struct ll_client *client);

#endif
