/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The views of `leaselock top`, and what the keys do in each.
 *
 *   view    key                   view    what happens
 *   LIST    a h w r n m           LIST    sorts by age, held, waiters, rate,
 *                                         name or mode; again: reversed
 *   LIST    s                     LIST    sorts by the next of these
 *   LIST    moving (below)        LIST    moves the cursor
 *   LIST    /                     FILTER
 *   LIST    Esc                   LIST    removes the filter
 *   LIST    Enter, Right          QUEUE   of the lock at the cursor, if any
 *   FILTER  a character           FILTER  is appended; the list follows
 *   FILTER  Backspace             FILTER  removes the last character
 *   FILTER  ^U                    FILTER  removes all
 *   FILTER  Enter                 LIST    keeps the filter
 *   FILTER  Esc                   LIST    restores the former filter
 *   QUEUE   moving (below)        QUEUE   moves the cursor
 *   QUEUE   Enter, Esc, Left,     LIST
 *           Backspace
 *   LIST,   ?                     HELP
 *   QUEUE
 *   HELP    any but q             the view before
 *   any but q                     -       ends
 *   FILTER
 *   any     ^L                    same    draws all of it again
 *
 * Moving: Up and k, Down and j, PgUp and PgDn, Home and g, End and G. In the
 * list the cursor stays on its lock when rows change their places, until Home.
 */
#ifndef LL_CLI_TOP_VIEW_H
#define LL_CLI_TOP_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "cli/top_model.h"

enum ll_top_page { LL_TOP_LIST, LL_TOP_FILTER, LL_TOP_QUEUE, LL_TOP_HELP };

/** Keys: Unicode characters, control characters as the terminal sends them, and
 *  these beyond. */
enum ll_top_key {
    LL_TOP_KEY_CTRL_L = 0x0c,
    LL_TOP_KEY_ENTER = 0x0d,
    LL_TOP_KEY_CTRL_U = 0x15,
    LL_TOP_KEY_ESC = 0x1b,
    LL_TOP_KEY_BACKSPACE = 0x7f,
    LL_TOP_KEY_UP = 0x110000,
    LL_TOP_KEY_DOWN,
    LL_TOP_KEY_LEFT,
    LL_TOP_KEY_RIGHT,
    LL_TOP_KEY_PAGE_UP,
    LL_TOP_KEY_PAGE_DOWN,
    LL_TOP_KEY_HOME,
    LL_TOP_KEY_END
};

/** What the command has to do after a key. */
enum ll_top_action {
    LL_TOP_NOTHING,
    /** Arrange the rows. */
    LL_TOP_ARRANGE,
    /** Read the queue of the lock at the cursor. */
    LL_TOP_OPEN_QUEUE,
    /** Read the list again. */
    LL_TOP_OPEN_LIST,
    /** Draw all of the screen again. */
    LL_TOP_REDRAW,
    LL_TOP_QUIT
};

/** Limit of a filter, in bytes, with a NUL. */
#define LL_TOP_FILTER_SIZE 128

/** A cursor in a list of which a part is shown. */
struct ll_top_cursor {
    size_t at;
    /** The first row that is shown. */
    size_t first;
};

struct ll_top_view {
    enum ll_top_page page;
    /** The view that the help returns to. */
    enum ll_top_page before;
    enum ll_top_sort sort;
    int is_reversed;
    char filter[LL_TOP_FILTER_SIZE];
    /** The filter before it was changed. */
    char former[LL_TOP_FILTER_SIZE];
    struct ll_top_cursor list;
    struct ll_top_cursor queue;
    /** The lock at the list's cursor, on which the cursor stays; NULL: it stays
     *  where it is. */
    char *selected;
};

/**
 * Handles a key.
 *
 * @param view      all zero at first, but for the sort and the filter
 * @param model     arranged
 * @param places_n  of the queue that is shown
 * @param shown_n   rows that the screen shows at a time
 * @param key       a character or an enum ll_top_key
 */
enum ll_top_action ll_top_view_key(struct ll_top_view *view,
                                   const struct ll_top_model *model,
                                   size_t places_n,
                                   size_t shown_n,
                                   uint32_t key);

/** Moves the cursors to where they belong once the rows, the queue or the
 *  screen have changed; arguments as of ll_top_view_key. */
void ll_top_view_settle(struct ll_top_view *view,
                        const struct ll_top_model *model,
                        size_t places_n,
                        size_t shown_n);

void ll_top_view_free(struct ll_top_view *view);

#endif
