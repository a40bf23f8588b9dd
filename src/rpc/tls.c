/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/tls.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "rpc/tls_files.h"
#include "rpc/verify.h"

struct ll_tls {
    struct ll_tls_files files;
    const char *server_name; /* NULL: the endpoint's host */
};

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

bool ll_tls_is_wanted(const struct ll_tls_config *config)
{
    return config->wanted || is_set(config->cacert) || is_set(config->cert) ||
           is_set(config->key);
}

int ll_tls_new(const struct ll_tls_config *config,
               struct ll_tls **ret_tls,
               struct leaselock_error *reterr)
{
    struct ll_tls *tls = ll_alloc_zero(1, sizeof(*tls));
    int status;

    if (tls == NULL) {
        return ll_error_sentence(reterr, LEASELOCK_E_NOMEM, "out of memory");
    }
    tls->server_name = is_set(config->server_name) ? config->server_name : NULL;
    status = ll_tls_files_read(&tls->files, config, reterr);
    if (status != 0) {
        ll_free(tls);
        return status;
    }
    *ret_tls = tls;
    return 0;
}

void ll_tls_free(struct ll_tls *tls)
{
    if (tls != NULL) {
        ll_tls_files_free(&tls->files);
        ll_free(tls);
    }
}

void ll_tls_refresh(struct ll_tls *tls, int64_t now_ns)
{
    ll_tls_files_refresh(&tls->files, now_ns);
}

unsigned ll_tls_generation(const struct ll_tls *tls)
{
    return tls->files.generation;
}

/** Passes the files' contents to gRPC, which copies them. */
static void add_material(const struct ll_tls_material *material,
                         grpc_tls_credentials_options *options)
{
    grpc_tls_identity_pairs *pairs = NULL;
    grpc_tls_certificate_provider *provider = NULL;

    if (material->roots_pem == NULL && material->cert_pem == NULL) {
        return;
    }
    if (material->cert_pem != NULL) {
        pairs = grpc_tls_identity_pairs_create();
        grpc_tls_identity_pairs_add_pair(pairs, material->key_pem,
                                         material->cert_pem);
    }
    provider = grpc_tls_certificate_provider_static_data_create(
        material->roots_pem, pairs);
    grpc_tls_credentials_options_set_certificate_provider(options, provider);
    grpc_tls_certificate_provider_release(provider);
    if (material->roots_pem != NULL) {
        grpc_tls_credentials_options_watch_root_certs(options);
    }
    if (material->cert_pem != NULL) {
        grpc_tls_credentials_options_watch_identity_key_cert_pairs(options);
    }
}

grpc_channel_credentials *ll_tls_credentials(struct ll_tls *tls,
                                             const char *host,
                                             struct ll_tls_peer **ret_peer)
{
    struct ll_tls_peer *peer =
        ll_tls_peer_new(tls->files.material.roots, tls->files.cacert,
                        tls->server_name != NULL ? tls->server_name : host);
    grpc_tls_credentials_options *options = NULL;
    grpc_tls_certificate_verifier *verifier = NULL;
    grpc_channel_credentials *credentials = NULL;

    if (peer == NULL) {
        return NULL;
    }
    options = grpc_tls_credentials_options_create();
    /* The verifier checks all of this, and each call is to its channel's one
     * host. */
    grpc_tls_credentials_options_set_verify_server_cert(options, 0);
    grpc_tls_credentials_options_set_check_call_host(options, 0);
    verifier = ll_tls_peer_verifier(peer);
    grpc_tls_credentials_options_set_certificate_verifier(options, verifier);
    grpc_tls_certificate_verifier_release(verifier);
    add_material(&tls->files.material, options);
    credentials = grpc_tls_credentials_create(options);
    if (credentials == NULL) {
        ll_tls_peer_put(peer);
        return NULL;
    }
    *ret_peer = peer;
    return credentials;
}

const char *ll_tls_cert(const struct ll_tls *tls)
{
    return tls->files.cert;
}

void ll_tls_cert_trouble(const struct ll_tls *tls, char text[64])
{
    const X509 *cert = tls->files.material.cert;
    char when[32];

    text[0] = '\0';
    if (cert == NULL) {
        return;
    }
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
        ll_verify_print_time(X509_get0_notAfter(cert), when);
        (void)snprintf(text, 64, "expired on %s", when);
    } else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
        ll_verify_print_time(X509_get0_notBefore(cert), when);
        (void)snprintf(text, 64, "is not valid before %s", when);
    }
}

const char *ll_tls_trouble(const struct ll_tls *tls)
{
    return tls->files.trouble.message;
}
