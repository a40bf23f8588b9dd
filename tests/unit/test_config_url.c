/* SPDX-License-Identifier: Apache-2.0 */
/* The URL with the connection's settings. */
#include "config.h"

#include "config/url.h"

/** Goal: every part of a URL sets its option. Method: one with all parts. */
static void test_parts(void **state)
{
    (void)state;
    resolve("etcds://an%6ea:%40se%2Fcret%3A@a.example:2379,[::1]:1,b/prod/x"
            "?cacert=%2Fca.pem&dial-timeout=500ms&send-bytes-max=1M",
            NULL);
    expect("endpoints", "https://a.example:2379,https://[::1]:1,https://b",
           "the URL's endpoints");
    expect("user", "anna", "the URL's user");
    expect("password", "(hidden)", "the URL's password");
    expect("namespace", "prod/x/", "the URL's namespace");
    expect("cacert", "/ca.pem", "the URL's cacert");
    expect("dial-timeout", "500ms", "the URL's dial-timeout");
    expect("send-bytes-max", "1048576", "the URL's send-bytes-max");
    expect("tls", "1", "the URL's etcds://");
}

/** Goal: decoding is exact. Method: the texts of a parsed URL. */
static void test_decoding(void **state)
{
    struct ll_url url = {0};

    (void)state;
    assert_int_equal(
        ll_url_parse(" ETCD://u%25:p%2C%40%3a%2F%3f%23+x@h:1/\n", &url, NULL),
        0);
    assert_string_equal(url.texts.texts[LL_SETTING_USER], "u%");
    assert_string_equal(url.texts.texts[LL_SETTING_PASSWORD], "p,@:/?#+x");
    assert_string_equal(url.texts.texts[LL_SETTING_ENDPOINTS], "h:1");
    assert_null(url.texts.texts[LL_SETTING_NAMESPACE]);
    ll_url_free(&url);
    assert_int_equal(ll_url_parse("etcd://[fe80::1%25eth0]", &url, NULL), 0);
    assert_string_equal(url.texts.texts[LL_SETTING_ENDPOINTS],
                        "[fe80::1%eth0]");
    ll_url_free(&url);
}

/** Goal: the shortest forms. Method: a host alone, a user without a password,
 *  an empty password, an empty query. */
static void test_short(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    (void)state;
    resolve("etcd://h", NULL);
    expect("endpoints", "h", "the URL's endpoints");
    expect("tls", "0", "");
    expect("namespace", "-", "");
    resolve("etcd://h/?&", NULL);
    expect("endpoints", "h", "the URL's endpoints");
    options.password_file = "/p";
    resolve("etcd://anna@h", &options);
    expect("user", "anna", "the URL's user");
    resolve("etcd://anna:@h", &options);
    expect("password", "-", "");
    resolve("etcd:///prod?discovery-srv=example.com", NULL);
    expect("endpoints", "-", "");
    expect("discovery-srv", "example.com", "the URL's discovery-srv");
    expect("namespace", "prod/", "the URL's namespace");
}

/** Goal: an invalid URL is refused with a reason, which never contains a
 * password, not even an unencoded one. Method: URLs of each kind. */
static void test_faults(void **state)
{
    static const char *const bad[][2] = {
        {"etcd://", "empty host"},
        {"etcd://a,,b", "empty host"},
        {"etcd://a,", "empty host"},
        {"etcd:///prod", "empty host"},
        {"etcd://a%2Fb", "cannot be a host"},
        {"etcd://a?cacrt=x", "\"cacrt\""},
        {"etcd://a?config=x", "\"config\""},
        {"etcd://a?endpoints=x", "\"endpoints\""},
        {"etcd://a?tls", "tls has no value"},
        {"etcd://a?tls=", "tls has no value"},
        {"etcd://a?tls=1&tls=1", "tls twice"},
        {"etcd://a/x?namespace=y", "namespace twice"},
        {"etcd://u@a?user=v", "user twice"},
        {"etcds://a?tls=0", "against it"},
        {"etcd://a?dial-timeout=soon", "URL's dial-timeout is \"soon\""},
        {"etcd://a?cacert=%", "'%'"},
        {"etcd://a?cacert=%4", "'%'"},
        {"etcd://a?cacert=%zz", "'%'"},
        {"etcd://a?cacert=%00", "'%'"},
        {"etcd://a#x", "'#'"},
        {"etcd://a/x%07", "control"},
        {"etcd://@a", "no user's name"},
        {"etcd://:secret@a", "no user's name"},
        {"etcd://u%3Asecret@a", "no user's name"},
        {"etcd://u:secret@secret@a", "'@' beside"},
        {"etcd://u:1/secret@a", "'@' beside"},
        {"etcd://u:secret?secret@a", "'@' beside"},
        {"etcd://u:secret#secret@a", "'#'"},
        {"etcd://u:secret@a?secret=1", "an entry"},
        {"etcd://a?user=u&password=x&secret", "an entry"},
        {"etcd://u:secret@a?password=secret", "password twice"},
        {"etcd://u:secret@a?password-file=x", "password-file is set, and so"},
        {"etcd://u:secr%et@a", "URL's password"},
        {"etcd://a?discovery-srv=b", "discovery-srv is set, and so"},
        {"a:1,etcd://u:secret@b", "'@'"}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_fault(bad[i][0], NULL, bad[i][1]);
        expect_no_secret();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_parts, clear_environment),
        cmocka_unit_test_setup(test_decoding, clear_environment),
        cmocka_unit_test_setup(test_short, clear_environment),
        cmocka_unit_test_setup(test_faults, clear_environment)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
