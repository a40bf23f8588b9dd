#ifndef LL_CORE_MULTI_H
#define LL_CORE_MULTI_H

#include "core/object.h"
#include "core/ticket.h"

/**
 * A multi-lock: one place in each of several queues, a member for every name.
 * A member is a ticket of its own. One Txn creates all of their keys, so they
 * have one create revision, and any two multi-locks stand in the same order in
 * every queue that they share: no deadlock can form among them.
 *
 *     state   | event                        | next    | does
 *     ENQUEUE | answered: all keys are made  | QUEUED  | every member waits or
 *             |                              |         | is held
 *     ENQUEUE | answered: they were there    | QUEUED  | an earlier try landed
 *     ENQUEUE | try answered: one is not free| gone    | ACQUIRED TIMEOUT, or
 *             |                              |         | NESTED as of a ticket
 *     ENQUEUE | no answer                    | ENQUEUE | the same again
 *     ENQUEUE | refused, error               | gone    | ACQUIRED error
 *     ENQUEUE | timeout, release             | ENQUEUE | reported; on the
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
 * A member does its own waiting, holding and leaving (see ticket.h); what it
 * has to report comes here instead. A member that is left behind, such as one
 * whose key may land yet, goes on by itself and reports nothing.
 */

enum ll_multi_state {
    LL_MULTI_ENQUEUE,
    LL_MULTI_QUEUED,
};

struct ll_multi {
    struct ll_object object;
    enum ll_multi_state state;
    bool once;
    bool answered_once;
    bool acquire_told;
    bool release_asked;
    bool release_over; /* RELEASED is told or due */
    bool lost;
    bool asked;          /* who holds the locks */
    bool silenced;       /* as of a member */
    unsigned lost_tries; /* enqueues that may still land */
    unsigned held_n;     /* members that are, or were */
    int64_t timeout_ns;
    int64_t release_ns; /* of a release that awaits the enqueue's answer */
    /** What is to be told. */
    bool acquired_due;
    bool lost_due;
    bool released_due;
    int acquire_status;
    int release_status;
    const char *why;               /* static */
    const struct ll_ticket *fault; /* the member that failed, while it lives */
    struct ll_deadlock *deadlock;  /* while it waits, if it is asked for */
    char *value;
    size_t value_size;
    struct ll_compare *compares; /* members_n */
    struct ll_op *then_ops;      /* 2 * members_n */
    struct ll_op *else_ops;      /* members_n */
    char *ends;                  /* of the queues' ranges */
    size_t members_n;
    struct ll_ticket *members[]; /* NULL: it is gone */
};

extern const struct ll_object_ops ll_multi_ops;

static inline struct ll_multi *ll_multi_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_multi, object);
}

int ll_multi_acquire(struct ll_core *core, const struct ll_event *event);
/** The session of one that was asked for early is open. */
void ll_multi_on_session_open(struct ll_core *core, struct ll_multi *multi);
int ll_multi_release(struct ll_core *core,
                     struct ll_multi *multi,
                     int64_t timeout_ns);
/** Takes from a member what it has to tell. */
void ll_multi_hear(struct ll_core *core, struct ll_ticket *member);
/** A member is about to be freed. */
void ll_multi_forget(struct ll_core *core, struct ll_ticket *member);

#endif
