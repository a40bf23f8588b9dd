/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIVE_KEPT_H
#define LIVE_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "leaselock/leaselock.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Locks that a session keeps after their release. Nothing here fails the test by
 *  itself: a process of its own uses it as well. */

/** Longer than any test. */
#define KEPT_MS 600000
/** A lock that has been kept for so long is kept for good: whether somebody else
 *  waits is known after a quarter of a second. */
#define KEPT_SETTLED_MS 600

static inline int kept_acquire(leaselock_session *session,
                               const char *name,
                               int timeout_ms,
                               leaselock_ticket **ret_ticket)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;

    options.keep_ms = KEPT_MS;
    return leaselock_acquire(session, name, &options, timeout_ms, ret_ticket,
                             NULL);
}

/** A lock that is acquired and released again and again. */
struct kept_lock {
    leaselock_session *session;
    const char *name;
    int64_t token;
    int64_t since_ns; /* with this token */
    int status;
};

/** Whether it has had one token for long enough; or has failed. */
static inline bool kept_is_settled(void *arg)
{
    struct kept_lock *lock = arg;
    leaselock_ticket *ticket = NULL;
    int64_t now_ns = test_now_ns();
    int64_t token = 0;

    lock->status =
        kept_acquire(lock->session, lock->name, TEST_WAIT_MS, &ticket);
    if (lock->status == 0) {
        token = leaselock_ticket_token(ticket);
        lock->status = leaselock_release(ticket, NULL);
    }
    if (token != lock->token) {
        lock->token = token;
        lock->since_ns = now_ns;
    }
    return lock->status != 0 ||
           now_ns - lock->since_ns > KEPT_SETTLED_MS * TEST_NS_PER_MS;
}

/** Keeps a lock, idle. @return its token; 0 or less: a failure */
static inline int64_t kept_keep(leaselock_session *session, const char *name)
{
    struct kept_lock lock = {.session = session, .name = name};

    return test_until(TEST_WAIT_MS, kept_is_settled, &lock) && lock.status == 0
               ? lock.token
               : -1;
}

#endif
