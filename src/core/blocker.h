/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_BLOCKER_H
#define LL_CORE_BLOCKER_H

#include "core/ticket.h"

/**
 * The holder of the lock, for the message of a ticket that is not granted in
 * time.
 *
 * The answer to a try contains the holder. For a waiting ticket, the holder is
 * read shortly before the timeout, together with the ticket's keys: LL_ASK_NS
 * before, or at once if the timeout is shorter. So no acquire takes longer than
 * its timeout, and one that is granted earlier costs nothing. etcd sorts the
 * whole queue for that read, so it is left out if more than LL_ASK_AHEAD_MAX
 * tickets are ahead.
 */
#define LL_ASK_NS INT64_C(250000000)
#define LL_ASK_AHEAD_MAX 16

/** A holder that was read: its key, then its value. */
struct ll_seen {
    size_t key_size;
    size_t value_size;
    char bytes[];
};

/** When a ticket's holder is to be read, or LL_NEVER. */
int64_t ll_ticket_ask_ns(const struct ll_ticket *ticket);
/** Reads the holder with the next read of a waiting ticket, which is sent
 *  now. */
void ll_ticket_ask_holder(struct ll_core *core, struct ll_ticket *ticket);
/** Whether the next read has a range of its own for the holder. */
bool ll_ticket_reads_holder(const struct ll_ticket *ticket);
/** Keeps a copy of a holder, if there is memory. */
void ll_ticket_see_holder(struct ll_ticket *ticket, const struct ll_kv *holder);
/** The text of an acquire that failed with a status. */
const char *ll_ticket_failure_text(struct ll_core *core,
                                   const struct ll_ticket *ticket,
                                   int status);
/** The holder, as far as it is known. */
struct ll_blocker ll_ticket_blocker(const struct ll_ticket *ticket);

/** Whether a key that blocks a ticket is no ticket; then it is kept for the
 *  failure's text. */
bool ll_ticket_note_blocked(struct ll_ticket *ticket, const struct ll_kv *key);

#endif
