/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_WRITE_H
#define LL_API_WRITE_H

#include "api/ticket.h"
#include "leaselock/fenced.h"

/**
 * A write under a ticket's fence, from its call to core's last word: until then
 * core borrows its conditions, keys and values, which may be long after the
 * call has ended with LEASELOCK_E_OUTCOME_UNKNOWN.
 */
struct ll_write_object {
    struct ll_handle handle;         /* its id is the core write's */
    struct ll_ticket_object *ticket; /* a reference, until it is over */
    struct ll_link link;             /* in client->writes, until it is over */
    bool releases;
    bool reported; /* the call has ended */
    bool over;     /* core has had its last word */
    struct ll_completion completion;
    int64_t *ret_revision; /* the user's, or NULL */
    struct ll_link asked;  /* who waits for the last word */
    struct ll_detail last; /* that word; its text is last_text, or "" */
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

/** What is to be written. */
struct ll_write_ask {
    const struct leaselock_txn *txn; /* complete, or NULL: nothing */
    /** The new value of the ticket's own key, or NULL. */
    const struct ll_bytes *value;
    int timeout_ms;
    /** Of one that nobody waits for. */
    leaselock_done_fn *done;
    void *arg;
};

/** Bytes of all keys and values of a write at most; etcd takes 1.5 MiB
 *  unless it is told otherwise. */
#define LL_WRITE_BYTES_MAX (64 * 1024 * 1024)

/** 0 and how many bytes there are, or what is wrong with what is asked for. */
int ll_write_count(const struct ll_write_ask *ask,
                   size_t *ret_n,
                   const char **ret_why);

/** A write of so many bytes, with copies of all that it has; NULL: no memory.
 */
struct ll_write_object *ll_write_new(struct ll_ticket_object *ticket,
                                     const struct ll_write_ask *ask,
                                     size_t bytes_n);

void ll_write_destroy(struct ll_handle *handle);

/** Checks what is to be written, asks for it, and with `waits` awaits it. */
int ll_write_run(leaselock_ticket *user,
                 const struct ll_write_ask *ask,
                 bool waits,
                 struct leaselock_error *reterr);

/** Tells all who wait for a write's last word, which is known now. */
void ll_outcomes_report(struct ll_write_object *write);

#endif
