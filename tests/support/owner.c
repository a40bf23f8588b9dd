/* SPDX-License-Identifier: Apache-2.0 */
#include "support/owner.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE 1024
#define PATH_SIZE 64

/** The query to the kernel: one socket, by both of its ends. */
struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

/** The inode of a connection's end; 0 if there is no such connection. */
static unsigned connection_inode(uint16_t local, uint16_t remote)
{
    /* /proc/net/tcp has the inode too, but reading that takes longer with each
     * socket of the machine, closed ones included. */
    struct question question = {
        .head = {.nlmsg_len = sizeof(question),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_INET,
                 .sdiag_protocol = IPPROTO_TCP,
                 .id = {.idiag_sport = htons(local),
                        .idiag_dport = htons(remote),
                        .idiag_src = {htonl(INADDR_LOOPBACK)},
                        .idiag_dst = {htonl(INADDR_LOOPBACK)},
                        .idiag_cookie = {INET_DIAG_NOCOOKIE,
                                         INET_DIAG_NOCOOKIE}}},
    };
    union {
        struct nlmsghdr head;
        char bytes[ANSWER_SIZE];
    } answer;
    struct inet_diag_msg found;
    unsigned inode = 0;
    ssize_t size;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    if (fd >= 0 && send(fd, &question, sizeof(question), 0) > 0) {
        size = recv(fd, &answer, sizeof(answer), 0);
        if (size >= (ssize_t)NLMSG_SPACE(sizeof(found)) &&
            answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
            (void)memcpy(&found, NLMSG_DATA(&answer.head), sizeof(found));
            inode = found.idiag_inode;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return inode;
}

bool test_process_has_connection(pid_t process, uint16_t local, uint16_t remote)
{
    unsigned inode = connection_inode(local, remote);
    char folder[PATH_SIZE];
    char wanted[PATH_SIZE];
    struct dirent *entry;
    bool found = false;
    DIR *fds;

    if (inode == 0) {
        return false;
    }
    (void)snprintf(folder, sizeof(folder), "/proc/%ld/fd", (long)process);
    (void)snprintf(wanted, sizeof(wanted), "socket:[%u]", inode);
    fds = opendir(folder);
    while (fds != NULL && !found && (entry = readdir(fds)) != NULL) {
        char target[PATH_SIZE] = "";
        ssize_t size =
            readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

        found = size > 0 && strcmp(target, wanted) == 0;
    }
    if (fds != NULL) {
        (void)closedir(fds);
    }
    return found;
}
