/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a server's certificate, without a server: it refuses every
 * invalid one, including those that should never occur. Tests with etcd's
 * certificates are in live/test_tls.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/pem.h"
#include "rpc/verify.h"
#include "support/certs.h"

static struct test_certs certs;
static X509_STORE *roots;
static char *leaf;

/** Checks a leaf; there must be a sentence exactly if it is refused. */
static bool check(const char *name, const char *pem, const char *chain)
{
    const struct ll_verify with = {roots, "ca.crt", name};
    char text[LL_VERIFY_TEXT_SIZE] = "untouched";
    bool trusted = ll_verify_server(&with, pem, chain, text);

    assert_int_equal(text[0] == '\0', trusted);
    assert_string_not_equal(text, "untouched");
    return trusted;
}

/** Goal: a valid certificate is accepted, with a chain and without, by each of
 * its names. */
static void test_trusted(void **state)
{
    (void)state;
    assert_true(check("127.0.0.1", leaf, leaf));
    assert_true(check("127.0.0.1", leaf, NULL));
    assert_true(check("127.0.0.1", leaf, ""));
    assert_true(check("localhost", leaf, leaf));
    assert_true(check("LOCALHOST", leaf, leaf));
}

/** Goal: with an invalid name no certificate is accepted: for OpenSSL an empty
 * name matches any, and one with a leading dot all below. */
static void test_names(void **state)
{
    static const char *const names[] = {
        "",           ".",           ".localhost",
        "*",          "*.localhost", "localhost.",
        "localhos",   "xlocalhost",  "127.0.0.2",
        "127.0.0.1.", "127.1",       "::ffff:127.0.0.1",
        "::1",        "server"};
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (check(names[i], leaf, leaf)) {
            fail_msg("\"%s\" passed", names[i]);
        }
    }
    assert_false(check(NULL, leaf, leaf));
}

/** Goal: a leaf that is missing or truncated anywhere is refused, and so is a
 * chain that is incomplete or too long. */
static void test_garbage(void **state)
{
    size_t size = strlen(leaf);
    char *text = calloc(LL_VERIFY_CHAIN_MAX + 2, size + 1);
    size_t i = 0;

    (void)state;
    assert_non_null(text);
    assert_false(check("127.0.0.1", NULL, NULL));
    assert_false(check("127.0.0.1", NULL, leaf));
    assert_false(check("127.0.0.1", "", leaf));
    assert_false(check("127.0.0.1", "nothing", leaf));
    /* The last byte is a line's end. */
    for (i = 0; i + 2 < size; i += 7) {
        (void)memcpy(text, leaf, i);
        text[i] = '\0';
        assert_false(check("127.0.0.1", text, leaf));
    }
    for (i = size / 4; i < size / 2; i += 7) {
        (void)memcpy(text, leaf, size);
        text[size] = '\0';
        text[i] = text[i] == 'A' ? 'B' : 'A';
        assert_false(check("127.0.0.1", text, leaf));
        assert_false(check("127.0.0.1", leaf, "-----BEGIN CERTIFICATE-----\n"));
    }
    for (i = 0; i <= LL_VERIFY_CHAIN_MAX; i++) {
        (void)memcpy(text + i * size, leaf, size);
        text[(i + 1) * size] = '\0';
        assert_int_equal(check("127.0.0.1", leaf, text),
                         i < LL_VERIFY_CHAIN_MAX);
    }
    free(text);
}

/** Goal: without an authority no certificate is trusted, even if the server
 * sends its own root. */
static void test_no_authority(void **state)
{
    X509_STORE *kept = roots;
    char *other;
    char *chain;

    (void)state;
    test_certs_authority(&certs, "other", NULL);
    test_certs_issue(&certs, "other", "stranger", NULL);
    other = test_certs_read(&certs, "other.crt");
    chain = test_certs_read(&certs, "stranger.crt");
    assert_false(check("127.0.0.1", chain, other));
    roots = X509_STORE_new();
    assert_non_null(roots);
    assert_false(check("127.0.0.1", leaf, leaf));
    assert_false(check("127.0.0.1", other, other));
    X509_STORE_free(roots);
    roots = kept;
    free(other);
    free(chain);
}

/** Goal: names from a certificate, which may be hostile, put no control
 * characters into a message, and do not exceed its size. */
static void test_hostile_names(void **state)
{
    const struct ll_verify with = {roots, "ca.crt", "127.0.0.1"};
    char text[LL_VERIFY_TEXT_SIZE];
    char names[1000] = "";
    char *pem;
    size_t i = 0;

    (void)state;
    for (i = 0; i < 20; i++) {
        (void)strcat(names, i > 0 ? ",DNS:\x1b[31mevil.example.of.some.length"
                                  : "DNS:\x1b[31mevil.example");
    }
    test_certs_issue(&certs, "ca", "hostile",
                     &(struct test_cert){.names = names});
    pem = test_certs_read(&certs, "hostile.crt");
    assert_false(ll_verify_server(&with, pem, NULL, text));
    assert_non_null(strstr(text, "not for 127.0.0.1 but for ?[31mevil"));
    assert_non_null(strstr(text, "...: connect by such a name"));
    for (i = 0; text[i] != '\0'; i++) {
        assert_in_range(text[i], ' ', '~');
    }
    free(pem);
}

static int set_up(void **state)
{
    char *text = NULL;

    (void)state;
    test_certs_open(&certs);
    text = test_certs_read(&certs, "ca.crt");
    leaf = test_certs_read(&certs, "server.crt");
    assert_int_equal(ll_pem_parse_roots(text, "ca.crt", &roots, NULL), 0);
    free(text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    X509_STORE_free(roots);
    free(leaf);
    test_certs_close(&certs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trusted),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_no_authority),
        cmocka_unit_test(test_hostile_names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
