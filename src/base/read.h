/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_READ_H
#define LL_BASE_READ_H

#include <stddef.h>
#include <sys/types.h>

/** Reads so many bytes, or up to the end.
 *  @return how many they are, or -1 with errno */
ssize_t ll_read_all(int fd, char *bytes, size_t size);

#endif
