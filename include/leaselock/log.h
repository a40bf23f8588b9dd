/* SPDX-License-Identifier: Apache-2.0 */
/** The log of a client: its events, their records, and records as text. */
#ifndef LEASELOCK_LOG_H
#define LEASELOCK_LOG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How much is logged; each level includes the ones before it. */
enum leaselock_log_level {
    LEASELOCK_LOG_OFF = 0,
    /** What costs a user something: a lost session, a broken lock. */
    LEASELOCK_LOG_WARNING = 1,
    /** The connection's events: streams, endpoints, retries. */
    LEASELOCK_LOG_INFO = 2,
    /** Each step of the protocol. */
    LEASELOCK_LOG_DEBUG = 3
};

/**
 * Every event of the log: X(name, word, level, fields). The word is the
 * record's `event`; the fields are the members of the record that are set,
 * beside those that every record has. leaselock_client_stats counts them all,
 * whether they are logged or not; an event of level OFF never is.
 * docs/tracing.md has those that are tracepoints as well. Later releases may
 * add some at the end.
 */
#define LEASELOCK_LOG_EVENTS_MAX 64 /* the most that there can be */
#define LEASELOCK_LOG_EVENT_MAP(X)                                             \
    X(TICKET_WAITS, "ticket_waits", DEBUG, "lock token lease")                 \
    X(TICKET_GRANTED, "ticket_granted", DEBUG, "lock token lease duration")    \
    X(TICKET_REJOINS, "ticket_rejoins", DEBUG, "lock token lease")             \
    X(TICKET_LOST, "ticket_lost", WARNING, "lock token lease status")          \
    X(TICKET_DELAYED, "ticket_delayed", INFO, "lock token lease duration")     \
    X(TICKET_STAYS, "ticket_stays", WARNING, "lock token lease status")        \
    X(TICKET_NAME_TAKEN, "ticket_name_taken", DEBUG, "lock lease")             \
    X(KEEP_ENDED, "keep_ended", DEBUG, "lock")                                 \
    X(KEEP_PASSES, "keep_passes", DEBUG, "lock")                               \
    X(ATTEMPT_DROPPED, "attempt_dropped", WARNING, "")                         \
    X(REQUEST_DROPPED, "request_dropped", WARNING, "")                         \
    X(DEADLOCK_TOO_LONG, "deadlock_too_long", WARNING, "")                     \
    X(DEADLOCK_REFUSED, "deadlock_refused", INFO, "endpoint")                  \
    X(SESSION_LOST, "session_lost", WARNING, "lease status")                   \
    X(RENEWAL_REFUSED, "renewal_refused", WARNING, "lease")                    \
    X(STREAM_OPENED, "stream_opened", INFO, "endpoint")                        \
    X(STREAM_ENDED, "stream_ended", INFO, "endpoint")                          \
    X(STREAM_REFUSED, "stream_refused", WARNING, "endpoint")                   \
    X(WATCH_REFUSED, "watch_refused", INFO, "endpoint")                        \
    X(WATCHES_NUMBERED, "watches_numbered", INFO, "endpoint")                  \
    X(WATCHES_TIMED, "watches_timed", DEBUG, "endpoint")                       \
    X(ENDPOINT_FAILED, "endpoint_failed", INFO, "endpoint")                    \
    X(ENDPOINT_LEFT, "endpoint_left", INFO, "endpoint")                        \
    X(ENDPOINT_NEARER, "endpoint_nearer", INFO, "endpoint duration")           \
    X(ENDPOINTS_LISTED, "endpoints_listed", INFO, "endpoint")                  \
    X(CLUSTER_DIFFERS, "cluster_differs", WARNING, "endpoint")                 \
    X(STORE_WENT_BACK, "store_went_back", WARNING, "")                         \
    X(BATCH_LIMITED, "batch_limited", INFO, "endpoint")                        \
    X(TICKET_BEGINS, "ticket_begins", OFF, "")                                 \
    X(TICKET_RELEASED, "ticket_released", OFF, "")                             \
    X(BATCH_SENT, "batch_sent", OFF, "")                                       \
    X(BATCH_ANSWERED, "batch_answered", OFF, "")

/** An event of a client. It is the library's, and valid until the callback
 *  returns. Later releases may add members at the end. */
struct leaselock_log_record {
    enum leaselock_log_level level;
    /** "ticket_lost"; a static text. */
    const char *event;
    /** When: nanoseconds since 1970, of CLOCK_REALTIME. */
    int64_t time_ns;
    /** One line for people. Names, keys and etcd's texts are in it as they are,
     *  with whatever bytes they have. */
    const char *message;
    /** The lock's name, without the client's namespace; NULL: none. */
    const char *lock;
    /** The fencing token; 0: none. */
    int64_t token;
    /** The session's lease; 0: none. */
    int64_t lease;
    /** The endpoint; NULL: none. */
    const char *endpoint;
    /** A LEASELOCK_E_ status; 0: none. */
    int status;
    /** How long it took, or takes, in nanoseconds; -1: none. */
    int64_t duration_ns;
};

/**
 * Receives a line of the log. Called like any callback: with no lock held, on
 * the background thread or in the dispatch call.
 *
 * @param message  one line without its end; valid until the callback returns
 */
typedef void leaselock_log_fn(enum leaselock_log_level level,
                              const char *message,
                              void *arg);

/** The same with the whole record. */
typedef void leaselock_log_record_fn(const struct leaselock_log_record *record,
                                     void *arg);

/** How a record is written. */
enum leaselock_log_format {
    /** time=2026-11-30T12:00:00.000000Z level=warning event=ticket_lost
     *  lock=jobs token=7 ... msg="..." */
    LEASELOCK_LOG_TEXT = 0,
    /** {"time":"...","level":"warning","event":"ticket_lost","lock":"jobs",
     *  "token":7,...,"msg":"..."} */
    LEASELOCK_LOG_JSON = 1
};

/** Longest line that log_fd gets, its end included; a longer message is cut. */
#define LEASELOCK_LOG_LINE_MAX 4096

/**
 * Writes a record as one line, without its end. Control characters, quotes and
 * bytes that are not UTF-8 are escaped, so that neither a lock's name nor a
 * text of etcd's can end the line or add a field: in both formats a backslash,
 * an x and two hexadecimal digits stand for an invalid byte (in JSON with the
 * backslash doubled).
 *
 * @param record    as the callback gets it
 * @param format    one of enum leaselock_log_format
 * @param ret_text  takes the line and a NUL; NULL if size is 0. If the line does
 *                  not fit, the message is cut, and the line is complete
 *                  nevertheless if the rest of it fits
 * @param size      bytes in ret_text
 * @return the length of the whole line without its NUL, as snprintf returns it,
 *         or LEASELOCK_E_ARGUMENT
 * @thread any
 * @since 0.1
 */
int leaselock_log_write(const struct leaselock_log_record *record,
                        enum leaselock_log_format format,
                        char *ret_text,
                        size_t size);

#ifdef __cplusplus
}
#endif

#endif
