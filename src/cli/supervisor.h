/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The supervisor: a small process between the tool and CMD.
 *
 * The tool forks it before it touches the library, so it has one thread and no
 * gRPC, and may fork CMD itself. It knows by when the lease may end. When the
 * tool does not move that deadline on in time (because the lock is lost, or
 * the tool is stopped, hangs or was killed), the supervisor ends CMD and all that
 * CMD started: SIGTERM, a grace, SIGKILL. So CMD never depends on the tool
 * being well.
 *
 * After an end that it has brought about, and if its plan says so, it waits for
 * the order to start CMD again; in all other cases CMD's end is its own.
 *
 *     tool  --orders-->  supervisor  --fork-->  CMD, in a process group of its own
 *           <-reports--
 */
#ifndef LL_CLI_SUPERVISOR_H
#define LL_CLI_SUPERVISOR_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "leaselock/leaselock.h"

/** What the supervisor has to know from the start. */
struct ll_supervisor_plan {
    const char *name;
    /** CMD and its arguments, and a NULL. */
    char **argv;
    int grace_ms;
    /** Not 0: after an end that the supervisor has brought about it may be told to
     *  start CMD once more. */
    int again;
    /** What CMD gets as its signal mask. */
    sigset_t mask;
};

/** What the lock turned out to be; CMD sees it in its environment. */
struct ll_supervisor_lock {
    int64_t token;
    int64_t lease;
    char key[LEASELOCK_KEY_MAX + 1];
};

enum ll_supervisor_order_kind {
    /** Start CMD; without effect while it runs. */
    LL_SUPERVISOR_START = 1,
    /** The lease is renewed: move the deadline on. */
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
    /** CMD is being started: value is its process id. */
    LL_SUPERVISOR_STARTED = 1,
    /** CMD was stopped from the terminal, and was continued. */
    LL_SUPERVISOR_CONTINUED,
    /** CMD could not be run: value is an errno. */
    LL_SUPERVISOR_FAILED,
    /** CMD is gone: value is its wait status. The last report, unless the
     *  supervisor can start CMD again. */
    LL_SUPERVISOR_ENDED,
    /** CMD was to end and lives on: value is an errno. The last report. */
    LL_SUPERVISOR_STUCK
};

struct ll_supervisor_report {
    enum ll_supervisor_report_kind kind;
    int value;
    /** Not 0: the supervisor began to end CMD, because of an order or the
     *  deadline. */
    int ended_by_supervisor;
    /** Not 0: this end is behind the supervisor, which can start CMD again. */
    int can_again;
};

/** The tool's end. */
struct ll_supervisor {
    int socket;
    pid_t pid;
    /** CMD, and its process group; 0 until it is started. */
    pid_t command;
};

#define LL_SUPERVISOR_INIT                                                     \
    {                                                                          \
        -1, 0, 0                                                               \
    }

/**
 * Forks the supervisor. To be called while the process has one thread, and with
 * the signals blocked that it must not die of.
 *
 * @param plan  strings are borrowed for ever
 * @return 0 or a negative errno
 */
int ll_supervisor_open(struct ll_supervisor *supervisor,
                       const struct ll_supervisor_plan *plan);

/** Closes the tool's end: a CMD that runs is ended. */
void ll_supervisor_close(struct ll_supervisor *supervisor);

/** Closes it and sees the supervisor off, which exits on its own then, so that no
 *  process outlives the tool; waits for a tenth of a second at most. */
void ll_supervisor_reap(struct ll_supervisor *supervisor);

void ll_supervisor_start(struct ll_supervisor *supervisor,
                         const struct ll_supervisor_lock *lock,
                         int64_t deadline_ns);
void ll_supervisor_extend(struct ll_supervisor *supervisor,
                          int64_t deadline_ns);
void ll_supervisor_end(struct ll_supervisor *supervisor);
void ll_supervisor_signal(struct ll_supervisor *supervisor, int signal);

/**
 * Takes the next report, without waiting.
 *
 * @return 1 when there was one, 0 when there is none, -1 when the supervisor is
 *         gone
 */
int ll_supervisor_read(struct ll_supervisor *supervisor,
                       struct ll_supervisor_report *ret_report);

/**
 * For the case that the supervisor was killed: ends CMD's process group and waits
 * until it is gone, for a second at most. CMD itself dies with the supervisor.
 */
void ll_supervisor_sweep(struct ll_supervisor *supervisor);

/** The supervisor's own life; never returns. */
_Noreturn void ll_supervisor_process_run(const struct ll_supervisor_plan *plan,
                                         int socket);

#endif
