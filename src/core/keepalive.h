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
 * The streams that the renewals of leases, "beats", go out on (see beat.h).
 *
 * There is a main stream; a second one is open only while the main one is
 * suspect:
 *
 *     state   | event                        | next    | does
 *     TRUSTED | a beat on the main stream is | SUSPECT | suspects its endpoint;
 *             | overdue, or its endpoint is  |         | opens the second on
 *             | left (see endpoint.h)        |         | another, beats there
 *     TRUSTED | the main stream is down      | TRUSTED | opens it again
 *     SUSPECT | the main stream answers      | TRUSTED | closes the second
 *     SUSPECT | the second stream answers    | TRUSTED | it is the main one;
 *             |                              |         | closes the other
 *     SUSPECT | a beat on the second stream  | SUSPECT | opens it anew, on the
 *             | is overdue                   |         | next endpoint
 *     SUSPECT | the second stream is down    | SUSPECT | opens it again
 *     SUSPECT | the main stream is down      | TRUSTED | the second is the
 *             |                              |         | main one
 *
 * A suspect main stream stays open because a member that is only slow, or waits
 * for a leader, still answers: its answer is as good as any.
 *
 * A session has at most one unanswered beat on each stream, so that an answer
 * is always that of the beat which was sent there last. etcd answers the beats
 * of one stream in their order.
 *
 * From 3.5.28 and 3.6.9 on etcd checks at each beat that the user may write
 * every key of the lease, and a refusal ends the stream. The beat that it
 * refused is the oldest unanswered one, because it answers them in their order.
 * That session beats on a stream of its own from then on, the trial stream, so
 * that the next refusal ends no other session's stream:
 *
 *     session | event                     | next    | does
 *     ALLOWED | a stream ends refused and | DENIED  | the stream opens anew
 *             | its beat is the oldest    |         | at once; those that were
 *             |                           |         | not answered beat again
 *     ALLOWED | a stream is down, and its | ALLOWED | it beats on the next one
 *             | beat there is unanswered  |         | that opens, even where a
 *             |                           |         | beat is out on the other
 *     DENIED  | the trial stream opens,   | DENIED  | beats there, as the only
 *             | and it is its turn        |         | session
 *     DENIED  | the trial stream is down  | DENIED  | it opens anew after a
 *             |                           |         | pause, for the next one
 *     DENIED  | its trial is overdue      | DENIED  | it opens anew at once, on
 *             |                           |         | the next endpoint
 *     DENIED  | a beat of it is answered  | ALLOWED | beats with the others
 *     DENIED  | deadline, close           | (ended) |
 *
 * Where the wrong session is taken for the refused one (the right one was
 * closed meanwhile), its first trial is answered and it is ALLOWED again. A
 * refusal of the user's token is no session's: no beat is looked for.
 *
 * A refusal names no lease and ends the stream, so refused sessions are found
 * one by one, each once and at the cost of a round trip. An ALLOWED session
 * whose beat is behind those of N refused ones is answered N round trips later;
 * it has about half of its TTL for them, from a beat's time to the deadline.
 * DENIED sessions take turns in the same way: among N, one whose permission is
 * back is ALLOWED after N trials at most. A trial is a round trip and, where it
 * is refused, a pause; the pauses of N trials are 250 ms together, or 10 ms
 * each where that is more. A trial without an answer takes until it is overdue.
 */

/** The longest pause before a stream for beats is opened again: a lease may
 *  have little time left. */
#define LL_KEEPALIVE_PAUSE_MAX_NS INT64_C(250000000)

/** The shortest pause between two trials that etcd refuses: several DENIED
 *  sessions share the pause of one, down to this. */
#define LL_KEEPALIVE_TRIAL_PAUSE_MIN_NS INT64_C(10000000)

/** Streams for beats. */
#define LL_BEAT_STREAMS 3

/** Of a client. */
struct ll_keepalive {
    enum ll_stream_kind main;
    bool suspect;
    bool refused; /* etcd turned a stream away since the last renewal */
    uint32_t generation;
    uint64_t order;        /* of the newest beat */
    struct ll_link denied; /* sessions; the next trial's first */
    unsigned denied_n;
    /** The stream opens anew after a refusal: only those beat on it who were
     *  not answered, not everybody. */
    bool only_due[LL_BEAT_STREAMS];
};

void ll_keepalive_init(struct ll_core *core);

/** LL_EVENT_KEEPALIVE. */
void ll_keepalive_on_answer(struct ll_core *core, const struct ll_event *event);

/** The beat of a session that went out last is overdue. */
void ll_keepalive_on_overdue(struct ll_core *core, struct ll_session *session);
/** A session beats no more, or was answered: it is not DENIED any more.
 *  @param on_trial  its beat was on the trial stream */
void ll_keepalive_allow(struct ll_core *core,
                        struct ll_session *session,
                        bool on_trial);

#endif
