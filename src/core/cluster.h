/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_CLUSTER_H
#define LL_CORE_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct ll_core;

/**
 * Which cluster answers. Every answer of etcd carries the cluster's id, and a
 * client accepts answers with one id at a time.
 *
 *     state   | event                        | next    | does
 *     UNKNOWN | an answer with an id         | KNOWN   | accepts that id
 *     KNOWN   | an answer with the same id   | KNOWN   | its endpoint is
 *             |                              |         | checked
 *     KNOWN   | an answer with another id    | UNKNOWN | drops the answer: its
 *             |                              |         | request ends with
 *             |                              |         | SERVER, a write with
 *             |                              |         | OUTCOME_UNKNOWN;
 *             |                              |         | sessions being opened
 *             |                              |         | and observers end with
 *             |                              |         | SERVER, open sessions
 *             |                              |         | are lost, with the
 *             |                              |         | releases in them;
 *             |                              |         | sessions being closed
 *             |                              |         | end with
 *             |                              |         | OUTCOME_UNKNOWN
 *     KNOWN   | a session is opened, and no  | UNKNOWN |
 *             | other one that is not lost   |         |
 *             | and no observer is left      |         |
 *     any     | an answer without an id      | same    | accepts it; its
 *             |                              |         | endpoint is checked
 *     KNOWN   | "lease not found" from an    | KNOWN   | counts as AGAIN;
 *             | endpoint that is not checked |         | queries that endpoint
 *             |                              |         | for its cluster
 *
 * etcd's errors carry no id. One of them is final: "lease not found" ends its
 * session as lost, or a close as done. Another cluster has none of our leases,
 * so this error counts only from an endpoint that has shown its cluster.
 *
 * Another id has two possible causes: the list of endpoints names two clusters,
 * or a data directory was replaced. A client cannot distinguish them, so both
 * end what depends on the first id, with both ids in the message; the next
 * session begins with whichever cluster answers it.
 *
 * Two processes that begin with endpoints of different clusters would each see
 * one id. So the first session of a client also queries every other endpoint,
 * in parallel with its grant. It is open when all of them have answered with
 * one id or have failed, or after LL_CLUSTER_CHECK_NS. An endpoint that has
 * delayed a session is still queried later, but not awaited. The query is the
 * member's Status, which it answers itself. Etcd 3.5.28 to 3.5.31 and 3.6.9 to
 * 3.6.11 refuse that to all users but root, and refusals carry no id; then it
 * is LeaseTimeToLive of the session's own lease, which needs no permission, and
 * which etcd answers for a lease that does not exist.
 *
 * At the very start a client with a choice (nearest.h) knows nothing about its
 * endpoints, and has a connection to none. Then it queries the one in use as
 * well, and holds every other call back until one of them has answered that is
 * no learner and has a leader, and uses that one; or until all have failed, or
 * for LL_CLUSTER_FIRST_NS.
 *
 *     state | event                           | next | does
 *     COLD  | a session is opened, nothing    | HELD | queries every endpoint
 *           | was ever answered               |      |
 *     HELD  | an endpoint that can serve      | WARM | uses it; sends the calls
 *           | answers                         |      |
 *     HELD  | no query is unanswered; the     | WARM | sends the calls to the one
 *           | time is over                    |      | in use
 *
 * A query to one endpoint (a ping, a check of a synced address) accepts an
 * answer with any id: the caller compares the ids.
 */

/** How long the opening of a session awaits endpoints that are not checked. */
#define LL_CLUSTER_CHECK_NS INT64_C(500000000)

/** How long the first call waits for an endpoint that answers. */
#define LL_CLUSTER_FIRST_NS INT64_C(500000000)

/** The ids of these queries: this plus the endpoint. Those of batches are below
 *  it. */
#define LL_CLUSTER_CALLS (LL_ID_MAX + 1024)

/** Bytes of the sentence that names two ids. */
#define LL_CLUSTER_TEXT_SIZE 200
/** The most sentences that are kept, one for each pair of ids. */
#define LL_CLUSTER_TEXTS_MAX 8

struct ll_cluster {
    uint64_t id; /* the accepted one; 0: none */
    /** A bit for each endpoint: */
    uint64_t checked; /* has answered with the id, or without any */
    uint64_t due;     /* is to be queried */
    uint64_t asked;   /* has been queried and has not answered */
    uint64_t slow;    /* has delayed a session */
    uint64_t refuses; /* has refused its Status */
    int64_t first_ns; /* HELD until then; 0: not HELD */
    uint32_t seq;
    int64_t lease; /* to query */
    /** The newest of the sentences, or NULL; it stays as long as core. */
    const char *text;
    char texts[LL_CLUSTER_TEXTS_MAX][LL_CLUSTER_TEXT_SIZE];
    unsigned texts_n;
};

/** Whether an answer with this id is accepted; if not, ends everything that
 *  depends on the accepted id. */
bool ll_cluster_believes(struct ll_core *core, uint64_t id, uint32_t endpoint);

/** An endpoint has answered a query of its own with this id, which the caller
 *  compares. */
void ll_cluster_note(struct ll_core *core, uint64_t id, uint32_t endpoint);

/** Whether an error from this endpoint is accepted; if not, queries the
 *  endpoint for its cluster. */
bool ll_cluster_trusts(struct ll_core *core, uint32_t endpoint);

/** A session is being opened: queries the endpoints that are not checked. */
void ll_cluster_check(struct ll_core *core, int64_t lease);
/** Whether calls are held back until an endpoint has answered. */
bool ll_cluster_holds(const struct ll_core *core);
/** When that ends without an answer; LL_NEVER: they are not held. */
int64_t ll_cluster_deadline_ns(const struct ll_core *core);
/** Whether opening it waits for an answer. */
bool ll_cluster_is_awaited(const struct ll_core *core);
/** A session has waited long enough. */
void ll_cluster_give_up(struct ll_core *core);

/** Draws a query; false when there is none. */
bool ll_cluster_next(struct ll_core *core, struct ll_effect *ret_effect);
/** The answer to one, whose id is LL_CLUSTER_CALLS or above. */
void ll_cluster_on_answer(struct ll_core *core, const struct ll_event *event);

#endif
