/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_ALLOC_H
#define LL_BASE_ALLOC_H

#include <stddef.h>

/** All memory of the library comes from here, so that tests can make the Nth
 *  allocation fail. Each returns NULL when memory is exhausted. */
void *ll_alloc(size_t size);
/** Zeroed; NULL also when n * size overflows. */
void *ll_alloc_zero(size_t n, size_t size);
void *ll_realloc(void *old, size_t size);
/** A copy of data with a NUL behind it. */
char *ll_alloc_copy(const void *data, size_t size);
void ll_free(void *memory);

/**
 * For tests: makes the nth allocation from now fail, and every later one until
 * the next call; with 0 none fails. It counts the allocations of all threads.
 */
void ll_alloc_fail_at(unsigned long nth);
/** For tests: as ll_alloc_fail_at, but only the nth allocation fails. */
void ll_alloc_fail_once_at(unsigned long nth);
/** For tests: the number of allocations since the last call of either. */
unsigned long ll_alloc_count(void);
/** For tests: the number of allocations that are not freed. */
unsigned long ll_alloc_living(void);

#endif
