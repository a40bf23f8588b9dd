/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

static bool samples_reserve(struct bench_samples *samples, size_t n)
{
    size_t capacity = samples->capacity > 0 ? samples->capacity : 4096;
    int64_t *items;

    while (capacity < n) {
        capacity *= 2;
    }
    if (capacity == samples->capacity) {
        return true;
    }
    items = realloc(samples->items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    samples->items = items;
    samples->capacity = capacity;
    return true;
}

bool bench_samples_add(struct bench_samples *samples, int64_t item_ns)
{
    if (!samples_reserve(samples, samples->n + 1)) {
        return false;
    }
    samples->items[samples->n++] = item_ns;
    return true;
}

bool bench_samples_append(struct bench_samples *samples,
                          const struct bench_samples *more)
{
    if (more->n == 0) {
        return true;
    }
    if (!samples_reserve(samples, samples->n + more->n)) {
        return false;
    }
    memcpy(samples->items + samples->n, more->items,
           more->n * sizeof(*more->items));
    samples->n += more->n;
    return true;
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

void bench_samples_sort(struct bench_samples *samples)
{
    if (samples->n > 1) {
        qsort(samples->items, samples->n, sizeof(*samples->items), compare);
    }
}

int64_t bench_samples_quantile(const struct bench_samples *samples, double part)
{
    size_t at;

    if (samples->n == 0) {
        return 0;
    }
    at = (size_t)(part * (double)samples->n);
    return samples->items[at < samples->n ? at : samples->n - 1];
}

void bench_samples_free(struct bench_samples *samples)
{
    free(samples->items);
    *samples = (struct bench_samples){0};
}
