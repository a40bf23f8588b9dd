/* SPDX-License-Identifier: Apache-2.0 */
/** Locks and places as the tool prints them: tables, and JSON. */
#ifndef LL_CLI_TABLES_H
#define LL_CLI_TABLES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "leaselock/admin.h"

/** How much of a table a terminal shows. */
struct ll_table_size {
    size_t rows;
    size_t columns;
};

/**
 * Prints the table of a list of locks.
 *
 * @param size  NULL prints all of it; else it is printed over what stands there
 *              (ll_grid_print_over)
 * @return 0, or LL_EXIT_SYSTEM after a message
 */
int ll_table_locks(const struct leaselock_locks_info *locks,
                   const struct ll_table_size *size);

/** The same of a queue. */
int ll_table_queue(const struct leaselock_queue_info *queue,
                   const struct ll_table_size *size);

/** An object with the name, places, holders and the holder of a lock.
 *  @return a new reference; NULL: no memory */
json_t *ll_lock_to_json(const struct leaselock_lock_info *lock);

/** An object with all of a place; a position of 0 is null.
 *  @return a new reference; NULL: no memory */
json_t *ll_place_to_json(const struct leaselock_queue_entry *entry,
                         size_t position);

#endif
