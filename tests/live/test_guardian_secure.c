/* SPDX-License-Identifier: Apache-2.0 */
/* A guardian reaches an etcd that requires TLS and a user, with its program's
 * settings, from whichever source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/guarded.h"
#include "support/certs.h"
#include "support/etcd_auth.h"
#include "support/test_live.h"

#define TTL_S 60
#define PASSWORD "correct-horse"

static struct test_certs certs;
static struct test_certs_args args;
static struct test_etcd etcd;
static char cacert[TEST_CERTS_PATH_SIZE];

static int start_etcd(void **state)
{
    (void)state;
    test_certs_open(&certs);
    test_certs_path(&certs, "ca.crt", cacert);
    test_certs_write(&certs, "password", PASSWORD "\n");
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

/** Holds a lock, with file names relative to its folder, and changes to another
 * folder. */
static int
holder_main(const char *endpoint, const char *folder, const char *kind)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session_options =
        LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;

    session_options.ttl_s = TTL_S;
    options.namespace_prefix = "ann/";
    options.cacert = "ca.crt";
    options.user = "ann";
    if (strcmp(kind, "file") == 0) {
        options.password_file = "password";
    } else {
        options.password = PASSWORD;
    }
    options.guardian = 1;
    options.guardian_path = guardian_program();
    if (chdir(folder) != 0 ||
        leaselock_client_open(endpoint, &options, &client, &error) != 0 ||
        leaselock_session_open(client, &session_options, &session, &error) !=
            0 ||
        leaselock_acquire(session, "lock", NULL, TEST_WAIT_MS, &ticket,
                          &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    puts("held");
    (void)fflush(stdout);
    for (;;) {
        pause();
    }
}

static void check_killed(const char *kind)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *next;
    char line[16];
    int64_t begun_ns;

    test_start_self(&holder, "holder", etcd.endpoint, certs.folder, kind, NULL);
    if (!test_process_line(&holder, TEST_STDOUT, TEST_WAIT_MS, line,
                           sizeof(line))) {
        (void)test_process_wait(&holder, TEST_WAIT_MS);
        fail_msg("%s", test_process_output(&holder, TEST_STDERR));
    }
    options.cacert = cacert;
    options.user = "ann:" PASSWORD;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    next = test_acquire_async(&peer, "ann/lock", &call);
    test_await_place(next);
    assert_int_equal(test_call_count(&call), 0);
    begun_ns = test_now_ns();
    assert_int_equal(test_process_signal(&holder, SIGKILL), 0);
    assert_int_equal(test_call_await(&call), 0);
    assert_true(call.at_ns - begun_ns < TTL_S / 2 * 1000 * TEST_NS_PER_MS);
    print_message("the next holds after %lld ms\n",
                  (long long)((call.at_ns - begun_ns) / TEST_NS_PER_MS));
    test_release(next);
    test_peer_close(&peer);
    test_process_end(&holder);
}

/** Goal: the guardian receives the program's password. */
static void test_password(void **state)
{
    (void)state;
    check_killed("password");
}

/** Goal: the guardian reads files with names relative to the program's
 * folder. */
static void test_files(void **state)
{
    (void)state;
    check_killed("file");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_files),
    };

    if (argc == 5 && strcmp(argv[1], "holder") == 0) {
        return holder_main(argv[2], argv[3], argv[4]);
    }
    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
