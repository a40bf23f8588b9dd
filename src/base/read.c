/* SPDX-License-Identifier: Apache-2.0 */
#include "base/read.h"

#include <errno.h>
#include <unistd.h>

ssize_t ll_read_all(int fd, char *bytes, size_t size)
{
    size_t at = 0;

    while (at < size) {
        ssize_t got = read(fd, bytes + at, size - at);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        at += (size_t)got;
    }
    return (ssize_t)at;
}
