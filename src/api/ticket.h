/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_TICKET_H
#define LL_API_TICKET_H

#include "client/client.h"
#include "leaselock/ticket.h"

struct ll_write_object;
struct ll_requeue;

/** A ticket of the user's; its core object has the same id, or, when it was
 *  queued again, the one in its `requeue`: see ll_ticket_id. */
struct ll_ticket_object {
    struct ll_handle handle;
    struct ll_link link; /* in client->tickets */
    uint32_t names_n;    /* above 1: of several locks */
    /** All that follows is under the client's mutex. */
    bool acquire_due; /* ACQUIRED is to come */
    bool release_due; /* RELEASED is */
    /** The write `unknown` has given it back; core has dropped it. */
    bool committed;
    uint64_t session; /* the id of the one it is on: the user's or an heir */
    struct ll_requeue *requeue; /* NULL: it does not queue again */
    struct ll_completion acquired;
    struct ll_completion released;
    struct ll_notice lost;
    /** The write that was told last as one of unknown outcome: a reference,
     *  or NULL. */
    struct ll_write_object *unknown;
    const char *lost_why; /* static */
    leaselock_lost_fn *on_lost;
    void *on_lost_arg;
    /** Its session is in doubt; with on_lost's argument. */
    struct ll_notice suspect;
    const char *suspect_why; /* static */
    leaselock_lost_fn *on_suspect;
};

/** What a new ticket is to be. */
struct ll_ticket_ask {
    const struct leaselock_acquire_options *options; /* the user's, or NULL */
    int timeout_ms;
    /** A new place, in this queue. */
    const char *name;
    /** Or in these queues, two or more, which have been checked. */
    const struct ll_bytes *names;
    size_t names_n;
    /** The key's value; NULL: one that says who waits. */
    const void *value;
    size_t value_size;
    /** Not NULL: the place of this key, at this token (0: at any). */
    const char *key;
    int64_t token;
    /** Told of a session that is in doubt while the ticket is held; NULL:
     *  nobody. Has on_lost's argument. */
    leaselock_lost_fn *on_suspect;
    /** Of one that nobody waits for. */
    leaselock_done_fn *done;
    void *arg;
};

/** Checks what is asked for, asks for it, and with `waits` awaits it. */
int ll_ticket_begin(leaselock_session *user,
                    const struct ll_ticket_ask *ask,
                    bool waits,
                    leaselock_ticket **ret_ticket,
                    struct leaselock_error *reterr);

/** A look-up of a ticket's handle, with its client's mutex locked when it
 *  succeeds; to be ended with ll_ticket_exit. */
int ll_ticket_enter(const void *user, struct ll_ticket_object **ret_ticket);
void ll_ticket_exit(struct ll_ticket_object *ticket);

/** Takes a ticket out of the tables once nothing is due for it. */
void ll_ticket_settle(struct ll_ticket_object *ticket);

/** Closes a ticket's handle; the user is told of no loss any more. */
void ll_ticket_shut(struct ll_ticket_object *ticket);

void ll_ticket_destroy(struct ll_handle *handle);

/** 0, or why a value cannot be proclaimed. */
int ll_candidate_check(const void *value,
                       size_t size,
                       struct leaselock_error *reterr);

/** The same for a candidate, with the value that it proclaims. */
int ll_ticket_campaign(leaselock_session *session,
                       struct ll_ticket_ask *ask,
                       const void *value,
                       size_t value_size,
                       bool waits,
                       leaselock_ticket **ret_ticket,
                       struct leaselock_error *reterr);

/** Its session is in doubt, or (NULL) is not any more. */
void ll_tickets_suspect(struct ll_client *client,
                        uint64_t session,
                        const char *why);

/** Core's id of the ticket's newest place. */
uint64_t ll_ticket_id(const struct ll_ticket_object *ticket);

/** The id of the session that the user named for a ticket. */
uint64_t ll_ticket_owner(const struct ll_ticket_object *ticket);
/** The same of an object that is a ticket; 0 of any other. */
uint64_t ll_ticket_owner_of(struct ll_handle *handle);

/** Ends an acquire that is due with a failure. */
void ll_ticket_fail_acquire(struct ll_client *client,
                            struct ll_ticket_object *ticket,
                            const struct ll_detail *detail);

/** A session is being closed: so are the handles of its tickets. */
void ll_tickets_close(struct ll_client *client, uint64_t session);

#endif
