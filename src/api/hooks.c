/* SPDX-License-Identifier: Apache-2.0 */
#include "api/hooks.h"

#include <assert.h>
#include <stdbool.h>

#include "api/requeue.h"
#include "api/ticket.h"

static void on_effect(struct ll_client *client, const struct ll_effect *effect)
{
    switch (effect->kind) {
    case LL_EFFECT_SESSION_OPENED:
    case LL_EFFECT_SESSION_CHANGED:
    case LL_EFFECT_SESSION_CLOSED:
        ll_session_effect(client, effect);
        break;
    case LL_EFFECT_ACQUIRED:
    case LL_EFFECT_LOST:
    case LL_EFFECT_RELEASED:
    case LL_EFFECT_ASKED:
        ll_ticket_effect(client, effect);
        break;
    case LL_EFFECT_WRITTEN:
        ll_write_effect(client, effect);
        break;
    case LL_EFFECT_OBSERVED:
        ll_observer_effect(client, effect);
        break;
    case LL_EFFECT_FOLLOWED:
        ll_locks_watch_effect(client, effect);
        break;
    case LL_EFFECT_CALL:
    case LL_EFFECT_STREAM_OPEN:
    case LL_EFFECT_STREAM_CLOSE:
    case LL_EFFECT_KEEPALIVE:
    case LL_EFFECT_WATCH_CREATE:
    case LL_EFFECT_WATCH_CANCEL:
    case LL_EFFECT_QUERIED:
    case LL_EFFECT_LOG:
        assert(false); /* the client's loop handles these itself */
        break;
    }
}

const struct ll_client_hooks ll_api_hooks = {
    .on_effect = on_effect,
    .settle = ll_requeue_run,
    .owner_of = ll_ticket_owner_of,
    .deadline_ns = ll_leaderships_deadline_ns,
    .on_time = ll_leaderships_on_time,
};
