/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock-guardian: revokes a process' leases when the process has ended.
 * client/guardian.h describes its behavior and why it is safe.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/revoke.h"
#include "guardian/settings.h"
#include "guardian/watch.h"

/** gRPC closes idle connections, and a member may fail unnoticed. */
#define TOUCH_NS (15 * LL_NS_PER_S)
#define TOUCH_TIMEOUT_MS 10000
/** Poll intervals without a pidfd: while the process has its end of the socket
 *  open, and after that. */
#define LOOK_MS 200
#define LOOK_SOON_MS 10
/** Limit of concurrent revokes; core sends even fewer at a time. */
#define REVOKES_MAX 4096
/** Limit of the time for which a lease's revoke is retried. */
#define TTL_MAX_S 86400

struct guardian {
    leaselock_client *client;
    const struct ll_guardian_table *table;
    struct ll_watch process;
    struct ll_watch other;
    bool has_other;
    bool has_left;    /* the process' end of the socket is closed */
    int64_t leave_ns; /* if so: when the last lease has expired */
    int64_t touch_ns; /* the time of the next request to etcd */
    /** Written by callbacks, on the client's thread, too. */
    atomic_bool is_touching;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned revoking; /* unanswered */
};

static struct guardian guardian = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                                   .changed = PTHREAD_COND_INITIALIZER};

static uint32_t slots_n(void)
{
    uint32_t n = atomic_load(&guardian.table->slots_n);

    return n < LL_GUARDIAN_SLOTS ? n : LL_GUARDIAN_SLOTS;
}

/** Reads a slot's lease and TTL; false: the slot is free. */
static bool slot_read(uint32_t i, int64_t *ret_lease, int64_t *ret_ttl_s)
{
    const struct ll_guardian_slot *slot = &guardian.table->slots[i];
    int64_t lease = atomic_load(&slot->lease);
    int64_t ttl_s = atomic_load(&slot->ttl_s);

    if (lease <= 0) {
        return false;
    }
    *ret_lease = lease;
    *ret_ttl_s = ttl_s > 0 && ttl_s < TTL_MAX_S ? ttl_s : TTL_MAX_S;
    return true;
}

static int64_t longest_ttl_s(void)
{
    int64_t longest_s = 0;
    int64_t lease;
    int64_t ttl_s;

    for (uint32_t i = 0; i < slots_n(); i++) {
        if (slot_read(i, &lease, &ttl_s) && ttl_s > longest_s) {
            longest_s = ttl_s;
        }
    }
    return longest_s;
}

static void
on_touched(int status, const struct leaselock_error *error, void *arg)
{
    (void)status;
    (void)error;
    (void)arg;
    atomic_store(&guardian.is_touching, false);
}

/** Keeps the connection and the user's token usable. */
static void touch(void)
{
    int64_t lease = 1; /* need not exist: any answer suffices */
    int64_t ttl_s;

    for (uint32_t i = 0; i < slots_n(); i++) {
        if (slot_read(i, &lease, &ttl_s)) {
            break;
        }
    }
    guardian.touch_ns = ll_clock_now_ns() + TOUCH_NS;
    if (!atomic_exchange(&guardian.is_touching, true) &&
        ll_touch_async(guardian.client, lease, TOUCH_TIMEOUT_MS, on_touched,
                       NULL) != 0) {
        atomic_store(&guardian.is_touching, false);
    }
}

static void
on_revoked(int status, const struct leaselock_error *error, void *arg)
{
    (void)status; /* revoked, or its TTL is over */
    (void)error;
    (void)arg;
    pthread_mutex_lock(&guardian.mutex);
    guardian.revoking--;
    pthread_cond_signal(&guardian.changed);
    pthread_mutex_unlock(&guardian.mutex);
}

static void await_revokes(unsigned left)
{
    pthread_mutex_lock(&guardian.mutex);
    while (guardian.revoking > left) {
        pthread_cond_wait(&guardian.changed, &guardian.mutex);
    }
    pthread_mutex_unlock(&guardian.mutex);
}

/** Revokes all leases in the table; each is retried until etcd has answered or
 *  its TTL is over, since nothing renews it. */
static void revoke_all(void)
{
    int64_t gone_ns = ll_clock_now_ns();
    int64_t lease;
    int64_t ttl_s;

    for (uint32_t i = 0; i < slots_n(); i++) {
        int64_t left_ms;

        if (!slot_read(i, &lease, &ttl_s)) {
            continue;
        }
        left_ms = ttl_s * 1000 - (ll_clock_now_ns() - gone_ns) / LL_NS_PER_MS;
        if (left_ms <= 0) {
            continue;
        }
        await_revokes(REVOKES_MAX - 1);
        pthread_mutex_lock(&guardian.mutex);
        guardian.revoking++;
        pthread_mutex_unlock(&guardian.mutex);
        if (ll_revoke_async(guardian.client, lease, (int)left_ms, on_revoked,
                            NULL) != 0) {
            on_revoked(0, NULL, NULL);
        }
    }
    await_revokes(0);
}

/** Reads from the socket; true: the process has sent the goodbye. */
static bool hear(void)
{
    char byte;
    ssize_t n;

    while ((n = recv(LL_GUARDIAN_SOCKET, &byte, 1, MSG_DONTWAIT)) == 1) {
        if (byte == LL_GUARDIAN_BYE) {
            return true;
        }
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (!guardian.has_left) {
        guardian.has_left = true;
        guardian.leave_ns =
            ll_clock_now_ns() + (longest_ttl_s() + 1) * LL_NS_PER_S;
    }
    return false;
}

static int until_ms(int64_t at_ns)
{
    int64_t ms = (at_ns - ll_clock_now_ns()) / LL_NS_PER_MS + 1;

    return ms > 0 ? (int)ms : 0;
}

/** Waits for the process to end, for the socket, or for the timeout. */
static void wait_for(const struct ll_watch *watch, int timeout_ms)
{
    struct pollfd fds[2] = {
        {guardian.has_left ? -1 : LL_GUARDIAN_SOCKET, POLLIN, 0},
        {ll_watch_poll_fd(watch), POLLIN, 0}};
    int look_ms = guardian.has_left ? LOOK_SOON_MS : LOOK_MS;

    if (!watch->is_pidfd && look_ms < timeout_ms) {
        timeout_ms = look_ms;
    }
    (void)poll(fds, 2, timeout_ms);
}

/** Watches until the process has ended; false: no guardian is needed. */
static bool watch_process(void)
{
    for (;;) {
        /* Test this first: then a goodbye that the process sent before its end
         * is certainly read below. */
        bool is_gone = ll_watch_is_gone(&guardian.process);
        int64_t now_ns = ll_clock_now_ns();

        if (hear() ||
            (!is_gone && guardian.has_left && now_ns >= guardian.leave_ns)) {
            return false;
        }
        if (is_gone) {
            return true;
        }
        if (now_ns >= guardian.touch_ns) {
            touch();
        }
        wait_for(&guardian.process, until_ms(guardian.touch_ns));
    }
}

/** Waits for the other process to end, at most until the leases have expired;
 *  false: they have. */
static bool watch_other(void)
{
    int64_t end_ns = ll_clock_now_ns() + longest_ttl_s() * LL_NS_PER_S;

    guardian.has_left = true;
    while (!ll_watch_is_gone(&guardian.other)) {
        if (ll_clock_now_ns() >= end_ns) {
            return false;
        }
        wait_for(&guardian.other, until_ms(end_ns));
    }
    return true;
}

static bool open_table(void)
{
    struct stat about;
    void *memory;

    if (fstat(LL_GUARDIAN_TABLE, &about) != 0 ||
        about.st_size != (off_t)sizeof(*guardian.table)) {
        return false;
    }
    memory = mmap(NULL, sizeof(*guardian.table), PROT_READ, MAP_SHARED,
                  LL_GUARDIAN_TABLE, 0);
    (void)close(LL_GUARDIAN_TABLE);
    guardian.table = memory;
    return memory != MAP_FAILED;
}

static bool open_all(void)
{
    struct ll_guardian_greeting greeting;
    sigset_t all;

    /* A signal that ends the process may go to its neighbors, too. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    if (chdir("/") != 0 || !open_table() ||
        ll_guardian_open_client(LL_GUARDIAN_SOCKET, &greeting,
                                &guardian.client) != 0) {
        return false;
    }
    guardian.process =
        (struct ll_watch){LL_GUARDIAN_PROCESS, greeting.has_pidfds != 0};
    guardian.other =
        (struct ll_watch){LL_GUARDIAN_OTHER, greeting.has_pidfds != 0};
    guardian.has_other = greeting.has_other != 0;
    return true;
}

int main(void)
{
    if (!open_all()) {
        (void)fputs("leaselock-guardian is started by libleaselock, for "
                    "clients with the option guardian\n",
                    stderr);
        return 2;
    }
    if (watch_process() && (!guardian.has_other || watch_other())) {
        revoke_all();
    }
    (void)leaselock_client_close(guardian.client, NULL);
    return 0;
}
