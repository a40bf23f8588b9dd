/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_QUERY_H
#define LL_CORE_QUERY_H

#include "core/object.h"

/**
 * A request that only reads, or may be sent twice without harm, made for the
 * user: `queue`, `ping`, `break`. It is retried on every endpoint until it is
 * answered or its time is over; if it names its endpoint, it has one attempt.
 */
struct ll_query {
    struct ll_object object;
    const struct ll_request *request; /* the caller's */
    uint32_t endpoint;                /* or LL_ENDPOINT_ANY */
    uint32_t answered_by;
    int64_t deadline_ns;
    bool reported_due;
    bool was_lost;
    int status;
    const struct ll_answer *answer;
    int64_t round_trip_ns;
};

extern const struct ll_object_ops ll_query_ops;

static inline struct ll_query *ll_query_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_query, object);
}

int ll_query_ask(struct ll_core *core, const struct ll_event *event);
int ll_query_cancel(struct ll_core *core, const struct ll_event *event);
#endif
