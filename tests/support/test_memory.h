#ifndef TEST_SUPPORT_MEMORY_H
#define TEST_SUPPORT_MEMORY_H

#include <stdbool.h>

#include "support/test_live.h"

/**
 * Runs a scenario of the public API again and again while memory is short, and
 * checks after each run that nothing was left behind.
 *
 * The background thread allocates too, so which allocation is the nth differs
 * from run to run. What is checked holds whichever it is: each call ends as it
 * would with memory or says that there is none, each callback that was
 * promised comes exactly once, all memory of the library's is freed again, and
 * etcd has no key and no lease.
 *
 * Not covered: what gRPC and Jansson allocate. gRPC ends the process where it
 * finds no memory; Jansson's allocator is the whole process's, so that the
 * library uses it as it is.
 */

/** Asynchronous calls of a run at most. */
#define TEST_MEMORY_CALLS_MAX 16

struct test_memory_run {
    struct test_etcd *etcd;
    /** Which allocation fails after test_memory_short; 0: none. */
    unsigned long nth;
    /** And every one after it, until test_memory_back. */
    bool lasting;
    /** Between test_memory_short and test_memory_back. */
    bool is_short;
    /** The nth was reached. */
    bool hit;
    /** Allocations from test_memory_short to test_memory_back. */
    unsigned long allocations;
    /** How long a call may take that waits for etcd: ample, or short where
     *  memory stays away. */
    int patience_ms;
    /** Where memory stays away, a lease may have to end by itself. */
    int ttl_s;
    /** Fits patience_ms; in dispatch mode where a scenario says so. */
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
 *  which fails alone, and a few times with all after it failing as well.
 *  @return for main */
int test_memory_main(const char *name,
                     const struct test_memory_scenario *scenarios,
                     size_t scenarios_n);

/** From here on memory is short, until test_memory_back. */
void test_memory_short(struct test_memory_run *run);
void test_memory_back(struct test_memory_run *run);

/** Checks what a call came to: as expected, or short of memory.
 *  @return whether it is as expected */
bool test_memory_is(struct test_memory_run *run, int status, int expected);

/** The arg of an asynchronous call's test_call_done. */
struct test_call *test_memory_call(struct test_memory_run *run);

/** Notes what the asynchronous call returned: with 0 its callback must come,
 *  else it must not. @return whether it must */
bool test_memory_begun(struct test_memory_run *run,
                       struct test_call *call,
                       int status);

/** Waits for the end of a call that has begun, and checks its status as
 *  test_memory_is does; false also when the call has not begun. */
bool test_memory_ended(struct test_memory_run *run,
                       struct test_call *call,
                       int expected);

/** Opens a client, and a session, with memory for both. */
void test_memory_open(struct test_memory_run *run, struct test_peer *peer);

/** Closes the client, for which there is memory. */
void test_memory_close(struct test_memory_run *run, struct test_peer *peer);

/** Once memory is back all goes on: no key is left while the session is open
 *  still, and another lock can be had. Closes the client. */
void test_memory_end(struct test_memory_run *run, struct test_peer *peer);

/** Ends a session's lease behind the library's back. */
void test_memory_revoke(leaselock_session *session);

#endif
