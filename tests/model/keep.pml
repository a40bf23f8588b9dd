/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that keeps its lock (src/core/keep.h), in one queue with OTHERS
 * clients. Ticket 0 is the keeper's entry, or was or will be it; ticket 1 is a
 * second one of its session, which may line up behind the entry; the rest
 * belong to the others. docs/model.md maps the steps to src/core and lists the
 * assumptions.
 *
 * keep_ns never ends, so what waits behind an idle entry for no other reason
 * waits for ever. As in queue.pml every run is finite, and `judge` checks what
 * holds in the end. / */
#ifndef OTHERS
#define OTHERS 2
#endif
#ifndef FAULTS
#define FAULTS 1
#endif
#ifndef ACQUIRES
#define ACQUIRES 3 /* of the entry's users, one after another */
#endif
#ifndef WRITES
#define WRITES 0
#endif
#ifndef PASSES
#define PASSES 0 /* 1: local_passes is 1 or more */
#endif
#ifndef TRIES
#define TRIES 0 /* 1: the last of the others is a try */
#endif
#define CLIENTS (2 + OTHERS)
#define ROUNDS 2 /* lives of the entry's key */

#include "etcd.pml"

/* A ticket. */
#define NEW 0
#define ENQUEUE 1  /* its Txn is to be sent */
#define ANSWERED 2 /* it is applied; its answer is in flight */
#define WAIT 3
#define HELD 4
#define IDLE 5  /* the entry: released, and its key stays */
#define LEAVE 6 /* delete the key at its token */
#define LINED 7 /* waits in the client for the entry */
#define GONE 8
#define LAST 9 /* a try is sent again; ANSWERED: it asks, WAIT: it has asked */

/* The keep. Without a watch it keeps nothing: in PLAIN an entry is what
 * DESIGN.md calls WANTED. */
#define PLAIN 0
#define SETTLING 1
#define ALONE 2
#define PASSING 3

#define OFF 0
#define CREATING 1
#define ON 2

byte state[CLIENTS];
byte token[CLIENTS];
byte keep;
byte watch;           /* on the queue's keys */
byte since;           /* it reports what is later */
byte least;           /* ALONE: no other is behind a key of this token or later */
bool seen[CLIENTS];   /* it has reported the creation */
bool deaf;            /* the watch has missed what came until now */
bool broken;          /* the stream is down, and the client does not know */
byte hold;            /* the number of the entry's present hold, or last one */
byte lives;
byte acquires;
bool over;            /* the keeper's session is lost, and it knows */
bool taken;           /* a third party has deleted the entry's key, */
bool revoked;         /* or all of the session's */
byte write_hold;      /* a fenced write in flight: the hold that it is of */
byte write_token;
bool write_open;      /* it is unanswered */
bool write_unknown;   /* its outcome is */
byte writes;
byte faults;
#if TRIES > 0
byte target;          /* the token of the key that the try asks for */
byte touched;         /* when it put to the entry's key; 0: it has not */
bool noted;           /* the keeper has seen that */
bool asked;           /* it did so while the entry was idle, as it still is */
#endif

#define MAY_FAIL (faults < FAULTS)
#define IS_OWN(i) (i < 2)
/* A holder whose key a third party deleted does not count until it knows. */
#define HOLDS(i)                                                               \
    (state[i] == HELD && !(i == 0 && taken) && !(IS_OWN(i) && revoked))
#define OLDER(i, k) (STANDS(k) && made[k] < token[i])
#if OTHERS == 1
#define OLDEST(i) (!OLDER(i, 0) && !OLDER(i, 1) && !OLDER(i, 2))
#else
#define OLDEST(i)                                                              \
    (!OLDER(i, 0) && !OLDER(i, 1) && !OLDER(i, 2) && !OLDER(i, 3))
#endif
#define KEY_STANDS(i) (STANDS(i) && made[i] == token[i])
/* Others of the session that have a key, or ask for one. */
#define HAS_OTHER_CARRIER                                                      \
    (state[1] != NEW && state[1] != LINED && state[1] != GONE)
/* No other session's key is behind the entry's, as far as is known. */
#ifdef LEAST_IGNORED
#define IS_LAST (keep != PLAIN)
#else
#define IS_LAST (keep == SETTLING || (keep == ALONE && token[0] >= least))
#endif

inline check_hold(i)
{
    j = 0;
    do
    :: j < CLIENTS ->
        assert(j == i || !HOLDS(i) || !HOLDS(j));
        j++
    :: else -> break
    od;
    j = 0
}

inline unwatch()
{
    keep = PLAIN;
    watch = OFF;
    since = 0;
    least = 0;
    deaf = false;
    broken = false;
    seen[2] = false;
    seen[CLIENTS - 1] = false
}

inline start_lined()
{
#ifdef LINED_STRANDED
    skip
#else
    if
    :: state[1] == LINED -> state[1] = ENQUEUE
    :: else
    fi
#endif
}

/* The entry is no carrier any more. */
inline leave_entry()
{
#ifdef PASS_STRANDED
    if
    :: keep == PASSING -> skip
    :: else -> start_lined()
    fi;
#else
    start_lined();
#endif
    if
    :: keep == PASSING -> keep = PLAIN
    :: else
    fi;
    if
    :: !HAS_OTHER_CARRIER -> unwatch()
    :: else
    fi
}

/* Nothing is kept any more. */
inline stop()
{
    unwatch();
    start_lined();
    if
    :: state[0] == IDLE -> state[0] = LEAVE
    :: else
    fi
}

/* Another session's key is seen. */
inline await_other()
{
#if PASSES > 0
    if
    :: state[0] == HELD && !HAS_OTHER_CARRIER && state[1] == LINED ->
        unwatch();
        keep = PASSING
    :: else -> stop()
    fi
#else
    stop()
#endif
}

/* The entry has no key any more; the next one may come. */
inline end_entry()
{
    state[0] = NEW;
    token[0] = 0;
    taken = false;
    write_open = false;
    write_unknown = false;
    leave_entry()
}

/* The session is lost, and all that depends on it. */
inline end_session()
{
    over = true;
    unwatch();
    state[1] = GONE;
#ifdef GRANT_AFTER_DEADLINE
    state[0] = (state[0] == IDLE -> IDLE : GONE);
    keep = ALONE
#else
    state[0] = GONE
#endif
}

/* A ticket is granted in etcd: by its answer, or as its predecessor is gone. */
inline grant(i)
{
    state[i] = HELD;
    check_hold(i)
}

inline hold_next()
{
#if WRITES > 0
    hold++;
#endif
    check_hold(0)
}

/* The newest key at revision r: n is 1 more than whose; 0: there is none. */
inline find_newest()
{
    n = 0;
    j = 0;
    do
    :: j < CLIENTS ->
        if
        :: STOOD(j, r) && (n == 0 || MADE(j, r) > MADE((n - 1), r)) -> n = j + 1
        :: else
        fi;
        j++
    :: else -> break
    od;
    j = 0
}

/* What the read of the newest key at revision r shows. */
inline see_newest()
{
    find_newest();
    if
    :: n > 2 -> await_other()
#if TRIES > 0 && !defined(TOUCH_UNREAD)
    :: n == 1 && KEY_STANDS(0) && touched != 0 && touched <= r && !noted &&
            state[0] == IDLE -> noted = true; stop()
#endif
    :: else ->
#if TRIES > 0
        noted = noted || (n == 1 && touched != 0 && touched <= r);
#endif
        keep = ALONE;
        least = (n == 0 -> r + 1 : MADE((n - 1), r));
        if
        :: n == 0 && token[0] <= r && (state[0] == HELD || state[0] == IDLE) ->
            end_entry()
#ifndef IDLE_BETWEEN
        :: n != 0 && state[0] == IDLE && token[0] < least -> stop()
#endif
        :: else
        fi
    fi;
    n = 0
}

/* A watch of these may not report at the moment. */
#define REPORTS(k)                                                             \
    (watch == ON && !deaf && !broken && !seen[k] && made[k] > since)
#ifdef EVENT_WHEN_IDLE_ALONE
#define HEEDS (state[0] == IDLE)
#else
#define HEEDS true
#endif

/* Whether the entry's key may stay at its release. */
#ifdef KEEP_WITH_CARRIER
#define HAS_ROOM true
#else
#define HAS_ROOM (!HAS_OTHER_CARRIER)
#endif
#ifdef KEEP_UNANSWERED
#define MAY_KEEP (IS_LAST && HAS_ROOM && !write_unknown)
#elif defined(KEEP_UNKNOWN)
#define MAY_KEEP (IS_LAST && HAS_ROOM && !write_open)
#else
#define MAY_KEEP (IS_LAST && HAS_ROOM && !write_open && !write_unknown)
#endif

/* The keeper's watch reports the put of a try. */
#define REPORTS_TOUCH                                                          \
    (watch == ON && !deaf && !broken && !noted && touched > since &&           \
     KEY_STANDS(0))

/* The entry is held since an answer of etcd, and may be watched for. */
inline grant_entry()
{
    state[0] = HELD;
    hold_next();
    if
    :: keep == PLAIN -> keep = SETTLING; watch = CREATING
    :: keep == PLAIN -> start_lined() /* the pause is not over */
    :: keep != PLAIN
    fi
}

active proctype keeper()
{
end_idle:
    do
    /* The entry's users. */
    :: atomic { state[0] == NEW && !over && acquires < ACQUIRES &&
            lives < ROUNDS ->
        acquires++;
        if
        :: dead[0] -> end_session()
        :: else ->
            lives++;
            put(0);
            token[0] = revision;
#if TRIES > 0
            touched = 0;
            noted = false;
            asked = false;
#endif
            state[0] = ANSWERED
        fi }
    :: atomic { state[0] == ANSWERED ->
        if
        :: OLDEST(0) && KEY_STANDS(0) -> grant_entry()
        :: else -> state[0] = WAIT; start_lined()
        fi }
    :: atomic { state[0] == WAIT && KEY_STANDS(0) && OLDEST(0) ->
        grant_entry() }
    :: atomic { state[0] == IDLE && acquires < ACQUIRES && IS_LAST ->
        acquires++;
#if TRIES > 0
        asked = false;
#endif
        state[0] = HELD;
        hold_next() }
#ifdef TAKE_LEAVING
    :: atomic { state[0] == LEAVE && acquires < ACQUIRES ->
        acquires++;
        late_delete[0] = token[0];
        state[0] = HELD;
        hold_next() }
#endif
    :: atomic { state[0] == HELD && MAY_KEEP ->
        if
        :: state[1] == LINED -> state[1] = GONE; hold_next()
        :: else -> state[0] = IDLE
        fi }
#if PASSES > 0
#ifdef PASS_UNANSWERED
    :: atomic { state[0] == HELD && keep == PASSING && state[1] == LINED ->
#else
    :: atomic { state[0] == HELD && keep == PASSING && state[1] == LINED &&
            !write_open && !write_unknown ->
#endif
        state[1] = GONE;
        hold_next() }
#ifdef PASS_IDLE
    :: atomic { state[0] == HELD && keep == PASSING && state[1] != LINED ->
        state[0] = IDLE }
#endif
#endif
    :: atomic { state[0] == HELD && (!MAY_KEEP || keep == SETTLING) ->
        state[0] = LEAVE; /* in SETTLING: the time is over */
        leave_entry() }
    :: atomic { state[0] == LEAVE -> delete_at(0, token[0]); end_entry() }

    /* The second user. */
    :: atomic { state[1] == NEW && !over ->
        if
        :: (state[0] == ANSWERED || (state[0] == HELD && IS_LAST)) ->
            state[1] = LINED
        :: state[0] != IDLE && !(state[0] == HELD && IS_LAST) ->
            state[1] = ENQUEUE
        :: state[0] == IDLE -> state[1] = GONE /* as the entry's users */
        fi }

    /* What is known of others. */
    :: atomic { watch == CREATING && !broken -> /* on a member that may lag */
        watch = ON;
        pick(1);
        since = r;
#ifdef SETTLE_UNREAD
        keep = ALONE;
        least = token[0];
#endif
        r = 0 }
    :: atomic { watch == ON && keep == SETTLING ->
#ifdef SETTLE_OLD_READ
        pick(1);
#else
        pick(since);
#endif
        see_newest();
        r = 0 }
    :: atomic { state[0] == IDLE && keep == SETTLING -> stop() } /* in time */
#ifndef FOREIGN_UNSEEN
    :: atomic { REPORTS(2) ->
        if
        :: HEEDS -> await_other()
        :: else -> seen[2] = true
        fi }
#if OTHERS > 1
    :: atomic { REPORTS(3) ->
        if
        :: HEEDS -> await_other()
        :: else -> seen[3] = true
        fi }
#endif
#endif
#if TRIES > 0 && !defined(TOUCH_UNSEEN)
    :: atomic { REPORTS_TOUCH ->
        noted = true;
        if
        :: state[0] == IDLE -> stop()
        :: else
        fi }
#endif
#ifndef RECHECK_NEVER
    :: atomic { keep == ALONE && deaf -> /* the slow re-check */
        deaf = false;
        since = revision; /* what is older is in the read */
        r = revision;
        see_newest();
        r = 0 }
#endif
    :: atomic { broken ->
#ifdef BREAK_WHEN_IDLE
        if
        :: state[0] == IDLE -> watch = OFF; broken = false
        :: else -> stop()
        fi
#elif defined(BREAK_WHEN_HELD)
        if
        :: state[0] == HELD -> watch = OFF; broken = false
        :: else -> stop()
        fi
#else
        stop()
#endif
        }
#ifndef DELETION_UNSEEN
    :: atomic { state[0] == IDLE && watch == ON && !deaf && !broken &&
            END(0, token[0]) > since ->
        end_entry() }
#endif
    :: atomic { state[0] == HELD && !KEY_STANDS(0) -> /* its own watch */
        end_entry() }
    :: atomic { dead[0] && !over -> end_session() } /* a renewal, or any call */

    /* Faults. */
    :: atomic { watch != OFF && !broken && MAY_FAIL ->
        faults++;
        broken = true }
    :: atomic { watch == ON && !deaf && !broken && MAY_FAIL ->
        faults++;
        deaf = true }
    :: atomic { !over && !dead[0] && MAY_FAIL -> /* the deadline passes */
        faults++;
        end_session() }
    :: atomic { over && !dead[0] -> /* and then the lease expires */
        dead[0] = true;
        if
        :: STANDS(0) -> delete(0)
        :: else
        fi;
        if
        :: STANDS(1) -> delete(1)
        :: else
        fi }
    :: atomic { !over && !dead[0] && MAY_FAIL -> /* it is revoked by others */
        faults++;
        dead[0] = true;
        revoked = true;
        if
        :: STANDS(0) -> delete(0)
        :: else
        fi;
        if
        :: STANDS(1) -> delete(1)
        :: else
        fi }
    :: atomic { state[1] == WAIT && MAY_FAIL -> /* it is given up */
        faults++;
        state[1] = LEAVE }
    :: atomic { KEY_STANDS(0) && (state[0] == HELD || state[0] == IDLE) &&
            MAY_FAIL -> /* the key is deleted by others */
        faults++;
        taken = true;
        delete(0) }
#ifdef TAKE_LEAVING
    :: atomic { late_delete[0] != 0 ->
        delete_at(0, late_delete[0]);
        late_delete[0] = 0 }
#endif

#if WRITES > 0
    /* Fenced writes: applied while the key stands. */
    :: atomic { state[0] == HELD && write_hold == 0 && writes < WRITES ->
        writes++;
        write_hold = hold;
        write_token = token[0];
        write_open = true }
    :: atomic { write_hold != 0 ->
        assert(!KEY_STANDS(0) || write_token != token[0] ||
               state[0] != HELD || write_hold == hold);
        write_hold = 0;
        write_token = 0;
        write_open = false }
    :: atomic { write_open && MAY_FAIL -> /* its caller waits no longer */
        faults++;
        write_open = false;
        write_unknown = true }
#endif
    od
}

#if TRIES > 0
#define IS_TRY(i) (i == CLIENTS - 1)
#if OTHERS == 1
#define ONLY_ENTRY (!STANDS(1) && !STANDS(2))
#else
#define ONLY_ENTRY (!STANDS(1) && !STANDS(2) && !STANDS(3))
#endif
#define IS_FREE (!STANDS(0) && ONLY_ENTRY)
#else
#define IS_TRY(i) false
#endif

/* A try's Txn finds the queue free. */
inline try_take()
{
    put(i);
    token[i] = revision;
    grant(i)
}

/* Any other ticket. That the queue's protocol grants a ticket when it is the
 * oldest, and not before, is what queue.pml shows. */
active [CLIENTS - 1] proctype ticket()
{
    byte i = _pid;

end_idle:
    do
    :: atomic { i > 1 && state[i] == NEW && !IS_TRY(i) &&
            (i == 2 || state[i - 1] != NEW) ->
        state[i] = ENQUEUE }
#if TRIES > 0
    :: atomic { IS_TRY(i) && state[i] == NEW ->
        if
        :: IS_FREE -> try_take()
        :: !IS_FREE && STANDS(0) && ONLY_ENTRY ->
            target = made[0];
            state[i] = ANSWERED
        :: !IS_FREE && !(STANDS(0) && ONLY_ENTRY) -> state[i] = GONE
        fi }
    :: atomic { IS_TRY(i) && state[i] == ANSWERED ->
        if
        :: STANDS(0) && made[0] == target ->
            revision++;
            touched = revision;
            asked = state[0] == IDLE;
            state[i] = WAIT
        :: else -> state[i] = LAST
        fi }
    :: atomic { IS_TRY(i) && state[i] == WAIT -> /* for a time at most */
        state[i] = LAST }
    :: atomic { IS_TRY(i) && state[i] == LAST ->
        if
#ifdef TRY_UNCOMPARED
        :: true -> try_take()
#else
        :: IS_FREE -> try_take()
        :: !IS_FREE -> state[i] = GONE
#endif
        fi }
#endif
    :: atomic { state[i] == ENQUEUE ->
        if
        :: i == 1 && dead[0] -> state[i] = GONE
        :: else ->
            put(i);
            token[i] = revision;
            state[i] = WAIT
        fi }
    :: atomic { state[i] == WAIT && !IS_TRY(i) && KEY_STANDS(i) && OLDEST(i) ->
        grant(i) }
    :: atomic { state[i] == HELD -> state[i] = LEAVE }
    :: atomic { state[i] == LEAVE ->
        delete_at(i, token[i]);
        token[i] = 0;
        state[i] = GONE }
    od
}

/* When nothing more can happen, everybody has had the lock, but for a session
 * that is lost; and an idle entry has its key. */
active proctype judge()
{
    byte i;

    timeout;
    d_step {
        i = 2;
        do
        :: i < CLIENTS -> assert(state[i] == GONE); i++
        :: else -> break
        od;
        assert(state[1] == GONE);
        assert(state[0] == NEW || state[0] == IDLE || state[0] == GONE);
        assert((state[0] == IDLE -> KEY_STANDS(0) || over : !STANDS(0)));
#if TRIES > 0
        assert(!asked || state[0] != IDLE || over) /* it is given up */
#endif
    }
}
