/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_REQUEUE_H
#define LL_API_REQUEUE_H

#include "api/session.h"
#include "api/ticket.h"

/**
 * Requeues waiting tickets whose session was lost because etcd was silent, if
 * their options ask for it.
 *
 * A lost session stays lost. The client opens a *replacement session* (`heir`)
 * with the lost session's time to live and label; the user has no handle of it.
 * All tickets of one lost session that queue again share it. It belongs to the
 * session that the user opened, its root: it is closed when the root is closed,
 * or when its last ticket has ended.
 *
 *     replacement | event                      | next    | action
 *     none        | a ticket queues again      | opening | LeaseGrant, until
 *                 |                            |         | etcd answers it
 *     opening,    | another ticket does        | as it   | the ticket joins it
 *     alive       |                            | is      |
 *     alive       | lost                       | lost    | its waiting tickets
 *                 |                            |         | queue again, on a
 *                 |                            |         | new replacement
 *     opening     | refused                    | ended   | its tickets end
 *                 |                            |         | with that status
 *     any         | its last ticket has ended  | closing | LeaseRevoke
 *     any         | the root is closed         | closing | LeaseRevoke; the
 *                 |                            |         | close of the root
 *                 |                            |         | waits for its answer
 *
 * In core each new place is a new ticket, with an id of its own: see
 * ll_ticket_id. All state here is under the client's mutex.
 */
struct ll_requeue {
    /** Core's id of the newest place, unless it is the first. */
    struct ll_handle place;
    struct ll_ticket_object *ticket;
    uint64_t id;    /* of the newest place in core; at first the ticket's */
    uint64_t owner; /* the id of the session that the user named */
    int times;      /* how often the ticket was queued again */
    struct ll_link link; /* in client->requeues while it is due */
    struct ll_notice notice;
    const char *why; /* static */
    leaselock_requeued_fn *on_requeue;
    void *on_requeue_arg;
    int64_t end_ns; /* of the wait; INT64_MAX: never */
    bool find_deadlock;
    bool yields;
    uint32_t lock_delay_ms;
    uint32_t foreign_delay_ms;
    int64_t watch_own_ns;     /* as of core's acquire */
    int64_t keep_ns;          /* the same */
    uint32_t local_passes;    /* the same */
    char *label;              /* the same, and a NUL */
    char who[LL_WHO_MAX + 1]; /* as of core's acquire, and a NUL */
    char *value;
    size_t value_size;
    struct ll_bytes *names; /* names_n of the ticket; they point behind it */
    struct ll_mode *modes;  /* of each of them */
};

/** Saves what a ticket needs to queue again.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_requeue_prepare(struct ll_ticket_object *ticket,
                       const struct leaselock_acquire_options *options,
                       const struct ll_ticket_ask *ask,
                       struct ll_bytes value,
                       const char *who);
/** The ticket waits anew, with another value; does nothing for one that does not
 *  queue again.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_requeue_renew(struct ll_ticket_object *ticket,
                     int timeout_ms,
                     struct ll_bytes value);
/** NULL does nothing. */
void ll_requeue_free(struct ll_requeue *requeue);

/** Whether a ticket whose acquire failed is to queue again; if so, marks it as
 *  due. */
bool ll_requeue_wants(struct ll_ticket_object *ticket,
                      const struct ll_effect *effect);

/** The ticket whose newest place in core has this handle. */
struct ll_ticket_object *ll_requeue_ticket(struct ll_handle *handle);

/** Takes a ticket's last place out of the tables when the ticket has ended. */
void ll_requeue_settle(struct ll_ticket_object *ticket);

/** Queues the tickets that are due again, and closes the replacement sessions
 *  without tickets. Not from inside an effect. */
void ll_requeue_run(struct ll_client *client);

#endif
