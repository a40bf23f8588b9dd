/* SPDX-License-Identifier: Apache-2.0 */
/* TLS with a real etcd: trusted and untrusted certificates, with the error's
 * reason, and files that change while locks are held. etcd reads its
 * certificate at each handshake, so one etcd can present many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/certs.h"
#include "support/test_live.h"
#include "support/wait.h"

#define PING_MS 10000

/** Without and with a required client certificate; and plain text. */
static struct test_certs certs;
static struct test_certs_args args;
static struct test_certs_args mutual_args;
static struct test_etcd etcd;
static struct test_etcd mutual;
static struct test_etcd plain;

static const char *file(const char *name)
{
    static char paths[16][TEST_CERTS_PATH_SIZE];
    static size_t at;

    at = (at + 1) % 16;
    return test_certs_path(&certs, name, paths[at]);
}

static const char *url(const char *scheme, const struct test_etcd *to)
{
    static char urls[4][64];
    static size_t at;

    at = (at + 1) % 4;
    (void)snprintf(urls[at], sizeof(urls[at]), "%s%s", scheme, to->endpoint);
    return urls[at];
}

/** Pings with options: the status and the error. */
static int ping(const char *endpoint,
                const struct leaselock_client_options *options,
                struct leaselock_ping *ret_ping,
                struct leaselock_error *ret_error)
{
    leaselock_client *client = NULL;
    int status = 0;

    *ret_error = (struct leaselock_error)LEASELOCK_ERROR_INIT;
    if (leaselock_client_open(endpoint, options, &client, ret_error) != 0) {
        fail_msg("%s", ret_error->message);
    }
    status = leaselock_ping(client, 0, PING_MS, ret_ping, ret_error);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    return status;
}

static void assert_pings(const char *endpoint,
                         const struct leaselock_client_options *options,
                         int tls)
{
    struct leaselock_ping answer = {.tls = -1};
    struct leaselock_error error;

    if (ping(endpoint, options, &answer, &error) != 0) {
        fail_msg("%s: %s", endpoint, error.message);
    }
    assert_int_equal(answer.tls, tls);
    assert_int_equal(answer.authenticated, 0);
    assert_int_equal(answer.is_learner, 0);
}

/** The ping must fail with UNAVAILABLE and these two parts of a sentence, long
 * before its timeout. */
static void assert_refused(const char *endpoint,
                           const struct leaselock_client_options *options,
                           const char *says,
                           const char *advises)
{
    struct leaselock_ping answer;
    struct leaselock_error error;
    int64_t began_ns = test_now_ns();
    int status = ping(endpoint, options, &answer, &error);

    if (strstr(error.message, says) == NULL ||
        strstr(error.message, advises) == NULL) {
        fail_msg("expected \"%s\" and \"%s\": %s", says, advises,
                 error.message);
    }
    assert_int_equal(status, LEASELOCK_E_UNAVAILABLE);
    assert_string_equal(error.endpoint, endpoint);
    assert_true(strlen(error.message) < 310);
    assert_true(test_now_ns() - began_ns < PING_MS / 2 * TEST_NS_PER_MS);
}

/** Goal: TLS is used if the scheme or an option requires it, and only then. */
static void test_when_tls_is_spoken(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_client_options none = LEASELOCK_CLIENT_OPTIONS_INIT;

    (void)state;
    options.cacert = file("ca.crt");
    assert_pings(url("https://", &etcd), &options, 1);
    assert_pings(url("", &etcd), &options, 1);
    assert_pings(url("http://", &plain), &options, 0);
    assert_pings(url("", &plain), &none, 0);
    none.tls = 1;
    /* The system's store: OpenSSL reads its path from this variable. */
    assert_int_equal(setenv("SSL_CERT_FILE", options.cacert, 1), 0);
    assert_pings(url("https://", &etcd), NULL, 1);
    assert_pings(url("", &etcd), &none, 1);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    assert_refused(url("https://", &etcd), NULL, "issued by CN=ca",
                   "no authority that this system trusts: give its CA file");
}

/** Goal: locks work over TLS, by name and by address, with a client's
 * certificate if etcd requires one. */
static void test_locks(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    const char *endpoints[] = {url("https://", &etcd), url("https://", &mutual),
                               NULL};
    char by_name[64];
    size_t i = 0;

    (void)state;
    (void)snprintf(by_name, sizeof(by_name), "https://localhost:%u",
                   etcd.ports[TEST_ETCD_CLIENT]);
    endpoints[2] = by_name;
    options.cacert = file("ca.crt");
    options.cert = file("client.crt");
    options.key = file("client.key");
    for (i = 0; i < 3; i++) {
        struct test_call call = TEST_CALL_INIT;
        struct test_peer peer;
        struct test_peer other;
        leaselock_ticket *held;
        leaselock_ticket *waiting;

        test_peer_open_with(endpoints[i], &options, NULL, &peer);
        test_peer_open_with(endpoints[i], &options, NULL, &other);
        held = test_acquire(&peer, "tls");
        waiting = test_acquire_async(&other, "tls", &call);
        test_await_place(waiting);
        test_release(held);
        assert_int_equal(test_call_await(&call), 0);
        test_release(waiting);
        test_peer_close(&other);
        test_peer_close(&peer);
    }
}

/** Makes etcd present another certificate. */
static void show(const char *name)
{
    char crt[64];
    char key[64];

    (void)snprintf(crt, sizeof(crt), "%s.crt", name);
    (void)snprintf(key, sizeof(key), "%s.key", name);
    test_certs_copy(&certs, crt, "shown.crt");
    test_certs_copy(&certs, key, "shown.key");
}

/** Goal: each untrusted certificate is refused, with its reason. Method: let
 * etcd present it. */
static void test_refused_servers(void **state)
{
    static const struct {
        const char *shown;
        const char *authority;
        struct test_cert cert;
        const char *says;
        const char *advises;
    } cases[] = {
        {"other-ca",
         "other",
         {.names = NULL},
         "issued by CN=other, leads to no "
         "authority in ",
         "the right CA file is wanted"},
        {"namesake",
         "fake",
         {.names = NULL},
         "issued by CN=ca, leads to no "
         "authority in ",
         "the right CA file is wanted"},
        {"expired",
         "ca",
         {.starts = "20200101000000Z", .ends = "20210131235959Z"},
         "etcd's certificate expired on 2021-01-31 23:59:59 UTC",
         "it has to be renewed"},
        {"future",
         "ca",
         {.starts = "20400101000000Z", .ends = "20410101000000Z"},
         "is not valid before 2040-01-01 00:00:00 UTC",
         "clock is wrong"},
        {"elsewhere",
         "ca",
         {.names = "DNS:elsewhere.example,IP:192.0.2.1"},
         "is not for 127.0.0.1 but for elsewhere.example, 192.0.2.1",
         "give it as server_name"},
        /* A name in the subject only does not count, nor does an address as
         * DNS. */
        {"127.0.0.1",
         "ca",
         {.names = ""},
         "is not for 127.0.0.1 but for no name at all",
         "server_name"},
        {"dns-address",
         "ca",
         {.names = "DNS:127.0.0.1"},
         "is not for 127.0.0.1 but for 127.0.0.1",
         "server_name"},
        {"wildcard",
         "ca",
         {.names = "DNS:*"},
         "is not for 127.0.0.1 but for *",
         "server_name"},
        {"client-only",
         "ca",
         {.use = "clientAuth"},
         "is not made for a server (extendedKeyUsage)",
         "etcd needs another one"},
        {"weak", "ca", {.key = "rsa:1024"}, "too weak", "made anew"},
    };
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    size_t i = 0;

    (void)state;
    test_certs_authority(&certs, "other", NULL);
    test_certs_authority(&certs, "fake", "ca");
    options.cacert = file("ca.crt");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_certs_issue(&certs, cases[i].authority, cases[i].shown,
                         &cases[i].cert);
        show(cases[i].shown);
        assert_refused(url("https://", &etcd), &options, cases[i].says,
                       cases[i].advises);
    }
    show("server");
    assert_pings(url("https://", &etcd), &options, 1);
}

/** Goal: the chain up to the authority is checked. Method: certificates that
 * are signed by an intermediate one, and by one that is not an authority. */
static void test_chain(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    (void)state;
    test_certs_issue(&certs, "ca", "middle",
                     &(struct test_cert){.is_authority = 1});
    test_certs_issue(&certs, "middle", "far", NULL);
    options.cacert = file("ca.crt");
    show("far");
    assert_refused(url("https://", &etcd), &options, "issued by CN=middle",
                   "its whole chain");
    options.cacert = file("middle.crt");
    assert_pings(url("https://", &etcd), &options, 1);
    options.cacert = file("ca.crt");
    test_certs_append(&certs, "middle.crt", "far.crt");
    show("far");
    assert_pings(url("https://", &etcd), &options, 1);

    test_certs_issue(&certs, "ca", "old-middle",
                     &(struct test_cert){.is_authority = 1,
                                         .starts = "20200101000000Z",
                                         .ends = "20210131235959Z"});
    test_certs_issue(&certs, "old-middle", "old-far", NULL);
    test_certs_append(&certs, "old-middle.crt", "old-far.crt");
    show("old-far");
    assert_refused(url("https://", &etcd), &options,
                   "the certificate of the authority CN=old-middle expired on "
                   "2021-01-31",
                   "renewed");

    test_certs_issue(&certs, "client", "by-client", NULL);
    test_certs_append(&certs, "client.crt", "by-client.crt");
    show("by-client");
    assert_refused(url("https://", &etcd), &options,
                   "the certificate of the authority CN=client is not trusted",
                   "invalid CA certificate");
    show("server");
}

/** Goal: server_name replaces the endpoint's host in the check of the
 * certificate. */
static void test_server_name(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    (void)state;
    test_certs_issue(
        &certs, "ca", "named",
        &(struct test_cert){.names = "DNS:etcd.example,DNS:*.pods.example"});
    show("named");
    options.cacert = file("ca.crt");
    options.server_name = "etcd.example";
    assert_pings(url("https://", &etcd), &options, 1);
    options.server_name = "ETCD.example.";
    assert_pings(url("https://", &etcd), &options, 1);
    options.server_name = "a.pods.example";
    assert_pings(url("https://", &etcd), &options, 1);
    options.server_name = "a.b.pods.example";
    assert_refused(url("https://", &etcd), &options, "is not for a.b.pods",
                   "server_name");
    options.server_name = ".example";
    assert_refused(url("https://", &etcd), &options, "could not be checked",
                   "");
    options.server_name = "127.0.0.1";
    assert_refused(url("https://", &etcd), &options,
                   "is not for 127.0.0.1 but for etcd.example, "
                   "*.pods.example",
                   "server_name");
    show("server");
}

/** Goal: the error of a client that etcd refuses names the missing
 * certificate. */
static void test_refused_clients(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    (void)state;
    options.cacert = file("ca.crt");
    assert_refused(url("https://", &mutual), &options,
                   "wants a client's certificate",
                   "give one with its key (cert, key)");
    test_certs_authority(&certs, "other", NULL);
    test_certs_issue(&certs, "other", "stranger", NULL);
    options.cert = file("stranger.crt");
    options.key = file("stranger.key");
    assert_refused(url("https://", &mutual), &options,
                   "does not trust the client's certificate", "stranger.crt");
    test_certs_issue(&certs, "ca", "late",
                     &(struct test_cert){.starts = "20200101000000Z",
                                         .ends = "20210131235959Z"});
    options.cert = file("late.crt");
    options.key = file("late.key");
    assert_refused(url("https://", &mutual), &options,
                   "late.crt expired on "
                   "2021-01-31",
                   "it has to be renewed");
}

/** Goal: errors distinguish plain text to TLS from TLS to plain text. */
static void test_wrong_protocol(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    (void)state;
    assert_refused(url("http://", &etcd), NULL, "closed the connection at once",
                   "https://");
    assert_refused(url("", &mutual), NULL, "closed the connection at once",
                   "https://");
    options.cacert = file("ca.crt");
    assert_refused(url("https://", &plain), &options, "ended the TLS handshake",
                   "http://");
}

/** Goal: unusable files are reported when the client is opened. */
static void test_bad_files(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    const char *cert = file("client.crt");
    const char *key = file("client.key");
    const char *ca = file("ca.crt");
    const struct {
        const char *cacert;
        const char *cert;
        const char *key;
        const char *says;
    } cases[] = {
        {"/nowhere/ca.crt", NULL, NULL,
         "/nowhere/ca.crt cannot be opened: No such file"},
        {"/dev/null", NULL, NULL, "/dev/null is not a regular file"},
        {key, NULL, NULL, "client.key holds no certificate in PEM"},
        {file("empty"), NULL, NULL, "empty holds no certificate in PEM"},
        {file("broken.crt"), NULL, NULL,
         "broken.crt has a certificate, number 2, that cannot be read"},
        {ca, cert, NULL, "set key too"},
        {ca, NULL, key, "set cert too"},
        {ca, cert, file("server.key"),
         "server.key is not the key of the certificate in"},
        {ca, file("missing.crt"), key, "missing.crt cannot be opened"},
        {ca, cert, cert, "client.crt holds no private key in PEM"},
        {ca, key, key, "client.key holds no certificate in PEM"},
        {ca, cert, file("secret.key"), "secret.key is encrypted"},
        {ca, file("weak.crt"), file("weak.key"), "weak.crt cannot be used"},
    };
    char *text = test_certs_read(&certs, "ca.crt");
    char broken[4096];
    size_t i = 0;

    (void)state;
    test_certs_write(&certs, "empty", "");
    (void)snprintf(broken, sizeof(broken), "%s%.200s", text, text);
    free(text);
    test_certs_write(&certs, "broken.crt", broken);
    test_openssl("pkey", "-aes256", "-passout", "pass:secret", "-in", key,
                 "-out", file("secret.key"), NULL);
    test_certs_issue(&certs, "ca", "weak",
                     &(struct test_cert){.key = "rsa:1024"});
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        leaselock_client *client = NULL;

        options.cacert = cases[i].cacert;
        options.cert = cases[i].cert;
        options.key = cases[i].key;
        assert_int_equal(
            leaselock_client_open("127.0.0.1:1", &options, &client, &error),
            LEASELOCK_E_ARGUMENT);
        if (strstr(error.message, cases[i].says) == NULL) {
            fail_msg("expected \"%s\": %s", cases[i].says, error.message);
        }
    }
}

/** Goal: files that change while a lock is held are used at the next
 *  connection, and broken ones are not; the session survives all of it. Method:
 *  etcd with a client's certificates, killed and started again with another
 *  authority. */
static void test_reload(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_ping answer;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_certs_args own_args;
    struct test_etcd own;
    struct test_peer peer;
    leaselock_ticket *held;
    char *text;

    (void)state;
    test_certs_copy(&certs, "ca.crt", "my-ca.crt");
    test_certs_copy(&certs, "client.crt", "my.crt");
    test_certs_copy(&certs, "client.key", "my.key");
    show("server");
    test_certs_etcd(&certs, "shown", "my-ca", &own_args, &own);
    options.cacert = file("my-ca.crt");
    options.cert = file("my.crt");
    options.key = file("my.key");
    test_peer_open_with(url("https://", &own), &options, NULL, &peer);
    held = test_acquire(&peer, "reload");

    /* Half of a certificate: the old one stays in use, in a new connection
     * too. */
    text = test_certs_read(&certs, "client.crt");
    text[strlen(text) / 2] = '\0';
    test_certs_write(&certs, "my.crt", text);
    free(text);
    assert_int_equal(test_etcd_restart(&own), 0);
    test_release(held);
    held = test_acquire(&peer, "reload");

    /* Another authority on both sides; the client's key changes last. */
    test_certs_authority(&certs, "next", NULL);
    test_certs_issue(&certs, "next", "next-server", NULL);
    test_certs_issue(&certs, "next", "next-client", NULL);
    assert_int_equal(test_etcd_kill(&own), 0);
    test_certs_copy(&certs, "next.crt", "my-ca.crt");
    test_certs_copy(&certs, "next-client.crt", "my.crt");
    show("next-server");
    assert_int_equal(test_etcd_restart(&own), 0);
    while (leaselock_ping(peer.client, 0, 2000, &answer, &error) == 0 ||
           strstr(error.message, "is not the key of") == NULL) {
        test_pause_step();
    }
    assert_non_null(strstr(error.message, "not in use"));
    assert_non_null(strstr(error.message, "my.key"));
    test_certs_copy(&certs, "next-client.key", "my.key");
    test_release(held);
    held = test_acquire(&peer, "reload");
    assert_int_equal(leaselock_session_state(peer.session),
                     LEASELOCK_SESSION_ACTIVE);
    test_release(held);
    test_peer_close(&peer);
    test_etcd_stop(&own);
    show("server");
}

/** Goal: new files do not affect an open connection. Method: wrong ones appear,
 * calls still work, and no further connection is opened. */
static void test_reload_keeps_connection(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct test_proxy *proxy = NULL;
    struct test_peer peer;
    char endpoint[64];
    int64_t until_ns;

    (void)state;
    test_certs_copy(&certs, "ca.crt", "my-ca.crt");
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    (void)snprintf(endpoint, sizeof(endpoint), "https://%s",
                   test_proxy_endpoint(proxy));
    options.cacert = file("my-ca.crt");
    test_peer_open_with(endpoint, &options, NULL, &peer);
    test_certs_authority(&certs, "unrelated", NULL);
    test_certs_copy(&certs, "unrelated.crt", "my-ca.crt");
    /* Longer than the interval between two checks of the files. */
    until_ns = test_deadline_ns(1500);
    while (test_now_ns() < until_ns) {
        test_release(test_acquire(&peer, "kept"));
    }
    assert_int_equal(test_proxy_accepted(proxy), 1);
    test_peer_close(&peer);
    test_proxy_close(proxy);
}

static int set_up(void **state)
{
    (void)state;
    test_certs_open(&certs);
    show("server");
    test_certs_etcd(&certs, "shown", NULL, &args, &etcd);
    test_certs_etcd(&certs, "server", "ca", &mutual_args, &mutual);
    return test_etcd_start(&plain);
}

static int tear_down(void **state)
{
    (void)state;
    test_etcd_stop(&plain);
    test_etcd_stop(&mutual);
    test_etcd_stop(&etcd);
    test_certs_close(&certs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when_tls_is_spoken),
        cmocka_unit_test(test_locks),
        cmocka_unit_test(test_refused_servers),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_refused_clients),
        cmocka_unit_test(test_wrong_protocol),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_reload_keeps_connection),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
