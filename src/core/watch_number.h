/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_WATCH_NUMBER_H
#define LL_CORE_WATCH_NUMBER_H

#include <stdint.h>

#include "core/watch.h"

/**
 * Which watch an answer or an event belongs to.
 *
 * etcd uses the id that the client chose. Its grpc-proxy numbers watches
 * itself, from 0 upward on each stream, and answers in any order: it makes each
 * with another watch of its own. Then an answer belongs to a certain creation
 * only if no other one is in flight:
 *
 *     numbered | event on the stream         | numbered | does
 *     no       | first created, with the id  | no       |
 *              | that was requested          |          |
 *     no       | created, with another id,   | yes      | the id is the watch's
 *              | of the only creation        |          |
 *     no       | created, with another id,   | yes      | restarts the stream
 *              | of one among several        |          |
 *     no       | nothing was created yet,    | yes      | the same
 *              | refused with -1, one among  |          |
 *              | several                     |          |
 *     yes      | first created, with the id  | no       |
 *              | that was requested          |          |
 *     yes      | created, with another id    | yes      | the id is the watch's
 *     yes      | the same, but another watch | yes      | restarts the stream,
 *              | has it, or no memory        |          | with a pause
 *     yes      | refused, with -1 or the id  | yes      | the only creation is
 *              | that was requested          |          | refused
 *
 * A new stream begins as the last one was: behind a proxy this need not be
 * detected again, and the first answer of a stream to etcd itself shows it.
 * While numbered, at most one creation is in flight, and the watches that are
 * ON are found by the server's id in an index. The proxy itself processes one
 * creation after the other, with a read from etcd for each.
 *
 * While numbered, the order of two watches' events is unknown: a ticket reads
 * before it is held (see ticket.h).
 */

/** The watch whose creation is unanswered for longest, or NULL. */
struct ll_watch *ll_watch_oldest_creating(const struct ll_core *core);
/** The watch that a change belongs to; NULL: it was cancelled. */
struct ll_watch *ll_watch_of_event(struct ll_core *core, int64_t id);
/** The watch that is created, by the id that the server gives it; NULL: it is
 *  not known which one. */
struct ll_watch *ll_watch_of_created(struct ll_core *core, int64_t id);
/** The watch that is cancelled or refused; NULL as above. One that was never
 *  created has the client's number, even while numbered. */
struct ll_watch *ll_watch_of_canceled(struct ll_core *core, int64_t id);
/** Restarts the watches' stream, on its endpoint. */
void ll_watches_anew(struct ll_core *core, int64_t pause_ns);

#endif
