#include "api/client.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "api/error.h"
#include "base/alloc.h"
#include "base/clock.h"

#define CONNECT_TIMEOUT_MS 2000
#define REQUEST_TIMEOUT_MS 2000
/** Longest time-outs of a client, that no sum of them overflows. */
#define TIMEOUT_MAX_MS 3600000

int ll_client_random(uint64_t *ret_number)
{
    ssize_t size;

    do {
        size = getrandom(ret_number, sizeof(*ret_number), 0);
    } while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof(*ret_number) ? 0 : LEASELOCK_E_SYSTEM;
}

void ll_client_lock(struct ll_client *client)
{
    pthread_mutex_lock(&client->mutex);
}

void ll_client_unlock(struct ll_client *client)
{
    bool wake = false;

    if (client->transport != NULL) {
        bool due = client->event_fd < 0 && !ll_link_alone(&client->notices);

        wake = due || client->stopping ||
               ll_core_deadline_ns(client->core) < client->sleeps_until_ns;
        wake = wake && client->sleeps_until_ns != INT64_MIN;
        if (wake) {
            client->sleeps_until_ns = INT64_MIN; /* once is enough */
            ll_transport_wake(client->transport);
        }
    }
    pthread_mutex_unlock(&client->mutex);
}

int ll_client_enter(const void *user, struct ll_client **ret_client)
{
    struct ll_handle *handle = NULL;
    int status = ll_handle_get(user, LL_HANDLE_CLIENT, &handle);

    if (status != 0) {
        return status;
    }
    *ret_client = LL_CONTAINER(handle, struct ll_client, handle);
    ll_client_lock(*ret_client);
    if ((*ret_client)->closing) {
        ll_client_unlock(*ret_client);
        ll_handle_put(handle);
        return LEASELOCK_E_CLOSED;
    }
    return 0;
}

bool ll_client_in_callback(void)
{
    return ll_notice_in_callback();
}

/** No signal of the program's is ever handled on the library's threads. */
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
                                 const char *endpoints,
                                 struct leaselock_error *reterr)
{
    struct ll_transport_config config = {
        .endpoints = endpoints != NULL ? endpoints : "127.0.0.1:2379",
        .options = &client->options};
    sigset_t all;
    sigset_t old;
    int status;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    status = ll_transport_new(&config, &client->transport, reterr);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status;
}

struct ll_bytes ll_client_space(const struct ll_client *client)
{
    const char *space = client->options.namespace_prefix;

    return (struct ll_bytes){space, space != NULL ? strlen(space) : 0};
}

static int client_make_core(struct ll_client *client)
{
    struct ll_core_config config = {
        .endpoints_n = ll_transport_endpoints(client->transport),
        .space = ll_client_space(client),
        .request_timeout_ns = client->options.request_timeout_ms * LL_NS_PER_MS,
        .log_level =
            client->options.log != NULL ? (int)client->options.log_level : 0};
    int status = ll_client_random(&config.seed);

    if (status != 0) {
        return status;
    }
    /* Clients spread over the members. */
    config.endpoint_first = (uint32_t)(config.seed >> 33);
    client->core = ll_core_new(&config);
    return client->core != NULL ? 0 : LEASELOCK_E_NOMEM;
}

static void client_destroy(struct ll_handle *handle)
{
    struct ll_client *client = LL_CONTAINER(handle, struct ll_client, handle);

    ll_core_free(client->core);
    ll_transport_free(client->transport);
    if (client->event_fd >= 0) {
        (void)close(client->event_fd);
    }
    (void)pthread_cond_destroy(&client->changed);
    (void)pthread_mutex_destroy(&client->mutex);
    ll_free(client);
}

static int client_check_space(const struct ll_client *client,
                              struct leaselock_error *reterr)
{
    const char *fault = ll_space_fault(ll_client_space(client));

    return fault != NULL ? ll_error_text(reterr, LEASELOCK_E_ARGUMENT, fault)
                         : 0;
}

static int client_options(struct ll_client *client,
                          const struct leaselock_client_options *user,
                          struct leaselock_error *reterr)
{
    struct leaselock_client_options *options = &client->options;

    if (ll_options_copy(options, sizeof(*options), user) != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the client's options with "
                             "LEASELOCK_CLIENT_OPTIONS_INIT");
    }
    if (options->connect_timeout_ms == 0) {
        options->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    }
    if (options->request_timeout_ms == 0) {
        options->request_timeout_ms = REQUEST_TIMEOUT_MS;
    }
    if (options->connect_timeout_ms < 0 || options->request_timeout_ms < 0 ||
        options->connect_timeout_ms > TIMEOUT_MAX_MS ||
        options->request_timeout_ms > TIMEOUT_MAX_MS) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a client's time-outs are 1 to 3600000 ms");
    }
    return client_check_space(client, reterr);
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
    if (pthread_cond_init(&client->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&client->mutex);
        ll_free(client);
        return LEASELOCK_E_NOMEM;
    }
    client->event_fd = -1;
    client->sleeps_until_ns = INT64_MIN;
    ll_link_init(&client->notices);
    ll_link_init(&client->sessions);
    ll_link_init(&client->tickets);
    ll_link_init(&client->queries);
    *ret_client = client;
    return 0;
}

static int client_build(struct ll_client *client,
                        const char *endpoints,
                        const struct leaselock_client_options *options,
                        struct leaselock_error *reterr)
{
    int status = client_options(client, options, reterr);

    if (status != 0) {
        return status;
    }
    status = client_make_transport(client, endpoints, reterr);
    if (status != 0) {
        return status;
    }
    status = client_make_core(client);
    if (status == 0 && client->options.dispatch != 0) {
        client->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        status = client->event_fd >= 0 ? 0 : LEASELOCK_E_SYSTEM;
    }
    return status == 0 ? 0 : ll_error_text(reterr, status, "");
}

int leaselock_client_open(const char *endpoints,
                          const struct leaselock_client_options *options,
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
    status = client_build(client, endpoints, options, reterr);
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

/** Ends the thread; what is left of any object is ended by force. */
static void client_stop(struct ll_client *client)
{
    client->stopping = true;
    ll_client_unlock(client);
    (void)pthread_join(client->thread, NULL);
    ll_client_lock(client);
    while (client->dispatching) {
        pthread_cond_wait(&client->changed, &client->mutex);
    }
    ll_queries_close(client);
    ll_tickets_abort(client);
    ll_sessions_abort(client);
    (void)ll_notices_call(client);
}

int leaselock_client_close(leaselock_client *user,
                           struct leaselock_error *reterr)
{
    struct ll_handle *handle = NULL;
    struct ll_client *client;
    bool unknown;
    int status;

    if (user == NULL) {
        return 0;
    }
    if (ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    status = ll_handle_get(user, LL_HANDLE_CLIENT, &handle);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    client = LL_CONTAINER(handle, struct ll_client, handle);
    ll_client_lock(client);
    if (!ll_handle_shut(handle)) {
        ll_client_unlock(client);
        ll_handle_put(handle);
        return ll_error_text(reterr, LEASELOCK_E_HANDLE, "");
    }
    client->closing = true;
    ll_queries_close(client);
    ll_sessions_close(client);
    while (client->closes > 0) {
        ll_client_unlock(client);
        ll_client_lock(client);
        if (client->closes > 0) {
            pthread_cond_wait(&client->changed, &client->mutex);
        }
    }
    unknown = ll_core_has_sessions(client->core);
    client_stop(client);
    ll_client_unlock(client);
    ll_handle_leave(handle);
    ll_handle_put(handle);
    return unknown ? ll_error_text(reterr, LEASELOCK_E_OUTCOME_UNKNOWN,
                                   "etcd did not answer that the leases are "
                                   "revoked; they end by themselves")
                   : 0;
}

int leaselock_client_fd(leaselock_client *user)
{
    struct ll_client *client = NULL;
    int status = ll_client_enter(user, &client);

    if (status != 0) {
        return status;
    }
    status = client->event_fd >= 0 ? client->event_fd : LEASELOCK_E_STATE;
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return status;
}

int leaselock_client_dispatch(leaselock_client *user)
{
    struct ll_client *client = NULL;
    uint64_t count;
    int status = ll_client_in_callback() ? LEASELOCK_E_DEADLOCK
                                         : ll_client_enter(user, &client);

    if (status != 0) {
        return status;
    }
    if (client->event_fd < 0 || client->dispatching) {
        status = LEASELOCK_E_STATE;
    } else {
        client->dispatching = true;
        while (read(client->event_fd, &count, sizeof(count)) < 0 &&
               errno == EINTR) {
        }
        status = ll_notices_call(client);
        client->dispatching = false;
        pthread_cond_broadcast(&client->changed);
    }
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return status;
}
