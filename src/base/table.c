/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <assert.h>

#include "base/alloc.h"

#define CHAINS_FIRST 16
/** The table doubles when its chains are longer than this on average. */
#define CHAIN_LENGTH 2

static struct ll_entry **chain_of(const struct ll_table *table, uint64_t id)
{
    /* Knuth's multiplicative hash, 2^64 over the golden ratio: it spreads
     * consecutive ids, and its high bits depend on every bit of the id. */
    uint64_t hash = id * UINT64_C(0x9e3779b97f4a7c15);

    hash ^= hash >> 32;
    return &table->chains[hash & (table->chains_n - 1)];
}

static void chain_push(struct ll_table *table, struct ll_entry *entry)
{
    struct ll_entry **chain = chain_of(table, entry->id);

    entry->next = *chain;
    *chain = entry;
}

/** Doubles the table; if memory is exhausted, its chains grow longer. */
static void table_grow(struct ll_table *table)
{
    struct ll_table grown = {.chains_n = 2 * table->chains_n};

    grown.chains = ll_alloc_zero(grown.chains_n, sizeof(*grown.chains));
    if (grown.chains == NULL) {
        return;
    }
    for (size_t i = 0; i < table->chains_n; i++) {
        struct ll_entry *entry = table->chains[i];

        while (entry != NULL) {
            struct ll_entry *next = entry->next;

            chain_push(&grown, entry);
            entry = next;
        }
    }
    ll_free(table->chains);
    table->chains = grown.chains;
    table->chains_n = grown.chains_n;
}

bool ll_table_add(struct ll_table *table, struct ll_entry *entry)
{
    if (table->chains == NULL) {
        table->chains = ll_alloc_zero(CHAINS_FIRST, sizeof(*table->chains));
        if (table->chains == NULL) {
            return false;
        }
        table->chains_n = CHAINS_FIRST;
    }
    if (table->n >= CHAIN_LENGTH * table->chains_n) {
        table_grow(table);
    }
    chain_push(table, entry);
    table->taken_n = table->chains_n;
    table->n++;
    return true;
}

struct ll_entry *ll_table_find(const struct ll_table *table, uint64_t id)
{
    struct ll_entry *entry = NULL;

    if (table->chains != NULL) {
        entry = *chain_of(table, id);
    }
    while (entry != NULL && entry->id != id) {
        entry = entry->next;
    }
    return entry;
}

void ll_table_remove(struct ll_table *table, struct ll_entry *entry)
{
    struct ll_entry **at = chain_of(table, entry->id);

    while (*at != entry) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = entry->next;
    entry->next = NULL;
    table->n--;
    if (table->n == 0) {
        ll_free(table->chains);
        *table = (struct ll_table){0};
    }
}

struct ll_entry *ll_table_take(struct ll_table *table)
{
    struct ll_entry *entry;

    if (table->n == 0) {
        return NULL;
    }
    while (table->chains[table->taken_n - 1] == NULL) {
        table->taken_n--;
    }
    entry = table->chains[table->taken_n - 1];
    ll_table_remove(table, entry);
    return entry;
}
