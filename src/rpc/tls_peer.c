/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/tls_peer.h"

#include <pthread.h>
#include <string.h>

#include <grpc/support/alloc.h>
#include <grpc/support/string_util.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "rpc/verify.h"

struct ll_tls_peer {
    grpc_tls_certificate_verifier_external verifier;
    unsigned refs;
    X509_STORE *roots;
    char *roots_file; /* NULL: the system's */
    char *name;
    int64_t verified_ns; /* when a handshake succeeded; 0: never */
};

/** gRPC's threads check certificates: the data that they share with the owner
 *  crosses threads under this mutex, not by gRPC's own (threading.md, 7).
 *  Handshakes are rare, and the mutex is held only for a moment. */
static pthread_mutex_t peers_mutex = PTHREAD_MUTEX_INITIALIZER;

/** gRPC's callback that verifies a server; on gRPC's thread. */
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
    /* These do not change; the mutex makes them visible here. */
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

/** Never needed: each check is complete when it returns. */
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

struct ll_tls_peer *
ll_tls_peer_new(X509_STORE *roots, const char *roots_file, const char *name)
{
    struct ll_tls_peer *peer = ll_alloc_zero(1, sizeof(*peer));
    size_t size = strlen(name);

    if (peer == NULL) {
        return NULL;
    }
    /* "host." is a fully qualified name; no certificate has the dot, and
     * servers refuse it in the handshake. */
    size -= size > 1 && name[size - 1] == '.' ? 1 : 0;
    peer->name = ll_alloc_copy(name, size);
    if (roots_file != NULL) {
        peer->roots_file = ll_alloc_copy(roots_file, strlen(roots_file));
    }
    if (peer->name == NULL ||
        (roots_file != NULL && peer->roots_file == NULL) ||
        X509_STORE_up_ref(roots) != 1) {
        ll_free(peer->roots_file);
        ll_free(peer->name);
        ll_free(peer);
        return NULL;
    }
    peer->roots = roots;
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

grpc_tls_certificate_verifier *ll_tls_peer_verifier(struct ll_tls_peer *peer)
{
    return grpc_tls_certificate_verifier_external_create(&peer->verifier);
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
