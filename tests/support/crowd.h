/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_CROWD_H
#define TEST_SUPPORT_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/cluster.h"

/**
 * Many clients of a cluster hold locks, wait for them and hand them over, and
 * their view is compared with etcd's store.
 *
 * On a still name one ticket holds the lock and others wait, and nothing
 * changes until test_crowd_end releases all in turn. On a turning name each
 * contender acquires the lock, releases it at once and queues again, all the
 * time. The clients are spread over the members evenly.
 *
 * At each grant, the new holder's state is checked together with that of the
 * contenders that held the name before and have not begun to release it: two
 * never hold it at once, and each token is greater than all before. A failure
 * in a callback is recorded; the next function called on the main thread fails
 * the test. All functions fail the test themselves. */
struct test_crowd;

/** The size of a crowd. */
enum test_crowd_size {
    /** 50 held locks, 500 waiting tickets and 3 turning names. With
     * LEASELOCK_TEST_CROWD=small in the environment: 10, 50 and 1. */
    TEST_CROWD_FULL,
    /** 10, 50 and 1. */
    TEST_CROWD_SMALL,
};

/** Opens a crowd and waits until every contender is in its queue.
 *
 *  @param label  part of the names; different for each crowd of a cluster */
struct test_crowd *test_crowd_open(struct test_cluster *cluster,
                                   const char *label,
                                   enum test_crowd_size size,
                                   int ttl_s);

/** Whether the environment asks for small crowds, as the sanitizers' builds do;
 * then only the tests that find most are run. */
bool test_crowd_is_small(void);

/** Waits until each contender of the turning names has held its lock twice
 * more: then every client reaches etcd and receives its events. A contender
 * that has lost its session is left out. */
void test_crowd_await_turns(struct test_crowd *crowd);

/**
 * Compares the tickets' states with etcd's store, by a read through the quorum,
 * and with the result of each client's leaselock_queue. On still names each
 * ticket that waits or holds has its key with its token, there is no other key,
 * the first of each queue holds the lock, and each lost ticket's loss was
 * reported. Waits for that, since events take time to arrive. */
void test_crowd_check(struct test_crowd *crowd);

/**
 * Allows etcd to revoke leases that are alive. A client detects this only when
 * the event arrives, so two clients may both report one lock as held until
 * then. The next test_crowd_check waits until the former holder's loss is
 * reported. */
void test_crowd_allow_revocation(struct test_crowd *crowd);

/** How many holders were superseded in this way so far. */
int test_crowd_superseded(struct test_crowd *crowd);

/** How many tickets were lost so far, held or waiting. */
int test_crowd_lost(struct test_crowd *crowd);

/** How many times a session was reported as suspect so far. */
int test_crowd_suspected(struct test_crowd *crowd);

/** The longest time between two grants of a turning name so far. */
int64_t test_crowd_longest_pause_ms(struct test_crowd *crowd);

/**
 * Releases all locks in turn; checks that each ticket was granted or reported
 * lost, once, and that no key is left below the crowd's prefix; closes the
 * clients, checks that no lease is left, and frees the crowd. */
void test_crowd_end(struct test_crowd *crowd);

#endif
