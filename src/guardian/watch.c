/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** For the numeric fields, after a name of 64 bytes at most. */
#define STAT_SIZE 1024
/** Fields of proc(5) between the state and the number of threads. */
#define FIELDS_BETWEEN 16

bool ll_watch_stat_is_gone(const char *stat)
{
    const char *at = strrchr(stat, ')'); /* the name may contain any byte */
    char state = '\0';
    int threads = -1;

    if (at == NULL || sscanf(at + 1, " %c", &state) != 1) {
        return false;
    }
    at = strchr(at, state);
    for (int i = 0; at != NULL && i <= FIELDS_BETWEEN; i++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL || sscanf(at, "%d", &threads) != 1) {
        return false;
    }
    return state == 'X' || (state == 'Z' && threads <= 1);
}

static bool folder_is_gone(int folder)
{
    char stat[STAT_SIZE];
    int fd = openat(folder, "stat", O_RDONLY | O_CLOEXEC);
    ssize_t n;
    int error;

    if (fd < 0) {
        return errno == ENOENT || errno == ESRCH;
    }
    n = read(fd, stat, sizeof(stat) - 1);
    error = errno;
    (void)close(fd);
    if (n < 0) {
        return error == ESRCH;
    }
    stat[n] = '\0';
    return ll_watch_stat_is_gone(stat);
}

bool ll_watch_is_gone(const struct ll_watch *watch)
{
    struct pollfd pidfd = {watch->fd, POLLIN, 0};

    if (!watch->is_pidfd) {
        return folder_is_gone(watch->fd);
    }
    return poll(&pidfd, 1, 0) == 1 && (pidfd.revents & POLLIN) != 0;
}

int ll_watch_poll_fd(const struct ll_watch *watch)
{
    return watch->is_pidfd ? watch->fd : -1;
}
