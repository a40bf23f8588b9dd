/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_ERROR_H
#define LL_CLIENT_ERROR_H

#include "base/error.h"

/**
 * Fills a user's error with the result of a request, and returns the code.
 *
 * If the endpoint answered, it was reached, even if its answer made the call
 * fail in the end: the message then begins without the status' own sentence.
 *
 * @param reterr    may be NULL
 * @param endpoint  "" or NULL: none
 * @param text      of core's detail; "" or NULL: none
 */
int ll_error_set(struct leaselock_error *reterr,
                 int code,
                 int grpc_status,
                 const char *endpoint,
                 const char *text);

#endif
