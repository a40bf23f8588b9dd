/* SPDX-License-Identifier: Apache-2.0 */
#include "base/host.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/read.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
/** The process ids of containers are counted apart. */
#define PROCESS_NUMBERS "/proc/self/ns/pid"
#define TEXT_SIZE 256

/** Reads what identifies the host, as far as there is anything. */
static void read_host(char text[TEXT_SIZE])
{
    int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? ll_read_all(fd, text, TEXT_SIZE - 1) : -1;

    if (fd >= 0) {
        (void)close(fd);
    }
    text[size > 0 ? size : 0] = '\0';
    if (size <= 0 && gethostname(text, TEXT_SIZE - 1) != 0) {
        text[0] = '\0';
    }
}

uint8_t ll_host_tag(void)
{
    char text[TEXT_SIZE] = "";
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a, by Fowler, Noll and Vo */

    read_host(text);
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT32_C(16777619);
    }
    return (uint8_t)(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24);
}

uint16_t ll_host_process(void)
{
    struct stat status;
    uint64_t number = (uint64_t)getpid();

    if (stat(PROCESS_NUMBERS, &status) == 0) {
        number += (uint64_t)status.st_ino;
    }
    return (uint16_t)number;
}
