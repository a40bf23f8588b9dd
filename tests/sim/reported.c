/* SPDX-License-Identifier: Apache-2.0 */
#include "core/object.h"
#include "core/ticket.h"
#include "keeps.h"
#include "leaselock/status.h"
#include "world.h"

/**
 * Invariants of the reports to callers: each call ends once, in time, with a
 * status that fits etcd's state. */

static void break_reported(struct sim_client *client,
                           uint64_t id,
                           const char *what,
                           int status)
{
    sim_break(client->world, "reported once",
              "%s of %u.%llu is reported wrongly, %s", what,
              client->peer.number, (unsigned long long)id,
              leaselock_status_name(status));
}

static bool has_name(const struct sim_ticket *ticket, unsigned name)
{
    bool has = ticket->members_n == 0 && ticket->name == name;

    for (unsigned i = 0; i < ticket->members_n; i++) {
        has = has || ticket->members[i]->name == name;
    }
    return has;
}

static bool has_permit(const struct sim_ticket *ticket)
{
    bool has = ticket->members_n == 0 && ticket->mode.kind == LL_MODE_PERMIT;

    for (unsigned i = 0; i < ticket->members_n; i++) {
        has = has || has_permit(ticket->members[i]);
    }
    return has;
}

/** Whether all of its keys are marked in etcd. */
static bool is_marked(const struct sim_ticket *ticket)
{
    bool is = ticket->members_n > 0 || ticket->is_marked;

    for (unsigned i = 0; i < ticket->members_n; i++) {
        is = is && ticket->members[i]->is_marked;
    }
    return is;
}

/** Whether it ends with its session, which was never opened. */
static bool is_unopened(const struct sim_ticket *ticket)
{
    return ticket->is_early && !ticket->session->was_open;
}

static bool acquire_fits(const struct sim_client *client,
                         const struct sim_ticket *ticket,
                         int status)
{
    const struct sim_world *world = client->world;

    switch (status) {
    case 0:
        return !ticket->was_canceled;
    case LEASELOCK_E_TIMEOUT:
        return ticket->has_timeout || ticket->try_only;
    case LEASELOCK_E_UNAVAILABLE:
        return ticket->has_timeout || ticket->try_only || is_unopened(ticket);
    case LEASELOCK_E_SERVER:
        return client->met_other && is_unopened(ticket);
    case LEASELOCK_E_CANCELED:
        return ticket->was_canceled;
    case LEASELOCK_E_CLOSED:
        return ticket->session->is_closing;
    case LEASELOCK_E_LOST:
        return true;
    case LEASELOCK_E_NESTED:
        return world->fault_rate[SIM_FAULT_NESTED] > 0 ||
               world->fault_rate[SIM_FAULT_FOREIGN] > 0;
    case LEASELOCK_E_DEADLOCK:
        return is_marked(ticket);
    case LEASELOCK_E_MODE:
        return world->different_ppm > 0 && has_permit(ticket);
    case LEASELOCK_E_REFUSED:
        /* Those of the first name's ticket. */
        return world->fault_rate[SIM_FAULT_FORBID] > 0 && has_name(ticket, 0);
    default:
        return false;
    }
}

/** Whether a ticket has each of its keys, without interference. */
static bool is_intact(const struct sim_ticket *ticket)
{
    bool is = ticket->members_n > 0 || (ticket->has_key && !ticket->is_meddled);

    for (unsigned i = 0; i < ticket->members_n; i++) {
        is = is && is_intact(ticket->members[i]);
    }
    return is;
}

/** When a ticket is reported as lost, its key, without interference, must not
 * exist with a living lease. */
static void check_loss(struct sim_client *client,
                       const struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;
    struct ll_session_view view;

    /* A release with any token may take effect after the answer. */
    if (!is_intact(ticket) || ticket->session->is_meddled ||
        (ticket->resumes && ticket->resume_token != ticket->created) ||
        !ll_core_session_view(client->core, ticket->session->id,
                              sim_local_ns(client, world->now_ns), &view) ||
        (view.state != LL_SESSION_ACTIVE && view.state != LL_SESSION_SUSPECT)) {
        return;
    }
    sim_break(world, "no needless loss",
              "ticket %u.%llu is lost, but its key %s exists", ticket->client,
              (unsigned long long)ticket->id, ticket->key);
}

/** A lock broken by a third party is not queued again, and a requeued ticket
 * has a new place. */
static void check_again(struct sim_client *client,
                        const struct sim_ticket *ticket,
                        const struct ll_effect *effect)
{
    struct sim_world *world = client->world;
    struct ll_ticket_view view;

    if (effect->silenced && (world->is_calm || effect->detail.status == 0)) {
        sim_break(world, "what is taken stays taken",
                  "ticket %u.%llu is lost for etcd's silence, but etcd was not "
                  "silent",
                  ticket->client, (unsigned long long)ticket->id);
    }
    if (effect->detail.status == 0 && ticket->after_revision > 0 &&
        !client->met_other &&
        ll_core_ticket_view(client->core, ticket->id, 0, &view) &&
        view.token <= ticket->after_revision) {
        sim_break(world, "a new place, a new token",
                  "ticket %u.%llu has queued again at revision %lld and has "
                  "the token %lld",
                  ticket->client, (unsigned long long)ticket->id,
                  (long long)ticket->after_revision, (long long)view.token);
    }
}

/** A try that finds the lock not free has written nothing. If an attempt was not
 * answered in time, it may have been applied. */
static void check_failed_try(struct sim_client *client,
                             const struct sim_ticket *ticket)
{
    bool had = ticket->had_key;

    for (unsigned i = 0; i < ticket->members_n; i++) {
        had = had || ticket->members[i]->had_key;
    }
    if (ticket->try_only && client->world->is_calm && had) {
        sim_break(client->world, "a try leaves no trace",
                  "the try %u.%llu (%s) has failed, but has made a key",
                  ticket->client, (unsigned long long)ticket->id, ticket->key);
    }
}

/** A released key is gone, but a late copy of the enqueue may have created it
 * again. */
static void check_gone(struct sim_world *world, const struct sim_ticket *ticket)
{
    if (ticket->has_key && ticket->created == ticket->token &&
        !ticket->session->is_old) {
        sim_break(world, "released means gone",
                  "ticket %u.%llu is released, but its key %s exists",
                  ticket->client, (unsigned long long)ticket->id, ticket->key);
    }
}

/** A ticket that has queued again has given its lock back, and held it until
 * then: the request has no effect otherwise. */
static void check_rejoined(struct sim_client *client,
                           const struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;
    const struct sim_ticket *before = ticket->rejoins;

    if (before == NULL || ticket->session->is_closing || world->was_restored) {
        return;
    }
    check_gone(world, before);
    if (before->is_meddled && before->key_gone_ns < before->asked_ns) {
        sim_break(world, "rejoined means held",
                  "ticket %u.%llu has queued again as %llu, and its key %s was "
                  "gone before",
                  before->client, (unsigned long long)before->id,
                  (unsigned long long)ticket->id, before->key);
    }
}

static void reported_acquired(struct sim_client *client,
                              const struct ll_effect *effect)
{
    struct sim_ticket *ticket = sim_ticket_find(client, effect->id);
    int status = effect->detail.status;

    if (ticket == NULL || !ticket->acquire_owed ||
        !acquire_fits(client, ticket, status)) {
        break_reported(client, effect->id, "an acquire", status);
        return;
    }
    ticket->acquire_owed = false;
    ticket->is_granted = status == 0;
    ticket->granted_ns = client->world->now_ns;
    for (unsigned i = 0; status == 0 && i < ticket->members_n; i++) {
        if (!ticket->members[i]->in_held) {
            sim_break(
                client->world, "held means key",
                "ticket %u.%llu is granted, and its member %s is not held",
                ticket->client, (unsigned long long)ticket->id,
                ticket->members[i]->key);
        }
    }
    if (status == LEASELOCK_E_LOST) {
        check_loss(client, ticket);
    }
    if (status == 0) {
        check_rejoined(client, ticket);
    }
    if (status == LEASELOCK_E_TIMEOUT) {
        check_failed_try(client, ticket);
    }
    check_again(client, ticket, effect);
}

static void reported_lost(struct sim_client *client,
                          const struct ll_effect *effect)
{
    struct sim_ticket *ticket = sim_ticket_find(client, effect->id);

    if (ticket == NULL || !ticket->is_granted || ticket->lost_reported) {
        break_reported(client, effect->id, "a loss", LEASELOCK_E_LOST);
        return;
    }
    ticket->lost_reported = true;
    check_loss(client, ticket);
    client->world->result->losses++;
}

/** A ticket that core still has, or NULL. */
static const struct ll_ticket *core_ticket(const struct sim_client *client,
                                           uint64_t id)
{
    struct ll_entry *entry = ll_table_find(&client->core->objects, id);
    struct ll_object *object =
        entry != NULL ? LL_CONTAINER(entry, struct ll_object, entry) : NULL;

    return object != NULL && object->ops == &ll_ticket_ops
               ? LL_CONTAINER(object, struct ll_ticket, object)
               : NULL;
}

/** Whether a deletion of the key was not answered, so that core cannot
 * determine which request deleted it. Even in a calm world an answer may take
 * longer than core's attempt timeout. */
static bool is_uncertain(const struct sim_client *client, uint64_t id)
{
    const struct ll_ticket *ticket = core_ticket(client, id);

    return ticket != NULL && ticket->leave_lost;
}

/** Whether a waiter has given up during a lock-delay: its key goes when that is
 * over, which the quiet phase checks. */
static bool waits_for_delay(const struct sim_client *client,
                            const struct sim_ticket *ticket)
{
    const struct ll_ticket *known = core_ticket(client, ticket->id);

    return !ticket->is_granted && known != NULL &&
           ll_delay_keeps_key(client->core, known);
}

static void reported_released(struct sim_client *client,
                              const struct ll_effect *effect)
{
    struct sim_ticket *ticket = sim_ticket_find(client, effect->id);
    int status = effect->detail.status;
    bool fits = status == 0 || status == LEASELOCK_E_LOST ||
                status == LEASELOCK_E_OUTCOME_UNKNOWN;

    if (ticket == NULL || !ticket->release_owed || ticket->acquire_owed ||
        !fits) {
        break_reported(client, effect->id, "a release", status);
        return;
    }
    ticket->release_owed = false;
    if (status == 0) {
        sim_keeps_idle(client, ticket);
    }
    if (status == 0 && !ticket->session->is_closing &&
        !waits_for_delay(client, ticket) && !sim_keeps_key(client, ticket)) {
        check_gone(client->world, ticket);
        if (ticket->rejoins != NULL) {
            check_gone(client->world, ticket->rejoins);
        }
        for (unsigned i = 0; i < ticket->members_n; i++) {
            check_gone(client->world, ticket->members[i]);
        }
    }
    if (status == 0 && ticket->is_granted && ticket->is_meddled &&
        !ticket->is_released_by_write && !ticket->session->is_closing &&
        client->world->is_calm && !ticket->has_key && !ticket->keeps &&
        !is_uncertain(client, effect->id) &&
        ticket->key_gone_ns < ticket->asked_ns) {
        sim_break(client->world, "released means held",
                  "ticket %u.%llu is released, and its key %s was gone before",
                  ticket->client, (unsigned long long)ticket->id, ticket->key);
    }
}

void sim_check_lost_ticket(struct sim_client *client,
                           const struct sim_ticket *ticket)
{
    if (ticket->is_granted && !ticket->lost_reported) {
        sim_break(client->world, "reported once",
                  "ticket %u.%llu is lost without a report", ticket->client,
                  (unsigned long long)ticket->id);
    }
}

static void reported_session(struct sim_client *client,
                             const struct ll_effect *effect)
{
    struct sim_session *session = sim_session_find(client, effect->id);
    bool opened = effect->kind == LL_EFFECT_SESSION_OPENED;
    int status = effect->detail.status;

    if (session == NULL || (opened && !session->open_owed) ||
        (!opened && !session->close_owed)) {
        break_reported(client, effect->id, opened ? "an opening" : "a closing",
                       status);
        return;
    }
    if (opened) {
        session->open_owed = false;
        session->is_open = status == 0 && !session->is_closing;
        session->was_open = status == 0;
        if (status != 0 && status != LEASELOCK_E_UNAVAILABLE &&
            status != LEASELOCK_E_CLOSED &&
            (status != LEASELOCK_E_SERVER || !client->met_other) &&
            (status != LEASELOCK_E_LOST || session->before == NULL)) {
            break_reported(client, effect->id, "an opening", status);
        }
    } else {
        session->close_owed = false;
        if (status != 0 && status != LEASELOCK_E_OUTCOME_UNKNOWN) {
            break_reported(client, effect->id, "a closing", status);
        }
        /* An earlier, abandoned grant may take effect at any time; and another
         * cluster answers that there is no such lease. */
        if (status == 0 && session->grants == 1 && !client->met_other &&
            !session->is_old && (session->was_open || client->world->is_calm) &&
            sim_etcd_has_lease(client->world->etcd, session->lease)) {
            sim_break(client->world, "released means gone",
                      "session %u.%llu is closed, but its lease exists",
                      client->peer.number, (unsigned long long)session->id);
        }
    }
}

/** A message from another cluster may have no effect but an end. */
static void check_one_cluster(struct sim_client *client,
                              const struct ll_effect *effect)
{
    bool is_believed =
        effect->kind == LL_EFFECT_OBSERVED ? !effect->observed.is_end
        : effect->kind == LL_EFFECT_FOLLOWED
            ? effect->followed.kind == LL_FOLLOWED_PAGE ||
                  effect->followed.kind == LL_FOLLOWED_CHANGES ||
                  effect->followed.kind == LL_FOLLOWED_CURRENT
            : (effect->kind == LL_EFFECT_SESSION_OPENED ||
               effect->kind == LL_EFFECT_ACQUIRED ||
               (effect->kind == LL_EFFECT_WRITTEN && effect->written.last)) &&
                  effect->detail.status == 0;

    if (client->is_contradicted && is_believed) {
        sim_break(client->world, "one cluster",
                  "client %u accepts another cluster's answer for %llu",
                  client->peer.number, (unsigned long long)effect->id);
    }
}

void sim_check_reported(struct sim_client *client,
                        const struct ll_effect *effect)
{
    struct sim_session *session;

    check_one_cluster(client, effect);
    if (effect->kind == LL_EFFECT_ASKED) {
        sim_hash(client->world, (uint64_t)effect->asked.revision);
    } else if (effect->kind != LL_EFFECT_OBSERVED &&
               effect->kind != LL_EFFECT_FOLLOWED &&
               effect->kind != LL_EFFECT_LOST) { /* which have no status */
        sim_hash(client->world, (uint64_t)(int64_t)effect->detail.status);
    }
    switch ((int)effect->kind) {
    case LL_EFFECT_SESSION_OPENED:
    case LL_EFFECT_SESSION_CLOSED:
        reported_session(client, effect);
        break;
    case LL_EFFECT_SESSION_CHANGED:
        session = sim_session_find(client, effect->id);
        if (session != NULL && effect->session.state == LL_SESSION_LOST) {
            session->is_lost = true;
            session->is_open = false;
            sim_check_lost(client, session);
        }
        break;
    case LL_EFFECT_ACQUIRED:
        reported_acquired(client, effect);
        break;
    case LL_EFFECT_LOST:
        reported_lost(client, effect);
        break;
    case LL_EFFECT_RELEASED:
        reported_released(client, effect);
        break;
    case LL_EFFECT_ASKED:
        sim_yields_told(client, effect);
        break;
    case LL_EFFECT_OBSERVED:
        sim_check_observed(client, effect);
        break;
    case LL_EFFECT_FOLLOWED:
        sim_check_followed(client, effect);
        break;
    case LL_EFFECT_WRITTEN:
        sim_check_written(client, effect);
        break;
    case LL_EFFECT_QUERIED:
        if (effect->id != client->query_id) {
            break_reported(client, effect->id, "a query", 0);
        }
        client->query_id = 0;
        break;
    default:
        break;
    }
}

static void break_due(struct sim_client *client, uint64_t id, const char *what)
{
    sim_break(client->world, "every call ends",
              "%s of %u.%llu has not ended when its time was over", what,
              client->peer.number, (unsigned long long)id);
}

void sim_check_due(struct sim_client *client, uint64_t id)
{
    const struct sim_ticket *ticket = sim_ticket_find(client, id);
    const struct sim_session *session = sim_session_find(client, id);
    const struct sim_write *write = sim_write_find(client, id);
    int64_t now_ns = sim_local_ns(client, client->world->now_ns);

    if (id == client->query_id) {
        break_due(client, id, "a query");
    } else if (ticket != NULL) {
        if (ticket->acquire_owed && now_ns >= ticket->acquire_due_ns) {
            break_due(client, id, "the acquire");
        }
        if (ticket->release_owed && now_ns >= ticket->release_due_ns) {
            break_due(client, id, "the release");
        }
    } else if (write != NULL) {
        if (!write->was_reported && !write->is_over) {
            break_due(client, id, "the write");
        }
    } else if (session != NULL) {
        if (session->open_owed && now_ns >= session->open_due_ns) {
            break_due(client, id, "the opening");
        }
        if (session->close_owed && now_ns >= session->close_due_ns) {
            break_due(client, id, "the closing");
        }
    }
}
