/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "leaselock/status.h"

int ll_random(uint64_t *ret_number)
{
    ssize_t size;

    do {
        size = getrandom(ret_number, sizeof(*ret_number), 0);
    } while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof(*ret_number) ? 0 : LEASELOCK_E_SYSTEM;
}
