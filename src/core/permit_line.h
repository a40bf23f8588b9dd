/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_PERMIT_LINE_H
#define LL_CORE_PERMIT_LINE_H

#include "core/object.h"

struct ll_ticket;
struct ll_permit_line;

/**
 * One watch of all permits of a lock, for the tickets of a client that count
 * those ahead, or hold one and do not watch their own key yet (permit.h).
 *
 *     watch    | event                      | does
 *     OFF      | the first ticket joins     | wants the watch
 *     CREATING | created                    | forgets the deletions; passes it on
 *     ON       | a permit is deleted        | keeps the deletion; passes it on
 *     any      | refused, down              | passes it on
 *     any      | the store went back        | ends the watch, as if it were down
 *     any      | the last ticket leaves     | ends the watch
 *     ENDING,  | OFF                        | wants it again, if a ticket is in
 *     DROPPED  |                            | the line; else it is freed
 *
 * The watch asks for what the keys were before, for their create revisions:
 * these say of which tickets a deleted key was ahead.
 *
 * A ticket joins with the revision at which it counted the permits ahead. The
 * answer with the count may be processed later than an event of a greater
 * revision, so the line keeps the newest deletions. It covers a revision if
 * every later deletion is among these or yet to come.
 */

/** A ticket in a line. */
struct ll_permit_member {
    struct ll_link link;
    struct ll_permit_line *line; /* NULL: it is in none */
    struct ll_ticket *ticket;
};

/** What a ticket does for its line. It may leave the line in any of them. */
struct ll_permit_line_ops {
    void (*on_created)(struct ll_core *core, struct ll_ticket *ticket);
    /** All of one message of the watch: puts are not among them. */
    void (*on_gone)(struct ll_core *core,
                    struct ll_ticket *ticket,
                    const struct ll_watch_event *events,
                    size_t n);
    void (*on_refused)(struct ll_core *core,
                       struct ll_ticket *ticket,
                       enum ll_outcome outcome);
    void (*on_down)(struct ll_core *core, struct ll_ticket *ticket);
};

/** Joins the line of the ticket's lock and number of permits, or makes it;
 *  false: out of memory. */
bool ll_permit_line_join(struct ll_core *core,
                         struct ll_permit_member *member,
                         struct ll_ticket *ticket,
                         const struct ll_permit_line_ops *ops);
/** Does nothing for a ticket that is in no line. */
void ll_permit_line_leave(struct ll_core *core,
                          struct ll_permit_member *member);
/** The line of a ticket's lock and number of permits, or NULL. */
struct ll_permit_line *ll_permit_line_find(const struct ll_core *core,
                                           const struct ll_ticket *ticket);
/** Its watch. */
struct ll_watch *ll_permit_line_watch(struct ll_permit_line *line);
/** When its watch is certain to be synced (see ticket.h). */
int64_t ll_permit_line_settle_ns(const struct ll_permit_line *line);
/** The least revision that it covers; INT64_MAX while its watch is not ON. */
int64_t ll_permit_line_covers(const struct ll_permit_line *line);
/**
 * Counts the permits ahead of a token that have been deleted since a revision
 * which the line covers.
 *
 * @return how many they are; -1: only a read shows it, at *ret_least or later.
 *         The key with that token was deleted itself, or it is not known when a
 *         deleted key was created.
 */
int64_t ll_permit_line_gone(const struct ll_permit_line *line,
                            int64_t token,
                            int64_t revision,
                            int64_t *ret_least);
/** Notes how many permits were ahead of a ticket that asked. */
void ll_permit_line_note(struct ll_permit_line *line, int64_t count);
/** Whether a further ticket would join, by what was noted last. */
bool ll_permit_line_is_short(const struct ll_permit_line *line);
/** Wants its watch if that is OFF. */
void ll_permit_line_want(struct ll_core *core, struct ll_permit_line *line);
/** The store went back to a revision: if the watch has reported, or begun, in
 *  what was its future, it ends, and another is wanted. */
void ll_permit_line_went_back(struct ll_core *core,
                              struct ll_permit_line *line,
                              int64_t revision);

#endif
