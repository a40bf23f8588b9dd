/* SPDX-License-Identifier: Apache-2.0 */
/* The view of all locks while memory is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/test_memory.h"
#include "support/wait.h"

#define NAME "memory/watched"

/** Whether a view is current and shows the lock as held. */
static bool shows_holder(void *arg)
{
    struct leaselock_locks_watch_info *info = NULL;
    bool shows;

    assert_int_equal(leaselock_locks_watch_read(arg, 0, &info, NULL), 0);
    shows = info->state == LEASELOCK_LOCKS_WATCH_CURRENT &&
            info->locks_n == 1 && info->locks[0].holders_n == 1;
    leaselock_locks_watch_free(info);
    return shows;
}

/** A view that is opened and changes while memory is short is right later. */
static void watched(struct test_memory_run *run)
{
    struct leaselock_locks_watch_info *info = NULL;
    struct leaselock_lease_info lease;
    leaselock_locks_watch *watch = NULL;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    bool opened;

    test_memory_open(run, &peer);
    test_memory_short(run);
    opened = test_memory_is(
        run, leaselock_locks_watch_open(peer.client, NAME, &watch, NULL), 0);
    (void)test_memory_is(run,
                         leaselock_acquire(peer.session, NAME, NULL,
                                           run->call_timeout_ms, &ticket, NULL),
                         0);
    if (opened &&
        test_memory_is(run, leaselock_locks_watch_read(watch, 0, &info, NULL),
                       0)) {
        leaselock_locks_watch_free(info);
    }
    (void)test_memory_is(run,
                         leaselock_lease(peer.client,
                                         leaselock_session_lease(peer.session),
                                         run->call_timeout_ms, &lease, NULL),
                         0);
    test_memory_back(run);
    if (!opened) {
        assert_int_equal(
            leaselock_locks_watch_open(peer.client, NAME, &watch, NULL), 0);
    }
    if (ticket == NULL) {
        ticket = test_acquire(&peer, NAME);
    }
    assert_true(test_until(TEST_WAIT_MS, shows_holder, watch));
    assert_int_equal(leaselock_locks_watch_close(watch), 0);
    test_release(ticket);
    test_memory_end(run, &peer);
}

int main(void)
{
    const struct test_memory_scenario scenarios[] = {{"watched", watched}};

    return test_memory_main("watch", scenarios,
                            sizeof(scenarios) / sizeof(scenarios[0]));
}
