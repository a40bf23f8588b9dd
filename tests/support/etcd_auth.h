/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_ETCD_AUTH_H
#define TEST_SUPPORT_ETCD_AUTH_H

#include "support/etcd.h"

/** Users and roles of a running etcd. Each fails the test itself. */

/** etcdctl's option for commands of root. */
#define TEST_AUTH_ROOT "--user=root:root-secret"

/** Creates the user root and enables authentication. */
void test_auth_enable(struct test_etcd *etcd);

/** Disables authentication. */
void test_auth_disable(struct test_etcd *etcd);

/**
 * Creates a user with a role of the same name that may read and write below a
 * prefix.
 *
 * @param enabled  whether authentication is enabled
 */
void test_auth_user(struct test_etcd *etcd,
                    bool enabled,
                    const char *user,
                    const char *password,
                    const char *prefix);

/** Grants a role a permission below a prefix, or revokes it.
 *
 *  @param permission  "readwrite", "read", "write"; NULL revokes it */
void test_auth_permit(struct test_etcd *etcd,
                      bool enabled,
                      const char *role,
                      const char *permission,
                      const char *prefix);

/** Changes a user's password; authentication is enabled. */
void test_auth_password(struct test_etcd *etcd,
                        const char *user,
                        const char *password);

/**
 * What releases of etcd permit to users other than root. From 3.5.28 and 3.6.9
 * on, granting, revoking or reading a lease requires a token, and renewing it a
 * permission for its keys. From then to 3.5.31 and 3.6.11, only root may read a
 * member's status.
 *
 * @param version  such as "3.5.30"
 */
bool test_auth_guards_leases(const char *version);
bool test_auth_hides_status(const char *version);

#endif
