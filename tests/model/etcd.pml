/*
 * The store of queue.pml: a key a client, and the requests that land late.
 */

/* A key's present life is [made, ended), the one before [made0, ended0), in
 * revisions; 0: not yet. So the store can be read at any revision. */
byte revision = 1;
byte made[CLIENTS];
byte ended[CLIENTS];
byte made0[CLIENTS];
byte ended0[CLIENTS];
bool dead[CLIENTS]; /* the lease, in the store */

/* The network: requests whose sender has given them up, which may land later
 * or never. */
bool late_enqueue[CLIENTS];
byte late_delete[CLIENTS]; /* the token that it names; 0: none */

hidden byte r, n, j; /* within a step alone */

#define STANDS(k) (made[k] != 0 && ended[k] == 0)
/* Whether key k stood at revision r, and the revision that made it. */
#define STOOD(k, r)                                                            \
    ((made[k] != 0 && made[k] <= r && (ended[k] == 0 || ended[k] > r)) ||      \
     (made0[k] != 0 && made0[k] <= r && ended0[k] > r))
#define MADE(k, r) (made[k] != 0 && made[k] <= r -> made[k] : made0[k])
/* Whether it stood there and is the one that was made at revision t. */
#define SAME(k, t, r) (STOOD(k, r) && MADE(k, r) == t)
/* When the key k that was made at t ended; 0: not yet. */
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
    assert(made0[k] == 0 || ROUNDS > 1); /* two lives are all that is kept */
    made0[k] = made[k];
    ended0[k] = ended[k];
    revision++;
    made[k] = revision;
    ended[k] = 0
}

/* Any revision from a least one on: a member that lags answers with an old
 * one, and what is older than the least is asked of the quorum. */
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
