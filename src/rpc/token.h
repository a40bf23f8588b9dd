/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_TOKEN_H
#define LL_RPC_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grpc/slice.h>

#include "rpc/jwt.h"

/**
 * The token of a client's user, as a state machine without IO: when a token is
 * fetched (by Auth.Authenticate), which messages carry it, and what etcd's
 * refusals mean. Times are ll_clock_now_ns's.
 *
 *     state    | event                   | next     | action
 *     OFF      | (any)                   | OFF      | there is no user: all is
 *              |                         |          | sent without a token
 *     NONE     | use                     | NONE     | the caller waits; fetch
 *     NONE     | fetching                | FETCHING |
 *     FETCHING | use                     | FETCHING | the caller waits
 *     FETCHING | fetched                 | HELD     | a new serial
 *     FETCHING | failed                  | NONE     |
 *     FETCHING | unneeded                | UNNEEDED | etcd has no auth
 *     HELD     | use                     | HELD     | send; once it is due:
 *              |                         |          | fetch
 *     HELD     | fetching                | RENEWING |
 *     HELD     | failed                  | HELD     | due again in a while
 *     HELD     | rejected, dropped       | NONE     | wiped
 *     RENEWING | use                     | RENEWING | send with the old one
 *     RENEWING | fetched                 | HELD     | a new serial
 *     RENEWING | failed                  | HELD     | due again in a while
 *     RENEWING | unneeded                | UNNEEDED | wiped
 *     RENEWING | rejected, dropped       | FETCHING | wiped
 *     UNNEEDED | use                     | UNNEEDED | send without one
 *     UNNEEDED | rejected, dropped       | NONE     | etcd has auth now
 *
 * Only a message with the current token (identified by its serial) can reject
 * it; the refusal of an older one is ignored. A token that etcd first accepted
 * and later rejects has expired, or users have changed: the next one will be
 * accepted. A token that is rejected before it was ever accepted is a strike;
 * LL_TOKEN_STRIKES_MAX consecutive strikes mean that etcd accepts no token of
 * this user.
 */
enum ll_token_state {
    LL_TOKEN_OFF,
    LL_TOKEN_NONE,
    LL_TOKEN_FETCHING,
    LL_TOKEN_HELD,
    LL_TOKEN_RENEWING,
    LL_TOKEN_UNNEEDED,
};

/** Consecutive refusals of new tokens until the user gets an error. */
#define LL_TOKEN_STRIKES_MAX 3

/** A token without an expiry time is renewed at this age: etcd's default TTL is
 *  300 s, and restarts whenever the token is used. */
#define LL_TOKEN_OPAQUE_LIFE_NS INT64_C(240000000000)

/** The pause between two attempts to renew a valid token; and the least time
 *  that a token is used. */
#define LL_TOKEN_RENEW_PAUSE_NS INT64_C(5000000000)
#define LL_TOKEN_LIFE_MIN_NS INT64_C(1000000000)

/** A token of at most this age has not expired: etcd's shortest TTL is a
 *  second, and the refusal of a watch does not show whether the token or a
 *  permission is missing. */
#define LL_TOKEN_FRESH_NS INT64_C(1000000000)

struct ll_token {
    enum ll_token_state state;
    grpc_slice value;   /* while HELD or RENEWING */
    uint32_t serial;    /* of the newest token; 0: there was none */
    int64_t fetched_ns; /* when it was requested */
    int64_t renew_ns;   /* when the next one is due */
    bool accepted;      /* etcd has served a message with it */
    unsigned strikes;
};

void ll_token_init(struct ll_token *token, bool has_user);
void ll_token_free(struct ll_token *token);

/** What the sender of a message has to do. */
struct ll_token_use {
    bool go;    /* send it with ll_token_value; else wait */
    bool fetch; /* call Authenticate, then ll_token_fetching */
};
struct ll_token_use ll_token_use(const struct ll_token *token, int64_t now_ns);

/** The token to send; NULL: none. The caller adds a reference. */
const grpc_slice *ll_token_value(const struct ll_token *token);

/** The serial of the token to send; 0: without a token. */
uint32_t ll_token_serial(const struct ll_token *token);

/** Authenticate was called. */
void ll_token_fetching(struct ll_token *token);

/**
 * A token has arrived.
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

/** No token has arrived. */
void ll_token_failed(struct ll_token *token, int64_t now_ns);

/** etcd reports that authentication is not enabled. */
void ll_token_unneeded(struct ll_token *token);

/** A message with a token of that serial was served. */
void ll_token_accepted(struct ll_token *token, uint32_t serial);

/** A message with that token was refused because of the token.
 *  @return whether to retry with another token */
bool ll_token_rejected(struct ll_token *token, uint32_t serial);

/** A message with that token was refused, perhaps because of the token: it is
 *  not used again, but does not count as a strike. */
void ll_token_drop(struct ll_token *token, uint32_t serial);

/** Whether a token fetched at that time has certainly not expired. */
bool ll_token_is_fresh(int64_t fetched_ns, int64_t now_ns);

#endif
