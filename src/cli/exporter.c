/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock exporter
 */
#include "cli/exporter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "leaselock/stats.h"

struct exporter {
    const struct ll_options *options;
    struct ll_signals signals;
    leaselock_client *client;
    leaselock_locks_watch *watch;
    struct ll_exporter_http *http;
    struct ll_exporter_leases leases;
    int64_t start_ns;
    int64_t asks_until_ns; /* the scrape is in ASKS until then; 0: REST */
    uint64_t scrapes;
    int said; /* the status of a failure that was reported */
    int signal;
};

/** Reads the view; reports why it fails, once. NULL: no memory. */
static struct leaselock_locks_watch_info *read_view(struct exporter *exporter)
{
    struct leaselock_locks_watch_info *info = NULL;

    if (leaselock_locks_watch_read(exporter->watch,
                                   (size_t)exporter->options->series_max, &info,
                                   NULL) != 0) {
        return NULL;
    }
    if (info->state == LEASELOCK_LOCKS_WATCH_FAILED &&
        info->status != exporter->said) {
        ll_say("cannot follow the locks: %s", info->reason);
        exporter->said = info->status;
    } else if (info->state == LEASELOCK_LOCKS_WATCH_CURRENT) {
        exporter->said = 0;
    }
    return info;
}

static int on_waits(void *arg)
{
    struct exporter *exporter = arg;
    struct leaselock_locks_watch_info *info;

    if (exporter->asks_until_ns == 0) {
        info = read_view(exporter);
        if (info != NULL && info->state == LEASELOCK_LOCKS_WATCH_CURRENT) {
            size_t before_n = exporter->leases.asked_n;

            ll_exporter_leases_ask(&exporter->leases, exporter->client, info);
            if (exporter->leases.asked_n > before_n) {
                exporter->asks_until_ns =
                    now_ns() + LL_SCRAPE_WAIT_MS * NS_PER_MS;
            }
        }
        leaselock_locks_watch_free(info);
    }
    return exporter->asks_until_ns != 0;
}

static char *
on_metrics(enum ll_exporter_format format, size_t *ret_size, void *arg)
{
    struct exporter *exporter = arg;
    struct leaselock_stats stats = LEASELOCK_STATS_INIT;
    struct leaselock_locks_watch_info *info = read_view(exporter);
    struct ll_exporter_facts facts = {
        .info = info, .leases = &exporter->leases, .stats = &stats};
    char *page = NULL;

    exporter->scrapes++;
    facts.scrapes = exporter->scrapes;
    facts.age_ms = (now_ns() - exporter->start_ns) / NS_PER_MS;
    if (info != NULL && leaselock_client_stats(exporter->client, &stats) == 0) {
        page = ll_exporter_page(&facts, format, ret_size);
    }
    leaselock_locks_watch_free(info);
    return page;
}

static const char *on_health(void *arg)
{
    struct leaselock_locks_watch_info *info = read_view(arg);
    const char *word = "out of memory\n";

    if (info != NULL) {
        switch ((enum leaselock_locks_watch_state)info->state) {
        case LEASELOCK_LOCKS_WATCH_LOADING:
            word = "loading\n";
            break;
        case LEASELOCK_LOCKS_WATCH_CURRENT:
            word = "current\n";
            break;
        case LEASELOCK_LOCKS_WATCH_LOST:
            word = "etcd does not answer\n";
            break;
        case LEASELOCK_LOCKS_WATCH_FAILED:
            word = "failed\n";
            break;
        }
    }
    leaselock_locks_watch_free(info);
    return word;
}

static void read_signals(struct exporter *exporter)
{
    int signal;

    while ((signal = ll_signals_read(&exporter->signals)) != 0) {
        if (signal == SIGTSTP) {
            kill(getpid(), SIGSTOP);
        } else if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP ||
                   signal == SIGQUIT) {
            exporter->signal = signal;
        }
    }
}

/** The time to poll: until the server's time, or the end of the wait for
 *  leases. */
static int poll_ms(const struct exporter *exporter)
{
    int timeout_ms = ll_exporter_http_timeout_ms(exporter->http);

    if (exporter->asks_until_ns != 0) {
        int64_t left_ms =
            (exporter->asks_until_ns - now_ns() + NS_PER_MS - 1) / NS_PER_MS;

        left_ms = left_ms > 0 ? left_ms : 0;
        if (timeout_ms < 0 || left_ms < timeout_ms) {
            timeout_ms = (int)left_ms;
        }
    }
    return timeout_ms;
}

static void settle(struct exporter *exporter)
{
    if (exporter->asks_until_ns != 0 && (exporter->leases.asked_n == 0 ||
                                         now_ns() >= exporter->asks_until_ns)) {
        exporter->asks_until_ns = 0;
        ll_exporter_http_resume(exporter->http);
    }
}

static int serve(struct exporter *exporter)
{
    struct pollfd fds[3] = {{exporter->signals.fd, POLLIN, 0},
                            {leaselock_client_fd(exporter->client), POLLIN, 0},
                            {ll_exporter_http_fd(exporter->http), POLLIN, 0}};

    while (exporter->signal == 0) {
        if (poll(fds, 3, poll_ms(exporter)) < 0 && errno != EINTR) {
            ll_say("cannot wait: %s", strerror(errno));
            return LL_EXIT_SYSTEM;
        }
        read_signals(exporter);
        leaselock_client_dispatch(exporter->client);
        settle(exporter);
        ll_exporter_http_run(exporter->http);
    }
    return LL_EXIT_OK;
}

static int open_all(struct exporter *exporter,
                    const struct ll_exporter_pages *pages)
{
    const struct ll_options *options = exporter->options;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char address[LL_EXPORTER_ADDRESS_SIZE];
    int code = ll_signals_open(&exporter->signals);

    if (code != 0) {
        ll_say("cannot watch for signals: %s", strerror(-code));
        return LL_EXIT_SYSTEM;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    exporter->http = ll_exporter_http_open(options->listen, pages, address);
    if (exporter->http == NULL) {
        return LL_EXIT_SYSTEM;
    }
    code = ll_connect(options, 1, ll_say_log, NULL, &exporter->client);
    if (code != 0) {
        return code;
    }
    if (leaselock_locks_watch_open(exporter->client, options->prefix,
                                   &exporter->watch, &error) != 0) {
        return ll_say_failure("follow the locks", &error);
    }
    printf("http://%s/metrics\n", address);
    return ll_print_flush();
}

int ll_cli_exporter(const struct ll_options *options, int argc, char **argv)
{
    struct exporter exporter = {.options = options, .start_ns = now_ns()};
    const struct ll_exporter_pages pages = {on_waits, on_metrics, on_health,
                                            &exporter};
    int code;

    if (argc > 0) {
        return ll_say_usage("exporter", "unexpected argument \"%s\"", argv[0]);
    }
    if (!ll_exporter_listen_is_valid(options->listen)) {
        return ll_say_usage("exporter",
                            "--listen is \"%s\", which is not HOST:PORT",
                            options->listen);
    }
    exporter.signals.fd = -1;
    code = open_all(&exporter, &pages);
    if (code == 0) {
        code = serve(&exporter);
    }
    ll_exporter_http_close(exporter.http);
    leaselock_locks_watch_close(exporter.watch);
    leaselock_client_close(exporter.client, NULL);
    ll_exporter_leases_free(&exporter.leases);
    ll_signals_close(&exporter.signals);
    return code;
}
