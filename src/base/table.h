/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_TABLE_H
#define LL_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Intrusive hash table by a number: ids, leases, handles. Chains of entries,
 * two words each: a waiting ticket is in two of these tables, and there are to
 * be a hundred thousand of them in a process.
 */
struct ll_entry {
    uint64_t id;
    struct ll_entry *next; /* in its chain */
};

/** All zero: an empty one. It has memory as long as it has entries. */
struct ll_table {
    struct ll_entry **chains;
    size_t chains_n; /* a power of two */
    size_t taken_n;  /* ll_table_take has emptied the chains from here on */
    size_t n;
};

/** Adds an entry whose id is not in the table yet; false: out of memory, which
 *  only the first one can be. */
bool ll_table_add(struct ll_table *table, struct ll_entry *entry);
struct ll_entry *ll_table_find(const struct ll_table *table, uint64_t id);
/** Takes out an entry that is in the table. */
void ll_table_remove(struct ll_table *table, struct ll_entry *entry);
/** Takes out any entry; NULL: it is empty. */
struct ll_entry *ll_table_take(struct ll_table *table);

#endif
