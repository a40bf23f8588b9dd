/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "core/keep_private.h"
#include "core/ticket.h"

/**
 * How a ticket begins that may be granted a kept key, or has its own kept.
 */

static struct ll_keep *keep_find(const struct ll_core *core,
                                 const struct ll_session *session,
                                 struct ll_bytes name,
                                 uint64_t queue_hash)
{
    struct ll_entry *entry =
        core->keeps.by_name.n == 0
            ? NULL
            : ll_table_find(&core->keeps.by_name,
                            ll_keep_name_id(session, queue_hash));
    struct ll_keep *keep =
        entry != NULL ? LL_CONTAINER(entry, struct ll_keep, by_name) : NULL;

    return keep != NULL && keep->session_id == session->object.entry.id &&
                   ll_bytes_equal(ll_keep_name(keep), name)
               ? keep
               : NULL;
}

/** Whether the place of a keep that is still to be made belongs to that of another
 *  name. */
static bool has_no_place(const struct ll_core *core,
                         const struct ll_session *session,
                         uint64_t queue_hash)
{
    return ll_table_find(&core->keeps.by_name,
                         ll_keep_name_id(session, queue_hash)) != NULL;
}

static bool has_same_label(const struct ll_keep *keep,
                           const struct ll_event *acquire)
{
    return ll_bytes_equal(ll_keep_label(keep), acquire->acquire.label);
}

struct ll_ticket *ll_keep_find_idle(const struct ll_core *core,
                                    const struct ll_session *session,
                                    const struct ll_event *acquire,
                                    uint64_t queue_hash)
{
    struct ll_keep *keep =
        keep_find(core, session, acquire->acquire.name, queue_hash);

    return keep != NULL && keep->entry != NULL &&
                   keep->entry->keeping->is_idle &&
                   ll_keep_may_grant(core, session) &&
                   has_same_label(keep, acquire) &&
                   ll_keep_is_last(core, keep, keep->entry->token)
               ? keep->entry
               : NULL;
}

/** Notes how an acquire wants its key to be kept. */
static void keep_note(struct ll_keep *keep, const struct ll_event *acquire)
{
    keep->keep_ns = acquire->acquire.keep_ns;
    keep->passes_max = acquire->acquire.local_passes;
}

void ll_keep_renew(struct ll_ticket *entry, const struct ll_event *acquire)
{
    keep_note(entry->keeping->keep, acquire);
}

/** Whether a new ticket can wait for a carrier. */
static bool can_line_up(const struct ll_core *core, const struct ll_keep *keep)
{
    const struct ll_ticket *newest;

    if (ll_link_alone(&keep->carriers) || core->watches.numbered ||
        keep->state == LL_KEEP_PASSING) {
        return false;
    }
    newest = ll_keep_ticket_at(keep->carriers.prev);
    if (newest->state == LL_TICKET_ENQUEUE) {
        return !newest->try_only && newest->lost_tries == 0 &&
               (keep->state != LL_KEEP_PLAIN ||
                (ll_keep_has_one_carrier(keep) &&
                 core->now_ns >= keep->pause_ns));
    }
    return ll_keep_is_last(core, keep, newest->token);
}

bool ll_keep_join(struct ll_core *core,
                  struct ll_ticket *ticket,
                  const struct ll_event *acquire,
                  uint64_t queue_hash,
                  bool may_wait,
                  const struct ll_keep_ops *ops)
{
    struct ll_keep *keep =
        keep_find(core, ticket->session, acquire->acquire.name, queue_hash);
    struct ll_keeping *keeping;

    if (keep != NULL && !has_same_label(keep, acquire)) {
        ll_keep_stop(core, keep, "another acquire has another label");
        return true;
    }
    if (keep == NULL && has_no_place(core, ticket->session, queue_hash)) {
        return true; /* it keeps nothing */
    }
    keeping = ll_alloc_zero(1, sizeof(*keeping));
    if (keeping == NULL) {
        return false;
    }
    if (keep == NULL) {
        keep = ll_keep_new(core, ticket, acquire->acquire.label, queue_hash);
        if (keep == NULL) {
            ll_free(keeping);
            return false;
        }
        keep->ops = ops;
    }
    keep_note(keep, acquire);
    keeping->keep = keep;
    keeping->ticket = ticket;
    keeping->is_lined = may_wait && can_line_up(core, keep);
    ll_link_init(&keeping->link);
    ll_link_append(keeping->is_lined ? &keep->lined : &keep->carriers,
                   &keeping->link);
    ticket->keeping = keeping;
    if (!keeping->is_lined && keep->entry != NULL &&
        keep->entry->keeping->is_idle) {
        ll_keep_drop_idle(core, keep); /* it would wait behind it */
    }
    return true;
}

void ll_keep_disturb(struct ll_core *core,
                     const struct ll_session *session,
                     struct ll_bytes name,
                     uint64_t queue_hash)
{
    struct ll_keep *keep = keep_find(core, session, name, queue_hash);

    if (keep != NULL) {
        ll_keep_stop(core, keep, "another acquire of the session keeps none");
    }
}

bool ll_keep_is_in_use(const struct ll_core *core,
                       const struct ll_session *session,
                       struct ll_bytes name,
                       uint64_t queue_hash)
{
    const struct ll_keep *keep = keep_find(core, session, name, queue_hash);

    return keep != NULL && keep->entry != NULL &&
           !keep->entry->keeping->is_idle;
}
