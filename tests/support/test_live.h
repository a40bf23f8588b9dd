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

/** What every live test of the library needs. Functions without a status fail
 *  the test themselves: they are for its main thread alone. */

/** Longest wait for what must come: ample on a machine that is busy. */
#define TEST_WAIT_MS 30000
/** A TTL that no test lives to see the end of. */
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

/** Takes a lock, which must succeed. */
leaselock_ticket *test_acquire(struct test_peer *peer, const char *name);

/** Gives a lock back, which must succeed. */
void test_release(leaselock_ticket *ticket);

/** The end of an asynchronous call, or the notices of a ticket or session. */
struct test_call {
    pthread_mutex_t mutex;
    int calls;
    /** Of the newest call. */
    int status;
    struct leaselock_error error;
    int64_t at_ns;
    /** Session states told so far, in their order; the last ones stay out. */
    int states[16];
};

#define TEST_CALL_INIT                                                         \
    {                                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER                                     \
    }

/** A leaselock_done_fn, a leaselock_lost_fn and a leaselock_session_fn whose
 *  arg is a struct test_call. A session's state is noted as the status. */
void test_call_done(int status, const struct leaselock_error *error, void *arg);
void test_call_lost(leaselock_ticket *ticket, const char *why, void *arg);
void test_call_state(leaselock_session *session,
                     enum leaselock_session_state state,
                     const char *why,
                     void *arg);

/** How often it has been called. */
int test_call_count(struct test_call *call);

/** The status of the newest call. */
int test_call_status(struct test_call *call);

/** Waits for the first call; its status, or a failed test. */
int test_call_await(struct test_call *call);

/** Waits until the session's states told end with this one. */
void test_call_await_state(struct test_call *call, int state);

/** Begins to acquire, without an end to the wait. */
leaselock_ticket *test_acquire_async(struct test_peer *peer,
                                     const char *name,
                                     struct test_call *call);

/** How many keys there are below a prefix; "" counts all. */
int test_keys(struct test_etcd *etcd, const char *prefix);

/** Waits until there are so many keys below a prefix. */
void test_await_keys(struct test_etcd *etcd, const char *prefix, int keys);

/** How many leases etcd has. */
int test_leases(struct test_etcd *etcd);

/** Waits until a ticket that waits knows its place in the queue. */
void test_await_place(leaselock_ticket *ticket);

/** Waits until etcd's revision is above this one. */
void test_await_revision(struct test_etcd *etcd, int64_t above);

/** Waits until etcd has been asked nothing by a Txn for a while: the reads
 *  that follow the creation of a watch are over. */
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
