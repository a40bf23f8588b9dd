/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_BEAT_H
#define LL_CORE_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct ll_core;
struct ll_session;

/**
 * The renewals of a session's lease: when one is due or overdue, and how long
 * the lease lives after its answer. The code calls a renewal a beat.
 *
 * A renewal is sent every third of the TTL, on the streams that keepalive.h
 * opens. A session has at most one unanswered renewal on each stream, so an
 * answer always belongs to the latest one that it sent there. etcd answers the
 * renewals of one stream in their order.
 */

/** A renewal is overdue if it is not answered within a sixth of the TTL: then
 *  there is time for three more of this length. */
#define LL_BEAT_OVERDUE_MAX_NS INT64_C(2000000000)
#define LL_BEAT_OVERDUE_MIN_NS INT64_C(100000000)

/** The shortest pause between renewals. */
#define LL_BEAT_MIN_NS INT64_C(100000000)

/** A session's renewal on one stream. */
struct ll_beat {
    bool due; /* a KEEPALIVE is to be drawn */
    bool out; /* it is unanswered */
    int64_t sent_ns;
    uint64_t order; /* among all renewals: a lower one was sent earlier */
};

/** The session's renewal on a stream. */
struct ll_beat *ll_beat_on(struct ll_session *session,
                           enum ll_stream_kind kind);
/** Whether a renewal is unanswered on any stream, or to be drawn. */
bool ll_session_is_beating(const struct ll_session *session);
/** Whether etcd refuses to renew its lease: see keepalive.h. */
bool ll_session_is_denied(const struct ll_session *session);

/** Counts the lease's life from when a renewal of it was sent. */
void ll_session_renew(struct ll_session *session, int64_t sent_ns);
/** Of an alive session: its deadline, and a renewal that is due or overdue. */
void ll_session_beat_on_time(struct ll_core *core, struct ll_session *session);
/** When ll_session_beat_on_time is due. */
int64_t ll_session_beat_deadline_ns(const struct ll_core *core,
                                    const struct ll_session *session);
/** Draws a renewal that is due; false when there is none. */
bool ll_session_beat_next(struct ll_core *core,
                          struct ll_session *session,
                          struct ll_effect *ret_effect);
/** The lease may be gone: renews it at once, which shows whether it is. */
void ll_session_beat_soon(struct ll_core *core, struct ll_session *session);
/** Renews on a stream that is up, unless a renewal is unanswered there. */
void ll_session_beat(struct ll_core *core,
                     struct ll_session *session,
                     enum ll_stream_kind kind);
/** Drops the session's renewals: it needs none, or one was answered. */
void ll_session_beat_stop(struct ll_core *core, struct ll_session *session);
/** A stream is down, and the session's renewal on it is lost. */
void ll_session_beat_on_down(struct ll_core *core,
                             struct ll_session *session,
                             enum ll_stream_kind kind);
/** The answer to the renewal that was sent at a time. */
void ll_session_on_beaten(struct ll_core *core,
                          struct ll_session *session,
                          int64_t sent_ns,
                          int64_t ttl_s);
/** The answer to LeaseTimeToLive of a lease that a renewal did not find. */
void ll_session_on_checked(struct ll_core *core,
                           struct ll_session *session,
                           const struct ll_answer *answer);

#endif
