/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REAP_MS 100
#define REAP_STEP_MS 2
#define SWEEP_MS 1000
#define SWEEP_STEP_MS 10

int ll_supervisor_open(struct ll_supervisor *supervisor,
                       const struct ll_supervisor_plan *plan)
{
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return -errno;
    }
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        ll_supervisor_process_run(plan, ends[1]);
    }
    if (pid < 0) {
        int error = errno;

        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    close(ends[1]);
    supervisor->socket = ends[0];
    supervisor->pid = pid;
    supervisor->command = 0;
    return 0;
}

void ll_supervisor_close(struct ll_supervisor *supervisor)
{
    if (supervisor->socket >= 0) {
        close(supervisor->socket);
        supervisor->socket = -1;
    }
}

void ll_supervisor_reap(struct ll_supervisor *supervisor)
{
    ll_supervisor_close(supervisor);
    for (int ms = 0; supervisor->pid > 0 && ms < REAP_MS; ms += REAP_STEP_MS) {
        if (waitpid(supervisor->pid, NULL, WNOHANG) != 0) {
            supervisor->pid = 0;
            return;
        }
        poll(NULL, 0, REAP_STEP_MS);
    }
}

/** Does not block: if the supervisor is stopped and its socket is full, the
 *  order is lost, and the deadline expires when the supervisor continues, which
 *  is correct. */
static void send_order(struct ll_supervisor *supervisor,
                       struct ll_supervisor_order *order)
{
    (void)send(supervisor->socket, order, sizeof(*order),
               MSG_DONTWAIT | MSG_NOSIGNAL);
}

void ll_supervisor_start(struct ll_supervisor *supervisor,
                         const struct ll_supervisor_lock *lock,
                         int64_t deadline_ns)
{
    struct ll_supervisor_order order = {LL_SUPERVISOR_START, 0, deadline_ns,
                                        *lock};

    send_order(supervisor, &order);
}

static void send_short(struct ll_supervisor *supervisor,
                       enum ll_supervisor_order_kind kind,
                       int signal,
                       int64_t deadline_ns)
{
    struct ll_supervisor_order order;

    memset(&order, 0, sizeof(order));
    order.kind = kind;
    order.signal = signal;
    order.deadline_ns = deadline_ns;
    send_order(supervisor, &order);
}

void ll_supervisor_extend(struct ll_supervisor *supervisor, int64_t deadline_ns)
{
    send_short(supervisor, LL_SUPERVISOR_EXTEND, 0, deadline_ns);
}

void ll_supervisor_end(struct ll_supervisor *supervisor)
{
    send_short(supervisor, LL_SUPERVISOR_END, 0, 0);
}

void ll_supervisor_signal(struct ll_supervisor *supervisor, int signal)
{
    send_short(supervisor, LL_SUPERVISOR_SIGNAL, signal, 0);
}

int ll_supervisor_read(struct ll_supervisor *supervisor,
                       struct ll_supervisor_report *ret_report)
{
    struct ll_supervisor_report report;
    ssize_t n = recv(supervisor->socket, &report, sizeof(report), MSG_DONTWAIT);

    /* If the supervisor ended with unread orders, this error precedes its last
     * report. */
    if (n < 0 && errno == ECONNRESET) {
        n = recv(supervisor->socket, &report, sizeof(report), MSG_DONTWAIT);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n != (ssize_t)sizeof(report)) {
        return -1;
    }
    if (report.kind == LL_SUPERVISOR_STARTED) {
        supervisor->command = report.value;
    }
    *ret_report = report;
    return 1;
}

void ll_supervisor_sweep(struct ll_supervisor *supervisor)
{
    if (supervisor->command <= 0) {
        return;
    }
    for (int ms = 0; ms < SWEEP_MS; ms += SWEEP_STEP_MS) {
        if (kill(-supervisor->command, SIGKILL) != 0 && errno == ESRCH) {
            return;
        }
        poll(NULL, 0, SWEEP_STEP_MS);
    }
}
