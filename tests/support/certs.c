/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests, made by the openssl command. */
#include "support/certs.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/process.h"

#define OPENSSL_TIMEOUT_MS 30000
#define ARGS_MAX 32
#define CONFIG_SIZE 2048
#define TIME_SIZE 32

static int remove_entry(const char *path,
                        const struct stat *status,
                        int kind,
                        struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

const char *test_certs_path(const struct test_certs *certs,
                            const char *file,
                            char path[TEST_CERTS_PATH_SIZE])
{
    int size =
        snprintf(path, TEST_CERTS_PATH_SIZE, "%s/%s", certs->folder, file);

    assert_in_range(size, 1, TEST_CERTS_PATH_SIZE - 1);
    return path;
}

/** "NAME" and ".crt" as a path. */
static const char *path_of(const struct test_certs *certs,
                           const char *name,
                           const char *end,
                           char path[TEST_CERTS_PATH_SIZE])
{
    char file[64];

    (void)snprintf(file, sizeof(file), "%s%s", name, end);
    return test_certs_path(certs, file, path);
}

void test_openssl(const char *arg, ...)
{
    const char *argv[ARGS_MAX + 1] = {"openssl"};
    struct test_process process = TEST_PROCESS_INIT;
    size_t n = 1;
    va_list args;

    va_start(args, arg);
    for (; arg != NULL; arg = va_arg(args, const char *)) {
        assert_in_range(n, 1, ARGS_MAX - 1);
        argv[n++] = arg;
    }
    va_end(args);
    assert_int_equal(test_process_start(&process, argv, NULL), 0);
    if (test_process_wait(&process, OPENSSL_TIMEOUT_MS) != 0) {
        fail_msg("openssl %s: %s", argv[1],
                 test_process_output(&process, TEST_STDERR));
    }
    test_process_end(&process);
}

void test_certs_write(struct test_certs *certs,
                      const char *file,
                      const char *text)
{
    char path[TEST_CERTS_PATH_SIZE];
    FILE *out = fopen(test_certs_path(certs, file, path), "we");

    assert_non_null(out);
    assert_int_not_equal(fputs(text, out), EOF);
    assert_int_equal(fclose(out), 0);
}

char *test_certs_read(const struct test_certs *certs, const char *file)
{
    char path[TEST_CERTS_PATH_SIZE];
    FILE *in = fopen(test_certs_path(certs, file, path), "re");
    struct stat status;
    char *text = NULL;

    assert_non_null(in);
    assert_int_equal(fstat(fileno(in), &status), 0);
    text = calloc(1, (size_t)status.st_size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)status.st_size, in),
                     status.st_size);
    (void)fclose(in);
    return text;
}

void test_certs_copy(struct test_certs *certs, const char *from, const char *to)
{
    char new_path[TEST_CERTS_PATH_SIZE];
    char path[TEST_CERTS_PATH_SIZE];
    char *text = test_certs_read(certs, from);

    test_certs_write(certs, "new", text);
    free(text);
    assert_int_equal(rename(test_certs_path(certs, "new", new_path),
                            test_certs_path(certs, to, path)),
                     0);
}

void test_certs_append(struct test_certs *certs,
                       const char *from,
                       const char *to)
{
    char path[TEST_CERTS_PATH_SIZE];
    char *text = test_certs_read(certs, from);
    FILE *out = fopen(test_certs_path(certs, to, path), "ae");

    assert_non_null(out);
    assert_int_not_equal(fputs(text, out), EOF);
    assert_int_equal(fclose(out), 0);
    free(text);
}

void test_certs_authority(struct test_certs *certs,
                          const char *name,
                          const char *calls_itself)
{
    char key[TEST_CERTS_PATH_SIZE];
    char crt[TEST_CERTS_PATH_SIZE];
    char subject[64];

    (void)snprintf(subject, sizeof(subject), "/CN=%s",
                   calls_itself != NULL ? calls_itself : name);
    test_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                 subject, "-keyout", path_of(certs, name, ".key", key), "-out",
                 path_of(certs, name, ".crt", crt), NULL);
}

static const char *clock_text(long from_now_s, char text[TIME_SIZE])
{
    time_t now = time(NULL) + from_now_s;
    struct tm broken;

    assert_non_null(gmtime_r(&now, &broken));
    assert_int_not_equal(strftime(text, TIME_SIZE, "%Y%m%d%H%M%SZ", &broken),
                         0);
    return text;
}

/** The configuration that `openssl ca` requires before it signs anything. */
static void write_config(struct test_certs *certs, const struct test_cert *cert)
{
    char text[CONFIG_SIZE];
    const char *names =
        cert->names != NULL ? cert->names : "IP:127.0.0.1,DNS:localhost";
    int size = snprintf(
        text, sizeof(text),
        "[ca]\ndefault_ca=it\n[it]\ndatabase=%s/index\nnew_certs_dir=%s\n"
        "rand_serial=yes\nunique_subject=no\ndefault_md=sha256\npolicy=any\n"
        "[any]\ncommonName=supplied\n[with]\n%s%s\n%s%s%s\n",
        certs->folder, certs->folder, names[0] != '\0' ? "subjectAltName=" : "",
        names, cert->is_authority ? "basicConstraints=CA:TRUE" : "",
        cert->is_authority ? "" : "extendedKeyUsage=",
        cert->is_authority    ? ""
        : (cert->use != NULL) ? cert->use
                              : "serverAuth,clientAuth");

    assert_in_range(size, 1, CONFIG_SIZE - 1);
    test_certs_write(certs, "config", text);
    test_certs_write(certs, "index", "");
}

void test_certs_issue(struct test_certs *certs,
                      const char *authority,
                      const char *name,
                      const struct test_cert *cert)
{
    static const struct test_cert defaults;
    char config[TEST_CERTS_PATH_SIZE];
    char ca_crt[TEST_CERTS_PATH_SIZE];
    char ca_key[TEST_CERTS_PATH_SIZE];
    char request[TEST_CERTS_PATH_SIZE];
    char key[TEST_CERTS_PATH_SIZE];
    char crt[TEST_CERTS_PATH_SIZE];
    char to[TEST_CERTS_PATH_SIZE];
    char starts[TIME_SIZE];
    char ends[TIME_SIZE];
    char subject[64];

    cert = cert != NULL ? cert : &defaults;
    (void)snprintf(subject, sizeof(subject), "/CN=%s", name);
    write_config(certs, cert);
    if (cert->key == NULL) {
        test_openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                     "-keyout", test_certs_path(certs, "new.key", key), "-out",
                     test_certs_path(certs, "request", request), NULL);
    } else {
        test_openssl("req", "-new", "-newkey", cert->key, "-nodes", "-subj",
                     subject, "-keyout", test_certs_path(certs, "new.key", key),
                     "-out", test_certs_path(certs, "request", request), NULL);
    }
    test_openssl(
        "ca", "-batch", "-notext", "-config",
        test_certs_path(certs, "config", config), "-extensions", "with",
        "-cert", path_of(certs, authority, ".crt", ca_crt), "-keyfile",
        path_of(certs, authority, ".key", ca_key), "-in", request, "-startdate",
        cert->starts != NULL ? cert->starts : clock_text(-3600, starts),
        "-enddate", cert->ends != NULL ? cert->ends : clock_text(86400, ends),
        "-out", test_certs_path(certs, "new.crt", crt), NULL);
    assert_int_equal(rename(key, path_of(certs, name, ".key", to)), 0);
    assert_int_equal(rename(crt, path_of(certs, name, ".crt", to)), 0);
}

void test_certs_open(struct test_certs *certs)
{
    const char *parent = getenv("TMPDIR");

    (void)snprintf(certs->folder, sizeof(certs->folder),
                   "%s/leaselock-certs-XXXXXX",
                   parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
    assert_non_null(mkdtemp(certs->folder));
    test_certs_authority(certs, "ca", NULL);
    test_certs_issue(certs, "ca", "server", NULL);
    test_certs_issue(certs, "ca", "client",
                     &(struct test_cert){.use = "clientAuth"});
}

void test_certs_close(struct test_certs *certs)
{
    if (certs->folder[0] != '\0') {
        (void)nftw(certs->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        certs->folder[0] = '\0';
    }
}

static void add_arg(struct test_certs_args *args, const char *name, char *value)
{
    size_t n = 0;
    int size = 0;

    while (args->argv[n] != NULL) {
        n++;
    }
    assert_in_range(n, 0, TEST_CERTS_ARGS_MAX - 1);
    size = snprintf(args->texts[n], TEST_CERTS_ARG_SIZE, "%s%s", name, value);
    assert_in_range(size, 1, TEST_CERTS_ARG_SIZE - 1);
    args->argv[n] = args->texts[n];
}

void test_certs_args(const struct test_certs *certs,
                     const char *server,
                     const char *ca,
                     struct test_certs_args *ret_args)
{
    char path[TEST_CERTS_PATH_SIZE];

    (void)memset(ret_args, 0, sizeof(*ret_args));
    (void)path_of(certs, server, ".crt", path);
    add_arg(ret_args, "--cert-file=", path);
    (void)path_of(certs, server, ".key", path);
    add_arg(ret_args, "--key-file=", path);
    if (ca != NULL) {
        (void)path_of(certs, ca, ".crt", path);
        add_arg(ret_args, "--trusted-ca-file=", path);
        add_arg(ret_args, "--client-cert-auth", (char[]){""});
    }
}

void test_certs_etcd(const struct test_certs *certs,
                     const char *server,
                     const char *ca,
                     struct test_certs_args *ret_args,
                     struct test_etcd *ret_etcd)
{
    struct test_etcd_options options = {.tls = true};

    test_certs_args(certs, server, ca, ret_args);
    options.args = ret_args->argv;
    assert_int_equal(test_etcd_start_with(ret_etcd, &options), 0);
}
