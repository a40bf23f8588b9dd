/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_ALLOC_H
#define LL_BASE_ALLOC_H

#include <stddef.h>

/** All memory of the library comes from here, so that tests can make the Nth
 *  allocation fail. Each returns NULL when there is none. */
void *ll_alloc(size_t size);
/** Zeroed; NULL also when n * size overflows. */
void *ll_alloc_zero(size_t n, size_t size);
void *ll_realloc(void *old, size_t size);
/** A copy of data with a NUL behind it. */
char *ll_alloc_copy(const void *data, size_t size);
void ll_free(void *memory);

/**
 * For tests: lets the nth allocation from now fail, and every one after it
 * until the next call; 0 lets none fail. It counts those of all threads.
 */
void ll_alloc_fail_at(unsigned long nth);
/** For tests: as ll_alloc_fail_at, but the nth alone fails. */
void ll_alloc_fail_once_at(unsigned long nth);
/** For tests: allocations since the last of these calls. */
unsigned long ll_alloc_count(void);
/** For tests: what has been allocated and not been freed. */
unsigned long ll_alloc_living(void);

#endif
