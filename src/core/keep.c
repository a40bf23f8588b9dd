/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keep.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/keep_private.h"
#include "core/ticket.h"

/**
 * The tickets of a keep, and what happens to its key; keep_watch.c finds out
 * whether somebody else waits.
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

static struct ll_ticket *ticket_at(struct ll_link *link)
{
    return LL_CONTAINER(link, struct ll_keeping, link)->ticket;
}

static bool has_one_carrier(const struct ll_keep *keep)
{
    return !ll_link_alone(&keep->carriers) &&
           keep->carriers.next == keep->carriers.prev;
}

static bool may_grant(const struct ll_core *core,
                      const struct ll_session *session)
{
    return session->state == LL_SESSION_ACTIVE &&
           core->now_ns < session->deadline_ns;
}

/** Whether no other session's key can be behind one with this token. */
static bool
is_last(const struct ll_core *core, const struct ll_keep *keep, int64_t token)
{
    switch (keep->state) {
    case LL_KEEP_PLAIN:
        break;
    case LL_KEEP_SETTLING: /* not known, for a short time */
        return core->now_ns < keep->settle_by_ns;
    case LL_KEEP_ALONE:
        return token >= keep->least_token;
    }
    return false;
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
                   keep->entry->keeping->is_idle && may_grant(core, session) &&
                   has_same_label(keep, acquire) &&
                   is_last(core, keep, keep->entry->token)
               ? keep->entry
               : NULL;
}

/** An idle entry is taken, or leaves. */
static void end_idle(struct ll_core *core, struct ll_keep *keep)
{
    keep->entry->keeping->is_idle = false;
    keep->until_ns = LL_NEVER;
    ll_link_remove(&keep->idle);
    core->keeps.idle_n--;
}

/** Takes a ticket out of its keep. */
static void keeping_end(struct ll_ticket *ticket)
{
    struct ll_keeping *keeping = ticket->keeping;

    ticket->keeping = NULL;
    ll_link_remove(&keeping->link);
    ll_free(keeping);
}

void ll_keep_renew(struct ll_ticket *entry, const struct ll_event *acquire)
{
    entry->keeping->keep->keep_ns = acquire->acquire.keep_ns;
}

void ll_keep_take(struct ll_core *core,
                  struct ll_ticket *entry,
                  struct ll_ticket *ticket)
{
    struct ll_keep *keep = entry->keeping->keep;
    uint32_t hold = entry->keeping->hold + 1;

    assert(keep->entry == entry && entry->state == LL_TICKET_HELD);
    if (entry->keeping->is_idle) {
        end_idle(core, keep);
    }
    if (ticket->keeping == NULL) {
        ticket->keeping = entry->keeping;
        ticket->keeping->ticket = ticket;
        entry->keeping = NULL;
    } else {
        keeping_end(entry);
        ll_link_remove(&ticket->keeping->link);
        ll_link_append(&keep->carriers, &ticket->keeping->link);
        ticket->keeping->is_lined = false;
    }
    ticket->keeping->hold = hold;
    core->stats.kept++;
    keep->entry = ticket;
    keep->ops->take(core, entry, ticket);
}

/** Enqueues a lined ticket. */
static void keeping_start(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keeping *keeping = ticket->keeping;
    struct ll_keep *keep = keeping->keep;

    keeping->is_lined = false;
    ll_link_remove(&keeping->link);
    ll_link_append(&keep->carriers, &keeping->link);
    keep->ops->start(core, ticket);
}

static void start_all(struct ll_core *core, struct ll_keep *keep)
{
    while (!ll_link_alone(&keep->lined)) {
        keeping_start(core, ticket_at(keep->lined.next));
    }
}

/** Does what follows from a change of its tickets. */
static void keep_update(struct ll_core *core, struct ll_keep *keep)
{
    bool has_lined = !ll_link_alone(&keep->lined);

    if (has_lined &&
        !ll_session_is_alive(ticket_at(keep->lined.next)->session)) {
        return; /* its tickets end */
    }
    if (has_lined && ll_link_alone(&keep->carriers)) {
        keeping_start(core, ticket_at(keep->lined.next));
    }
    if (ll_link_alone(&keep->carriers) && ll_link_alone(&keep->lined)) {
        ll_keep_unwatch(core, keep);
    }
    ll_object_reschedule(core, &keep->object);
    ll_object_report(core, &keep->object); /* freed there, if it is over */
}

void ll_keep_stop(struct ll_core *core, struct ll_keep *keep, const char *why)
{
    struct ll_ticket *entry = keep->entry;

    ll_core_log(core, LL_LOG_KEEP_ENDED,
                (struct ll_log_fields){.lock = ll_keep_name(keep)},
                "%.*s is kept no longer: %s", (int)keep->prefix_size,
                keep->bytes, why);
    ll_keep_unwatch(core, keep);
    start_all(core, keep);
    if (entry != NULL && entry->keeping->is_idle) {
        end_idle(core, keep);
        keep->ops->leave(core, entry);
    } else if (entry != NULL) {
        keep->ops->guard(core, entry);
    }
    keep_update(core, keep);
}

void ll_keep_drop_idle(struct ll_core *core, struct ll_keep *keep)
{
    struct ll_ticket *entry = keep->entry;

    end_idle(core, keep);
    keep->ops->leave(core, entry);
}

/** Whether a new ticket can wait for a carrier. */
static bool can_line_up(const struct ll_core *core, const struct ll_keep *keep)
{
    const struct ll_ticket *newest;

    if (ll_link_alone(&keep->carriers) || core->watches.numbered) {
        return false;
    }
    newest = ticket_at(keep->carriers.prev);
    if (newest->state == LL_TICKET_ENQUEUE) {
        return !newest->try_only && newest->lost_tries == 0 &&
               (keep->state != LL_KEEP_PLAIN ||
                (has_one_carrier(keep) && core->now_ns >= keep->pause_ns));
    }
    return is_last(core, keep, newest->token);
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
    keep->keep_ns = acquire->acquire.keep_ns;
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

void ll_keep_on_active(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keep *keep;

    if (!ll_keep_is_idle(ticket)) {
        return;
    }
    keep = ticket->keeping->keep;
    if (!ll_link_alone(&keep->lined) && may_grant(core, ticket->session) &&
        is_last(core, keep, ticket->token)) {
        ll_keep_take(core, ticket, ticket_at(keep->lined.next));
    }
}

bool ll_keep_is_lined(const struct ll_ticket *ticket)
{
    return ticket->keeping != NULL && ticket->keeping->is_lined;
}

bool ll_keep_is_idle(const struct ll_ticket *ticket)
{
    return ticket->keeping != NULL && ticket->keeping->is_idle;
}

bool ll_keep_guards(const struct ll_ticket *ticket)
{
    return ticket->keeping != NULL && ticket->keeping->keep->entry == ticket &&
           ticket->keeping->keep->state == LL_KEEP_ALONE;
}

bool ll_keep_is_unreached(const struct ll_ticket *ticket)
{
    const struct ll_ticket *carrier;

    if (!ll_keep_is_lined(ticket) ||
        ll_link_alone(&ticket->keeping->keep->carriers)) {
        return false;
    }
    carrier = ticket_at(ticket->keeping->keep->carriers.next);
    return carrier->state == LL_TICKET_ENQUEUE && !carrier->answered_once &&
           (carrier->object.failures > 0 || carrier->lost_tries > 0);
}

uint32_t ll_keep_hold(const struct ll_ticket *ticket)
{
    return ticket->keeping != NULL ? ticket->keeping->hold : 1;
}

void ll_keep_on_state(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keep *keep;

    if (ticket->keeping == NULL) {
        return;
    }
    keep = ticket->keeping->keep;
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_HELD: /* see ll_keep_on_grant */
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
        if (keep->state == LL_KEEP_PLAIN) {
            start_all(core, keep); /* others may come before them otherwise */
        }
        break;
    case LL_TICKET_LOST:
    case LL_TICKET_LEAVE:
    case LL_TICKET_REAP:
    case LL_TICKET_GONE:
        if (keep->entry == ticket) {
            if (ticket->keeping->is_idle) {
                end_idle(core, keep);
            }
            keep->entry = NULL;
        }
        if (!ll_session_is_alive(ticket->session)) {
            keep->pause_ns = 0; /* nothing follows */
        }
        keeping_end(ticket);
        keep_update(core, keep);
        break;
    }
}

void ll_keep_on_grant(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keep *keep;

    if (ticket->keeping == NULL) {
        return;
    }
    keep = ticket->keeping->keep;
    if (keep->entry != ticket) { /* its key is a new one */
        keep->entry = ticket;
        ticket->keeping->hold = 1;
    }
    if (keep->state == LL_KEEP_PLAIN && core->now_ns >= keep->pause_ns &&
        !core->watches.numbered) {
        ll_keep_watch(core, keep);
    }
    if (keep->state == LL_KEEP_PLAIN) {
        start_all(core, keep);
    }
}

/** Whether the key of a held ticket may stay when that is released. */
static bool may_keep(const struct ll_core *core, const struct ll_ticket *ticket)
{
    const struct ll_keep *keep = ticket->keeping->keep;

    return keep->entry == ticket && has_one_carrier(keep) &&
           may_grant(core, ticket->session) &&
           is_last(core, keep, ticket->token) && ticket->lost_tries == 0 &&
           !ticket->leave_lost && !ticket->version_open && !ticket->key_gone &&
           ticket->writes_n == 0;
}

/** The entry that was released first leaves if there are too many. */
static void bound_idle(struct ll_core *core)
{
    if (core->keeps.idle_n > LL_KEEP_IDLE_MAX) {
        ll_keep_drop_idle(
            core, LL_CONTAINER(core->keeps.idle.next, struct ll_keep, idle));
    }
}

bool ll_keep_release(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keep *keep;

    if (ticket->keeping == NULL || !may_keep(core, ticket)) {
        return false;
    }
    keep = ticket->keeping->keep;
    if (keep->settle_by_ns == LL_NEVER) {
        keep->settle_by_ns = core->now_ns + LL_KEEP_SETTLE_NS;
    }
    if (!ll_link_alone(&keep->lined)) {
        ll_keep_take(core, ticket, ticket_at(keep->lined.next));
        return true;
    }
    ticket->keeping->is_idle = true;
    if (keep->state == LL_KEEP_ALONE || keep->kept_since_ns == 0) {
        keep->kept_since_ns = core->now_ns;
    }
    keep->until_ns = ll_after(keep->kept_since_ns, keep->keep_ns);
    ll_link_append(&core->keeps.idle, &keep->idle);
    core->keeps.idle_n++;
    keep->ops->idle(core, ticket);
    ll_object_reschedule(core, &keep->object);
    bound_idle(core);
    return true;
}

void ll_keep_free(struct ll_ticket *ticket)
{
    ll_free(ticket->keeping);
    ticket->keeping = NULL;
}
