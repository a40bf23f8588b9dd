/* SPDX-License-Identifier: Apache-2.0 */
#include "core/number.h"

#include <assert.h>

#include "core/object.h"
#include "core/session.h"

/** Takes the lowest free number of a set, from 1 on; 0: there is none. */
static unsigned
set_take(struct ll_core *core, unsigned set, uint16_t *ret_place)
{
    uint64_t *taken = &core->numbers.taken[set];

    for (unsigned i = 0; i < LL_NUMBER_SET_SIZE; i++) {
        if ((*taken >> i & 1) == 0) {
            *taken |= UINT64_C(1) << i;
            *ret_place = (uint16_t)(set * LL_NUMBER_SET_SIZE + i);
            return i + 1;
        }
    }
    *ret_place = LL_NUMBER_NO_PLACE;
    return 0;
}

/** Fibonacci hashing: ids are small and follow each other. */
static unsigned set_of(uint64_t hash)
{
    return (unsigned)(hash * UINT64_C(11400714819323198485) >> 32) %
           LL_NUMBER_SETS;
}

uint64_t ll_number_take(struct ll_core *core,
                        struct ll_session *session,
                        uint64_t queue_hash,
                        uint16_t *ret_place)
{
    unsigned number = set_take(
        core, set_of(queue_hash ^ session->object.entry.id), ret_place);

    return session->numbers_first +
           (number > 0 ? number : LL_NUMBER_SET_SIZE + ++session->numbers);
}

uint64_t ll_number_take_slot(struct ll_core *core,
                             uint64_t queue_hash,
                             uint16_t *ret_place)
{
    for (unsigned i = 0; i < LL_NUMBER_SLOT_SETS; i++) {
        unsigned set = (set_of(queue_hash) + i) % LL_NUMBER_SETS;
        unsigned number = set_take(core, set, ret_place);

        if (number > 0) {
            return i * LL_NUMBER_SET_SIZE + number;
        }
    }
    return 0;
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
