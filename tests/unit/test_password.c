/* SPDX-License-Identifier: Apache-2.0 */
/* A client's credentials: name and password from options and from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rpc/password.h"

static char path[] = "/tmp/leaselock-password-XXXXXX";

static void write_file(const char *text, size_t size)
{
    FILE *out = fopen(path, "we");

    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

/** Reads credentials, which must succeed and be these. */
static void expect(const char *user,
                   const char *password,
                   const char *file,
                   const char *name,
                   const char *secret)
{
    const struct ll_user_config config = {user, password, file};
    struct ll_credentials credentials;
    struct leaselock_error error;

    assert_int_equal(ll_credentials_read(&config, &credentials, &error), 0);
    assert_string_equal(credentials.name, name);
    assert_string_equal(credentials.password, secret);
    ll_credentials_wipe(&credentials);
    assert_int_equal(credentials.name[0], 0);
    assert_int_equal(credentials.password[0], 0);
}

static void expect_fault(const char *user,
                         const char *password,
                         const char *file,
                         const char *says)
{
    const struct ll_user_config config = {user, password, file};
    struct ll_credentials credentials = {.name = "kept"};
    struct leaselock_error error = {.message = ""};

    assert_int_equal(ll_credentials_read(&config, &credentials, &error),
                     LEASELOCK_E_ARGUMENT);
    if (strstr(error.message, says) == NULL) {
        fail_msg("expected \"%s\": %s", says, error.message);
    }
    assert_null(strstr(error.message, "secret"));
    assert_string_equal(credentials.name, "kept");
}

/** Goal: as in etcdctl, a colon splits the name only if the password has no
 * other source. */
static void test_options(void **state)
{
    (void)state;
    expect("ann", "secret", NULL, "ann", "secret");
    expect("ann:secret", NULL, NULL, "ann", "secret");
    expect("ann:sec:ret", NULL, NULL, "ann", "sec:ret");
    expect("ann:bob", "secret", NULL, "ann:bob", "secret");
    expect("ann", "", NULL, "ann", "");
    expect("ann:", NULL, NULL, "ann", "");
    expect_fault("ann", NULL, NULL, "ann has no password");
    expect_fault(":secret", NULL, NULL, "no name");
}

/** Goal: a file's first line is the password, with any line end. */
static void test_file(void **state)
{
    static const struct {
        const char *text;
        const char *password;
    } cases[] = {
        {"secret", "secret"},         {"secret\n", "secret"},
        {"secret\r\n", "secret"},     {"secret\nmore", "secret"},
        {" se cret \n", " se cret "}, {"sec\rret", "sec\rret"},
    };
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(cases[i].text, strlen(cases[i].text));
        expect("ann", NULL, path, "ann", cases[i].password);
    }
    expect("ann:bob", NULL, path, "ann:bob", "sec\rret");
    write_file("", 0);
    expect_fault("ann", NULL, path, "has no first line");
    write_file("\nsecret", 7);
    expect_fault("ann", NULL, path, "has no first line");
    expect_fault("ann", NULL, "/nowhere/file", "cannot be opened: No such");
    expect_fault("ann", NULL, "/tmp", "is not a regular file");
    expect_fault("ann", NULL, "/dev/zero", "is not a regular file");
}

/** Goal: a pipe does not block the client. */
static void test_pipe(void **state)
{
    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_fault("ann", NULL, path, "is not a regular file");
    assert_int_equal(unlink(path), 0);
}

/** Goal: the limits are the documented ones. */
static void test_limits(void **state)
{
    static char text[LL_PASSWORD_MAX + 3];
    static char name[LL_USER_NAME_MAX + 2];

    (void)state;
    (void)memset(text, 'x', LL_PASSWORD_MAX + 1);
    (void)memset(name, 'n', LL_USER_NAME_MAX + 1);
    expect_fault("ann", text, NULL, "longer than 1023 bytes");
    expect_fault(name, "", NULL, "longer than 255 bytes");
    write_file(text, LL_PASSWORD_MAX + 1);
    expect_fault("ann", NULL, path, "longer than 1023 bytes");
    text[LL_PASSWORD_MAX] = '\0';
    name[LL_USER_NAME_MAX] = '\0';
    expect(name, text, NULL, name, text);
    (void)strcat(text, "\n");
    write_file(text, LL_PASSWORD_MAX + 1);
    text[LL_PASSWORD_MAX] = '\0';
    expect("ann", NULL, path, "ann", text);
}

static int set_up(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_pipe),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
