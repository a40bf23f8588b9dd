/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/key.h"

/**
 * The prefix of a queue's keys, and the bounds of its ranges.
 */

struct ll_bytes ll_prefix_make(struct ll_bytes namespace,
                               struct ll_bytes name,
                               char *ret_prefix)
{
    if (namespace.size > 0) {
        memcpy(ret_prefix, namespace.data, namespace.size);
    }
    memcpy(ret_prefix + namespace.size, name.data, name.size);
    ret_prefix[namespace.size + name.size] = '/';
    return (struct ll_bytes){ret_prefix, namespace.size + name.size + 1};
}

/** Writes a prefix and what follows. */
static struct ll_bytes
prefix_with(struct ll_bytes prefix, struct ll_bytes more, char *ret_bound)
{
    memcpy(ret_bound, prefix.data, prefix.size);
    memcpy(ret_bound + prefix.size, more.data, more.size);
    return (struct ll_bytes){ret_bound, prefix.size + more.size};
}

struct ll_bytes ll_prefix_modes(struct ll_bytes prefix, char *ret_bound)
{
    return prefix_with(prefix, (struct ll_bytes){"~.", 2}, ret_bound);
}

struct ll_bytes ll_prefix_past_modes(struct ll_bytes prefix, char *ret_bound)
{
    return prefix_with(prefix, (struct ll_bytes){"~/", 2}, ret_bound);
}

struct ll_bytes ll_prefix_permits(struct ll_bytes prefix, char *ret_bound)
{
    return prefix_with(prefix, (struct ll_bytes){"~.p", 3}, ret_bound);
}

struct ll_bytes ll_prefix_past_permits(struct ll_bytes prefix, char *ret_bound)
{
    return prefix_with(prefix, (struct ll_bytes){"~.q", 3}, ret_bound);
}

struct ll_bytes
ll_prefix_permits_of(struct ll_bytes prefix, uint32_t permits, char *ret_bound)
{
    int size;

    memcpy(ret_bound, prefix.data, prefix.size);
    size = snprintf(ret_bound + prefix.size, LL_MODE_TEXT_MAX + 1, "~.p%u.",
                    (unsigned)permits);
    return (struct ll_bytes){ret_bound, prefix.size + (size_t)size};
}

struct ll_bytes ll_prefix_past_permits_of(struct ll_bytes prefix,
                                          uint32_t permits,
                                          char *ret_bound)
{
    struct ll_bytes bound = ll_prefix_permits_of(prefix, permits, ret_bound);

    ret_bound[bound.size - 1]++; /* from '.' to '/' */
    return bound;
}

struct ll_bytes ll_prefix_end(struct ll_bytes prefix, char *ret_end)
{
    memcpy(ret_end, prefix.data, prefix.size);
    ret_end[prefix.size - 1]++;
    return (struct ll_bytes){ret_end, prefix.size};
}
