/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the keys of a board mean: the end of a load, who holds, who waits.
 */
#include <stdlib.h>
#include <string.h>

#include "api/board.h"
#include "api/grants.h"
#include "base/alloc.h"
#include "leaselock/status.h"

static struct ll_board_key *key_at(const struct ll_link *link)
{
    return LL_CONTAINER((struct ll_link *)(uintptr_t)link, struct ll_board_key,
                        link);
}

struct ll_board_key *ll_board_first(const struct ll_board_dir *dir)
{
    return dir->places_n > 0 ? key_at(dir->places.next) : NULL;
}

static void dir_forget(struct ll_board *board, struct ll_board_dir *dir)
{
    board->locks_n--;
    board->idle_n--;
    ll_link_remove(&dir->lock);
    ll_link_remove(&dir->idle);
    dir->was_settled = false;
    dir->holder_token = 0;
    dir->holder_changes = 0;
    ll_board_unref(board, dir);
}

void ll_board_forget_idle(struct ll_board *board, int64_t now_ns)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &board->idle) {
        struct ll_board_dir *dir = LL_CONTAINER(at, struct ll_board_dir, idle);

        if (board->idle_n <= LL_BOARD_IDLE_MAX &&
            now_ns - dir->idle_ns < LL_BOARD_IDLE_NS) {
            break;
        }
        dir_forget(board, dir);
    }
}

void ll_board_load_begin(struct ll_board *board)
{
    board->generation++;
    board->loads = true;
}

/** Removes the keys of a list that the load did not have. */
static void sweep(struct ll_board *board, struct ll_link *list, int64_t now_ns)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, list) {
        if (key_at(at)->generation != board->generation) {
            ll_board_remove(board, key_at(at), now_ns);
        }
    }
}

static int compare(const void *a, const void *b)
{
    const struct ll_board_key *one = *(struct ll_board_key *const *)a;
    const struct ll_board_key *other = *(struct ll_board_key *const *)b;

    return (one->token > other->token) - (one->token < other->token);
}

/** Sorts the places of a dir, which are in the order of a read. */
static int dir_sort(struct ll_board_dir *dir)
{
    struct ll_board_key **sorted;
    size_t n = 0;

    if (!dir->is_unsorted) {
        return 0;
    }
    sorted = ll_alloc_zero(dir->places_n, sizeof(struct ll_board_key *));
    if (sorted == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    while (!ll_link_alone(&dir->places)) {
        sorted[n++] = key_at(dir->places.next);
        ll_link_remove(dir->places.next);
    }
    qsort(sorted, n, sizeof(struct ll_board_key *), compare);
    for (size_t i = 0; i < n; i++) {
        ll_link_append(&dir->places, &sorted[i]->link);
    }
    ll_free(sorted);
    dir->is_unsorted = false;
    return 0;
}

/** The oldest others of every lock in which they are not known. */
static void board_find_others(struct ll_board *board, int64_t now_ns)
{
    struct ll_link *at;
    struct ll_link *after;

    board->others_unknown = false;
    LL_LIST_EACH (at, after, &board->all) {
        struct ll_board_dir *dir = LL_CONTAINER(at, struct ll_board_dir, all);

        if (dir->others_unknown) {
            dir->other_from = INT64_MAX;
            dir->blocked_from = INT64_MAX;
            dir->others_unknown = false;
            ll_board_touch(board, dir);
        }
    }
    LL_LIST_EACH (at, after, &board->all) {
        struct ll_board_dir *dir = LL_CONTAINER(at, struct ll_board_dir, all);
        struct ll_link *key;
        struct ll_link *next;

        LL_LIST_EACH (key, next, &dir->places) {
            ll_board_add_other(key_at(key));
        }
        LL_LIST_EACH (key, next, &dir->others) {
            ll_board_add_other(key_at(key));
        }
    }
    ll_board_settle(board, now_ns);
}

int ll_board_load_end(struct ll_board *board, int64_t now_ns)
{
    struct ll_link *at;
    struct ll_link *after;
    int status = 0;

    /* While its keys are removed, no dir may disappear from the list. */
    LL_LIST_EACH (at, after, &board->all) {
        LL_CONTAINER(at, struct ll_board_dir, all)->refs++;
    }
    LL_LIST_EACH (at, after, &board->all) {
        struct ll_board_dir *dir = LL_CONTAINER(at, struct ll_board_dir, all);

        sweep(board, &dir->places, now_ns);
        sweep(board, &dir->others, now_ns);
    }
    /* Those below a dir come behind it, and are freed before it. */
    for (at = board->all.prev; at != &board->all; at = after) {
        struct ll_board_dir *dir = LL_CONTAINER(at, struct ll_board_dir, all);

        after = at->prev;
        if (dir->is_unsorted && status == 0) {
            status = dir_sort(dir);
        }
        ll_board_unref(board, dir);
    }
    if (status == 0) {
        if (board->others_unknown) {
            board_find_others(board, now_ns);
        }
        ll_board_settle(board, now_ns);
        board->loads = false;
    }
    return status;
}

/** Whether keys that are no places keep the oldest place from holding. */
static bool is_blocked(const struct ll_board_dir *dir,
                       const struct ll_board_key *first)
{
    return first->token >
           (first->is_apart ? dir->blocked_from : dir->other_from);
}

/** Notes the oldest holder. */
static void
dir_settle(struct ll_board *board, struct ll_board_dir *dir, int64_t now_ns)
{
    const struct ll_board_key *first = ll_board_first(dir);
    int64_t token = 0;

    if (first != NULL) {
        dir->mode = first->mode;
        dir->permits = first->permits;
        dir->candidate = first->candidate;
        token = is_blocked(dir, first) ? 0 : first->token;
    }
    if (token != 0 && token != dir->holder_token) {
        dir->holder_ns = now_ns;
        dir->holder_was_seen = !board->loads;
        /* The holder of the first read is no change. */
        dir->holder_changes += board->loads && !dir->was_settled ? 0 : 1;
    }
    dir->holder_token = token;
    dir->was_settled = true;
}

void ll_board_settle(struct ll_board *board, int64_t now_ns)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &board->touched) {
        struct ll_board_dir *dir =
            LL_CONTAINER(at, struct ll_board_dir, touched);

        ll_link_remove(at);
        if (!ll_link_alone(&dir->lock)) {
            dir_settle(board, dir, now_ns);
        }
    }
}

/** Finds who holds and who waits. */
static void dir_read(struct ll_board_dir *dir)
{
    struct ll_grants grants = {0};
    struct ll_link *at;
    struct ll_link *after;

    dir->holders_n = 0;
    dir->waiter = NULL;
    LL_LIST_EACH (at, after, &dir->places) {
        struct ll_board_key *key = key_at(at);

        grants.keys_n += key->token > dir->other_from ? 1 : 0;
        grants.exclusive |= key->token > dir->blocked_from;
        if (ll_grants_next(&grants, (enum leaselock_mode)key->mode,
                           key->permits, true, key->is_apart)) {
            dir->holders_n++;
        } else if (dir->waiter == NULL) {
            dir->waiter = key;
        }
        if (grants.exclusive && dir->waiter != NULL) {
            break; /* all behind it wait */
        }
    }
    dir->is_read = true;
}

int ll_board_read(struct ll_board *board, int64_t now_ns)
{
    struct ll_link *at;
    struct ll_link *after;
    int status = 0;

    ll_board_forget_idle(board, now_ns);
    if (board->others_unknown && !board->loads) {
        board_find_others(board, now_ns);
    }
    LL_LIST_EACH (at, after, &board->locks) {
        struct ll_board_dir *dir = LL_CONTAINER(at, struct ll_board_dir, lock);

        if (!dir->is_read && status == 0) {
            status = dir_sort(dir); /* of a load that goes on */
            if (status == 0) {
                dir_read(dir);
            }
        }
    }
    return status;
}
