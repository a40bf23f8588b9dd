#include "rpc/tls.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <grpc/support/alloc.h>
#include <grpc/support/string_util.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "rpc/pem.h"

/** What was read from the files at one time. */
struct material {
    X509_STORE *roots;
    char *roots_pem; /* NULL: the system's */
    char *cert_pem;  /* NULL: none */
    char *key_pem;
    X509 *cert;
    struct ll_pem_stamp stamps[3];
};

struct ll_tls {
    const char *cacert; /* NULL: the system's */
    const char *cert;   /* NULL: none */
    const char *key;
    const char *server_name; /* NULL: the endpoint's host */
    struct material material;
    unsigned generation;
    int64_t looked_ns;
    struct leaselock_error trouble; /* why changed files are not in use */
};

struct ll_tls_peer {
    grpc_tls_certificate_verifier_external verifier;
    unsigned refs;
    X509_STORE *roots;
    char *roots_file; /* NULL: the system's */
    char *name;
    int64_t verified_ns; /* when a handshake was good; 0: none yet */
};

/** gRPC's threads check certificates: what they and the owner share crosses
 *  threads under this mutex, and not by gRPC's own ones (threading.md, 7). A
 *  handshake is rare and this is held for a moment. */
static pthread_mutex_t peers_mutex = PTHREAD_MUTEX_INITIALIZER;

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

bool ll_tls_is_wanted(const struct leaselock_client_options *options)
{
    return options->tls != 0 || is_set(options->cacert) ||
           is_set(options->cert) || is_set(options->key);
}

static void material_free(struct material *material)
{
    X509_STORE_free(material->roots);
    X509_free(material->cert);
    ll_pem_free(material->roots_pem);
    ll_pem_free(material->cert_pem);
    ll_pem_free(material->key_pem);
    *material = (struct material){.roots = NULL};
}

/** The certificates that the machine trusts; where they are is compiled into
 *  OpenSSL, or said by SSL_CERT_FILE and SSL_CERT_DIR. */
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

static int material_read(const struct ll_tls *tls,
                         struct material *ret_material,
                         struct leaselock_error *reterr)
{
    struct material material = {.roots = NULL};
    int status = 0;

    if (tls->cacert == NULL) {
        status = system_roots(&material.roots, reterr);
    } else {
        status = ll_pem_read(tls->cacert, &material.roots_pem,
                             &material.stamps[0], reterr);
        if (status == 0) {
            status = ll_pem_parse_roots(material.roots_pem, tls->cacert,
                                        &material.roots, reterr);
        }
    }
    if (status == 0 && tls->cert != NULL) {
        status = ll_pem_read(tls->cert, &material.cert_pem, &material.stamps[1],
                             reterr);
    }
    if (status == 0 && tls->cert != NULL) {
        status = ll_pem_read(tls->key, &material.key_pem, &material.stamps[2],
                             reterr);
    }
    if (status == 0 && tls->cert != NULL) {
        status =
            ll_pem_check_pair(material.cert_pem, tls->cert, material.key_pem,
                              tls->key, &material.cert, reterr);
    }
    if (status != 0) {
        material_free(&material);
        return status;
    }
    *ret_material = material;
    return 0;
}

int ll_tls_new(const struct leaselock_client_options *options,
               struct ll_tls **ret_tls,
               struct leaselock_error *reterr)
{
    struct ll_tls *tls = NULL;
    int status = 0;

    if (is_set(options->cert) != is_set(options->key)) {
        return ll_error_sentence(
            reterr, LEASELOCK_E_ARGUMENT, "%s",
            is_set(options->cert)
                ? "a client's certificate (cert) needs its key (key)"
                : "a client's key (key) needs its certificate (cert)");
    }
    tls = ll_alloc_zero(1, sizeof(*tls));
    if (tls == NULL) {
        return ll_error_sentence(reterr, LEASELOCK_E_NOMEM, "out of memory");
    }
    tls->cacert = is_set(options->cacert) ? options->cacert : NULL;
    tls->cert = is_set(options->cert) ? options->cert : NULL;
    tls->key = is_set(options->key) ? options->key : NULL;
    tls->server_name =
        is_set(options->server_name) ? options->server_name : NULL;
    status = material_read(tls, &tls->material, reterr);
    if (status != 0) {
        ll_free(tls);
        return status;
    }
    tls->looked_ns = ll_clock_now_ns();
    *ret_tls = tls;
    return 0;
}

void ll_tls_free(struct ll_tls *tls)
{
    if (tls != NULL) {
        material_free(&tls->material);
        ll_free(tls);
    }
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

void ll_tls_refresh(struct ll_tls *tls, int64_t now_ns)
{
    struct material fresh = {.roots = NULL};

    if (now_ns - tls->looked_ns < LL_TLS_LOOK_NS) {
        return;
    }
    tls->looked_ns = now_ns;
    if (!is_changed(tls->cacert, &tls->material.stamps[0]) &&
        !is_changed(tls->cert, &tls->material.stamps[1]) &&
        !is_changed(tls->key, &tls->material.stamps[2])) {
        tls->trouble.message[0] = '\0';
        return;
    }
    /* The stamps stay the old ones until all is good, so that it is tried
     * again at the next look. */
    if (material_read(tls, &fresh, &tls->trouble) != 0) {
        return;
    }
    material_free(&tls->material);
    tls->material = fresh;
    tls->generation++;
    tls->trouble.message[0] = '\0';
}

unsigned ll_tls_generation(const struct ll_tls *tls)
{
    return tls->generation;
}

/** gRPC's question whether a server is to be trusted; on its thread. */
static int on_verify(void *user_data,
                     grpc_tls_custom_verification_check_request *request,
                     grpc_tls_on_custom_verification_check_done_cb callback,
                     void *callback_arg,
                     grpc_status_code *sync_status,
                     char **sync_error_details)
{
    struct ll_tls_peer *peer = user_data;
    char text[LL_VERIFY_TEXT_SIZE];
    struct ll_verify with;
    bool trusted = false;

    (void)callback;
    (void)callback_arg;
    *sync_status = GRPC_STATUS_UNAUTHENTICATED;
    /* Nothing of these changes; the mutex says that they are written. */
    (void)pthread_mutex_lock(&peers_mutex);
    with = (struct ll_verify){peer->roots, peer->roots_file, peer->name};
    (void)pthread_mutex_unlock(&peers_mutex);
    trusted = ll_verify_server(&with, request->peer_info.peer_cert,
                               request->peer_info.peer_cert_full_chain, text);
    (void)pthread_mutex_lock(&peers_mutex);
    peer->verified_ns = trusted ? ll_clock_now_ns() : 0;
    (void)pthread_mutex_unlock(&peers_mutex);
    if (trusted) {
        *sync_status = GRPC_STATUS_OK;
    } else {
        *sync_error_details = gpr_strdup(text);
    }
    return 1;
}

/** Never needed: each check is over when it returns. */
static void on_cancel(void *user_data,
                      grpc_tls_custom_verification_check_request *request)
{
    (void)user_data;
    (void)request;
}

void ll_tls_peer_put(struct ll_tls_peer *peer)
{
    bool last = false;

    if (peer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&peers_mutex);
    peer->refs--;
    last = peer->refs == 0;
    (void)pthread_mutex_unlock(&peers_mutex);
    if (last) {
        X509_STORE_free(peer->roots);
        ll_free(peer->roots_file);
        ll_free(peer->name);
        ll_free(peer);
    }
}

static void on_destruct(void *user_data)
{
    ll_tls_peer_put(user_data);
}

/** A peer with two references: the caller's and its verifier's. */
static struct ll_tls_peer *peer_new(const struct ll_tls *tls, const char *host)
{
    struct ll_tls_peer *peer = ll_alloc_zero(1, sizeof(*peer));
    const char *name = tls->server_name != NULL ? tls->server_name : host;
    size_t size = strlen(name);

    if (peer == NULL) {
        return NULL;
    }
    /* "host." says that the name is whole; no certificate has the dot, and
     * servers refuse it in the handshake. */
    size -= size > 1 && name[size - 1] == '.' ? 1 : 0;
    peer->name = ll_alloc_copy(name, size);
    if (tls->cacert != NULL) {
        peer->roots_file = ll_alloc_copy(tls->cacert, strlen(tls->cacert));
    }
    if (peer->name == NULL ||
        (tls->cacert != NULL && peer->roots_file == NULL) ||
        X509_STORE_up_ref(tls->material.roots) != 1) {
        ll_free(peer->roots_file);
        ll_free(peer->name);
        ll_free(peer);
        return NULL;
    }
    peer->roots = tls->material.roots;
    peer->verifier = (grpc_tls_certificate_verifier_external){
        .user_data = peer,
        .verify = on_verify,
        .cancel = on_cancel,
        .destruct = on_destruct,
    };
    (void)pthread_mutex_lock(&peers_mutex);
    peer->refs = 2;
    (void)pthread_mutex_unlock(&peers_mutex);
    return peer;
}

/** Gives gRPC the files' contents, of which it makes copies. */
static void add_material(const struct material *material,
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
    struct ll_tls_peer *peer = peer_new(tls, host);
    grpc_tls_credentials_options *options = NULL;
    grpc_tls_certificate_verifier *verifier = NULL;
    grpc_channel_credentials *credentials = NULL;

    if (peer == NULL) {
        return NULL;
    }
    options = grpc_tls_credentials_options_create();
    /* The verifier checks all of it, and each call is to the one host of its
     * channel. */
    grpc_tls_credentials_options_set_verify_server_cert(options, 0);
    grpc_tls_credentials_options_set_check_call_host(options, 0);
    verifier = grpc_tls_certificate_verifier_external_create(&peer->verifier);
    grpc_tls_credentials_options_set_certificate_verifier(options, verifier);
    grpc_tls_certificate_verifier_release(verifier);
    add_material(&tls->material, options);
    credentials = grpc_tls_credentials_create(options);
    if (credentials == NULL) {
        ll_tls_peer_put(peer);
        return NULL;
    }
    *ret_peer = peer;
    return credentials;
}

bool ll_tls_peer_verified(const struct ll_tls_peer *peer, int64_t now_ns)
{
    int64_t verified_ns = 0;

    (void)pthread_mutex_lock(&peers_mutex);
    verified_ns = peer->verified_ns;
    (void)pthread_mutex_unlock(&peers_mutex);
    return verified_ns != 0 && now_ns - verified_ns < LL_TLS_RECENT_NS;
}

const char *ll_tls_peer_name(const struct ll_tls_peer *peer)
{
    return peer->name;
}

const char *ll_tls_cert(const struct ll_tls *tls)
{
    return tls->cert;
}

void ll_tls_cert_trouble(const struct ll_tls *tls, char text[64])
{
    const X509 *cert = tls->material.cert;
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
    return tls->trouble.message;
}
