#ifndef LL_CORE_BEAT_H
#define LL_CORE_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/event.h"

struct ll_core;
struct ll_session;

/**
 * The renewals of leases, "beats", and the streams that they go out on.
 *
 * There is a main stream; a second one is open only while the main one is in
 * doubt:
 *
 *     state   | event                        | next    | does
 *     TRUSTED | a beat on the main stream is | DOUBTED | doubts its endpoint;
 *             | overdue, or its endpoint is  |         | opens the second on
 *             | left (see endpoint.h)        |         | another, beats there
 *     TRUSTED | the main stream is down      | TRUSTED | opens it again
 *     DOUBTED | the main stream answers      | TRUSTED | closes the second
 *     DOUBTED | the second stream answers    | TRUSTED | it is the main one;
 *             |                              |         | closes the other
 *     DOUBTED | a beat on the second stream  | DOUBTED | opens it anew, on the
 *             | is overdue                   |         | next endpoint
 *     DOUBTED | the second stream is down    | DOUBTED | opens it again
 *     DOUBTED | the main stream is down      | TRUSTED | the second is the
 *             |                              |         | main one
 *
 * The main stream stays open in doubt because a member that is only slow, or
 * waits for a leader, still answers: its answer is as good as any.
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
 * refusal of the user's token is nobody's: it is not looked for in the beats.
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

/** A beat is overdue when it is not answered in a sixth of the TTL: then there
 *  is as much time as that for three more. */
#define LL_BEAT_OVERDUE_MAX_NS INT64_C(2000000000)
#define LL_BEAT_OVERDUE_MIN_NS INT64_C(100000000)

/** The longest pause before a stream for beats is opened again: a lease may
 *  have little time left. */
#define LL_BEAT_PAUSE_MAX_NS INT64_C(250000000)

/** The shortest pause between beats. */
#define LL_BEAT_MIN_NS INT64_C(100000000)

/** The shortest pause between two trials that etcd refuses: several DENIED
 *  sessions share the pause of one, down to this. */
#define LL_BEAT_TRIAL_PAUSE_MIN_NS INT64_C(10000000)

#define LL_BEAT_STREAMS 3

/** Of a client. */
struct ll_beats {
    enum ll_stream_kind main;
    bool doubted;
    bool refused; /* etcd turned a stream away since the last renewal */
    uint32_t generation;
    uint64_t order;        /* of the newest beat */
    struct ll_link denied; /* sessions; the next trial's first */
    unsigned denied_n;
    /** The stream opens anew after a refusal: only those beat on it who were
     *  not answered, not everybody. */
    bool only_due[LL_BEAT_STREAMS];
};

/** Of a session on one stream. */
struct ll_beat {
    bool due; /* a KEEPALIVE is to be drawn */
    bool out; /* it is unanswered */
    int64_t sent_ns;
    uint64_t order; /* among all beats: the lower went out earlier */
};

void ll_beats_init(struct ll_core *core);

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
/** Renews a lease on a keep-alive stream on this endpoint, if there is one, so
 *  that it shows whether the endpoint is well. */
void ll_beats_probe(struct ll_core *core, uint32_t endpoint);
/** The session beats no more, or has been answered. */
void ll_session_beat_stop(struct ll_core *core, struct ll_session *session);
/** What LeaseTimeToLive says of a lease that a keep-alive did not know. */
void ll_session_on_checked(struct ll_core *core,
                           struct ll_session *session,
                           const struct ll_answer *answer);

/** LL_EVENT_KEEPALIVE. */
void ll_beats_on_answer(struct ll_core *core, const struct ll_event *event);
/** A stream for beats is new: sessions beat on it. */
void ll_beats_on_up(struct ll_core *core, enum ll_stream_kind kind);
void ll_beats_on_down(struct ll_core *core, enum ll_stream_kind kind);
/**
 * etcd refuses what was sent on a stream, which is about to be down.
 *
 * @param ret_pause_ns  before the stream opens anew
 * @return whether it was one session's beat; else nobody's
 */
bool ll_beats_on_refusal(struct ll_core *core,
                         enum ll_stream_kind kind,
                         int64_t *ret_pause_ns);
/** Another endpoint does better than this one. */
void ll_beats_leave(struct ll_core *core, uint32_t endpoint);
bool ll_beats_need_stream(const struct ll_core *core, enum ll_stream_kind kind);

#endif
