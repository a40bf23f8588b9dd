/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contenders that acquire one lock, or lead, in turn. Each has its own client,
 * session and thread, like processes on several machines. */
#include "lockbench.h"

/** A lost handover ends the run instead of hanging it. */
#define WAIT_MAX_MS 30000

typedef int take_fn(leaselock_session *session,
                    const char *name,
                    int timeout_ms,
                    leaselock_ticket **ret_ticket,
                    struct leaselock_error *reterr);

struct handoff {
    const struct bench_options *options;
    const struct bench_sessions *sessions;
    struct bench_turns *turns;
    take_fn *take;
};

static int lock(leaselock_session *session,
                const char *name,
                int timeout_ms,
                leaselock_ticket **ret_ticket,
                struct leaselock_error *reterr)
{
    return leaselock_acquire(session, name, NULL, timeout_ms, ret_ticket,
                             reterr);
}

static int lead(leaselock_session *session,
                const char *name,
                int timeout_ms,
                leaselock_ticket **ret_ticket,
                struct leaselock_error *reterr)
{
    return leaselock_campaign(session, name, "candidate", 9, NULL, timeout_ms,
                              ret_ticket, reterr);
}

/** A turn of a holder, up to the moment at which it lets go. */
static void hold(const struct handoff *handoff, int index)
{
    bench_turns_granted(handoff->turns, index, bench_now_ns());
    if (handoff->options->hold_us > 0) {
        bench_sleep_us(handoff->options->hold_us);
    }
    bench_turns_releasing(handoff->turns, index);
}

static int take_turns(int index, void *arg)
{
    const struct handoff *handoff = arg;
    const struct bench_options *options = handoff->options;
    leaselock_session *session = handoff->sessions->sessions[index];
    int timeout_ms =
        WAIT_MAX_MS + options->hold_us / 1000 * handoff->sessions->sessions_n;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    while (bench_turns_go_on(handoff->turns)) {
        leaselock_ticket *ticket = NULL;

        if (handoff->take(session, options->name, timeout_ms, &ticket,
                          &error) != 0) {
            (void)bench_fail("acquire", &error);
            return bench_turns_fail(handoff->turns);
        }
        hold(handoff, index);
        while (options->rejoin && bench_turns_go_on(handoff->turns)) {
            if (leaselock_rejoin(ticket, timeout_ms, &error) != 0) {
                (void)bench_fail("rejoin", &error);
                return bench_turns_fail(handoff->turns);
            }
            hold(handoff, index);
        }
        if (leaselock_release(ticket, &error) != 0) {
            (void)bench_fail("release", &error);
            return bench_turns_fail(handoff->turns);
        }
    }
    return 0;
}

static int measure(const struct bench_options *options,
                   take_fn *take,
                   struct bench_result *result)
{
    int clients = options->clients > 0 ? options->clients : 2;
    struct bench_sessions sessions = {0};
    struct handoff handoff = {options, &sessions, NULL, take};
    struct bench_meter meter;
    int status;

    if (bench_sessions_open(options, clients, clients, &sessions) != 0) {
        return 1;
    }
    bench_meter_start(&meter, options);
    handoff.turns = bench_turns_new(meter.start_ns +
                                    options->seconds * INT64_C(1000000000));
    status = handoff.turns == NULL
                 ? 1
                 : bench_in_parallel(clients, take_turns, &handoff);
    bench_meter_stop(&meter);
    if (status == 0) {
        bench_result_int(result, "clients", clients);
        bench_result_int(result, "hold_us", options->hold_us);
        bench_turns_report(handoff.turns, &meter, options->seconds, result);
    }
    bench_turns_free(handoff.turns);
    bench_sessions_close(&sessions);
    return status;
}

int bench_handoff(const struct bench_options *options,
                  struct bench_result *result)
{
    return measure(options, lock, result);
}

int bench_elect(const struct bench_options *options,
                struct bench_result *result)
{
    return measure(options, lead, result);
}
