/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_HOOKS_H
#define LL_API_HOOKS_H

#include "client/client.h"

/** The functions of the public objects that the client's runtime calls. */
extern const struct ll_client_hooks ll_api_hooks;

/** Apply an effect of core to the object that it concerns. */
void ll_session_effect(struct ll_client *client,
                       const struct ll_effect *effect);
void ll_ticket_effect(struct ll_client *client, const struct ll_effect *effect);
void ll_write_effect(struct ll_client *client, const struct ll_effect *effect);
void ll_observer_effect(struct ll_client *client,
                        const struct ll_effect *effect);
void ll_locks_watch_effect(struct ll_client *client,
                           const struct ll_effect *effect);

/** leaselock_client_close: ll_sessions_close begins to close every session;
 *  the _abort functions end the remaining objects by force. */
void ll_sessions_close(struct ll_client *client);
void ll_sessions_abort(struct ll_client *client);
void ll_tickets_abort(struct ll_client *client);
void ll_writes_abort(struct ll_client *client);
void ll_observers_close(struct ll_client *client);
void ll_observers_abort(struct ll_client *client);
void ll_locks_watches_abort(struct ll_client *client);
void ll_leaderships_close(struct ll_client *client);

/** When the first pause of a leadership ends; on_time ends those due. */
int64_t ll_leaderships_deadline_ns(const struct ll_client *client);
void ll_leaderships_on_time(struct ll_client *client, int64_t now_ns);

#endif
