/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_AUTH_H
#define LL_RPC_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/token.h"
#include "rpc/transport.h"
#include "rpc/waiting.h"

/**
 * Fetches the user's token, for which calls and streams wait. Only one
 * Authenticate is in flight at a time: each costs etcd up to 0.1 s of CPU time.
 *
 * Locking: as the transport's.
 */

struct ll_tag;
struct ll_authenticate;

struct ll_auth {
    struct ll_token token;
    struct ll_user_config user;
    struct ll_link waiting;       /* ll_waiting, the oldest first */
    struct ll_authenticate *call; /* in flight, or NULL */
};

/** Checks what can be checked without a request: the password's file.
 *
 *  @param config  its strings live as long as the ll_auth
 *  @return 0 or LEASELOCK_E_ARGUMENT */
int ll_auth_init(struct ll_auth *auth,
                 const struct ll_user_config *config,
                 struct leaselock_error *reterr);
void ll_auth_free(struct ll_auth *auth);

static inline bool ll_auth_has_user(const struct ll_auth *auth)
{
    return auth->user.name != NULL && auth->user.name[0] != '\0';
}

/** Whether a message to an endpoint can be sent now, with ll_token_value's
 *  token; fetches the next token when it is due. */
bool ll_auth_ready(struct ll_transport *transport, uint32_t endpoint);

/** Appends a call or stream to the waiting ones. Its `over` is called exactly
 *  once, from ll_transport_complete. */
void ll_auth_wait(struct ll_transport *transport, struct ll_waiting *waiting);

/** Ends a wait soon, with a failure that is not reported. */
void ll_auth_hurry(struct ll_transport *transport, struct ll_waiting *waiting);

/** Handles the answer to Authenticate. */
void ll_auth_complete(struct ll_transport *transport,
                      struct ll_tag *tag,
                      ll_transport_event_fn *on_event,
                      void *arg);

/** Ends the waits that have timed out. */
void ll_auth_on_time(struct ll_transport *transport,
                     ll_transport_event_fn *on_event,
                     void *arg);

/** Cancels Authenticate and ends all waits soon. */
void ll_auth_stop(struct ll_transport *transport);

/** Whether nothing is in flight or waits. */
bool ll_auth_is_idle(const struct ll_auth *auth);

#endif
