/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_TRY_ASK_H
#define LL_CORE_TRY_ASK_H

#include <stdbool.h>

#include "core/request.h"

struct ll_ahead;
struct ll_answer;
struct ll_core;
struct ll_part;
struct ll_ticket;
struct ll_watch_event;

/** The steps of a try; the first one is that of all other tickets, too. */
enum ll_try_step {
    LL_TRY_FIRST,
    LL_TRY_ASK,
    LL_TRY_ASK_GONE, /* the key that it asks for is deleted */
    LL_TRY_AWAIT,
    LL_TRY_LAST,
    LL_TRY_OWN,
};

/**
 * A try leaves no key in the queue, so it would find a kept lock (keep.h) taken
 * for as long as it is kept. If the lock is taken by a single key, and that
 * key's value says that its session may keep it, the try asks for it: it
 * touches the key, as yield.h has it. An idle entry's session then deletes the
 * key at once, and a holder goes on undisturbed: whether the key is idle,
 * nobody else can know. The try is repeated when the key is deleted, or after a
 * time in which the answer of an idle entry's session would have come. It is
 * ENQUEUE all the while:
 *
 *     step     | event                       | next     | does
 *     FIRST    | not free: one key, which is | ASK      | watches that key; if
 *              | on another session's lease  |          | its create and mod
 *              | and may be kept             |          | revision are as read:
 *              |                             |          | touches it
 *     FIRST,   | not free: one key, which is | OWN      | sends the try again
 *     OWN      | on the own session's lease, |          | after a while, which
 *              | may be kept, and is no hold |          | doubles; TIMEOUT after
 *              | of the session's keeps      |          | LL_TRY_OWN_MAX_MS
 *     FIRST,   | not free otherwise          | (over)   | TIMEOUT or NESTED
 *     OWN, LAST|                             |          |
 *     FIRST,   | all else                    | as it is | see ticket.h
 *     OWN, LAST|                             |          |
 *     ASK      | the key is deleted          | ASK_GONE |
 *     ASK      | touched                     | AWAIT    |
 *     ASK_GONE | touched                     | LAST     | sends the try again
 *     ASK,     | not touched: it has changed | LAST     | the same; that shows
 *     ASK_GONE | or is gone; refused, failed;|          | what else there is
 *              | no answer                   |          |
 *     AWAIT    | the key is deleted          | LAST     | the same
 *     AWAIT    | LL_TRY_AWAIT_TRIPS times as | LAST     | the same
 *              | long as the answer took     |          |
 *     any      | timeout, release            |          | as ENQUEUE
 *
 * A key of OWN was idle, and leaves for the sake of this try (ll_keep_disturb):
 * its deletion and the try were sent side by side.
 *
 * So a try without the permission to write that key, or to watch it, ends as
 * one that does not ask. The touch is all that a failed try can leave behind.
 */

/** How long a try waits for the deletion, in round trips: the event to the other
 *  session, and its deletion, take about as long as two; but not less than
 *  LL_TRY_AWAIT_MIN_NS, nor longer than LL_TRY_AWAIT_MAX_NS. */
#define LL_TRY_AWAIT_TRIPS 4
#define LL_TRY_AWAIT_MIN_NS INT64_C(20000000)
#define LL_TRY_AWAIT_MAX_NS INT64_C(1000000000)
/** OWN: the first pause, and the longest. */
#define LL_TRY_OWN_FIRST_MS 1
#define LL_TRY_OWN_MAX_MS 256

/** The member of a ticket's value, a JSON object, that says that its key may be
 *  kept. The user's functions write it, in compact form. */
#define LL_KEEP_MEMBER "keep_ms"

/** Whether a ticket's value says that. */
bool ll_value_may_be_kept(struct ll_bytes value);

/** A try has found its lock not free. @return whether it goes on: it asks */
bool ll_try_asks(struct ll_core *core,
                 struct ll_ticket *ticket,
                 const struct ll_ahead *ahead);
/** Whether a ticket's next request, or the one that is in flight, asks. */
bool ll_try_is_asking(const struct ll_ticket *ticket);
/** Writes that request. @return how many conditions it has */
size_t ll_try_add_touch(const struct ll_ticket *ticket, struct ll_part *part);
/** Its answer. */
void ll_try_on_asked(struct ll_core *core,
                     struct ll_ticket *ticket,
                     const struct ll_answer *answer);
/** The watch of the key has an event. */
void ll_try_on_event(struct ll_core *core,
                     struct ll_ticket *ticket,
                     const struct ll_watch_event *event);
/** The time of AWAIT is over. */
void ll_try_on_time(struct ll_core *core, struct ll_ticket *ticket);

#endif
