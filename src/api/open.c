/* SPDX-License-Identifier: Apache-2.0 */
/** Opening a client. */
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "api/hooks.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/host.h"
#include "base/random.h"
#include "client/client.h"
#include "client/log.h"
#include "client/sync.h"
#include "config/discovery.h"
#include "config/srv.h"
#include "core/nearest.h"

_Static_assert(LL_SRV_ENDPOINTS_MAX == LL_ENDPOINTS_MAX,
               "a transport takes what the DNS gives");
_Static_assert(LL_NAMESPACE_MAX <= LL_SPACE_MAX, "keys have room for it");

/** The library's threads block every signal of the program. */
static int client_start_thread(struct ll_client *client)
{
    sigset_t all;
    sigset_t old;
    int status;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    status = pthread_create(&client->thread, NULL, ll_client_main, client);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status == 0 ? 0 : LEASELOCK_E_SYSTEM;
}

static int client_make_transport(struct ll_client *client,
                                 struct leaselock_error *reterr)
{
    const struct leaselock_client_options *options = &client->options;
    const struct ll_transport_config config = {
        .endpoints = client->setup.texts[LL_SETTING_ENDPOINTS],
        .grows = options->sync_interval_ms > 0,
        .tls = {.wanted = options->tls != 0,
                .cacert = options->cacert,
                .cert = options->cert,
                .key = options->key,
                .server_name = options->server_name},
        .user = {.name = options->user,
                 .password = options->password,
                 .password_file = options->password_file},
        .channels = {.connect_timeout_ms = options->connect_timeout_ms,
                     .ping_interval_ms = options->ping_interval_ms,
                     .ping_timeout_ms = options->ping_timeout_ms,
                     .send_bytes_max = options->send_bytes_max,
                     .receive_bytes_max = options->receive_bytes_max},
        .request_timeout_ms = options->request_timeout_ms};
    sigset_t all;
    sigset_t old;
    int status;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    status = ll_transport_new(&config, &client->transport, reterr);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status;
}

/** Whether etcd may authenticate the client as a user: by name, or by the
 *  common name of its certificate. */
static bool client_has_user(const struct ll_client *client)
{
    return client->options.user != NULL || client->options.cert != NULL;
}

static int client_make_core(struct ll_client *client)
{
    struct ll_core_config config = {
        .endpoints_n = ll_transport_endpoints(client->transport),
        .namespace = ll_client_namespace(client),
        .batch_lists = client_has_user(client),
        .host_tag = ll_host_tag(),
        .slot_first = ll_host_process(),
        .request_timeout_ns = client->options.request_timeout_ms * LL_NS_PER_MS,
        .check_clusters = true,
        .log_level = ll_log_is_wanted(&client->options)
                         ? (int)client->options.log_level
                         : 0};
    int status = ll_random(&config.seed);

    if (status != 0) {
        return status;
    }
    /* Spread clients over members; SRV records have their own order. */
    config.endpoint_first = client->options.discovery_srv == NULL
                                ? (uint32_t)(config.seed >> 33)
                                : 0;
    if (client->options.discovery_srv == NULL &&
        client->options.fixed_endpoint == 0) {
        config.nearest_ns = LL_NEAREST_INTERVAL_NS;
    }
    client->core = ll_core_new(&config);
    return client->core != NULL ? 0 : LEASELOCK_E_NOMEM;
}

static void client_destroy(struct ll_handle *handle)
{
    struct ll_client *client = LL_CONTAINER(handle, struct ll_client, handle);

    ll_guardian_close(client);
    ll_core_free(client->core);
    ll_transport_free(client->transport);
    ll_setup_free(&client->setup);
    if (client->event_fd >= 0) {
        (void)close(client->event_fd);
    }
    ll_poller_free(&client->poller);
    (void)pthread_cond_destroy(&client->changed);
    (void)pthread_mutex_destroy(&client->mutex);
    ll_free(client);
}

/** Collects the user's settings, in memory that the client owns. */
static int client_options(struct ll_client *client,
                          const char *endpoints,
                          const struct leaselock_client_options *user,
                          bool from_env,
                          struct leaselock_error *reterr)
{
    struct leaselock_client_options *options = &client->options;
    int status;

    if (ll_options_copy(options, sizeof(*options), user) != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the client's options with "
                             "LEASELOCK_CLIENT_OPTIONS_INIT");
    }
    status = ll_log_check(options, reterr);
    if (status != 0) {
        return status;
    }
    client->logs_to_journal = ll_log_is_journal(options->log_fd);
    status = ll_setup_make(&client->setup, endpoints, options, from_env, true,
                           reterr);
    if (status == 0) {
        ll_setup_options(&client->setup, options);
    }
    return status;
}

static int client_new(struct ll_client **ret_client)
{
    struct ll_client *client = ll_alloc_zero(1, sizeof(*client));

    if (client == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (pthread_mutex_init(&client->mutex, NULL) != 0) {
        ll_free(client);
        return LEASELOCK_E_NOMEM;
    }
    if (ll_clock_condition_init(&client->changed) != 0) {
        (void)pthread_mutex_destroy(&client->mutex);
        ll_free(client);
        return LEASELOCK_E_NOMEM;
    }
    if (ll_poller_init(&client->poller) != 0) {
        (void)pthread_cond_destroy(&client->changed);
        (void)pthread_mutex_destroy(&client->mutex);
        ll_free(client);
        return LEASELOCK_E_NOMEM;
    }
    client->handle.client = client;
    client->hooks = &ll_api_hooks;
    client->event_fd = -1;
    ll_link_init(&client->notices);
    ll_link_init(&client->sessions);
    ll_link_init(&client->tickets);
    ll_link_init(&client->requeues);
    ll_link_init(&client->heirs);
    ll_link_init(&client->queries);
    ll_link_init(&client->writes);
    ll_link_init(&client->observers);
    ll_link_init(&client->locks_watches);
    ll_link_init(&client->leaderships);
    *ret_client = client;
    return 0;
}

/** Replaces the endpoints with those from the DNS. */
static int client_discover(struct ll_client *client,
                           struct leaselock_error *reterr)
{
    struct ll_setup *setup = &client->setup;

    if (setup->texts[LL_SETTING_DISCOVERY_SRV] == NULL) {
        return 0;
    }
    if (ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    return ll_discovery_run(setup, &setup->texts[LL_SETTING_ENDPOINTS], reterr);
}

static int client_build(struct ll_client *client,
                        const char *endpoints,
                        const struct leaselock_client_options *options,
                        bool from_env,
                        struct leaselock_error *reterr)
{
    int status = client_options(client, endpoints, options, from_env, reterr);

    if (status == 0) {
        status = client_discover(client, reterr);
    }
    if (status == 0) {
        status = client_make_transport(client, reterr);
    }
    if (status != 0) {
        return status;
    }
    ll_sync_init(client);
    status = client_make_core(client);
    if (status == 0 && client->options.dispatch != 0) {
        client->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        status = client->event_fd >= 0 ? 0 : LEASELOCK_E_SYSTEM;
    }
    return status == 0 ? 0 : ll_error_text(reterr, status, "");
}

static int client_open(const char *endpoints,
                       const struct leaselock_client_options *options,
                       bool from_env,
                       leaselock_client **ret_client,
                       struct leaselock_error *reterr)
{
    struct ll_client *client = NULL;
    int status = ll_handle_prepare();

    if (status == 0 && ret_client == NULL) {
        status = LEASELOCK_E_ARGUMENT;
    }
    if (status == 0) {
        status = client_new(&client);
    }
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = client_build(client, endpoints, options, from_env, reterr);
    if (status == 0) {
        status = ll_handle_enter(&client->handle, LL_HANDLE_CLIENT, true,
                                 client_destroy);
        if (status == 0) {
            status = client_start_thread(client);
            if (status != 0) {
                client->handle.refs++;
                ll_handle_leave(&client->handle);
            }
        }
        (void)ll_error_text(reterr, status, "");
    }
    if (status != 0) {
        if (client->transport != NULL) {
            ll_transport_stop(client->transport);
        }
        client_destroy(&client->handle);
        return status;
    }
    *ret_client = ll_handle_user(&client->handle);
    return 0;
}

int leaselock_client_open(const char *endpoints,
                          const struct leaselock_client_options *options,
                          leaselock_client **ret_client,
                          struct leaselock_error *reterr)
{
    return client_open(endpoints, options, false, ret_client, reterr);
}

int leaselock_client_open_from_env(
    const char *endpoints,
    const struct leaselock_client_options *options,
    leaselock_client **ret_client,
    struct leaselock_error *reterr)
{
    return client_open(endpoints, options, true, ret_client, reterr);
}
