/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_USER_CALL_H
#define LL_CLIENT_USER_CALL_H

#include "client/client.h"

/** Finds an object of a kind by the user's handle; on success, the mutex of its
 *  client is locked. To be ended with ll_user_exit.
 *  @return 0, LEASELOCK_E_HANDLE, _FORKED or, of a client, _CLOSED */
int ll_user_enter(const void *user,
                  enum ll_handle_kind kind,
                  struct ll_handle **ret_object);
void ll_user_exit(struct ll_handle *object);

/**
 * A public function that starts an operation which ends in a completion. The
 * asynchronous form returns when the operation is started; the blocking form
 * is the same and a wait.
 */
struct ll_user_call {
    enum ll_handle_kind kind; /* of the handle that it is called with */
    /**
     * Starts the operation; with the mutex of the object's client.
     *
     * @param waiter  to be stored in the completion; NULL: it has a callback
     * @return 0: the completion follows; else an error, as in reterr
     */
    int (*start)(struct ll_user_call *call,
                 struct ll_handle *object,
                 struct ll_waiter *waiter,
                 struct leaselock_error *reterr);
    /** Called once the operation is started and, in the blocking form, has
     *  ended with a status; with the mutex. May be NULL. */
    void (*end)(struct ll_user_call *call,
                struct ll_handle *object,
                bool waits,
                int status);
    /** The time at which the blocking form stops waiting; 0: never. */
    int64_t until_ns;
    const char *late; /* the text of LEASELOCK_E_TIMEOUT then */
};

/** A call whose only result is a status; start reads done and arg. */
struct ll_status_call {
    struct ll_user_call call;
    leaselock_done_fn *done;
    void *arg;
};

/** The end of a call that closes its object: the blocking form waits until none
 *  of the object's callbacks is running. */
void ll_user_call_end_quiet(struct ll_user_call *call,
                            struct ll_handle *object,
                            bool waits,
                            int status);

/** Makes a call on a user's handle.
 *  @param waits  block until it has ended */
int ll_user_call_run(struct ll_user_call *call,
                     const void *user,
                     bool waits,
                     struct leaselock_error *reterr);

#endif
