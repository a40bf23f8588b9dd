/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_TICKET_H
#define LL_API_TICKET_H

#include "client/client.h"
#include "leaselock/ticket.h"

struct ll_write_object;
struct ll_requeue;
struct ll_session_object;
struct ll_ticket_extra;

/** A place that a ticket has taken with leaselock_rejoin. Its core object has
 *  the same id. */
struct ll_rejoin_object {
    struct ll_handle handle;
    struct ll_ticket_object *ticket; /* a reference */
    struct ll_completion completion;
};

/** A ticket of the user; its core object has the same id, or, if it has queued
 *  again, that of its `rejoin` or the one in its `requeue`: see
 *  ll_ticket_id. */
struct ll_ticket_object {
    struct ll_handle handle;
    struct ll_link link; /* in client->tickets */
    uint32_t names_n;    /* above 1: a multi-lock */
    /** All that follows is under the client's mutex. */
    bool acquire_due; /* ACQUIRED is pending */
    bool release_due; /* RELEASED is pending */
    /** The write `unknown` has released it; core has dropped it. */
    bool committed;
    uint64_t session; /* its id: the user's, or a replacement session */
    struct ll_requeue *requeue;      /* NULL: it does not queue again */
    struct ll_rejoin_object *rejoin; /* the newest: a reference, or NULL */
    char *label;                     /* its own, or NULL: the session's */
    struct ll_completion acquired;
    struct ll_completion released;
    struct ll_notice lost;
    /** The last write that was reported with an unknown outcome: a reference,
     *  or NULL. */
    struct ll_write_object *unknown;
    const char *lost_why; /* static */
    leaselock_lost_fn *on_lost;
    void *on_lost_arg;
    struct ll_ticket_extra *extra; /* NULL: it needs none of that */
};

/** The properties of a new ticket. */
struct ll_ticket_ask {
    const struct leaselock_acquire_options *options; /* the user's, or NULL */
    int timeout_ms;
    /** A new place in this queue. */
    const char *name;
    /** Or places in these queues, two or more; the names are checked. */
    const struct ll_bytes *names;
    size_t names_n;
    bool is_all; /* of leaselock_acquire_all, also with one name */
    /** The key's value; NULL: one that describes the waiter. */
    const void *value;
    size_t value_size;
    /** Not NULL: resume the place of this key, at this token (0: at any). */
    const char *key;
    int64_t token;
    /** Called when the session is suspect while the ticket is held; may be
     *  NULL. Has on_lost's argument. */
    leaselock_lost_fn *on_suspect;
    /** Of an asynchronous acquire. */
    leaselock_done_fn *done;
    void *arg;
};

/** Checks a request for a ticket, sends it to core, and with `waits` waits for
 *  its end. */
int ll_ticket_begin(leaselock_session *user,
                    const struct ll_ticket_ask *ask,
                    bool waits,
                    leaselock_ticket **ret_ticket,
                    struct leaselock_error *reterr);

/** The value of a new place's key, for a label or (NULL) the session's; with the
 *  client's mutex held.
 *  @param keep_ms   as of ll_value_make
 *  @param ret_made  to be freed, or NULL */
int ll_ticket_value(struct ll_session_object *session,
                    const char *label,
                    int keep_ms,
                    struct ll_bytes *ret_value,
                    char **ret_made);

/** Finds a ticket by its handle; on success, the client's mutex is locked. To
 *  be ended with ll_ticket_exit. */
int ll_ticket_enter(const void *user, struct ll_ticket_object **ret_ticket);
void ll_ticket_exit(struct ll_ticket_object *ticket);

/** Takes a place out of the tables, and drops its ticket's reference to it; NULL
 *  does nothing. */
void ll_ticket_drop_place(struct ll_rejoin_object *place);

/** Takes a ticket out of the tables once nothing is due for it. */
void ll_ticket_settle(struct ll_ticket_object *ticket);

/** Closes a ticket's handle, and withdraws the reports that are due. */
void ll_ticket_shut(struct ll_ticket_object *ticket);

void ll_ticket_destroy(struct ll_handle *handle);

/** Begins to release a ticket, and closes its handle; with the mutex held. */
int ll_ticket_release_begin(struct ll_ticket_object *ticket,
                            struct ll_waiter *waiter,
                            leaselock_done_fn *done,
                            void *arg);

/** 0, or why a value cannot be proclaimed. */
int ll_candidate_check(const void *value,
                       size_t size,
                       struct leaselock_error *reterr);

/** As ll_ticket_begin, for a candidate and the value that it proclaims. */
int ll_ticket_campaign(leaselock_session *session,
                       struct ll_ticket_ask *ask,
                       const void *value,
                       size_t value_size,
                       bool waits,
                       leaselock_ticket **ret_ticket,
                       struct leaselock_error *reterr);

/** Reports that a session's tickets are suspect, or (NULL) no longer are. */
void ll_tickets_suspect(struct ll_client *client,
                        uint64_t session,
                        const char *why);

/** Core's id of the ticket's newest place. */
uint64_t ll_ticket_id(const struct ll_ticket_object *ticket);

/** The id of the session that the user named for a ticket. */
uint64_t ll_ticket_owner(const struct ll_ticket_object *ticket);
/** As ll_ticket_owner, for an object of any kind; 0 if it is no ticket. */
uint64_t ll_ticket_owner_of(struct ll_handle *handle);

/** Fails an acquire that is pending. */
void ll_ticket_fail_acquire(struct ll_client *client,
                            struct ll_ticket_object *ticket,
                            const struct ll_detail *detail);

/** Closes the handles of a session's tickets when the session is closed. */
void ll_tickets_close(struct ll_client *client, uint64_t session);

#endif
