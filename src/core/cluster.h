/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_CLUSTER_H
#define LL_CORE_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct ll_core;

/**
 * Which cluster answers. Every answer of etcd's carries the cluster's id, and a
 * client believes one id at a time.
 *
 *     state   | event                        | next    | does
 *     UNKNOWN | an answer with an id         | KNOWN   | that id is believed
 *     KNOWN   | an answer with the same id   | KNOWN   | its endpoint is
 *             |                              |         | checked
 *     KNOWN   | an answer with another id    | UNKNOWN | drops the answer: what
 *             |                              |         | asked ends with SERVER,
 *             |                              |         | a write with
 *             |                              |         | OUTCOME_UNKNOWN;
 *             |                              |         | sessions that are being
 *             |                              |         | opened and observers
 *             |                              |         | end with SERVER, open
 *             |                              |         | sessions are lost, with
 *             |                              |         | what is released in
 *             |                              |         | them; sessions that are
 *             |                              |         | being closed end with
 *             |                              |         | OUTCOME_UNKNOWN
 *     KNOWN   | a session is opened, and no  | UNKNOWN |
 *             | other that is not lost, and  |         |
 *             | no observer is left          |         |
 *     any     | an answer without an id      | same    | it is believed; its
 *             |                              |         | endpoint is checked
 *     KNOWN   | "lease not found" of an      | KNOWN   | counts as "try again";
 *             | endpoint that is not checked |         | that endpoint is asked
 *             |                              |         | for its cluster
 *
 * etcd's errors carry no id. One of them is final: a lease that is not found
 * ends its session, or a close as done. Another cluster finds no lease of ours,
 * so this error counts only where the endpoint has shown its cluster.
 *
 * Another id has two reasons: the list of endpoints names two clusters, or a
 * data directory was replaced. A client cannot tell them apart, so both end
 * what stands on the first id, with both ids in the message; the next session
 * begins with whichever cluster answers it.
 *
 * Two processes that begin with endpoints of different clusters would each see
 * one id. So the first session of a client asks every other endpoint as well,
 * beside its grant, and is opened when all of them have answered with one id or
 * have failed, or after LL_CLUSTER_CHECK_NS. An endpoint that has let a session
 * wait is still asked later, and not waited for. The question is
 * LeaseTimeToLive of the session's own lease: it needs no permission, and etcd
 * answers it for a lease that it does not know.
 *
 * A query to one endpoint (a ping, a check of a synced address) is answered
 * with any id: its asker compares.
 */

/** How long opening a session waits for the endpoints that are not checked. */
#define LL_CLUSTER_CHECK_NS INT64_C(500000000)

/** The ids of these questions: this and the endpoint. Those of batches are
 *  below it. */
#define LL_CLUSTER_CALLS (LL_ID_MAX + 1024)

/** Bytes of the sentence that names two ids. */
#define LL_CLUSTER_TEXT_SIZE 200
/** Such sentences that are kept, one for each pair of ids. */
#define LL_CLUSTER_TEXTS_MAX 8

struct ll_cluster {
    uint64_t id; /* that is believed; 0: none */
    /** A bit for each endpoint: */
    uint64_t checked; /* has answered with the id, or without any */
    uint64_t due;     /* is to be asked */
    uint64_t asked;   /* has been asked and has not answered */
    uint64_t slow;    /* has let a session wait */
    uint32_t seq;
    int64_t lease; /* to ask for */
    /** The newest of the sentences, or NULL; it stays as long as core. */
    const char *text;
    char texts[LL_CLUSTER_TEXTS_MAX][LL_CLUSTER_TEXT_SIZE];
    unsigned texts_n;
};

/** Whether an answer with this id can be believed; ends all that stands on
 *  another one. */
bool ll_cluster_believes(struct ll_core *core, uint64_t id, uint32_t endpoint);

/** An endpoint has answered a query of its own with this id, which is compared
 *  by the one that asked. */
void ll_cluster_note(struct ll_core *core, uint64_t id, uint32_t endpoint);

/** Whether an error of this endpoint's can be believed; if not, the endpoint is
 *  asked for its cluster. */
bool ll_cluster_trusts(struct ll_core *core, uint32_t endpoint);

/** A session is to be opened: asks the endpoints that are not checked. */
void ll_cluster_check(struct ll_core *core, int64_t lease);
/** Whether opening it waits for an answer. */
bool ll_cluster_is_awaited(const struct ll_core *core);
/** A session has waited for long enough. */
void ll_cluster_give_up(struct ll_core *core);

/** Draws a question; false when there is none. */
bool ll_cluster_next(struct ll_core *core, struct ll_effect *ret_effect);
/** The answer to one, whose id is not below LL_CLUSTER_CALLS. */
void ll_cluster_on_answer(struct ll_core *core, const struct ll_event *event);

#endif
