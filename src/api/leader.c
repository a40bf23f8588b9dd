/* SPDX-License-Identifier: Apache-2.0 */
#include "api/leader.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/query.h"
#include "core/key.h"

#define WHY_SIZE 256
/** How many bytes of a key the sentence quotes. */
#define KEY_SHOWN 160

/** leaselock_leader: the oldest key of the queue. */
struct leader_query {
    struct ll_query_object query;
    struct leaselock_leader_info **ret_leader;
    const char *name; /* the caller's, until the query is prepared */
    size_t prefix_size;
    char prefix[LL_PREFIX_MAX]; /* the namespace and NAME/ */
    char end[LL_PREFIX_MAX];
    char why[WHY_SIZE];
};

struct leaselock_leader_info *ll_leader_make(const struct ll_kv *kv)
{
    struct leaselock_leader_info *leader;
    char *bytes;

    leader = ll_alloc(sizeof(*leader) + kv->key.size + kv->value.size + 2);
    if (leader == NULL) {
        return NULL;
    }
    bytes = (char *)(leader + 1);
    *leader = (struct leaselock_leader_info){.key = bytes,
                                             .value = bytes + kv->key.size + 1,
                                             .value_size = kv->value.size,
                                             .token = kv->create_revision,
                                             .revision = kv->mod_revision,
                                             .lease = kv->lease};
    memset(bytes, 0, kv->key.size + kv->value.size + 2);
    memcpy(bytes, kv->key.data, kv->key.size);
    if (kv->value.size > 0) {
        memcpy(bytes + kv->key.size + 1, kv->value.data, kv->value.size);
    }
    return leader;
}

void leaselock_leader_free(struct leaselock_leader_info *leader)
{
    ll_free(leader);
}

static void leader_release(struct ll_query_object *query)
{
    ll_free(LL_CONTAINER(query, struct leader_query, query));
}

/** Takes the oldest key. There is no leader if it is no candidate: it has no
 *  lease, or it is shared. */
static int leader_take(struct leader_query *leader, const struct ll_kv *kv)
{
    struct leaselock_leader_info *info;

    if (!ll_kv_may_lead(kv)) {
        (void)snprintf(leader->why, sizeof(leader->why), "%s %.*s, which is %s",
                       kv->lease == 0 ? "blocked by" : "held by",
                       kv->key.size < KEY_SHOWN ? (int)kv->key.size : KEY_SHOWN,
                       kv->key.data,
                       kv->lease == 0
                           ? "no ticket: the key has no lease"
                           : "no exclusive ticket: others may hold beside it");
        leader->query.why = leader->why;
        return LEASELOCK_E_NO_LEADER;
    }
    info = ll_leader_make(kv);
    if (info == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    *leader->ret_leader = info;
    return 0;
}

static bool leader_on_answer(struct ll_query_object *query,
                             const struct ll_effect *effect,
                             int *ret_status)
{
    struct leader_query *leader =
        LL_CONTAINER(query, struct leader_query, query);
    const struct ll_range_answer *range;

    if (*ret_status != 0) {
        return false;
    }
    range = &effect->query.answer->range;
    for (size_t i = 0; i < range->kvs_n; i++) {
        if (!ll_key_is_nested(range->kvs[i].key, leader->prefix_size)) {
            *ret_status = leader_take(leader, &range->kvs[i]);
            return false;
        }
    }
    if (query->request.range.limit > 0 && range->kvs_n > 0) {
        /* A nested lock's keys are no candidates: read the other keys, too. */
        query->request.range.limit = 0;
        if (ll_query_ask_on(query)) {
            return true;
        }
        *ret_status = LEASELOCK_E_NOMEM;
    } else {
        *ret_status = LEASELOCK_E_NO_LEADER;
    }
    return false;
}

static void leader_prepare(struct ll_query_object *query)
{
    struct leader_query *leader =
        LL_CONTAINER(query, struct leader_query, query);
    struct ll_range *range = &query->request.range;

    range->key = ll_prefix_make(
        ll_client_namespace(query->handle.client),
        (struct ll_bytes){leader->name, strlen(leader->name)}, leader->prefix);
    range->end = ll_prefix_end(range->key, leader->end);
    leader->prefix_size = range->key.size;
    leader->name = NULL;
}

static int leader_run(leaselock_client *user,
                      const char *name,
                      int timeout_ms,
                      struct leaselock_leader_info **ret_leader,
                      leaselock_done_fn *done,
                      void *arg,
                      struct leaselock_error *reterr)
{
    const char *fault = leaselock_name_check(name);
    struct leader_query *leader;

    if (fault != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NAME, fault);
    }
    if (timeout_ms < 1 || ret_leader == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "leaselock_leader needs a place for the "
                             "answer and a timeout of 1 ms or more");
    }
    leader = ll_alloc_zero(1, sizeof(*leader));
    if (leader == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    ll_query_init(&leader->query, done, arg);
    leader->ret_leader = ret_leader;
    leader->name = name;
    leader->query.on_answer = leader_on_answer;
    leader->query.release = leader_release;
    leader->query.prepare = leader_prepare;
    leader->query.request.kind = LL_REQUEST_RANGE;
    leader->query.request.range.limit = 1;
    leader->query.request.range.sort = LL_SORT_OLDEST_FIRST;
    return ll_query_run(user, &leader->query, timeout_ms, LL_ENDPOINT_ANY,
                        done == NULL, reterr);
}

int leaselock_leader(leaselock_client *user,
                     const char *name,
                     int timeout_ms,
                     struct leaselock_leader_info **ret_leader,
                     struct leaselock_error *reterr)
{
    return leader_run(user, name, timeout_ms, ret_leader, NULL, NULL, reterr);
}

int leaselock_leader_async(leaselock_client *user,
                           const char *name,
                           int timeout_ms,
                           struct leaselock_leader_info **ret_leader,
                           leaselock_done_fn *done,
                           void *arg,
                           struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return leader_run(user, name, timeout_ms, ret_leader, done, arg, reterr);
}
