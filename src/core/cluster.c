/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cluster.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/follow.h"
#include "core/object.h"
#include "core/observe.h"
#include "core/queue.h"
#include "core/session.h"

static uint64_t bit_of(uint32_t endpoint)
{
    return endpoint < LL_CORE_ENDPOINTS_MAX ? UINT64_C(1) << endpoint : 0;
}

static void end_object(struct ll_core *core, struct ll_object *object)
{
    object->ops->on_cluster(core, object);
}

/** Ends everything that depends on the accepted id. */
static void cluster_end(struct ll_core *core)
{
    struct ll_link *at;
    struct ll_link *after;

    core->cluster.id = 0;
    core->cluster.checked = 0;
    ll_queue_notes_drop(core);
    LL_LIST_EACH (at, after, &core->sessions.list) {
        end_object(core, &LL_CONTAINER(at, struct ll_session, link)->object);
    }
    LL_LIST_EACH (at, after, &core->observers.list) {
        end_object(core, &LL_CONTAINER(at, struct ll_observer, link)->object);
    }
    LL_LIST_EACH (at, after, &core->follows.list) {
        end_object(core, &LL_CONTAINER(at, struct ll_follow, link)->object);
    }
}

/** The sentence with the accepted id and another one. It never changes once it
 *  is written: other threads read it as the reason of a loss. */
static const char *cluster_text(struct ll_cluster *cluster, uint64_t id)
{
    char text[LL_CLUSTER_TEXT_SIZE];

    (void)snprintf(text, sizeof(text),
                   "two clusters have answered, %" PRIx64 " and now %" PRIx64
                   ": the list of endpoints names two clusters, or a data "
                   "directory was replaced",
                   cluster->id, id);
    for (unsigned i = 0; i < cluster->texts_n; i++) {
        if (strcmp(cluster->texts[i], text) == 0) {
            return cluster->texts[i];
        }
    }
    if (cluster->texts_n == LL_CLUSTER_TEXTS_MAX) {
        return "more than two clusters have answered in turn: check the list "
               "of endpoints";
    }
    memcpy(cluster->texts[cluster->texts_n], text, sizeof(text));
    return cluster->texts[cluster->texts_n++];
}

bool ll_cluster_believes(struct ll_core *core, uint64_t id, uint32_t endpoint)
{
    struct ll_cluster *cluster = &core->cluster;

    if (id == 0) { /* from a proxy */
        cluster->checked |= bit_of(endpoint);
        return true;
    }
    if (cluster->id == 0) {
        cluster->id = id;
    }
    if (cluster->id == id) {
        cluster->checked |= bit_of(endpoint);
        cluster->slow &= ~bit_of(endpoint);
        return true;
    }
    cluster->text = cluster_text(cluster, id);
    ll_keep_failure(core, endpoint, -1, cluster->text);
    ll_core_log(core, LL_LOG_CLUSTER_DIFFERS, ll_log_endpoint(endpoint),
                "endpoint %u: %s", endpoint, cluster->text);
    cluster_end(core);
    return false;
}

void ll_cluster_note(struct ll_core *core, uint64_t id, uint32_t endpoint)
{
    if (id != 0 && core->cluster.id == id) {
        core->cluster.checked |= bit_of(endpoint);
    }
}

bool ll_cluster_trusts(struct ll_core *core, uint32_t endpoint)
{
    struct ll_cluster *cluster = &core->cluster;
    uint64_t bit = bit_of(endpoint);

    if (!core->config.check_clusters || cluster->id == 0 || bit == 0 ||
        (cluster->checked & bit) != 0) {
        return true;
    }
    cluster->due |= bit & core->endpoints.usable & ~cluster->asked;
    return false;
}

/** Whether anything depends on the accepted id. */
static bool cluster_is_needed(const struct ll_core *core)
{
    struct ll_link *at;

    if (core->sessions.alive_n > 0 || !ll_link_alone(&core->observers.list) ||
        !ll_link_alone(&core->follows.list)) {
        return true;
    }
    for (at = core->sessions.list.next; at != &core->sessions.list;
         at = at->next) {
        enum ll_session_state state =
            LL_CONTAINER(at, struct ll_session, link)->state;

        /* A session that is being closed belongs to the accepted cluster. */
        if (state == LL_SESSION_OPENING || state == LL_SESSION_CLOSING) {
            return true;
        }
    }
    return false;
}

/** Whether there is a choice of endpoints, and nothing is known about them. */
static bool cluster_is_cold(const struct ll_core *core)
{
    uint64_t usable = ll_endpoints_usable(core);

    return core->config.nearest_ns > 0 && (usable & (usable - 1)) != 0 &&
           core->endpoints.attempts.answer_ns == 0 &&
           core->cluster.checked == 0;
}

bool ll_cluster_holds(const struct ll_core *core)
{
    return core->now_ns < core->cluster.first_ns &&
           (core->cluster.due | core->cluster.asked) != 0;
}

int64_t ll_cluster_deadline_ns(const struct ll_core *core)
{
    return ll_cluster_holds(core) ? core->cluster.first_ns : LL_NEVER;
}

void ll_cluster_check(struct ll_core *core, int64_t lease)
{
    struct ll_cluster *cluster = &core->cluster;

    if (!cluster_is_needed(core)) {
        cluster->id = 0;
        cluster->checked = 0;
    }
    if (!core->config.check_clusters) {
        return;
    }
    cluster->lease = lease;
    /* The endpoint in use gets the request for the lease itself. */
    cluster->due |= ll_endpoints_usable(core) & ~cluster->checked &
                    ~cluster->asked & ~bit_of(core->endpoints.current);
    if (cluster_is_cold(core)) {
        cluster->due |= bit_of(core->endpoints.current) & ~cluster->asked;
        if (core->now_ns >= cluster->first_ns) {
            cluster->first_ns = core->now_ns + LL_CLUSTER_FIRST_NS;
        }
    }
}

bool ll_cluster_is_awaited(const struct ll_core *core)
{
    return ((core->cluster.due | core->cluster.asked) & ~core->cluster.slow) !=
           0;
}

void ll_cluster_give_up(struct ll_core *core)
{
    core->cluster.slow |= core->cluster.due | core->cluster.asked;
}

bool ll_cluster_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    struct ll_cluster *cluster = &core->cluster;
    uint32_t endpoint = 0;

    if (cluster->due == 0 || core->calls.in_flight >= LL_CALLS_MAX) {
        return false;
    }
    while ((cluster->due & bit_of(endpoint)) == 0) {
        endpoint++;
    }
    cluster->due &= ~bit_of(endpoint);
    cluster->asked |= bit_of(endpoint);
    core->calls.in_flight++;
    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_CALL};
    ret_effect->id = LL_CLUSTER_CALLS + endpoint;
    ret_effect->call.seq = ++cluster->seq;
    ret_effect->call.endpoint = endpoint;
    ret_effect->call.timeout_ns = core->config.request_timeout_ns;
    ret_effect->call.request = (struct ll_request){.kind = LL_REQUEST_STATUS};
    if ((cluster->refuses & bit_of(endpoint)) != 0) {
        ret_effect->call.request = (struct ll_request){
            .kind = LL_REQUEST_LEASE_TTL, .lease = {.lease = cluster->lease}};
    }
    return true;
}

/** An endpoint has answered: it is used if nothing else is known. */
static void cluster_on_first(struct ll_core *core,
                             uint32_t endpoint,
                             const struct ll_answer *answer)
{
    bool serves = answer->kind != LL_REQUEST_STATUS ||
                  (answer->status.leader_id != 0 && !answer->status.is_learner);

    if (serves && core->now_ns < core->cluster.first_ns &&
        (ll_endpoints_usable(core) & bit_of(endpoint)) != 0) {
        core->cluster.first_ns = 0;
        ll_endpoints_move(core, endpoint);
    }
}

void ll_cluster_on_answer(struct ll_core *core, const struct ll_event *event)
{
    struct ll_cluster *cluster = &core->cluster;
    const struct ll_answer *answer = event->answer.answer;
    uint32_t endpoint = (uint32_t)(event->id - LL_CLUSTER_CALLS);
    uint64_t bit = bit_of(endpoint);

    cluster->asked &= ~bit;
    if (answer->outcome == LL_OUTCOME_REFUSED &&
        (cluster->refuses & bit) == 0) {
        cluster->refuses |= bit;
        cluster->due |= bit;
    } else if (answer->outcome == LL_OUTCOME_OK &&
               ll_cluster_believes(core, answer->cluster_id, endpoint)) {
        cluster_on_first(core, endpoint, answer);
    }
}
