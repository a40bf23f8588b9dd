/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_KEEPALIVE_H
#define LL_CORE_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/event.h"

struct ll_core;
struct ll_session;

/**
 * The streams on which the renewals of leases are sent (see beat.h).
 *
 * There is a main stream; a second one is open only while the main one is
 * suspect, or is to be replaced by one to a nearer member:
 *
 *     state   | event                        | next    | does
 *     TRUSTED | a renewal on the main stream | SUSPECT | suspects its endpoint;
 *             | is overdue, or its endpoint  |         | opens the second on
 *             | is superseded (endpoint.h)   |         | another, renews there
 *     TRUSTED | the client uses another      | SUSPECT | opens the second there,
 *             | endpoint (nearest.h)         |         | renews there
 *     TRUSTED | the main stream is down      | TRUSTED | opens it again
 *     SUSPECT | the main stream answers      | TRUSTED | closes the second
 *     SUSPECT | the second stream answers    | TRUSTED | makes it the main one;
 *             |                              |         | closes the other
 *     SUSPECT | a renewal on the second      | SUSPECT | opens it again, on the
 *             | stream is overdue            |         | next endpoint
 *     SUSPECT | the second stream is down    | SUSPECT | opens it again
 *     SUSPECT | the main stream is down      | TRUSTED | makes the second the
 *             |                              |         | main one
 *
 * A suspect main stream stays open because a member that is only slow, or waits
 * for a leader, still answers, and its answer counts like any other.
 *
 * A session has at most one unanswered renewal on each stream, so an answer
 * always belongs to the latest one that it sent there. etcd answers the
 * renewals of one stream in their order.
 *
 * From 3.5.28 and 3.6.9 on, etcd checks at each renewal that the user may write
 * every key of the lease, and a refusal ends the stream. The renewal that it
 * refused is the oldest unanswered one, because it answers them in their order.
 * From then on that session is renewed on a stream of its own, the trial
 * stream, so that the next refusal ends no other session's stream:
 *
 *     session | event                     | next    | does
 *     ALLOWED | a stream ends refused and | DENIED  | the stream opens again
 *             | its renewal is the oldest |         | at once; sessions without
 *             |                           |         | an answer renew again
 *     ALLOWED | a stream is down, and its | ALLOWED | it renews on the next
 *             | renewal there is          |         | stream that opens, even
 *             | unanswered                |         | if a renewal is in flight
 *             |                           |         | on the other
 *     DENIED  | the trial stream opens,   | DENIED  | renews there, as the only
 *             | and it is its turn        |         | session
 *     DENIED  | the trial stream is down  | DENIED  | the stream opens again
 *             |                           |         | after a pause, for the
 *             |                           |         | next session
 *     DENIED  | its trial is overdue      | DENIED  | the stream opens again at
 *             |                           |         | once, on the next
 *             |                           |         | endpoint
 *     DENIED  | its renewal is answered   | ALLOWED | renews with the others
 *     DENIED  | deadline, close           | (ended) |
 *
 * If the wrong session is taken for the refused one (because the right one was
 * closed meanwhile), its first trial is answered and it is ALLOWED again. A
 * refusal of the user's token concerns no single session: none is DENIED.
 *
 * A refusal names no lease and ends the stream, so refused sessions are found
 * one by one, each once and at the cost of a round trip. An ALLOWED session
 * whose renewal is behind those of N refused ones is answered N round trips
 * later; it has about half of its TTL for them, from the time of a renewal to
 * the deadline. DENIED sessions take turns in the same way: among N, one whose
 * permission is restored is ALLOWED after N trials at most. A trial takes a
 * round trip and, if it is refused, a pause; the pauses of N trials are 250 ms
 * together, or 10 ms each if that is more. A trial without an answer takes
 * until it is overdue.
 */

/** The longest pause before a stream for renewals is opened again: a lease may
 *  have little time left. */
#define LL_KEEPALIVE_PAUSE_MAX_NS INT64_C(250000000)

/** The shortest pause between two trials that etcd refuses: several DENIED
 *  sessions share the pause of one, down to this. */
#define LL_KEEPALIVE_TRIAL_PAUSE_MIN_NS INT64_C(10000000)

/** Streams for renewals. */
#define LL_BEAT_STREAMS 3

/** The keep-alive streams of a client. */
struct ll_keepalive {
    enum ll_stream_kind main;
    bool suspect;
    bool refused; /* etcd refused a stream since the last renewal */
    uint32_t generation;
    uint64_t order;        /* of the newest renewal */
    struct ll_link denied; /* sessions; the next trial's first */
    unsigned denied_n;
    /** The stream opens again after a refusal: only sessions whose renewals
     *  were not answered renew on it, not all of them. */
    bool only_due[LL_BEAT_STREAMS];
};

void ll_keepalive_init(struct ll_core *core);

/** LL_EVENT_KEEPALIVE. */
void ll_keepalive_on_answer(struct ll_core *core, const struct ll_event *event);

/** The newest renewal of a session is overdue. */
void ll_keepalive_on_overdue(struct ll_core *core, struct ll_session *session);
/** A session needs no more renewals, or one was answered: it is not DENIED.
 *  @param on_trial  its renewal was on the trial stream */
void ll_keepalive_allow(struct ll_core *core,
                        struct ll_session *session,
                        bool on_trial);

#endif
