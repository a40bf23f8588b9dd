/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of settings, and their precedence. */
#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "config/setup.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/leaselock-config-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/leaselock.conf", folder);
    (void)unlink(path);
    return rmdir(folder);
}

/** Writes the file that LEASELOCK_CONFIG then names. */
static const char *write_file(const char *text, mode_t mode)
{
    static char path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/leaselock.conf", folder);
    (void)unlink(path);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
    setenv("LEASELOCK_CONFIG", path, 1);
    return path;
}

/** Goal: without any source the defaults apply. Method: resolve nothing. */
static void test_defaults(void **state)
{
    (void)state;
    unsetenv("LEASELOCK_CONFIG");
    resolve(NULL, NULL);
    expect("endpoints", "127.0.0.1:2379", "");
    expect("dial-timeout", "2s", "");
    expect("request-timeout", "2s", "");
    expect("keepalive-time", "10s", "");
    expect("keepalive-timeout", "3s", "");
    expect("sync-interval", "0", "");
    expect("send-bytes-max", "0", "");
    expect("tls", "0", "");
    expect("cacert", "-", "");
    expect("password", "-", "");
}

/** Goal: options, then LEASELOCK_, then etcdctl's variables, then the file,
 *  then the default. Method: one setting at each level. */
static void test_order(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    char source[192];
    const char *path = write_file("cacert = /file\ncert = /file\nkey = /file\n"
                                  "dial-timeout = 4s\n"
                                  "request-timeout = 4s\n",
                                  0644);

    (void)state;
    options.cacert = "/options";
    setenv("LEASELOCK_CACERT", "/ours", 1);
    setenv("LEASELOCK_CERT", "/ours", 1);
    setenv("ETCDCTL_CACERT", "/ctl", 1);
    setenv("ETCDCTL_CERT", "/ctl", 1);
    setenv("ETCDCTL_KEY", "/ctl", 1);
    setenv("ETCDCTL_DIAL_TIMEOUT", "3s", 1);
    resolve(NULL, &options);
    expect("cacert", "/options", "the option cacert");
    expect("cert", "/ours", "the variable LEASELOCK_CERT");
    expect("key", "/ctl", "the variable ETCDCTL_KEY");
    expect("dial-timeout", "3s", "the variable ETCDCTL_DIAL_TIMEOUT");
    (void)snprintf(source, sizeof(source), "the file %s, line 5", path);
    expect("request-timeout", "4s", source);
    expect("keepalive-time", "10s", "");
}

/** Goal: a plain open does not read the environment. Method: variables that
 *  would make it fail. */
static void test_open_takes_no_environment(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;

    (void)state;
    setenv("LEASELOCK_DIAL_TIMEOUT", "soon", 1);
    setenv("LEASELOCK_CONFIG", "/nowhere/at/all", 1);
    assert_int_equal(leaselock_client_open(NULL, NULL, &client, &error), 0);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    client = NULL;
    assert_int_equal(
        leaselock_client_open_from_env(NULL, NULL, &client, &error),
        LEASELOCK_E_ARGUMENT);
    assert_null(client);
    assert_non_null(strstr(error.message, "LEASELOCK_DIAL_TIMEOUT"));
    unsetenv("LEASELOCK_DIAL_TIMEOUT");
    assert_int_equal(
        leaselock_client_open_from_env(NULL, NULL, &client, &error),
        LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, "/nowhere/at/all"));
}

/** Goal: a client that is opened from the environment has its endpoints.
 * Method: read them. */
static void test_open_from_env(void **state)
{
    leaselock_client *client = NULL;
    char text[LEASELOCK_ERROR_ENDPOINT_SIZE];

    (void)state;
    setenv("LEASELOCK_ENDPOINTS", "127.0.0.1:7", 1);
    assert_int_equal(leaselock_client_open_from_env(NULL, NULL, &client, NULL),
                     0);
    leaselock_client_endpoint(client, 0, text, sizeof(text));
    assert_string_equal(text, "127.0.0.1:7");
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    assert_int_equal(
        leaselock_client_open_from_env("127.0.0.1:8", NULL, &client, NULL), 0);
    leaselock_client_endpoint(client, 0, text, sizeof(text));
    assert_string_equal(text, "127.0.0.1:8");
    assert_int_equal(leaselock_client_close(client, NULL), 0);
}

/** Goal: etcdctl's variables have the same meaning as in etcdctl. Method: those
 * with a format of their own. */
static void test_etcdctl(void **state)
{
    (void)state;
    setenv("ETCDCTL_KEEPALIVE_TIME", "2s", 1);
    setenv("ETCDCTL_KEEPALIVE_TIMEOUT", "6s", 1);
    setenv("ETCDCTL_ENDPOINTS", "a:1,b:2", 1);
    setenv("ETCDCTL_USER", "anna:secret", 1);
    setenv("LEASELOCK_KEY", "", 1);
    resolve(NULL, NULL);
    expect("keepalive-time", "5s", "the variable ETCDCTL_KEEPALIVE_TIME");
    expect("keepalive-timeout", "6s", "the variable ETCDCTL_KEEPALIVE_TIMEOUT");
    expect("endpoints", "a:1,b:2", "the variable ETCDCTL_ENDPOINTS");
    expect("user", "anna", "the variable ETCDCTL_USER");
    expect("password", "(hidden)", "the variable ETCDCTL_USER");
    expect("key", "-", "");
    /* DNS takes precedence over endpoints, as in etcdctl. */
    setenv("ETCDCTL_DISCOVERY_SRV", "example.com", 1);
    resolve(NULL, NULL);
    expect("endpoints", "-", "");
    expect("discovery-srv", "example.com",
           "the variable ETCDCTL_DISCOVERY_SRV");
    /* A variable that ours overrides is not parsed. */
    setenv("LEASELOCK_ENDPOINTS", "c:3", 1);
    setenv("LEASELOCK_KEEPALIVE_TIMEOUT", "1s", 1);
    setenv("ETCDCTL_KEEPALIVE_TIMEOUT", "soon", 1);
    resolve(NULL, NULL);
    expect("endpoints", "c:3", "the variable LEASELOCK_ENDPOINTS");
    expect("discovery-srv", "-", "");
    expect("keepalive-timeout", "1s",
           "the variable LEASELOCK_KEEPALIVE_TIMEOUT");
}

/** Goal: etcdctl's negated variables require TLS, and an unsupported one is an
 * error that can be overridden. Method: each of the variables. */
static void test_etcdctl_tls(void **state)
{
    (void)state;
    setenv("ETCDCTL_INSECURE_TRANSPORT", "true", 1);
    setenv("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "false", 1);
    resolve(NULL, NULL);
    expect("tls", "0", "");
    setenv("ETCDCTL_INSECURE_TRANSPORT", "false", 1);
    resolve(NULL, NULL);
    expect("tls", "1", "the variable ETCDCTL_INSECURE_TRANSPORT");
    setenv("ETCDCTL_INSECURE_TRANSPORT", "T", 1);
    setenv("ETCDCTL_INSECURE_DISCOVERY", "F", 1);
    resolve(NULL, NULL);
    expect("tls", "1", "the variable ETCDCTL_INSECURE_DISCOVERY");
    setenv("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "1", 1);
    expect_fault(NULL, NULL,
                 "ETCDCTL_INSECURE_SKIP_TLS_VERIFY is set, but "
                 "certificates are always verified");
    setenv("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "2", 1);
    expect_fault(NULL, NULL, "ETCDCTL_INSECURE_SKIP_TLS_VERIFY is neither");
    setenv("LEASELOCK_TLS", "1", 1);
    resolve(NULL, NULL);
    expect("tls", "1", "the variable LEASELOCK_TLS");
}

/** Goal: a user gets its own password and no other. Method: users and passwords
 * from different sources. */
static void test_credentials(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    const struct leaselock_client_options none = options;

    (void)state;
    /* A password without a user belongs to the effective user. */
    setenv("LEASELOCK_PASSWORD", "secret", 1);
    expect_fault(NULL, NULL, "LEASELOCK_PASSWORD is set without a user");
    options.user = "anna";
    resolve(NULL, &options);
    expect("user", "anna", "the option user");
    expect("password", "(hidden)", "the variable LEASELOCK_PASSWORD");
    /* Another user's password does not apply. */
    setenv("LEASELOCK_USER", "ben", 1);
    expect_open_fault(NULL, &options,
                      "the option user is set without a password");
    resolve(NULL, &none);
    expect("user", "ben", "the variable LEASELOCK_USER");
    /* The same user's password does. */
    setenv("LEASELOCK_USER", "anna", 1);
    resolve(NULL, &options);
    expect("password", "(hidden)", "the variable LEASELOCK_PASSWORD");
    /* A file from a source of higher precedence replaces it. */
    options.password_file = "/p";
    resolve(NULL, &options);
    expect("password-file", "/p", "the option password_file");
    expect("password", "-", "");
    /* Two in one source are an error. */
    setenv("LEASELOCK_PASSWORD_FILE", "/q", 1);
    expect_fault(NULL, &none,
                 "LEASELOCK_PASSWORD_FILE is set, and so is the "
                 "variable LEASELOCK_PASSWORD");
    /* etcdctl's password without a user has no effect. */
    clear_environment(NULL);
    setenv("ETCDCTL_PASSWORD", "secret", 1);
    resolve(NULL, NULL);
    expect("password", "-", "");
}

/** Goal: the error of an invalid value names the variable and the allowed
 *  values, and no password. Method: one of each. */
static void test_bad_variables(void **state)
{
    static const char *const bad[][3] = {
        {"LEASELOCK_DIAL_TIMEOUT", "soon",
         "LEASELOCK_DIAL_TIMEOUT is \"soon\""},
        {"LEASELOCK_KEEPALIVE_TIME", "2s", "a time from 5s to 1h"},
        {"ETCDCTL_DIAL_TIMEOUT", "1d", "ETCDCTL_DIAL_TIMEOUT is \"1d\""},
        {"LEASELOCK_TLS", "perhaps", "1 or 0"},
        {"LEASELOCK_USER", ":secret", "LEASELOCK_USER is not NAME"},
        {"LEASELOCK_ENDPOINTS", "a:secret@b:1", "LEASELOCK_ENDPOINTS has an"},
        {"LEASELOCK_ENDPOINTS", "b:1, a:secret@b", "LEASELOCK_ENDPOINTS has"},
        {"LEASELOCK_SERVER_NAME", "a b", "LEASELOCK_SERVER_NAME is no name"},
        {"LEASELOCK_NAMESPACE", "a\n", "LEASELOCK_NAMESPACE is \"a"},
        {"LEASELOCK_CACERT", "a\001", "control"}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv(bad[i][0], bad[i][1], 1);
        expect_fault(NULL, NULL, bad[i][2]);
        expect_no_secret();
        unsetenv(bad[i][0]);
    }
}

/** Goal: the file's format. Method: comments, blanks, line ends of both kinds,
 * values with characters that are special elsewhere. */
static void test_file(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct ll_setup setup = {0};
    const char *path = write_file("# a comment\r\n"
                                  "\n"
                                  "  endpoints =  a:1, b:2 \r\n"
                                  "user=anna\n"
                                  "\tpassword = \"se#cret = \" \n"
                                  "  # another\n"
                                  "namespace = prod/",
                                  0600);

    (void)state;
    options.config = path;
    assert_int_equal(ll_setup_make(&setup, NULL, &options, false, true, NULL),
                     0);
    assert_string_equal(setup.texts[LL_SETTING_ENDPOINTS], "a:1, b:2");
    assert_string_equal(setup.texts[LL_SETTING_USER], "anna");
    assert_string_equal(setup.texts[LL_SETTING_PASSWORD], "\"se#cret = \"");
    assert_string_equal(setup.texts[LL_SETTING_NAMESPACE], "prod/");
    assert_int_equal(setup.sources[LL_SETTING_PASSWORD].line, 5);
    ll_setup_free(&setup);
}

/** Goal: an error in a file is reported with its line, without a password.
 * Method: a file for each error. */
static void test_bad_files(void **state)
{
    static const char *const bad[][2] = {
        {"\nendpoints\n", "line 2: there is no '='"},
        {"cacrt = /x\n", "line 1: \"cacrt\" is not a setting (did you mean "
                         "\"cacert\"?); leaselock-settings(5)"},
        {"conifg = /x\n", "\"conifg\" is not a setting; leaselock-settings(5)"},
        {"= x\n", "line 1: \"\" is not a setting"},
        {"config = x\n", "\"config\" is not a setting"},
        {"cert =\n", "line 1: cert has no value"},
        {"tls = 1\n\ntls = 0\n", "line 3: tls is set in line 1 already"},
        {"cacert = \"/x\"\n", "line 1: cacert is in quotes"},
        {"dial-timeout = soon\n", "line 1: dial-timeout is \"soon\""},
        {"user = a\npassword = secret\npassword-file = x\n",
         "line 3: password-file is set, and so is the file"},
        {"endpoints = a\ndiscovery-srv = b\n", "line 2: discovery-srv is set"},
        {"secret\n", "line 1: there is no '='"}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file(bad[i][0], 0600);
        expect_fault(NULL, NULL, bad[i][1]);
        expect_no_secret();
    }
}

/** Goal: a world-readable file with a password in any form is refused; without
 * one it is accepted. Method: files and modes. */
static void test_open_files(void **state)
{
    static const char *const secrets[] = {"user = a\npassword = secret\n",
                                          "user = a:secret\n",
                                          "endpoints = etcd://a:secret@b\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        write_file(secrets[i], 0644);
        expect_fault(NULL, NULL, "open to everybody");
        expect_no_secret();
        write_file(secrets[i], 0640);
        assert_int_equal(resolve(NULL, NULL), 0);
    }
    write_file("user = a\npassword-file = x\n", 0644);
    assert_int_equal(resolve(NULL, NULL), 0);
}

/** Goal: limits of the file. Method: one byte too many, a NUL, a folder. */
static void test_file_limits(void **state)
{
    char *text = malloc(65538);
    FILE *file;
    const char *path;

    (void)state;
    memset(text, '#', 65537);
    text[65537] = '\0';
    write_file(text, 0600);
    expect_fault(NULL, NULL, "cannot be read");
    text[65536] = '\0';
    write_file(text, 0600);
    assert_int_equal(resolve(NULL, NULL), 0);
    free(text);
    path = write_file("", 0600);
    file = fopen(path, "w");
    assert_int_equal(fwrite("tls=1\0", 1, 6, file), 6);
    fclose(file);
    expect_fault(NULL, NULL, "has a NUL in it");
    setenv("LEASELOCK_CONFIG", folder, 1);
    expect_fault(NULL, NULL, folder);
}

/** Goal: the file is searched for in its places. Method: in $XDG_CONFIG_HOME,
 *  in ~/.config, named by the options, and a relative path in it. */
static void test_file_places(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    const char *path =
        write_file("cacert = tls/ca.pem\ncert = /c\nkey = k\n", 0644);
    char file[192];
    char source[192];
    char folders[2][96];

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/tls/ca.pem", folder);
    (void)snprintf(source, sizeof(source), "the file %s, line 1", path);
    unsetenv("LEASELOCK_CONFIG");
    setenv("XDG_CONFIG_HOME", folder, 1);
    resolve(NULL, NULL);
    expect("cacert", file, source);
    expect("cert", "/c", resolved.sources[9]);
    /* A relative path is ignored. */
    setenv("XDG_CONFIG_HOME", "tmp", 1);
    resolve(NULL, NULL);
    expect("cacert", "-", "");
    unsetenv("XDG_CONFIG_HOME");
    (void)snprintf(folders[0], sizeof(folders[0]), "%s/home", folder);
    (void)snprintf(folders[1], sizeof(folders[1]), "%s/home/.config", folder);
    assert_int_equal(mkdir(folders[0], 0700), 0);
    assert_int_equal(symlink(folder, folders[1]), 0);
    setenv("HOME", folders[0], 1);
    resolve(NULL, NULL);
    (void)snprintf(file, sizeof(file), "%s/tls/ca.pem", folders[1]);
    (void)snprintf(source, sizeof(source), "the file %s/leaselock.conf, line 1",
                   folders[1]);
    expect("cacert", file, source);
    unlink(folders[1]);
    rmdir(folders[0]);
    /* The options' file takes precedence over all of them. */
    setenv("LEASELOCK_CONFIG", "/nowhere", 1);
    expect_fault(NULL, NULL, "/nowhere cannot be read");
    options.config = path;
    assert_int_equal(resolve(NULL, &options), 0);
}

/** Goal: a URL is a source of its own, right after the source that contains it.
 * Method: the same setting in both, and in a source of lower precedence. */
static void test_url_order(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    (void)state;
    setenv("LEASELOCK_ENDPOINTS",
           "etcd://anna:secret@a:1/prod?cacert=/url&cert=/url&key=/url", 1);
    setenv("LEASELOCK_CACERT", "/variable", 1);
    setenv("ETCDCTL_CERT", "/ctl", 1);
    options.key = "/options";
    resolve(NULL, &options);
    expect("endpoints", "a:1", "the URL's endpoints");
    expect("cacert", "/variable", "the variable LEASELOCK_CACERT");
    expect("cert", "/url", "the URL's cert");
    expect("key", "/options", "the option key");
    expect("user", "anna", "the URL's user");
    expect("password", "(hidden)", "the URL's password");
    expect("namespace", "prod/", "the URL's namespace");
    /* Endpoints from another source replace all of it. */
    resolve("b:2", &options);
    expect("endpoints", "b:2", "the option endpoints");
    expect("user", "-", "");
    /* A user from another source discards its password. */
    setenv("LEASELOCK_USER", "ben", 1);
    expect_open_fault(NULL, NULL, "LEASELOCK_USER is set without a password");
    /* An unused value is parsed nevertheless. */
    setenv("LEASELOCK_ENDPOINTS", "etcd://a?nonsense=1", 1);
    expect_fault("b:2", NULL, "nonsense");
}

/** Goal: if any allocation fails, a setup ends with LEASELOCK_E_NOMEM, and
 * nothing leaks. Method: each allocation of one with every kind of source
 * fails; the address sanitizer detects leaks. */
static void test_no_memory(void **state)
{
    unsigned long nth = 0;
    int status;

    (void)state;
    write_file("cert = c\nkey = k\nendpoints = etcd://anna:secret@b\n", 0600);
    setenv("LEASELOCK_ENDPOINTS", "etcd://anna:secret@a/x", 1);
    setenv("ETCDCTL_CACERT", "/ctl", 1);
    do {
        unsigned long living = ll_alloc_living();

        ll_alloc_fail_at(++nth);
        status = resolve(NULL, NULL);
        ll_alloc_fail_at(0);
        assert_true(status == 0 || status == LEASELOCK_E_NOMEM);
        ll_alloc_fail_once_at(nth);
        assert_int_equal(resolve(NULL, NULL), status);
        ll_alloc_fail_at(0);
        assert_int_equal(ll_alloc_living(), living);
    } while (status != 0);
    assert_true(nth > 10);
    expect("user", "anna", "the URL's user");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, clear_environment),
        cmocka_unit_test_setup(test_order, clear_environment),
        cmocka_unit_test_setup(test_open_takes_no_environment,
                               clear_environment),
        cmocka_unit_test_setup(test_open_from_env, clear_environment),
        cmocka_unit_test_setup(test_etcdctl, clear_environment),
        cmocka_unit_test_setup(test_etcdctl_tls, clear_environment),
        cmocka_unit_test_setup(test_credentials, clear_environment),
        cmocka_unit_test_setup(test_bad_variables, clear_environment),
        cmocka_unit_test_setup(test_file, clear_environment),
        cmocka_unit_test_setup(test_bad_files, clear_environment),
        cmocka_unit_test_setup(test_open_files, clear_environment),
        cmocka_unit_test_setup(test_file_limits, clear_environment),
        cmocka_unit_test_setup(test_file_places, clear_environment),
        cmocka_unit_test_setup(test_url_order, clear_environment),
        cmocka_unit_test_setup(test_no_memory, clear_environment)};

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
