/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_CERTS_H
#define TEST_SUPPORT_CERTS_H

#include <stddef.h>

#include "support/etcd.h"

#define TEST_CERTS_PATH_SIZE 256
#define TEST_CERTS_ARG_SIZE 320
#define TEST_CERTS_ARGS_MAX 8

/** Certificates and keys made by the openssl command, in a temporary folder.
 *  Functions without a status fail the test themselves. */
struct test_certs {
    char folder[TEST_CERTS_PATH_SIZE];
};

/** The properties of a certificate; NULL is the default of each. */
struct test_cert {
    /** Default "IP:127.0.0.1,DNS:localhost"; "" for none. */
    const char *names;
    /** Default "serverAuth,clientAuth". */
    const char *use;
    /** As 20260131235959Z; default an hour ago and tomorrow. */
    const char *starts;
    const char *ends;
    /** As openssl's -newkey; default "ec". */
    const char *key;
    /** Whether it is an authority. */
    int is_authority;
};

/** Runs openssl with arguments, a NULL at the end. */
void test_openssl(const char *arg, ...) __attribute__((sentinel));

/** Makes the folder, with an authority called "ca" in it, which has signed
 *  "server" and "client". */
void test_certs_open(struct test_certs *certs);

/** Removes the folder; also good for all zero. */
void test_certs_close(struct test_certs *certs);

/** The path of a file there, such as "ca.crt" or "server.key". */
const char *test_certs_path(const struct test_certs *certs,
                            const char *file,
                            char path[TEST_CERTS_PATH_SIZE]);

/** Makes an authority that has signed itself: NAME.crt and NAME.key.
 *
 *  @param calls_itself  its common name; NULL: as the files */
void test_certs_authority(struct test_certs *certs,
                          const char *name,
                          const char *calls_itself);

/** Makes NAME.crt, signed by an authority, and NAME.key. Files that exist
 * already are replaced atomically. */
void test_certs_issue(struct test_certs *certs,
                      const char *authority,
                      const char *name,
                      const struct test_cert *cert);

/** Writes a file there and replaces the old one. */
void test_certs_write(struct test_certs *certs,
                      const char *file,
                      const char *text);

/** Replaces one file by a copy of another, atomically. */
void test_certs_copy(struct test_certs *certs,
                     const char *from,
                     const char *to);

/** Appends one file's content to another. */
void test_certs_append(struct test_certs *certs,
                       const char *from,
                       const char *to);

/** A file's content; the caller frees it. */
char *test_certs_read(const struct test_certs *certs, const char *file);

/** etcd's arguments for TLS with these certificates. */
struct test_certs_args {
    char texts[TEST_CERTS_ARGS_MAX][TEST_CERTS_ARG_SIZE];
    const char *argv[TEST_CERTS_ARGS_MAX + 1];
};

/**
 * @param server  the certificate that etcd presents: "server" for server.crt
 * @param ca      the authority that clients' certificates must be from, or
 *                NULL: none is required
 */
void test_certs_args(const struct test_certs *certs,
                     const char *server,
                     const char *ca,
                     struct test_certs_args *ret_args);

/** Starts an etcd with TLS, and with a client certificate for etcdctl; ret_args
 * must live as long as that etcd. */
void test_certs_etcd(const struct test_certs *certs,
                     const char *server,
                     const char *ca,
                     struct test_certs_args *ret_args,
                     struct test_etcd *ret_etcd);

#endif
