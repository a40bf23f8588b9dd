/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a client counts and measures of its own work. Included on request, in
 * addition to leaselock/leaselock.h.
 */
#ifndef LEASELOCK_STATS_H
#define LEASELOCK_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/client.h"
#include "leaselock/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The words that distinguish the counters of an array: X(name, word). The
 * index of a counter is LEASELOCK_STATS_ with the kind and the name, such as
 * LEASELOCK_STATS_MODE_SHARED; the word is the label's value in the text of
 * leaselock_stats_openmetrics. Later releases may add some at the end of each;
 * the arrays have room for LEASELOCK_STATS_WORDS_MAX.
 */
#define LEASELOCK_STATS_WORDS_MAX 16

/** What an acquire asks for; an acquire of several names is one of SEVERAL. */
#define LEASELOCK_STATS_MODE_MAP(X)                                            \
    X(EXCLUSIVE, "exclusive")                                                  \
    X(SHARED, "shared")                                                        \
    X(PERMIT, "permit")                                                        \
    X(SEVERAL, "several")

/** How an acquire ends. BUSY is a try (timeout 0) of a lock that is held;
 *  FAILED stands for the statuses that are not named here. */
#define LEASELOCK_STATS_RESULT_MAP(X)                                          \
    X(GRANTED, "granted")                                                      \
    X(BUSY, "busy")                                                            \
    X(TIMEOUT, "timeout")                                                      \
    X(CANCELED, "canceled")                                                    \
    X(CLOSED, "closed")                                                        \
    X(LOST, "lost")                                                            \
    X(DEADLOCK, "deadlock")                                                    \
    X(UNAVAILABLE, "unavailable")                                              \
    X(REFUSED, "refused")                                                      \
    X(FAILED, "failed")

/** How a hold is given back. REJOINED: by leaselock_rejoin, which queues again;
 *  WRITTEN: by a fenced write that releases; LOST: the release found that the
 *  key was gone, and no loss was reported before; UNKNOWN: the answer was lost;
 *  FAILED: etcd refused it. */
#define LEASELOCK_STATS_RELEASE_MAP(X)                                         \
    X(RELEASED, "released")                                                    \
    X(REJOINED, "rejoined")                                                    \
    X(WRITTEN, "written")                                                      \
    X(LOST, "lost")                                                            \
    X(UNKNOWN, "unknown")                                                      \
    X(FAILED, "failed")

/** Why a hold is lost. KEY: a third party deleted its key; DEADLINE: no renewal
 *  of the lease was answered in time; REFUSED: etcd refuses to renew it; LEASE:
 *  etcd does not have the lease any more; CLUSTER: another cluster answers. */
#define LEASELOCK_STATS_LOSS_MAP(X)                                            \
    X(KEY, "key")                                                              \
    X(DEADLINE, "deadline")                                                    \
    X(REFUSED, "refused")                                                      \
    X(LEASE, "lease")                                                          \
    X(CLUSTER, "cluster")

/** Which request of etcd's API. */
#define LEASELOCK_STATS_REQUEST_MAP(X)                                         \
    X(TXN, "txn")                                                              \
    X(RANGE, "range")                                                          \
    X(DELETE, "delete")                                                        \
    X(LEASE_GRANT, "lease_grant")                                              \
    X(LEASE_REVOKE, "lease_revoke")                                            \
    X(LEASE_TTL, "lease_ttl")                                                  \
    X(STATUS, "status")                                                        \
    X(MEMBER_LIST, "member_list")

/** What the answer to a request shows. UNKNOWN: none came, or one that leaves
 *  open whether etcd applied it; AGAIN: etcd did not apply it, and may do so
 *  later; NO_LEASE, LEASE_EXISTS: these answers of etcd; FAILED: another
 *  error. */
#define LEASELOCK_STATS_ANSWER_MAP(X)                                          \
    X(OK, "ok")                                                                \
    X(UNKNOWN, "unknown")                                                      \
    X(AGAIN, "again")                                                          \
    X(NO_LEASE, "no_lease")                                                    \
    X(LEASE_EXISTS, "lease_exists")                                            \
    X(REFUSED, "refused")                                                      \
    X(FAILED, "failed")

/** What the parts of a batch are: enqueues, releases and fenced writes, or
 *  reads of tickets. */
#define LEASELOCK_STATS_BATCH_MAP(X)                                           \
    X(WRITES, "writes")                                                        \
    X(READS, "reads")

/** A client's streams. */
#define LEASELOCK_STATS_STREAM_MAP(X)                                          \
    X(WATCHES, "watches")                                                      \
    X(RENEWALS, "renewals")

/** Why another endpoint is used. FAILED: a call or stream failed, or was not
 *  answered; NEARER: another one answers sooner; LISTED: the list of endpoints
 *  has changed. */
#define LEASELOCK_STATS_CHANGE_MAP(X)                                          \
    X(FAILED, "failed")                                                        \
    X(NEARER, "nearer")                                                        \
    X(LISTED, "listed")

/** Why a ticket reads its keys. GAP: to close the gap before a new watch; NEXT:
 *  its predecessor is gone, and others may be ahead; RECHECK: about every 30 s,
 *  and after a watch is lost. */
#define LEASELOCK_STATS_READ_MAP(X)                                            \
    X(GAP, "gap")                                                              \
    X(NEXT, "next")                                                            \
    X(RECHECK, "recheck")

#define LEASELOCK_STATS_MODE_ENUM(name, word) LEASELOCK_STATS_MODE_##name,
#define LEASELOCK_STATS_RESULT_ENUM(name, word) LEASELOCK_STATS_RESULT_##name,
#define LEASELOCK_STATS_RELEASE_ENUM(name, word) LEASELOCK_STATS_RELEASE_##name,
#define LEASELOCK_STATS_LOSS_ENUM(name, word) LEASELOCK_STATS_LOSS_##name,
#define LEASELOCK_STATS_REQUEST_ENUM(name, word) LEASELOCK_STATS_REQUEST_##name,
#define LEASELOCK_STATS_ANSWER_ENUM(name, word) LEASELOCK_STATS_ANSWER_##name,
#define LEASELOCK_STATS_BATCH_ENUM(name, word) LEASELOCK_STATS_BATCH_##name,
#define LEASELOCK_STATS_STREAM_ENUM(name, word) LEASELOCK_STATS_STREAM_##name,
#define LEASELOCK_STATS_CHANGE_ENUM(name, word) LEASELOCK_STATS_CHANGE_##name,
#define LEASELOCK_STATS_READ_ENUM(name, word) LEASELOCK_STATS_READ_##name,

enum leaselock_stats_mode {
    LEASELOCK_STATS_MODE_MAP(LEASELOCK_STATS_MODE_ENUM) LEASELOCK_STATS_MODES
};
enum leaselock_stats_result {
    LEASELOCK_STATS_RESULT_MAP(LEASELOCK_STATS_RESULT_ENUM)
        LEASELOCK_STATS_RESULTS
};
enum leaselock_stats_release {
    LEASELOCK_STATS_RELEASE_MAP(LEASELOCK_STATS_RELEASE_ENUM)
        LEASELOCK_STATS_RELEASES
};
enum leaselock_stats_loss {
    LEASELOCK_STATS_LOSS_MAP(LEASELOCK_STATS_LOSS_ENUM) LEASELOCK_STATS_LOSSES
};
enum leaselock_stats_request {
    LEASELOCK_STATS_REQUEST_MAP(LEASELOCK_STATS_REQUEST_ENUM)
        LEASELOCK_STATS_REQUESTS
};
enum leaselock_stats_answer {
    LEASELOCK_STATS_ANSWER_MAP(LEASELOCK_STATS_ANSWER_ENUM)
        LEASELOCK_STATS_ANSWERS
};
enum leaselock_stats_batch {
    LEASELOCK_STATS_BATCH_MAP(LEASELOCK_STATS_BATCH_ENUM)
        LEASELOCK_STATS_BATCHES
};
enum leaselock_stats_stream {
    LEASELOCK_STATS_STREAM_MAP(LEASELOCK_STATS_STREAM_ENUM)
        LEASELOCK_STATS_STREAMS
};
enum leaselock_stats_change {
    LEASELOCK_STATS_CHANGE_MAP(LEASELOCK_STATS_CHANGE_ENUM)
        LEASELOCK_STATS_CHANGES
};
enum leaselock_stats_read {
    LEASELOCK_STATS_READ_MAP(LEASELOCK_STATS_READ_ENUM) LEASELOCK_STATS_READS
};

/** The buckets of a histogram: the greatest time of each but the last, in
 *  microseconds. The last one has the times above these. */
#define LEASELOCK_HISTOGRAM_BOUNDS_US                                          \
    100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000,      \
        500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000,       \
        100000000, 200000000, 500000000
#define LEASELOCK_HISTOGRAM_BUCKETS 22

/** Times, counted by their length. */
struct leaselock_histogram {
    /** How many are in each bucket alone; their sum is the number of all. */
    uint64_t buckets[LEASELOCK_HISTOGRAM_BUCKETS];
    /** All of them together, in nanoseconds. */
    uint64_t sum_ns;
};

#define LEASELOCK_HISTOGRAM_INIT                                               \
    {                                                                          \
        {0}, 0                                                                 \
    }

/**
 * What a client has counted since it was opened. Counters only grow. Later
 * releases may add members at the end.
 */
struct leaselock_stats {
    /** sizeof(struct leaselock_stats), set by the _INIT macro. */
    size_t struct_size;

    /** At present: sessions whose lease lives, tickets that wait in a queue,
     *  and requests that are not answered yet. */
    uint64_t sessions;
    uint64_t waiting;
    uint64_t in_flight;

    /** Acquires that have ended. A resume, a rejoin, a campaign and each new
     *  place of a ticket that queues again after a loss is an acquire as
     *  well. */
    uint64_t acquires[LEASELOCK_STATS_WORDS_MAX][LEASELOCK_STATS_WORDS_MAX];
    /** Those of them that were granted without a request, as the session had
     *  kept the lock (keep_ms). */
    uint64_t kept;
    /** Holds that were given back, and holds that were reported as lost. Each
     *  hold is in one of them at most: one that ends with its session is in
     *  neither. */
    uint64_t releases[LEASELOCK_STATS_WORDS_MAX];
    uint64_t losses[LEASELOCK_STATS_WORDS_MAX];

    /** Renewals of leases: sent, answered, and not answered within a sixth of
     *  the time to live (at least 100 ms, at most 2 s). */
    uint64_t renewals_sent;
    uint64_t renewals_answered;
    uint64_t renewals_late;

    /** Requests that have been answered or given up, without renewals, watches
     *  and those for a user's token. */
    uint64_t requests[LEASELOCK_STATS_WORDS_MAX][LEASELOCK_STATS_WORDS_MAX];
    /** Requests that were sent for several tickets or writes together, and how
     *  many these were. */
    uint64_t batches[LEASELOCK_STATS_WORDS_MAX];
    uint64_t batch_parts[LEASELOCK_STATS_WORDS_MAX];
    /** How often a stream failed, or was given up because it was silent; it is
     *  opened again while it is needed. */
    uint64_t reconnects[LEASELOCK_STATS_WORDS_MAX];
    /** How often the client has turned to another endpoint. */
    uint64_t endpoint_changes[LEASELOCK_STATS_WORDS_MAX];
    /** Watches that etcd was asked for. */
    uint64_t watches;
    /** Reads of tickets, each a request or a part of one. */
    uint64_t reads[LEASELOCK_STATS_WORDS_MAX];

    /** Events of the log, by their place in LEASELOCK_LOG_EVENT_MAP; whether
     *  they are logged or not. */
    uint64_t events[LEASELOCK_LOG_EVENTS_MAX];

    /** Of the acquires that were granted: from the call to the grant. */
    struct leaselock_histogram acquire_wait;
    /** Of the grants after a wait: from the report that the predecessor is gone
     *  to the grant; 0 if no request was needed in between. */
    struct leaselock_histogram hand_over;
    /** From the sending of a renewal to its answer. */
    struct leaselock_histogram renewal;
    /** When a renewal was answered: how much was left until the deadline at
     *  which the session would have been lost. */
    struct leaselock_histogram renewal_margin;
};

#define LEASELOCK_STATS_INIT                                                   \
    {                                                                          \
        sizeof(struct leaselock_stats), 0, 0, 0, {{0}}, 0, {0}, {0}, 0, 0, 0,  \
            {{0}}, {0}, {0}, {0}, {0}, 0, {0}, {0}, LEASELOCK_HISTOGRAM_INIT,  \
            LEASELOCK_HISTOGRAM_INIT, LEASELOCK_HISTOGRAM_INIT,                \
            LEASELOCK_HISTOGRAM_INIT                                           \
    }

/**
 * Reads what a client has counted. All of it is of one moment.
 *
 * @param ret_stats  to be initialized with LEASELOCK_STATS_INIT; filled on
 *                   success
 * @return 0, LEASELOCK_E_ARGUMENT (ret_stats is NULL or not initialized),
 *         _HANDLE, _FORKED, _CLOSED
 * @thread any; it takes the client's mutex for a copy of some 6 KiB
 * @since 0.1
 */
int leaselock_client_stats(leaselock_client *client,
                           struct leaselock_stats *ret_stats);

/**
 * Writes the counters as OpenMetrics text 1.0, for a scraper such as
 * Prometheus, up to and with "# EOF". Its content type is
 * "application/openmetrics-text; version=1.0.0; charset=utf-8".
 *
 * @param stats     as filled by leaselock_client_stats
 * @param ret_text  takes the text and a NUL, as far as size allows; NULL if size
 *                  is 0
 * @param size      bytes in ret_text; 32768 suffice in this release
 * @return the length of the whole text without its NUL, as snprintf returns it,
 *         or LEASELOCK_E_ARGUMENT
 * @thread any
 * @since 0.1
 */
int leaselock_stats_openmetrics(const struct leaselock_stats *stats,
                                char *ret_text,
                                size_t size);

#ifdef __cplusplus
}
#endif

#endif
