/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_SURVEY_H
#define LL_CORE_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct ll_answer;
struct ll_core;
struct ll_ticket;

/**
 * Long queues: places without a range, and one read for many of them.
 *
 * The range in an enqueue finds the newest key of a queue. etcd reads all of
 * them for it, 1.3 us each, while it applies the Txn and nothing else; so n
 * waiters cost n * n / 2 reads. If this client knows that a queue is long, an
 * enqueue's Txn is short: it has the condition and the put, without a range.
 * Its answer still proves that the key exists, and has the token. What is ahead
 * is read later, for all tickets of the client that were enqueued in the
 * meantime, by one read of the newest keys: a survey.
 *
 *     known of the queue                  | an enqueue's Txn | its answer
 *     nothing, fewer than long_queue keys,| has the range    | HELD or WAIT
 *     or nothing for LL_SURVEY_TRUST_NS   |                  |
 *     long_queue keys or more             | is short         | NEXT, joins the
 *                                         |                  | survey
 *
 * What is known is the newest count that an answer to this client had, of an
 * enqueue or a survey. Only a plain exclusive enqueue is short. All others have
 * their ranges: shared ones and permits, whose ranges are other ones; tries and
 * multi-locks; those that keep, rejoin, look for deadlocks or keep a lock-delay
 * behind other clients' keys, which need the predecessor as it was.
 *
 *     survey | event                       | next | does
 *     NONE   | a ticket joins              | DUE  | it leads: the read is due
 *            |                             |      | after a delay
 *     DUE    | another joins               | DUE  | waits without a request
 *     DUE    | the delay is over           | OUT  | the leader reads
 *     OUT    | another joins               | OUT  |
 *     OUT    | answered at revision r      | NONE,| each ticket gets its part,
 *            |                             | DUE  | see below; if tickets are
 *            |                             |      | left, one leads
 *     OUT    | no answer                   | OUT  | the leader reads again
 *     OUT    | answered, older than the    | OUT  | reads through the quorum;
 *            | leader's key                |      | the second time it reads
 *            |                             |      | for itself (ticket.h)
 *     DUE,   | the leader gives up, or its | DUE  | the next one leads, at once
 *     OUT    | session ends                |      |
 *     any    | another one gives up        | as   |
 *            |                             | it is|
 *
 *     the ticket's own key                 | ticket| does
 *     was created after r                  | NEXT | waits for the next survey
 *     is there, and the key behind it in   | WAIT,| as if an enqueue's range
 *     the list, or it is the queue's oldest| HELD | had shown that
 *     is there, last of a list that was cut| NEXT | reads for itself
 *     is not there, and older than a list  | NEXT | reads for itself
 *     that was cut                         |      |
 *     is not there                         | gone | ACQUIRED LOST
 *
 * The read is of the whole queue at r, and may be serializable: no key that is
 * older than the own one can appear later. The newest key older than the own
 * one at r is the predecessor, whatever was there between the token and r.
 * etcd's count includes the keys that the list left out, so that of the keys
 * ahead is exact.
 *
 * If a queue that was long is not any more, an enqueue takes the time of one
 * survey longer, once: that survey's count ends it.
 */

/** The default of long_queue: below it a range costs less than the read that
 *  follows a short Txn (docs/decisions.md). */
#define LL_SURVEY_QUEUE_MIN 256
/** How long a count is believed. */
#define LL_SURVEY_TRUST_NS INT64_C(1000000000)
/** A survey is delayed for so long for each key of the queue, about four times
 *  what it costs etcd; and for how long at most. */
#define LL_SURVEY_KEY_NS INT64_C(5000)
#define LL_SURVEY_DELAY_MAX_NS INT64_C(100000000)
/** The most keys that a survey lists, and about how many bytes. */
#define LL_SURVEY_KEYS_MAX 4096
#define LL_SURVEY_BYTES_MAX 1048576
/** What a key takes in an answer besides its name. */
#define LL_SURVEY_KEY_BYTES 64
/** Queues whose length is known at a time; they share places by their hash. */
#define LL_SURVEYS 64

struct ll_survey {
    struct ll_link tickets; /* of one queue, the leader first */
    int64_t keys_n;         /* of the queue, by the newest count */
    int64_t until_ns;       /* when that is too old */
    uint32_t queue_hash;
};

void ll_surveys_init(struct ll_core *core);
/** An answer has counted the keys of a ticket's queue. */
void ll_survey_note(struct ll_core *core,
                    const struct ll_ticket *ticket,
                    int64_t keys_n);
/** Whether a ticket's enqueue is sent short now. */
bool ll_survey_suits(const struct ll_core *core,
                     const struct ll_ticket *ticket);
/** The ticket, in NEXT, waits for the survey of its queue; false: another queue
 *  has the place, and the ticket is to read for itself. */
bool ll_survey_join(struct ll_core *core, struct ll_ticket *ticket);
/** It does not any more. */
void ll_survey_leave(struct ll_core *core, struct ll_ticket *ticket);
/** Takes a ticket out, the first one that waits; NULL: none does. No other one
 *  leads yet. */
struct ll_ticket *ll_survey_take(struct ll_survey *survey);
/** The first of those that are left leads, after the delay. */
void ll_survey_plan(struct ll_core *core, struct ll_survey *survey);
struct ll_survey *ll_survey_of(struct ll_core *core,
                               const struct ll_ticket *ticket);
/** How many keys it lists. */
int64_t ll_survey_limit(const struct ll_core *core,
                        const struct ll_ticket *ticket);

/** survey_read.c: the answer to the leader's read, no older than its key. */
void ll_survey_on_read(struct ll_core *core,
                       struct ll_ticket *leader,
                       const struct ll_answer *answer);

#endif
