/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_HOOKS_H
#define LL_API_HOOKS_H

#include "client/client.h"

/** What the client's runtime calls of the public objects. */
extern const struct ll_client_hooks ll_api_hooks;

/** What effects mean to the objects. */
void ll_session_effect(struct ll_client *client,
                       const struct ll_effect *effect);
void ll_ticket_effect(struct ll_client *client, const struct ll_effect *effect);
void ll_write_effect(struct ll_client *client, const struct ll_effect *effect);
void ll_observer_effect(struct ll_client *client,
                        const struct ll_effect *effect);

/** leaselock_client_close: begins to close every session, or ends by force
 *  what is left of an object. */
void ll_sessions_close(struct ll_client *client);
void ll_sessions_abort(struct ll_client *client);
void ll_tickets_abort(struct ll_client *client);
void ll_writes_abort(struct ll_client *client);
void ll_observers_close(struct ll_client *client);
void ll_observers_abort(struct ll_client *client);
void ll_leaderships_close(struct ll_client *client);

/** When a pause of a leadership ends; and ends those that are over. */
int64_t ll_leaderships_deadline_ns(const struct ll_client *client);
void ll_leaderships_on_time(struct ll_client *client, int64_t now_ns);

#endif
