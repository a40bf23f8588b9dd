/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_KEEP_H
#define LL_CORE_KEEP_H

#include "core/object.h"

struct ll_session;
struct ll_ticket;

/**
 * A lock that a session keeps after its release, so that the session's next
 * acquire of that name takes no request: the key stays, and is given up when
 * somebody else asks for it. There is one keep for a session and a name whose
 * acquires have a keep_ns.
 *
 * Its tickets are carriers, which have a key in the queue or a request for it
 * in flight, or they are lined: they wait in the client for a carrier, without
 * a request, in the order in which they came. The entry is the carrier that is
 * HELD. When the entry is released and its key may be kept, the first lined
 * ticket takes the key over; if there is none, the entry is idle: it stays in
 * HELD, its user has RELEASED, and the next acquire takes the key over. A token
 * is the create revision, so holds that follow each other in this way share it:
 * nobody else held in between.
 *
 *     state    | event                        | next     | does
 *     PLAIN    | acquire while the first      | PLAIN    | lines it up
 *              | ticket's enqueue is in flight|          |
 *     PLAIN    | that one has to wait         | PLAIN    | the lined ones enqueue
 *     PLAIN    | a carrier is granted, and the| SETTLING | watches the queue
 *              | pause is over                |          |
 *     SETTLING | the watch is ON              | SETTLING | reads the newest key
 *     SETTLING | read: the newest is of this  | ALONE    | from its revision on
 *              | session, and the watch       |          | nobody else came
 *              | misses nothing               |          |
 *     SETTLING | the same, but it may         | SETTLING | reads again when the
 *              |                              |          | watch is synced
 *     SETTLING | LL_KEEP_SETTLE_NS after the  | PLAIN *  |
 *              | first release, entry idle    |          |
 *     SETTLING,| acquire                      | as it is | grants the idle entry,
 *     ALONE    |                              |          | or lines it up, if no
 *              |                              |          | other session's key can
 *              |                              |          | be behind the last
 *              |                              |          | carrier
 *     SETTLING,| release of the entry, no     | as it is | hands the key over, or
 *     ALONE    | other carrier, nobody else   |          | it is idle
 *              | can be behind it             |          |
 *     ALONE    | from time to time            | ALONE    | reads the newest key
 *     SETTLING,| another session's key is     | PLAIN *  |
 *     ALONE    | created, or read as newest   |          |
 *     SETTLING,| the same; the entry is held  | PASSING  | as *, but the first
 *     ALONE    | and the only carrier, and    |          | `local_passes` lined
 *              | others are lined up          |          | tickets stay lined
 *     PASSING  | release of the entry, one is | PASSING  | hands the key over
 *              | lined up                     |          |
 *     PASSING  | release, none is lined up    | PLAIN    | the entry leaves
 *     PASSING  | the entry's key is lost, or  | PLAIN    | the lined ones enqueue
 *              | cannot be handed over        |          |
 *     PASSING  | acquire                      | PASSING  | it enqueues
 *     SETTLING,| read: the newest is of this  | PLAIN *  |
 *     ALONE    | session, behind the last     |          |
 *              | carrier                      |          |
 *     SETTLING,| a put to an idle entry's key | PLAIN *  |
 *     ALONE    | (yield.h, try_ask.h), also   |          |
 *              | as the read of the newest    |          |
 *              | key shows it                 |          |
 *     SETTLING,| the watch is down or refused,| PLAIN *  |
 *     ALONE    | a read fails, or is too old  |          |
 *     any      | an acquire of this session   | PLAIN *  |
 *              | that can keep nothing        |          |
 *     any      | keep_ns after the release,   | PLAIN    | the idle entry leaves
 *              | or too many are idle         |          |
 *     SETTLING,| the entry's key is deleted   | as it is | it is lost; an idle one
 *     ALONE    |                              |          | is gone
 *     any      | no carrier is left           | as it is | the first lined one
 *              |                              |          | enqueues
 *     any      | no ticket is left            | as it is | freed after the pause
 *
 *     * An idle entry leaves at once, a held one when it is released; the lined
 *       tickets enqueue; and for LL_KEEP_PAUSE_NS after the watch was wanted
 *       nothing is watched or lined up.
 *
 * A ticket is granted locally only while its session is ACTIVE, before the
 * deadline. Nothing is kept of a ticket with a write that is unanswered or of
 * unknown outcome, of which a request is unanswered, or that was resumed; and
 * nothing while a proxy numbers the watches (watch_number.h), which forwards
 * each by itself.
 *
 * The watch shows every key that is created after it, and the read those before
 * it: if the newest key at its revision is of this session, each key of another
 * one was created before that key. As in ticket.h, the read counts if there was
 * no write since the watch was created, if that is prompt (watch_server.h), or
 * if it was sent LL_SETTLE_NS later. While this is not known, holds may follow
 * each other locally for a short time: with holds that are short, nothing would
 * be kept otherwise.
 *
 * So at most `local_passes` hand-overs follow in the process once another
 * session's key is seen. Lined tickets that stay then were there before it was.
 */

/** How long after the first release a key may be kept before it is known that
 *  nobody else waits. */
#define LL_KEEP_SETTLE_NS INT64_C(250000000)
/** From one watch of a queue to the next one: a contended lock is not watched
 *  for each hold. */
#define LL_KEEP_PAUSE_NS INT64_C(1000000000)
/** The most idle entries of a client: the one that was released first leaves. */
#define LL_KEEP_IDLE_MAX 4096
/** The most hand-overs that an acquire may ask for once another session waits. */
#define LL_KEEP_PASSES_MAX 1000
/** How much longer the key that a ticket takes can be than its own. */
#define LL_KEEP_SPARE 20

/** A ticket of a keep. */
struct ll_keeping {
    struct ll_link link; /* in carriers or lined */
    struct ll_keep *keep;
    struct ll_ticket *ticket;
    uint32_t hold; /* of the entry: which of the holds that share its token */
    bool is_lined;
    bool is_idle;
};

/** What a ticket does for its keep. */
struct ll_keep_ops {
    /** Enqueues a lined ticket. */
    void (*start)(struct ll_core *core, struct ll_ticket *ticket);
    /** Grants a ticket the key of the entry, which ends. */
    void (*take)(struct ll_core *core,
                 struct ll_ticket *entry,
                 struct ll_ticket *ticket);
    /** The entry is released, and its key stays. */
    void (*idle)(struct ll_core *core, struct ll_ticket *entry);
    /** Deletes the key of an idle entry. */
    void (*leave)(struct ll_core *core, struct ll_ticket *entry);
    /** The entry's key was deleted by a third party. */
    void (*lose)(struct ll_core *core, struct ll_ticket *entry);
    /** The watch of the queue ends: a held entry watches its key itself. */
    void (*guard)(struct ll_core *core, struct ll_ticket *entry);
};

/** The idle entry that an acquire may take, or NULL. */
struct ll_ticket *ll_keep_find_idle(const struct ll_core *core,
                                    const struct ll_session *session,
                                    const struct ll_event *acquire,
                                    uint64_t queue_hash);
/** The latest acquire says for how long the key stays, and how often it passes
 *  on while others wait. */
void ll_keep_renew(struct ll_ticket *entry, const struct ll_event *acquire);
/** A ticket takes the entry's key over. */
void ll_keep_take(struct ll_core *core,
                  struct ll_ticket *entry,
                  struct ll_ticket *ticket);
/** A ticket that may keep its key begins: it becomes a carrier, or is lined up
 *  if `may_wait`.
 *  @return false: out of memory */
bool ll_keep_join(struct ll_core *core,
                  struct ll_ticket *ticket,
                  const struct ll_event *acquire,
                  uint64_t queue_hash,
                  bool may_wait,
                  const struct ll_keep_ops *ops);
/** A ticket of a session begins that keeps nothing. */
void ll_keep_disturb(struct ll_core *core,
                     const struct ll_session *session,
                     struct ll_bytes name,
                     uint64_t queue_hash);

/** Whether a user of the session holds that lock by a key that may be kept. */
bool ll_keep_is_in_use(const struct ll_core *core,
                       const struct ll_session *session,
                       struct ll_bytes name,
                       uint64_t queue_hash);

/** The functions below do nothing for a ticket without a keep. */

bool ll_keep_is_lined(const struct ll_ticket *ticket);
/** Whether the watch of the queue reports the deletion of a held ticket's key: a
 *  watch of its own would be a request for each hold. */
bool ll_keep_guards(const struct ll_ticket *ticket);
/** Whether a ticket is an idle entry: its user has released it. */
bool ll_keep_is_idle(const struct ll_ticket *ticket);
/** Whether etcd has not answered the ticket that a lined one waits for. */
bool ll_keep_is_unreached(const struct ll_ticket *ticket);
/** Which of the holds that share its token a held ticket is, from 1 on. */
uint32_t ll_keep_hold(const struct ll_ticket *ticket);
/** A ticket has entered its state. */
void ll_keep_on_state(struct ll_core *core, struct ll_ticket *ticket);
/** A ticket has been granted. */
void ll_keep_on_grant(struct ll_core *core, struct ll_ticket *ticket);
/** Its session is ACTIVE again, after it was SUSPECT. */
void ll_keep_on_active(struct ll_core *core, struct ll_ticket *ticket);
/** A held ticket is released. @return whether its key stays: the ticket is idle
 *  now, or over */
bool ll_keep_release(struct ll_core *core, struct ll_ticket *ticket);
void ll_keep_free(struct ll_ticket *ticket);

/* In ticket_keep.c. */

/** Makes a ticket that takes an idle entry's key. */
int ll_ticket_take_idle(struct ll_core *core,
                        struct ll_ticket *entry,
                        const struct ll_event *acquire,
                        uint32_t watch_own_ms);
/** A new ticket begins that keeps its key, or takes no kept one.
 *  @return false: out of memory */
bool ll_ticket_keep(struct ll_core *core,
                    struct ll_ticket *ticket,
                    const struct ll_event *acquire,
                    uint64_t queue_hash);

#endif
