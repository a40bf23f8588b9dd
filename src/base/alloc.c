/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong alloc_count;
static atomic_ulong alloc_living;
/** The first and the last allocation that fail; 0: none. */
static atomic_ulong alloc_fail_at;
static atomic_ulong alloc_fail_last;

static bool alloc_must_fail(void)
{
    unsigned long nth =
        atomic_fetch_add_explicit(&alloc_count, 1, memory_order_relaxed) + 1;
    unsigned long first =
        atomic_load_explicit(&alloc_fail_at, memory_order_relaxed);

    return first != 0 && nth >= first &&
           nth <= atomic_load_explicit(&alloc_fail_last, memory_order_relaxed);
}

/** Counts an allocation that succeeded. */
static void *alloc_given(void *memory)
{
    if (memory != NULL) {
        atomic_fetch_add_explicit(&alloc_living, 1, memory_order_relaxed);
    }
    return memory;
}

void *ll_alloc(size_t size)
{
    return alloc_must_fail() ? NULL : alloc_given(malloc(size > 0 ? size : 1));
}

void *ll_alloc_zero(size_t n, size_t size)
{
    return alloc_must_fail()
               ? NULL
               : alloc_given(calloc(n > 0 ? n : 1, size > 0 ? size : 1));
}

void *ll_realloc(void *old, size_t size)
{
    if (old == NULL) {
        return ll_alloc(size);
    }
    return alloc_must_fail() ? NULL : realloc(old, size > 0 ? size : 1);
}

char *ll_alloc_copy(const void *data, size_t size)
{
    char *copy = size < SIZE_MAX ? ll_alloc(size + 1) : NULL;

    if (copy == NULL) {
        return NULL;
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    copy[size] = '\0';
    return copy;
}

void ll_free(void *memory)
{
    if (memory != NULL) {
        atomic_fetch_sub_explicit(&alloc_living, 1, memory_order_relaxed);
    }
    free(memory);
}

static void alloc_fail(unsigned long first, unsigned long last)
{
    atomic_store(&alloc_fail_at, 0);
    atomic_store(&alloc_count, 0);
    atomic_store(&alloc_fail_last, last);
    atomic_store(&alloc_fail_at, first);
}

void ll_alloc_fail_at(unsigned long nth)
{
    alloc_fail(nth, ULONG_MAX);
}

void ll_alloc_fail_once_at(unsigned long nth)
{
    alloc_fail(nth, nth);
}

unsigned long ll_alloc_count(void)
{
    return atomic_load(&alloc_count);
}

unsigned long ll_alloc_living(void)
{
    return atomic_load(&alloc_living);
}
