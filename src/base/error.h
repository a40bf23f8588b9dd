/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_ERROR_H
#define LL_BASE_ERROR_H

#include <stddef.h>

#include "leaselock/status.h"

/**
 * Fills a user's error and returns the code.
 *
 * @param reterr    may be NULL
 * @param sentence  begins the message; NULL: the status' own sentence
 * @param endpoint  "" or NULL: none
 * @param text      follows the sentence; "" or NULL: nothing
 */
int ll_error_fill(struct leaselock_error *reterr,
                  int code,
                  const char *sentence,
                  int grpc_status,
                  const char *endpoint,
                  const char *text);

/** As ll_error_fill, with a text only. */
int ll_error_text(struct leaselock_error *reterr, int code, const char *text);

/** As ll_error_text, with a text that printf formats. */
__attribute__((format(printf, 3, 4))) int ll_error_format(
    struct leaselock_error *reterr, int code, const char *format, ...);

/** As ll_error_format, but the text is the whole message: the status' own
 *  sentence does not precede it. */
__attribute__((format(printf, 3, 4))) int ll_error_sentence(
    struct leaselock_error *reterr, int code, const char *format, ...);

/**
 * Copies a user's options over zeroes, so that fields which are missing from
 * the user's older headers have their defaults.
 *
 * @param size  of the library's struct
 * @param user  begins with its struct_size
 * @return 0, or LEASELOCK_E_ARGUMENT when struct_size is too small, or when
 *         fields are set that this library does not define
 */
int ll_options_copy(void *options, size_t size, const void *user);

#endif
