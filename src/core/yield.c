/* SPDX-License-Identifier: Apache-2.0 */
#include "core/yield.h"

#include <string.h>

#include "base/alloc.h"
#include "core/ticket.h"
#include "core/write.h"
#include "leaselock/status.h"

bool ll_yield_make(struct ll_ticket *ticket, bool may_be_marked)
{
    struct ll_yield *yield = ll_alloc_zero(1, sizeof(*yield));

    if (yield != NULL) {
        ll_link_init(&yield->notes);
        yield->seen = 1; /* the put that makes the key */
        yield->may_be_marked = may_be_marked;
    }
    ticket->yield = yield;
    return yield != NULL;
}

static struct ll_yield_note *first_note(const struct ll_yield *yield)
{
    return LL_CONTAINER(yield->notes.next, struct ll_yield_note, link);
}

static struct ll_yield_note *take_note(struct ll_yield *yield)
{
    struct ll_yield_note *note = first_note(yield);

    ll_link_remove(&note->link);
    yield->notes_n--;
    return note;
}

void ll_yield_free(struct ll_yield *yield)
{
    if (yield == NULL) {
        return;
    }
    while (!ll_link_alone(&yield->notes)) {
        ll_free(take_note(yield));
    }
    ll_free(yield->drawn);
    ll_free(yield);
}

void ll_yield_resumed(struct ll_ticket *ticket, int64_t version)
{
    if (ticket->yield != NULL) {
        ticket->yield->seen = version;
        ticket->yield->is_fresh = true;
    }
}

void ll_yield_report(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->yield != NULL && ticket->yield->notes_n > 0) {
        ll_object_report(core, &ticket->object);
    }
}

/** Makes a new note stand for the newest one, too, which it replaces. */
static void note_join(struct ll_yield *yield, struct ll_yield_note *note)
{
    struct ll_yield_note *newest =
        LL_CONTAINER(yield->notes.prev, struct ll_yield_note, link);

    note->versions.after = newest->versions.after;
    note->is_unsure |= newest->is_unsure;
    note->is_fresh |= newest->is_fresh;
    ll_link_remove(&newest->link);
    ll_free(newest);
    yield->notes_n--;
}

void ll_yield_see(struct ll_core *core,
                  struct ll_ticket *ticket,
                  const struct ll_kv *own)
{
    struct ll_yield *yield = ticket->yield;
    struct ll_yield_note *note;
    bool may_be_marked;
    bool is_new;

    if (yield == NULL || own->create_revision != ticket->token) {
        return;
    }
    if (yield->revision > 0 && own->mod_revision > yield->revision &&
        own->version <= yield->seen) {
        yield->runs_n = 0;
        ll_yield_resumed(ticket, own->version);
    }
    may_be_marked = yield->may_be_marked;
    is_new = own->version > yield->seen || yield->is_fresh;
    note = is_new ? ll_alloc_zero(1, sizeof(*note) + own->value.size) : NULL;
    if (is_new && note == NULL) {
        return;
    }
    /* The detection for a multi-lock goes on while a member is held. */
    yield->may_be_marked &=
        ticket->state != LL_TICKET_HELD || yield->is_held_back;
    if (!is_new) {
        return;
    }
    if (own->value.size > 0) {
        memcpy(note->value, own->value.data, own->value.size);
    }
    note->value_size = own->value.size;
    note->versions =
        (struct ll_yield_run){yield->seen, ll_max(own->version, yield->seen)};
    note->revision = own->mod_revision;
    note->is_unsure = may_be_marked;
    note->is_fresh = yield->is_fresh;
    if (yield->notes_n >= LL_YIELD_NOTES_MAX) {
        note_join(yield, note);
    }
    yield->is_fresh = false;
    yield->seen = note->versions.last;
    yield->revision = own->mod_revision;
    ll_link_append(&yield->notes, &note->link);
    yield->notes_n++;
    ll_yield_report(core, ticket);
}

void ll_yield_restart(struct ll_core *core,
                      struct ll_ticket *ticket,
                      const struct ll_kv *own)
{
    if (ticket->yield != NULL) {
        ticket->yield->runs_n = 0;
        ll_yield_resumed(ticket, own->version);
        ll_yield_see(core, ticket, own);
    }
}

/** Drops the runs of which no note is or will be. */
static void drop_runs(struct ll_yield *yield)
{
    int64_t after =
        yield->notes_n > 0 ? first_note(yield)->versions.after : yield->seen;
    unsigned n = 0;

    while (n < yield->runs_n && yield->runs[n].versions.last <= after) {
        n++;
    }
    yield->runs_n -= n;
    memmove(yield->runs, yield->runs + n,
            yield->runs_n * sizeof(yield->runs[0]));
}

static void
add_run(struct ll_yield *yield, struct ll_yield_run versions, bool is_perhaps)
{
    struct ll_yield_own_run *last;

    drop_runs(yield);
    last = yield->runs_n > 0 ? &yield->runs[yield->runs_n - 1] : NULL;
    if (last != NULL && !is_perhaps && !last->is_perhaps &&
        last->versions.last == versions.after) {
        last->versions.last = versions.last;
    } else if (yield->runs_n == LL_YIELD_RUNS_MAX) {
        last->versions.last = versions.last;
        last->is_perhaps = true;
    } else {
        yield->runs[yield->runs_n++] =
            (struct ll_yield_own_run){versions, is_perhaps};
    }
}

void ll_yield_wrote(struct ll_ticket *ticket, int64_t version)
{
    if (ticket->yield != NULL) {
        add_run(ticket->yield, (struct ll_yield_run){version - 1, version},
                false);
    }
}

/** The version that a write may have made whose outcome is open. It is the next
 *  one after that which the write compares. */
static struct ll_yield_run versions_of(const struct ll_write *write)
{
    bool is_open = false;

    switch (write->phase) {
    case LL_WRITE_SEND:
        is_open = write->object.in_flight || write->lost;
        break;
    case LL_WRITE_PROVE:
        is_open = true;
        break;
    case LL_WRITE_READ: /* it is among the runs */
        break;
    }
    return (struct ll_yield_run){write->version,
                                 write->version + (is_open ? 1 : 0)};
}

void ll_yield_unsure(struct ll_ticket *ticket, const struct ll_write *write)
{
    if (ticket->yield != NULL) {
        add_run(ticket->yield, versions_of(write), true);
    }
}

void ll_yield_on_write_end(struct ll_core *core,
                           struct ll_ticket *ticket,
                           const struct ll_write *write,
                           int status)
{
    if (status == LEASELOCK_E_OUTCOME_UNKNOWN) {
        ll_yield_unsure(ticket, write);
    }
    ll_yield_report(core, ticket);
}

void ll_yield_hold_back(struct ll_ticket *ticket, bool is_held_back)
{
    if (ticket->yield != NULL) {
        ticket->yield->is_held_back = is_held_back;
    }
}

/** How many versions two runs have in common. */
static int64_t common(struct ll_yield_run one, struct ll_yield_run other)
{
    return ll_max(ll_min(one.last, other.last) - ll_max(one.after, other.after),
                  0);
}

/** Whether the client of the ticket's first write may have made one. */
static bool awaits_write(const struct ll_ticket *ticket,
                         struct ll_yield_run versions)
{
    return !ll_link_alone(&ticket->writes) &&
           common(versions, versions_of(LL_CONTAINER(ticket->writes.next,
                                                     struct ll_write, link))) >
               0;
}

/** How many versions of a note were certainly not made by the ticket's client.
 *  @param ret_is_unsure  whether others may have been */
static int64_t others_n(const struct ll_yield *yield,
                        const struct ll_yield_note *note,
                        bool *ret_is_unsure)
{
    int64_t n = note->versions.last - note->versions.after;

    *ret_is_unsure = note->is_unsure;
    if (note->is_unsure) {
        return 0; /* each attempt of a mark may have been applied */
    }
    for (unsigned i = 0; i < yield->runs_n; i++) {
        int64_t shared = common(note->versions, yield->runs[i].versions);

        n -= shared;
        *ret_is_unsure |= yield->runs[i].is_perhaps && shared > 0;
    }
    return n;
}

bool ll_yield_next(struct ll_ticket *ticket, struct ll_effect *ret_effect)
{
    struct ll_yield *yield = ticket->yield;

    if (yield == NULL || ticket->state != LL_TICKET_HELD ||
        yield->is_held_back || !ll_session_is_alive(ticket->session)) {
        return false;
    }
    while (yield->notes_n > 0) {
        struct ll_yield_note *note = first_note(yield);
        bool awaits = awaits_write(ticket, note->versions);
        bool is_unsure;
        int64_t n = others_n(yield, note, &is_unsure) - (awaits ? 1 : 0);

        if (n <= 0 && awaits) {
            break;
        }
        ll_free(yield->drawn);
        yield->drawn = take_note(yield);
        if (n > 0 || is_unsure || note->is_fresh) {
            *ret_effect = (struct ll_effect){.kind = LL_EFFECT_ASKED,
                                             .id = ticket->object.entry.id};
            ret_effect->asked.by_others = n > 0;
            ret_effect->asked.revision = note->revision;
            ret_effect->asked.value =
                (struct ll_bytes){note->value, note->value_size};
            return true;
        }
    }
    return false;
}
