/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of one lock with tickets of three modes: exclusive, shared, and
 * permits of n. As queue.pml, with the same store; leases are left out (a key
 * that a third party deletes stands for them). docs/model.md says what is
 * searched and assumed; CMakeLists.txt has the runs and the broken variants
 * that must fail.
 *
 * WRITERS, READERS, HOLDERS (of PERMITS permits), OTHERS (of OTHER_PERMITS) and
 * TRIES (of a permit) say how many tickets of each kind there are, TICKETS
 * their sum. Which ticket is of which kind is chosen when it begins, so every
 * order is searched. Every run is finite: FAULTS limits what could go on for
 * ever.
 */
#ifndef TICKETS
#define TICKETS 4
#define WRITERS 2
#define READERS 2
#endif
#ifndef WRITERS
#define WRITERS 0
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef HOLDERS
#define HOLDERS 0
#endif
#ifndef PERMITS
#define PERMITS 2
#endif
#ifndef OTHERS
#define OTHERS 0
#endif
#ifndef OTHER_PERMITS
#define OTHER_PERMITS 1
#endif
#ifndef TRIES
#define TRIES 0
#endif
#ifndef FAULTS
#define FAULTS 1
#endif
#ifndef STAYS
#define STAYS 1 /* tickets that are held and never released */
#endif

#define CLIENTS TICKETS
#define ROUNDS 1
#include "etcd.pml"

#define EXCLUSIVE 0
#define SHARED 1
#define PERMIT 2
#define OTHER 3 /* a permit of another n */
#define TRY 4   /* a permit, now or not at all */

/* What a ticket does next. */
#define ENQUEUE 0  /* send the Txn that takes a place */
#define ANSWERED 1 /* it is applied; its answer is on the way */
#define FOUND 2    /* so it is, and an earlier try had landed */
#define WANT 3     /* create the watches on the keys of `set` */
#define WATCHED 4  /* they are created; the gap before them is not closed */
#define WAIT 5     /* the gap is closed */
#define NEXT 6     /* read who is ahead now */
#define TRIED 7    /* a permit was free: send the Txn of a try */
#define HELD 8
#define STAY 9  /* held for ever */
#define LEAVE 10 /* delete the key at its token */
#define REAP 11  /* delete the key whenever it appears */
#define GONE 12

byte state[TICKETS];
byte mode[TICKETS];
bool begun[TICKETS];
bool quit[TICKETS]; /* given up while the Txn's answer was on the way */
byte token[TICKETS];
byte set[TICKETS];   /* the keys to watch, a bit each; 0: none blocks it */
bool reads[TICKETS]; /* the first deletion is a reason to read again */
byte since[TICKETS]; /* WATCHED: the watches' revision; NEXT: read no older */
bool settled[TICKETS];
bool deaf[TICKETS]; /* WAIT: the watches will miss a deletion */
bool lost_try[TICKETS];
bool second[TICKETS]; /* TRY: the last read */
byte noted[TICKETS];  /* token of a ticket that was the head of the queue */
byte faults;
byte stays;
byte writers = WRITERS, readers = READERS, holders = HOLDERS;
byte others = OTHERS, tries = TRIES; /* that have not begun */
#ifdef COUNT_EVENTS
byte count[TICKETS];
#endif

/* Within a step alone. */
hidden byte all, nx, np; /* ahead: keys, exclusive ones, permits */
hidden byte newest, newest_x, oldest, best, bits, had, k;
hidden byte granted, refused, refused_too;

#define NONE 255
#define BIT(k) (1 << (k))
#define WATCHES(i, k) ((set[i] & BIT(k)) != 0)
#define IS_PERMIT(i) (mode[i] >= PERMIT)
#define LIMIT(i) (mode[i] == OTHER -> OTHER_PERMITS : PERMITS)
#define HOLDS(i)                                                               \
    ((state[i] == HELD || state[i] == STAY) && SAME(i, token[i], revision))
#define WAITS(i)                                                               \
    (state[i] == WANT || state[i] == WATCHED || state[i] == WAIT ||            \
     state[i] == NEXT)
/* Numbered as they begin, which is no loss. */
#define MAY_BEGIN(i) (i == 0 || begun[(i + TICKETS - 1) % TICKETS])
#define MAY_FAIL (faults < FAULTS)
#define MAX(a, b) (a > b -> a : b)
/* When the key k that ticket i has seen ahead of it ended; 0: not yet. */
#define ENDED(i, k)                                                            \
    (made[k] != 0 && made[k] < token[i] -> ended[k] : ended0[k])

/* Who stood ahead of revision t at revision r. */
inline count_ahead(t, r, seen)
{
    all = 0;
    nx = 0;
    np = 0;
    newest = NONE;
    newest_x = NONE;
    oldest = NONE;
    j = 0;
    do
    :: j < TICKETS ->
        if
        :: STOOD(j, r) && MADE(j, r) < t && (seen) ->
            all++;
            if
            :: newest == NONE || MADE(j, r) > MADE(newest, r) -> newest = j
            :: else
            fi;
            if
            :: oldest == NONE || MADE(j, r) < MADE(oldest, r) -> oldest = j
            :: else
            fi;
            if
            :: mode[j] == EXCLUSIVE ->
                nx++;
                if
                :: newest_x == NONE || MADE(j, r) > MADE(newest_x, r) ->
                    newest_x = j
                :: else
                fi
            :: mode[j] == SHARED
            :: mode[j] >= PERMIT -> np++
            fi
        :: else
        fi;
        j++
    :: else -> break
    od
}

/* The `most` newest permits ahead of t at r: to bits. */
inline nearest(t, r, most)
{
    bits = 0;
    k = 0;
    do
    :: k < most ->
        best = NONE;
        j = 0;
        do
        :: j < TICKETS ->
            if
            :: IS_PERMIT(j) && STOOD(j, r) && MADE(j, r) < t &&
                    (bits & BIT(j)) == 0 &&
                    (best == NONE || MADE(j, r) > MADE(best, r)) ->
                best = j
            :: else
            fi;
            j++
        :: else -> break
        od;
        bits = (best == NONE -> bits : bits | BIT(best));
        k++
    :: else -> break
    od
}

/* The key's place among those that a read of the mode's ranges sees. */
#ifdef ONE_RANGE /* the second one has the odd tickets' */
#define SEEN (mode[i] == EXCLUSIVE || mode[j] != EXCLUSIVE || j % 2 == 0)
#else
#define SEEN true
#endif

/* What the ticket with token t has to wait for, from a read at revision r. */
inline look(i, t, r)
{
    count_ahead(t, r, SEEN);
    set[i] = 0;
    reads[i] = false;
    if
    :: mode[i] == EXCLUSIVE && all > 0 ->
        set[i] = BIT(newest);
        reads[i] = all > 1
#ifdef READERS_JOIN
    :: mode[i] == SHARED && nx > 0 && mode[oldest] == EXCLUSIVE ->
#else
    :: mode[i] == SHARED && nx > 0 ->
#endif
        set[i] = BIT(newest_x);
        reads[i] = nx > 1
    :: IS_PERMIT(i) && nx > 0 ->
        set[i] = BIT(newest_x);
        reads[i] = nx > 1 || np >= LIMIT(i)
    :: IS_PERMIT(i) && nx == 0 && np >= LIMIT(i) ->
#ifdef NTH_ALONE
        nearest(t, r, LIMIT(i));
        set[i] = BIT(best);
        reads[i] = true
#elif defined(PREDECESSOR_ALONE)
        nearest(t, r, 1);
        set[i] = bits;
        reads[i] = true
#else
        if
        :: np < 2 * LIMIT(i) -> nearest(t, r, TICKETS)
        :: else -> nearest(t, r, LIMIT(i)); reads[i] = true
        fi;
        set[i] = bits
#endif
    :: else
    fi;
#ifdef GRANT_ON_ANY
    reads[i] = false;
#endif
#ifdef COUNT_EVENTS
    count[i] = np;
#endif
    k = 0
}

inline forget(i)
{
    set[i] = 0;
    reads[i] = false;
    since[i] = 0;
    settled[i] = false;
    deaf[i] = false;
    quit[i] = false;
    second[i] = false
}

/* A ticket is granted by what stood at revision r. First the rule, then what
 * it is for, then that nobody was overtaken. */
inline grant(i, r)
{
    assert(SAME(i, token[i], r)); /* its key stood */
    count_ahead(token[i], r, true);
    assert(nx == 0);
    assert(mode[i] != EXCLUSIVE || all == 0);
    assert(!IS_PERMIT(i) || np < LIMIT(i));
    forget(i);
    state[i] = HELD;
#ifndef SHARED_NOTE
    if
    :: mode[i] == EXCLUSIVE -> noted[i] = token[i]
    :: else
    fi;
#else
    noted[i] = token[i];
#endif
    if
    :: HOLDS(i) ->
        nx = 0; /* holds of each kind */
        np = 0;
        all = 0;
        best = NONE; /* the least of the limits */
        j = 0;
        do
        :: j < TICKETS ->
            if
            :: HOLDS(j) ->
                all++;
                nx = nx + (mode[j] == EXCLUSIVE -> 1 : 0);
                if
                :: IS_PERMIT(j) ->
                    np++;
                    best = (LIMIT(j) < best -> LIMIT(j) : best)
                :: else
                fi
            :: else ->
                /* It may hold by now without knowing; it was first. */
                assert(!STANDS(j) || made[j] >= token[i] ||
                       (mode[i] != EXCLUSIVE && mode[j] != EXCLUSIVE))
            fi;
            j++
        :: else -> break
        od;
        assert(nx == 0 || all == 1);
        assert(np <= best)
    :: else
    fi
}

/* Nothing is left in etcd but what may still land. */
inline end(i)
{
    forget(i);
    token[i] = 0;
    state[i] = (lost_try[i] -> REAP : GONE)
}

inline leave(i)
{
    forget(i);
    state[i] = LEAVE
}

inline read_next(i, r)
{
    set[i] = 0;
    reads[i] = false;
    settled[i] = false;
    deaf[i] = false;
    since[i] = MAX(r, token[i]);
    state[i] = NEXT
}

/* The first step of a ticket: its kind. */
inline begin(i)
{
    if
    :: begun[i]
    :: !begun[i] && writers > 0 -> writers--; mode[i] = EXCLUSIVE
    :: !begun[i] && readers > 0 -> readers--; mode[i] = SHARED
    :: !begun[i] && holders > 0 -> holders--; mode[i] = PERMIT
    :: !begun[i] && others > 0 -> others--; mode[i] = OTHER
    :: !begun[i] && tries > 0 -> tries--; mode[i] = TRY
    fi;
    begun[i] = true
}

/* Whether a permit is refused: keys of another n are there. */
inline compare_limit(i)
{
    bits = 0;
#ifndef NO_LIMIT_COMPARE
    j = 0;
    do
    :: j < TICKETS ->
        if
        :: IS_PERMIT(i) && IS_PERMIT(j) && STANDS(j) && LIMIT(j) != LIMIT(i) ->
            bits = 1
        :: else
        fi;
        j++
    :: else -> break
    od
#endif
}

/* etcd applies the enqueue; refused: a compare has failed. */
inline enqueue(i, refused)
{
    if
    :: STANDS(i) ->
        token[i] = made[i];
        since[i] = revision;
        state[i] = FOUND
    :: !STANDS(i) && refused -> token[i] = 0; state[i] = ANSWERED
    :: !STANDS(i) && !(refused) ->
        look(i, 255, revision);
        put(i);
        token[i] = revision;
        state[i] = ANSWERED
    fi
}

/* The read of a try, at any revision; then its Txn. */
inline try_read(i)
{
    pick(1);
    count_ahead(255, r, true);
    compare_limit(i);
    if
    :: nx == 0 && np < LIMIT(i) && bits == 0 -> since[i] = r; state[i] = TRIED
    :: else -> end(i)
    fi
}

inline try_put(i)
{
    bits = 0;
#ifndef TRY_UNCOMPARED
    j = 0;
    do
    :: j < TICKETS ->
        if
        :: STANDS(j) && made[j] > since[i] -> bits = 1
        :: else
        fi;
        j++
    :: else -> break
    od;
#endif
    if
    :: STANDS(i) -> token[i] = made[i]; state[i] = ANSWERED
    :: !STANDS(i) && bits == 0 ->
        put(i);
        token[i] = revision;
        state[i] = ANSWERED
    :: !STANDS(i) && bits != 0 && !second[i] ->
        second[i] = true;
        state[i] = ENQUEUE
    :: !STANDS(i) && bits != 0 && second[i] -> end(i)
    fi
}

/* The enqueue's answer comes. */
inline answer(i)
{
    if
    :: token[i] == 0 -> end(i) /* LEASELOCK_E_MODE */
    :: token[i] != 0 && quit[i] -> leave(i)
    :: token[i] != 0 && !quit[i] && set[i] == 0 -> grant(i, token[i])
    :: token[i] != 0 && !quit[i] && set[i] != 0 -> state[i] = WANT
    fi
}

inline settle(i)
{
#if !defined(NO_GAP_READ) && !defined(GAP_OLDER) && !defined(COUNT_EVENTS)
    since[i] = 0; /* every later deletion is reported */
#endif
    state[i] = WAIT;
    if
#ifdef OWN_UNSETTLED
    :: settled[i] = true
#else
    :: settled[i] = true
    :: settled[i] = false /* a later event is read behind */
#endif
    fi
}

/* The read that closes the gap. Of a ticket that waits for one key: that and
 * its own. Of one that waits for permits: the permits ahead. */
inline close_gap(i, r)
{
    granted = false;
    k = 0;
    do
    :: !WATCHES(i, k) -> k++
    :: else -> break
    od;
    if
    :: !SAME(i, token[i], r) -> end(i)
    :: SAME(i, token[i], r) && IS_PERMIT(i) && IS_PERMIT(k) ->
        had = set[i];
        look(i, token[i], r);
        if
        :: set[i] == 0 -> granted = true
        :: set[i] != 0 && (set[i] & ~had) == 0 ->
#ifdef COUNT_EVENTS
            set[i] = had; /* of those that are gone an event may still come */
#endif
            settle(i)
        :: set[i] != 0 && (set[i] & ~had) != 0 ->
            since[i] = 0;
            state[i] = WANT
        fi
    :: SAME(i, token[i], r) && !(IS_PERMIT(i) && IS_PERMIT(k)) ->
        if
        :: ENDED(i, k) == 0 || ENDED(i, k) > r -> settle(i)
        :: else ->
            if
            :: !reads[i] -> granted = true
            :: else -> read_next(i, r)
            fi
        fi
    fi
}

/* The note says that no older key of any mode is left; of the permits between
 * the two it says nothing. */
#ifdef PERMIT_BY_NOTE
#define KNOWS_HEAD(i, k) (noted[k] != 0 && noted[k] == made[k])
#else
#define KNOWS_HEAD(i, k)                                                       \
    (noted[k] != 0 && noted[k] == made[k] && !IS_PERMIT(i))
#endif

/* The deletion of a watched key. */
inline event(i, k)
{
    granted = false;
    r = ENDED(i, k);
    set[i] = set[i] & ~BIT(k);
#ifdef COUNT_EVENTS
    count[i]--;
    n = count[i];
#else
    n = 0;
    j = 0;
    do
    :: j < TICKETS -> n = n + (WATCHES(i, j) -> 1 : 0); j++
    :: else -> break
    od;
#endif
    if
    :: reads[i] -> read_next(i, r)
    :: settled[i] && KNOWS_HEAD(i, k) -> granted = true /* if it is left */
    :: !reads[i] && IS_PERMIT(i) && IS_PERMIT(k) && n >= LIMIT(i)
    :: !reads[i] && !(IS_PERMIT(i) && IS_PERMIT(k) && n >= LIMIT(i)) ->
        if
        :: settled[i] -> granted = true
        :: else -> read_next(i, r)
        fi
    fi
}

/* Settled watches report in the order of the revisions. */
#define IN_ORDER(i, m, k)                                                      \
    (!WATCHES(i, m) || ENDED(i, m) <= since[i] ||                              \
     ENDED(i, m) >= ENDED(i, k))
#if TICKETS == 3
#define ALL_IN_ORDER(i, k)                                                     \
    (IN_ORDER(i, 0, k) && IN_ORDER(i, 1, k) && IN_ORDER(i, 2, k))
#elif TICKETS == 4
#define ALL_IN_ORDER(i, k)                                                     \
    (IN_ORDER(i, 0, k) && IN_ORDER(i, 1, k) && IN_ORDER(i, 2, k) &&            \
     IN_ORDER(i, 3, k))
#else
#define ALL_IN_ORDER(i, k)                                                     \
    (IN_ORDER(i, 0, k) && IN_ORDER(i, 1, k) && IN_ORDER(i, 2, k) &&            \
     IN_ORDER(i, 3, k) && IN_ORDER(i, 4, k))
#endif
#ifdef OWN_UNSETTLED
#define OWN_IN_ORDER(i, k) true
#else
#define OWN_IN_ORDER(i, k)                                                     \
    (END(i, token[i]) == 0 || END(i, token[i]) > ENDED(i, k))
#endif
#define REPORTS(i, k)                                                          \
    ((state[i] == WATCHED || state[i] == WAIT) && !deaf[i] && WATCHES(i, k) && \
     ENDED(i, k) > since[i] &&                                                 \
     (!settled[i] || (OWN_IN_ORDER(i, k) && ALL_IN_ORDER(i, k))))

#if TICKETS == 3
#define REPORT(i) (REPORTS(i, 0) || REPORTS(i, 1) || REPORTS(i, 2))
#elif TICKETS == 4
#define REPORT(i)                                                              \
    (REPORTS(i, 0) || REPORTS(i, 1) || REPORTS(i, 2) || REPORTS(i, 3))
#else
#define REPORT(i)                                                              \
    (REPORTS(i, 0) || REPORTS(i, 1) || REPORTS(i, 2) || REPORTS(i, 3) ||       \
     REPORTS(i, 4))
#endif

active [TICKETS] proctype ticket()
{
    byte i = _pid;

end_idle:
    do
    :: atomic { state[i] == ENQUEUE && MAY_BEGIN(i) ->
        begin(i);
        if
        :: mode[i] == TRY -> try_read(i)
        :: else -> compare_limit(i); enqueue(i, bits != 0)
        fi }
#if READERS > 1
    /* Two readers in one batch share a revision. */
    :: atomic { state[i] == ENQUEUE && MAY_BEGIN(i) && !begun[i] &&
            readers > 1 ->
        begun[i] = true;
        begun[i + 1] = true;
        readers = readers - 2;
        mode[i] = SHARED;
        mode[i + 1] = SHARED;
        enqueue(i, false);
        revision--;
        enqueue(i + 1, false) }
#endif
#ifdef BATCH_LIMITS
    /* All compares of a batch run before its writes. */
    :: atomic { state[i] == ENQUEUE && MAY_BEGIN(i) && !begun[i] &&
            holders > 0 && others > 0 ->
        begun[i] = true;
        begun[i + 1] = true;
        holders--;
        others--;
        mode[i] = OTHER;
        mode[i + 1] = PERMIT;
        compare_limit(i);
        refused = bits != 0;
        compare_limit(i + 1);
        refused_too = bits != 0;
        enqueue(i, refused);
        enqueue(i + 1, refused_too) }
#endif
    :: atomic { state[i] == ENQUEUE && MAY_BEGIN(i) && MAY_FAIL ->
        begin(i);
        if
        :: mode[i] == TRY -> try_read(i) /* see what is assumed */
        :: else ->
            faults++; /* it is on its way, or lost */
            lost_try[i] = true;
            late_enqueue[i] = true
        fi }

    :: atomic { state[i] == TRIED -> try_put(i) }
    :: atomic { state[i] == ANSWERED -> answer(i) }
    :: atomic { state[i] == FOUND ->
        lost_try[i] = false;
        if
        :: quit[i] -> leave(i)
        :: else -> read_next(i, since[i])
        fi }
    :: atomic { (state[i] == ANSWERED || state[i] == FOUND) &&
            token[i] != 0 && MAY_FAIL -> /* the answer is lost */
        faults++;
        if
        :: mode[i] == TRY -> token[i] = 0; state[i] = TRIED
        :: mode[i] != TRY && quit[i] -> lost_try[i] = true; end(i)
        :: mode[i] != TRY && !quit[i] ->
            lost_try[i] = true;
            forget(i);
            token[i] = 0;
            state[i] = ENQUEUE
        fi }
    :: atomic { (state[i] == ANSWERED || state[i] == FOUND) && !quit[i] &&
            MAY_FAIL -> /* given up */
        faults++;
        quit[i] = true }

    :: atomic { state[i] == WANT -> /* on a member that may lag */
        pick(1);
        since[i] = r;
        state[i] = WATCHED }
    :: atomic { state[i] == WATCHED ->
#ifdef NO_GAP_READ
        settle(i)
#else
#ifndef GAP_OLDER
        since[i] = MAX(since[i], token[i]);
        pick(since[i]);
#else
        pick(token[i]);
#endif
        close_gap(i, r);
        if
        :: granted -> grant(i, r)
        :: else
        fi
#endif
        }
    :: atomic { REPORT(i) ->
        if
        :: REPORTS(i, 0) -> k = 0
        :: REPORTS(i, 1) -> k = 1
        :: REPORTS(i, 2) -> k = 2
#if TICKETS > 3
        :: REPORTS(i, 3) -> k = 3
#endif
#if TICKETS > 4
        :: REPORTS(i, 4) -> k = 4
#endif
        fi;
        event(i, k);
        if
        :: granted -> grant(i, r)
        :: else
        fi }
    :: atomic { state[i] == WAIT && MAY_FAIL -> /* the stream breaks */
        faults++;
        settled[i] = false;
        deaf[i] = false;
        state[i] = WANT }
    :: atomic { state[i] == WAIT && !deaf[i] && MAY_FAIL -> /* events lost */
        faults++;
        deaf[i] = true }
    :: atomic { state[i] == WAIT && deaf[i] -> /* the slow re-check */
        read_next(i, token[i]) }

    :: atomic { state[i] == NEXT ->
        pick(since[i]);
        since[i] = 0;
        if
#ifdef NEXT_WITHOUT_OWN
        :: mode[i] != SHARED && !SAME(i, token[i], r) -> end(i)
#else
        :: !SAME(i, token[i], r) -> end(i)
#endif
        :: else ->
            look(i, token[i], r);
            if
            :: set[i] == 0 -> grant(i, r)
            :: else -> state[i] = WANT
            fi
        fi }

    :: atomic { WAITS(i) && MAY_FAIL -> /* withdrawn while it waits */
        faults++;
        leave(i) }
    :: atomic { (state[i] == WATCHED || state[i] == WAIT || state[i] == HELD ||
                 state[i] == STAY) && END(i, token[i]) != 0 ->
        end(i) } /* the own key's watch */

    :: atomic { state[i] == HELD -> leave(i) }
    :: atomic { state[i] == HELD && stays < STAYS ->
        stays++;
        state[i] = STAY }
    :: atomic { state[i] == LEAVE -> delete_at(i, token[i]); end(i) }
    :: atomic { state[i] == LEAVE && MAY_FAIL -> /* the answer is lost */
        faults++;
        delete_at(i, token[i]) }
    :: atomic { state[i] == LEAVE && late_delete[i] == 0 && MAY_FAIL ->
        faults++;
        late_delete[i] = token[i] }
    :: atomic { state[i] == REAP && STANDS(i) -> delete_at(i, made[i]) }

    /* What others and the network do. */
    :: atomic { STANDS(i) && MAY_FAIL -> /* a third party deletes the key */
        faults++;
        delete(i) }
    :: atomic { late_enqueue[i] -> /* lands */
        late_enqueue[i] = false;
        compare_limit(i);
        if
        :: !STANDS(i) && bits == 0 -> put(i)
        :: else
        fi }
    :: late_enqueue[i] -> late_enqueue[i] = false
    :: atomic { late_delete[i] != 0 ->
        delete_at(i, late_delete[i]);
        late_delete[i] = 0 }
    :: late_delete[i] != 0 -> late_delete[i] = 0
    od
}

/* When nothing more can happen, everybody has had a turn or has left, but for
 * who holds for ever and whom the rule makes wait for that; and no key of
 * another is left. */
active proctype judge()
{
    byte i;

    timeout;
    d_step {
        do
        :: i < TICKETS ->
            if
            :: WAITS(i) ->
                count_ahead(token[i], revision, true);
                assert(STANDS(i));
                assert(nx > 0 || (mode[i] == EXCLUSIVE && all > 0) ||
                       (IS_PERMIT(i) && np >= LIMIT(i)))
            :: state[i] == STAY -> assert(STANDS(i))
            :: else ->
                assert(state[i] == GONE || state[i] == REAP);
                assert(!STANDS(i))
            fi;
            i++
        :: else -> break
        od
    }
}
