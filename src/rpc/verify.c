/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/verify.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/** Keys and signatures of less than 112 bits are refused, as in TLS itself with
 *  Debian's OpenSSL. */
#define LL_VERIFY_SECURITY_LEVEL 2

/** How many bytes of a name from a certificate are shown. */
#define LL_VERIFY_NAME_SIZE 64
#define LL_VERIFY_NAMES_SIZE 120
#define LL_VERIFY_FILE_SHOWN 80

void ll_verify_print_time(const ASN1_TIME *time, char text[32])
{
    struct tm broken;

    if (time == NULL || ASN1_TIME_to_tm(time, &broken) != 1 ||
        strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &broken) == 0) {
        (void)snprintf(text, 32, "?");
    }
}

/** Prints a subject or issuer; bytes other than plain ASCII are escaped. */
static void print_name(const X509_NAME *name, char text[LL_VERIFY_NAME_SIZE])
{
    BIO *out = BIO_new(BIO_s_mem());
    int size = 0;

    if (out != NULL && name != NULL &&
        X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) > 0) {
        size = BIO_read(out, text, LL_VERIFY_NAME_SIZE - 1);
    }
    text[size > 0 ? size : 0] = '\0';
    BIO_free(out);
    if (text[0] == '\0') {
        (void)snprintf(text, LL_VERIFY_NAME_SIZE, "?");
    }
}

/** One of the names that a certificate is for; "" for a kind that is not a
 *  server's name. */
static void
print_alternative(const GENERAL_NAME *name, char *text, size_t text_size)
{
    int kind = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    const unsigned char *data = NULL;
    size_t size = 0;
    size_t i = 0;

    text[0] = '\0';
    if (value == NULL || (kind != GEN_DNS && kind != GEN_IPADD)) {
        return;
    }
    data = ASN1_STRING_get0_data(value);
    size = (size_t)ASN1_STRING_length(value);
    if (kind == GEN_IPADD) {
        if (size != 4 && size != 16) {
            return;
        }
        if (inet_ntop(size == 4 ? AF_INET : AF_INET6, data, text,
                      (socklen_t)text_size) == NULL) {
            text[0] = '\0';
        }
        return;
    }
    for (i = 0; i < size && i + 1 < text_size; i++) {
        text[i] = '?';
        if (data[i] > ' ' && data[i] < 0x7f) {
            text[i] = (char)data[i];
        }
    }
    text[i] = '\0';
}

static void print_alternatives(const X509 *leaf,
                               char text[LL_VERIFY_NAMES_SIZE])
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    size_t at = 0;
    int i = 0;

    text[0] = '\0';
    for (i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        char one[LL_VERIFY_NAME_SIZE];

        print_alternative(sk_GENERAL_NAME_value(names, i), one, sizeof(one));
        if (one[0] == '\0') {
            continue;
        }
        if (at + strlen(one) + sizeof(", ...") > LL_VERIFY_NAMES_SIZE) {
            (void)snprintf(text + at, LL_VERIFY_NAMES_SIZE - at, " ...");
            break;
        }
        at += (size_t)snprintf(text + at, LL_VERIFY_NAMES_SIZE - at, "%s%s",
                               at > 0 ? ", " : "", one);
    }
    GENERAL_NAMES_free(names);
    if (text[0] == '\0') {
        (void)snprintf(text, LL_VERIFY_NAMES_SIZE, "no name at all");
    }
}

__attribute__((format(printf, 2, 3))) static bool
refuse(char text[LL_VERIFY_TEXT_SIZE], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, LL_VERIFY_TEXT_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

/** "etcd's certificate", or the name of the authority it belongs to. */
static void print_whose(X509_STORE_CTX *context, char *text, size_t size)
{
    const X509 *bad = X509_STORE_CTX_get_current_cert(context);
    char subject[LL_VERIFY_NAME_SIZE];

    if (X509_STORE_CTX_get_error_depth(context) == 0 || bad == NULL) {
        (void)snprintf(text, size, "etcd's certificate");
        return;
    }
    print_name(X509_get_subject_name(bad), subject);
    (void)snprintf(text, size, "the certificate of the authority %s", subject);
}

static void explain_untrusted(const struct ll_verify *with,
                              const X509 *leaf,
                              char text[LL_VERIFY_TEXT_SIZE])
{
    char issuer[LL_VERIFY_NAME_SIZE];

    print_name(X509_get_issuer_name(leaf), issuer);
    if (with->roots_file != NULL) {
        (void)refuse(text,
                     "etcd's certificate, issued by %s, leads to no authority "
                     "in %.*s: the right CA file is wanted, and from etcd its "
                     "whole chain",
                     issuer, LL_VERIFY_FILE_SHOWN, with->roots_file);
    } else {
        (void)refuse(text,
                     "etcd's certificate, issued by %s, leads to no authority "
                     "that this system trusts: give its CA file (cacert)",
                     issuer);
    }
}

/** Turns the error of X509_verify_cert into a sentence with advice. */
static void explain(const struct ll_verify *with,
                    X509_STORE_CTX *context,
                    const X509 *leaf,
                    char text[LL_VERIFY_TEXT_SIZE])
{
    const X509 *bad = X509_STORE_CTX_get_current_cert(context);
    int error = X509_STORE_CTX_get_error(context);
    char whose[LL_VERIFY_NAME_SIZE + 48];
    char names[LL_VERIFY_NAMES_SIZE];
    char when[32];

    print_whose(context, whose, sizeof(whose));
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        explain_untrusted(with, leaf, text);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        ll_verify_print_time(bad != NULL ? X509_get0_notAfter(bad) : NULL,
                             when);
        (void)refuse(text,
                     "%s expired on %s: it has to be renewed, unless this "
                     "machine's clock is wrong",
                     whose, when);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        ll_verify_print_time(bad != NULL ? X509_get0_notBefore(bad) : NULL,
                             when);
        (void)refuse(text,
                     "%s is not valid before %s: this machine's clock is "
                     "wrong, or the certificate is",
                     whose, when);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        print_alternatives(leaf, names);
        (void)refuse(text,
                     "etcd's certificate is not for %.*s but for %s: connect "
                     "by such a name, or give it as server_name",
                     LL_VERIFY_NAME_SIZE, with->name, names);
        break;
    case X509_V_ERR_INVALID_PURPOSE:
        (void)refuse(text,
                     "%s is not made for a server (extendedKeyUsage): "
                     "etcd needs another one",
                     whose);
        break;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        (void)refuse(text,
                     "%s has a key or signature that is too weak (%s): it has "
                     "to be made anew",
                     whose, X509_verify_cert_error_string(error));
        break;
    default:
        (void)refuse(text, "%s is not trusted: %s", whose,
                     X509_verify_cert_error_string(error));
        break;
    }
}

/** Reads the server's chain; false: not PEM, too many, or no memory. */
static bool read_chain(const char *pem, STACK_OF(X509) * chain)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    X509 *one = NULL;
    bool whole = false;

    if (in == NULL) {
        return false;
    }
    while ((one = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_num(chain) >= LL_VERIFY_CHAIN_MAX ||
            sk_X509_push(chain, one) <= 0) {
            X509_free(one);
            BIO_free(in);
            return false;
        }
    }
    /* At the end of the text, PEM's reader fails with this error. */
    whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(in);
    return whole;
}

static X509 *read_leaf(const char *pem)
{
    BIO *in = pem != NULL ? BIO_new_mem_buf(pem, -1) : NULL;
    X509 *leaf = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

    BIO_free(in);
    return leaf;
}

/** OpenSSL interprets an empty name as "any", and a leading dot as "any name
 *  below": neither is a name here. */
static bool is_name(const char *name)
{
    return name != NULL && name[0] != '\0' && name[0] != '.';
}

static bool is_address(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, address) == 1 ||
           inet_pton(AF_INET6, name, address) == 1;
}

/** Sets the requirements on a certificate; false: failed. */
static bool demand(X509_STORE_CTX *context, const char *name)
{
    X509_VERIFY_PARAM *wants = X509_STORE_CTX_get0_param(context);

    if (wants == NULL || !is_name(name) ||
        X509_STORE_CTX_set_default(context, "ssl_server") != 1) {
        return false;
    }
    /* An intermediate authority may be trusted itself, as in etcd's own
     * client. */
    if (X509_VERIFY_PARAM_set_flags(wants, X509_V_FLAG_PARTIAL_CHAIN |
                                               X509_V_FLAG_TRUSTED_FIRST) !=
        1) {
        return false;
    }
    X509_VERIFY_PARAM_set_auth_level(wants, LL_VERIFY_SECURITY_LEVEL);
    X509_VERIFY_PARAM_set_hostflags(wants,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(wants, name) == 1
                            : X509_VERIFY_PARAM_set1_host(wants, name, 0) == 1;
}

/** Checks the name again, independently of X509_verify_cert's parameters: if
 *  they had no name, every certificate would pass. */
static bool names_server(X509 *leaf, const char *name)
{
    const unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                           X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

    return is_address(name) ? X509_check_ip_asc(leaf, name, 0) == 1
                            : X509_check_host(leaf, name, 0, flags, NULL) == 1;
}

bool ll_verify_server(const struct ll_verify *with,
                      const char *leaf_pem,
                      const char *chain_pem,
                      char text[LL_VERIFY_TEXT_SIZE])
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509 *leaf = NULL;
    bool trusted = false;

    ERR_clear_error(); /* the thread is gRPC's, with errors of its own */
    (void)refuse(text, "etcd's certificate could not be checked");
    leaf = read_leaf(leaf_pem);
    if (leaf == NULL || chain == NULL || context == NULL) {
        goto out;
    }
    if (chain_pem != NULL && !read_chain(chain_pem, chain)) {
        (void)refuse(text,
                     "etcd's chain of certificates cannot be read, or "
                     "has more than %d",
                     LL_VERIFY_CHAIN_MAX);
        goto out;
    }
    if (X509_STORE_CTX_init(context, with->roots, leaf, chain) != 1 ||
        !demand(context, with->name)) {
        goto out;
    }
    if (X509_verify_cert(context) != 1) {
        explain(with, context, leaf, text);
        goto out;
    }
    if (X509_STORE_CTX_get_error(context) != X509_V_OK ||
        !names_server(leaf, with->name)) {
        goto out;
    }
    text[0] = '\0';
    trusted = true;
out:
    X509_STORE_CTX_free(context);
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return trusted;
}
