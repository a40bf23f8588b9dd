/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "api/session.h"
#include "base/clock.h"

/** Replacement sessions, which stand in for lost ones: see requeue.h. */

/** The newest replacement of a session if it accepts tickets, or NULL. */
static struct ll_session_object *
session_live_heir(struct ll_client *client, struct ll_session_object *root)
{
    struct ll_session_view view;

    if (root->heir == NULL || !root->heir->handle.open ||
        !ll_core_session_view(client->core, root->heir->handle.entry.id,
                              ll_clock_now_ns(), &view)) {
        return NULL;
    }
    switch (view.state) {
    case LL_SESSION_OPENING:
    case LL_SESSION_ACTIVE:
    case LL_SESSION_SUSPECT:
        return root->heir;
    case LL_SESSION_LOST:
    case LL_SESSION_CLOSING:
        break;
    }
    return NULL;
}

int ll_session_heir(struct ll_client *client,
                    uint64_t root_id,
                    int64_t delay_ns,
                    struct ll_session_object **ret_heir)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct ll_session_begin begin = {.root = root_id, .delay_ns = delay_ns};
    struct ll_handle *handle = ll_handle_find(root_id);
    struct ll_session_object *root;
    struct ll_session_object *heir = NULL;
    struct ll_session_view view;
    int status;

    if (handle == NULL || !handle->open) {
        return LEASELOCK_E_CLOSED;
    }
    root = LL_CONTAINER(handle, struct ll_session_object, handle);
    *ret_heir = session_live_heir(client, root);
    if (*ret_heir != NULL) {
        return 0;
    }
    options.ttl_s =
        ll_core_session_view(client->core, root_id, ll_clock_now_ns(), &view)
            ? (int)view.ttl_s
            : root->ttl_s;
    options.label = root->label;
    options.unguarded = root->unguarded;
    options.key_names = root->key_names;
    /* Its tickets time out instead. */
    options.open_timeout_ms = INT_MAX;
    status = ll_session_start(client, &options, &begin, &heir, NULL);
    if (status != 0) {
        return status;
    }
    if (root->heir != NULL) {
        ll_handle_put(&root->heir->handle);
    }
    root->heir = heir; /* keeps the reference made for the caller */
    *ret_heir = heir;
    return 0;
}

void ll_session_leave_heir(struct ll_client *client, uint64_t id)
{
    struct ll_handle *handle = ll_handle_find(id);
    struct ll_session_object *heir;

    if (handle == NULL) {
        return;
    }
    heir = LL_CONTAINER(handle, struct ll_session_object, handle);
    if (heir->root == 0) {
        return;
    }
    heir->tickets_n--;
    if (heir->tickets_n == 0 && handle->open) {
        ll_link_append_once(&client->heirs, &heir->useless);
    }
}

void ll_sessions_close_heirs(struct ll_client *client)
{
    while (!ll_link_alone(&client->heirs)) {
        struct ll_session_object *heir =
            LL_CONTAINER(client->heirs.next, struct ll_session_object, useless);

        ll_link_remove(&heir->useless);
        if (heir->tickets_n == 0 && ll_handle_shut(&heir->handle)) {
            (void)ll_session_close_one(heir, NULL, NULL, NULL);
        }
    }
}
