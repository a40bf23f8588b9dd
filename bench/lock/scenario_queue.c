/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long queue for one name, with a holder in another process: how fast does it
 * form, and when the holder releases, how fast is the lock handed over through
 * all of them? Each releases as soon as it holds. The holder is exclusive; those
 * that wait may share the lock or be permits. */
#include "crowd.h"

#define NS_PER_S INT64_C(1000000000)

static double per_second(int n, int64_t length_ns)
{
    return length_ns > 0 ? n * 1e9 / (double)length_ns : 0;
}

static int drain(const struct bench_options *options,
                 struct crowd *crowd,
                 leaselock_ticket *ticket,
                 struct bench_result *result)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct bench_meter meter;
    int drained;

    bench_meter_start(&meter, options);
    if (leaselock_release(ticket, &error) != 0) {
        return bench_fail("release", &error);
    }
    drained =
        crowd_wait_held(crowd, meter.start_ns + options->seconds * NS_PER_S);
    bench_meter_stop(&meter);
    if (crowd_failed(crowd)) {
        return 1;
    }
    bench_result_int(result, "drained", drained);
    bench_result_real(result, "drain_per_second",
                      per_second(drained, meter.length_ns));
    bench_meter_report(&meter, drained, result);
    return 0;
}

static int measure(const struct bench_options *options,
                   struct crowd *crowd,
                   const struct bench_sessions *sessions,
                   struct bench_result *result)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;
    int64_t resident_kb = bench_resident_kb();
    int64_t start_ns;
    int64_t queued_ns;
    int64_t settled_ns;
    int queued;

    if (leaselock_acquire(sessions->sessions[0], options->name, NULL, 10000,
                          &ticket, &error) != 0) {
        return bench_fail("acquire", &error);
    }
    start_ns = bench_now_ns();
    if (crowd_acquire(crowd, sessions->sessions[1], options->name, 1) != 0) {
        return 1;
    }
    queued = crowd_wait_queued(crowd, start_ns + options->seconds * NS_PER_S);
    queued_ns = bench_now_ns();
    (void)crowd_settle(options, queued_ns, &settled_ns);
    bench_result_int(result, "tickets", options->tickets);
    bench_result_int(result, "queued", queued);
    bench_result_real(result, "enqueue_per_second",
                      per_second(queued, queued_ns - start_ns));
    bench_result_real(result, "register_s",
                      (double)(settled_ns - start_ns) / 1e9);
    bench_result_real(result, "kb_per_ticket",
                      (double)(bench_resident_kb() - resident_kb) /
                          options->tickets);
    return crowd_failed(crowd) ? 1 : drain(options, crowd, ticket, result);
}

int bench_queue(const struct bench_options *options,
                struct bench_result *result)
{
    struct bench_sessions sessions = {0};
    struct crowd crowd = {0};
    int status = 1;

    if (crowd_new(options->tickets, &crowd) == 0 &&
        bench_sessions_open(options, 2, 2, &sessions) == 0) {
        crowd.release = true;
        bench_mode(options, &crowd.how);
        status = measure(options, &crowd, &sessions, result);
        crowd_ending(&crowd);
    }
    bench_sessions_close(&sessions);
    crowd_free(&crowd);
    return status;
}
