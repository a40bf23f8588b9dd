/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_HANDLE_H
#define LL_CLIENT_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"

/**
 * Handles. A user's handle is a number cast to a pointer; it is looked up in
 * one table of the process and never dereferenced. So a handle that was
 * released, is of another kind or was inherited over fork() is an error and no
 * crash, and numbers are never reused.
 *
 * An object stays in the table until nothing is due for it any more, possibly
 * after its handle was closed: core's effects still have to find it.
 */

struct ll_client;

enum ll_handle_kind {
    LL_HANDLE_CLIENT,
    LL_HANDLE_SESSION,
    LL_HANDLE_TICKET,
    LL_HANDLE_OBSERVER,
    LL_HANDLE_LEADERSHIP,
    LL_HANDLE_LOCKS_WATCH,
    /** Kinds that a user never gets. */
    LL_HANDLE_QUERY,
    LL_HANDLE_WRITE,
    LL_HANDLE_OUTCOME,
    LL_HANDLE_PLACE,  /* a ticket's later place: see requeue.h */
    LL_HANDLE_REJOIN, /* another one, of leaselock_rejoin */
};

struct ll_handle {
    struct ll_entry entry;    /* in the table, by id */
    struct ll_client *client; /* a reference, except in its own handle */
    enum ll_handle_kind kind;
    bool open;    /* the user's handle is valid */
    bool entered; /* it is in the table */
    unsigned refs;
    void (*destroy)(struct ll_handle *handle);
};

/** To be called first by every function that opens an object: 0, or
 *  LEASELOCK_E_FORKED in a process whose parent used the library. */
int ll_handle_prepare(void);

/** Whether this process was forked from one that used the library. */
bool ll_handle_is_forked(void);

/**
 * Enters a new object with a new id and one reference, which the table owns.
 *
 * @return 0 or LEASELOCK_E_NOMEM
 */
int ll_handle_enter(struct ll_handle *handle,
                    enum ll_handle_kind kind,
                    bool open,
                    void (*destroy)(struct ll_handle *handle));

/**
 * As ll_handle_enter, and reserves so many ids directly after the object's: no
 * other handle ever gets one of them.
 */
int ll_handle_enter_with(struct ll_handle *handle,
                         enum ll_handle_kind kind,
                         bool open,
                         uint64_t reserved,
                         void (*destroy)(struct ll_handle *handle));

/** Gives an object in the table a new id.
 *  @return 0 or LEASELOCK_E_NOMEM: then it is no longer in the table, but has
 *          the table's reference */
int ll_handle_renew(struct ll_handle *handle);

/** Removes an object from the table, and drops the table's reference. */
void ll_handle_leave(struct ll_handle *handle);

/**
 * Finds an object by a user's handle.
 *
 * @param ret_handle  a reference, to be dropped with ll_handle_put
 * @return 0, LEASELOCK_E_HANDLE or _FORKED
 */
int ll_handle_get(const void *user,
                  enum ll_handle_kind kind,
                  struct ll_handle **ret_handle);

/** Closes an object's handle. Returns true if it was open: if two threads close
 *  one handle, one of them gets false. To be called with the mutex of the
 *  object's client, which therefore protects `open`, too. */
bool ll_handle_shut(struct ll_handle *handle);

/** Finds an object by core's id, whether it is open or not; NULL: none. */
struct ll_handle *ll_handle_find(uint64_t id);

void ll_handle_ref(struct ll_handle *handle);
/** Drops a reference; the last one destroys. NULL does nothing. */
void ll_handle_put(struct ll_handle *handle);

/** The user's handle of an object. */
static inline void *ll_handle_user(const struct ll_handle *handle)
{
    return (void *)(uintptr_t)handle->entry.id;
}

#endif
