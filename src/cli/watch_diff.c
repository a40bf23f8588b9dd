/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch_diff.h"

#include <string.h>

const char *ll_change_name(enum ll_change change)
{
    switch (change) {
    case LL_CHANGE_HELD:
        return "held";
    case LL_CHANGE_PASSED:
        return "passed";
    case LL_CHANGE_PLACES:
        return "places";
    case LL_CHANGE_FREE:
        return "free";
    case LL_CHANGE_HOLDS:
        return "holds";
    case LL_CHANGE_JOINED:
        return "joined";
    case LL_CHANGE_ASKED:
        return "asked";
    case LL_CHANGE_LEFT:
        break;
    }
    return "left";
}

/** A lock that is in both lists. */
static int compare_lock(const struct leaselock_lock_info *before,
                        const struct leaselock_lock_info *after,
                        ll_lock_change_fn *on_change,
                        void *arg)
{
    if (before->holder->token != after->holder->token ||
        strcmp(before->holder->key, after->holder->key) != 0) {
        return on_change(arg, LL_CHANGE_PASSED, after);
    }
    if (before->places_n != after->places_n ||
        before->holders_n != after->holders_n) {
        return on_change(arg, LL_CHANGE_PLACES, after);
    }
    return 0;
}

int ll_diff_locks(const struct leaselock_locks_info *before,
                  const struct leaselock_locks_info *after,
                  ll_lock_change_fn *on_change,
                  void *arg)
{
    size_t before_n = before != NULL ? before->locks_n : 0;
    size_t old = 0;
    int result = 0;

    for (size_t i = 0; result == 0 && (i < after->locks_n || old < before_n);) {
        int order = i >= after->locks_n ? -1
                    : old >= before_n
                        ? 1
                        : strcmp(before->locks[old].name, after->locks[i].name);

        if (order < 0) {
            result = on_change(arg, LL_CHANGE_FREE, &before->locks[old++]);
        } else if (order > 0) {
            result = on_change(arg, LL_CHANGE_HELD, &after->locks[i++]);
        } else {
            result = compare_lock(&before->locks[old++], &after->locks[i++],
                                  on_change, arg);
        }
    }
    return result;
}

/** The place with an entry's key and token, or NULL. Entries are sorted by
 *  token; keys of one Txn have the same. */
static const struct leaselock_queue_entry *
find(const struct leaselock_queue_info *queue,
     const struct leaselock_queue_entry *wanted)
{
    size_t from = 0;
    size_t end = queue != NULL ? queue->entries_n : 0;

    while (from < end) {
        size_t middle = from + (end - from) / 2;

        if (queue->entries[middle].token < wanted->token) {
            from = middle + 1;
        } else {
            end = middle;
        }
    }
    for (; queue != NULL && from < queue->entries_n &&
           queue->entries[from].token == wanted->token;
         from++) {
        if (strcmp(queue->entries[from].key, wanted->key) == 0) {
            return &queue->entries[from];
        }
    }
    return NULL;
}

/** Whether a request to let go is new. */
static int is_asked_anew(const struct leaselock_queue_entry *before,
                         const struct leaselock_queue_entry *after)
{
    const struct leaselock_yield_request *old =
        before != NULL ? before->asked : NULL;
    const struct leaselock_yield_request *new = after->asked;

    if (old == NULL || new == NULL) {
        return new != NULL;
    }
    return old->at_unix_s != new->at_unix_s ||
           strcmp(old->who, new->who) != 0 ||
           strcmp(old->reason, new->reason) != 0;
}

static int compare_place(const struct leaselock_queue_entry *before,
                         const struct leaselock_queue_entry *after,
                         size_t position,
                         ll_place_change_fn *on_change,
                         void *arg)
{
    int result = 0;

    if (after->holds && (before == NULL || !before->holds)) {
        result = on_change(arg, LL_CHANGE_HOLDS, after, position);
    } else if (before == NULL) {
        result = on_change(arg, LL_CHANGE_JOINED, after, position);
    }
    if (result == 0 && is_asked_anew(before, after)) {
        result = on_change(arg, LL_CHANGE_ASKED, after, position);
    }
    return result;
}

int ll_diff_queues(const struct leaselock_queue_info *before,
                   const struct leaselock_queue_info *after,
                   ll_place_change_fn *on_change,
                   void *arg)
{
    size_t before_n = before != NULL ? before->entries_n : 0;
    int result = 0;

    for (size_t i = 0; result == 0 && i < before_n; i++) {
        if (find(after, &before->entries[i]) == NULL) {
            result = on_change(arg, LL_CHANGE_LEFT, &before->entries[i], 0);
        }
    }
    for (size_t i = 0; result == 0 && i < after->entries_n; i++) {
        result = compare_place(find(before, &after->entries[i]),
                               &after->entries[i], i + 1, on_change, arg);
    }
    return result;
}
