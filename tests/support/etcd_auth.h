#ifndef TEST_SUPPORT_ETCD_AUTH_H
#define TEST_SUPPORT_ETCD_AUTH_H

#include "support/etcd.h"

/** Users and roles of a running etcd. Each fails the test itself. */

/** What root's tests are asked with; etcdctl's option. */
#define TEST_AUTH_ROOT "--user=root:root-secret"

/** Makes the user root and turns authentication on. */
void test_auth_enable(struct test_etcd *etcd);

/** Turns it off again. */
void test_auth_disable(struct test_etcd *etcd);

/**
 * Makes a user with a role of the same name that may read and write below a
 * prefix.
 *
 * @param enabled  authentication is on
 */
void test_auth_user(struct test_etcd *etcd,
                    bool enabled,
                    const char *user,
                    const char *password,
                    const char *prefix);

/** Gives a role a permission below a prefix, or takes it away.
 *
 *  @param permission  "readwrite", "read", "write"; NULL takes it away */
void test_auth_permit(struct test_etcd *etcd,
                      bool enabled,
                      const char *role,
                      const char *permission,
                      const char *prefix);

/** Gives a user another password; authentication is on. */
void test_auth_password(struct test_etcd *etcd,
                        const char *user,
                        const char *password);

/**
 * What releases of etcd let a user do who is not root. From 3.5.28 and 3.6.9 on
 * a token is needed to grant, revoke or read a lease, and to renew one a
 * permission for its keys; a member's status was for root alone from then to
 * 3.5.31 and 3.6.11.
 *
 * @param version  such as "3.5.30"
 */
bool test_auth_guards_leases(const char *version);
bool test_auth_hides_status(const char *version);

#endif
