/* SPDX-License-Identifier: Apache-2.0 */
/** Lists of locks and queues as leaselock_locks and leaselock_queue return
 *  them, made by hand. */
#ifndef TEST_UNIT_LOCKS_H
#define TEST_UNIT_LOCKS_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "leaselock/admin.h"

#define TEST_LOCKS_MAX 64

/** A lock and the holder that asked first. */
struct test_lock {
    const char *name;
    size_t places_n;
    size_t holders_n;
    struct leaselock_queue_entry entry;
};

/** An entry of this library, exclusive, that holds its lock. */
#define TEST_ENTRY(key_, token_, since_s)                                      \
    {                                                                          \
        .key = (key_), .value = "", .token = (token_), .lease = 7,             \
        .ttl_s = -1, .host = "host", .program = "work", .label = "",           \
        .pid = 99, .since_unix_s = (since_s), .holds = 1                       \
    }

#define TEST_LOCK(name_, token_, since_s)                                      \
    {                                                                          \
        (name_), 1, 1, TEST_ENTRY(name_ "/7.1", token_, since_s)               \
    }

struct test_locks {
    struct leaselock_locks_info info;
    struct leaselock_lock_info locks[TEST_LOCKS_MAX];
};

/** Fills a list with struct test_lock pointers, sorted by name; NULL ends them.
 *  Valid as long as they are. */
static inline const struct leaselock_locks_info *
test_locks(struct test_locks *ret_locks, ...)
{
    const struct test_lock *lock;
    va_list locks;

    memset(ret_locks, 0, sizeof(*ret_locks));
    va_start(locks, ret_locks);
    while ((lock = va_arg(locks, const struct test_lock *)) != NULL) {
        ret_locks->locks[ret_locks->info.locks_n++] =
            (struct leaselock_lock_info){lock->name, lock->places_n,
                                         &lock->entry, lock->holders_n};
    }
    va_end(locks);
    ret_locks->info.revision = 100;
    ret_locks->info.locks = ret_locks->locks;
    return &ret_locks->info;
}

#endif
