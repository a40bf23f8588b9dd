/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_MEMORY_H
#define TEST_SUPPORT_MEMORY_H

#include <stdbool.h>

#include "support/test_live.h"

/**
 * Repeats a scenario of the public API while memory is short, and checks after
 * each run that nothing is left.
 *
 * The background thread allocates too, so which allocation is the nth differs
 * from run to run. The checks hold for any of them: each call ends as with
 * enough memory or reports that there is none, each promised callback is called
 * exactly once, all memory of the library is freed again, and etcd has no key
 * and no lease.
 *
 * Not covered: what gRPC and Jansson allocate. gRPC aborts the process if an
 * allocation fails; Jansson's allocator is global to the process, so the
 * library does not replace it. */

/** The limit of asynchronous calls in a run. */
#define TEST_MEMORY_CALLS_MAX 16

struct test_memory_run {
    struct test_etcd *etcd;
    /** Which allocation fails after test_memory_short; 0: none. */
    unsigned long nth;
    /** And every one after it fails, until test_memory_back. */
    bool lasting;
    /** Between test_memory_short and test_memory_back. */
    bool is_short;
    /** The nth allocation was reached. */
    bool hit;
    /** Allocations from test_memory_short to test_memory_back. */
    unsigned long allocations;
    /** The timeout of a call that waits for etcd: ample, or short if memory
     * stays short. */
    int call_timeout_ms;
    /** Short if memory stays short, since a lease may have to expire. */
    int ttl_s;
    /** With timeouts that fit call_timeout_ms; in dispatch mode if the scenario
     * sets it. */
    struct leaselock_client_options options;
    struct test_call calls[TEST_MEMORY_CALLS_MAX];
    bool begun[TEST_MEMORY_CALLS_MAX];
    int calls_n;
};

typedef void test_memory_fn(struct test_memory_run *run);

struct test_memory_scenario {
    const char *name;
    /** Opens and closes its own clients. */
    test_memory_fn *run;
};

/** Starts an etcd and runs each scenario as a test: once for each allocation,
 * which alone fails, and a few times with all later ones failing too.
 *  @return for main */
int test_memory_main(const char *name,
                     const struct test_memory_scenario *scenarios,
                     size_t scenarios_n);

/** From here on memory is short, until test_memory_back. */
void test_memory_short(struct test_memory_run *run);
void test_memory_back(struct test_memory_run *run);

/** Checks a call's status: the expected one, or out of memory.
 *  @return whether it is the expected one */
bool test_memory_is(struct test_memory_run *run, int status, int expected);

/** The argument of an asynchronous call's test_call_done. */
struct test_call *test_memory_call(struct test_memory_run *run);

/** Records the asynchronous call's return value: after 0 its callback must be
 * called, else it must not. @return whether it must */
bool test_memory_begun(struct test_memory_run *run,
                       struct test_call *call,
                       int status);

/** Waits for the completion of a call that has begun, and checks its status as
 * test_memory_is does; false also if the call has not begun. */
bool test_memory_ended(struct test_memory_run *run,
                       struct test_call *call,
                       int expected);

/** Begins to release a ticket that may wait. If its acquire has already failed
 * for want of memory, its handle is closed.
 *  @return whether the release has begun: its callback must be called */
bool test_memory_withdrawn(struct test_memory_run *run,
                           leaselock_ticket *ticket,
                           struct test_call *acquired,
                           struct test_call *released);

/** Opens a client and a session, before memory is short. */
void test_memory_open(struct test_memory_run *run, struct test_peer *peer);

/** Closes the client, after memory is back. */
void test_memory_close(struct test_memory_run *run, struct test_peer *peer);

/** Checks that work continues once memory is back: no key is left while the
 * session is still open, and another lock can be acquired. Closes the
 * client. */
void test_memory_end(struct test_memory_run *run, struct test_peer *peer);

/** Ends a session's lease behind the library's back. */
void test_memory_revoke(leaselock_session *session);

#endif
