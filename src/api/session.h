#ifndef LL_API_SESSION_H
#define LL_API_SESSION_H

#include "api/client.h"
#include "leaselock/session.h"

/** A session of the user's; its core object has the same id. */
struct ll_session_object {
    struct ll_handle handle;
    struct ll_client *client; /* a reference */
    struct ll_link link;      /* in client->sessions */
    char *label;              /* NULL: none */
    int close_timeout_ms;
    uint32_t guarded; /* its place with the guardian; 0: none */
    /** All that follows is under the client's mutex. */
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

/** Copies a user's options, with the defaults where none is set, and checks
 *  them. */
int ll_session_options(const struct leaselock_session_options *user,
                       struct leaselock_session_options *options,
                       struct leaselock_error *reterr);

#endif
