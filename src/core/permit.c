/* SPDX-License-Identifier: Apache-2.0 */
#include "core/permit.h"

#include "base/alloc.h"
#include "core/blocker.h"
#include "core/ticket.h"
#include "leaselock/status.h"

static const struct ll_permit_line_ops line_ops;

bool ll_ticket_is_behind_permits(const struct ll_ticket *ticket)
{
    return ticket->mode == LL_MODE_PERMIT && ticket->past_exclusive &&
           (ticket->state == LL_TICKET_WAIT || ticket->state == LL_TICKET_NEXT);
}

bool ll_ticket_tries_permit(const struct ll_ticket *ticket)
{
    return ticket->mode == LL_MODE_PERMIT && ticket->try_only;
}

/** Whether no permit comes free before a key that is no ticket is deleted. */
static bool permits_stuck(const struct ll_ticket *ticket,
                          const struct ll_range_answer *ahead,
                          size_t *ret_key)
{
    size_t n = 0;

    for (size_t i = 0; i < ahead->kvs_n; i++) {
        if (!ll_kv_is_ticket(&ahead->kvs[i], ll_ticket_prefix(ticket).size)) {
            *ret_key = i;
            n++;
        }
    }
    return n >= ticket->permits_max;
}

/** Whether a ticket with 2n or more permits ahead, if it is certain how many,
 *  joins the client's line, or stays in it. */
static bool line_suits(const struct ll_core *core,
                       const struct ll_ticket *ticket,
                       int64_t count,
                       int64_t revision)
{
    const struct ll_permit_line *line = ll_permit_line_find(core, ticket);

    return line != NULL && count >= 0 && !core->watches.numbered &&
           revision >= ll_permit_line_covers(line) &&
           ll_permit_line_is_short(line);
}

bool ll_permits_suffice(const struct ll_core *core,
                        const struct ll_ticket *ticket)
{
    struct ll_permit_line *line = ll_permit_line_find(core, ticket);

    return line != NULL && !core->watches.numbered &&
           ll_permit_line_watch(line)->state == LL_WATCH_ON &&
           ll_permit_line_is_short(line);
}

/** Counts those ahead in the line: `count` at a revision, less what has gone
 *  since then. */
static void
line_count(struct ll_ticket *ticket, int64_t count, int64_t revision)
{
    struct ll_permits *permits = ticket->permits;
    const struct ll_permit_line *line = permits->member.line;
    int64_t gone = 0;
    int64_t least = 0;

    if (revision >= ll_permit_line_covers(line)) {
        gone = ll_permit_line_gone(line, ticket->token, revision, &least);
        permits->is_counted = gone >= 0;
    } else if (permits->is_counted) {
        return; /* the count goes on from an older revision */
    } else if (ll_permit_line_covers(line) != INT64_MAX) {
        least = ll_permit_line_covers(line);
    }
    permits->seen_revision = revision;
    ticket->gone_revision = ll_max(ticket->gone_revision, least);
    ticket->ahead = ll_max(count - ll_max(gone, 0), 0);
}

/** Whether a read has shown the own key since the line's watch was created. */
static bool own_is_watched(const struct ll_core *core,
                           const struct ll_permits *permits)
{
    return !core->watches.numbered && permits->is_counted &&
           ll_permit_line_watch(permits->member.line)->state == LL_WATCH_ON;
}

/** Reads the permits again. */
static void permits_read(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_ticket_go(core, ticket, LL_TICKET_NEXT);
    ticket->is_first = false;
    ticket->read_ns = LL_NEVER;
    ticket->linearize = core->watches.numbered; /* as ll_ticket_advance */
    ticket->object.failures = 0;
    ll_call_at(core, &ticket->object, core->now_ns);
    ll_ticket_update(core, ticket);
}

/** In LINE, counted: held, or waits further. */
static void line_step(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->state != LL_TICKET_WAIT ||
        ticket->ahead >= ticket->permits_max) {
        return; /* or the read in flight comes first */
    }
    if (own_is_watched(core, ticket->permits)) {
        ll_ticket_grant(core, ticket);
    } else {
        permits_read(core, ticket);
    }
}

/** Begins to wait in the line, which may have no watch yet; false: no memory. */
static bool line_wait(struct ll_core *core,
                      struct ll_ticket *ticket,
                      int64_t count,
                      int64_t revision)
{
    struct ll_permits *permits = ticket->permits;
    struct ll_watch *watch;

    ll_permits_keys_drop(core, permits);
    if (permits->member.line == NULL &&
        !ll_permit_line_join(core, &permits->member, ticket, &line_ops)) {
        return false;
    }
    line_count(ticket, count, revision);
    watch = ll_permit_line_watch(permits->member.line);
    if (watch->state == LL_WATCH_ON) {
        ticket->settle_ns = ll_permit_line_settle_ns(permits->member.line);
        if (!permits->is_counted) {
            ticket->read_ns = core->now_ns + 1;
        } else if (!watch->settled) {
            ticket->read_ns = ll_max(ticket->settle_ns, core->now_ns + 1);
        }
    }
    return true;
}

void ll_permits_see(struct ll_core *core,
                    struct ll_ticket *ticket,
                    const struct ll_range_answer *ahead,
                    int64_t count,
                    int64_t revision)
{
    int64_t most = ticket->permits_max;
    int64_t least = count >= 0 ? count : (int64_t)ahead->kvs_n;
    struct ll_permit_line *line;
    size_t stuck = 0;
    bool has_memory = true;

    ticket->past_exclusive = true;
    ticket->one_left = false;
    if (least < most) {
        ll_ticket_grant(core, ticket);
        return;
    }
    ll_ticket_go(core, ticket, LL_TICKET_WAIT);
    ticket->read_ns = ll_ticket_recheck_ns(core);
    if (permits_stuck(ticket, ahead, &stuck) &&
        ll_ticket_note_blocked(ticket, &ahead->kvs[stuck])) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NESTED, "");
        return;
    }
    if (!ll_permits_make(ticket)) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NOMEM, "");
        return;
    }
    line = ll_permit_line_find(core, ticket);
    if (count >= 0 && line != NULL) {
        ll_permit_line_note(line, count);
    }
    if (least < 2 * most || line_suits(core, ticket, count, revision)) {
        has_memory = line_wait(core, ticket, least, revision);
    } else if (ll_permits_watch_own(ticket) && ticket->permits->is_counted) {
        /* the line counts on */
    } else if (ahead->kvs_n < (size_t)most) {
        permits_read(core, ticket); /* was counted for a line that has gone */
        return;
    } else {
        ticket->ahead = ll_max(least, ticket->ahead);
        has_memory =
            ll_permits_keys_set(core, ticket, ahead->kvs, (size_t)most);
    }
    if (!has_memory) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NOMEM, "");
        return;
    }
    ll_core_log(core, LL_LOG_TICKET_WAITS, ll_log_ticket(ticket),
                "%s waits for one of %u permits, %lld ahead", ticket->key,
                (unsigned)most, (long long)ticket->ahead);
    ll_ticket_watch_wait(core, ticket);
    ll_ticket_update(core, ticket);
    if (ll_permits_watch_own(ticket)) {
        line_step(core, ticket);
    }
}

void ll_permits_on_changed(struct ll_core *core,
                           struct ll_ticket *ticket,
                           struct ll_watch *watch,
                           const struct ll_watch_event *events,
                           size_t n)
{
    struct ll_permit_key *key = ll_permits_key_at(ticket, watch->slot);

    for (size_t i = 0; i < n; i++) {
        int64_t revision = events[i].kv.mod_revision;

        if (!events[i].deleted || key == NULL || key->key == NULL ||
            revision <= key->token) {
            continue;
        }
        ll_permits_key_drop(core, ticket->permits, key);
        ticket->gone_revision = ll_max(ticket->gone_revision, revision);
        ticket->ahead = ll_max(ticket->ahead - 1, 0);
        if (ticket->state == LL_TICKET_WAIT) {
            permits_read(core, ticket);
        } /* else the read in flight must not be older */
        return;
    }
}

/** Whether one of these events is the deletion of the own key. */
static bool own_gone(const struct ll_ticket *ticket,
                     const struct ll_watch_event *events,
                     size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (events[i].deleted && events[i].kv.mod_revision > ticket->token &&
            ll_bytes_equal(events[i].kv.key, ll_ticket_key(ticket))) {
            return true;
        }
    }
    return false;
}

/** The first event of the watch has come: no read need look for others. */
static void line_settle(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->state == LL_TICKET_WAIT && !core->watches.numbered &&
        ticket->settle_ns > core->now_ns) {
        ticket->settle_ns = core->now_ns;
        ticket->read_ns = ll_ticket_recheck_ns(core);
        ll_ticket_update(core, ticket);
    }
}

static void line_on_gone(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_watch_event *events,
                         size_t n)
{
    struct ll_permits *permits = ticket->permits;
    int64_t unknown = 0; /* the revision of a key whose age is not known */

    if (own_gone(ticket, events, n)) {
        ll_ticket_lose_key(core, ticket);
        return;
    }
    if (!ll_ticket_is_behind_permits(ticket)) {
        return; /* a HOLDER */
    }
    for (size_t i = 0; i < n; i++) {
        int64_t revision = events[i].kv.mod_revision;

        if (!events[i].deleted || revision <= permits->seen_revision) {
            continue;
        }
        if (events[i].prev_created <= 0) {
            unknown = ll_max(unknown, revision);
        } else if (events[i].prev_created < ticket->token) {
            ticket->ahead = ll_max(ticket->ahead - 1, 0);
        }
    }
    if (unknown > 0) {
        permits->is_counted = false;
        ticket->gone_revision = ll_max(ticket->gone_revision, unknown);
    }
    if (unknown > 0 && ticket->state == LL_TICKET_WAIT) {
        permits_read(core, ticket);
    } else if (permits->is_counted) {
        line_settle(core, ticket);
        line_step(core, ticket);
    }
}

static void line_on_created(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ll_ticket_is_behind_permits(ticket)) {
        ticket->permits->is_counted = false;
        ll_ticket_on_watched(core, ticket);
    }
}

static void line_on_down(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ll_ticket_is_behind_permits(ticket)) {
        ticket->permits->is_counted = false;
        ll_ticket_on_watch_down(core, ticket);
    } else {
        ll_permit_line_leave(core, &ticket->permits->member);
        ll_ticket_watch_own_at(core, ticket, 0);
    }
}

static void line_on_refused(struct ll_core *core,
                            struct ll_ticket *ticket,
                            enum ll_outcome outcome)
{
    if (ll_ticket_is_behind_permits(ticket)) {
        ticket->permits->is_counted = false;
        ll_ticket_on_unwatched(core, ticket, LL_PERMIT_SLOT_KEY, outcome);
    } else {
        line_on_down(core, ticket);
    }
}

bool ll_permits_settle_once(const struct ll_ticket *ticket)
{
    return ll_ticket_is_behind_permits(ticket) && ticket->permits != NULL &&
           ticket->permits->keys_n > 0 &&
           ticket->permits_max >= LL_PERMITS_MANY;
}

bool ll_permits_watch_own(const struct ll_ticket *ticket)
{
    return ll_ticket_is_behind_permits(ticket) && ticket->permits != NULL &&
           ticket->permits->member.line != NULL;
}

struct ll_watch *ll_permits_line_watch(const struct ll_ticket *ticket)
{
    return ll_permits_watch_own(ticket)
               ? ll_permit_line_watch(ticket->permits->member.line)
               : NULL;
}

void ll_permits_want(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_watch *watch;

    if (ll_permits_watch_own(ticket)) {
        ll_permit_line_want(core, ticket->permits->member.line);
    }
    for (unsigned slot = LL_PERMIT_SLOT_KEY;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        if (ll_permits_key(ticket, slot).size > 0 &&
            watch->state == LL_WATCH_OFF) {
            ll_watch_want(core, watch);
        }
    }
}

bool ll_permits_are_watched(const struct ll_ticket *ticket)
{
    const struct ll_watch *watch = ll_permits_line_watch(ticket);

    if (watch != NULL) {
        return watch->state == LL_WATCH_ON;
    }
    for (unsigned slot = LL_PERMIT_SLOT_KEY;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        if (ll_permits_key(ticket, slot).size > 0 &&
            watch->state != LL_WATCH_ON) {
            return false;
        }
    }
    return ticket->permits != NULL;
}

int64_t ll_permits_least_revision(const struct ll_ticket *ticket)
{
    const struct ll_watch *watch = ll_permits_line_watch(ticket);
    int64_t least = 0;

    if (watch != NULL) {
        /* A read older than the one before would count again what has gone. */
        least = ticket->permits->seen_revision;
        if (watch->state == LL_WATCH_ON) {
            least = ll_max(least, watch->created_revision);
        }
    }
    for (unsigned slot = LL_PERMIT_SLOT_KEY;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        if (watch->state == LL_WATCH_ON) {
            least = ll_max(least, watch->created_revision);
        }
    }
    return least;
}

bool ll_permits_read_soon(const struct ll_ticket *ticket)
{
    const struct ll_watch *watch = ll_permits_line_watch(ticket);

    return ticket->permits != NULL &&
           (ticket->permits->lacks_slots ||
            (watch != NULL && watch->state == LL_WATCH_ON &&
             !ticket->permits->is_counted));
}

void ll_permits_hold(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->permits == NULL) {
        return;
    }
    ll_permits_keys_drop(core, ticket->permits);
    if (ticket->watches[LL_WATCH_OWN].state == LL_WATCH_ON ||
        ticket->permits->member.line == NULL ||
        ll_permit_line_watch(ticket->permits->member.line)->state !=
            LL_WATCH_ON) {
        ll_permit_line_leave(core, &ticket->permits->member);
    }
}

void ll_permits_went_back(struct ll_core *core,
                          struct ll_ticket *ticket,
                          int64_t revision)
{
    struct ll_permit_line *line =
        ticket->permits != NULL ? ticket->permits->member.line : NULL;

    if (line != NULL) {
        ll_permit_line_went_back(core, line, revision);
    }
}

void ll_permits_drop(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->permits != NULL) {
        ll_permits_keys_drop(core, ticket->permits);
        ticket->permits->seen_revision = 0;
        ticket->permits->is_counted = false;
        ll_permit_line_leave(core, &ticket->permits->member);
    }
}

static const struct ll_permit_line_ops line_ops = {
    .on_created = line_on_created,
    .on_gone = line_on_gone,
    .on_refused = line_on_refused,
    .on_down = line_on_down};
