#ifndef LL_CORE_QUERY_H
#define LL_CORE_QUERY_H

#include "core/object.h"

/**
 * A request that only reads, or may be sent twice without harm, made for the
 * user: `queue`, `ping`, `break`. Tried again
 * on every endpoint until it is answered or its time is over; or once, where
 * it names its endpoint.
 */
struct ll_query {
    struct ll_object object;
    const struct ll_request *request; /* the asker's */
    uint32_t endpoint;                /* or LL_ENDPOINT_ANY */
    uint32_t answered_by;
    int64_t deadline_ns;
    bool told_due;
    int status;
    const struct ll_answer *answer;
    int64_t round_trip_ns;
};

int ll_query_ask(struct ll_core *core, const struct ll_event *event);
int ll_query_cancel(struct ll_core *core, const struct ll_event *event);
void ll_query_on_time(struct ll_core *core, struct ll_query *query);
int64_t ll_query_deadline_ns(const struct ll_query *query);
void ll_query_on_answer(struct ll_core *core,
                        struct ll_query *query,
                        const struct ll_event *event);
bool ll_query_next(struct ll_core *core,
                   struct ll_query *query,
                   struct ll_effect *ret_effect);

#endif
