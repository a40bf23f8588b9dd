/* SPDX-License-Identifier: Apache-2.0 */
#include "core/nearest.h"

#include "base/clock.h"
#include "core/object.h"

struct ll_bytes ll_nearest_key(struct ll_bytes namespace)
{
    static const char otherwise[] = "leaselock";

    return namespace.size > 0
               ? namespace
               : (struct ll_bytes){otherwise, sizeof(otherwise) - 1};
}

static bool is_reading(const struct ll_core *core)
{
    return (core->nearest.due | core->nearest.out) != 0;
}

/** Whether there is a choice, and somebody whom it serves. */
static bool is_wanted(const struct ll_core *core)
{
    uint64_t usable = ll_endpoints_usable(core);

    return core->config.nearest_ns > 0 && core->sessions.alive_n > 0 &&
           (usable & (usable - 1)) != 0;
}

static int64_t soon_ns(const struct ll_core *core)
{
    return core->config.nearest_ns / 6;
}

static void round_begin(struct ll_core *core)
{
    struct ll_nearest *nearest = &core->nearest;

    for (uint32_t i = 0; i < core->endpoints.n; i++) {
        nearest->reads[i] = (struct ll_nearest_reads){.least_ns = LL_NEVER};
    }
    nearest->due = ll_endpoints_usable(core);
    nearest->is_used = false;
}

void ll_nearest_on_time(struct ll_core *core)
{
    struct ll_nearest *nearest = &core->nearest;

    if (!is_wanted(core)) {
        return;
    }
    if (!nearest->has_begun) {
        nearest->has_begun = true;
        nearest->is_used = true;
        nearest->round_ns = core->now_ns + LL_NEAREST_START_NS;
    }
    if (core->now_ns >= ll_nearest_deadline_ns(core)) {
        round_begin(core);
    }
}

int64_t ll_nearest_deadline_ns(const struct ll_core *core)
{
    const struct ll_nearest *nearest = &core->nearest;

    return nearest->has_begun && nearest->is_used && !is_reading(core) &&
                   is_wanted(core)
               ? nearest->round_ns
               : LL_NEVER;
}

void ll_nearest_note(struct ll_core *core, uint32_t endpoint, int64_t answer_ns)
{
    struct ll_nearest *nearest = &core->nearest;

    nearest->is_used = true;
    if (endpoint == core->endpoints.current && nearest->answer_ns > 0 &&
        answer_ns / 2 > nearest->answer_ns + LL_NEAREST_MARGIN_NS) {
        nearest->round_ns =
            ll_min(nearest->round_ns, nearest->ended_ns + soon_ns(core));
    }
}

bool ll_nearest_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    struct ll_nearest *nearest = &core->nearest;
    uint32_t endpoint = 0;

    if (nearest->due == 0 || core->calls.in_flight >= LL_CALLS_MAX) {
        return false;
    }
    while ((nearest->due >> endpoint & 1) == 0) {
        endpoint++;
    }
    nearest->due &= ~(UINT64_C(1) << endpoint);
    nearest->out |= UINT64_C(1) << endpoint;
    nearest->reads[endpoint].sent_ns = core->now_ns;
    core->calls.in_flight++;
    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_CALL};
    ret_effect->id = LL_NEAREST_CALLS + endpoint;
    ret_effect->call.seq = ++nearest->seq;
    ret_effect->call.endpoint = endpoint;
    ret_effect->call.timeout_ns = core->config.request_timeout_ns;
    ret_effect->call.request = (struct ll_request){
        .kind = LL_REQUEST_RANGE,
        .range = {.key = ll_nearest_key(core->config.namespace),
                  .keys_only = true,
                  .count_only = true}};
    return true;
}

/** Whether an answer took the way that is to be measured, in the accepted
 *  cluster. */
static bool is_measured(const struct ll_core *core,
                        uint32_t endpoint,
                        const struct ll_answer *answer)
{
    if (answer->outcome == LL_OUTCOME_REFUSED) {
        return (core->cluster.checked >> endpoint & 1) != 0;
    }
    return answer->outcome == LL_OUTCOME_OK &&
           (answer->cluster_id == 0 || answer->cluster_id == core->cluster.id);
}

/** The time of an endpoint's answers; LL_NEVER: not all have come. */
static int64_t time_of(const struct ll_core *core, uint32_t endpoint)
{
    const struct ll_nearest_reads *reads = &core->nearest.reads[endpoint];

    return reads->answers == LL_NEAREST_READS ? reads->least_ns : LL_NEVER;
}

static bool is_good(const struct ll_core *core, uint32_t endpoint)
{
    const struct ll_endpoint_health *health = &core->endpoints.health[endpoint];

    return (ll_endpoints_usable(core) >> endpoint & 1) != 0 &&
           health->suspect_ns == LL_NEVER && health->retry_ns <= core->now_ns;
}

/** The best endpoint, if it is better than the one in use by the margin; else
 *  that one. */
static uint32_t better_one(const struct ll_core *core)
{
    uint32_t current = core->endpoints.current;
    uint32_t best = current;
    int64_t time_ns = time_of(core, current);
    int64_t margin_ns = ll_max(time_ns / 10, LL_NEAREST_MARGIN_NS);

    for (uint32_t i = 0; i < core->endpoints.n; i++) {
        if (is_good(core, i) && time_of(core, i) < time_of(core, best)) {
            best = i;
        }
    }
    return time_of(core, best) < time_ns - margin_ns ? best : current;
}

static void move(struct ll_core *core, uint32_t endpoint)
{
    uint32_t before = core->endpoints.current;

    ll_core_log(
        core, LL_LOG_ENDPOINT_NEARER,
        ll_log_duration(ll_log_endpoint(endpoint), time_of(core, endpoint)),
        "endpoint %u answers in %lld us, endpoint %u in %lld us: "
        "moving there",
        before, (long long)(time_of(core, before) / LL_NS_PER_US), endpoint,
        (long long)(time_of(core, endpoint) / LL_NS_PER_US));
    core->nearest.better_n = 0;
    core->nearest.stays_ns = core->now_ns + core->config.nearest_ns;
    ll_endpoints_move(core, endpoint);
}

static void round_end(struct ll_core *core)
{
    struct ll_nearest *nearest = &core->nearest;
    int64_t interval_ns = core->config.nearest_ns;
    int64_t pause_ns =
        interval_ns * 3 / 4 + ll_random_below(&core->random, interval_ns / 2);
    uint32_t better = better_one(core);

    if (better == core->endpoints.current) {
        nearest->better_n = 0;
    } else {
        nearest->better_n++;
        pause_ns = soon_ns(core);
    }
    if (nearest->better_n >= (nearest->rounds_n == 0 ? 1 : LL_NEAREST_ROUNDS) &&
        core->now_ns >= nearest->stays_ns) {
        move(core, better);
    }
    nearest->rounds_n++;
    nearest->ended_ns = core->now_ns;
    nearest->round_ns = core->now_ns + pause_ns;
    nearest->answer_ns = time_of(core, core->endpoints.current);
    if (nearest->answer_ns == LL_NEVER) {
        nearest->answer_ns = 0;
    }
}

void ll_nearest_on_answer(struct ll_core *core, const struct ll_event *event)
{
    struct ll_nearest *nearest = &core->nearest;
    uint32_t endpoint = (uint32_t)(event->id - LL_NEAREST_CALLS);
    struct ll_nearest_reads *reads = &nearest->reads[endpoint];
    const struct ll_answer *answer = event->answer.answer;
    uint64_t bit = UINT64_C(1) << endpoint;

    nearest->out &= ~bit;
    if (answer->outcome == LL_OUTCOME_OK) {
        ll_cluster_note(core, answer->cluster_id, endpoint);
    }
    if (is_measured(core, endpoint, answer)) {
        reads->least_ns =
            ll_min(reads->least_ns,
                   core->now_ns - reads->sent_ns - event->answer.held_ns);
        reads->answers++;
        nearest->due |= reads->answers < LL_NEAREST_READS ? bit : 0;
    }
    if (!is_reading(core)) {
        round_end(core);
    }
}
