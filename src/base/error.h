/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_ERROR_H
#define LL_BASE_ERROR_H

#include <stddef.h>

#include "leaselock/status.h"

/**
 * Fills a user's error and returns the code.
 *
 * @param reterr    may be NULL
 * @param sentence  begins the message; NULL: the status' own
 * @param endpoint  "" or NULL: none
 * @param text      what there is to say besides the status' own sentence; ""
 *                  or NULL: nothing
 */
int ll_error_fill(struct leaselock_error *reterr,
                  int code,
                  const char *sentence,
                  int grpc_status,
                  const char *endpoint,
                  const char *text);

/** The same with nothing but a text. */
int ll_error_text(struct leaselock_error *reterr, int code, const char *text);

/** The same with a text that printf writes. */
__attribute__((format(printf, 3, 4))) int ll_error_format(
    struct leaselock_error *reterr, int code, const char *format, ...);

/** The same with a text that is the whole message, without the status' own
 *  sentence in front. */
__attribute__((format(printf, 3, 4))) int ll_error_sentence(
    struct leaselock_error *reterr, int code, const char *format, ...);

/**
 * Copies a user's options over zeroes, so that fields which the user's
 * headers do not know yet have their defaults.
 *
 * @param size  of our struct
 * @param user  begins with its struct_size
 * @return 0, or LEASELOCK_E_ARGUMENT when struct_size is none, or when fields
 *         that this library does not know yet are set
 */
int ll_options_copy(void *options, size_t size, const void *user);

#endif
