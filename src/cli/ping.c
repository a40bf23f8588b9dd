/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock ping
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/grid.h"
#include "cli/report.h"
#include "leaselock/admin.h"

/** The request to one endpoint, and its answer. */
struct probe {
    int is_nearest;
    /** As the user wrote it. */
    char *endpoint;
    struct leaselock_ping ping;
    struct leaselock_error error;
    int status;
    unsigned *pending;
};

static void
on_answer(int status, const struct leaselock_error *error, void *arg)
{
    struct probe *probe = arg;

    probe->status = status;
    if (error != NULL) {
        probe->error = *error;
    }
    probe->error.code = status;
    (*probe->pending)--;
}

static void free_probes(struct probe *probes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(probes[i].endpoint);
    }
    free(probes);
}

/** Makes a probe for each of the client's endpoints. Returns their number, or
 *  -1 without memory. */
static int make_probes(leaselock_client *client, struct probe **ret_probes)
{
    char endpoint[LEASELOCK_ERROR_ENDPOINT_SIZE];
    struct probe *probes;
    size_t n = 0;

    while (leaselock_client_endpoint(client, (unsigned)n, endpoint,
                                     sizeof(endpoint)) > 0) {
        n++;
    }
    probes = calloc(n > 0 ? n : 1, sizeof(*probes));
    if (probes == NULL) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        (void)leaselock_client_endpoint(client, (unsigned)i, endpoint,
                                        sizeof(endpoint));
        probes[i].endpoint = strdup(endpoint);
        if (probes[i].endpoint == NULL) {
            free_probes(probes, i);
            return -1;
        }
        probes[i].error.grpc_status = -1;
    }
    *ret_probes = probes;
    return (int)n;
}

/** Whether etcd answered but refused its status: there is no version then. */
static int is_refused(const struct leaselock_ping *ping)
{
    return ping->version[0] == '\0';
}

static const char *role_of(const struct leaselock_ping *ping)
{
    if (is_refused(ping)) {
        return "unknown";
    }
    if (ping->is_learner) {
        return "learner";
    }
    if (ping->leader_id == 0) {
        return "no leader";
    }
    return ping->leader_id == ping->member_id ? "leader" : "follower";
}

/** The value, or null if it is unknown. */
static json_t *or_null(int is_known, json_t *value)
{
    if (is_known) {
        return value;
    }
    json_decref(value);
    return json_null();
}

static json_t *probe_to_json(const struct probe *probe)
{
    const struct leaselock_ping *ping = &probe->ping;

    if (probe->status != 0) {
        return json_pack(
            "{s:o, s:b, s:s, s:o}", "endpoint",
            ll_json_text(probe->endpoint, strlen(probe->endpoint)), "ok", 0,
            "status", leaselock_status_name(probe->status), "error",
            ll_json_text(probe->error.message, strlen(probe->error.message)));
    }
    return json_pack(
        "{s:o, s:b, s:o, s:I, s:o, s:b, s:o, s:b, s:b, s:o, s:o, s:o, s:o, "
        "s:o}",
        "endpoint", ll_json_text(probe->endpoint, strlen(probe->endpoint)),
        "ok", 1, "version",
        or_null(!is_refused(ping),
                ll_json_text(ping->version, strlen(ping->version))),
        "round_trip_us", (json_int_t)ping->round_trip_us, "answer_us",
        or_null(ping->answer_us != 0, json_integer(ping->answer_us)), "nearest",
        probe->is_nearest, "role",
        or_null(!is_refused(ping), json_string(role_of(ping))), "tls",
        ping->tls, "authenticated", ping->authenticated, "leader",
        or_null(!is_refused(ping),
                json_boolean(ping->leader_id != 0 &&
                             ping->leader_id == ping->member_id)),
        "has_leader",
        or_null(!is_refused(ping), json_boolean(ping->leader_id != 0)),
        "revision", or_null(ping->revision != 0, json_integer(ping->revision)),
        "member",
        or_null(ping->member_id != 0, ll_json_lease((int64_t)ping->member_id)),
        "cluster",
        or_null(ping->cluster_id != 0,
                ll_json_lease((int64_t)ping->cluster_id)));
}

static int print_json(const struct probe *probes, int n)
{
    json_t *all = json_array();

    for (int i = 0; i < n; i++) {
        if (json_array_append_new(all, probe_to_json(&probes[i])) != 0) {
            json_decref(all);
            return ll_print_json(NULL);
        }
    }
    return ll_print_json(json_pack("{s:o}", "endpoints", all));
}

static int any_answered(const struct probe *probes, int n)
{
    for (int i = 0; i < n; i++) {
        if (probes[i].status == 0) {
            return 1;
        }
    }
    return 0;
}

static void add_time(struct ll_grid *grid, int64_t time_us)
{
    if (time_us == 0) {
        ll_grid_addf(grid, "unknown");
    } else {
        ll_grid_addf(grid, "%" PRId64 ".%03d ms", time_us / 1000,
                     (int)(time_us % 1000));
    }
}

/** Marks the endpoint whose answers come first. */
static void find_nearest(struct probe *probes, int n)
{
    struct probe *nearest = NULL;

    for (int i = 0; i < n; i++) {
        if (probes[i].status == 0 && probes[i].ping.answer_us != 0 &&
            (nearest == NULL ||
             probes[i].ping.answer_us < nearest->ping.answer_us)) {
            nearest = &probes[i];
        }
    }
    if (nearest != NULL) {
        nearest->is_nearest = 1;
    }
}

static int print_table(const struct probe *probes, int n)
{
    struct ll_grid grid = LL_GRID_INIT(9);
    int code;

    ll_grid_addf(&grid, "ENDPOINT");
    ll_grid_addf(&grid, "VERSION");
    ll_grid_addf(&grid, "ROUND TRIP");
    ll_grid_addf(&grid, "ANSWER");
    ll_grid_addf(&grid, "NEAREST");
    ll_grid_addf(&grid, "ROLE");
    ll_grid_addf(&grid, "TLS");
    ll_grid_addf(&grid, "AUTH");
    ll_grid_addf(&grid, "REVISION");
    for (int i = 0; i < n; i++) {
        const struct leaselock_ping *ping = &probes[i].ping;

        if (probes[i].status != 0) {
            continue;
        }
        ll_grid_add(&grid, probes[i].endpoint, strlen(probes[i].endpoint));
        ll_grid_addf(&grid, "%s", is_refused(ping) ? "unknown" : ping->version);
        add_time(&grid, ping->round_trip_us);
        add_time(&grid, ping->answer_us);
        ll_grid_addf(&grid, "%s", probes[i].is_nearest ? "yes" : "no");
        ll_grid_addf(&grid, "%s", role_of(ping));
        ll_grid_addf(&grid, "%s", ping->tls ? "yes" : "no");
        ll_grid_addf(&grid, "%s", ping->authenticated ? "yes" : "no");
        if (ping->revision != 0) {
            ll_grid_addf(&grid, "%" PRId64, ping->revision);
        } else {
            ll_grid_addf(&grid, "unknown");
        }
    }
    code = ll_grid_print(&grid);
    ll_grid_free(&grid);
    return code;
}

/** Reports the errors, one line for each endpoint. Returns the exit code. */
static int judge(const struct probe *probes, int n)
{
    int code = LL_EXIT_OK;
    int answered = 0;
    const struct probe *first = NULL; /* the first one with a known cluster */

    for (int i = 0; i < n; i++) {
        const struct probe *probe = &probes[i];
        char what[LEASELOCK_ERROR_ENDPOINT_SIZE + 16];

        if (probe->status != 0) {
            (void)snprintf(what, sizeof(what), "ping %s", probe->endpoint);
            code = ll_say_failure(what, &probe->error);
            continue;
        }
        answered = 1;
        if (probe->ping.cluster_id == 0) {
            continue; /* unknown: not a different cluster */
        }
        if (first == NULL) {
            first = probe;
        } else if (probe->ping.cluster_id != first->ping.cluster_id) {
            ll_say("%s and %s belong to different clusters", first->endpoint,
                   probe->endpoint);
        }
    }
    return answered ? LL_EXIT_OK : code;
}

static void ask_all(leaselock_client *client,
                    const struct ll_options *options,
                    struct probe *probes,
                    int n,
                    unsigned *pending)
{
    struct pollfd fd = {leaselock_client_fd(client), POLLIN, 0};

    for (int i = 0; i < n; i++) {
        struct probe *probe = &probes[i];

        probe->pending = pending;
        ++*pending;
        probe->status =
            leaselock_ping_async(client, (unsigned)i, options->timeout_ms,
                                 &probe->ping, on_answer, probe, &probe->error);
        if (probe->status != 0) {
            --*pending;
        }
    }
    while (*pending > 0) {
        poll(&fd, 1, -1); /* the library limits each wait */
        leaselock_client_dispatch(client);
    }
}

int ll_cli_ping(const struct ll_options *options, int argc, char **argv)
{
    leaselock_client *client = NULL;
    struct probe *probes = NULL;
    unsigned pending = 0;
    int code;
    int n;

    if (argc > 0) {
        return ll_say_usage("ping", "unexpected argument \"%s\"", argv[0]);
    }
    code = ll_connect(options, 1, ll_say_log, NULL, &client);
    if (code != 0) {
        return code;
    }
    n = make_probes(client, &probes);
    if (n < 0) {
        ll_say("out of memory");
        leaselock_client_close(client, NULL);
        return LL_EXIT_SYSTEM;
    }
    ask_all(client, options, probes, n, &pending);
    find_nearest(probes, n);
    if (options->json) {
        code = print_json(probes, n);
    } else {
        code = any_answered(probes, n) ? print_table(probes, n) : 0;
    }
    code = code != 0 ? code : ll_print_flush();
    code = code != 0 ? code : judge(probes, n);
    leaselock_client_close(client, NULL);
    free_probes(probes, (size_t)n);
    return code;
}
