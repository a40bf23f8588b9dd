/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_JWT_H
#define LL_RPC_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest token that is accepted from etcd. */
#define LL_TOKEN_SIZE_MAX 8192

/**
 * When a token expires, if it is a JSON Web Token with an expiry time. Nothing
 * in it is verified: that is etcd's part.
 *
 * @param ret_expiry_s  seconds since 1970
 * @return false: it has no expiry time
 */
bool ll_jwt_expiry(const char *token, size_t size, int64_t *ret_expiry_s);

#endif
