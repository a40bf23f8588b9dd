#ifndef LL_CORE_ENDPOINT_H
#define LL_CORE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct ll_core;

/**
 * What is known of each endpoint, and which one is in use.
 *
 *     state   | event                          | next    | does
 *     GOOD,   | a call or stream on it fails   | PAUSED  | in use: the next is
 *     DOUBTED |                                |         | taken
 *     GOOD,   | a call is not answered within  | PAUSED  | the same
 *     PAUSED  | its attempt timeout (patience) |         |
 *     GOOD,   | that call is as old as the     | DOUBTED | nothing yet
 *     PAUSED  | request timeout                |         |
 *     GOOD,   | a beat on it is overdue        | DOUBTED | the same
 *     PAUSED  |                                |         |
 *     DOUBTED | another endpoint answers what  | PAUSED  | its streams are
 *             | it was asked later             |         | opened elsewhere
 *     PAUSED, | anything comes from it         | GOOD    |
 *     DOUBTED |                                |         |
 *     PAUSED  | its pause is over              | GOOD    |
 *
 * The one in use is kept until it fails: then the next GOOD one is taken, or
 * where there is none the one that has been let alone for longest. An answer
 * that is late may be late on every member, as while they elect a leader; so
 * the streams of a DOUBTED one are left where they are until another member
 * has shown that it does better.
 *
 * Patience. Where there is another endpoint to turn to, a call is given less
 * than the request time-out, and then sent again there: every request may be
 * sent twice. What a follower has passed on to a leader that is gone is never
 * answered, and the member that is tried next may be the one that hangs. It is
 *
 *     the most of   a quarter of the request time-out, or half of it as long
 *                   as no member has answered anything;
 *                   LL_PATIENCE_MIN_NS;
 *                   four times the time that answers took of late, or eight
 *                   times with a member that has not answered anything yet,
 *                   as a connection has to be made and a token fetched
 *     doubled       each time that no member has answered any more, once round
 *     at most       the request time-out
 *
 * so that a cluster which is slow, or has no leader, is not asked more and more
 * often. A call that was given up so says little against the streams. They are
 * left as ever, once the request time-out is over, where another member has
 * answered a call that was sent after this one was given up; and a renewal is
 * sent at once on a keep-alive stream there, whose answer clears the doubt.
 */

/** The least wait for an answer; below it a member may only have stumbled. */
#define LL_PATIENCE_MIN_NS INT64_C(500000000)

/** Endpoints at most: a bit each in a word. */
#define LL_CORE_ENDPOINTS_MAX 64

/** The first pause of one that failed, and the longest; doubled each time. */
#define LL_ENDPOINT_PAUSE_NS INT64_C(1000000000)
#define LL_ENDPOINT_PAUSE_MAX_NS INT64_C(32000000000)

struct ll_endpoint_health {
    unsigned failures; /* in a row */
    int64_t retry_ns;  /* PAUSED or DOUBTED: the end of the pause */
    int64_t doubt_ns;  /* DOUBTED: since then, or from then on; LL_NEVER: not */
    int64_t silent_ns; /* DOUBTED for a call: when that was given up */
    bool has_answered;
    bool is_outdone; /* another has answered what it was asked after that */
};

/** How long answers take, of all endpoints together. */
struct ll_patience {
    int64_t answer_ns; /* of late: the longest, forgotten slowly */
    unsigned silences; /* calls in a row that were not answered in time */
    int64_t silent_ns; /* when the newest of them was noticed */
};

/** The modules that an endpoint's fate concerns. */
struct ll_endpoint_user {
    /** Another endpoint does better than this one: leaves its streams. */
    void (*leave)(struct ll_core *core, uint32_t endpoint);
    /** A call was not answered: renews a lease on a keep-alive stream there, if
     *  one is up, which shows whether the endpoint is well. */
    void (*probe)(struct ll_core *core, uint32_t endpoint);
};

void ll_endpoints_init(struct ll_core *core);
/** The list has changed: its length, and which of them are to be used. */
void ll_endpoints_change(struct ll_core *core, const struct ll_event *event);

/** A call or a stream on it failed. */
void ll_endpoint_failed(struct ll_core *core, uint32_t endpoint);
/** What it was asked is overdue. */
void ll_endpoint_doubt(struct ll_core *core, uint32_t endpoint);
/** A call that was sent then was not answered within its patience. */
void ll_endpoint_silent(struct ll_core *core,
                        uint32_t endpoint,
                        int64_t sent_ns);
/** Leaves the streams of those that are DOUBTED from now on. */
void ll_endpoints_on_time(struct ll_core *core);
/** When ll_endpoints_on_time is due. */
int64_t ll_endpoints_deadline_ns(const struct ll_core *core);
/** How long to wait for an answer of the endpoint in use. */
int64_t ll_endpoint_patience_ns(const struct ll_core *core);
/** A call has been answered after so long. */
void ll_endpoint_timed(struct ll_core *core, int64_t answer_ns);
/** Something came from it. */
void ll_endpoint_heard(struct ll_core *core, uint32_t endpoint);
/** It answered what it was asked then. */
void ll_endpoint_answered(struct ll_core *core,
                          uint32_t endpoint,
                          int64_t sent_ns);

#endif
