#ifndef LL_CORE_BUNDLE_H
#define LL_CORE_BUNDLE_H

#include "core/object.h"
#include "core/ticket.h"

/**
 * One place in each of several queues: a part, a ticket of its own, for every
 * name. One Txn makes all of their keys, so they carry one create revision,
 * and any two such tickets stand in the same order in every queue that they
 * share: no circle of waiting can form.
 *
 *     state   | event                        | next    | does
 *     ENQUEUE | answered: all keys are made  | QUEUED  | every part waits or is
 *             |                              |         | held
 *     ENQUEUE | answered: they were there    | QUEUED  | an earlier try landed
 *     ENQUEUE | try answered: one is not free| gone    | ACQUIRED TIMEOUT, or
 *             |                              |         | NESTED as of a ticket
 *     ENQUEUE | no answer                    | ENQUEUE | the same again
 *     ENQUEUE | refused, error               | gone    | ACQUIRED error
 *     ENQUEUE | time-out, release            | ENQUEUE | told; on the answer
 *             |                              |         | the parts leave
 *     ENQUEUE | release's time-out           | ENQUEUE | OUTCOME_UNKNOWN
 *     QUEUED  | every part is held           | QUEUED  | ACQUIRED 0
 *     QUEUED  | a part fails before that     | gone    | ACQUIRED error; the
 *             |                              |         | others leave
 *     QUEUED  | time-out before that         | gone    | ACQUIRED TIMEOUT; all
 *             |                              |         | leave
 *     QUEUED  | it waits in a circle (see    | gone    | ACQUIRED DEADLOCK; all
 *             | search.h)                    |         | leave
 *     QUEUED  | a part is lost after that    | QUEUED  | LOST; the others stay
 *             |                              |         | until it is released
 *     QUEUED  | release                      | QUEUED  | all leave
 *     QUEUED  | every part has left          | gone    | RELEASED
 *     QUEUED  | the session is closed        | gone    |
 *
 * A part does its own waiting, holding and leaving (see ticket.h); what it
 * would tell comes here instead. A part that is left behind, such as one whose
 * key may land yet, goes on by itself and tells nobody.
 */

enum ll_bundle_state {
    LL_BUNDLE_ENQUEUE,
    LL_BUNDLE_QUEUED,
};

struct ll_bundle {
    struct ll_object object;
    enum ll_bundle_state state;
    bool once;
    bool answered_once;
    bool acquire_told;
    bool release_asked;
    bool release_over; /* RELEASED is told or due */
    bool lost;
    bool asked;          /* who holds the locks */
    bool silenced;       /* as of a part */
    unsigned lost_tries; /* enqueues that may still land */
    unsigned held_n;     /* parts that are, or were */
    int64_t timeout_ns;
    int64_t release_ns; /* of a release that awaits the enqueue's answer */
    /** What is to be told. */
    bool acquired_due;
    bool lost_due;
    bool released_due;
    int acquire_status;
    int release_status;
    const char *why;               /* static */
    const struct ll_ticket *fault; /* the part that failed, while it lives */
    struct ll_search *search;      /* while it waits, if it is asked for */
    char *value;
    size_t value_size;
    struct ll_compare *compares; /* parts_n */
    struct ll_op *then_ops;      /* 2 * parts_n */
    struct ll_op *else_ops;      /* parts_n */
    char *ends;                  /* of the queues' ranges */
    size_t parts_n;
    struct ll_ticket *parts[]; /* NULL: it is gone */
};

extern const struct ll_object_ops ll_bundle_ops;

static inline struct ll_bundle *ll_bundle_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_bundle, object);
}

int ll_bundle_acquire(struct ll_core *core, const struct ll_event *event);
/** The session of one that was asked for early is open. */
void ll_bundle_on_session_open(struct ll_core *core, struct ll_bundle *bundle);
int ll_bundle_release(struct ll_core *core,
                      struct ll_bundle *bundle,
                      int64_t timeout_ns);

/** It waits in a circle, by this part. */
void ll_bundle_fail_deadlock(struct ll_core *core,
                             struct ll_bundle *bundle,
                             const struct ll_ticket *part);
/** Takes from a part what it has to tell. */
void ll_bundle_hear(struct ll_core *core, struct ll_ticket *part);
/** A part is about to be freed. */
void ll_bundle_forget(struct ll_core *core, struct ll_ticket *part);

#endif
