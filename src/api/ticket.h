#ifndef LL_API_TICKET_H
#define LL_API_TICKET_H

#include "api/client.h"
#include "leaselock/ticket.h"

/** A ticket of the user's; its core object has the same id. */
struct ll_ticket_object {
    struct ll_handle handle;
    struct ll_client *client; /* a reference */
    struct ll_link link;      /* in client->tickets */
    uint64_t session;         /* its id */
    /** All that follows is under the client's mutex. */
    bool acquire_due; /* ACQUIRED is to come */
    bool release_due; /* RELEASED is */
    struct ll_completion acquired;
    struct ll_completion released;
    struct ll_notice lost;
    const char *lost_why; /* static */
    leaselock_lost_fn *on_lost;
    void *on_lost_arg;
};

/** A look-up of a ticket's handle, with its client's mutex locked when it
 *  succeeds; to be ended with ll_ticket_exit. */
int ll_ticket_enter(const void *user, struct ll_ticket_object **ret_ticket);
void ll_ticket_exit(struct ll_ticket_object *ticket);

/** The session of an object that is a ticket; 0 of any other. */
uint64_t ll_ticket_session(struct ll_handle *handle);

/** A session is being closed: so are the handles of its tickets. */
void ll_tickets_close(struct ll_client *client, uint64_t session);

#endif
