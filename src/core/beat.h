/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_BEAT_H
#define LL_CORE_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct ll_core;
struct ll_session;

/**
 * The renewals of a session's lease, "beats": when one is due or overdue, and
 * how long the lease lives after its answer.
 *
 * A beat goes out every third of the TTL, on the streams that keepalive.h
 * opens. A session has at most one unanswered beat on each stream, so that an
 * answer is always that of the beat which was sent there last. etcd answers the
 * beats of one stream in their order.
 */

/** A beat is overdue when it is not answered in a sixth of the TTL: then there
 *  is as much time as that for three more. */
#define LL_BEAT_OVERDUE_MAX_NS INT64_C(2000000000)
#define LL_BEAT_OVERDUE_MIN_NS INT64_C(100000000)

/** The shortest pause between beats. */
#define LL_BEAT_MIN_NS INT64_C(100000000)

/** Of a session on one stream. */
struct ll_beat {
    bool due; /* a KEEPALIVE is to be drawn */
    bool out; /* it is unanswered */
    int64_t sent_ns;
    uint64_t order; /* among all beats: the lower went out earlier */
};

/** Its beat on a stream. */
struct ll_beat *ll_beat_on(struct ll_session *session,
                           enum ll_stream_kind kind);
/** Whether a beat is out on any stream, or to be drawn. */
bool ll_session_is_beating(const struct ll_session *session);
/** Whether etcd refuses to renew its lease: see keepalive.h. */
bool ll_session_is_denied(const struct ll_session *session);

/** Counts the lease's life from when a renewal of it was sent. */
void ll_session_renew(struct ll_session *session, int64_t sent_ns);
/** An alive session: its deadline, and the beat that is due or overdue. */
void ll_session_beat_on_time(struct ll_core *core, struct ll_session *session);
/** When ll_session_beat_on_time is due. */
int64_t ll_session_beat_deadline_ns(const struct ll_core *core,
                                    const struct ll_session *session);
/** Draws a beat that is due; false when there is none. */
bool ll_session_beat_next(struct ll_core *core,
                          struct ll_session *session,
                          struct ll_effect *ret_effect);
/** Something speaks against the lease: asks etcd at once. */
void ll_session_beat_soon(struct ll_core *core, struct ll_session *session);
/** Beats on a stream, if that is up and owes no answer. */
void ll_session_beat(struct ll_core *core,
                     struct ll_session *session,
                     enum ll_stream_kind kind);
/** The session beats no more, or has been answered. */
void ll_session_beat_stop(struct ll_core *core, struct ll_session *session);
/** A stream is down, and the session's beat on it is lost. */
void ll_session_beat_on_down(struct ll_core *core,
                             struct ll_session *session,
                             enum ll_stream_kind kind);
/** The answer to the beat that was sent at a time. */
void ll_session_on_beaten(struct ll_core *core,
                          struct ll_session *session,
                          int64_t sent_ns,
                          int64_t ttl_s);
/** The answer to LeaseTimeToLive of a lease that a keep-alive did not find. */
void ll_session_on_checked(struct ll_core *core,
                           struct ll_session *session,
                           const struct ll_answer *answer);

#endif
