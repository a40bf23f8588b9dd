/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The supervisor's process: starts CMD, and ends it when the lease may expire.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/clock.h"
#include "cli/supervisor.h"
#include "cli/terminal.h"

/** How often SIGKILL is repeated, for processes that become children late. */
#define KILL_STEP_NS (20 * NS_PER_MS)
/** How long the supervisor waits for the end of killed processes. */
#define KILL_NS (5 * NS_PER_S)

/** How often the terminal is polled while CMD waits for it. */
#define TERMINAL_LOOK_MS 200

enum state {
    STATE_IDLE,
    /** CMD runs, and the deadline has not passed. */
    STATE_RUNNING,
    /** CMD has received SIGTERM, and its grace period runs. */
    STATE_ENDING,
    /** CMD and all its processes get SIGKILL. */
    STATE_KILLING,
    STATE_DONE
};

struct process {
    const struct ll_supervisor_plan *plan;
    enum state state;
    int socket;
    int signals;
    int timer;
    struct ll_terminal terminal;
    struct sigaction old_child_action;
    struct ll_child command;
    int is_reaped;
    int wait_status;
    int ended_by_supervisor;
    /** CMD has stopped because it needs the terminal, which another job has. */
    int wants_terminal;
    int64_t kill_until_ns;
};

static void
report(struct process *p, enum ll_supervisor_report_kind kind, int value)
{
    struct ll_supervisor_report message = {kind, value, p->ended_by_supervisor,
                                           p->state == STATE_IDLE};

    /* If the tool has ended, no report is needed. */
    if (p->socket >= 0) {
        (void)send(p->socket, &message, sizeof(message),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

static void set_timer(struct process *p, int64_t at_ns)
{
    int64_t ns = at_ns > 1 ? at_ns : 1; /* 0 would stop the timer */
    struct itimerspec when = {{0, 0},
                              {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)}};

    timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void stop_timer(struct process *p)
{
    struct itimerspec never = {{0, 0}, {0, 0}};

    timerfd_settime(p->timer, 0, &never, NULL);
}

/** CMD has ended, and, if the supervisor ended it, all its processes have. */
static void finish(struct process *p, int wait_status)
{
    int again = p->plan->again && p->ended_by_supervisor && p->socket >= 0;

    p->state = again ? STATE_IDLE : STATE_DONE;
    report(p, LL_SUPERVISOR_ENDED, wait_status);
    if (again) {
        stop_timer(p);
        if (p->command.pid > 0) {
            close(p->command.exec_pipe);
        }
        p->command = (struct ll_child){0};
        p->is_reaped = 0;
        p->wants_terminal = 0;
        p->ended_by_supervisor = 0;
    }
}

static void fail_start(struct process *p, int error)
{
    p->state = STATE_DONE;
    report(p, LL_SUPERVISOR_FAILED, error);
}

static void start(struct process *p, const struct ll_supervisor_order *order)
{
    const struct ll_child_plan plan = {
        p->plan->name,        p->plan->argv, &order->lock, &p->plan->mask,
        &p->old_child_action, &p->terminal,  p->plan->tool};
    int status;

    if (order->deadline_ns <= now_ns()) {
        p->ended_by_supervisor = 1; /* too late: the lease may have expired */
        finish(p, 0);
        return;
    }
    status = ll_child_start(&p->command, &plan);
    if (status != 0) {
        fail_start(p, -status);
        return;
    }
    p->state = STATE_RUNNING;
    set_timer(p, order->deadline_ns);
    report(p, LL_SUPERVISOR_STARTED, p->command.pid);
}

/** Kills the orphaned processes of CMD: as the subreaper, the supervisor has
 *  become their parent, so their process ids cannot be stale. */
static void kill_children(void)
{
    FILE *children = fopen("/proc/thread-self/children", "re");
    intmax_t pid;

    if (children == NULL) {
        return; /* an old kernel: only CMD's group is killed */
    }
    while (fscanf(children, "%jd", &pid) == 1) {
        kill((pid_t)pid, SIGKILL);
    }
    (void)fclose(children);
}

/** CMD's group id cannot be reused until CMD is reaped and the group is empty;
 *  a reuse after that, within the grace period, is unlikely. */
static void kill_all(struct process *p)
{
    kill(-p->command.pid, SIGKILL);
    kill_children();
    set_timer(p, now_ns() + KILL_STEP_NS);
}

static void begin_killing(struct process *p)
{
    p->state = STATE_KILLING;
    p->kill_until_ns = now_ns() + KILL_NS;
    kill_all(p);
}

/** Ends CMD when the lock is lost, or may be. */
static void begin_ending(struct process *p)
{
    p->state = STATE_ENDING;
    p->ended_by_supervisor = 1;
    kill(-p->command.pid, SIGTERM);
    kill(-p->command.pid, SIGCONT); /* wake stopped processes for SIGTERM */
    if (p->plan->grace_ms == 0) {
        begin_killing(p);
    } else {
        set_timer(p, now_ns() + p->plan->grace_ms * NS_PER_MS);
    }
}

/** Reports a CMD that did not end after SIGKILL, or CMD's end if only others
 *  are left. */
static void give_up(struct process *p)
{
    int error = 0;

    if (!p->is_reaped) {
        error = kill(p->command.pid, 0) != 0 ? errno : EBUSY;
        report(p, LL_SUPERVISOR_STUCK, error);
    } else {
        report(p, LL_SUPERVISOR_ENDED, p->wait_status);
    }
    p->state = STATE_DONE;
}

static void on_timer(struct process *p)
{
    uint64_t times;

    if (read(p->timer, &times, sizeof(times)) != (ssize_t)sizeof(times)) {
        return;
    }
    switch (p->state) {
    case STATE_RUNNING:
        begin_ending(p);
        break;
    case STATE_ENDING:
        begin_killing(p);
        break;
    case STATE_KILLING:
        if (now_ns() < p->kill_until_ns) {
            kill_all(p);
        } else {
            give_up(p);
        }
        break;
    case STATE_IDLE:
    case STATE_DONE:
        break;
    }
}

static void on_signal_order(struct process *p, int signal)
{
    if (p->command.pid <= 0 || p->is_reaped) {
        return;
    }
    if (signal == SIGCONT && ll_terminal_is_ours(&p->terminal)) {
        /* A shell has moved the tool to the foreground. */
        ll_terminal_give(&p->terminal, p->command.pid);
    }
    kill(-p->command.pid, signal);
}

static void on_tool_gone(struct process *p)
{
    close(p->socket);
    p->socket = -1;
    if (p->state == STATE_RUNNING) {
        begin_ending(p);
    } else if (p->state == STATE_IDLE) {
        p->state = STATE_DONE;
    }
}

/** Carries out the next order. Returns whether there may be more. */
static int take_order(struct process *p)
{
    struct ll_supervisor_order order;
    ssize_t n = recv(p->socket, &order, sizeof(order), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n != (ssize_t)sizeof(order)) {
        on_tool_gone(p);
        return 0;
    }
    switch (order.kind) {
    case LL_SUPERVISOR_START:
        if (p->state == STATE_IDLE) {
            start(p, &order);
        }
        break;
    case LL_SUPERVISOR_EXTEND:
        if (p->state == STATE_RUNNING) {
            set_timer(p, order.deadline_ns);
        }
        break;
    case LL_SUPERVISOR_END:
        if (p->state == STATE_RUNNING) {
            begin_ending(p);
        }
        break;
    case LL_SUPERVISOR_SIGNAL:
        on_signal_order(p, order.signal);
        break;
    }
    return p->state != STATE_DONE;
}

/** Gives the terminal to a CMD that waits for it, once a shell has moved the
 *  tool to the foreground. */
static void offer_terminal(struct process *p)
{
    if (p->wants_terminal && !p->is_reaped &&
        ll_terminal_is_ours(&p->terminal)) {
        p->wants_terminal = 0;
        ll_terminal_give(&p->terminal, p->command.pid);
        kill(-p->command.pid, SIGCONT);
    }
}

/** CMD has stopped. If it was stopped from the terminal, it is continued: no
 *  shell could do that, and the lock would stay held. */
static void on_stop(struct process *p, int signal)
{
    if (signal == SIGTSTP) {
        kill(-p->command.pid, SIGCONT);
        report(p, LL_SUPERVISOR_CONTINUED, 0);
    } else if (signal == SIGTTIN || signal == SIGTTOU) {
        p->wants_terminal = 1;
        offer_terminal(p);
    }
}

/** Reaps CMD and its orphans. Returns whether any child is left. */
static int reap(struct process *p)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED);

        if (pid == 0) {
            return 1;
        }
        if (pid < 0) {
            if (errno == EINTR) {
                continue;
            }
            return 0;
        }
        if (pid != p->command.pid) {
            continue;
        }
        if (WIFSTOPPED(status)) {
            on_stop(p, WSTOPSIG(status));
        } else {
            p->is_reaped = 1;
            p->wait_status = status;
        }
    }
}

static void on_child(struct process *p)
{
    struct signalfd_siginfo info;
    int error;
    int any_left;

    while (read(p->signals, &info, sizeof(info)) > 0) {
    }
    any_left = reap(p);
    /* If the supervisor ends CMD, it waits for CMD's processes, too. */
    if (!p->is_reaped || (p->state != STATE_RUNNING && any_left)) {
        return;
    }
    ll_terminal_take_back(&p->terminal, WIFSIGNALED(p->wait_status));
    error = ll_child_exec_error(&p->command);
    if (error != 0) {
        fail_start(p, error);
        return;
    }
    finish(p, p->wait_status);
}

static void open_process(struct process *p)
{
    struct sigaction default_action = {.sa_handler = SIG_DFL};
    pid_t tool_group = getpgrp();
    sigset_t all;
    sigset_t child;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    /* If SIGCHLD stayed ignored, as some parents set it, the kernel would reap
     * CMD itself. */
    sigaction(SIGCHLD, &default_action, &p->old_child_action);
    p->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    p->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    ll_terminal_open(&p->terminal, tool_group);
    /* Not in the tool's group, so that a kill of that group does not reach the
     * supervisor. */
    setpgid(0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "leaselock-super");
}

_Noreturn void ll_supervisor_process_run(const struct ll_supervisor_plan *plan,
                                         int socket)
{
    struct process process = {
        .plan = plan, .state = STATE_IDLE, .socket = socket};
    struct process *p = &process;

    open_process(p);
    if (p->signals < 0 || p->timer < 0) {
        fail_start(p, errno);
    }
    while (p->state != STATE_DONE) {
        struct pollfd fds[3] = {{p->signals, POLLIN, 0},
                                {p->timer, POLLIN, 0},
                                {p->socket, POLLIN, 0}};

        /* If only CMD is stopped, the shell does not detect it, and its fg
         * sends no signal: so the terminal is polled. */
        poll(fds, 3, p->wants_terminal ? TERMINAL_LOOK_MS : -1);
        offer_terminal(p);
        if (fds[0].revents != 0) {
            on_child(p);
        }
        /* Orders go before the timer: one may extend the deadline. */
        while (p->state != STATE_DONE && p->socket >= 0 && take_order(p)) {
        }
        if (fds[1].revents != 0) {
            on_timer(p);
        }
    }
    _exit(0);
}
