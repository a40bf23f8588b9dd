/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_PASSWORD_H
#define LL_RPC_PASSWORD_H

#include "leaselock/status.h"
#include "rpc/creds.h"

/** Longest name of a user and longest password, in bytes. */
#define LL_USER_NAME_MAX 255
#define LL_PASSWORD_MAX 1023

/** The client's user and password. To be wiped by the caller that filled it. */
struct ll_credentials {
    char name[LL_USER_NAME_MAX + 1];
    char password[LL_PASSWORD_MAX + 1];
};

/**
 * Reads a user's name and password from the configuration, and from the file
 * that it names. As in etcdctl, a name has the form "name:password" only if
 * nothing else gives the password.
 *
 * @param config  has a name
 * @param reterr  never contains a part of the password; may be NULL
 * @return 0 or LEASELOCK_E_ARGUMENT
 */
int ll_credentials_read(const struct ll_user_config *config,
                        struct ll_credentials *ret_credentials,
                        struct leaselock_error *reterr);

void ll_credentials_wipe(struct ll_credentials *credentials);

#endif
