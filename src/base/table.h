/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_TABLE_H
#define LL_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Intrusive hash table keyed by a number: ids, leases, handles. Entries are
 * chained and take two words each: a waiting ticket is in two of these tables,
 * and a process may have a hundred thousand of them.
 */
struct ll_entry {
    uint64_t id;
    struct ll_entry *next; /* in its chain */
};

/** An empty table is all zero; a table has memory only while it has entries. */
struct ll_table {
    struct ll_entry **chains;
    size_t chains_n; /* a power of two */
    size_t taken_n;  /* ll_table_take has emptied the chains from here on */
    size_t n;
};

/** Adds an entry whose id is not in the table yet; false: out of memory, which
 *  happens only when the table is empty. */
bool ll_table_add(struct ll_table *table, struct ll_entry *entry);
struct ll_entry *ll_table_find(const struct ll_table *table, uint64_t id);
/** Removes an entry that is in the table. */
void ll_table_remove(struct ll_table *table, struct ll_entry *entry);
/** Removes an arbitrary entry; NULL: the table is empty. */
struct ll_entry *ll_table_take(struct ll_table *table);

#endif
