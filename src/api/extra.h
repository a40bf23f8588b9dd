/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_EXTRA_H
#define LL_API_EXTRA_H

#include "api/ticket.h"

/** The most requests to let go of a ticket whose callback is due. */
#define LL_ASKED_MAX 16
/** The requests that are remembered, so that none is reported twice. */
#define LL_ASKED_IDS 8

/**
 * What few tickets need: the report of a suspect session, of a candidate of
 * leaselock_lead, and those of requests to let go (see core/yield.h). All is
 * under the client's mutex.
 *
 * A request in the key's value has an id, and is reported if that is new. A put
 * without a request in the value is one if it certainly is others'.
 */
struct ll_ticket_extra {
    struct ll_ticket_object *ticket;
    /** Reports that its session is suspect; with on_lost's argument. */
    struct ll_notice suspect;
    const char *suspect_why; /* static */
    leaselock_lost_fn *on_suspect;
    leaselock_yield_fn *on_yield;
    void *on_yield_arg;
    struct ll_link asked; /* the requests that are due, or being reported */
    unsigned asked_n;
    unsigned ids_n; /* ever; the newest LL_ASKED_IDS are kept */
    uint64_t ids[LL_ASKED_IDS];
};

/** Gives a new ticket what its options need.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_extra_make(struct ll_ticket_object *ticket,
                  const struct leaselock_acquire_options *options,
                  const struct ll_ticket_ask *ask);
/** NULL does nothing. */
void ll_extra_free(struct ll_ticket_extra *extra);

/* These do nothing for a ticket without an extra. */

/** Withdraws the reports that are due. */
void ll_extra_quieten(struct ll_ticket_object *ticket);
/** Makes the report due that the session is suspect; why NULL: withdraws it. */
void ll_extra_suspect(struct ll_ticket_object *ticket, const char *why);
/** LL_EFFECT_ASKED. */
void ll_extra_asked(struct ll_ticket_object *ticket,
                    const struct ll_effect *effect);

#endif
