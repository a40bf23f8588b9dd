#include "cli/guard.h"

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

int ll_guard_open(struct ll_guard *guard, const struct ll_guard_plan *plan)
{
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return -errno;
    }
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        ll_guard_process_run(plan, ends[1]);
    }
    if (pid < 0) {
        int error = errno;

        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    close(ends[1]);
    guard->socket = ends[0];
    guard->pid = pid;
    guard->command = 0;
    return 0;
}

void ll_guard_close(struct ll_guard *guard)
{
    if (guard->socket >= 0) {
        close(guard->socket);
        guard->socket = -1;
    }
}

void ll_guard_reap(struct ll_guard *guard)
{
    ll_guard_close(guard);
    for (int ms = 0; guard->pid > 0 && ms < REAP_MS; ms += REAP_STEP_MS) {
        if (waitpid(guard->pid, NULL, WNOHANG) != 0) {
            guard->pid = 0;
            return;
        }
        poll(NULL, 0, REAP_STEP_MS);
    }
}

/** Never waits: a guard that is stopped and whose socket is full will see the
 *  deadline pass when it goes on, and that is as it should be. */
static void send_order(struct ll_guard *guard, struct ll_guard_order *order)
{
    (void)send(guard->socket, order, sizeof(*order),
               MSG_DONTWAIT | MSG_NOSIGNAL);
}

void ll_guard_start(struct ll_guard *guard,
                    const struct ll_guard_lock *lock,
                    int64_t deadline_ns)
{
    struct ll_guard_order order = {LL_GUARD_START, 0, deadline_ns, *lock};

    send_order(guard, &order);
}

static void send_short(struct ll_guard *guard,
                       enum ll_guard_order_kind kind,
                       int signal,
                       int64_t deadline_ns)
{
    struct ll_guard_order order;

    memset(&order, 0, sizeof(order));
    order.kind = kind;
    order.signal = signal;
    order.deadline_ns = deadline_ns;
    send_order(guard, &order);
}

void ll_guard_extend(struct ll_guard *guard, int64_t deadline_ns)
{
    send_short(guard, LL_GUARD_EXTEND, 0, deadline_ns);
}

void ll_guard_end(struct ll_guard *guard)
{
    send_short(guard, LL_GUARD_END, 0, 0);
}

void ll_guard_signal(struct ll_guard *guard, int signal)
{
    send_short(guard, LL_GUARD_SIGNAL, signal, 0);
}

int ll_guard_read(struct ll_guard *guard, struct ll_guard_report *ret_report)
{
    struct ll_guard_report report;
    ssize_t n = recv(guard->socket, &report, sizeof(report), MSG_DONTWAIT);

    /* A guard that has ended with orders unread leaves this error in front of
     * its last report. */
    if (n < 0 && errno == ECONNRESET) {
        n = recv(guard->socket, &report, sizeof(report), MSG_DONTWAIT);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n != (ssize_t)sizeof(report)) {
        return -1;
    }
    if (report.kind == LL_GUARD_STARTED) {
        guard->command = report.value;
    }
    *ret_report = report;
    return 1;
}

void ll_guard_sweep(struct ll_guard *guard)
{
    if (guard->command <= 0) {
        return;
    }
    for (int ms = 0; ms < SWEEP_MS; ms += SWEEP_STEP_MS) {
        if (kill(-guard->command, SIGKILL) != 0 && errno == ESRCH) {
            return;
        }
        poll(NULL, 0, SWEEP_STEP_MS);
    }
}
