/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_JWT_H
#define LL_RPC_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest token that etcd's is taken for. */
#define LL_TOKEN_SIZE_MAX 8192

/**
 * When a token ends, if it is a JSON Web Token and says so. Nothing of it is
 * checked: it is etcd that has to trust it.
 *
 * @param ret_expiry_s  seconds since 1970
 * @return false: it does not say
 */
bool ll_jwt_expiry(const char *token, size_t size, int64_t *ret_expiry_s);

#endif
