/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_WRITE_H
#define LL_API_WRITE_H

#include "api/ticket.h"
#include "leaselock/fenced.h"

/**
 * A write under a ticket's fence, from its call to core's report of the final
 * outcome. Until then core borrows its conditions, keys and values, possibly
 * long after the call has ended with LEASELOCK_E_OUTCOME_UNKNOWN.
 */
struct ll_write_object {
    struct ll_handle handle;         /* its id is the core write's */
    struct ll_ticket_object *ticket; /* a reference, until it has ended */
    struct ll_link link;             /* in client->writes, until it has ended */
    bool releases;
    bool reported; /* the call has ended */
    bool over;     /* core has reported the final outcome */
    struct ll_completion completion;
    int64_t *ret_revision; /* the user's, or NULL */
    struct ll_link asked;  /* requests for the final outcome */
    struct ll_detail last; /* the final outcome; its text is last_text, or "" */
    char *last_text;
    struct ll_compare *compares;
    struct ll_op *ops;
    struct ll_range *reads;
    size_t reads_n;
    struct leaselock_get_info **ret_reads; /* the user's, of reads_n */
    struct ll_bytes value;                 /* to be proclaimed */
    char *bytes; /* all keys and values, one after the other */
    size_t bytes_n;
};

/** The arguments of a write. */
struct ll_write_ask {
    const struct leaselock_txn *txn; /* complete, or NULL: nothing */
    /** The new value of the ticket's own key, or NULL. */
    const struct ll_bytes *value;
    int timeout_ms;
    /** Of an asynchronous write. */
    leaselock_done_fn *done;
    void *arg;
};

/** The most bytes of all keys and values of a write; etcd accepts 1.5 MiB by
 *  default. */
#define LL_WRITE_BYTES_MAX (64 * 1024 * 1024)

/** 0 and the number of bytes, or an error for arguments that are not valid. */
int ll_write_count(const struct ll_write_ask *ask,
                   size_t *ret_n,
                   const char **ret_why);

/** Makes a write of so many bytes, with copies of its arguments; NULL: no
 *  memory. */
struct ll_write_object *ll_write_new(struct ll_ticket_object *ticket,
                                     const struct ll_write_ask *ask,
                                     size_t bytes_n);

void ll_write_destroy(struct ll_handle *handle);

/** Checks a write, sends it to core, and with `waits` waits for its end. */
int ll_write_run(leaselock_ticket *user,
                 const struct ll_write_ask *ask,
                 bool waits,
                 struct leaselock_error *reterr);

/** Completes the requests for a write's final outcome, which is known now. */
void ll_outcomes_report(struct ll_write_object *write);

#endif
