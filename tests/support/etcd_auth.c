/* SPDX-License-Identifier: Apache-2.0 */
/* Manages users and roles with etcdctl. */
#include "support/etcd_auth.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_SIZE 128

/** An option of etcdctl without effect, since options come first. */
static const char *who(bool enabled)
{
    return enabled ? TEST_AUTH_ROOT : "--write-out=simple";
}

void test_auth_enable(struct test_etcd *etcd)
{
    assert_int_equal(test_etcdctl(etcd, NULL, 0, "user", "add",
                                  &TEST_AUTH_ROOT[strlen("--user=")], NULL),
                     0);
    assert_int_equal(
        test_etcdctl(etcd, NULL, 0, "user", "grant-role", "root", "root", NULL),
        0);
    assert_int_equal(test_etcdctl(etcd, NULL, 0, "auth", "enable", NULL), 0);
}

void test_auth_disable(struct test_etcd *etcd)
{
    assert_int_equal(
        test_etcdctl(etcd, NULL, 0, TEST_AUTH_ROOT, "auth", "disable", NULL),
        0);
}

void test_auth_permit(struct test_etcd *etcd,
                      bool enabled,
                      const char *role,
                      const char *permission,
                      const char *prefix)
{
    if (permission != NULL) {
        assert_int_equal(test_etcdctl(etcd, NULL, 0, who(enabled), "role",
                                      "grant-permission", "--prefix", role,
                                      permission, prefix, NULL),
                         0);
    } else {
        assert_int_equal(test_etcdctl(etcd, NULL, 0, who(enabled), "role",
                                      "revoke-permission", "--prefix", role,
                                      prefix, NULL),
                         0);
    }
}

void test_auth_user(struct test_etcd *etcd,
                    bool enabled,
                    const char *user,
                    const char *password,
                    const char *prefix)
{
    char both[TEXT_SIZE];

    (void)snprintf(both, sizeof(both), "%s:%s", user, password);
    assert_int_equal(
        test_etcdctl(etcd, NULL, 0, who(enabled), "user", "add", both, NULL),
        0);
    assert_int_equal(
        test_etcdctl(etcd, NULL, 0, who(enabled), "role", "add", user, NULL),
        0);
    test_auth_permit(etcd, enabled, user, "readwrite", prefix);
    assert_int_equal(test_etcdctl(etcd, NULL, 0, who(enabled), "user",
                                  "grant-role", user, user, NULL),
                     0);
}

void test_auth_password(struct test_etcd *etcd,
                        const char *user,
                        const char *password)
{
    char command[2 * TEXT_SIZE];
    const char *argv[] = {"sh", "-c", command, NULL};
    char endpoints[TEXT_SIZE];
    const char *env[] = {"ETCDCTL_API=3", "ETCDCTL_DIAL_TIMEOUT=15s",
                         "ETCDCTL_COMMAND_TIMEOUT=15s", endpoints, NULL};
    struct test_process process = TEST_PROCESS_INIT;

    /* This command reads the password from its input only. */
    (void)snprintf(command, sizeof(command),
                   "echo '%s' | etcdctl %s user passwd --interactive=false %s",
                   password, TEST_AUTH_ROOT, user);
    (void)snprintf(endpoints, sizeof(endpoints), "ETCDCTL_ENDPOINTS=%s",
                   etcd->endpoint);
    assert_int_equal(test_process_start(&process, argv, env), 0);
    if (test_process_wait(&process, 20000) != 0) {
        fail_msg("%s", test_process_output(&process, TEST_STDERR));
    }
    test_process_end(&process);
}

/** Whether the release is in 3.5.FROM to 3.5.TO or in 3.6.FROM6 to 3.6.TO6.
 * */
static bool
is_between(const char *version, int from, int to, int from6, int to6)
{
    int minor = 0;
    int patch = 0;

    assert_int_equal(sscanf(version, "3.%d.%d", &minor, &patch), 2);
    if (minor == 5) {
        return patch >= from && patch <= to;
    }
    if (minor == 6) {
        return patch >= from6 && patch <= to6;
    }
    return false;
}

bool test_auth_guards_leases(const char *version)
{
    return is_between(version, 28, INT_MAX, 9, INT_MAX);
}

bool test_auth_hides_status(const char *version)
{
    return is_between(version, 28, 31, 9, 11);
}
