/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

#include "base/error.h"

/** Counts the free descriptors below a limit, until there are enough; from the
 *  top, since the kernel assigns the lowest first. */
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
        return 0; /* practically unlimited */
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
