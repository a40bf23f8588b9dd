/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's texts of failures, as observed with Debian 12, become sentences with a
 * remedy; unknown texts are not changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/explain.h"

#define ALL "failed to connect to all addresses; last error: "
#define THERE "ipv4:127.0.0.1:2379: "

/** Explains a text. */
static const char *explain(const struct ll_explain *about, const char *raw)
{
    static char text[LL_STATUS_TEXT_SIZE];

    (void)snprintf(text, sizeof(text), "%s", raw);
    ll_explain(about, text);
    return text;
}

static void check(const struct ll_explain *about,
                  const char *raw,
                  const char *first,
                  const char *second)
{
    const char *text = explain(about, raw);

    if (strstr(text, first) == NULL || strstr(text, second) == NULL) {
        fail_msg("%s\nbecame %s", raw, text);
    }
}

static struct ll_explain plain(void)
{
    return (struct ll_explain){
        .cert_trouble = "", .files_trouble = "", .ping_timeout_ms = 3000};
}

static struct ll_explain tls(void)
{
    struct ll_explain about = plain();

    about.tls = true;
    return about;
}

/** Goal: failures before any protocol have the same sentence with TLS and
 * without. */
static void test_transport(void **state)
{
    const struct ll_explain both[] = {plain(), tls()};
    size_t i = 0;

    (void)state;
    for (i = 0; i < 2; i++) {
        check(&both[i],
              ALL "UNKNOWN: " THERE
                  "Failed to connect to remote host: Connection refused",
              "nothing listens there", "Connection refused");
        check(&both[i],
              ALL "UNKNOWN: ipv6:%5B::1%5D:2379: Failed to connect to remote "
                  "host: Connection refused",
              "nothing listens there", "");
        check(&both[i],
              ALL "UNKNOWN: unix:/run/etcd: Failed to connect to remote host: "
                  "No such file or directory",
              "cannot connect: No such file or directory", "");
        check(&both[i],
              ALL "UNKNOWN: " THERE
                  "Failed to connect to remote host: No route to host",
              "cannot connect: No route to host", "");
        check(&both[i],
              ALL "UNKNOWN: " THERE
                  "connection attempt timed out before receiving SETTINGS "
                  "frame",
              "not established in time", "");
        check(&both[i],
              "DNS resolution failed for nowhere.example:2379: C-ares status "
              "is not ARES_SUCCESS qtype=A name=nowhere.example "
              "is_balancer=0: Domain name not found",
              "the host's name cannot be resolved: Domain name not found", "");
        check(&both[i], "keepalive watchdog timeout",
              "did not answer a ping within 3000 ms", "given up");
        check(&both[i],
              "GOAWAY received; Error code: 11; Debug Text: too_many_pings",
              "pings that came too often", "--grpc-keepalive-min-time");
        check(&both[i], "Deadline Exceeded", "no answer in time", "");
        check(&both[i], "Socket closed", "closed by the other side", "");
    }
}

/** Goal: the sentences of our certificate check are passed on. */
static void test_own_sentence(void **state)
{
    const struct ll_explain about = tls();

    (void)state;
    assert_string_equal(explain(&about, ALL
                                "UNKNOWN: " THERE
                                "Custom verification check failed with error: "
                                "UNAUTHENTICATED: etcd's certificate expired"),
                        "etcd's certificate expired");
}

/** Goal: a hang-up before the handshake is explained by plain text, one after
 * it by the client's certificate, and one without TLS by a server with TLS. */
static void test_hangups(void **state)
{
    static const char *const hangups[] = {
        "Socket closed", "Endpoint read failed", "Connection reset by peer"};
    struct ll_explain about = plain();
    char raw[LL_STATUS_TEXT_SIZE];
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(hangups) / sizeof(hangups[0]); i++) {
        (void)snprintf(raw, sizeof(raw), ALL "UNAVAILABLE: " THERE "%s",
                       hangups[i]);
        about = plain();
        check(&about, raw, "closed the connection at once", "https://");
        about = tls();
        check(&about, raw, "ended the TLS handshake", "http://");
        about.verified = true;
        check(&about, raw, "wants a client's certificate", "(cert, key)");
        about.cert = "/etc/my.crt";
        check(&about, raw, "does not trust the client's certificate",
              "/etc/my.crt");
        about.cert_trouble = "expired on 2021-01-31 23:59:59 UTC";
        check(&about, raw, "/etc/my.crt expired on 2021-01-31",
              "has to be renewed");
    }
}

/** Goal: OpenSSL's texts are recognized. */
static void test_handshake(void **state)
{
    struct ll_explain about = tls();

    (void)state;
    check(&about,
          ALL "UNKNOWN: " THERE
              "Tls handshake failed: SSL_ERROR_SSL: error:0A000412:SSL "
              "routines::sslv3 alert bad certificate",
          "wants a client's certificate", "");
    check(&about,
          ALL "UNKNOWN: " THERE
              "Tls handshake failed: SSL_ERROR_SSL: error:0A00010B:SSL "
              "routines::wrong version number",
          "ended the TLS handshake", "http://");
    check(&about,
          ALL "UNKNOWN: " THERE
              "Cannot check peer: missing selected ALPN property.",
          "no HTTP/2", "");
    check(&about, ALL "UNKNOWN: " THERE "Failed to create security handshaker",
          "TLS could not be set up", "cacert");
    assert_string_equal(explain(&about, ALL "UNKNOWN: " THERE "something new"),
                        "something new");
    about = plain();
    check(&about, ALL "INTERNAL: " THERE "Trying to connect an http1.x server",
          "no HTTP/2", "https://");
}

/** Goal: unusable files are reported with failures to connect, and only with
 * those. */
static void test_files(void **state)
{
    struct ll_explain about = tls();

    (void)state;
    about.files_trouble = "my.key is not the key";
    check(&about,
          ALL "UNKNOWN: " THERE
              "Failed to connect to remote host: Connection refused",
          "nothing listens", "not in use: my.key is not the key");
    assert_string_equal(explain(&about, "etcdserver: permission denied"),
                        "etcdserver: permission denied");
}

/** Goal: unknown texts are not changed, nor are texts truncated anywhere. */
static void test_unknown(void **state)
{
    static const char whole[] =
        ALL "UNKNOWN: " THERE
            "Failed to connect to remote host: Connection refused";
    const struct ll_explain about = plain();
    char raw[LL_STATUS_TEXT_SIZE];
    size_t i = 0;

    (void)state;
    assert_string_equal(explain(&about, ""), "");
    assert_string_equal(explain(&about, "etcdserver: leader changed"),
                        "etcdserver: leader changed");
    for (i = 0; i < sizeof(whole); i++) {
        (void)snprintf(raw, i + 1, "%s", whole);
        assert_true(strlen(explain(&about, raw)) < LL_STATUS_TEXT_SIZE);
    }
    (void)memset(raw, 'x', sizeof(raw) - 1);
    raw[sizeof(raw) - 1] = '\0';
    assert_string_equal(explain(&about, raw), raw);
}

/** Goal: etcd's answers remain recognizable as answers, with a remedy. Method:
 * the sentences of 3.4 and of 3.6, alone and within another text. */
static void test_answers(void **state)
{
    static const char *const cases[][2] = {
        {"etcdserver: mvcc: database space exceeded", "etcdctl alarm disarm"},
        {"rpc error: code = Unknown desc = etcdserver: mvcc: database space "
         "exceeded",
         "etcdctl defrag"},
        {"etcdserver: rpc not supported for learner", "voting member"},
        {"rpc not supported for learner", "voting member"},
        {"etcdserver: no leader", "cut off"},
        {"etcdserver: not capable", "of one version"},
        {"etcdserver: corrupt cluster", "etcdctl alarm list"},
    };
    const struct ll_explain about = plain();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(&about, cases[i][0], "etcdserver: ", cases[i][1]);
        assert_true(ll_explain_is_answer(explain(&about, cases[i][0])));
    }
    assert_true(ll_explain_is_answer("etcdserver: leader changed"));
    assert_false(ll_explain_is_answer("no answer in time"));
    assert_false(ll_explain_is_answer(
        explain(&about, ALL "UNKNOWN: " THERE "Failed to connect to remote "
                            "host: Connection refused")));
}

/** Goal: without a user the sentence is that etcd requires one. */
static void test_no_user(void **state)
{
    struct ll_explain about = plain();

    (void)state;
    check(&about, "etcdserver: user name is empty", "give user and password",
          "etcdserver: user name is empty");
    about.user = true;
    assert_string_equal(explain(&about, "etcdserver: user name is empty"),
                        "etcdserver: user name is empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transport), cmocka_unit_test(test_own_sentence),
        cmocka_unit_test(test_hangups),   cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_files),     cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_no_user),   cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
