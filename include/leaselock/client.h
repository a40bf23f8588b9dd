#ifndef LEASELOCK_CLIENT_H
#define LEASELOCK_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One connection to an etcd cluster, with one background thread.
 *
 * A handle is a value, not an address: one that is closed, of another kind or
 * inherited over fork() is answered with LEASELOCK_E_HANDLE or _FORKED. The
 * same holds for sessions and tickets.
 */
typedef struct leaselock_client leaselock_client;

/**
 * Tells how an asynchronous call ended. It comes exactly once for each call
 * that returned 0, with no lock held, on the client's background thread, or
 * for a client in dispatch mode inside leaselock_client_dispatch (or
 * leaselock_client_close). It may come before the call returns.
 *
 * It should be short: on the background thread it holds up the renewals of the
 * client's leases. Inside it asynchronous calls, releases of tickets by
 * leaselock_release_async and getters may be used; a blocking call is answered
 * with LEASELOCK_E_DEADLOCK.
 *
 * @param status  0 or a negative LEASELOCK_E_ code
 * @param error   details of a failure; NULL when status is 0; valid until the
 *                callback returns
 * @param arg     as it was given
 */
typedef void
leaselock_done_fn(int status, const struct leaselock_error *error, void *arg);

/** How much is logged; each level holds the ones before it. */
enum leaselock_log_level {
    LEASELOCK_LOG_OFF = 0,
    /** What costs a user something: a lost session, a lock broken by others. */
    LEASELOCK_LOG_WARNING = 1,
    /** What the connection goes through: streams, endpoints, retries. */
    LEASELOCK_LOG_INFO = 2,
    /** Each step of the protocol. */
    LEASELOCK_LOG_DEBUG = 3
};

/**
 * Takes a line of the log. Called like any callback: with no lock held, on the
 * background thread or in the dispatch call.
 *
 * @param message  one line without its end; valid until the callback returns
 */
typedef void leaselock_log_fn(enum leaselock_log_level level,
                              const char *message,
                              void *arg);

/** Longest namespace, in bytes. */
#define LEASELOCK_NAMESPACE_MAX 256

/**
 * Options of a client; 0, NULL or "" stands for the default of each. What they
 * point at is copied, but for log_arg.
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
    /** Longest wait for the answer to one request before it is tried again;
     *  default 2000, at most 3600000. Where there are several endpoints
     *  another is tried after a quarter of it (at least 500 ms, and longer
     *  where answers take long). */
    int request_timeout_ms;
    /** Not 0: callbacks come only in leaselock_client_dispatch. */
    int dispatch;
    /** Takes the log; NULL (the default) is silence. */
    leaselock_log_fn *log;
    void *log_arg;
    /** What the log takes; default LEASELOCK_LOG_OFF. */
    enum leaselock_log_level log_level;

    /** Goes before every name, as it is ("prod/" makes "prod/jobs" of "jobs"),
     *  so that users of one cluster keep apart; at most
     *  LEASELOCK_NAMESPACE_MAX bytes, no control characters; default none. */
    const char *namespace_prefix;
    /** How often the endpoints are taken from the cluster's own list of
     *  members, the first time at once; default -1: never. At least 1000. */
    int sync_interval_ms;
    /** A domain whose DNS SRV records name the endpoints, as etcdctl's
     *  --discovery-srv; they are looked up once, while the client is opened,
     *  and stand in for its endpoints, which must not be given as well. */
    const char *discovery_srv;
    /** The service's name in these records, "etcd-client-NAME"; default
     *  none. */
    const char *discovery_srv_name;
    /** The DNS server to ask for them, "address" or "address:port"; default
     *  the system's. */
    const char *discovery_dns;

    /** Not 0: TLS also for endpoints without "https://" before them; so does
     *  each of the files below. */
    int tls;
    /** File with the certificates of the authorities that sign for etcd, PEM;
     *  default the system's. This file and the next two are read again when
     *  they change. */
    const char *cacert;
    /** Files with this client's certificate and key, PEM; default none. */
    const char *cert;
    const char *key;
    /** The name that etcd's certificate must be for; default the endpoint's
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
    /** Longest wait for a ping's answer, then the connection is given up;
     *  default 3000. */
    int ping_timeout_ms;
    /** Longest message to send and to take; default -1: no limit here. An
     *  answer that is too long has been acted on by etcd all the same. */
    int send_bytes_max;
    int receive_bytes_max;

    /** A file with settings, as leaselock-settings(5) describes it, for what
     *  is not set here; default none, and for leaselock_client_open_from_env
     *  the usual places. */
    const char *config;

    /** Not 0: a guardian, a helper process that revokes this client's leases
     *  as soon as this process is gone without closing the client, so that the
     *  next in a queue need not wait for the end of the lease. It is started
     *  with the client's first session and leaves when the client is closed;
     *  it never revokes a lease while the process lives, be it stopped or
     *  hanging. leaselock_client(3) has the rest; default none. */
    int guardian;
    /** The guardian's program; default: leaselock-guardian where it was
     *  installed. */
    const char *guardian_path;
    /** Another process that works under this client's locks, such as a command
     *  that the program has started: the guardian revokes nothing before that
     *  is gone as well. It must not have been waited for yet, if it is a
     *  child; default 0: none. */
    int guarded_pid;
};

#define LEASELOCK_CLIENT_OPTIONS_INIT                                          \
    {                                                                          \
        sizeof(struct leaselock_client_options), 0, 0, 0, NULL, NULL,          \
            LEASELOCK_LOG_OFF, NULL, 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, \
            NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, 0, NULL, 0               \
    }

/**
 * Opens a client and starts its background thread. Nothing is sent to etcd
 * yet: an endpoint that cannot be reached shows in the first call that needs
 * it.
 *
 * @param endpoints   "host:port", "http://host:port", "https://host:port" or
 *                    "unix:/path" ("unixs:/path" with TLS), several with
 *                    commas between them, tried in turn; or a URL with
 * settings, "etcd://user:password@host:port/namespace?cacert=file", which count
 * where options does not set them; copied; NULL stands for "127.0.0.1:2379", or
 * for what options says of a file or of DNS
 * @param options     NULL for the defaults; log and log_arg must stay valid
 *                    until the client is closed
 * @param ret_client  the client; the caller closes it
 * @param reterr      filled on failure, without any password; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _NOMEM, _LIMIT, _FORKED (a process whose
 *         parent used the library before fork() cannot), _SYSTEM (also when
 *         fewer than 12 file descriptors, and two for each endpoint, are left
 *         to the process), and with discovery_srv _UNAVAILABLE or, in a
 *         callback, _DEADLOCK
 * @thread any; blocks with discovery_srv alone, for connect_timeout_ms at most
 * @since 0.1
 */
int leaselock_client_open(const char *endpoints,
                          const struct leaselock_client_options *options,
                          leaselock_client **ret_client,
                          struct leaselock_error *reterr);

/**
 * As leaselock_client_open, with what is not given taken from where a user of
 * the program can set it. Of each setting the first of these counts:
 *
 *   1. what is set in options, and the argument endpoints;
 *   2. the environment: LEASELOCK_ENDPOINTS, LEASELOCK_CACERT and so on;
 *   3. etcdctl's environment: ETCDCTL_ENDPOINTS, ETCDCTL_CACERT and so on;
 *   4. the config file: options' or LEASELOCK_CONFIG's, else
 *      $XDG_CONFIG_HOME/leaselock.conf (~/.config where that is not set), else
 *      /etc/leaselock.conf;
 *   5. the default.
 *
 * A URL's settings come right behind the others of the place where the URL
 * stands. leaselock-settings(5) has all of it.
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
 * Closes a client with all of its sessions and tickets. Whoever waits in one
 * of them gets LEASELOCK_E_CLOSED; the leases are revoked, which deletes every
 * key of theirs; so are those of sessions that failed to open or whose own
 * close etcd has not answered yet. When etcd does not answer within the
 * client's request time-out the client is closed all the same, and etcd drops
 * the keys at the end of the lease.
 *
 * Callbacks that are due are called before it returns, the last ones perhaps
 * on this thread; none comes later.
 *
 * @param client  NULL does nothing
 * @return 0, LEASELOCK_E_HANDLE, _FORKED, _DEADLOCK, _REFUSED when etcd refused
 *         to revoke a lease (the error says which keys stay and until when), or
 *         _OUTCOME_UNKNOWN when a revoke was not answered; the handle is closed
 *         nevertheless
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_client_close(leaselock_client *client,
                           struct leaselock_error *reterr);

/**
 * A descriptor that is readable while callbacks are due. Poll it, and call
 * leaselock_client_dispatch when it is; do not read from it.
 *
 * @return the descriptor, which closes with the client; LEASELOCK_E_HANDLE,
 *         _FORKED, _CLOSED, or _STATE when the client is not in dispatch mode
 * @thread any
 * @since 0.1
 */
int leaselock_client_fd(leaselock_client *client);

/**
 * Calls the callbacks that are due, on this thread, in their order.
 *
 * @return how many were called, LEASELOCK_E_HANDLE, _FORKED, _CLOSED, _STATE
 *         when the client is not in dispatch mode or another thread is in
 *         here, or _DEADLOCK from a callback
 * @thread any, one at a time
 * @since 0.1
 */
int leaselock_client_dispatch(leaselock_client *client);

/**
 * One of the endpoints that a client uses, as "host:port" or with "http://",
 * "https://" or "unix:" before it; without a user or password.
 *
 * @param endpoint  which, from 0; leaselock_ping has the same numbers
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
 * @return the id; 0 while there is none: it was not asked for, the client has
 *         had no session yet, or the guardian has ended (the next session
 *         starts another); LEASELOCK_E_HANDLE, _FORKED, _CLOSED
 * @thread any
 * @since 0.1
 */
int leaselock_client_guardian(leaselock_client *client);

/** What an etcd member says of itself. */
struct leaselock_ping {
    /** The endpoint that answered. */
    char endpoint[LEASELOCK_ERROR_ENDPOINT_SIZE];
    /** Its version, such as "3.4.23"; empty where etcd refuses its status to
     *  the client's user, as 3.5.28 to 3.5.31 and 3.6.9 to 3.6.11 do to all
     *  but root. Then leader_id and is_learner are 0 and mean nothing. */
    char version[32];
    /** 0: unknown, since etcd refused both ids and the revision as well. */
    uint64_t cluster_id;
    uint64_t member_id;
    /** The member that leads, or 0 while there is none. */
    uint64_t leader_id;
    /** The store's revision on that member; 0: unknown. */
    int64_t revision;
    /** From sending the request to having its answer. */
    int64_t round_trip_us;
    /** Not 0: the connection is TLS. */
    int tls;
    /** Not 0: the client has a user, and a token of etcd's for it. */
    int authenticated;
    /** Not 0: the member is a learner, which has no vote and serves next to
     *  nothing. */
    int is_learner;
};

/**
 * Asks one endpoint of the client for its status. An endpoint that refuses it
 * for want of a permission, or because the client has no user, has answered:
 * the result is 0, and version is empty.
 *
 * @param endpoint    which: 0 is the first of leaselock_client_open's list
 * @param timeout_ms  longest wait, 1 or more
 * @param ret_ping    the answer
 * @return 0, LEASELOCK_E_UNAVAILABLE, _REFUSED, _SERVER, _ARGUMENT (also when
 *         there is no such endpoint), _HANDLE, _FORKED, _CLOSED, _DEADLOCK,
 *         _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_ping(leaselock_client *client,
                   unsigned endpoint,
                   int timeout_ms,
                   struct leaselock_ping *ret_ping,
                   struct leaselock_error *reterr);

/**
 * As leaselock_ping, without waiting.
 *
 * @param ret_ping  filled before done comes with status 0; must stay valid
 *                  until done has come
 * @return 0 when done will come, else as leaselock_ping
 * @thread any
 * @since 0.1
 */
int leaselock_ping_async(leaselock_client *client,
                         unsigned endpoint,
                         int timeout_ms,
                         struct leaselock_ping *ret_ping,
                         leaselock_done_fn *done,
                         void *arg,
                         struct leaselock_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
