/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_LIVE_H
#define TEST_SUPPORT_LIVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaselock/admin.h"
#include "leaselock/leaselock.h"
#include "support/etcd.h"
#include "support/process.h"
#include "support/proxy.h"

/** Helpers of every live test of the library. Functions without a status fail
 * the test themselves: call them on its main thread only. */

/** The limit of a wait for an expected event: ample on a busy machine. */
#define TEST_WAIT_MS 30000
/** A TTL that is longer than any test. */
#define TEST_TTL_LONG_S 120

/** A client with one session. */
struct test_peer {
    leaselock_client *client;
    leaselock_session *session;
};

/** Opens a client and a session. */
void test_peer_open(const char *endpoints, int ttl_s, struct test_peer *peer);

/** The same with options, each of which may be NULL. */
void test_peer_open_with(const char *endpoints,
                         const struct leaselock_client_options *client_options,
                         const struct leaselock_session_options *options,
                         struct test_peer *peer);

/** Closes the client, which must succeed. */
void test_peer_close(struct test_peer *peer);

/** Acquires a lock, which must succeed. */
leaselock_ticket *test_acquire(struct test_peer *peer, const char *name);

/** Releases a lock, which must succeed. */
void test_release(leaselock_ticket *ticket);

/** The completion of an asynchronous call, or the notices of a ticket or
 * session. */
struct test_call {
    pthread_mutex_t mutex;
    int calls;
    /** Of the latest call. */
    int status;
    struct leaselock_error error;
    int64_t at_ns;
    /** The session states reported, in order; states beyond the limit are left
     * out. */
    int states[16];
};

#define TEST_CALL_INIT                                                         \
    {                                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER                                     \
    }

/** A leaselock_done_fn, a leaselock_lost_fn and a leaselock_session_fn whose
 *  arg is a struct test_call. A session's state is recorded as the status. */
void test_call_done(int status, const struct leaselock_error *error, void *arg);
void test_call_lost(leaselock_ticket *ticket, const char *why, void *arg);
void test_call_state(leaselock_session *session,
                     enum leaselock_session_state state,
                     const char *why,
                     void *arg);

/** The number of calls so far. */
int test_call_count(struct test_call *call);

/** The status of the latest call. */
int test_call_status(struct test_call *call);

/** Waits for the first call and returns its status; fails the test on
 * timeout. */
int test_call_await(struct test_call *call);

/** Waits until this is the last session state reported. */
void test_call_await_state(struct test_call *call, int state);

/** Begins to acquire, with an unlimited wait. */
leaselock_ticket *test_acquire_async(struct test_peer *peer,
                                     const char *name,
                                     struct test_call *call);

/** The number of keys below a prefix; "" counts all. */
int test_keys(struct test_etcd *etcd, const char *prefix);

/** Waits until there are n keys below a prefix. */
void test_await_keys(struct test_etcd *etcd, const char *prefix, int keys);

/** The number of leases in etcd. */
int test_leases(struct test_etcd *etcd);

/** Waits until a waiting ticket's position in the queue is known. */
void test_await_place(leaselock_ticket *ticket);

/** Waits until etcd's revision is above this one. */
void test_await_revision(struct test_etcd *etcd, int64_t above);

/** Waits until etcd has received no Txn for a while: the reads that follow the
 * creation of a watch have ended. */
void test_await_settled(struct test_etcd *etcd);

/** Revokes a session's lease behind the library's back. */
void test_revoke(struct test_etcd *etcd, leaselock_session *session);

/** Deletes a ticket's key behind the library's back. */
void test_delete(struct test_etcd *etcd, leaselock_ticket *ticket);

/** Starts this very program with arguments, as another process; NULL ends
 *  them. */
void test_start_self(struct test_process *process, ...)
    __attribute__((sentinel));

#endif
