/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_NEAR_H
#define LL_BASE_NEAR_H

#include <stddef.h>

/**
 * The nearest of some words to a word that is none of them, for a message that
 * suggests it. Near are words at a small edit distance: bytes inserted, removed,
 * replaced, or two neighbours exchanged, each of which counts 1; the case of
 * letters counts nothing. A word of less than 6 bytes may be 1 away, of less
 * than 12 bytes 2, a longer one 3.
 */
struct ll_near {
    /** The unknown word; need not end in a NUL; borrowed. */
    const char *word;
    size_t size;
    /** The nearest candidate up to now, the first of equals; NULL: none. */
    const char *best;
    unsigned distance;
};

/** Longest word that is compared; for longer ones nothing is near. */
#define LL_NEAR_SIZE_MAX 48

/** Bytes for ll_near_hint. */
#define LL_NEAR_HINT_SIZE (LL_NEAR_SIZE_MAX + 64)

/** Begins a search. */
void ll_near_begin(struct ll_near *near, const char *word, size_t size);

/** Adds a candidate; borrowed until the search's end. */
void ll_near_try(struct ll_near *near, const char *candidate);

/**
 * Writes " (did you mean \"--wait\"?)", or nothing if no candidate is near.
 *
 * @param prefix  goes before the candidate, such as "--"
 * @return hint
 */
const char *ll_near_hint(const struct ll_near *near,
                         const char *prefix,
                         char hint[LL_NEAR_HINT_SIZE]);

#endif
