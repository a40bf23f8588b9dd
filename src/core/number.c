/* SPDX-License-Identifier: Apache-2.0 */
#include "core/number.h"

#include <assert.h>

#include "core/object.h"
#include "core/session.h"

uint64_t ll_number_take(struct ll_core *core,
                        struct ll_session *session,
                        uint64_t queue_hash,
                        uint16_t *ret_place)
{
    /* Fibonacci hashing: ids are small and follow each other. */
    uint64_t mixed = (queue_hash ^ session->object.entry.id) *
                     UINT64_C(11400714819323198485);
    unsigned set = (unsigned)(mixed >> 32) % LL_NUMBER_SETS;
    uint64_t *taken = &core->numbers.taken[set];

    for (unsigned i = 0; i < LL_NUMBER_SET_SIZE; i++) {
        if ((*taken >> i & 1) == 0) {
            *taken |= UINT64_C(1) << i;
            *ret_place = (uint16_t)(set * LL_NUMBER_SET_SIZE + i);
            return session->numbers_first + 1 + i;
        }
    }
    *ret_place = LL_NUMBER_NO_PLACE;
    return session->numbers_first + LL_NUMBER_SET_SIZE + ++session->numbers;
}

void ll_number_give(struct ll_core *core, uint16_t place)
{
    if (place != LL_NUMBER_NO_PLACE) {
        uint64_t *taken = &core->numbers.taken[place / LL_NUMBER_SET_SIZE];
        uint64_t bit = UINT64_C(1) << place % LL_NUMBER_SET_SIZE;

        assert((*taken & bit) != 0);
        *taken &= ~bit;
    }
}
