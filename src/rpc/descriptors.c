/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

#include "base/error.h"

/** How many of the descriptors below a limit are free, until there are
 *  enough. Those at the top are the last to be taken. */
static unsigned count_free(int limit, unsigned enough)
{
    unsigned n = 0;

    for (int fd = limit - 1; fd >= 0 && n < enough; fd--) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
            n++;
        }
    }
    return n;
}

int ll_descriptors_check(unsigned needed, struct leaselock_error *reterr)
{
    struct rlimit limit;
    unsigned n;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) {
        return 0; /* there is none to speak of */
    }
    n = count_free((int)limit.rlim_cur, needed);
    if (n >= needed) {
        return 0;
    }
    return ll_error_sentence(
        reterr, LEASELOCK_E_SYSTEM,
        "too few file descriptors are left: %u of the %llu that the process "
        "may have, and a client needs %u; raise the limit (ulimit -n, "
        "RLIMIT_NOFILE) or close some",
        n, (unsigned long long)limit.rlim_cur, needed);
}
