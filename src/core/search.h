#ifndef LL_CORE_SEARCH_H
#define LL_CORE_SEARCH_H

#include "core/object.h"

struct ll_ticket;
struct ll_multi;

/**
 * Looks whether a ticket's wait is part of a circle: its session's tickets are
 * waited for by one whose own are waited for ... by the session of the ticket
 * that this one waits for. Such a wait would not end before a lease does. Made
 * for tickets that ask for it.
 *
 * A session is its lease, and waits for another where a key of the one stands
 * right behind a key of the other in a queue. So from the lease of the ticket
 * ahead the search goes on, lease by lease, nearest first:
 *
 *     state  | event                          | next   | does
 *     REST   | its time, the ticket waits     | KEYS   | asks for the keys of
 *            |                                |        | the lease ahead
 *     REST   | its time, the ticket does not  | REST   |
 *     KEYS   | the keys of a lease            | MADE   | reads them
 *     MADE   | when they were made            | AHEAD  | reads what stands
 *            |                                |        | right before each
 *     MADE,  | there are more than one Txn    | same   | reads on
 *     AHEAD  | takes                          |        |
 *     AHEAD  | the own lease stands before one| MARK   | the Txn below
 *     AHEAD  | other leases do, or none       | KEYS   | asks for the keys of
 *            |                                |        | the next lease
 *     KEYS,  | no lease is left to look at,   | REST   |
 *     AHEAD  | or too many                    |        |
 *     MARK   | all stood as they were read    | GONE   | the ticket fails with
 *            |                                |        | DEADLOCK
 *     MARK   | marked by a try whose answer   | GONE   | the same
 *            | was lost                       |        |
 *     MARK   | something has changed          | REST   |
 *     any    | no answer                      | same   | the same again
 *     any    | refused, error, out of memory  | REST   |
 *     any    | the ticket's wait is over      | GONE   |
 *
 * What was read at different revisions may never have stood side by side, and
 * others in the circle may have found it too. One Txn settles both:
 *
 *     if   each waiting key of the circle is as it was made,
 *          each key waited for, and each own key, has its create_revision
 *     then put(own key) for each, which leaves it as it is but for its version
 *     else range(own key) for each
 *
 * As etcd puts one such Txn before the other, exactly one ticket of a circle
 * is marked, and for the others of it the first condition fails. A key that
 * waits with a version above 1 is marked and on its way out: the search does
 * not go through it. The mark is no deletion, so that the own watch and the
 * answer cannot contradict each other; the marked ticket leaves its queues
 * like any other that fails.
 *
 * A circle that comes back to the very key by which it left the ticket is none
 * of its own: whoever waits for that key waits for those ahead of it as well,
 * and goes on to do so without the ticket.
 *
 * Where a session has two keys in one queue the later one is not held against
 * it: they may be threads, which stand in line like strangers. For the
 * ticket's own session that is otherwise, as it has said that its tickets are
 * taken one after the other.
 *
 * A circle comes to be when the last of its waits begins. So one search, a
 * while after that, finds it; further ones are for circles whose last wait did
 * not ask for a search.
 *
 * Only keys PREFIX/LEASE and PREFIX/LEASE.NUMBER are followed, as ours and
 * Go's.
 */

/** How long a ticket has waited before the first search; the time between two
 *  doubles, up to the slow re-check's. */
#define LL_SEARCH_FIRST_NS INT64_C(1000000000)
/** Leases that one search looks at, at most. */
#define LL_SEARCH_LEASES_MAX 128
/** Keys of each, at most; a lease with more is not followed. */
#define LL_SEARCH_KEYS_MAX 1024
/** Of these, read at a time: one operation of a Txn each. */
#define LL_SEARCH_READS_MAX 100
/** Leases of a circle at most: two conditions of a Txn each, of which etcd
 *  takes 128, besides those for the own keys. */
#define LL_SEARCH_CIRCLE_MAX 32
/** Operations and conditions of a request at most. */
#define LL_SEARCH_OPS_MAX 128

enum ll_search_state {
    LL_SEARCH_REST,
    LL_SEARCH_KEYS,
    LL_SEARCH_MADE,
    LL_SEARCH_AHEAD,
    LL_SEARCH_MARK,
    LL_SEARCH_GONE,
};

/** A lease that was reached, and the wait by which it was. */
struct ll_search_step {
    size_t root; /* the part of the ticket that the search began with */
    size_t from; /* 1 + the step of the lease that waits; 0: the ticket's */
    int64_t lease;
    char *text;            /* the bytes of its keys */
    struct ll_bytes waits; /* the key that waits; size 0: the ticket's */
    int64_t waits_created; /* its create_revision, and mod_revision */
    struct ll_bytes ahead; /* the key that it waits for */
    int64_t ahead_created; /* its create_revision */
};

/** A key of the lease that is being looked at. */
struct ll_search_key {
    char *text;
    struct ll_bytes key;
    struct ll_bytes prefix; /* its queue's */
    struct ll_bytes end;
    int64_t created; /* 0: it waits for nobody, or not any more */
    bool is_out;     /* it is no wait to follow */
};

struct ll_search {
    struct ll_object object;
    struct ll_ticket *ticket; /* one of these, or neither: GONE */
    struct ll_multi *multi;
    enum ll_search_state state;
    int64_t rest_ns;  /* REST: until then */
    int64_t pause_ns; /* the last rest's length */
    struct ll_search_step *steps;
    size_t steps_n;
    size_t step; /* the one that is being looked at */
    struct ll_search_key *keys;
    size_t keys_n;
    int64_t listed; /* the revision of the answer with their list */
    size_t key;     /* the first that is being read, */
    size_t key_end;
    bool mark_lost; /* a try to mark may have been applied */
    bool mark_open; /* one of an earlier look, of which it was never known */
    /** Parts of the newest request. */
    struct ll_op *ops;
    struct ll_compare *compares;
    struct ll_txn txn;
};

extern const struct ll_object_ops ll_search_ops;

static inline struct ll_search *ll_search_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_search, object);
}

/** Makes the search of a ticket or, with ticket NULL, of a multi-lock.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_search_begin(struct ll_core *core,
                    struct ll_ticket *ticket,
                    struct ll_multi *multi,
                    uint64_t id);
/** The wait is over; NULL does nothing. */
void ll_search_end(struct ll_core *core, struct ll_search *search);

#endif
