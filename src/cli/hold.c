/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hold.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/conflict.h"
#include "cli/connect.h"
#include "cli/report.h"
#include "cli/text.h"

#define GRACE_DEFAULT_MS 5000
/** The library reports a loss this long before the lease may expire: the larger
 *  of TTL/10 and MARGIN_MIN_MS. CMD must have ended by then; the reserve is for
 *  killing it. */
#define MARGIN_MIN_MS 300
#define MARGIN_RESERVE_MS 100
/** The least timeout of a request, however short --wait is. */
#define OPEN_MIN_MS 2000
/** The place in the queue is read once more this long before --wait ends. */
#define LOOK_BEFORE_MS 20
/** A holder without CMD checks the clock at least this often. */
#define LOOK_MAX_MS 10000

int ll_hold_grace_ms(const struct ll_options *options)
{
    int64_t margin_ms = (int64_t)options->ttl_s * 100;

    if (options->grace_ms >= 0) {
        return options->grace_ms;
    }
    if (margin_ms < MARGIN_MIN_MS) {
        margin_ms = MARGIN_MIN_MS;
    }
    margin_ms -= MARGIN_RESERVE_MS;
    return margin_ms < GRACE_DEFAULT_MS ? (int)margin_ms : GRACE_DEFAULT_MS;
}

int ll_hold_mode(const struct ll_options *options)
{
    return options->permits > 0 ? LEASELOCK_PERMIT
           : options->shared    ? LEASELOCK_SHARED
                                : LEASELOCK_EXCLUSIVE;
}

void ll_hold_on_done(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_hold *hold = arg;

    hold->is_settled = 1;
    hold->settled_ns = now_ns();
    hold->status = status;
    if (error != NULL) {
        hold->error = *error;
    }
    hold->error.code = status;
}

/** Reports the loss of the lock, once. */
static void say_lost(struct ll_hold *hold, const char *why)
{
    if (hold->is_lost) {
        return;
    }
    hold->is_lost = 1;
    ll_waitline_clear(&hold->line);
    ll_say("the %s %s is lost: %s%s",
           hold->value == NULL ? "lock" : "leadership of", hold->title, why,
           hold->is_running ? "; ending the command" : "");
}

void ll_hold_on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    (void)ticket;
    say_lost(arg, why);
}

void ll_hold_on_requeue(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct ll_hold *hold = arg;

    (void)ticket;
    ll_waitline_clear(&hold->line);
    ll_say("the place in the queue of %s is lost, as %s; queued again, at its "
           "end",
           hold->title, why);
}

void ll_hold_yield(struct ll_hold *hold)
{
    hold->is_yield_due = 0;
    if (hold->options->on_yield != 0 && !hold->is_lost) {
        ll_supervisor_signal(&hold->supervisor, hold->options->on_yield);
    }
}

void ll_hold_on_yield(leaselock_ticket *ticket,
                      const struct leaselock_yield_request *request,
                      void *arg)
{
    struct ll_hold *hold = arg;
    const char *what = hold->options->on_yield == 0
                           ? "; it is kept (--on-yield)"
                       : hold->cmd == NULL ? "; releasing it"
                                           : "; signalling the command";

    (void)ticket;
    ll_waitline_clear(&hold->line);
    ll_say("%s is asked for%s%s%s%s%s", hold->title,
           request->who[0] != '\0' ? " by " : "", request->who,
           request->reason[0] != '\0' ? ": " : "", request->reason, what);
    if (hold->is_running) {
        ll_hold_yield(hold);
    } else if (hold->cmd != NULL) {
        hold->is_yield_due = 1;
    } else if (hold->options->on_yield != 0 && hold->signal == 0) {
        hold->signal = hold->options->on_yield;
    }
}

int ll_hold_check_lost(struct ll_hold *hold)
{
    if (leaselock_ticket_state(hold->ticket) != LEASELOCK_TICKET_HELD) {
        say_lost(hold, "its lease was not renewed in time");
    }
    return hold->is_lost;
}

static void
on_log(enum leaselock_log_level level, const char *message, void *arg)
{
    struct ll_hold *hold = arg;

    ll_waitline_clear(&hold->line);
    ll_say_log(level, message, NULL);
}

static void on_signal(struct ll_hold *hold, int signal)
{
    if (hold->is_running) {
        /* ^Z does not stop the tool: its lease would expire. */
        if (signal != SIGTSTP) {
            ll_supervisor_signal(&hold->supervisor, signal);
        }
        /* CMD is already being ended: this signal is for the tool. */
        if (hold->is_lost && signal != SIGTSTP && signal != SIGCONT &&
            hold->signal == 0) {
            hold->signal = signal;
        }
    } else if (signal == SIGTSTP) {
        ll_waitline_clear(&hold->line);
        kill(getpid(), SIGSTOP);
    } else if (signal != SIGCONT && hold->signal == 0) {
        hold->signal = signal;
    }
}

static void on_report(struct ll_hold *hold,
                      const struct ll_supervisor_report *report)
{
    switch (report->kind) {
    case LL_SUPERVISOR_STARTED:
        if (hold->options->verbose > 0) {
            ll_say("the command runs as process %d", report->value);
        }
        break;
    case LL_SUPERVISOR_CONTINUED:
        ll_say("the command %s %s, so it was continued; to stop it, use kill "
               "-STOP",
               hold->value == NULL ? "holds the lock" : "leads", hold->title);
        break;
    case LL_SUPERVISOR_FAILED:
    case LL_SUPERVISOR_ENDED:
    case LL_SUPERVISOR_STUCK:
        hold->report = *report;
        hold->is_running = 0;
        break;
    }
}

static void read_reports(struct ll_hold *hold)
{
    struct ll_supervisor_report report;
    int got;

    if (hold->supervisor.socket < 0) {
        return;
    }
    while ((got = ll_supervisor_read(&hold->supervisor, &report)) == 1) {
        on_report(hold, &report);
    }
    if (got < 0) {
        ll_supervisor_close(&hold->supervisor);
        /* Any regular end of the supervisor follows a last report. */
        hold->is_supervisor_gone = hold->report.kind == 0;
        hold->is_running = 0;
    }
}

void ll_hold_turn(struct ll_hold *hold, int timeout_ms)
{
    /* poll() skips a descriptor of -1. */
    struct pollfd fds[3] = {{leaselock_client_fd(hold->client), POLLIN, 0},
                            {hold->signals.fd, POLLIN, 0},
                            {hold->supervisor.socket, POLLIN, 0}};
    int due_ms = ll_waitline_due_ms(&hold->line);
    int signal;

    if (due_ms >= 0 && (timeout_ms < 0 || due_ms < timeout_ms)) {
        timeout_ms = due_ms;
    }
    poll(fds, 3, timeout_ms);
    while ((signal = ll_signals_read(&hold->signals)) != 0) {
        on_signal(hold, signal);
    }
    leaselock_client_dispatch(hold->client);
    read_reports(hold);
    ll_waitline_update(&hold->line);
}

int ll_hold_wait_left_ms(const struct ll_hold *hold)
{
    int64_t past_ms = (now_ns() - hold->start_ns) / NS_PER_MS;

    if (hold->options->wait_ms < 0) {
        return LEASELOCK_FOREVER;
    }
    return past_ms < hold->options->wait_ms
               ? hold->options->wait_ms - (int)past_ms
               : 0;
}

/** Reports why the lock was not acquired. */
static int say_not_acquired(struct ll_hold *hold, const char *what)
{
    if (hold->is_quiet) {
        return ll_exit_of_status(hold->status);
    }
    if (hold->status == LEASELOCK_E_TIMEOUT) {
        return ll_conflict_say(hold);
    }
    if (hold->status == LEASELOCK_E_LOST) {
        ll_say("the place in the queue of %s is lost: %s", hold->title,
               hold->error.message);
        return LL_EXIT_LOST;
    }
    return ll_say_failure(what, &hold->error);
}

int ll_hold_wait(struct ll_hold *hold, const char *what)
{
    while (!hold->is_settled && hold->signal == 0) {
        int left_ms = ll_hold_wait_left_ms(hold);
        int64_t ahead = leaselock_ticket_position(hold->ticket);

        hold->ahead = ahead > 0 ? ahead : hold->ahead;
        ll_hold_turn(hold,
                     left_ms > LOOK_BEFORE_MS ? left_ms - LOOK_BEFORE_MS : -1);
    }
    ll_waitline_stop(&hold->line);
    if (hold->is_settled && hold->status != 0) {
        return say_not_acquired(hold, what);
    }
    return hold->signal != 0 ? LL_EXIT_SIGNAL + hold->signal : 0;
}

/** The label that the queue shows if the user sets none: CMD's name, if it is
 *  printable; else NULL. */
static const char *label_of_command(char **cmd)
{
    char escaped[LEASELOCK_LABEL_MAX + 1];
    const char *slash;
    const char *name;

    if (cmd == NULL) {
        return NULL;
    }
    slash = strrchr(cmd[0], '/');
    name = slash != NULL ? slash + 1 : cmd[0];
    ll_text_escape(name, strlen(name), escaped, sizeof(escaped));
    return strcmp(name, escaped) == 0 ? name : NULL;
}

int ll_hold_open_session(struct ll_hold *hold)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    int wait_ms = hold->options->wait_ms;

    options.ttl_s = hold->options->ttl_s;
    options.label = hold->options->label != NULL ? hold->options->label
                                                 : label_of_command(hold->cmd);
    /* A run takes a lock once. */
    options.key_names = LEASELOCK_KEY_NAMES_HOST;
    options.open_timeout_ms = hold->options->timeout_ms;
    if (wait_ms >= 0 && wait_ms < options.open_timeout_ms) {
        options.open_timeout_ms = wait_ms > OPEN_MIN_MS ? wait_ms : OPEN_MIN_MS;
    }
    if (options.open_timeout_ms > hold->options->timeout_ms) {
        options.open_timeout_ms = hold->options->timeout_ms;
    }
    hold->is_settled = 0;
    hold->status =
        leaselock_session_open_async(hold->client, &options, ll_hold_on_done,
                                     hold, &hold->session, &hold->error);
    if (hold->status != 0) {
        return ll_say_failure("open a session", &hold->error);
    }
    return ll_hold_wait(hold, "open a session");
}

static int open_supervisor(struct ll_hold *hold)
{
    static struct ll_supervisor_plan plan;
    int status;

    plan.name = hold->name;
    plan.argv = hold->cmd;
    plan.again = hold->options->again;
    plan.grace_ms = ll_hold_grace_ms(hold->options);
    plan.mask = hold->signals.old_mask;
    plan.tool = getpid();
    status = ll_supervisor_open(&hold->supervisor, &plan);
    if (status != 0) {
        ll_say("cannot start a process: %s", strerror(-status));
        return LL_EXIT_SYSTEM;
    }
    return 0;
}

int ll_hold_open(struct ll_hold *hold,
                 const struct ll_options *options,
                 const char *name,
                 char **cmd)
{
    struct leaselock_error no_error = LEASELOCK_ERROR_INIT;
    struct ll_options own = *options;
    int code;

    memset(hold, 0, sizeof(*hold));
    hold->options = options;
    hold->name = name;
    if (options->also_n > 0) {
        (void)snprintf(hold->title, sizeof(hold->title), "%s and %d more", name,
                       options->also_n);
    } else {
        (void)snprintf(hold->title, sizeof(hold->title), "%s", name);
    }
    hold->cmd = cmd;
    hold->start_ns = now_ns();
    hold->signals.fd = -1;
    hold->supervisor.socket = -1;
    hold->error = no_error;
    code = ll_signals_open(&hold->signals);
    if (code != 0) {
        ll_say("cannot watch for signals: %s", strerror(-code));
        return LL_EXIT_SYSTEM;
    }
    code = cmd != NULL ? open_supervisor(hold) : 0;
    if (code != 0) {
        return code;
    }
    /* After the fork, so that CMD keeps its own action. */
    (void)signal(SIGPIPE, SIG_IGN);
    /* The guardian also waits for the supervisor, which ends CMD when the tool
     * ends: no other client gets the lock while CMD may be running. */
    own.connection.guarded_pid = cmd != NULL ? hold->supervisor.pid : 0;
    code = ll_connect(&own, 1, on_log, hold, &hold->client);
    return code != 0 ? code : ll_hold_open_session(hold);
}

int ll_hold_keep(struct ll_hold *hold)
{
    while (hold->signal == 0 && !ll_hold_check_lost(hold)) {
        int64_t left_ms = leaselock_ticket_remaining_ms(hold->ticket);

        ll_hold_turn(hold, left_ms < LOOK_MAX_MS ? (int)left_ms : LOOK_MAX_MS);
    }
    return hold->is_lost ? LL_EXIT_LOST : LL_EXIT_OK;
}

void ll_hold_close(struct ll_hold *hold)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int status;

    ll_waitline_stop(&hold->line);
    /* Revoking the lease deletes the key, too, in one round trip; a release
     * would need one as well. */
    status = leaselock_client_close(hold->client, &error);
    if (status == LEASELOCK_E_REFUSED || status == LEASELOCK_E_SERVER) {
        ll_say("%s is not released: %s", hold->title, error.message);
    } else if (status != 0 && hold->is_held && !hold->is_lost) {
        ll_say("the release of %s was not answered; it is free at the latest "
               "when its lease ends, in about %d s",
               hold->title, hold->options->ttl_s);
    }
    ll_waitline_free(&hold->line);
    ll_supervisor_reap(&hold->supervisor);
    ll_signals_close(&hold->signals);
}
