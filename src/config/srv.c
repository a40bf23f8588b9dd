/* SPDX-License-Identifier: Apache-2.0 */
#include "config/srv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

bool ll_srv_is_host(const struct ll_srv *record)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return record->target[0] != '\0' && record->target[0] != '.' &&
           record->target[strspn(record->target, allowed)] == '\0' &&
           record->port != 0;
}

bool ll_srv_is_below(const struct ll_srv *record, const char *domain)
{
    size_t size = strlen(record->target);
    size_t domain_size = strlen(domain);

    while (domain_size > 0 && domain[domain_size - 1] == '.') {
        domain_size--;
    }
    return domain_size > 0 && size >= domain_size &&
           strncasecmp(record->target + size - domain_size, domain,
                       domain_size) == 0 &&
           (size == domain_size ||
            record->target[size - domain_size - 1] == '.');
}

/** xorshift64*: the order of the endpoints need not be unpredictable. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void swap(struct ll_srv *a, struct ll_srv *b)
{
    struct ll_srv kept = *a;

    *a = *b;
    *b = kept;
}

/** The weight for the random choice: records of weight 0 have a small chance if
 *  there are others. */
static uint32_t chance_of(const struct ll_srv *record)
{
    return (uint32_t)record->weight * 64 + 1;
}

void ll_srv_sort(struct ll_srv *records, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t total = 0;
        uint64_t drawn;
        unsigned lowest = UINT16_MAX;

        for (size_t k = i; k < n; k++) {
            lowest =
                records[k].priority < lowest ? records[k].priority : lowest;
        }
        for (size_t k = i; k < n; k++) {
            total += records[k].priority == lowest ? chance_of(&records[k]) : 0;
        }
        drawn = (next_random(&seed) >> 16) % total;
        for (size_t k = i; k < n; k++) {
            uint32_t chance =
                records[k].priority == lowest ? chance_of(&records[k]) : 0;

            if (drawn < chance) {
                swap(&records[i], &records[k]);
                break;
            }
            drawn -= chance;
        }
    }
}

char *
ll_srv_endpoints(const struct ll_srv *records, size_t n, const char *scheme)
{
    size_t room = strlen(scheme) + LL_SRV_TARGET_SIZE + sizeof(":65535,");
    size_t shown = n < LL_SRV_ENDPOINTS_MAX ? n : LL_SRV_ENDPOINTS_MAX;
    char *list = ll_alloc(shown * room + 1);
    size_t size = 0;

    if (list == NULL) {
        return NULL;
    }
    list[0] = '\0';
    for (size_t i = 0; i < shown; i++) {
        size += (size_t)snprintf(list + size, room, "%s%s%s:%u",
                                 i > 0 ? "," : "", scheme, records[i].target,
                                 (unsigned)records[i].port);
    }
    return list;
}
