/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/tls_files.h"

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"

static const char *set_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static void material_free(struct ll_tls_material *material)
{
    X509_STORE_free(material->roots);
    X509_free(material->cert);
    ll_pem_free(material->roots_pem);
    ll_pem_free(material->cert_pem);
    ll_pem_free(material->key_pem);
    *material = (struct ll_tls_material){.roots = NULL};
}

/** The certificates that the machine trusts; OpenSSL has their place compiled
 *  in, unless SSL_CERT_FILE and SSL_CERT_DIR are set. */
static int system_roots(X509_STORE **ret_roots, struct leaselock_error *reterr)
{
    X509_STORE *roots = X509_STORE_new();

    if (roots == NULL || X509_STORE_set_default_paths(roots) != 1) {
        X509_STORE_free(roots);
        return ll_error_sentence(
            reterr, LEASELOCK_E_SYSTEM,
            "the system's certificates cannot be read; give etcd's "
            "CA file (cacert)");
    }
    *ret_roots = roots;
    return 0;
}

static int material_read(const struct ll_tls_files *files,
                         struct ll_tls_material *ret_material,
                         struct leaselock_error *reterr)
{
    struct ll_tls_material material = {.roots = NULL};
    int status = 0;

    if (files->cacert == NULL) {
        status = system_roots(&material.roots, reterr);
    } else {
        status = ll_pem_read(files->cacert, &material.roots_pem,
                             &material.stamps[0], reterr);
        if (status == 0) {
            status = ll_pem_parse_roots(material.roots_pem, files->cacert,
                                        &material.roots, reterr);
        }
    }
    if (status == 0 && files->cert != NULL) {
        status = ll_pem_read(files->cert, &material.cert_pem,
                             &material.stamps[1], reterr);
    }
    if (status == 0 && files->cert != NULL) {
        status = ll_pem_read(files->key, &material.key_pem, &material.stamps[2],
                             reterr);
    }
    if (status == 0 && files->cert != NULL) {
        status =
            ll_pem_check_pair(material.cert_pem, files->cert, material.key_pem,
                              files->key, &material.cert, reterr);
    }
    if (status != 0) {
        material_free(&material);
        return status;
    }
    *ret_material = material;
    return 0;
}

int ll_tls_files_read(struct ll_tls_files *files,
                      const struct ll_tls_config *config,
                      struct leaselock_error *reterr)
{
    int status;

    *files = (struct ll_tls_files){
        .cacert = set_or_null(config->cacert),
        .cert = set_or_null(config->cert),
        .key = set_or_null(config->key),
    };
    if ((files->cert != NULL) != (files->key != NULL)) {
        return ll_error_sentence(
            reterr, LEASELOCK_E_ARGUMENT, "%s",
            files->cert != NULL
                ? "a client's certificate (cert) needs its key (key)"
                : "a client's key (key) needs its certificate (cert)");
    }
    status = material_read(files, &files->material, reterr);
    files->looked_ns = ll_clock_now_ns();
    return status;
}

void ll_tls_files_free(struct ll_tls_files *files)
{
    material_free(&files->material);
}

static bool is_changed(const char *path, const struct ll_pem_stamp *read)
{
    struct ll_pem_stamp now;

    if (path == NULL) {
        return false;
    }
    now = ll_pem_stamp(path);
    return !ll_pem_stamp_equal(&now, read);
}

void ll_tls_files_refresh(struct ll_tls_files *files, int64_t now_ns)
{
    struct ll_tls_material fresh = {.roots = NULL};

    if (now_ns - files->looked_ns < LL_TLS_LOOK_NS) {
        return;
    }
    files->looked_ns = now_ns;
    if (!is_changed(files->cacert, &files->material.stamps[0]) &&
        !is_changed(files->cert, &files->material.stamps[1]) &&
        !is_changed(files->key, &files->material.stamps[2])) {
        files->trouble.message[0] = '\0';
        return;
    }
    /* The old stamps stay until all files are valid, so that the next check
     * reads them again. */
    if (material_read(files, &fresh, &files->trouble) != 0) {
        return;
    }
    material_free(&files->material);
    files->material = fresh;
    files->generation++;
    files->trouble.message[0] = '\0';
}
