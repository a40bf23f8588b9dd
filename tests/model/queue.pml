/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of one lock in etcd: CLIENTS clients, each with a lease of its own
 * and one ticket, that is, one key. docs/model.md maps the steps to src/core
 * and lists the assumptions; CMakeLists.txt has the runs and the broken
 * variants that must fail.
 *
 * Every run is finite: each event that could repeat forever (a lost answer, the
 * loss of a lease, an abandoned ticket) counts as a fault, and there are at
 * most FAULTS of them. So each run ends, and the properties "in the end" are
 * checked when no step is possible any more: see the process `judge`. / */
#ifndef CLIENTS
#define CLIENTS 3
#endif
#ifndef FAULTS
#define FAULTS 3
#endif
#ifndef ROUNDS
#define ROUNDS 1 /* tickets of a client, one after the other */
#endif

#include "etcd.pml"

/* What a ticket does next; as enum ll_ticket_state, but WAIT has three parts. */
#define ENQUEUE 0  /* send the Txn that enqueues */
# define ANSWERED 1 /* it is applied; its answer is in flight */
#define WANT 2     /* create the watch on the predecessor */
#define WATCHED 3  /* it is created; the gap before it is not closed */
#define WAIT 4     /* the gap is closed */
#define NEXT 5     /* read the keys ahead */
#define HELD 6
#define LEAVE 7 /* delete the key at its token */
#define REAP 8  /* delete the key whenever it appears */
#define GONE 9

/* The clients. */
byte state[CLIENTS];
bool told[CLIENTS]; /* the client has detected its session's loss */
bool quit[CLIENTS]; /* abandoned while the Txn's answer was in flight */
byte token[CLIENTS];
byte ahead[CLIENTS]; /* how many, at most; FOUND: an earlier try was applied */
byte before[CLIENTS]; /* the predecessor */
byte before_token[CLIENTS];
byte since[CLIENTS]; /* WATCHED: the watch's revision; NEXT: read no older */
bool settled[CLIENTS];
bool deaf[CLIENTS]; /* WAIT: the watch will miss the deletion */
byte lost_tries[CLIENTS];
byte round[CLIENTS];
bool begun[CLIENTS];
byte faults;
byte last_token; /* of the last ticket granted */

#define FOUND 255

#define HOLDS(i) (state[i] == HELD && !told[i] && !dead[i])
/* Clients are symmetric, so the first to act may be numbered 0, and so on. */
#define MAY_BEGIN(i) (i == 0 || begun[(i + CLIENTS - 1) % CLIENTS])
/* Whether a fault is left; the step that uses it counts it. */
#define MAY_FAIL (faults < FAULTS)
#define MAX(a, b) (a > b -> a : b)

/* The keys ahead of revision t at revision r: sets before[i] to the newest of
 * them, n to their number. */
inline look_ahead(i, t, r)
{
    n = 0;
    j = 0;
    before_token[i] = 0;
    do
    :: j < CLIENTS ->
        if
        :: STOOD(j, r) && MADE(j, r) < t ->
            n++;
            if
            :: MADE(j, r) > before_token[i] ->
                before[i] = j;
                before_token[i] = MADE(j, r)
            :: else
            fi
        :: else
        fi;
        j++
    :: else -> break
    od;
    j = 0
}

inline forget(i)
{
    ahead[i] = 0;
    before[i] = 0;
    before_token[i] = 0;
    since[i] = 0;
    settled[i] = false;
    deaf[i] = false;
    quit[i] = false
}

/* The three promises to a holder. r is the revision that the decision is
 * based on. */
inline grant(i, r)
{
    assert(SAME(i, token[i], r)); /* its key existed */
    look_ahead(i, token[i], r);
    assert(n == 0); /* and was the oldest */
    state[i] = HELD;
    forget(i);
    if
    :: HOLDS(i) ->
        do
        :: j < CLIENTS ->
            assert(j == i || !HOLDS(j));
            j++
        :: else -> break
        od;
        j = 0;
        assert(token[i] > last_token);
        last_token = token[i]
    :: else
    fi;
    n = 0
}

/* Nothing is left in etcd but late requests. */
inline end(i)
{
    forget(i);
    token[i] = 0;
#ifdef NO_REAPING
    state[i] = GONE
#else
    state[i] = (lost_tries[i] > 0 && !told[i] -> REAP : GONE)
#endif
}

inline leave(i)
{
    forget(i);
    state[i] = LEAVE
}

/* The predecessor was gone at revision r; stands: the own key existed. */
inline advance(i, r, stands)
{
    if
    :: ahead[i] == 1 && stands -> grant(i, r)
    :: else ->
        since[i] = MAX(r, token[i]);
        before[i] = 0;
        before_token[i] = 0;
        state[i] = NEXT
    fi
}

/* etcd applies the enqueue. */
inline enqueue(i)
{
    if
    :: dead[i] -> token[i] = 0
#ifdef NO_ELSE
    :: !dead[i] ->
        look_ahead(i, 255, revision);
        ahead[i] = n;
        n = 0;
        if
        :: !STANDS(i) -> put(i)
        :: else
        fi;
        token[i] = made[i]
#else
    :: !dead[i] && STANDS(i) ->
        token[i] = made[i];
        ahead[i] = FOUND;
        since[i] = revision
    :: !dead[i] && !STANDS(i) ->
        look_ahead(i, 255, revision);
        ahead[i] = n;
        n = 0;
        put(i);
        token[i] = revision
#endif
    fi;
    state[i] = ANSWERED
}

/* The enqueue's answer arrives, or does not. */
inline answer(i)
{
    if
    :: token[i] == 0 -> told[i] = true; forget(i); state[i] = GONE
    :: token[i] != 0 && quit[i] ->
        if
        :: ahead[i] == FOUND && lost_tries[i] > 0 -> lost_tries[i]--
        :: else
        fi;
        leave(i)
    :: token[i] != 0 && !quit[i] && ahead[i] == FOUND ->
        if
        :: lost_tries[i] > 0 -> lost_tries[i]--
        :: else
        fi;
        ahead[i] = 0;
        state[i] = NEXT
    :: token[i] != 0 && !quit[i] && ahead[i] == 0 -> grant(i, token[i])
    :: token[i] != 0 && !quit[i] && ahead[i] != 0 && ahead[i] != FOUND ->
        state[i] = WANT
    fi
}

inline lose_answer(i)
{
    lost_tries[i]++;
    if
    :: quit[i] -> end(i)
    :: else -> forget(i); token[i] = 0; state[i] = ENQUEUE
    fi
}

/* A read of both keys. */
inline read(i)
{
    if
    :: !SAME(i, token[i], r) -> end(i)
    :: SAME(i, token[i], r) && !SAME(before[i], before_token[i], r) ->
        advance(i, r, true)
    :: SAME(i, token[i], r) && SAME(before[i], before_token[i], r) ->
        since[i] = 0;
        state[i] = WAIT;
        if
        :: settled[i] = true
        :: ahead[i] == 1 && !settled[i] /* the reads of SETTLE follow */
        fi
    fi
}

active [CLIENTS] proctype ticket()
{
    byte i = _pid;

end_idle:
    do
    :: atomic { state[i] == ENQUEUE && MAY_BEGIN(i) ->
        begun[i] = true;
        enqueue(i) }
    :: atomic { state[i] == ENQUEUE && MAY_BEGIN(i) && MAY_FAIL ->
        begun[i] = true; /* it is in flight, or lost */
        faults++;
        lost_tries[i]++;
        late_enqueue[i] = true }
    :: atomic { state[i] == ENQUEUE && MAY_BEGIN(i) && MAY_FAIL ->
        begun[i] = true; /* given up */
        faults++;
        end(i) }

    :: atomic { state[i] == ANSWERED -> answer(i) }
    :: atomic { state[i] == ANSWERED && token[i] != 0 && MAY_FAIL ->
        faults++;
        lose_answer(i) }
    :: atomic { state[i] == ANSWERED && !quit[i] && MAY_FAIL -> /* given up */
        faults++;
        quit[i] = true }

    :: atomic { state[i] == WANT -> /* on a member that may lag */
        pick(1);
        since[i] = r;
        r = 0;
        state[i] = WATCHED }
    :: atomic { state[i] == WATCHED ->
#ifdef NO_GAP_READ
        state[i] = WAIT
#else
        since[i] = MAX(since[i], token[i]);
        pick(since[i]);
        read(i);
        r = 0
#endif
        }
    :: atomic { (state[i] == WATCHED || state[i] == WAIT) &&
            !deaf[i] && END(before[i], before_token[i]) > since[i] &&
            /* Two settled watches report in the order of the revisions. */
            (!settled[i] || END(i, token[i]) == 0 ||
             END(i, token[i]) > END(before[i], before_token[i])) ->
        r = END(before[i], before_token[i]);
        advance(i, r, settled[i]);
        r = 0 }
    :: atomic { state[i] == WAIT && MAY_FAIL -> /* the stream breaks */
        faults++;
        settled[i] = false;
        deaf[i] = false;
        state[i] = WANT }
    :: atomic { state[i] == WAIT && !deaf[i] && MAY_FAIL -> /* an event lost */
        faults++;
        deaf[i] = true }
    :: atomic { state[i] == WAIT && deaf[i] && /* the slow re-check finds it */
            END(before[i], before_token[i]) != 0 ->
        deaf[i] = false;
        r = END(before[i], before_token[i]);
        since[i] = MAX(r, token[i]);
        pick(since[i]);
        read(i);
        r = 0 }

    :: atomic { state[i] == NEXT ->
        pick(since[i]);
        since[i] = 0;
        if
        :: !SAME(i, token[i], r) -> end(i)
        :: else ->
            look_ahead(i, token[i], r);
            if
            :: n == 0 -> grant(i, r)
            :: n == 1 -> ahead[i] = 1; state[i] = WANT
            :: n > 1 ->
                ahead[i] = (ahead[i] > 3 -> ahead[i] - 1 : 2);
                state[i] = WANT
            fi
        fi;
        n = 0;
        r = 0 }

    :: atomic { (state[i] == WANT || state[i] == WATCHED || state[i] == WAIT ||
                 state[i] == NEXT) && MAY_FAIL ->
        faults++; /* withdrawn while it waits */
        leave(i) }
    :: atomic { (state[i] == WATCHED || state[i] == WAIT ||
                 state[i] == HELD) && END(i, token[i]) != 0 ->
        end(i) } /* the own key's watch */

    :: atomic { state[i] == HELD -> leave(i) }
    :: atomic { state[i] == LEAVE -> delete_at(i, token[i]); end(i) }
    :: atomic { state[i] == LEAVE && MAY_FAIL -> /* the answer is lost */
        faults++;
        delete_at(i, token[i]) }
    :: atomic { state[i] == LEAVE && late_delete[i] == 0 && MAY_FAIL ->
        faults++;
        late_delete[i] = token[i] }

    :: atomic { state[i] == REAP && STANDS(i) -> delete_at(i, made[i]) }
    :: atomic { state[i] == GONE && !told[i] && round[i] + 1 < ROUNDS ->
        round[i]++;
        state[i] = ENQUEUE }

    /* Steps of time and etcd. The deadline passes, or the client detects that
     * the lease is gone. */
    :: atomic { !told[i] && state[i] != GONE && MAY_BEGIN(i) &&
            (dead[i] || MAY_FAIL) ->
        begun[i] = true;
        if
        :: dead[i]
        :: !dead[i] -> faults++
        fi;
        told[i] = true;
        forget(i);
        token[i] = 0;
        state[i] = GONE }
    /* etcd expires the lease after the deadline, or a third party revokes
     * it. */
    :: atomic { !dead[i] && MAY_BEGIN(i) && (told[i] || MAY_FAIL) ->
        begun[i] = true;
        if
        :: told[i]
        :: !told[i] -> faults++
        fi;
        dead[i] = true;
        if
        :: STANDS(i) -> delete(i)
        :: else
        fi }
    :: atomic { late_enqueue[i] -> /* lands */
        late_enqueue[i] = false;
        if
        :: !dead[i] && !STANDS(i) -> put(i)
        :: else
        fi }
    :: late_enqueue[i] -> late_enqueue[i] = false
    :: atomic { late_delete[i] != 0 ->
        delete_at(i, late_delete[i]);
        late_delete[i] = 0 }
    :: late_delete[i] != 0 -> late_delete[i] = 0
    od
}

/* When no step is possible any more, every client has been served or has left,
 * and no key is left whose lease would keep it forever. */
active proctype judge()
{
    byte i;

    timeout;
    d_step {
        do
        :: i < CLIENTS ->
            assert(state[i] == GONE || state[i] == REAP);
            assert(!STANDS(i) || dead[i]);
            i++
        :: else -> break
        od
    }
}
