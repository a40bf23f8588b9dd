/* SPDX-License-Identifier: Apache-2.0 */
#include "core/endpoint.h"

#include <assert.h>

#include "core/object.h"

static bool is_usable(const struct ll_core *core, uint32_t endpoint)
{
    return (core->endpoints.usable >> endpoint & 1) != 0;
}

/** The rest of an endpoint's pause; the lower, the better. */
static int64_t pause_left_ns(const struct ll_core *core, uint32_t endpoint)
{
    return ll_max(core->endpoints.health[endpoint].retry_ns - core->now_ns, 0);
}

/** Selects the best of the other endpoints, if there is one. */
static void endpoint_leave(struct ll_core *core,
                           enum leaselock_stats_change reason)
{
    uint32_t best = core->endpoints.current;
    uint32_t i;

    for (i = 1; i < core->endpoints.n; i++) {
        uint32_t other = (core->endpoints.current + i) % core->endpoints.n;

        if (is_usable(core, other) &&
            (best == core->endpoints.current ||
             pause_left_ns(core, other) < pause_left_ns(core, best))) {
            best = other;
        }
    }
    if (best != core->endpoints.current) {
        core->stats.endpoint_changes[reason]++;
        core->endpoints.current = best;
    }
}

void ll_endpoints_init(struct ll_core *core)
{
    core->endpoints.n = core->config.endpoints_n;
    assert(core->endpoints.n > 0);
    assert(core->endpoints.n <= LL_CORE_ENDPOINTS_MAX);
    core->endpoints.usable = UINT64_MAX;
    for (uint32_t i = 0; i < LL_CORE_ENDPOINTS_MAX; i++) {
        core->endpoints.health[i].suspect_ns = LL_NEVER;
    }
    core->endpoints.current = core->config.endpoint_first % core->endpoints.n;
}

void ll_endpoints_change(struct ll_core *core, const struct ll_event *event)
{
    uint32_t n = event->endpoints.n;
    uint64_t all =
        n < LL_CORE_ENDPOINTS_MAX ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
    uint32_t usable_n = 0;

    assert(n >= core->endpoints.n && n <= LL_CORE_ENDPOINTS_MAX);
    assert((event->endpoints.usable & all) != 0);
    core->endpoints.n = n;
    core->endpoints.usable = event->endpoints.usable & all;
    if (!is_usable(core, core->endpoints.current)) {
        endpoint_leave(core, LEASELOCK_STATS_CHANGE_LISTED);
    }
    for (uint32_t i = 0; i < n; i++) {
        usable_n += is_usable(core, i) ? 1 : 0;
    }
    ll_core_log(core, LL_LOG_ENDPOINTS_LISTED,
                ll_log_endpoint(core->endpoints.current),
                "%u endpoints, %u of them usable; endpoint %u is in use", n,
                usable_n, core->endpoints.current);
}

uint64_t ll_endpoints_usable(const struct ll_core *core)
{
    uint64_t all = core->endpoints.n < LL_CORE_ENDPOINTS_MAX
                       ? (UINT64_C(1) << core->endpoints.n) - 1
                       : UINT64_MAX;

    return core->endpoints.usable & all;
}

void ll_endpoints_move(struct ll_core *core, uint32_t endpoint)
{
    assert(is_usable(core, endpoint));
    core->stats.endpoint_changes[LEASELOCK_STATS_CHANGE_NEARER] +=
        endpoint != core->endpoints.current ? 1 : 0;
    core->endpoints.current = endpoint;
    core->endpoints.user.move(core);
}

void ll_endpoint_failed(struct ll_core *core, uint32_t endpoint)
{
    struct ll_endpoint_health *health = &core->endpoints.health[endpoint];
    int64_t pause_ns = LL_ENDPOINT_PAUSE_NS;

    health->suspect_ns = LL_NEVER;
    if (core->now_ns >= health->retry_ns) { /* else it is the same failure */
        for (unsigned i = 0;
             i < health->failures && pause_ns < LL_ENDPOINT_PAUSE_MAX_NS; i++) {
            pause_ns *= 2;
        }
        health->failures++;
        health->retry_ns = core->now_ns + pause_ns;
    }
    if (endpoint == core->endpoints.current) {
        endpoint_leave(core, LEASELOCK_STATS_CHANGE_FAILED);
    }
}

void ll_endpoint_suspect(struct ll_core *core, uint32_t endpoint)
{
    struct ll_endpoint_health *health = &core->endpoints.health[endpoint];
    int64_t since_ns = ll_min(health->suspect_ns, core->now_ns);

    ll_endpoint_failed(core, endpoint);
    health->suspect_ns = since_ns;
}

/** Whether there is another endpoint to use. */
static bool has_another(const struct ll_core *core)
{
    return (ll_endpoints_usable(core) &
            ~(UINT64_C(1) << core->endpoints.current)) != 0;
}

void ll_endpoint_unanswered(struct ll_core *core,
                            uint32_t endpoint,
                            int64_t sent_ns)
{
    struct ll_endpoint_health *health = &core->endpoints.health[endpoint];
    int64_t suspect_ns = ll_min(
        health->suspect_ns, ll_after(sent_ns, core->config.request_timeout_ns));

    if (sent_ns >=
        core->endpoints.attempts.unanswered_ns) { /* else counted already */
        core->endpoints.attempts.unanswered_n++;
        core->endpoints.attempts.unanswered_ns = core->now_ns;
    }
    ll_endpoint_failed(core, endpoint);
    health->suspect_ns = suspect_ns;
    health->abandoned_ns = core->now_ns;
    if (has_another(core)) {
        core->endpoints.user.probe(core, endpoint);
    }
}

/** Whether its streams are to be left once it is SUSPECT. */
static bool is_to_be_left(const struct ll_core *core, uint32_t endpoint)
{
    const struct ll_endpoint_health *health = &core->endpoints.health[endpoint];

    return health->is_superseded && health->suspect_ns != LL_NEVER &&
           endpoint != core->endpoints.current;
}

void ll_endpoints_on_time(struct ll_core *core)
{
    for (uint32_t i = 0; i < core->endpoints.n; i++) {
        if (is_to_be_left(core, i) &&
            core->endpoints.health[i].suspect_ns <= core->now_ns) {
            core->endpoints.health[i].suspect_ns = LL_NEVER;
            core->endpoints.user.leave(core, i);
        }
    }
}

int64_t ll_endpoints_deadline_ns(const struct ll_core *core)
{
    int64_t deadline_ns = LL_NEVER;

    for (uint32_t i = 0; i < core->endpoints.n; i++) {
        if (is_to_be_left(core, i)) {
            deadline_ns =
                ll_min(deadline_ns, core->endpoints.health[i].suspect_ns);
        }
    }
    return deadline_ns;
}

int64_t ll_endpoint_attempt_timeout_ns(const struct ll_core *core)
{
    int64_t longest_ns = core->config.request_timeout_ns;
    int64_t ns = longest_ns;

    if (!has_another(core)) {
        return ns;
    }
    ns /= core->endpoints.attempts.answer_ns > 0 ? 4 : 2;
    ns = ll_max(ns, LL_ATTEMPT_TIMEOUT_MIN_NS);
    ns = ll_max(
        ns,
        (core->endpoints.health[core->endpoints.current].has_answered ? 4 : 8) *
            ll_min(core->endpoints.attempts.answer_ns, longest_ns));
    for (unsigned round =
             core->endpoints.attempts.unanswered_n / core->endpoints.n;
         round > 0 && ns < longest_ns; round--) {
        ns = 2 * ll_min(ns, longest_ns);
    }
    return ll_min(ns, longest_ns);
}

void ll_endpoint_timed(struct ll_core *core, int64_t answer_ns)
{
    struct ll_attempts *attempts = &core->endpoints.attempts;

    if (answer_ns >= attempts->answer_ns) {
        attempts->answer_ns = answer_ns;
    } else {
        attempts->answer_ns -= (attempts->answer_ns - answer_ns) / 8;
    }
}

void ll_endpoint_received(struct ll_core *core, uint32_t endpoint)
{
    core->endpoints.health[endpoint] = (struct ll_endpoint_health){
        .suspect_ns = LL_NEVER, .has_answered = true};
}

void ll_endpoint_answered(struct ll_core *core,
                          uint32_t endpoint,
                          int64_t sent_ns)
{
    ll_endpoint_received(core, endpoint);
    core->endpoints.attempts.unanswered_n = 0;
    for (uint32_t i = 0; i < core->endpoints.n; i++) {
        struct ll_endpoint_health *health = &core->endpoints.health[i];

        if (health->suspect_ns <= sent_ns) {
            health->suspect_ns = LL_NEVER;
            core->endpoints.user.leave(core, i);
        } else if (health->suspect_ns != LL_NEVER &&
                   health->abandoned_ns <= sent_ns) {
            health->is_superseded = true;
        }
    }
}
