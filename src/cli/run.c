/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CMD under a held lock, from the tool's side.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/hold.h"
#include "cli/report.h"

/** The supervisor's deadline is extended after a quarter of the remaining time,
 *  but not more often than EXTEND_MIN_MS nor less often than EXTEND_MAX_MS. */
#define EXTEND_PART 4
#define EXTEND_MIN_MS 20
#define EXTEND_MAX_MS 10000

/** When the lease may expire, as known now; 0: the lock is lost. */
static int64_t deadline_ns(const struct ll_hold *hold)
{
    int64_t now = now_ns(); /* first, so that an error makes it early */
    int64_t left_ms = leaselock_ticket_remaining_ms(hold->ticket);

    return left_ms > 0 ? now + left_ms * NS_PER_MS : 0;
}

static int next_look_ms(int64_t deadline)
{
    int64_t ms = (deadline - now_ns()) / NS_PER_MS / EXTEND_PART;

    if (ms < EXTEND_MIN_MS) {
        return EXTEND_MIN_MS;
    }
    return ms < EXTEND_MAX_MS ? (int)ms : EXTEND_MAX_MS;
}

static int start(struct ll_hold *hold, int64_t *ret_deadline_ns)
{
    struct ll_supervisor_lock lock;

    memset(&lock, 0, sizeof(lock));
    lock.token = leaselock_ticket_token(hold->ticket);
    lock.lease = leaselock_ticket_lease(hold->ticket);
    if (leaselock_ticket_key(hold->ticket, lock.key, sizeof(lock.key)) < 0 ||
        ll_hold_check_lost(hold)) {
        return LL_EXIT_LOST;
    }
    *ret_deadline_ns = deadline_ns(hold);
    ll_supervisor_start(&hold->supervisor, &lock, *ret_deadline_ns);
    hold->is_running = 1;
    if (hold->is_yield_due) {
        ll_hold_yield(hold);
    }
    return 0;
}

/** Extends the supervisor's deadline with the lease until CMD has ended. */
static void follow(struct ll_hold *hold, int64_t deadline)
{
    int is_ending = 0;

    while (hold->is_running) {
        int64_t newer;

        if (!is_ending && ll_hold_check_lost(hold)) {
            ll_supervisor_end(&hold->supervisor);
            is_ending = 1;
        }
        newer = deadline_ns(hold);
        if (!is_ending && newer > deadline + NS_PER_MS) {
            ll_supervisor_extend(&hold->supervisor, newer);
            deadline = newer;
        }
        ll_hold_turn(hold, is_ending ? -1 : next_look_ms(deadline));
    }
}

/** The exit code of a CMD under which the lock was not lost. */
static int exit_of_wait_status(int status)
{
    return WIFSIGNALED(status) ? LL_EXIT_SIGNAL + WTERMSIG(status)
                               : WEXITSTATUS(status);
}

static int report_supervisor_gone(struct ll_hold *hold)
{
    ll_supervisor_sweep(&hold->supervisor);
    ll_say("the supervisor of the command was killed, and the command "
           "with it");
    return LL_EXIT_SIGNAL + SIGKILL;
}

static int conclude(struct ll_hold *hold)
{
    int value = hold->report.value;

    if (hold->is_supervisor_gone) {
        return report_supervisor_gone(hold);
    }
    switch (hold->report.kind) {
    case LL_SUPERVISOR_FAILED:
        ll_say("cannot run %s: %s", hold->cmd[0], strerror(value));
        return value == ENOENT ? LL_EXIT_NOT_FOUND : LL_EXIT_CANNOT_RUN;
    case LL_SUPERVISOR_STUCK:
        ll_say("process %d lost the %s %s and cannot be ended: %s",
               (int)hold->supervisor.command,
               hold->value == NULL ? "lock" : "leadership of", hold->title,
               strerror(value));
        return LL_EXIT_LOST;
    case LL_SUPERVISOR_STARTED:
    case LL_SUPERVISOR_CONTINUED:
    case LL_SUPERVISOR_ENDED:
        break;
    }
    hold->can_again = hold->report.can_again;
    if (ll_hold_check_lost(hold)) {
        return LL_EXIT_LOST;
    }
    if (hold->report.ended_by_supervisor) {
        ll_say("the command was ended: the lease of %s was not seen to be "
               "renewed in time",
               hold->title);
        return LL_EXIT_LOST;
    }
    return exit_of_wait_status(value);
}

int ll_hold_run(struct ll_hold *hold)
{
    int64_t deadline = 0;
    int code;

    if (hold->supervisor.socket < 0) {
        return conclude(hold); /* the supervisor ended during the wait */
    }
    code = start(hold, &deadline);
    if (code != 0) {
        hold->can_again = 1; /* the supervisor got no order */
        return code;
    }
    follow(hold, deadline);
    return conclude(hold);
}
