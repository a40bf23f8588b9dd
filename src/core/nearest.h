/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_NEAREST_H
#define LL_CORE_NEAREST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/endpoint.h"
#include "core/event.h"

struct ll_core;

/**
 * The nearest member: the one whose answers take the least time. Calls and
 * streams go there.
 *
 * A follower has to ask the leader, so the member with the shortest way may
 * answer later than another. What is compared is therefore the time of an
 * answer that takes this way too: of a linearizable read. In a round each
 * usable endpoint is read from LL_NEAREST_READS times, one after another, and
 * the least of its times counts. Another endpoint is better if all of its reads
 * were answered, it is GOOD (endpoint.h) and of the accepted cluster, and its
 * time is less than that of the endpoint in use by more than a tenth of that
 * and by more than LL_NEAREST_MARGIN_NS.
 *
 *     state | event                         | next  | does
 *     OFF   | a session is active, and more | REST  | a round is due after
 *           | than one endpoint is usable   |       | LL_NEAREST_START_NS
 *     REST  | the round is due, and a call  | ROUND | reads from each endpoint
 *           | was answered since the last   |       |
 *     REST  | an answer took twice the time | REST  | the round is due soon
 *           | of the last round, and 1 ms   |       | after the last
 *           | more                          |       |
 *     ROUND | a read is answered            | ROUND | the next one there
 *     ROUND | a read fails, or another      | ROUND | no further one there
 *           | cluster answers it            |       |
 *     ROUND | nothing is left to read, and  | REST  | the next round is due
 *           | no endpoint is better         |       | after the interval
 *     ROUND | the same, and another is      | REST  | the next round is due
 *           | better                        |       | soon
 *     ROUND | the same in the first round,  | REST  | moves there; no further
 *           | or in LL_NEAREST_ROUNDS in a  |       | move within the interval
 *           | row, and no move was within   |       |
 *           | the interval                  |       |
 *
 * The interval is that of the configuration, soon is a sixth of it. An idle
 * client reads nothing.
 *
 * A move closes the watch stream, which is opened at the nearest member like
 * after any other end of it: no deletion is missed (ticket.h). A move of the
 * renewals opens a second stream there and closes the first when the second has
 * answered (keepalive.h). Calls in flight are answered where they were sent.
 *
 * These reads are no calls of anybody. A failure changes no state of an
 * endpoint and no timeout, and an answer of another cluster ends nothing. etcd
 * answers a user who may not read the key after it has asked the leader, as any
 * other (etcdserver's Range); that answer has no cluster id, and counts from an
 * endpoint that has shown its cluster before.
 */

#define LL_NEAREST_READS 3
#define LL_NEAREST_ROUNDS 3
#define LL_NEAREST_START_NS INT64_C(100000000)
#define LL_NEAREST_MARGIN_NS INT64_C(500000)
/** The interval of a client (struct ll_core_config). */
#define LL_NEAREST_INTERVAL_NS INT64_C(30000000000)

/** The ids of these reads: this plus the endpoint. Those of queries for the
 *  cluster are below it. */
#define LL_NEAREST_CALLS (LL_ID_MAX + 2048)

/** What a round has read from an endpoint. */
struct ll_nearest_reads {
    int64_t sent_ns; /* the last one */
    int64_t least_ns;
    unsigned answers;
};

struct ll_nearest {
    bool has_begun; /* not OFF */
    bool is_used;   /* a call was answered since the last round began */
    /** A bit for each endpoint: a read is to be sent, or is unanswered. In
     *  ROUND there is one. */
    uint64_t due;
    uint64_t out;
    uint32_t seq;
    struct ll_nearest_reads reads[LL_CORE_ENDPOINTS_MAX];
    unsigned rounds_n; /* that have ended */
    unsigned better_n; /* with a better endpoint, in a row */
    int64_t ended_ns;  /* when the last one did */
    int64_t round_ns;  /* when the next is due */
    int64_t stays_ns;  /* no move before */
    int64_t answer_ns; /* of the endpoint in use, in the last round; 0: not
                        * known */
};

/** The key that is read, of a client with this namespace; it need not exist. */
struct ll_bytes ll_nearest_key(struct ll_bytes namespace);

/** Begins a round that is due. */
void ll_nearest_on_time(struct ll_core *core);
/** When ll_nearest_on_time is due. */
int64_t ll_nearest_deadline_ns(const struct ll_core *core);

/** A call to an endpoint was answered after this time. */
void ll_nearest_note(struct ll_core *core,
                     uint32_t endpoint,
                     int64_t answer_ns);

/** Draws a read; false when there is none. */
bool ll_nearest_next(struct ll_core *core, struct ll_effect *ret_effect);
/** The answer to one, whose id is LL_NEAREST_CALLS or above. */
void ll_nearest_on_answer(struct ll_core *core, const struct ll_event *event);

#endif
