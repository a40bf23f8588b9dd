/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_SECRET_H
#define LL_RPC_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include <grpc/slice.h>

/**
 * A slice with a copy of a secret, which is wiped when its last reference
 * goes, on whichever thread.
 *
 * @return whether there was memory for it
 */
bool ll_secret_slice(const void *data, size_t size, grpc_slice *ret_slice);

#endif
