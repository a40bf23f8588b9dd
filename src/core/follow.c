/* SPDX-License-Identifier: Apache-2.0 */
#include "core/follow.h"

#include <string.h>

#include "base/alloc.h"
#include "leaselock/status.h"

void ll_follow_turn(struct ll_core *core,
                    struct ll_follow *follow,
                    enum ll_follow_state state)
{
    follow->state = state;
    follow->state_due = true;
    ll_object_report(core, &follow->object);
}

static void follow_forget_page(struct ll_follow *follow)
{
    ll_free(follow->next);
    follow->next = NULL;
    follow->next_size = 0;
}

void ll_follow_load(struct ll_core *core,
                    struct ll_follow *follow,
                    int64_t at_ns)
{
    follow->load_revision = 0;
    follow->checked_revision = 0;
    follow->suspect_revision = 0;
    follow->check_ns = LL_NEVER;
    follow_forget_page(follow);
    ll_watch_drop(core, &follow->watch);
    ll_call_at(core, &follow->object, at_ns);
    ll_object_reschedule(core, &follow->object);
    ll_follow_turn(core, follow, LL_FOLLOW_LOAD);
}

void ll_follow_fail(struct ll_core *core, struct ll_follow *follow, int status)
{
    follow->failure_due = true;
    follow->failure = status;
    ll_follow_load(core, follow, core->now_ns + LL_FOLLOW_FAILED_NS);
}

static void
follow_plan(struct ll_core *core, struct ll_follow *follow, int64_t at_ns)
{
    follow->check_ns = at_ns;
    ll_object_reschedule(core, &follow->object);
}

static void follow_plan_check(struct ll_core *core, struct ll_follow *follow)
{
    follow->suspect_revision = 0;
    follow_plan(core, follow,
                core->now_ns + LL_FOLLOW_CHECK_NS * 4 / 5 +
                    ll_random_below(&core->random, LL_FOLLOW_CHECK_NS * 2 / 5));
}

void ll_follow_check(struct ll_core *core, struct ll_follow *follow)
{
    follow->check_ns = LL_NEVER;
    follow->object.failures = 0;
    ll_call_at(core, &follow->object, core->now_ns);
    ll_object_reschedule(core, &follow->object);
}

int ll_follow_start(struct ll_core *core, const struct ll_event *event)
{
    struct ll_object *known = ll_object_find(core, event->id, &ll_follow_ops);
    struct ll_follow *follow;

    if (known != NULL && ll_follow_of(known)->state == LL_FOLLOW_GONE) {
        return LEASELOCK_E_STATE;
    }
    if (known != NULL) {
        ll_follow_load(core, ll_follow_of(known),
                       core->now_ns + LL_WATCH_REFUSED_PAUSE_NS);
        return 0;
    }
    if (event->follow.from.size > LL_PREFIX_MAX ||
        event->follow.end.size > LL_PREFIX_MAX) {
        return LEASELOCK_E_NAME;
    }
    if (core->follows.n >= LL_FOLLOWS_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    follow = ll_alloc_zero(1, sizeof(*follow));
    if (follow == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &follow->object, &ll_follow_ops, event->id)) {
        ll_free(follow);
        return LEASELOCK_E_NOMEM;
    }
    core->follows.n++;
    ll_link_init(&follow->link);
    ll_link_append(&core->follows.list, &follow->link);
    ll_watch_init(&follow->watch, &follow->object, LL_WATCH_OWN);
    follow->from_size = event->follow.from.size;
    memcpy(follow->from, event->follow.from.data, follow->from_size);
    follow->end_size = event->follow.end.size;
    memcpy(follow->end, event->follow.end.data, follow->end_size);
    follow->page = LL_FOLLOW_PAGE;
    ll_follow_load(core, follow, core->now_ns);
    return 0;
}

static void follow_on_cluster(struct ll_core *core, struct ll_object *object)
{
    struct ll_follow *follow = ll_follow_of(object);

    follow->revision = 0;
    follow->looks_back = false;
    ll_follow_fail(core, follow, LEASELOCK_E_SERVER);
}

int ll_follow_end(struct ll_core *core, const struct ll_event *event)
{
    struct ll_object *object = ll_object_find(core, event->id, &ll_follow_ops);
    struct ll_follow *follow;

    if (object == NULL) {
        return LEASELOCK_E_HANDLE;
    }
    follow = ll_follow_of(object);
    if (follow->state == LL_FOLLOW_GONE) {
        return LEASELOCK_E_STATE;
    }
    follow->state = LL_FOLLOW_GONE;
    ll_link_remove(&follow->link);
    follow->loaded = NULL;
    follow->changes_n = 0;
    follow->state_due = false;
    follow->failure_due = false;
    follow->end_due = true;
    follow->check_ns = LL_NEVER;
    ll_call_none(core, &follow->object);
    ll_watch_drop(core, &follow->watch);
    ll_object_report(core, &follow->object);
    ll_object_reschedule(core, &follow->object);
    return 0;
}

static void follow_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_follow *follow = ll_follow_of(object);

    if (core->now_ns >= follow->check_ns) {
        ll_follow_check(core, follow);
    }
}

static int64_t follow_deadline_ns(const struct ll_core *core,
                                  struct ll_object *object)
{
    (void)core;
    return ll_follow_of(object)->check_ns;
}

static void follow_build(struct ll_core *core,
                         struct ll_object *object,
                         struct ll_part *part,
                         struct ll_request *ret_request)
{
    struct ll_follow *follow = ll_follow_of(object);
    struct ll_range *range = &ret_request->range;

    (void)core;
    (void)part;
    follow->asked_revision = follow->revision;
    ret_request->kind = LL_REQUEST_RANGE;
    *range = (struct ll_range){
        .key = {follow->from, follow->from_size},
        .end = {follow->end, follow->end_size},
    };
    if (follow->state != LL_FOLLOW_LOAD) {
        range->count_only = true;
        return;
    }
    range->limit = follow->page;
    range->revision = follow->load_revision;
    if (follow->next != NULL) {
        range->key = (struct ll_bytes){follow->next, follow->next_size};
    }
}

/** An answer is older than what was seen when it was asked for. */
static void follow_on_older(struct ll_core *core,
                            struct ll_follow *follow,
                            int64_t revision)
{
    if (!follow->looks_back) {
        follow->looks_back = true;
        ll_call_at(core, &follow->object, core->now_ns + LL_FOLLOW_RECHECK_NS);
        return;
    }
    ll_core_log(core, LL_LOG_STORE_WENT_BACK, ll_log_none(),
                "the store went back from revision %lld to %lld: a snapshot "
                "was restored, or the data directory emptied",
                (long long)follow->revision, (long long)revision);
    follow->looks_back = false;
    follow->revision = 0;
    ll_follow_load(core, follow, core->now_ns);
}

/** Keeps where the page behind this one begins; false: out of memory. */
static bool follow_keep_next(struct ll_follow *follow, struct ll_bytes last)
{
    char *next = ll_alloc_copy(last.data, last.size);

    if (next == NULL) {
        return false;
    }
    ll_free(follow->next);
    follow->next = next;
    follow->next_size = last.size + 1; /* with the NUL: the next possible key */
    return true;
}

static void follow_loaded(struct ll_core *core,
                          struct ll_follow *follow,
                          const struct ll_answer *answer)
{
    const struct ll_range_answer *range = &answer->range;
    bool is_first = follow->load_revision == 0;
    bool is_last = !range->more || range->kvs_n == 0;

    if (is_first && answer->revision < follow->revision) {
        follow_on_older(core, follow, answer->revision);
        return;
    }
    if (is_first) {
        follow->looks_back = false;
        follow->load_revision = answer->revision;
        follow->count = 0;
    }
    follow->count += (int64_t)range->kvs_n;
    if (follow->count > LL_FOLLOW_KEYS_MAX ||
        (is_first && range->count > LL_FOLLOW_KEYS_MAX)) {
        ll_follow_fail(core, follow, LEASELOCK_E_LIMIT);
        return;
    }
    if (!is_last &&
        !follow_keep_next(follow, range->kvs[range->kvs_n - 1].key)) {
        ll_follow_load(core, follow, core->now_ns + LL_WATCH_REFUSED_PAUSE_NS);
        return;
    }
    follow->loaded = range;
    follow->loaded_first = is_first;
    ll_object_report(core, &follow->object);
    if (!is_last) {
        ll_call_at(core, &follow->object, core->now_ns);
        return;
    }
    follow_forget_page(follow);
    follow->revision = follow->load_revision;
    ll_follow_turn(core, follow, LL_FOLLOW_WATCH);
    if (follow->watch.state == LL_WATCH_OFF) {
        ll_watch_want(core, &follow->watch);
    }
    follow_plan_check(core, follow);
}

static void follow_checked(struct ll_core *core,
                           struct ll_follow *follow,
                           const struct ll_answer *answer)
{
    int64_t count = answer->range.count;
    /* The watch has passed that revision while the check was in flight. */
    bool is_passed = answer->revision < follow->revision;
    /* While it is down, it is no wonder. */
    bool differs = !is_passed && count != follow->count &&
                   follow->watch.state == LL_WATCH_ON;

    if (answer->revision < follow->asked_revision) {
        follow_on_older(core, follow, answer->revision);
        return;
    }
    follow->looks_back = false;
    if (differs && (answer->revision == follow->revision ||
                    follow->suspect_revision == follow->revision)) {
        /* The watch has missed something up to here; or it has reported nothing
         * for a second of what is in the store. */
        ll_follow_load(core, follow, core->now_ns);
        return;
    }
    if (!is_passed) {
        /* Compared exactly when the watch passes that revision. */
        follow->checked_revision = answer->revision;
        follow->checked_count = count;
    }
    if (differs && follow->suspect_revision == 0) {
        follow->suspect_revision = follow->revision;
        follow_plan(core, follow, core->now_ns + LL_FOLLOW_RECHECK_NS);
    } else {
        follow_plan_check(core, follow);
    }
    ll_follow_turn(core, follow,
                   follow->watch.state == LL_WATCH_ON ? LL_FOLLOW_WATCH
                                                      : follow->state);
}

static void follow_unanswered(struct ll_core *core,
                              struct ll_follow *follow,
                              const struct ll_answer *answer)
{
    if (follow->state == LL_FOLLOW_LOAD && follow->page > 1 &&
        answer->grpc_status == LL_GRPC_RESOURCE_EXHAUSTED &&
        answer->outcome == LL_OUTCOME_LOST) {
        follow->page /= 2;
        ll_call_at(core, &follow->object, core->now_ns);
        return;
    }
    if (follow->state == LL_FOLLOW_WATCH) {
        ll_follow_turn(core, follow, LL_FOLLOW_LOST);
    }
    ll_call_again(core, &follow->object, answer->outcome);
}

static void follow_failed(struct ll_core *core, struct ll_follow *follow)
{
    if (follow->state == LL_FOLLOW_LOAD && follow->load_revision != 0) {
        ll_follow_load(core, follow, core->now_ns + LL_WATCH_REFUSED_PAUSE_NS);
    } else {
        ll_follow_fail(core, follow, LEASELOCK_E_SERVER);
    }
}

static void follow_on_answer(struct ll_core *core,
                             struct ll_object *object,
                             const struct ll_answer *answer,
                             const struct ll_event *event)
{
    struct ll_follow *follow = ll_follow_of(object);

    (void)event;
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        if (answer->kind != LL_REQUEST_RANGE) {
            ll_keep_failure(core, core->endpoints.current, -1,
                            "the answer does not fit the request");
            follow_failed(core, follow);
        } else if (follow->state == LL_FOLLOW_LOAD) {
            follow_loaded(core, follow, answer);
        } else {
            follow_checked(core, follow, answer);
        }
        break;
    case LL_OUTCOME_LOST:
    case LL_OUTCOME_AGAIN:
        follow_unanswered(core, follow, answer);
        break;
    case LL_OUTCOME_REFUSED:
        ll_follow_fail(core, follow, LEASELOCK_E_REFUSED);
        break;
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        follow_failed(core, follow);
        break;
    }
}

static void follow_free(struct ll_object *object)
{
    ll_free(ll_follow_of(object)->next);
    ll_free(ll_follow_of(object));
}

/** Draws what the step has to report; false: nothing. */
static bool follow_draw(struct ll_core *core,
                        struct ll_follow *follow,
                        struct ll_effect *effect)
{
    if (follow->loaded != NULL) {
        effect->followed.kind = LL_FOLLOWED_PAGE;
        effect->followed.kvs = follow->loaded->kvs;
        effect->followed.kvs_n = follow->loaded->kvs_n;
        effect->followed.is_first = follow->loaded_first;
        effect->followed.is_last = follow->state != LL_FOLLOW_LOAD;
        effect->followed.revision = follow->load_revision;
        follow->loaded = NULL;
    } else if (follow->changes_n > 0) {
        effect->followed.kind = LL_FOLLOWED_CHANGES;
        effect->followed.events = follow->changes;
        effect->followed.events_n = follow->changes_n;
        effect->followed.revision = follow->revision;
        follow->changes_n = 0;
    } else if (follow->state_due) {
        effect->followed.kind =
            follow->state == LL_FOLLOW_LOAD   ? LL_FOLLOWED_LOADING
            : follow->state == LL_FOLLOW_LOST ? LL_FOLLOWED_LOST
                                              : LL_FOLLOWED_CURRENT;
        effect->followed.revision = follow->revision;
        follow->state_due = false;
    } else if (follow->failure_due) {
        effect->followed.kind = LL_FOLLOWED_FAILED;
        effect->followed.detail = ll_detail_of(core, follow->failure, "");
        follow->failure_due = false;
    } else if (follow->end_due) {
        effect->followed.kind = LL_FOLLOWED_END;
        follow->end_due = false;
    } else {
        return false;
    }
    return true;
}

static bool follow_next(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_effect *ret_effect)
{
    struct ll_follow *follow = ll_follow_of(object);

    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_FOLLOWED,
                                     .id = follow->object.entry.id};
    ret_effect->followed.detail =
        (struct ll_detail){0, -1, LL_ENDPOINT_ANY, ""};
    if (follow_draw(core, follow, ret_effect)) {
        return true;
    }
    ll_link_remove(&follow->object.pending);
    if (follow->state == LL_FOLLOW_GONE &&
        follow->watch.state == LL_WATCH_OFF) {
        core->follows.n--;
        ll_object_leave(core, &follow->object);
        follow_free(&follow->object);
    }
    return false;
}

const struct ll_object_ops ll_follow_ops = LL_OBJECT_OPS(follow_free,
                                                         follow_on_time,
                                                         follow_deadline_ns,
                                                         follow_build,
                                                         follow_on_answer,
                                                         follow_next,
                                                         NULL,
                                                         NULL,
                                                         follow_on_cluster,
                                                         NULL,
                                                         NULL,
                                                         &ll_follow_watch_ops);
