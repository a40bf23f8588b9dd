/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The supervisor: a small process between the tool and CMD.
 *
 * The tool forks it before it uses the library, so the supervisor has one
 * thread and no gRPC, and may fork CMD itself. It has a deadline: the time at
 * which the lease may expire. If the tool does not extend the deadline in time
 * (because the lock is lost, or the tool is stopped, hangs or was killed), the
 * supervisor ends CMD and all processes that CMD started: SIGTERM, a grace
 * period, SIGKILL. So CMD's end never depends on the tool.
 *
 * If the supervisor has ended CMD and its plan has `again`, it waits for the
 * order to start CMD again; otherwise it exits when CMD has ended.
 *
 *     tool  --orders-->  supervisor  --fork-->  CMD, in its own process group
 *           <-reports--
 */
#ifndef LL_CLI_SUPERVISOR_H
#define LL_CLI_SUPERVISOR_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "leaselock/leaselock.h"

/** The supervisor's parameters, which do not change. */
struct ll_supervisor_plan {
    const char *name;
    /** CMD and its arguments, and a NULL. */
    char **argv;
    int grace_ms;
    /** Not 0: after the supervisor has ended CMD, it accepts an order to start
     *  CMD again. */
    int again;
    /** CMD's signal mask. */
    sigset_t mask;
    /** The tool's process id: CMD gets its own in its place, in the variables
     *  in which a service manager names whom it has started. */
    pid_t tool;
};

/** The properties of the acquired lock, which CMD gets in its environment. */
struct ll_supervisor_lock {
    int64_t token;
    int64_t lease;
    char key[LEASELOCK_KEY_MAX + 1];
};

enum ll_supervisor_order_kind {
    /** Start CMD; no effect while it runs. */
    LL_SUPERVISOR_START = 1,
    /** The lease is renewed: extend the deadline. */
    LL_SUPERVISOR_EXTEND,
    /** The lock is lost: end CMD. */
    LL_SUPERVISOR_END,
    /** Send CMD's process group a signal. */
    LL_SUPERVISOR_SIGNAL
};

struct ll_supervisor_order {
    enum ll_supervisor_order_kind kind;
    int signal;
    /** CLOCK_BOOTTIME. */
    int64_t deadline_ns;
    struct ll_supervisor_lock lock;
};

enum ll_supervisor_report_kind {
    /** CMD was started: value is its process id. */
    LL_SUPERVISOR_STARTED = 1,
    /** CMD was stopped from the terminal, and was continued. */
    LL_SUPERVISOR_CONTINUED,
    /** CMD could not be run: value is an errno. */
    LL_SUPERVISOR_FAILED,
    /** CMD has ended: value is its wait status. The last report, unless the
     *  supervisor can start CMD again. */
    LL_SUPERVISOR_ENDED,
    /** CMD did not end after SIGKILL: value is an errno. The last report. */
    LL_SUPERVISOR_STUCK
};

struct ll_supervisor_report {
    enum ll_supervisor_report_kind kind;
    int value;
    /** Not 0: the supervisor began to end CMD, because of an order or the
     *  deadline. */
    int ended_by_supervisor;
    /** Not 0: CMD has ended, and the supervisor can start it again. */
    int can_again;
};

/** The tool's side of the supervisor. */
struct ll_supervisor {
    int socket;
    pid_t pid;
    /** CMD's process id and group; 0 until it is started. */
    pid_t command;
};

#define LL_SUPERVISOR_INIT                                                     \
    {                                                                          \
        -1, 0, 0                                                               \
    }

/**
 * Forks the supervisor. To be called while the process has one thread, and with
 * the signals blocked that must not end the supervisor.
 *
 * @param plan  strings are borrowed and never returned
 * @return 0 or a negative errno
 */
int ll_supervisor_open(struct ll_supervisor *supervisor,
                       const struct ll_supervisor_plan *plan);

/** Closes the tool's end of the socket: the supervisor ends a running CMD. */
void ll_supervisor_close(struct ll_supervisor *supervisor);

/** Closes the socket, after which the supervisor exits, and waits for that, at
 *  most a tenth of a second, so that no process outlives the tool. */
void ll_supervisor_reap(struct ll_supervisor *supervisor);

void ll_supervisor_start(struct ll_supervisor *supervisor,
                         const struct ll_supervisor_lock *lock,
                         int64_t deadline_ns);
void ll_supervisor_extend(struct ll_supervisor *supervisor,
                          int64_t deadline_ns);
void ll_supervisor_end(struct ll_supervisor *supervisor);
void ll_supervisor_signal(struct ll_supervisor *supervisor, int signal);

/**
 * Reads the next report, without blocking.
 *
 * @return 1: a report; 0: none; -1: the supervisor has ended
 */
int ll_supervisor_read(struct ll_supervisor *supervisor,
                       struct ll_supervisor_report *ret_report);

/**
 * If the supervisor was killed: kills CMD's process group and waits until it
 * has ended, at most a second. The kernel has killed CMD itself.
 */
void ll_supervisor_sweep(struct ll_supervisor *supervisor);

/** The main function of the supervisor's process; never returns. */
_Noreturn void ll_supervisor_process_run(const struct ll_supervisor_plan *plan,
                                         int socket);

#endif
