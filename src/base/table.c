#include "base/alloc.h"

#define uthash_malloc(size) ll_alloc(size)
#define uthash_free(memory, size) ll_free(memory)
#include "base/table.h"

bool ll_table_add(struct ll_table *table, struct ll_entry *entry)
{
    HASH_ADD(hh, table->head, id, sizeof(entry->id), entry);
    return entry->hh.tbl != NULL;
}

struct ll_entry *ll_table_find(const struct ll_table *table, uint64_t id)
{
    struct ll_entry *found = NULL;

    HASH_FIND(hh, table->head, &id, sizeof(id), found);
    return found;
}

void ll_table_remove(struct ll_table *table, struct ll_entry *entry)
{
    HASH_DELETE(hh, table->head, entry);
}
