/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_LEADERSHIP_H
#define LL_API_LEADERSHIP_H

#include "api/term.h"
#include "client/client.h"
#include "leaselock/election.h"

/**
 * leaselock_lead_async: runs the steps of a term as asynchronous calls. All
 * steps run where callbacks are called, one at a time. A request from another
 * thread is recorded under the client's mutex and posts a notice, which handles
 * it.
 */
struct ll_leadership {
    struct ll_handle handle;
    struct ll_link link; /* in client->leaderships */
    /** Used where callbacks are called, without the mutex. */
    struct ll_term term;
    leaselock_session *session;
    leaselock_ticket *ticket;
    bool owns_session;
    struct leaselock_session_options again; /* of the term's options */
    char *again_label;                      /* or NULL */
    leaselock_term_fn *on_term;
    leaselock_done_fn *done;
    void *arg;
    /** All that follows is under the client's mutex. */
    struct ll_notice look;
    bool works; /* leaselock_lead_term_end has not been called */
    bool stops;
    int stop_status;
    int64_t pause_ns; /* INT64_MAX: no pause, or it has ended */
    char *name;
    size_t value_size;
    char value[];
};

/** Called by a leadership's notice: takes the steps that are due. */
void ll_leadership_look(struct ll_client *client, struct ll_notice *notice);

#endif
