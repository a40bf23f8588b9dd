/* SPDX-License-Identifier: Apache-2.0 */
/* The differences between etcd's releases. */
#include "sim/etcd_private.h"

#include <stdio.h>
#include <stdlib.h>

/** The minor versions in the table, from 3.4 on; later ones have all
 * changes. */
#define MINOR_FIRST 4
#define MINORS 3
/** Not in any release of that minor version. */
#define NEVER UINT_MAX

/** The patch releases of 3.4, 3.5 and 3.6 that introduced each change. */
static const unsigned since[SIM_CHANGES][MINORS] = {
    [SIM_CHANGE_KEEPS_DELETION] = {34, 16, 0},
    [SIM_CHANGE_WATCH_NOW_IS_SYNCED] = {38, 22, 2},
    [SIM_CHANGE_NEGATIVE_START_IS_REFUSED] = {38, 24, 6},
    [SIM_CHANGE_TXN_CHECKED_IN_ORDER] = {NEVER, NEVER, 0},
    [SIM_CHANGE_RENEWAL_IS_CHECKED] = {NEVER, 28, 9},
};

static bool version_has(const char *version, enum sim_change change)
{
    unsigned minor = 0;
    unsigned patch = 0;

    if (sscanf(version, "3.%u.%u", &minor, &patch) != 2 ||
        minor < MINOR_FIRST) {
        (void)fprintf(stderr, "the model is of etcd 3.4 and newer, not %s\n",
                      version);
        abort();
    }
    return minor >= MINOR_FIRST + MINORS ||
           patch >= since[change][minor - MINOR_FIRST];
}

bool sim_has_change(const struct sim_etcd *etcd, enum sim_change change)
{
    return version_has(etcd->config.version, change);
}

bool sim_member_has_change(const struct sim_member *member,
                           enum sim_change change)
{
    return version_has(member->version, change);
}
