/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_WATCH_SERVER_H
#define LL_CORE_WATCH_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

struct ll_core;

/**
 * What is known of the member that serves the watch stream: whether its release
 * places a watch from start_revision 0 among the synced ones, whatever is
 * written meanwhile, and reads the revision of its created answer after that
 * (etcd 3.4.38, 3.5.22, 3.6.2 and newer). Then one read at that revision or a
 * later one settles the watch (ticket.h), and none follows.
 *
 *     state   | event                         | next    | does
 *     UNKNOWN | a read has not settled a watch| WANTED  |
 *     WANTED  | another watch is requested    | DUE     |
 *     DUE     | drawn                         | ASKED   | queries the stream's
 *             |                               |         | endpoint: its Status
 *     ASKED   | answered by the member that   | PROMPT  |
 *             | creates the watches, and its  |         |
 *             | release does so               |         |
 *     ASKED   | not answered                  | WANTED  | SLOW at the last try
 *     ASKED   | answered otherwise            | SLOW    |
 *     PROMPT  | a watch from 0 is requested   | PROMPT  | it is prompt, if that
 *             |                               |         | member creates it
 *     any but | another member creates a     | SLOW    |
 *     UNKNOWN | watch than before             |         |
 *     any     | the stream is down            | UNKNOWN |
 *
 * The members of one cluster can be of different releases, and a member can be
 * of another one after each start. So what is known belongs to one stream. One
 * process serves a stream for as long as it is open. It has answered on the
 * stream before the query is sent, and it answers the request for a prompt
 * watch, which is sent after the query's answer. So it was alive in between,
 * and no other process has had its member id then: it is the one that has
 * answered the query, on whichever connection.
 *
 * A grpc-proxy makes watches of its own, and several of its clients may share
 * one. When its stream to a member breaks, it makes them again at another one,
 * from a revision in the past, and its clients do not learn that. It numbers
 * the watches itself (watch_number.h), and nothing is asked then. etcd's
 * gateway and the like pass on the bytes of a stream, so a member serves it.
 *
 * A client whose watches the first read settles, or that requests none later,
 * asks nothing.
 */

/** The most queries on one stream that are not answered. */
#define LL_WATCH_SERVER_TRIES_MAX 3

/** The id of this query. Those of the nearest member's reads are below it. */
#define LL_WATCH_SERVER_CALL (LL_ID_MAX + 3072)

enum ll_watch_server_state {
    LL_WATCH_SERVER_UNKNOWN,
    LL_WATCH_SERVER_WANTED,
    LL_WATCH_SERVER_DUE,
    LL_WATCH_SERVER_ASKED,
    LL_WATCH_SERVER_PROMPT,
    LL_WATCH_SERVER_SLOW,
};

struct ll_watch_server {
    enum ll_watch_server_state state;
    unsigned tries; /* that were not answered, on this stream */
    uint32_t seq;   /* of the last query */
};

/** The stream is down. */
void ll_watch_server_forget(struct ll_core *core);
/** A read has not settled a watch. */
void ll_watch_server_miss(struct ll_core *core);
/** A watch from start_revision 0 is requested.
 *  @return whether it is prompt, if the member creates it that has created the
 *          ones before */
bool ll_watch_server_request(struct ll_core *core);

/** A member has created a watch.
 *  @return whether it is known to make prompt ones */
bool ll_watch_server_created(struct ll_core *core, uint64_t member_id);

/** Draws a query; false when there is none. */
bool ll_watch_server_next(struct ll_core *core, struct ll_effect *ret_effect);
/** The answer to one, whose id is LL_WATCH_SERVER_CALL. */
void ll_watch_server_on_answer(struct ll_core *core,
                               const struct ll_event *event);

/** Whether a release of etcd makes prompt watches; false for a version of an
 *  unknown form, such as one before a release. */
bool ll_version_is_prompt(const char *version);

#endif
