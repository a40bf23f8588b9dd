/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_EXPORTER_H
#define LL_CLI_EXPORTER_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/admin.h"
#include "leaselock/leaselock.h"

/**
 * leaselock exporter: serves metrics of all locks below a prefix.
 *
 * One thread does it all: it polls the signals, the client's descriptor and the
 * web server's. The locks come from a view that the library keeps up to date
 * (leaselock_locks_watch_open; its states are those of core/follow.h):
 *
 *     view    | leaselock_exporter_up | what a scrape shows
 *     LOADING | 0                     | what is known so far, or was before
 *     CURRENT | 1                     | the locks
 *     LOST    | 0                     | the locks as they were known last
 *     FAILED  | 0                     | the same
 *
 * The time that a lease has left is no key: etcd is asked for it at a scrape,
 * which waits for the answers a short while:
 *
 *     scrape | event                            | next | does
 *     REST   | GET /metrics, no lease is due or | REST | answers
 *            | the view is not CURRENT          |      |
 *     REST   | GET /metrics, leases are due     | ASKS | asks for the leases, at
 *            |                                  |      | most LL_LEASES_ASKED_MAX;
 *            |                                  |      | suspends the connection
 *     ASKS   | GET /metrics                     | ASKS | suspends the connection
 *     ASKS   | all are answered, or             | REST | resumes the connections,
 *            | LL_SCRAPE_WAIT_MS are over       |      | which are answered
 *
 * So a scrape takes no longer than that, whatever etcd does; an answer that is
 * late serves the next one.
 */

/** How long a scrape waits for leases. */
#define LL_SCRAPE_WAIT_MS 500
/** Requests for leases in flight. */
#define LL_LEASES_ASKED_MAX 256
/** The timeout of such a request. */
#define LL_LEASE_TIMEOUT_MS 3000
/** How long an answer counts as new, and how long it is shown. */
#define LL_LEASE_FRESH_MS 5000
#define LL_LEASE_SHOWN_MS 60000
/** Connections of the web server; and after how many seconds of silence it
 *  closes one. */
#define LL_EXPORTER_CONNECTIONS_MAX 64
#define LL_EXPORTER_SILENCE_S 30

/** A lease that a lock has, and what etcd said about it. */
struct ll_exporter_lease;

/** The leases of the locks that are shown. The one asked for longest ago is
 *  asked for first. */
struct ll_exporter_leases {
    struct ll_exporter_lease **all; /* sorted by their ids */
    size_t n;
    size_t asked_n;    /* requests in flight */
    uint64_t turns;    /* all requests that were made */
    uint64_t answered; /* all that were */
    uint64_t failed;
};

/** Starts to ask for the leases of these locks that are due. */
void ll_exporter_leases_ask(struct ll_exporter_leases *leases,
                            leaselock_client *client,
                            const struct leaselock_locks_watch_info *info);
/** What is known of a lease; NULL: nothing that may be shown.
 *  @param ret_age_ms  how long ago it was answered */
const struct leaselock_lease_info *
ll_exporter_lease_find(const struct ll_exporter_leases *leases,
                       int64_t lease,
                       int64_t *ret_age_ms);
/** To be called when the client is closed. */
void ll_exporter_leases_free(struct ll_exporter_leases *leases);

/** What a page shows. */
struct ll_exporter_facts {
    const struct leaselock_locks_watch_info *info;
    const struct ll_exporter_leases *leases;
    const struct leaselock_stats *stats;
    uint64_t scrapes;
    int64_t age_ms; /* of the exporter */
};

enum ll_exporter_format {
    LL_EXPORTER_PLAIN,       /* Prometheus text 0.0.4 */
    LL_EXPORTER_OPENMETRICS, /* OpenMetrics text 1.0.0 */
};

/** The format for an Accept header, which may be NULL. */
enum ll_exporter_format ll_exporter_format_of(const char *accept);

/**
 * Writes the page.
 *
 * @return allocated with malloc; NULL: no memory
 */
char *ll_exporter_page(const struct ll_exporter_facts *facts,
                       enum ll_exporter_format format,
                       size_t *ret_size);

/** The web server. */
struct ll_exporter_http;

/** What it needs of the exporter. */
struct ll_exporter_pages {
    /** Whether /metrics has to wait; if so, it is asked for again after
     *  ll_exporter_http_resume. */
    int (*waits)(void *arg);
    /** Makes the page of metrics, as ll_exporter_page. */
    char *(*metrics)(enum ll_exporter_format format,
                     size_t *ret_size,
                     void *arg);
    /** The state of the view, in a word. */
    const char *(*health)(void *arg);
    void *arg;
};

/** Bytes of an address as text: "[IPv6]:PORT" and a NUL. */
#define LL_EXPORTER_ADDRESS_SIZE 72

/** Whether a text is HOST:PORT; an IPv6 address is in brackets. */
int ll_exporter_listen_is_valid(const char *listen);

/**
 * Opens the port and starts the server, which ll_exporter_http_run serves.
 *
 * @param listen       valid; port 0 takes a free one
 * @param pages        borrowed
 * @param ret_address  where it listens
 * @return NULL after a message
 */
struct ll_exporter_http *
ll_exporter_http_open(const char *listen,
                      const struct ll_exporter_pages *pages,
                      char ret_address[LL_EXPORTER_ADDRESS_SIZE]);
/** The descriptor to poll for input. */
int ll_exporter_http_fd(const struct ll_exporter_http *http);
/** The longest time to poll; -1: any. */
int ll_exporter_http_timeout_ms(const struct ll_exporter_http *http);
/** Does what is due. */
void ll_exporter_http_run(struct ll_exporter_http *http);
/** Asks for the pages again that waited. */
void ll_exporter_http_resume(struct ll_exporter_http *http);
void ll_exporter_http_close(struct ll_exporter_http *http);

#endif
