/* SPDX-License-Identifier: Apache-2.0 */
#include "core/candidate.h"

#include <string.h>

#include "base/alloc.h"
#include "core/key.h"

static struct ll_candidate *candidate_new(const struct ll_kv *kv)
{
    struct ll_candidate *candidate =
        ll_alloc_zero(1, sizeof(*candidate) + kv->key.size + kv->value.size);

    if (candidate == NULL) {
        return NULL;
    }
    ll_link_init(&candidate->link);
    ll_link_init(&candidate->due);
    candidate->kv = *kv;
    memcpy(candidate->bytes, kv->key.data, kv->key.size);
    if (kv->value.size > 0) {
        memcpy(candidate->bytes + kv->key.size, kv->value.data, kv->value.size);
    }
    candidate->kv.key.data = candidate->bytes;
    candidate->kv.value.data = candidate->bytes + kv->key.size;
    return candidate;
}

/** Frees a candidate that is not needed any more. */
static void candidate_drop(const struct ll_candidates *candidates,
                           struct ll_candidate *candidate)
{
    if (candidate != NULL && ll_link_alone(&candidate->link) &&
        ll_link_alone(&candidate->due) && candidate != candidates->leader &&
        candidate != candidates->drawn) {
        ll_free(candidate);
    }
}

static struct ll_candidate *candidate_at(struct ll_link *link)
{
    return LL_CONTAINER(link, struct ll_candidate, link);
}

static struct ll_candidate *candidate_due(struct ll_link *link)
{
    return LL_CONTAINER(link, struct ll_candidate, due);
}

static void candidate_leave(struct ll_candidates *candidates,
                            struct ll_candidate *candidate)
{
    ll_link_remove(&candidate->link);
    candidates->n--;
    candidate_drop(candidates, candidate);
}

static bool is_same(const struct ll_candidate *a, const struct ll_candidate *b)
{
    return a->kv.create_revision == b->kv.create_revision &&
           ll_bytes_equal(a->kv.key, b->kv.key) &&
           ll_bytes_equal(a->kv.value, b->kv.value);
}

void ll_candidates_init(struct ll_candidates *candidates, size_t prefix_size)
{
    *candidates = (struct ll_candidates){.prefix_size = prefix_size};
    ll_link_init(&candidates->queue);
    ll_link_init(&candidates->due);
}

static void queue_clear(struct ll_candidates *candidates)
{
    while (!ll_link_alone(&candidates->queue)) {
        candidate_leave(candidates, candidate_at(candidates->queue.next));
    }
}

void ll_candidates_free(struct ll_candidates *candidates)
{
    struct ll_candidate *leader = candidates->leader;
    struct ll_candidate *drawn = candidates->drawn;
    struct ll_link *at;
    struct ll_link *after;

    candidates->leader = NULL;
    candidates->drawn = NULL;
    candidate_drop(candidates, leader);
    if (drawn != leader) {
        candidate_drop(candidates, drawn);
    }
    LL_LIST_EACH (at, after, &candidates->due) {
        ll_link_remove(at);
        candidate_drop(candidates, candidate_due(at));
    }
    queue_clear(candidates);
}

bool ll_candidates_take(struct ll_candidates *candidates,
                        const struct ll_range_answer *range)
{
    struct ll_candidates fresh;

    ll_candidates_init(&fresh, candidates->prefix_size);
    for (size_t i = 0; i < range->kvs_n; i++) {
        struct ll_candidate *candidate;

        if (ll_key_is_nested(range->kvs[i].key, fresh.prefix_size)) {
            continue;
        }
        candidate = candidate_new(&range->kvs[i]);
        if (candidate == NULL) {
            queue_clear(&fresh);
            return false;
        }
        ll_link_append(&fresh.queue, &candidate->link);
        fresh.n++;
    }
    queue_clear(candidates);
    while (!ll_link_alone(&fresh.queue)) {
        struct ll_link *first = fresh.queue.next;

        ll_link_remove(first);
        ll_link_append(&candidates->queue, first);
    }
    candidates->n = fresh.n;
    return true;
}

static struct ll_candidate *find_key(const struct ll_candidates *candidates,
                                     struct ll_bytes key)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &candidates->queue) {
        if (ll_bytes_equal(candidate_at(at)->kv.key, key)) {
            return candidate_at(at);
        }
    }
    return NULL;
}

/** Adds a new key at the end; one with a new value takes the place of the old
 *  one. */
static bool queue_put(struct ll_candidates *candidates, const struct ll_kv *kv)
{
    struct ll_candidate *candidate = candidate_new(kv);
    struct ll_candidate *old = NULL;

    if (candidate == NULL) {
        return false;
    }
    if (kv->create_revision != kv->mod_revision) {
        old = find_key(candidates, kv->key);
    }
    ll_link_append(old != NULL ? &old->link : &candidates->queue,
                   &candidate->link);
    candidates->n++;
    if (old != NULL) {
        candidate_leave(candidates, old);
    }
    return true;
}

bool ll_candidates_change(struct ll_candidates *candidates,
                          const struct ll_watch_event *change)
{
    struct ll_candidate *gone;

    if (ll_key_is_nested(change->kv.key, candidates->prefix_size)) {
        return true;
    }
    if (!change->deleted) {
        return queue_put(candidates, &change->kv);
    }
    gone = find_key(candidates, change->kv.key);
    if (gone != NULL) {
        candidate_leave(candidates, gone);
    }
    return true;
}

static bool is_exclusive(const struct ll_kv *kv)
{
    return ll_key_mode(kv->key).kind == LL_MODE_EXCLUSIVE;
}

static struct ll_candidate *first_of(const struct ll_candidates *candidates)
{
    return ll_link_alone(&candidates->queue)
               ? NULL
               : candidate_at(candidates->queue.next);
}

bool ll_candidates_fit(const struct ll_candidates *candidates,
                       const struct ll_range_answer *oldest)
{
    const struct ll_candidate *first = first_of(candidates);
    const struct ll_kv *shown = NULL;

    for (size_t i = 0; i < oldest->kvs_n && shown == NULL; i++) {
        if (!ll_key_is_nested(oldest->kvs[i].key, candidates->prefix_size)) {
            shown = &oldest->kvs[i];
        }
    }
    if (shown == NULL) {
        return oldest->kvs_n > 0 || first == NULL;
    }
    if (first == NULL || shown->create_revision != first->kv.create_revision) {
        return false;
    }
    /* Of shared keys that were made together any may be shown. */
    return shown->mod_revision == first->kv.mod_revision ||
           (!is_exclusive(shown) && !is_exclusive(&first->kv));
}

bool ll_candidates_settle(struct ll_candidates *candidates)
{
    struct ll_candidate *was = candidates->leader;
    struct ll_candidate *is = first_of(candidates);

    if (is != NULL && !ll_kv_may_lead(&is->kv)) {
        is = NULL;
    }
    if (was == is) {
        return false;
    }
    candidates->leader = is;
    if (is == NULL) {
        was->last = true;
        ll_link_append_once(&candidates->due, &was->due);
    } else if (was != NULL && is_same(was, is)) {
        is->was_reported = true; /* or will be, as `was` */
    } else {
        ll_link_append(&candidates->due, &is->due);
    }
    candidate_drop(candidates, was);
    return true;
}

bool ll_candidates_next(struct ll_candidates *candidates,
                        const struct ll_kv **ret_leader)
{
    struct ll_candidate *drawn = candidates->drawn;
    struct ll_candidate *candidate;

    candidates->drawn = NULL;
    candidate_drop(candidates, drawn);
    if (ll_link_alone(&candidates->due)) {
        return false;
    }
    candidate = candidate_due(candidates->due.next);
    *ret_leader = NULL;
    if (!candidate->was_reported) {
        candidate->was_reported = true;
        *ret_leader = &candidate->kv;
        if (candidate->last) {
            return true; /* the next report: it no longer leads */
        }
    }
    ll_link_remove(&candidate->due);
    candidates->drawn = candidate;
    return true;
}
