#ifndef LL_BASE_TABLE_H
#define LL_BASE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/* An element that finds no memory for the table is refused, not fatal. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/** Intrusive hash table by a number: ids, leases, handles. */
struct ll_entry {
    uint64_t id;
    UT_hash_handle hh;
};

struct ll_table {
    struct ll_entry *head;
};

/** Adds an entry whose id is not in the table yet; false: out of memory. */
bool ll_table_add(struct ll_table *table, struct ll_entry *entry);
struct ll_entry *ll_table_find(const struct ll_table *table, uint64_t id);
/** Takes out an entry that is in the table. */
void ll_table_remove(struct ll_table *table, struct ll_entry *entry);

#endif
