/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_READ_H
#define LL_BASE_READ_H

#include <stddef.h>
#include <sys/types.h>

/** Reads this many bytes, or fewer if the file ends before.
 *  @return the number of bytes, or -1 with errno */
ssize_t ll_read_all(int fd, char *bytes, size_t size);

#endif
