/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_VERSION_H
#define LEASELOCK_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define LEASELOCK_VERSION_MAJOR 0
#define LEASELOCK_VERSION_MINOR 1
#define LEASELOCK_VERSION_PATCH 0

/** The version of these headers as text. */
#define LEASELOCK_VERSION "0.1.0"

/**
 * The version of the linked library, which may be newer than the headers that
 * the program was compiled with.
 *
 * @return "MAJOR.MINOR.PATCH"; static, never NULL
 * @thread any
 * @since 0.1
 */
const char *leaselock_version(void);

#ifdef __cplusplus
}
#endif

#endif
