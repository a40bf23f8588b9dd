/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tables.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/grid.h"
#include "cli/report.h"
#include "cli/who.h"

static int print_grid(const struct ll_grid *grid,
                      const struct ll_table_size *size)
{
    return size == NULL ? ll_grid_print(grid)
                        : ll_grid_print_over(grid, size->columns, size->rows);
}

json_t *ll_lock_to_json(const struct leaselock_lock_info *lock)
{
    return json_pack("{s:o, s:I, s:I, s:o}", "name",
                     ll_json_text(lock->name, strlen(lock->name)), "places",
                     (json_int_t)lock->places_n, "holders",
                     (json_int_t)lock->holders_n, "holder",
                     ll_who_to_json(lock->holder));
}

int ll_table_locks(const struct leaselock_locks_info *locks,
                   const struct ll_table_size *size)
{
    static const char *const titles[] = {
        "NAME", "PLACES",  "HOLDERS", "MODE", "TOKEN", "HOST",
        "PID",  "PROGRAM", "LABEL",   "AGE",  "NOTE"};
    struct ll_grid grid = LL_GRID_INIT(sizeof(titles) / sizeof(titles[0]));
    int64_t now_s = time(NULL);
    int code;

    ll_grid_add_titles(&grid, titles);
    for (size_t i = 0; i < locks->locks_n; i++) {
        const struct leaselock_lock_info *lock = &locks->locks[i];

        ll_grid_add(&grid, lock->name, strlen(lock->name));
        ll_grid_addf(&grid, "%zu", lock->places_n);
        ll_grid_addf(&grid, "%zu", lock->holders_n);
        ll_who_add_mode(&grid, lock->holder);
        ll_grid_addf(&grid, "%" PRId64, lock->holder->token);
        ll_who_add(&grid, lock->holder, now_s);
        ll_who_add_note(&grid, lock->holder, now_s);
    }
    code = print_grid(&grid, size);
    ll_grid_free(&grid);
    return code;
}

json_t *ll_place_to_json(const struct leaselock_queue_entry *entry,
                         size_t position)
{
    json_t *who = ll_who_to_json(entry);
    json_t *object = json_pack(
        "{s:o, s:o, s:o}", "position",
        position > 0 ? json_integer((json_int_t)position) : json_null(),
        "ttl_s", entry->ttl_s >= 0 ? json_integer(entry->ttl_s) : json_null(),
        "value", ll_json_text(entry->value, entry->value_size));

    if (json_object_update(object, who) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(who);
    return object;
}

static void add_entry(struct ll_grid *grid,
                      const struct leaselock_queue_entry *entry,
                      size_t position,
                      int64_t now_s)
{
    ll_grid_addf(grid, "%zu", position);
    ll_grid_addf(grid, "%s", ll_who_state(entry));
    ll_who_add_mode(grid, entry);
    ll_grid_addf(grid, "%" PRId64, entry->token);
    if (entry->lease == 0) {
        ll_grid_addf(grid, "never");
    } else if (entry->ttl_s >= 0) {
        ll_grid_addf(grid, "%" PRId64 "s", entry->ttl_s);
    } else {
        ll_grid_addf(grid, "?");
    }
    ll_who_add(grid, entry, now_s);
    ll_who_add_note(grid, entry, now_s);
}

int ll_table_queue(const struct leaselock_queue_info *queue,
                   const struct ll_table_size *size)
{
    static const char *const titles[] = {"POS",   "STATE", "MODE", "TOKEN",
                                         "TTL",   "HOST",  "PID",  "PROGRAM",
                                         "LABEL", "AGE",   "NOTE"};
    struct ll_grid grid = LL_GRID_INIT(sizeof(titles) / sizeof(titles[0]));
    int64_t now_s = time(NULL);
    int code;

    ll_grid_add_titles(&grid, titles);
    for (size_t i = 0; i < queue->entries_n; i++) {
        add_entry(&grid, &queue->entries[i], i + 1, now_s);
    }
    code = print_grid(&grid, size);
    ll_grid_free(&grid);
    return code;
}
