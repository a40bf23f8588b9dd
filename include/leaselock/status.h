/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_STATUS_H
#define LEASELOCK_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Every status of the library: X(number, name, sentence).
 *
 * A function returns 0 or one of these numbers, all of them negative. The
 * numbers are part of the ABI and never change their meaning.
 */
#define LEASELOCK_STATUS_MAP(X)                                                \
    X(-1, NOMEM, "out of memory")                                              \
    X(-2, ARGUMENT, "an argument is not valid")                                \
    X(-3, HANDLE, "not an open handle of this kind")                           \
    X(-4, NAME, "not a valid lock name")                                       \
    X(-5, FORKED, "the handle belongs to the parent process")                  \
    X(-6, DEADLOCK, "the wait would never end: in a callback, or a deadlock")  \
    X(-7, TIMEOUT, "the time was over first")                                  \
    X(-8, LOST, "the lock or its session was lost")                            \
    X(-9, CLOSED, "the session or client was closed")                          \
    X(-10, CANCELED, "the ticket was released while it waited")                \
    X(-11, UNAVAILABLE, "etcd could not be reached")                           \
    X(-12, REFUSED, "etcd refused the credentials or the permission")          \
    X(-13, OUTCOME_UNKNOWN, "the answer was lost, so the outcome is unknown")  \
    X(-14, NESTED, "a key below the lock's name is no ticket of its queue")    \
    X(-15, LIMIT, "a limit of the library was reached")                        \
    X(-16, SERVER, "etcd answered with an error")                              \
    X(-17, SYSTEM, "the operating system refused a resource")                  \
    X(-18, STATE, "the handle is not in a state that allows this")             \
    X(-19, NOT_HELD, "the lock is not held, so nothing was written")           \
    X(-20, COMPARE, "a condition was not met, so nothing was written")         \
    X(-21, NO_LEADER, "there is no leader")                                    \
    X(-22, MODE, "the lock is in use with another number of permits")

/** The statuses by name: LEASELOCK_E_NOMEM and so on. */
enum leaselock_status {
    LEASELOCK_OK = 0,
#define LEASELOCK_STATUS_ENUM(number, name, sentence)                          \
    LEASELOCK_E_##name = (number),
    LEASELOCK_STATUS_MAP(LEASELOCK_STATUS_ENUM)
#undef LEASELOCK_STATUS_ENUM
};

/** Bytes in leaselock_error's message, its NUL included. */
#define LEASELOCK_ERROR_MESSAGE_SIZE 512
/** Bytes in leaselock_error's endpoint, its NUL included. */
#define LEASELOCK_ERROR_ENDPOINT_SIZE 128

/**
 * The details of a failure, for a log or an operator. It is the caller's own
 * memory, is filled only by a call that fails, and holds no pointer.
 */
struct leaselock_error {
    /** The status that the call returned. */
    int code;
    /** The gRPC status behind it (0 to 16), or -1 if there was none. */
    int grpc_status;
    /** One sentence: what happened and, where it helps, what to do. */
    char message[LEASELOCK_ERROR_MESSAGE_SIZE];
    /** The endpoint that the request went to, or "" if there was none. */
    char endpoint[LEASELOCK_ERROR_ENDPOINT_SIZE];
};

/** Start value of a struct leaselock_error. */
#define LEASELOCK_ERROR_INIT                                                   \
    {                                                                          \
        0, -1, "", ""                                                          \
    }

/**
 * The name of a status: "LEASELOCK_E_TIMEOUT" for -7, "LEASELOCK_OK" for 0.
 *
 * @return a static string; "LEASELOCK_E_?" for a number that is no status
 * @thread any
 * @since 0.1
 */
const char *leaselock_status_name(int status);

/**
 * The sentence of a status: "the time was over first" for -7.
 *
 * @return a static string; "unknown status" for a number that is no status
 * @thread any
 * @since 0.1
 */
const char *leaselock_status_text(int status);

/**
 * Whether the same call may succeed later without anything being changed:
 * true for TIMEOUT, UNAVAILABLE, OUTCOME_UNKNOWN, NOMEM, LIMIT and SYSTEM.
 *
 * @thread any
 * @since 0.1
 */
int leaselock_status_is_retriable(int status);

#ifdef __cplusplus
}
#endif

#endif
