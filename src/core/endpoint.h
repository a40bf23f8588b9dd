/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_ENDPOINT_H
#define LL_CORE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct ll_core;

/**
 * The state of each endpoint, and which one is in use.
 *
 *     state   | event                          | next    | does
 *     GOOD,   | a call or stream on it fails   | PAUSED  | if it is in use, the
 *     SUSPECT |                                |         | next one is selected
 *     GOOD,   | a call is not answered within  | PAUSED  | the same
 *     PAUSED  | its attempt timeout            |         |
 *     GOOD,   | that call is as old as the     | SUSPECT | nothing yet
 *     PAUSED  | request timeout                |         |
 *     GOOD,   | a renewal on it is overdue     | SUSPECT | as when a call fails
 *     PAUSED  |                                |         |
 *     SUSPECT | it is superseded: another      | PAUSED  | its streams are
 *             | endpoint answers a later       |         | opened elsewhere
 *             | request                        |         |
 *     PAUSED, | anything is received from it   | GOOD    |
 *     SUSPECT |                                |         |
 *     PAUSED  | its pause is over              | GOOD    |
 *
 * The endpoint in use is kept until it fails, or another one turns out to be
 * nearer (nearest.h). If it fails, the next GOOD one is selected or, if there
 * is none, the one whose pause ends first. Every member may answer late, as
 * during an election of their leader; so the streams of a SUSPECT endpoint stay
 * open until another endpoint answers a request that was sent later.
 *
 * The attempt timeout. If there is another endpoint to use, a call waits for
 * less than the request timeout, and is then resent there: every request may be
 * sent twice. A request that a follower has forwarded to a leader that is gone
 * is never answered, and the member that is tried next may be the one that
 * hangs. The attempt timeout is
 *
 *     greatest of   a quarter of the request timeout, or half of it as long
 *                   as no member has answered anything;
 *                   LL_ATTEMPT_TIMEOUT_MIN_NS;
 *                   four times the recent time of an answer, or eight times
 *                   with a member that has not answered anything yet, as a
 *                   connection has to be made and a token fetched
 *     doubled       with each round of all members in which none has answered
 *     at most       the request timeout
 *
 * so that a cluster that is slow, or has no leader, does not receive more and
 * more requests. An expired attempt timeout shows little about the streams.
 * They are left once the request timeout has expired and another member has
 * answered a call that was sent after this one was abandoned. A renewal is sent
 * at once on a keep-alive stream there, and its answer makes the endpoint GOOD.
 */

/** The least attempt timeout: a member may pause for a moment. */
#define LL_ATTEMPT_TIMEOUT_MIN_NS INT64_C(500000000)

/** The most endpoints: a bit each in a word. */
#define LL_CORE_ENDPOINTS_MAX 64

/** The first pause of an endpoint that failed, doubled each time, and the
 *  longest. */
#define LL_ENDPOINT_PAUSE_NS INT64_C(1000000000)
#define LL_ENDPOINT_PAUSE_MAX_NS INT64_C(32000000000)

struct ll_endpoint_health {
    unsigned failures;    /* in a row */
    int64_t retry_ns;     /* PAUSED or SUSPECT: the end of the pause */
    int64_t suspect_ns;   /* SUSPECT: from then on; LL_NEVER: it is not */
    int64_t abandoned_ns; /* SUSPECT for a call: when that was abandoned */
    bool has_answered;
    bool is_superseded; /* another one has answered a later request */
};

/** How long answers take, of all endpoints together. */
struct ll_attempts {
    int64_t answer_ns;     /* the recent maximum; it declines slowly */
    unsigned unanswered_n; /* calls in a row that were not answered in time */
    int64_t unanswered_ns; /* when the newest of them was detected */
};

/** The modules that depend on the state of an endpoint. */
struct ll_endpoint_user {
    /** The endpoint is superseded: leaves its streams. */
    void (*leave)(struct ll_core *core, uint32_t endpoint);
    /** Another endpoint is in use, although no stream has failed: moves them
     *  there. */
    void (*move)(struct ll_core *core);
    /** A call was not answered: renews a lease on a keep-alive stream there, if
     *  one is up, which shows whether the endpoint answers. */
    void (*probe)(struct ll_core *core, uint32_t endpoint);
};

struct ll_endpoints {
    struct ll_endpoint_health health[LL_CORE_ENDPOINTS_MAX];
    struct ll_attempts attempts;
    struct ll_endpoint_user user;
    uint64_t usable; /* a bit each */
    uint32_t n;
    uint32_t current; /* the one in use */
};

void ll_endpoints_init(struct ll_core *core);
/** The list has changed: its length, and which endpoints may be used. */
void ll_endpoints_change(struct ll_core *core, const struct ll_event *event);

/** Those that may be used, a bit each. */
uint64_t ll_endpoints_usable(const struct ll_core *core);
/** Uses another one, to which the streams move. */
void ll_endpoints_move(struct ll_core *core, uint32_t endpoint);

/** A call or a stream on it failed. */
void ll_endpoint_failed(struct ll_core *core, uint32_t endpoint);
/** An answer from it is overdue: it is SUSPECT. */
void ll_endpoint_suspect(struct ll_core *core, uint32_t endpoint);
/** A call, sent at sent_ns, was not answered within its attempt timeout. */
void ll_endpoint_unanswered(struct ll_core *core,
                            uint32_t endpoint,
                            int64_t sent_ns);
/** Leaves the streams of those that are SUSPECT from now on. */
void ll_endpoints_on_time(struct ll_core *core);
/** When ll_endpoints_on_time is due. */
int64_t ll_endpoints_deadline_ns(const struct ll_core *core);
/** How long a call waits for an answer of the endpoint in use. */
int64_t ll_endpoint_attempt_timeout_ns(const struct ll_core *core);
/** A call was answered after this time. */
void ll_endpoint_timed(struct ll_core *core, int64_t answer_ns);
/** Something was received from it. */
void ll_endpoint_received(struct ll_core *core, uint32_t endpoint);
/** It answered a request that was sent at sent_ns. */
void ll_endpoint_answered(struct ll_core *core,
                          uint32_t endpoint,
                          int64_t sent_ns);

#endif
