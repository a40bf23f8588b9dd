#include "core/endpoint.h"

#include <assert.h>

#include "core/object.h"
#include "core/stream.h"

static bool is_usable(const struct ll_core *core, uint32_t endpoint)
{
    return (core->endpoints_usable >> endpoint & 1) != 0;
}

/** The end of the pause of the endpoint that is behind another in the list,
 *  for a comparison: the lower, the better. */
static int64_t pause_left_ns(const struct ll_core *core, uint32_t endpoint)
{
    return ll_max(core->endpoints[endpoint].retry_ns - core->now_ns, 0);
}

/** Takes the best of the others, if there is one. */
static void endpoint_leave(struct ll_core *core)
{
    uint32_t best = core->endpoint;
    uint32_t i;

    for (i = 1; i < core->endpoints_n; i++) {
        uint32_t other = (core->endpoint + i) % core->endpoints_n;

        if (is_usable(core, other) &&
            (best == core->endpoint ||
             pause_left_ns(core, other) < pause_left_ns(core, best))) {
            best = other;
        }
    }
    core->endpoint = best;
}

void ll_endpoints_init(struct ll_core *core)
{
    core->endpoints_n = core->config.endpoints_n;
    assert(core->endpoints_n > 0);
    assert(core->endpoints_n <= LL_CORE_ENDPOINTS_MAX);
    core->endpoints_usable = UINT64_MAX;
    for (uint32_t i = 0; i < LL_CORE_ENDPOINTS_MAX; i++) {
        core->endpoints[i].doubt_ns = LL_NEVER;
    }
    core->endpoint = core->config.endpoint_first % core->endpoints_n;
}

void ll_endpoints_change(struct ll_core *core, const struct ll_event *event)
{
    uint32_t n = event->endpoints.n;
    uint64_t all =
        n < LL_CORE_ENDPOINTS_MAX ? (UINT64_C(1) << n) - 1 : UINT64_MAX;

    assert(n >= core->endpoints_n && n <= LL_CORE_ENDPOINTS_MAX);
    assert((event->endpoints.usable & all) != 0);
    core->endpoints_n = n;
    core->endpoints_usable = event->endpoints.usable & all;
    if (!is_usable(core, core->endpoint)) {
        endpoint_leave(core);
    }
    ll_core_log(core, 2, "%u endpoints, of which %llx are used; in use is %u",
                n, (unsigned long long)core->endpoints_usable, core->endpoint);
}

void ll_endpoint_failed(struct ll_core *core, uint32_t endpoint)
{
    struct ll_endpoint_health *health = &core->endpoints[endpoint];
    int64_t pause_ns = LL_ENDPOINT_PAUSE_NS;

    health->doubt_ns = LL_NEVER;
    if (core->now_ns >= health->retry_ns) { /* else it is the same trouble */
        for (unsigned i = 0;
             i < health->failures && pause_ns < LL_ENDPOINT_PAUSE_MAX_NS; i++) {
            pause_ns *= 2;
        }
        health->failures++;
        health->retry_ns = core->now_ns + pause_ns;
    }
    if (endpoint == core->endpoint) {
        endpoint_leave(core);
    }
}

void ll_endpoint_doubt(struct ll_core *core, uint32_t endpoint)
{
    struct ll_endpoint_health *health = &core->endpoints[endpoint];
    int64_t since_ns = ll_min(health->doubt_ns, core->now_ns);

    ll_endpoint_failed(core, endpoint);
    health->doubt_ns = since_ns;
}

void ll_endpoint_heard(struct ll_core *core, uint32_t endpoint)
{
    core->endpoints[endpoint] =
        (struct ll_endpoint_health){.doubt_ns = LL_NEVER};
}

void ll_endpoint_answered(struct ll_core *core,
                          uint32_t endpoint,
                          int64_t sent_ns)
{
    ll_endpoint_heard(core, endpoint);
    for (uint32_t i = 0; i < core->endpoints_n; i++) {
        if (core->endpoints[i].doubt_ns <= sent_ns) {
            core->endpoints[i].doubt_ns = LL_NEVER;
            ll_streams_leave(core, i);
        }
    }
}
