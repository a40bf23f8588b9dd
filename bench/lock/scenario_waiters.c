/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets that wait, each for a name of its own or spread over fewer names, all
 * of which another process holds: how soon does each have its watch, and how much memory does one take? */
#include "crowd.h"
#include "holder.h"

/** How many names they wait for. */
static int names_of(const struct bench_options *options)
{
    return options->names > 0 && options->names < options->tickets
               ? options->names
               : options->tickets;
}

static int measure(const struct bench_options *options,
                   struct crowd *crowd,
                   leaselock_session *session,
                   struct bench_result *result)
{
    int n = options->tickets;
    int names_n = names_of(options);
    int64_t resident_kb = bench_resident_kb();
    int64_t settled_ns;
    int64_t queued_ns;
    struct bench_meter meter;
    double watchers;
    int queued;

    bench_meter_start(&meter, options);
    if (crowd_acquire(crowd, session, options->name, names_n) != 0) {
        return 1;
    }
    queued = crowd_wait_queued(crowd, meter.start_ns + options->seconds *
                                                           INT64_C(1000000000));
    queued_ns = bench_now_ns();
    watchers = crowd_settle(options, queued_ns, &settled_ns);
    bench_meter_stop(&meter);
    if (crowd_failed(crowd)) {
        return 1;
    }
    resident_kb = bench_resident_kb() - resident_kb;
    bench_result_int(result, "tickets", n);
    bench_result_int(result, "names", names_n);
    bench_result_int(result, "queued", queued);
    bench_result_real(result, "queue_s",
                      (double)(queued_ns - meter.start_ns) / 1e9);
    bench_result_real(result, "register_s",
                      (double)(settled_ns - meter.start_ns) / 1e9);
    bench_result_real(result, "watchers", watchers);
    bench_result_real(result, "kb_per_ticket", (double)resident_kb / n);
    bench_meter_report_costs(&meter, queued, result);
    return 0;
}

int bench_waiters(const struct bench_options *options,
                  struct bench_result *result)
{
    struct bench_sessions sessions = {0};
    struct crowd crowd = {0};
    struct holder holder = {0};
    int status = 1;

    if (crowd_new(options->tickets, &crowd) == 0 &&
        holder_start(options, options->name, names_of(options), &holder) == 0 &&
        holder_wait_held(&holder) == 0 &&
        bench_sessions_open(options, 1, 1, &sessions) == 0) {
        /* The holder watches its keys, too; those watches are not measured. */
        crowd_wait_watchers(options, names_of(options));
        status = measure(options, &crowd, sessions.sessions[0], result);
        crowd_ending(&crowd);
    }
    holder_kill(&holder);
    bench_sessions_close(&sessions);
    crowd_free(&crowd);
    return status;
}
