/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_QUERY_H
#define LL_CLIENT_QUERY_H

#include "client/client.h"

/**
 * A request to etcd, or several one after another, with one completion. Each
 * request is a core query with an id of its own: the object's is renewed.
 */
struct ll_query_object {
    struct ll_handle handle; /* its id is the current core query's */
    struct ll_link link;     /* in client->queries */
    bool due;                /* QUERIED is pending */
    struct ll_request request;
    struct ll_completion completion;
    int64_t deadline_ns; /* of all its requests together */
    const char *why;     /* explains the status; or NULL */
    /** Completes the request with the client's data; may be NULL. */
    void (*prepare)(struct ll_query_object *query);
    /** Handles an answer; returns true if it has sent another request. Else
     *  *ret_status is the result. */
    bool (*on_answer)(struct ll_query_object *query,
                      const struct ll_effect *effect,
                      int *ret_status);
    /** Frees the members of the specific kind of query, and the query. */
    void (*release)(struct ll_query_object *query);
};

/** Initializes a query that is all zero. */
void ll_query_init(struct ll_query_object *query,
                   leaselock_done_fn *done,
                   void *arg);

void ll_query_destroy(struct ll_handle *handle);

/**
 * Sends the query's request and, for a blocking call, waits; without the
 * mutex. The query is freed in any case once it has ended.
 *
 * @param user    the client's handle
 * @param waits   block until it has ended; else its completion reports the end
 * @return 0 or an error
 */
int ll_query_run(const void *user,
                 struct ll_query_object *query,
                 int timeout_ms,
                 uint32_t endpoint,
                 bool waits,
                 struct leaselock_error *reterr);

/**
 * Sends the query's request with the mutex held, from any thread; the query is
 * freed once it has ended, and also when it could not be sent.
 *
 * @param deadline_ns  of all its requests together
 * @return 0 or an error
 */
int ll_query_begin(struct ll_client *client,
                   struct ll_query_object *query,
                   int64_t deadline_ns,
                   uint32_t endpoint);

/** Sends the request again, with its new content, to any endpoint; for
 *  on_answer. False: it could not be sent. */
bool ll_query_ask_on(struct ll_query_object *query);

/** As ll_query_ask_on, to one endpoint. */
bool ll_query_ask_on_at(struct ll_query_object *query, uint32_t endpoint);

#endif
