/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of queue.pml: a key for each client, and late requests. / */

/* A key's present life is [made, ended), the previous one [made0, ended0), in
 * revisions; 0: not yet. So the store can be read at any revision. */
byte revision = 1;
byte made[CLIENTS];
byte ended[CLIENTS];
byte made0[CLIENTS];
byte ended0[CLIENTS];
bool dead[CLIENTS]; /* the lease, in the store */

/* The network: requests that their sender has abandoned, which may be applied
 * later or never. */
bool late_enqueue[CLIENTS];
byte late_delete[CLIENTS]; /* the token in it; 0: none */

hidden byte r, n, j; /* within one step */

#define STANDS(k) (made[k] != 0 && ended[k] == 0)
/* Whether key k existed at revision r, and the revision that created it. */
#define STOOD(k, r)                                                            \
    ((made[k] != 0 && made[k] <= r && (ended[k] == 0 || ended[k] > r)) ||      \
     (made0[k] != 0 && made0[k] <= r && ended0[k] > r))
#define MADE(k, r) (made[k] != 0 && made[k] <= r -> made[k] : made0[k])
/* Whether it existed and is the one created at revision t. */
#define SAME(k, t, r) (STOOD(k, r) && MADE(k, r) == t)
/* When the key k that was created at t ended; 0: not yet. */
#define END(k, t) (made[k] == t -> ended[k] : ended0[k])

inline delete(k)
{
    revision++;
    ended[k] = revision
}

/* The delete of a release or of a reaper, late or in time. */
inline delete_at(k, t)
{
    if
#ifdef UNGUARDED_DELETE
    :: STANDS(k) -> delete(k)
#else
    :: STANDS(k) && made[k] == t -> delete(k)
#endif
    :: else
    fi
}

inline put(k)
{
    assert(made0[k] == 0 || ROUNDS > 1); /* only two lives are kept */
    made0[k] = made[k];
    ended0[k] = ended[k];
    revision++;
    made[k] = revision;
    ended[k] = 0
}

/* Any revision from a minimum on: a member that lags answers with an old one,
 * and a read that is older than the minimum is repeated through the quorum. */
inline pick(least)
{
#ifdef STALE_READ
    r = 1;
#else
    r = least;
#endif
    do
    :: r < revision -> r++
    :: break
    od
}
