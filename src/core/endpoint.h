#ifndef LL_CORE_ENDPOINT_H
#define LL_CORE_ENDPOINT_H

#include <stdint.h>

#include "core/event.h"

struct ll_core;

/**
 * What is known of each endpoint, and which one is in use.
 *
 *     state   | event                          | next    | does
 *     GOOD,   | a call or stream on it fails   | PAUSED  | in use: the next is
 *     DOUBTED |                                |         | taken
 *     GOOD,   | a call or beat on it is not    | DOUBTED | the same
 *     PAUSED  | answered in time               |         |
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
 */

/** Endpoints at most: a bit each in a word. */
#define LL_CORE_ENDPOINTS_MAX 64

/** The first pause of one that failed, and the longest; doubled each time. */
#define LL_ENDPOINT_PAUSE_NS INT64_C(1000000000)
#define LL_ENDPOINT_PAUSE_MAX_NS INT64_C(32000000000)

struct ll_endpoint_health {
    unsigned failures; /* in a row */
    int64_t retry_ns;  /* PAUSED or DOUBTED: the end of the pause */
    int64_t doubt_ns;  /* DOUBTED: since then; else LL_NEVER */
};

void ll_endpoints_init(struct ll_core *core);
/** The list has changed: its length, and which of them are to be used. */
void ll_endpoints_change(struct ll_core *core, const struct ll_event *event);

/** A call or a stream on it failed. */
void ll_endpoint_failed(struct ll_core *core, uint32_t endpoint);
/** What it was asked is overdue. */
void ll_endpoint_doubt(struct ll_core *core, uint32_t endpoint);
/** Something came from it. */
void ll_endpoint_heard(struct ll_core *core, uint32_t endpoint);
/** It answered what it was asked then. */
void ll_endpoint_answered(struct ll_core *core,
                          uint32_t endpoint,
                          int64_t sent_ns);

#endif
