/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SHORT_SIZE 6
#define LONG_SIZE 12

/** The greatest distance at which a word of this size is near. */
static unsigned distance_max(size_t size)
{
    return size < SHORT_SIZE ? 1 : size < LONG_SIZE ? 2 : 3;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/** Whether two bytes are the same letter. */
static int is_same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/** The edit distance in which no byte is edited twice ("optimal string
 *  alignment"): a row of the usual table for each byte of @a, of which a step
 *  needs the last two. */
static unsigned
distance_of(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][LL_NEAR_SIZE_MAX + 1];
    unsigned *before = rows[0];
    unsigned *last = rows[1];
    unsigned *row = rows[2];

    for (size_t j = 0; j <= b_size; j++) {
        before[j] = 0;
        last[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        unsigned *free_row = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned replaced =
                last[j - 1] + (is_same(a[i - 1], b[j - 1]) ? 0u : 1u);

            row[j] = least(replaced, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
                is_same(a[i - 2], b[j - 1])) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        before = last;
        last = row;
        row = free_row;
    }
    return last[b_size];
}

void ll_near_begin(struct ll_near *near, const char *word, size_t size)
{
    *near = (struct ll_near){word, size, NULL, 0};
}

void ll_near_try(struct ll_near *near, const char *candidate)
{
    size_t size = strlen(candidate);
    unsigned distance;

    if (near->size == 0 || near->size > LL_NEAR_SIZE_MAX || size == 0 ||
        size > LL_NEAR_SIZE_MAX) {
        return;
    }
    distance = distance_of(near->word, near->size, candidate, size);
    /* A word that shares no byte is not near, however short it is. */
    if (distance > distance_max(near->size) || distance >= size) {
        return;
    }
    if (near->best == NULL || distance < near->distance) {
        near->best = candidate;
        near->distance = distance;
    }
}

const char *ll_near_hint(const struct ll_near *near,
                         const char *prefix,
                         char hint[LL_NEAR_HINT_SIZE])
{
    hint[0] = '\0';
    if (near->best != NULL) {
        (void)snprintf(hint, LL_NEAR_HINT_SIZE, " (did you mean \"%s%s\"?)",
                       prefix, near->best);
    }
    return hint;
}
