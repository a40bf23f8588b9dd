/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_TOKEN_H
#define LL_RPC_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grpc/slice.h>

#include "rpc/jwt.h"

/**
 * The token that stands for a client's user, as a state machine without IO:
 * when one is to be fetched (by Auth.Authenticate), who goes with it, and what
 * etcd's refusals mean. Times are ll_clock_now_ns's.
 *
 *     state    | event                   | next     | does
 *     OFF      | (any)                   | OFF      | there is no user: all
 *              |                         |          | goes without a token
 *     NONE     | use                     | NONE     | the asker waits; fetch
 *     NONE     | fetching                | FETCHING |
 *     FETCHING | use                     | FETCHING | the asker waits
 *     FETCHING | fetched                 | HELD     | a new serial
 *     FETCHING | failed                  | NONE     |
 *     FETCHING | unneeded                | UNNEEDED | etcd has no auth
 *     HELD     | use                     | HELD     | goes; once it is due:
 *              |                         |          | fetch
 *     HELD     | fetching                | RENEWING |
 *     HELD     | failed                  | HELD     | due again in a while
 *     HELD     | rejected, dropped       | NONE     | wiped
 *     RENEWING | use                     | RENEWING | goes with the old one
 *     RENEWING | fetched                 | HELD     | a new serial
 *     RENEWING | failed                  | HELD     | due again in a while
 *     RENEWING | unneeded                | UNNEEDED | wiped
 *     RENEWING | rejected, dropped       | FETCHING | wiped
 *     UNNEEDED | use                     | UNNEEDED | goes without one
 *     UNNEEDED | rejected, dropped       | NONE     | etcd has auth by now
 *
 * Only what went with the present token (its serial tells) can reject it; an
 * older one's refusal is no news. A token that etcd accepted once and rejects
 * later has expired, or users have changed: the next one will do. One that is
 * rejected before it was ever accepted is a strike, and so many strikes in a
 * row mean that no token of this user's is any good.
 */
enum ll_token_state {
    LL_TOKEN_OFF,
    LL_TOKEN_NONE,
    LL_TOKEN_FETCHING,
    LL_TOKEN_HELD,
    LL_TOKEN_RENEWING,
    LL_TOKEN_UNNEEDED,
};

/** Refusals of new tokens in a row until the user hears of it. */
#define LL_TOKEN_STRIKES_MAX 3

/** A token that does not say when it ends is renewed at this age: etcd gives
 *  300 s by default, and begins them anew whenever the token is used. */
#define LL_TOKEN_OPAQUE_LIFE_NS INT64_C(240000000000)

/** Between two tries to renew a token that is still good; and the shortest
 *  time that one is used. */
#define LL_TOKEN_RENEW_PAUSE_NS INT64_C(5000000000)
#define LL_TOKEN_LIFE_MIN_NS INT64_C(1000000000)

/** A token of no more than this age has not expired: etcd's shortest TTL is a
 *  second, and the refusal of a watch does not say whether the token or a
 *  permission is missing. */
#define LL_TOKEN_FRESH_NS INT64_C(1000000000)

struct ll_token {
    enum ll_token_state state;
    grpc_slice value;   /* while HELD or RENEWING */
    uint32_t serial;    /* of the newest token; 0: there was none */
    int64_t fetched_ns; /* when it was asked for */
    int64_t renew_ns;   /* when the next one is due */
    bool accepted;      /* etcd has served something that went with it */
    unsigned strikes;
};

void ll_token_init(struct ll_token *token, bool has_user);
void ll_token_free(struct ll_token *token);

/** What something that is to be sent has to do. */
struct ll_token_use {
    bool go;    /* with ll_token_value; else it waits */
    bool fetch; /* Authenticate is to be called: then ll_token_fetching */
};
struct ll_token_use ll_token_use(const struct ll_token *token, int64_t now_ns);

/** The token to go with; NULL: none. The caller refs it. */
const grpc_slice *ll_token_value(const struct ll_token *token);

/** The serial of what goes now; 0: without a token. */
uint32_t ll_token_serial(const struct ll_token *token);

/** Authenticate was called. */
void ll_token_fetching(struct ll_token *token);

/**
 * A token has come.
 *
 * @param asked_ns  when Authenticate was called
 * @param wall_s    the time now, in seconds since 1970
 * @return 0, LEASELOCK_E_NOMEM or _SERVER (not fit to be sent): then the fetch
 *         has failed
 */
int ll_token_fetched(struct ll_token *token,
                     const char *value,
                     size_t size,
                     int64_t asked_ns,
                     int64_t now_ns,
                     int64_t wall_s);

/** None has come. */
void ll_token_failed(struct ll_token *token, int64_t now_ns);

/** etcd says that authentication is not enabled. */
void ll_token_unneeded(struct ll_token *token);

/** Something that went with a token of that serial was served. */
void ll_token_accepted(struct ll_token *token, uint32_t serial);

/** Something that went with it was refused for its token's sake.
 *  @return whether another token is worth a try */
bool ll_token_rejected(struct ll_token *token, uint32_t serial);

/** Something that went with it was refused, perhaps for its token's sake: not
 *  used again, and no strike against what comes next. */
void ll_token_drop(struct ll_token *token, uint32_t serial);

/** Whether a token fetched then is certain not to have expired. */
bool ll_token_is_fresh(int64_t fetched_ns, int64_t now_ns);

#endif
