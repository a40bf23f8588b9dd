/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A lock, or the leadership of an election, from the first request to its
 * release, and what runs under it. One thread and one loop: the client is in
 * dispatch mode.
 *
 *     ll_hold_open  ->  leaselock_acquire_async  ->  ll_hold_wait
 *                   ->  ll_hold_run or ll_hold_keep  ->  ll_hold_close
 *
 * With --again, a loss leads from ll_hold_run to a new session (again.h), and
 * then to leaselock_acquire_async.
 */
#ifndef LL_CLI_HOLD_H
#define LL_CLI_HOLD_H

#include <stdint.h>

#include "leaselock/leaselock.h"

#include "cli/options.h"
#include "cli/signals.h"
#include "cli/supervisor.h"
#include "cli/waitline.h"

struct ll_hold {
    const struct ll_options *options;
    /** The first of its locks. */
    const char *name;
    /** The title in messages: the name, or the first and how many more. */
    char title[LEASELOCK_NAME_MAX + 32];
    /** The proclaimed value; NULL for a lock. */
    const char *value;
    /** NULL if no command runs under the lock. */
    char **cmd;
    int64_t start_ns;

    leaselock_client *client;
    leaselock_session *session;
    leaselock_ticket *ticket;
    struct ll_signals signals;
    struct ll_supervisor supervisor;
    struct ll_waitline line;

    /** The pending asynchronous call has ended. */
    int is_settled;
    int64_t settled_ns;
    int status;
    struct leaselock_error error;

    /** The last known number of places ahead; 0: not known. */
    int64_t ahead;

    /** The ticket was reported as held. */
    int is_held;
    int is_lost;
    /** CMD was sent to the supervisor, and its end is not reported yet. */
    int is_running;
    int is_supervisor_gone;
    /** The lock was asked for before CMD was started. */
    int is_yield_due;
    /** CMD did not end by itself, and the supervisor can start it again. */
    int can_again;
    /** The supervisor's last report, once is_running is 0 again. */
    struct ll_supervisor_report report;
    /** Not 0: a call that fails is not reported. */
    int is_quiet;
    /** The signal that requests the tool to end, or 0. */
    int signal;
};

/**
 * Blocks the signals, forks the supervisor if there is a CMD, and opens the
 * client and its session.
 *
 * @param hold     zeroed here; must not move until ll_hold_close
 * @param options  borrowed, as are name and cmd
 * @return 0, or an exit code after a message; ll_hold_close has to follow in
 *         either case
 */
int ll_hold_open(struct ll_hold *hold,
                 const struct ll_options *options,
                 const char *name,
                 char **cmd);

/** For asynchronous calls, with the hold as their argument. */
void ll_hold_on_done(int status,
                     const struct leaselock_error *error,
                     void *arg);
void ll_hold_on_lost(leaselock_ticket *ticket, const char *why, void *arg);
void ll_hold_on_requeue(leaselock_ticket *ticket, const char *why, void *arg);
void ll_hold_on_yield(leaselock_ticket *ticket,
                      const struct leaselock_yield_request *request,
                      void *arg);

/** The remaining milliseconds of --wait, or LEASELOCK_FOREVER. */
int ll_hold_wait_left_ms(const struct ll_hold *hold);

/** Opens the session. Returns an exit code; prints no message while
 *  hold->is_quiet is set. */
int ll_hold_open_session(struct ll_hold *hold);

/**
 * Waits for the pending asynchronous call.
 *
 * @return 0 if it succeeded, else the exit code: after a message if it failed,
 *         without one after a signal
 */
int ll_hold_wait(struct ll_hold *hold, const char *what);

/** One iteration of the loop: waits for an event, and handles it.
 *  @param timeout_ms  longest wait, -1 for no limit */
void ll_hold_turn(struct ll_hold *hold, int timeout_ms);

/** Whether the lock is lost, by the clock; reports it the first time. */
int ll_hold_check_lost(struct ll_hold *hold);

/** Sends CMD, which runs, the signal of --on-yield. */
void ll_hold_yield(struct ll_hold *hold);

/** Waits until a signal arrives, the lock is lost, or it is asked for. Returns
 *  the exit code. */
int ll_hold_keep(struct ll_hold *hold);

/** Runs CMD while the lock is held. Returns the exit code. */
int ll_hold_run(struct ll_hold *hold);

/** Releases the lock and closes everything, in bounded time. */
void ll_hold_close(struct ll_hold *hold);

/** The mode of its locks, an enum leaselock_mode. */
int ll_hold_mode(const struct ll_options *options);

/** The time from SIGTERM to SIGKILL when the lock is lost. */
int ll_hold_grace_ms(const struct ll_options *options);

#endif
