/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_QUERY_H
#define LL_CLIENT_QUERY_H

#include "client/client.h"

/**
 * A question to etcd, or several one after another, that ends in one
 * completion. Each core query gets an id of its own: the object's is renewed.
 */
struct ll_query_object {
    struct ll_handle handle; /* its id is the present core query's */
    struct ll_link link;     /* in client->queries */
    bool due;                /* QUERIED is to come */
    struct ll_request request;
    struct ll_completion completion;
    int64_t deadline_ns; /* of all its questions together */
    const char *why;     /* what there is to say of the status; or NULL */
    /** Completes the request with what the client knows; may be NULL. */
    void (*prepare)(struct ll_query_object *query);
    /** Takes an answer; returns true when it has asked on. Else status tells
     *  how it ended. */
    bool (*on_answer)(struct ll_query_object *query,
                      const struct ll_effect *effect,
                      int *ret_status);
    /** Frees what the kind of query has besides. */
    void (*release)(struct ll_query_object *query);
};

/** Prepares a query that is all zero. */
void ll_query_init(struct ll_query_object *query,
                   leaselock_done_fn *done,
                   void *arg);

void ll_query_destroy(struct ll_handle *handle);

/**
 * Asks the query's request and, for a blocking call, waits; without the
 * mutex. The query is freed in any case once it has ended.
 *
 * @param user    the client's handle
 * @param waits   block until it has ended; else its completion tells
 * @return 0 or what went wrong
 */
int ll_query_run(const void *user,
                 struct ll_query_object *query,
                 int timeout_ms,
                 uint32_t endpoint,
                 bool waits,
                 struct leaselock_error *reterr);

/**
 * Asks the query's request with the mutex held, from whichever thread; it is
 * freed once it has ended, and also when it could not be asked.
 *
 * @param deadline_ns  of all its questions together
 * @return 0 or what went wrong
 */
int ll_query_begin(struct ll_client *client,
                   struct ll_query_object *query,
                   int64_t deadline_ns,
                   uint32_t endpoint);

/** Asks the request anew, with its new content, of any endpoint; for
 *  on_answer. False: it could not be asked. */
bool ll_query_ask_on(struct ll_query_object *query);

/** The same of one endpoint. */
bool ll_query_ask_on_at(struct ll_query_object *query, uint32_t endpoint);

#endif
