#ifndef TEST_SUPPORT_CROWD_H
#define TEST_SUPPORT_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/cluster.h"

/**
 * Many clients on a cluster that hold locks, wait for them and hand them on,
 * and what they see of it, against what etcd says.
 *
 * On still names one ticket holds and others wait, and nothing moves until
 * test_crowd_end lets all release in turn. On turning names takers get the
 * lock, give it back at once and queue again, all the time. The clients are
 * spread over the members evenly.
 *
 * Whoever gets a lock looks at its own state and at that of everyone who had
 * that name before and has not begun to release it: there are never two who
 * hold it, and its token is greater than all before. What goes wrong in a
 * callback is kept, and fails the test in the next function that is called on
 * its main thread. All functions fail the test themselves.
 */
struct test_crowd;

/** How big a crowd is. */
enum test_crowd_size {
    /** 50 locks held and 500 tickets that wait, 3 names turning. Where the
     *  environment has LEASELOCK_TEST_CROWD=small: 10, 50 and 1. */
    TEST_CROWD_FULL,
    /** 10, 50 and 1. */
    TEST_CROWD_SMALL,
};

/** Opens a crowd and waits until everybody has its place.
 *
 *  @param label  of the names; no two crowds of a cluster may share it */
struct test_crowd *test_crowd_open(struct test_cluster *cluster,
                                   const char *label,
                                   enum test_crowd_size size,
                                   int ttl_s);

/** Whether the environment asks for small crowds, as the sanitizers' builds
 *  do: then only the tests that tell most are run. */
bool test_crowd_is_small(void);

/** Waits until each taker has had its turn again, twice: every client gets
 *  through to etcd and hears of what happens there. A taker that lost its
 *  session is out. */
void test_crowd_await_turns(struct test_crowd *crowd);

/**
 * Compares what the tickets say with what is in etcd's store, by a read
 * through the quorum, and with what each client's leaselock_queue says. On
 * still names each ticket that waits or holds has its key with its token,
 * there is no other key, the first of each queue holds, and who is not held
 * any more has been told so. Waits for that, since news takes its time.
 */
void test_crowd_check(struct test_crowd *crowd);

/**
 * Allows etcd to revoke leases that are alive, which nobody can see before the
 * news of it comes: two may think that they hold one lock until then. The next
 * test_crowd_check waits until the former has heard of its loss.
 */
void test_crowd_allow_revocation(struct test_crowd *crowd);

/** How many holders were overtaken in this way so far. */
int test_crowd_overtaken(struct test_crowd *crowd);

/** How many tickets were lost so far, held or waiting. */
int test_crowd_lost(struct test_crowd *crowd);

/** How many times a session was told to be suspect so far. */
int test_crowd_suspected(struct test_crowd *crowd);

/** The longest time between two turns of a turning name so far. */
int64_t test_crowd_longest_pause_ms(struct test_crowd *crowd);

/**
 * Lets all release in turn, checks that each ticket was served or told of its
 * loss, once, that no key is left below the crowd's prefix, closes the
 * clients, checks that no lease is left, and frees the crowd.
 */
void test_crowd_end(struct test_crowd *crowd);

#endif
