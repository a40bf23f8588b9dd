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
 * Fetches the user's token, and lets those wait who need it. One Authenticate
 * is on its way at a time: etcd spends up to 0.1 s of a processor on each.
 *
 * Locking: as the transport's.
 */

struct ll_tag;
struct ll_authenticate;

struct ll_auth {
    struct ll_token token;
    struct ll_user_config user;
    struct ll_link waiting;       /* the oldest first */
    struct ll_authenticate *call; /* on its way, or NULL */
};

/** Checks what can be checked before anything is sent: the password's file.
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

/** Whether what is to be sent to an endpoint can go now, with
 *  ll_token_value's; fetches the next token when it is due. */
bool ll_auth_ready(struct ll_transport *transport, uint32_t endpoint);

/** Puts what cannot go behind the others that wait. `over` is called of it
 *  exactly once, from ll_transport_complete. */
void ll_auth_wait(struct ll_transport *transport, struct ll_waiting *waiting);

/** Ends a wait soon, with a failure that nobody reads. */
void ll_auth_hurry(struct ll_transport *transport, struct ll_waiting *waiting);

/** Authenticate was answered. */
void ll_auth_complete(struct ll_transport *transport,
                      struct ll_tag *tag,
                      ll_transport_event_fn *on_event,
                      void *arg);

/** Ends the waits whose time is over. */
void ll_auth_on_time(struct ll_transport *transport,
                     ll_transport_event_fn *on_event,
                     void *arg);

/** Cancels Authenticate and ends all waits soon. */
void ll_auth_stop(struct ll_transport *transport);

/** Whether nothing is on its way or waits. */
bool ll_auth_is_idle(const struct ll_auth *auth);

#endif
