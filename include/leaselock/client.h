/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_CLIENT_H
#define LEASELOCK_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/log.h"
#include "leaselock/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One connection to an etcd cluster, with one background thread.
 *
 * A handle is a value, not an address: a function that is given one that is
 * closed or of another kind returns LEASELOCK_E_HANDLE, and one that was
 * inherited over fork() LEASELOCK_E_FORKED. The same holds for sessions and
 * tickets.
 */
typedef struct leaselock_client leaselock_client;

/**
 * Reports how an asynchronous call ended. It is called exactly once for each
 * call that returned 0, with no lock held, on the client's background thread,
 * or for a client in dispatch mode inside leaselock_client_dispatch (or
 * leaselock_client_close). It may be called before the asynchronous call
 * returns.
 *
 * It should be short: on the background thread it delays the renewals of the
 * client's leases. It may make asynchronous calls, release tickets by
 * leaselock_release_async and use getters; a blocking call inside it returns
 * LEASELOCK_E_DEADLOCK.
 *
 * @param status  0 or a negative LEASELOCK_E_ code
 * @param error   details of a failure; NULL when status is 0; valid until the
 *                callback returns
 * @param arg     the argument that was given with the call
 */
typedef void
leaselock_done_fn(int status, const struct leaselock_error *error, void *arg);

/** Longest namespace, in bytes. */
#define LEASELOCK_NAMESPACE_MAX 256

/**
 * Options of a client; 0, NULL or "" stands for the default of each. The client
 * copies what they point at, except log_arg.
 *
 * leaselock-settings(5) lists those of them that can also be given in the
 * environment, in a URL and in a file.
 */
struct leaselock_client_options {
    /** sizeof(struct leaselock_client_options), set by the _INIT macro. */
    size_t struct_size;
    /** Longest time to connect to an endpoint; default 2000, at most
     *  3600000. */
    int connect_timeout_ms;
    /** Longest wait for the answer to one request before it is sent again;
     *  default 2000, at most 3600000. With several endpoints the request is
     *  sent to another one after a quarter of it (at least 500 ms, and longer
     *  if answers take long). */
    int request_timeout_ms;
    /** Not 0: callbacks come only in leaselock_client_dispatch. */
    int dispatch;
    /** Receives the log as lines; default NULL: none. log_record and log_fd
     *  below are two more ways. */
    leaselock_log_fn *log;
    void *log_arg;
    /** The most detailed level that is logged; default LEASELOCK_LOG_OFF. */
    enum leaselock_log_level log_level;

    /** Prefix of every name, unchanged ("prod/" makes "prod/jobs" of "jobs"),
     *  which separates the users of one cluster; at most
     *  LEASELOCK_NAMESPACE_MAX bytes, no control characters; default none. */
    const char *namespace_prefix;
    /** How often the client updates its endpoints from the cluster's list
     *  of members, the first time at once; at least 1000; default -1: never. */
    int sync_interval_ms;
    /** A domain whose DNS SRV records name the endpoints, as etcdctl's
     *  --discovery-srv. They are looked up once, while the client is opened;
     *  endpoints must not be given as well. */
    const char *discovery_srv;
    /** The service's name in these records, "etcd-client-NAME"; default
     *  none. */
    const char *discovery_srv_name;
    /** The DNS server for that lookup, "address" or "address:port"; default
     *  the system's. */
    const char *discovery_dns;

    /** Not 0: TLS also for endpoints without "https://"; each of the files
     *  below turns it on as well. */
    int tls;
    /** File with the certificates of the authorities that sign for etcd, PEM;
     *  default the system's. This file and the next two are read again when
     *  they change. */
    const char *cacert;
    /** Files with this client's certificate and key, PEM; default none. */
    const char *cert;
    const char *key;
    /** The name that etcd's certificate must have; default the endpoint's
     *  host. */
    const char *server_name;

    /** Name, or "name:password", of etcd's user; default none. */
    const char *user;
    /** The user's password; wiped from the client's memory when it is
     *  closed. */
    const char *password;
    /** File with the password (its first line), read whenever it is needed. */
    const char *password_file;

    /** How long a connection with calls on it may be silent before etcd is
     *  pinged; default 10000, at least 5000: etcd ends connections that ping
     *  more often. */
    int ping_interval_ms;
    /** Longest wait for a ping's answer, then the connection is closed;
     *  default 3000. */
    int ping_timeout_ms;
    /** Longest message to send and to receive; default -1: no limit here. A
     *  request whose answer is too long has still been applied by etcd. */
    int send_bytes_max;
    int receive_bytes_max;

    /** A file with settings, as leaselock-settings(5) describes it, for what
     *  is not set here; default none, and for leaselock_client_open_from_env
     *  the usual places. */
    const char *config;

    /** Not 0: starts a guardian, a helper process that revokes this client's
     *  leases as soon as this process has ended without closing the client, so
     *  that the next waiter need not wait until the lease expires. The
     *  guardian starts with the client's first session and ends when the client
     *  is closed. It never revokes a lease while the process exists, even if
     *  the process is stopped or hangs. leaselock_client(3) has the rest;
     *  default none. */
    int guardian;
    /** The guardian's program; default: leaselock-guardian where it was
     *  installed. */
    const char *guardian_path;
    /** Another process that works under this client's locks, such as a command
     *  that the program has started: the guardian revokes nothing before that
     *  process has ended as well. If it is a child, the program must not have
     *  waited for it yet; default 0: none. */
    int guarded_pid;

    /** Not 0: an endpoint is used until it fails. By default the client
     *  measures how soon each endpoint answers, a moment after its first
     *  session was opened and then about every 30 s while it is used, and moves
     *  to one that is nearer by a tenth and 0.5 ms. With discovery_srv it never
     *  does, as the records have an order. */
    int fixed_endpoint;

    /** Receives the log as records, with log_arg; default NULL: none. */
    leaselock_log_record_fn *log_record;
    /** A descriptor that gets the log, a line for each record; default 0: none.
     *  It stays the caller's, and must be open until the client is closed. A
     *  line that it cannot take at once is dropped. If it leads to journald
     *  (JOURNAL_STREAM, as systemd sets it), lines of text begin with their
     *  priority, "<4>". */
    int log_fd;
    enum leaselock_log_format log_format;
};

#define LEASELOCK_CLIENT_OPTIONS_INIT                                          \
    {                                                                          \
        sizeof(struct leaselock_client_options), 0, 0, 0, NULL, NULL,          \
            LEASELOCK_LOG_OFF, NULL, 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, \
            NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, 0, NULL, 0, 0, NULL, 0,  \
            LEASELOCK_LOG_TEXT                                                 \
    }

/**
 * Opens a client and starts its background thread. Nothing is sent to etcd
 * yet: if an endpoint cannot be reached, the first call that needs it fails.
 *
 * @param endpoints   "host:port", "http://host:port", "https://host:port" or
 *                    "unix:/path" ("unixs:/path" with TLS), several separated
 *                    by commas, tried in turn; or a URL with settings,
 *                    "etcd://user:password@host:port/namespace?cacert=file",
 *                    which count where options does not set them; copied; NULL
 *                    stands for "127.0.0.1:2379", or for the endpoints of the
 *                    file or the domain that options names
 * @param options     NULL for the defaults; log and log_arg must stay valid
 *                    until the client is closed
 * @param ret_client  the client; the caller closes it
 * @param reterr      filled on failure, without any password; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _NOMEM, _LIMIT, _FORKED (the parent of this
 *         process used the library before fork()), _SYSTEM (also when
 *         fewer than 12 file descriptors, and two for each endpoint, are left
 *         to the process), and with discovery_srv _UNAVAILABLE or, in a
 *         callback, _DEADLOCK
 * @thread any; blocks only with discovery_srv, for connect_timeout_ms at most
 * @since 0.1
 */
int leaselock_client_open(const char *endpoints,
                          const struct leaselock_client_options *options,
                          leaselock_client **ret_client,
                          struct leaselock_error *reterr);

/**
 * As leaselock_client_open, but settings that are not given come from the
 * places where a user of the program can set them. For each setting the first
 * of these counts:
 *
 *   1. what is set in options, and the argument endpoints;
 *   2. the environment: LEASELOCK_ENDPOINTS, LEASELOCK_CACERT and so on;
 *   3. etcdctl's environment: ETCDCTL_ENDPOINTS, ETCDCTL_CACERT and so on;
 *   4. the config file: options' or LEASELOCK_CONFIG's, else
 *      $XDG_CONFIG_HOME/leaselock.conf (~/.config where that is not set), else
 *      /etc/leaselock.conf;
 *   5. the default.
 *
 * The settings in a URL rank right behind the others of the place that has the
 * URL. leaselock-settings(5) has all of it.
 *
 * @param endpoints  as there; NULL takes them from these places
 * @return as leaselock_client_open
 * @thread any; as leaselock_client_open
 * @since 0.1
 */
int leaselock_client_open_from_env(
    const char *endpoints,
    const struct leaselock_client_options *options,
    leaselock_client **ret_client,
    struct leaselock_error *reterr);

/**
 * Closes a client with all of its sessions and tickets. Calls that wait in one
 * of them end with LEASELOCK_E_CLOSED. The leases are revoked, which deletes
 * all of their keys; so are those of sessions that failed to open or whose own
 * close etcd has not answered yet. If etcd does not answer within the client's
 * request timeout, the client is closed all the same, and etcd deletes the keys
 * when the lease expires.
 *
 * Callbacks that are due are called before it returns, the last ones perhaps
 * on this thread; none is called later.
 *
 * @param client  NULL does nothing
 * @return 0, LEASELOCK_E_HANDLE, _FORKED, _DEADLOCK, _REFUSED when etcd refused
 *         to revoke a lease (the error names the keys that stay and until
 *         when), _SERVER when etcd answered a revoke with another error, or
 *         _OUTCOME_UNKNOWN when a revoke was not answered; the handle is closed
 *         nevertheless
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_client_close(leaselock_client *client,
                           struct leaselock_error *reterr);

/**
 * A descriptor that is readable while callbacks are due. Poll it, and call
 * leaselock_client_dispatch when it is readable; do not read from it.
 *
 * @return the descriptor, which closes with the client; LEASELOCK_E_HANDLE,
 *         _FORKED, _CLOSED, or _STATE when the client is not in dispatch mode
 * @thread any
 * @since 0.1
 */
int leaselock_client_fd(leaselock_client *client);

/**
 * Calls the callbacks that are due, on this thread, in their order. For those
 * that become due meanwhile the descriptor is readable again.
 *
 * @return how many were called, LEASELOCK_E_HANDLE, _FORKED, _CLOSED, _STATE
 *         when the client is not in dispatch mode or another thread is in
 *         this function, or _DEADLOCK from a callback
 * @thread any, one at a time
 * @since 0.1
 */
int leaselock_client_dispatch(leaselock_client *client);

/**
 * One of the endpoints that a client uses: "host:port", or one that begins with
 * "http://", "https://" or "unix:"; without a user or password.
 *
 * @param endpoint  its number, from 0, as for leaselock_ping
 * @param ret_text  takes the endpoint and a NUL; LEASELOCK_ERROR_ENDPOINT_SIZE
 *                  suffices
 * @param size      bytes in ret_text
 * @return the endpoint's length, LEASELOCK_E_ARGUMENT (there is no such
 *         endpoint, or size is too small), _HANDLE, _FORKED, _CLOSED
 * @thread any
 * @since 0.1
 */
int leaselock_client_endpoint(leaselock_client *client,
                              unsigned endpoint,
                              char *ret_text,
                              size_t size);

/**
 * The process id of the client's guardian.
 *
 * @return the id; 0 while there is none: the option is not set, the client has
 *         had no session yet, or the guardian has ended (the next session
 *         starts another); LEASELOCK_E_HANDLE, _FORKED, _CLOSED
 * @thread any
 * @since 0.1
 */
int leaselock_client_guardian(leaselock_client *client);

#ifdef __cplusplus
}
#endif

#endif
