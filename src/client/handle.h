/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_HANDLE_H
#define LL_CLIENT_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"

/**
 * Handles. What a user holds is a number in a pointer's clothes; it is looked
 * up in one table of the process, never dereferenced. So a handle that was
 * released, is of another kind or came over fork() is an error and no crash,
 * and numbers are never used twice.
 *
 * An object stays in the table until nothing is due for it any more, which is
 * after its handle was closed: core's effects still have to find it.
 */

struct ll_client;

enum ll_handle_kind {
    LL_HANDLE_CLIENT,
    LL_HANDLE_SESSION,
    LL_HANDLE_TICKET,
    LL_HANDLE_OBSERVER,
    LL_HANDLE_LEADERSHIP,
    /** Never seen by a user. */
    LL_HANDLE_QUERY,
    LL_HANDLE_WRITE,
    LL_HANDLE_OUTCOME,
    LL_HANDLE_PLACE, /* a ticket's later one: see requeue.h */
};

struct ll_handle {
    struct ll_entry entry;    /* in the table, by id */
    struct ll_client *client; /* a reference, but of the client's own handle */
    enum ll_handle_kind kind;
    bool open;    /* the user's handle is valid */
    bool entered; /* it is in the table */
    unsigned refs;
    void (*destroy)(struct ll_handle *handle);
};

/** To be called first by every function that opens: 0, or LEASELOCK_E_FORKED
 *  in a process whose parent used the library. */
int ll_handle_prepare(void);

/** Whether this process is such a child. */
bool ll_handle_is_forked(void);

/**
 * Enters a new object with a new id and one reference, the table's own.
 *
 * @return 0 or LEASELOCK_E_NOMEM
 */
int ll_handle_enter(struct ll_handle *handle,
                    enum ll_handle_kind kind,
                    bool open,
                    void (*destroy)(struct ll_handle *handle));

/**
 * The same, and keeps as many ids as are reserved, those right behind its own:
 * no handle ever gets one of them.
 */
int ll_handle_enter_with(struct ll_handle *handle,
                         enum ll_handle_kind kind,
                         bool open,
                         uint64_t reserved,
                         void (*destroy)(struct ll_handle *handle));

/** Gives an object in the table a new id.
 *  @return 0 or LEASELOCK_E_NOMEM: then it is in the table no more, but keeps
 *          the table's reference */
int ll_handle_renew(struct ll_handle *handle);

/** Takes an object out of the table, with the table's reference. */
void ll_handle_leave(struct ll_handle *handle);

/**
 * Looks a user's handle up.
 *
 * @param ret_handle  a reference, to be given back with ll_handle_put
 * @return 0, LEASELOCK_E_HANDLE or _FORKED
 */
int ll_handle_get(const void *user,
                  enum ll_handle_kind kind,
                  struct ll_handle **ret_handle);

/** Closes an object's handle, if it is open still; true when it was: of two
 *  threads that close one handle one sees false. To be called with the mutex
 *  of the object's client, which thereby supervisors `open` as well. */
bool ll_handle_shut(struct ll_handle *handle);

/** Looks up an object that need not be open, by core's id; NULL: none. */
struct ll_handle *ll_handle_find(uint64_t id);

void ll_handle_ref(struct ll_handle *handle);
/** Gives a reference back; the last one destroys. NULL does nothing. */
void ll_handle_put(struct ll_handle *handle);

/** What the user holds. */
static inline void *ll_handle_user(const struct ll_handle *handle)
{
    return (void *)(uintptr_t)handle->entry.id;
}

#endif
