/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/again.h"

#include <string.h>
#include <sys/random.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/report.h"

/** The first pause after a loss; doubled with each consecutive one. It is
 *  reduced at random by up to a half, so that many clients do not queue at the
 *  same time. */
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 10000
/** A CMD that ran for this long resets the count of losses. */
#define TERM_MIN_NS ((int64_t)PAUSE_MAX_MS * NS_PER_MS)

void ll_again_held(struct ll_again *again)
{
    again->held_ns = now_ns();
}

int ll_again_is_due(const struct ll_hold *hold, int code)
{
    /* Only the supervisor can end CMD and start it again. */
    return hold->options->again && code == LL_EXIT_LOST && hold->signal == 0 &&
           hold->can_again && hold->supervisor.socket >= 0;
}

static void
on_closed(int status, const struct leaselock_error *error, void *arg)
{
    (void)status; /* the old lease expires in any case */
    (void)error;
    (void)arg;
}

/** Resets the state of the last term; its session is closed in the background.
 */
static void begin_anew(struct ll_hold *hold)
{
    static const struct ll_supervisor_report no_report;
    struct leaselock_error no_error = LEASELOCK_ERROR_INIT;

    if (hold->session != NULL) {
        (void)leaselock_session_close_async(hold->session, on_closed, NULL,
                                            NULL);
        hold->session = NULL;
    }
    hold->ticket = NULL;
    hold->error = no_error;
    hold->ahead = 0;
    hold->is_held = 0;
    hold->is_lost = 0;
    hold->is_supervisor_gone = 0;
    hold->report = no_report;
    hold->supervisor.command = 0;
    hold->start_ns = now_ns();
}

static int pause_ms(int failures)
{
    int ms = PAUSE_FIRST_MS;
    unsigned random = 0;

    while (failures > 1 && ms < PAUSE_MAX_MS) {
        ms *= 2;
        failures--;
    }
    ms = ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) {
        return ms;
    }
    return ms / 2 + (int)(random % (unsigned)(ms / 2));
}

/** Returns 128 plus the signal that arrived meanwhile, or 0. */
static int pause_for(struct ll_hold *hold, int ms)
{
    int64_t end_ns = now_ns() + ms * NS_PER_MS;
    int64_t left_ns;

    while (hold->signal == 0 && (left_ns = end_ns - now_ns()) > 0) {
        ll_hold_turn(hold, (int)(left_ns / NS_PER_MS) + 1);
    }
    return hold->signal != 0 ? LL_EXIT_SIGNAL + hold->signal : 0;
}

/** Opens a session; retries while etcd does not answer, within --wait. */
static int open_at_last(struct ll_again *again, struct ll_hold *hold)
{
    int code = pause_for(hold, pause_ms(again->failures));

    while (code == 0) {
        int left_ms;
        int ms;

        code = ll_hold_open_session(hold);
        left_ms = ll_hold_wait_left_ms(hold);
        if (code != LL_EXIT_UNAVAILABLE || left_ms == 0) {
            break;
        }
        if (!hold->is_quiet) {
            ll_say("trying on%s", left_ms < 0 ? "" : " until --wait is over");
            hold->is_quiet = 1;
        }
        again->failures++;
        ms = pause_ms(again->failures);
        code = pause_for(hold, left_ms >= 0 && left_ms < ms ? left_ms : ms);
    }
    if (hold->is_quiet && code != 0 && hold->signal == 0) {
        (void)ll_say_failure("open a session", &hold->error);
    }
    hold->is_quiet = 0;
    return code;
}

int ll_again_open(struct ll_again *again, struct ll_hold *hold)
{
    if (again->held_ns != 0 && now_ns() - again->held_ns >= TERM_MIN_NS) {
        again->failures = 0;
    }
    again->held_ns = 0;
    again->failures++;
    begin_anew(hold);
    ll_say("queueing for %s again", hold->title);
    return open_at_last(again, hold);
}
