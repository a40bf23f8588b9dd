/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/version.h"

const char *leaselock_version(void)
{
    return LEASELOCK_VERSION_TEXT;
}
