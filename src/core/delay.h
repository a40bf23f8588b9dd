/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_DELAY_H
#define LL_CORE_DELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/request.h"

struct ll_watch;

struct ll_core;
struct ll_event;
struct ll_part;
struct ll_ticket;
struct ll_watch_event;

/**
 * Lock-delay: a time in which nobody is granted the lock after its holder has
 * crashed, so that what the holder still has on its way to other systems can
 * arrive before the next one begins.
 *
 * It is a wish of the holder and stands in its key, NAME/LEASE.NUMBER.dMS, so
 * reads of keys alone show it. A clean release puts "released" into the key,
 * under the condition that it is the ticket's, and then deletes it; so does a
 * withdrawal. Closing the session puts it into all its keys in one Txn before
 * it revokes the lease. A key that is deleted without that word, by a lease
 * that ended, by a third party or by `break`, belongs to a crash.
 *
 * A ticket whose predecessor's key has a delay watches it from the revision
 * after its own, and etcd reports the value that the key had. So it does not
 * matter whether the key goes before or after the watch is created.
 *
 *     state   | event                         | next    | does
 *     WAIT    | deleted, "released"           | as      |
 *             |                               | without |
 *     WAIT    | deleted, another value, or    | DELAYED | watches its own key
 *             | etcd does not have it any more|         |
 *     WAIT    | read: the key is there        | WAIT    | a new watch begins
 *             |                               |         | behind that revision
 *     WAIT    | the watch is created, and     | WAIT    | a new watch begins
 *             | begins in the future: the     |         | behind the own key
 *             | store went back               |         |
 *     WAIT    | read: it is gone              | WAIT    | waits for the event,
 *             |                               |         | LL_DELAY_EVENT_NS
 *     WAIT    | read: gone, and the event did | DELAYED |
 *             | not come, or etcd has         |         |
 *             | compacted it                  |         |
 *     DELAYED | the time is over              | NEXT    | reads its own key, or
 *             |                               |         | the queue, through the
 *             |                               |         | quorum
 *     DELAYED | predecessor of another client,| NEXT    | the same (its clean
 *             | its lease lives               |         | release leaves no word)
 *     DELAYED | own key gone                  | gone    | ACQUIRED LOST
 *     DELAYED | timeout, release              | LEAVE   | reported at once, a
 *             |                               |         | release as RELEASED 0;
 *             |                               |         | the key is deleted
 *             |                               |         | when the time is over
 *
 * The delay is kept by the ticket whose predecessor the key is. Those that do
 * not wait when it goes do not see it, nor does one whose predecessor has just
 * gone, or that waits for a survey (survey.h), and that has not read yet which
 * key is next; and a second crash, of the ticket that is DELAYED, shortens it.
 */

/** How long an event is awaited whose key is gone already. */
#define LL_DELAY_EVENT_NS INT64_C(5000000000)

/** What a released key contains. */
#define LL_DELAY_RELEASED "released"

struct ll_delay {
    int64_t since;    /* the watch begins at this revision; 0: now */
    int64_t gone_ns;  /* when a read first showed that the key is gone */
    int64_t until_ns; /* DELAYED: the end of the delay */
    uint32_t ms;      /* of the predecessor; 0: none */
    uint32_t foreign_ms;
    bool asks; /* DELAYED: the next call asks for the predecessor's lease */
};

/** Keeps the delay that is wanted behind keys of other clients; false: no
 *  memory. */
bool ll_delay_foreign(struct ll_ticket *ticket, uint32_t ms);
/** The ticket waits for a predecessor; false: no memory. */
bool ll_delay_begin(struct ll_ticket *ticket);
/** Whether a key is of another client: not NAME/LEASE.NUMBER. */
bool ll_delay_is_foreign_key(struct ll_bytes key, int64_t lease);
/** Whether the ticket's predecessor has a delay. */
bool ll_delay_is(const struct ll_ticket *ticket);

/** Whether the watch that has been created begins only behind what its server
 *  has: the store went back since. It has to begin behind the own key. */
bool ll_delay_is_ahead_of(struct ll_ticket *ticket,
                          const struct ll_watch *watch);
/** A read has shown that the predecessor's key is there, or that it is gone. */
void ll_delay_on_seen(struct ll_ticket *ticket, int64_t revision);
void ll_delay_on_missing(struct ll_core *core,
                         struct ll_ticket *ticket,
                         int64_t revision);
/** Whether the deletion of the predecessor's key is no crash, or no delay is
 *  wanted for one. */
bool ll_delay_is_release(const struct ll_ticket *ticket,
                         const struct ll_watch_event *event);
/** etcd refused the watch, as for a revision that it has compacted. */
void ll_delay_on_refused(struct ll_ticket *ticket);

/** When the delay is over; LL_NEVER: the ticket is not DELAYED. */
int64_t ll_delay_end_ns(const struct ll_ticket *ticket);
/** It is: goes on. */
void ll_delay_over(struct ll_core *core, struct ll_ticket *ticket);
/** Asks for the lease of a predecessor of another client; and its answer. */
void ll_delay_build(const struct ll_ticket *ticket,
                    struct ll_request *ret_request);
void ll_delay_on_answer(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_answer *answer);

/** Whether the key has to stay, as the delay of its predecessor is not over. */
bool ll_delay_keeps_key(const struct ll_core *core,
                        const struct ll_ticket *ticket);
/** Whether a ticket that leaves puts the word into its key first. */
bool ll_delay_marks(const struct ll_ticket *ticket);
/** The put of the word. */
struct ll_op ll_delay_mark(struct ll_bytes key);
/** That request. */
void ll_delay_build_mark(const struct ll_ticket *ticket,
                         struct ll_part *part,
                         struct ll_request *ret_request);

#endif
