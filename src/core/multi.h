/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_MULTI_H
#define LL_CORE_MULTI_H

#include "core/object.h"
#include "core/ticket.h"

/**
 * A multi-lock: one place in each of several queues, a member for every name.
 * A member is a ticket of its own. One Txn creates all of their keys, so these
 * have one create revision, and any two multi-locks have the same order in
 * every queue that they share: no deadlock can form among them.
 *
 *     state   | event                        | next    | does
 *     ENQUEUE | answered: all keys are made  | QUEUED  | every member waits or
 *             |                              |         | is held
 *     ENQUEUE | answered: the keys exist     | QUEUED  | an earlier attempt
 *             |                              |         | made them
 *     ENQUEUE | answered: the name of one is | ENQUEUE | with other names, sends
 *             | another's (see slot.h)       |         | the Txn again
 *     ENQUEUE | try answered: one is not free| gone    | ACQUIRED TIMEOUT, or
 *             |                              |         | NESTED as of a ticket
 *     ENQUEUE | no answer                    | ENQUEUE | resends the Txn
 *     ENQUEUE | refused, error               | gone    | ACQUIRED error
 *     ENQUEUE | timeout, release             | ENQUEUE | reports it; on the
 *             |                              |         | answer the members
 *             |                              |         | leave
 *     ENQUEUE | release's timeout            | ENQUEUE | OUTCOME_UNKNOWN
 *     QUEUED  | every member is held         | QUEUED  | ACQUIRED 0
 *     QUEUED  | a member fails before that   | gone    | ACQUIRED error; the
 *             |                              |         | others leave
 *     QUEUED  | timeout before that          | gone    | ACQUIRED TIMEOUT; all
 *             |                              |         | leave
 *     QUEUED  | its wait is in a deadlock    | gone    | ACQUIRED DEADLOCK; all
 *             | (see deadlock.h)             |         | leave
 *     QUEUED  | a member is lost after that  | QUEUED  | LOST; the others stay
 *             |                              |         | until it is released
 *     QUEUED  | release                      | QUEUED  | all leave
 *     QUEUED  | every member has left        | gone    | RELEASED
 *     QUEUED  | the session is closed        | gone    |
 *
 * A member waits, holds and leaves like a ticket (see ticket.h), but the
 * multi-lock processes its reports. A member that is left behind, such as one
 * whose key may still be created, continues by itself and reports nothing.
 */

/** The most operations in a branch of its Txn; etcd takes 128
 *  (etcdserver/api/v3rpc, checkTxnRequest). An exclusive member has two of
 *  them, a shared one three. */
#define LL_MULTI_OPS_MAX 120

enum ll_multi_state {
    LL_MULTI_ENQUEUE,
    LL_MULTI_QUEUED,
};

/** Where a member's operations begin in the branches of the Txn. */
struct ll_multi_place {
    uint16_t then_at;
    uint16_t else_at;
};

struct ll_multi {
    struct ll_object object;
    enum ll_multi_state state;
    bool try_only;
    bool answered_once;
    bool acquire_reported;
    bool release_asked;
    bool release_over; /* RELEASED is reported or due */
    bool lost;
    bool asked;          /* for the holders of the locks */
    unsigned lost_tries; /* enqueues that may still be applied */
    unsigned held_n;     /* members that are, or were */
    int64_t timeout_ns;
    int64_t release_ns; /* of a release that awaits the enqueue's answer */
    struct ll_report report;
    const struct ll_ticket *fault; /* the member that failed, while it exists */
    struct ll_deadlock *deadlock;  /* while it waits, if requested */
    char *value;
    size_t value_size;
    struct ll_place_txn txn;
    struct ll_bounds *bounds;      /* of the members' ranges */
    struct ll_multi_place *places; /* where the members' parts are */
    size_t members_n;
    struct ll_ticket *members[]; /* NULL: it is gone */
};

extern const struct ll_object_ops ll_multi_ops;

static inline struct ll_multi *ll_multi_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_multi, object);
}

/** multi_open.c: how it begins. Makes its Txn, for the members' names. */
void ll_multi_make_txn(struct ll_multi *multi);
int ll_multi_acquire(struct ll_core *core, const struct ll_event *event);

/** The operations of a member, a ticket that reports to its multi-lock, and
 *  that the user cannot release or write under. */
extern const struct ll_object_ops ll_member_ops;

/** Operations of its kind, see struct ll_object_ops; the table is in
 *  multi_open.c, the answers are in multi_answer.c. */
void ll_multi_free(struct ll_object *object);
void ll_multi_on_time(struct ll_core *core, struct ll_object *object);
int64_t ll_multi_deadline_ns(const struct ll_core *core,
                             struct ll_object *object);
void ll_multi_on_answer(struct ll_core *core,
                        struct ll_object *object,
                        const struct ll_answer *answer,
                        const struct ll_event *event);
bool ll_multi_next(struct ll_core *core,
                   struct ll_object *object,
                   struct ll_effect *ret_effect);
int ll_multi_release(struct ll_core *core,
                     struct ll_object *object,
                     int64_t timeout_ns);

/** Whether its session ended it: only watches are left. */
bool ll_multi_is_gone(const struct ll_multi *multi);
/** Makes every member leave its queue. */
void ll_multi_drop_members(struct ll_core *core, struct ll_multi *multi);
/** Ends an acquire that is not reported yet, and makes the members leave unless
 *  the Txn is in flight. */
void ll_multi_fail(struct ll_core *core,
                   struct ll_multi *multi,
                   int status,
                   const char *why);

#endif
