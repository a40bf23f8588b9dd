/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_SECRET_H
#define LL_RPC_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include <grpc/slice.h>

/**
 * A slice with a copy of a secret, which is wiped when the last reference is
 * dropped, on any thread.
 *
 * @return false: out of memory
 */
bool ll_secret_slice(const void *data, size_t size, grpc_slice *ret_slice);

#endif
