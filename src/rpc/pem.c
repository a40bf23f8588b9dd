/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/read.h"

static int no_memory(struct leaselock_error *reterr)
{
    return ll_error_sentence(reterr, LEASELOCK_E_NOMEM, "out of memory");
}

static struct ll_pem_stamp stamp_of(const struct stat *status)
{
    return (struct ll_pem_stamp){
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = status->st_size,
        .modified = status->st_mtim,
        .changed = status->st_ctim,
    };
}

struct ll_pem_stamp ll_pem_stamp(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? stamp_of(&status)
                                    : (struct ll_pem_stamp){0};
}

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool ll_pem_stamp_equal(const struct ll_pem_stamp *a,
                        const struct ll_pem_stamp *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->size == b->size && time_equal(&a->modified, &b->modified) &&
           time_equal(&a->changed, &b->changed);
}

static int read_open(int fd,
                     const char *path,
                     char **ret_text,
                     struct ll_pem_stamp *ret_stamp,
                     struct leaselock_error *reterr)
{
    struct stat status;
    char *text = NULL;
    ssize_t size = 0;

    if (fstat(fd, &status) != 0) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "%.*s cannot be read: %s", LL_PEM_NAME_SHOWN,
                                 path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "%.*s is not a regular file",
                                 LL_PEM_NAME_SHOWN, path);
    }
    if (status.st_size > LL_PEM_SIZE_MAX) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "%.*s is larger than %d bytes",
                                 LL_PEM_NAME_SHOWN, path, LL_PEM_SIZE_MAX);
    }
    /* One byte more than its size, to detect that it grows. */
    text = ll_alloc_zero((size_t)status.st_size + 2, 1);
    if (text == NULL) {
        return no_memory(reterr);
    }
    size = ll_read_all(fd, text, (size_t)status.st_size + 1);
    if (size < 0) {
        int error = errno;

        ll_pem_free(text);
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "%.*s cannot be read: %s", LL_PEM_NAME_SHOWN,
                                 path, strerror(error));
    }
    text[size] = '\0';
    if (size != status.st_size || strlen(text) != (size_t)size) {
        explicit_bzero(text, (size_t)size);
        ll_free(text);
        return ll_error_sentence(
            reterr, LEASELOCK_E_ARGUMENT, "%.*s %s", LL_PEM_NAME_SHOWN, path,
            size != status.st_size ? "changes while it is read"
                                   : "is not PEM: it has NUL bytes");
    }
    *ret_text = text;
    *ret_stamp = stamp_of(&status);
    return 0;
}

int ll_pem_read(const char *path,
                char **ret_text,
                struct ll_pem_stamp *ret_stamp,
                struct leaselock_error *reterr)
{
    /* O_NONBLOCK, since opening a pipe would block. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int status = 0;

    if (fd < 0) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "%.*s cannot be opened: %s", LL_PEM_NAME_SHOWN,
                                 path, strerror(errno));
    }
    status = read_open(fd, path, ret_text, ret_stamp, reterr);
    (void)close(fd);
    return status;
}

void ll_pem_free(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        ll_free(text);
    }
}

/** Whether a reader of PEM stopped at the end of the text. */
static bool ended_well(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

static int add_roots(BIO *in,
                     X509_STORE *roots,
                     const char *path,
                     struct leaselock_error *reterr)
{
    X509 *one = NULL;
    int n = 0;

    while ((one = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL)) != NULL) {
        int added = X509_STORE_add_cert(roots, one);

        X509_free(one);
        if (added != 1) {
            return no_memory(reterr);
        }
        n++;
    }
    if (!ended_well()) {
        return ll_error_sentence(
            reterr, LEASELOCK_E_ARGUMENT,
            "%.*s has a certificate, number %d, that cannot "
            "be read",
            LL_PEM_NAME_SHOWN, path, n + 1);
    }
    return n > 0 ? 0
                 : ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                     "%.*s holds no certificate in PEM "
                                     "(-----BEGIN CERTIFICATE-----)",
                                     LL_PEM_NAME_SHOWN, path);
}

int ll_pem_parse_roots(const char *text,
                       const char *path,
                       X509_STORE **ret_roots,
                       struct leaselock_error *reterr)
{
    BIO *in = BIO_new_mem_buf(text, -1);
    X509_STORE *roots = X509_STORE_new();
    int status = LEASELOCK_E_NOMEM;

    ERR_clear_error();
    if (in == NULL || roots == NULL) {
        (void)no_memory(reterr);
    } else {
        status = add_roots(in, roots, path, reterr);
    }
    BIO_free(in);
    if (status == 0) {
        *ret_roots = roots;
    } else {
        X509_STORE_free(roots);
    }
    ERR_clear_error();
    return status;
}

/** Called for a passphrase, which cannot be entered. */
static int no_passphrase(char *text, int size, int writes, void *arg)
{
    (void)text;
    (void)size;
    (void)writes;
    *(bool *)arg = true;
    return -1;
}

static int read_key(const char *text,
                    const char *path,
                    EVP_PKEY **ret_key,
                    struct leaselock_error *reterr)
{
    BIO *in = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = NULL;
    bool asked = false;

    if (in == NULL) {
        return no_memory(reterr);
    }
    key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, &asked);
    BIO_free(in);
    if (key != NULL) {
        *ret_key = key;
        return 0;
    }
    if (asked) {
        return ll_error_sentence(
            reterr, LEASELOCK_E_ARGUMENT,
            "%.*s is encrypted, and a passphrase cannot be "
            "entered here",
            LL_PEM_NAME_SHOWN, path);
    }
    return ll_error_sentence(
        reterr, LEASELOCK_E_ARGUMENT,
        "%.*s holds no private key in PEM that can be read", LL_PEM_NAME_SHOWN,
        path);
}

/** OpenSSL's text for its newest error. */
static const char *newest_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason != NULL ? reason : "OpenSSL says no more";
}

/** Reads the certificate, then those of its chain; each must be readable. */
static int read_certs(const char *text,
                      const char *path,
                      SSL_CTX *context,
                      X509 **ret_leaf,
                      struct leaselock_error *reterr)
{
    BIO *in = BIO_new_mem_buf(text, -1);
    X509 *leaf = NULL;
    X509 *one = NULL;
    int n = 0;

    if (in == NULL) {
        return no_memory(reterr);
    }
    while ((one = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        n++;
        if (n == 1) {
            leaf = one;
        } else if (SSL_CTX_add0_chain_cert(context, one) != 1) {
            X509_free(one);
            break;
        }
    }
    BIO_free(in);
    if (leaf == NULL && ended_well()) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "%.*s holds no certificate in PEM "
                                 "(-----BEGIN CERTIFICATE-----)",
                                 LL_PEM_NAME_SHOWN, path);
    }
    if (!ended_well()) {
        X509_free(leaf);
        return ll_error_sentence(
            reterr, LEASELOCK_E_ARGUMENT,
            "%.*s has a certificate, number %d, that cannot "
            "be used: %s",
            LL_PEM_NAME_SHOWN, path, n + 1, newest_reason());
    }
    *ret_leaf = leaf;
    return 0;
}

static int check_pair(SSL_CTX *context,
                      X509 *leaf,
                      const char *cert_path,
                      EVP_PKEY *key,
                      const char *key_path,
                      struct leaselock_error *reterr)
{
    if (SSL_CTX_use_certificate(context, leaf) != 1) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "%.*s cannot be used: %s", LL_PEM_NAME_SHOWN,
                                 cert_path, newest_reason());
    }
    if (X509_check_private_key(leaf, key) != 1) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "%.*s is not the key of the certificate in "
                                 "%.*s",
                                 LL_PEM_NAME_SHOWN, key_path, LL_PEM_NAME_SHOWN,
                                 cert_path);
    }
    return SSL_CTX_use_PrivateKey(context, key) == 1
               ? 0
               : ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                   "%.*s cannot be used: %s", LL_PEM_NAME_SHOWN,
                                   key_path, newest_reason());
}

int ll_pem_check_pair(const char *cert_text,
                      const char *cert_path,
                      const char *key_text,
                      const char *key_path,
                      X509 **ret_leaf,
                      struct leaselock_error *reterr)
{
    SSL_CTX *context = NULL;
    EVP_PKEY *key = NULL;
    X509 *leaf = NULL;
    int status = 0;

    ERR_clear_error();
    /* The limits of a connection: those of the system's OpenSSL. */
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) {
        return no_memory(reterr);
    }
    status = read_certs(cert_text, cert_path, context, &leaf, reterr);
    ERR_clear_error();
    if (status == 0) {
        status = read_key(key_text, key_path, &key, reterr);
    }
    ERR_clear_error();
    if (status == 0) {
        status = check_pair(context, leaf, cert_path, key, key_path, reterr);
    }
    if (status == 0) {
        *ret_leaf = leaf;
    } else {
        X509_free(leaf);
    }
    EVP_PKEY_free(key);
    SSL_CTX_free(context);
    ERR_clear_error();
    return status;
}
