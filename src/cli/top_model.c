/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_model.h"

#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "cli/who.h"

#define NS_PER_S INT64_C(1000000000)
#define S_PER_MINUTE 60
#define MILLI 1000
/** The window is counted in slots, the oldest of which are dropped. */
#define SLOTS_N 12
#define SLOT_S (LL_TOP_WINDOW_S / SLOTS_N)
/** An escaped name: four bytes for each of its own. */
#define TEXT_SIZE (4 * (LEASELOCK_NAME_MAX + LL_WHO_SIZE))

struct ll_top_past {
    char *name;
    /** Of the holder; 0: the lock is free. */
    int64_t token;
    /** The last holder's, also while the lock is free. */
    int64_t last_token;
    int64_t since_ns;
    int is_whole;
    int64_t gone_ns;
    /** The newest slot of grants, by its number since the clock's start. */
    int64_t slot;
    uint32_t grants[SLOTS_N];
};

static const char *const names[LL_TOP_SORTS_N] = {
    [LL_TOP_AGE] = "age",         [LL_TOP_HELD] = "held",
    [LL_TOP_WAITERS] = "waiters", [LL_TOP_RATE] = "rate",
    [LL_TOP_NAME] = "name",       [LL_TOP_MODE] = "mode"};

const char *ll_top_sort_name(enum ll_top_sort sort)
{
    return names[sort];
}

int ll_top_sort_of(const char *name)
{
    for (int i = 0; i < LL_TOP_SORTS_N; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/** Moves the slots on to the present one. */
static void turn_slots(struct ll_top_past *past, int64_t now_ns)
{
    int64_t slot = now_ns / NS_PER_S / SLOT_S;
    int64_t passed = slot - past->slot;

    if (passed > SLOTS_N) {
        passed = SLOTS_N;
    }
    for (int64_t i = 0; i < passed; i++) {
        past->grants[(slot - i + SLOTS_N) % SLOTS_N] = 0;
    }
    past->slot = slot;
}

/** Puts a lock's present holder into its past. */
static void note_holder(struct ll_top_past *past,
                        int64_t token,
                        int is_first,
                        int64_t now_ns)
{
    turn_slots(past, now_ns);
    if (past->token == token) {
        return;
    }
    if (past->last_token != token) {
        past->since_ns = now_ns;
        past->is_whole = !is_first;
        past->grants[past->slot % SLOTS_N] += is_first ? 0 : 1;
    }
    past->token = token;
    past->last_token = token;
}

/** Notes that the lock is free. Returns 0 if it can be forgotten. */
static int note_free(struct ll_top_past *past, int64_t now_ns)
{
    turn_slots(past, now_ns);
    if (past->token != 0) {
        past->token = 0;
        past->gone_ns = now_ns;
    }
    return now_ns - past->gone_ns < LL_TOP_WINDOW_S * NS_PER_S;
}

/** Grants a minute, times 1000; -1: there was no time to see any. */
static int64_t
rate_of(uint64_t grants, const struct ll_top_model *model, int64_t now_ns)
{
    /* The slots cover the present one and those before it. */
    int64_t covered_ns = (int64_t)(SLOTS_N - 1) * SLOT_S * NS_PER_S +
                         now_ns % (SLOT_S * NS_PER_S);
    int64_t watched_ns = now_ns - model->first_ns;
    int64_t over_ms;

    if (watched_ns < covered_ns) {
        covered_ns = watched_ns;
    }
    over_ms = covered_ns / (NS_PER_S / MILLI);
    if (over_ms <= 0 || model->snapshots_n < 2) {
        return -1;
    }
    return (int64_t)grants * S_PER_MINUTE * MILLI * MILLI / over_ms;
}

static uint64_t grants_of(const struct ll_top_past *past)
{
    uint64_t grants = 0;

    for (size_t i = 0; i < SLOTS_N; i++) {
        grants += past->grants[i];
    }
    return grants;
}

static void fill_row(const struct ll_top_model *model,
                     struct ll_top_row *row,
                     const struct leaselock_lock_info *lock,
                     const struct ll_top_past *past,
                     int64_t now_ns,
                     int64_t now_unix_s)
{
    const struct leaselock_queue_entry *holder = lock->holder;
    size_t first_n = lock->holders_n > 0 ? lock->holders_n : 1;

    row->lock = lock;
    row->waiters = lock->places_n > first_n ? lock->places_n - first_n : 0;
    row->age_s = -1;
    if (ll_who_is_own(holder) && holder->since_unix_s > 0) {
        row->age_s = now_unix_s - holder->since_unix_s;
        row->age_s = row->age_s > 0 ? row->age_s : 0;
    }
    row->held_s = (now_ns - past->since_ns) / NS_PER_S;
    row->is_whole = past->is_whole;
    row->rate_milli = rate_of(grants_of(past), model, now_ns);
}

static void free_past(struct ll_top_past *past, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(past[i].name);
    }
    free(past);
}

/** Merges what is remembered, and a snapshot, both sorted by name. Returns the
 *  number of locks in ret_past, which is large enough; -1: no memory. */
static int64_t merge(struct ll_top_model *model,
                     const struct leaselock_locks_info *locks,
                     struct ll_top_past *ret_past,
                     int64_t now_ns,
                     int64_t now_unix_s)
{
    size_t old = 0;
    size_t n = 0;

    for (size_t i = 0; i < locks->locks_n || old < model->past_n;) {
        struct ll_top_past *past = &ret_past[n];
        int order = i >= locks->locks_n ? -1
                    : old >= model->past_n
                        ? 1
                        : strcmp(model->past[old].name, locks->locks[i].name);

        if (order <= 0) {
            *past = model->past[old];
            model->past[old++].name = NULL;
        } else {
            *past = (struct ll_top_past){.name = strdup(locks->locks[i].name)};
        }
        if (past->name == NULL) {
            return -1;
        }
        if (order < 0 && !note_free(past, now_ns)) {
            free(past->name);
            past->name = NULL;
            continue;
        }
        if (order >= 0) {
            note_holder(past, locks->locks[i].holder->token,
                        model->snapshots_n == 1, now_ns);
            fill_row(model, &model->all[i], &locks->locks[i], past, now_ns,
                     now_unix_s);
            i++;
        }
        n++;
    }
    return (int64_t)n;
}

int ll_top_model_take(struct ll_top_model *model,
                      const struct leaselock_locks_info *locks,
                      int64_t now_ns,
                      int64_t now_unix_s)
{
    size_t most = model->past_n + locks->locks_n + 1;
    struct ll_top_past *past = calloc(most, sizeof(*past));
    struct ll_top_row *all = calloc(locks->locks_n + 1, sizeof(*all));
    struct ll_top_row *rows = calloc(locks->locks_n + 1, sizeof(*rows));
    uint64_t grants = 0;
    int64_t n = -1;

    free(model->all);
    free(model->rows);
    model->all = all;
    model->rows = rows;
    model->rows_n = 0;
    if (model->snapshots_n++ == 0) {
        model->first_ns = now_ns;
    }
    if (past != NULL && all != NULL && rows != NULL) {
        n = merge(model, locks, past, now_ns, now_unix_s);
    }
    if (n < 0) {
        if (past != NULL) {
            free_past(past, most);
        }
        ll_top_model_free(model);
        return -1;
    }
    free_past(model->past, model->past_n);
    model->past = past;
    model->past_n = (size_t)n;
    model->all_n = locks->locks_n;
    model->revision = locks->revision;
    model->taken_ns = now_ns;
    model->taken_unix_s = now_unix_s;
    model->waiters_n = 0;
    for (size_t i = 0; i < model->all_n; i++) {
        model->waiters_n += all[i].waiters;
    }
    for (size_t i = 0; i < model->past_n; i++) {
        grants += grants_of(&past[i]);
    }
    model->rate_milli = rate_of(grants, model, now_ns);
    return 0;
}

static int compare_numbers(int64_t one, int64_t other)
{
    return (one < other) - (one > other);
}

/** What rows are sorted by: of two equal times, one that is only the least possible
 *  is the longer. */
static int64_t held_of(const struct ll_top_row *row)
{
    return 2 * row->held_s + (row->is_whole ? 0 : 1);
}

struct order {
    enum ll_top_sort sort;
    int is_reversed;
};

static int compare_by(enum ll_top_sort sort,
                      const struct ll_top_row *one,
                      const struct ll_top_row *other)
{
    switch (sort) {
    case LL_TOP_AGE:
        return compare_numbers(one->age_s, other->age_s);
    case LL_TOP_HELD:
        return compare_numbers(held_of(one), held_of(other));
    case LL_TOP_WAITERS:
        return compare_numbers((int64_t)one->waiters, (int64_t)other->waiters);
    case LL_TOP_RATE:
        return compare_numbers(one->rate_milli, other->rate_milli);
    case LL_TOP_MODE:
        return -compare_numbers(one->lock->holder->mode,
                                other->lock->holder->mode);
    case LL_TOP_NAME:
        break;
    }
    return strcmp(one->lock->name, other->lock->name);
}

/** Whether a row has the number that it is sorted by. */
static int is_known(enum ll_top_sort sort, const struct ll_top_row *row)
{
    return !(sort == LL_TOP_AGE && row->age_s < 0) &&
           !(sort == LL_TOP_RATE && row->rate_milli < 0);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
    const struct ll_top_row *one = a;
    const struct ll_top_row *other = b;
    const struct order *order = arg;
    int known = is_known(order->sort, other) - is_known(order->sort, one);
    int result;

    if (known != 0) {
        return known;
    }
    result = compare_by(order->sort, one, other);
    if (result != 0) {
        return order->is_reversed ? -result : result;
    }
    return strcmp(one->lock->name, other->lock->name);
}

static int matches(const struct ll_top_row *row, const char *filter)
{
    const struct leaselock_lock_info *lock = row->lock;
    char who[LL_WHO_SIZE];
    char text[TEXT_SIZE];

    if (filter[0] == '\0') {
        return 1;
    }
    ll_text_escape(lock->name, strlen(lock->name), text, sizeof(text));
    if (strcasestr(text, filter) != NULL) {
        return 1;
    }
    ll_who(lock->holder, who);
    ll_text_escape(who, strlen(who), text, sizeof(text));
    return strcasestr(text, filter) != NULL;
}

void ll_top_model_arrange(struct ll_top_model *model,
                          enum ll_top_sort sort,
                          int is_reversed,
                          const char *filter)
{
    struct order order = {sort, is_reversed};

    model->rows_n = 0;
    for (size_t i = 0; i < model->all_n; i++) {
        if (matches(&model->all[i], filter)) {
            model->rows[model->rows_n++] = model->all[i];
        }
    }
    if (model->rows_n > 1) {
        qsort_r(model->rows, model->rows_n, sizeof(*model->rows), compare_rows,
                &order);
    }
}

void ll_top_model_free(struct ll_top_model *model)
{
    free_past(model->past, model->past_n);
    free(model->all);
    free(model->rows);
    memset(model, 0, sizeof(*model));
}
