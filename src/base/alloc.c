#include "base/alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong alloc_count;
static atomic_ulong alloc_fail_at;

static int alloc_must_fail(void)
{
    unsigned long nth =
        atomic_fetch_add_explicit(&alloc_count, 1, memory_order_relaxed) + 1;
    unsigned long fail_at =
        atomic_load_explicit(&alloc_fail_at, memory_order_relaxed);

    return fail_at != 0 && nth >= fail_at;
}

void *ll_alloc(size_t size)
{
    return alloc_must_fail() ? NULL : malloc(size > 0 ? size : 1);
}

void *ll_alloc_zero(size_t n, size_t size)
{
    return alloc_must_fail() ? NULL
                             : calloc(n > 0 ? n : 1, size > 0 ? size : 1);
}

void *ll_realloc(void *old, size_t size)
{
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
    free(memory);
}

void ll_alloc_fail_at(unsigned long nth)
{
    atomic_store(&alloc_count, 0);
    atomic_store(&alloc_fail_at, nth);
}

unsigned long ll_alloc_count(void)
{
    return atomic_load(&alloc_count);
}
