/* SPDX-License-Identifier: Apache-2.0 */
/* The tool against an etcd that requires TLS and a user: every way to set them,
 * and refusals. */
#include "live/terminal.h"

#include <stdlib.h>

#include "support/certs.h"
#include "support/etcd_auth.h"

#define PASSWORD "correct-horse"
#define WRONG "battery-staple"

static struct test_certs certs;
static struct test_certs_args args;
static struct test_etcd etcd;
static char cacert[TEST_CERTS_PATH_SIZE];
static char password_file[TEST_CERTS_PATH_SIZE];

static int start_etcd(void **state)
{
    (void)state;
    test_certs_open(&certs);
    test_certs_path(&certs, "ca.crt", cacert);
    test_certs_write(&certs, "password", PASSWORD "\n");
    test_certs_path(&certs, "password", password_file);
    test_certs_etcd(&certs, "server", NULL, &args, &etcd);
    setenv("ETCDCTL_CACERT", cacert, 1); /* for etcdctl itself */
    test_auth_user(&etcd, false, "ann", PASSWORD, "ann/");
    test_auth_enable(&etcd);
    return unsetenv("ETCDCTL_CACERT");
}

static int stop_etcd(void **state)
{
    (void)state;
    test_etcd_stop(&etcd);
    test_certs_close(&certs);
    return 0;
}

/** A text that is valid as long as the test program. */
__attribute__((format(printf, 1, 2))) static const char *
text_of(const char *format, ...)
{
    static char texts[64][512];
    static size_t texts_n;
    va_list arguments;

    assert_true(texts_n < 64);
    va_start(arguments, format);
    (void)vsnprintf(texts[texts_n], sizeof(texts[0]), format, arguments);
    va_end(arguments);
    return texts[texts_n++];
}

/** Runs "leaselock WORD..." with an environment. Returns its status. */
static int run_with(struct test_process *tool,
                    const char *const env[],
                    const char *const words[])
{
    const char *argv[WORDS_MAX] = {test_tool()};

    for (size_t i = 0; words[i] != NULL; i++) {
        assert_true(i + 2 < WORDS_MAX);
        argv[i + 1] = words[i];
    }
    assert_int_equal(test_process_start(tool, argv, env), 0);
    return test_process_wait(tool, WAIT_MS);
}

static void expect_no_password(const struct test_process *tool)
{
    for (int i = 0; i < TEST_STREAMS_N; i++) {
        const char *output = test_process_output(tool, (enum test_stream)i);

        assert_null(strstr(output, PASSWORD));
        assert_null(strstr(output, WRONG));
    }
}

/** Goal: each way to give the authority, the user and the password works, and
 * none prints them. Method: a lock by each. */
static void test_ways(void **state)
{
    const char *endpoint = text_of("LEASELOCK_ENDPOINTS=%s", etcd.endpoint);
    const char *authority = text_of("LEASELOCK_CACERT=%s", cacert);
    const char *const ways[][6] = {
        {endpoint, authority, "LEASELOCK_USER=ann:" PASSWORD},
        {endpoint, authority, "LEASELOCK_USER=ann",
         "LEASELOCK_PASSWORD=" PASSWORD},
        {endpoint, authority, "LEASELOCK_USER=ann",
         text_of("LEASELOCK_PASSWORD_FILE=%s", password_file)},
        {text_of("LEASELOCK_ENDPOINTS=etcds://ann:" PASSWORD "@%s?cacert=%s",
                 etcd.endpoint, cacert)},
        {text_of("ETCDCTL_ENDPOINTS=https://%s", etcd.endpoint),
         text_of("ETCDCTL_CACERT=%s", cacert), "ETCDCTL_USER=ann:" PASSWORD},
    };
    static const char *const words[] = {"lock", "-v", "ann/lock", "env", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;

        if (run_with(&tool, ways[i], words) != 0) {
            fail_msg("way %zu: %s", i, test_process_output(&tool, TEST_STDERR));
        }
        expect_output(&tool, TEST_STDOUT, "LEASELOCK_NAME=ann/lock");
        if (i < sizeof(ways) / sizeof(ways[0]) - 1) {
            expect_no_password(&tool);
        } else { /* etcdctl's own is for CMD, which may run it */
            expect_output(&tool, TEST_STDOUT, "ETCDCTL_USER=ann:");
        }
        test_process_end(&tool);
    }
}

/** Goal: the same on the command line, with a namespace. Method: a lock in it,
 * where this user has its only permissions. */
static void test_command_line(void **state)
{
    const char *const env[] = {NULL};
    const char *const words[] = {"lock",
                                 "-e",
                                 etcd.endpoint,
                                 "--cacert",
                                 cacert,
                                 "--user=ann",
                                 "--password-file",
                                 password_file,
                                 "--namespace=ann/",
                                 "lock",
                                 "true",
                                 NULL};
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    if (run_with(&tool, env, words) != 0) {
        fail_msg("%s", test_process_output(&tool, TEST_STDERR));
    }
    test_process_end(&tool);
}

/** Goal: a refusal gives status 77 and the reason, without the password.
 * Method: a wrong password, an unknown user, a name without permission, no user
 * at all. */
static void test_refused(void **state)
{
    const char *endpoint = text_of("LEASELOCK_ENDPOINTS=%s", etcd.endpoint);
    const char *authority = text_of("LEASELOCK_CACERT=%s", cacert);
    static const char *const users[] = {
        "LEASELOCK_USER=ann:" WRONG, "LEASELOCK_USER=ben:" PASSWORD,
        "LEASELOCK_USER=ann:" PASSWORD, "LEASELOCK_USER"};
    static const char *const words[] = {"lock", "ben/lock", "true", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        const char *const env[] = {endpoint, authority, users[i], NULL};
        struct test_process tool = TEST_PROCESS_INIT;

        if (run_with(&tool, env, words) != 77) {
            fail_msg("%s: %s", users[i],
                     test_process_output(&tool, TEST_STDERR));
        }
        expect_output(&tool, TEST_STDERR, "leaselock: cannot ");
        expect_no_password(&tool);
        test_process_end(&tool);
    }
}

/** Runs a ping with --json; the caller drops the one endpoint's object. */
static json_t *ping_json(const char *const env[])
{
    static const char *const words[] = {"ping", "--json", NULL};
    struct test_process tool = TEST_PROCESS_INIT;
    json_t *all;
    json_t *one;

    assert_int_equal(run_with(&tool, env, words), 0);
    all = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    one = json_array_get(json_object_get(all, "endpoints"), 0);
    assert_true(json_is_true(json_object_get(one, "ok")));
    assert_true(json_is_true(json_object_get(one, "tls")));
    json_incref(one);
    json_decref(all);
    test_process_end(&tool);
    return one;
}

static void expect_null(json_t *object, bool is_null, const char *const keys[])
{
    for (size_t i = 0; keys[i] != NULL; i++) {
        const json_t *value = json_object_get(object, keys[i]);

        if (value == NULL || json_is_null(value) != is_null) {
            fail_msg("%s: %d", keys[i], value != NULL);
        }
    }
}

/**
 * Goal: ping prints TLS, the user, and the status that etcd grants to that
 * user: an endpoint that refuses its status is up, and the hidden values are
 * unknown. Method: root, another user and none, according to the release that
 * root's ping prints. */
static void test_ping(void **state)
{
    static const char *const hidden[] = {"version", "role", "leader",
                                         "has_leader", NULL};
    static const char *const shown[] = {"member", "cluster", "revision", NULL};
    static const char *const table[] = {"ping", NULL};
    static const char *const users[] = {"LEASELOCK_USER=root:root-secret",
                                        ("LEASELOCK_USER=ann:" PASSWORD),
                                        "LEASELOCK_USER"};
    const char *env[] = {text_of("LEASELOCK_ENDPOINTS=%s", etcd.endpoint),
                         text_of("LEASELOCK_CACERT=%s", cacert), NULL, NULL};
    char version[32] = "";

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct test_process tool = TEST_PROCESS_INIT;
        json_t *one;
        bool hides;

        env[2] = users[i];
        one = ping_json(env);
        if (i == 0) {
            (void)snprintf(version, sizeof(version), "%s",
                           json_string_value(json_object_get(one, "version")));
        }
        hides = i > 0 && test_auth_hides_status(version);
        assert_int_equal(json_is_true(json_object_get(one, "authenticated")),
                         i < 2);
        expect_null(one, hides, hidden);
        expect_null(one, hides && i == 2, shown);
        json_decref(one);
        assert_int_equal(run_with(&tool, env, table), 0);
        expect_output(&tool, TEST_STDOUT, "TLS  AUTH");
        expect_output(&tool, TEST_STDOUT, i < 2 ? "yes  yes" : "yes  no");
        expect_output(&tool, TEST_STDOUT, hides ? "  unknown  " : version);
        assert_string_equal(test_process_output(&tool, TEST_STDERR), "");
        test_process_end(&tool);
    }
}

/** Goal: an endpoint of an unknown cluster is not reported as another
 * cluster's. Method: one that hides it beside one without users. */
static void test_ping_clusters(void **state)
{
    static const char *const words[] = {"ping", NULL};
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_etcd hiding;
    struct test_etcd open;
    const char *env[] = {NULL, NULL};
    char version[TEST_ETCD_VERSION_SIZE];

    (void)state;
    assert_int_equal(test_etcd_start(&hiding), 0);
    assert_int_equal(test_etcd_start(&open), 0);
    test_auth_enable(&hiding);
    assert_int_equal(test_etcd_version(&hiding, version), 0);
    env[0] =
        text_of("LEASELOCK_ENDPOINTS=%s,%s", hiding.endpoint, open.endpoint);
    assert_int_equal(run_with(&tool, env, words), 0);
    expect_output(&tool, TEST_STDOUT, hiding.endpoint);
    expect_output(&tool, TEST_STDOUT, open.endpoint);
    if (test_auth_hides_status(version)) {
        assert_string_equal(test_process_output(&tool, TEST_STDERR), "");
    } else {
        expect_output(&tool, TEST_STDERR, "belong to different clusters");
    }
    test_process_end(&tool);
    test_etcd_stop(&open);
    test_etcd_stop(&hiding);
}

/** Goal: the typed password is used. Method: the right one and a wrong one at
 * the prompt. */
static void test_typed(void **state)
{
    const char *url =
        text_of("etcds://ann@%s/ann?cacert=%s", etcd.endpoint, cacert);
    static const char *const argv[] = {"leaselock", "lock",   "typed",
                                       "echo",      "got it", NULL};
    struct terminal terminal;

    (void)state;
    open_terminal_with(&terminal, url, argv);
    expect_on_screen(&terminal, "password of ann: ");
    type(&terminal, PASSWORD "\n");
    expect_on_screen(&terminal, "got it");
    assert_int_equal(close_terminal(&terminal), 0);
    assert_null(strstr(terminal.screen, PASSWORD));
    open_terminal_with(&terminal, url, argv);
    expect_on_screen(&terminal, "password of ann: ");
    type(&terminal, WRONG "\n");
    assert_int_equal(close_terminal(&terminal), 77);
    assert_null(strstr(terminal.screen, WRONG));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ways),
                                       cmocka_unit_test(test_command_line),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_ping),
                                       cmocka_unit_test(test_ping_clusters),
                                       cmocka_unit_test(test_typed)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
