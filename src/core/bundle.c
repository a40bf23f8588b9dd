#include "core/bundle.h"

#include <string.h>

#include "base/alloc.h"
#include "core/blocker.h"
#include "core/search.h"
#include "leaselock/status.h"

static void tell_acquired(struct ll_core *core,
                          struct ll_bundle *bundle,
                          int status,
                          const char *why)
{
    bundle->acquire_told = true;
    bundle->acquired_due = true;
    bundle->acquire_status = status;
    bundle->why = why;
    bundle->timeout_ns = LL_NEVER;
    ll_search_end(core, bundle->search);
    ll_tell(core, &bundle->object);
    ll_object_reschedule(core, &bundle->object);
}

/** Whether the fate of the keys hangs on an answer. */
static bool awaits(const struct ll_bundle *bundle)
{
    return bundle->state == LL_BUNDLE_ENQUEUE && bundle->object.in_flight;
}

static bool has_parts(const struct ll_bundle *bundle)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] != NULL) {
            return true;
        }
    }
    return false;
}

/** Whether its session ended it: all that is left are watches. */
static bool is_gone(const struct ll_bundle *bundle)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] != NULL &&
            bundle->parts[i]->state != LL_TICKET_GONE) {
            return false;
        }
    }
    return true;
}

/** Lets every part leave its queue. */
static void drop_parts(struct ll_core *core, struct ll_bundle *bundle)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] != NULL) {
            bundle->parts[i]->lost_tries = bundle->lost_tries;
            ll_ticket_drop(core, bundle->parts[i]);
        }
    }
}

static void bundle_fail(struct ll_core *core,
                        struct ll_bundle *bundle,
                        int status,
                        const char *why)
{
    if (!bundle->acquire_told) {
        tell_acquired(core, bundle, status, why);
    }
    if (!awaits(bundle)) {
        ll_call_none(core, &bundle->object);
        drop_parts(core, bundle);
    }
}

void ll_bundle_fail_deadlock(struct ll_core *core,
                             struct ll_bundle *bundle,
                             const struct ll_ticket *part)
{
    bundle->fault = part;
    bundle_fail(core, bundle, LEASELOCK_E_DEADLOCK, "");
}

static void bundle_free(struct ll_object *object)
{
    struct ll_bundle *bundle = ll_bundle_of(object);

    ll_free(bundle->value);
    ll_free(bundle->compares);
    ll_free(bundle->then_ops);
    ll_free(bundle->else_ops);
    ll_free(bundle->ends);
    ll_free(bundle);
}

static struct ll_bundle *bundle_new(const struct ll_event *event)
{
    size_t n = event->acquire_all.names_n;
    struct ll_bundle *bundle =
        ll_alloc_zero(1, sizeof(*bundle) + n * sizeof(bundle->parts[0]));

    if (bundle == NULL) {
        return NULL;
    }
    bundle->value = ll_alloc_copy(event->acquire_all.value.data,
                                  event->acquire_all.value.size);
    bundle->value_size = event->acquire_all.value.size;
    bundle->compares = ll_alloc_zero(n, sizeof(*bundle->compares));
    bundle->then_ops = ll_alloc_zero(2 * n, sizeof(*bundle->then_ops));
    bundle->else_ops = ll_alloc_zero(n, sizeof(*bundle->else_ops));
    bundle->ends = ll_alloc_zero(n, LL_PREFIX_MAX);
    if (bundle->value == NULL || bundle->compares == NULL ||
        bundle->then_ops == NULL || bundle->else_ops == NULL ||
        bundle->ends == NULL) {
        bundle_free(&bundle->object);
        return NULL;
    }
    bundle->timeout_ns = LL_NEVER;
    bundle->release_ns = LL_NEVER;
    bundle->why = "";
    return bundle;
}

/** Whether a name is another's, or the beginning of its path. */
static bool is_above(struct ll_bytes upper, struct ll_bytes lower)
{
    return lower.size >= upper.size &&
           memcmp(upper.data, lower.data, upper.size) == 0 &&
           (lower.size == upper.size || lower.data[upper.size] == '/');
}

static int check_names(const struct ll_event *event)
{
    const struct ll_bytes *names = event->acquire_all.names;
    size_t n = event->acquire_all.names_n;

    if (n == 0) {
        return LEASELOCK_E_ARGUMENT;
    }
    if (n > LL_NAMES_MAX || event->acquire_all.value.size > LL_VALUE_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    for (size_t i = 0; i < n; i++) {
        if (ll_name_check(names[i]) != NULL) {
            return LEASELOCK_E_NAME;
        }
        for (size_t j = 0; j < n; j++) {
            if (i != j && is_above(names[i], names[j])) {
                return names[i].size == names[j].size ? LEASELOCK_E_ARGUMENT
                                                      : LEASELOCK_E_NESTED;
            }
        }
    }
    return 0;
}

/** Takes back the parts of a bundle that cannot be made. */
static void unmake(struct ll_core *core, struct ll_bundle *bundle)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] != NULL) {
            ll_ticket_discard(core, bundle->parts[i]);
        }
    }
    bundle_free(&bundle->object);
}

static int make_parts(struct ll_core *core,
                      struct ll_bundle *bundle,
                      struct ll_session *session,
                      const struct ll_event *event)
{
    bundle->parts_n = event->acquire_all.names_n;
    for (size_t i = 0; i < bundle->parts_n; i++) {
        int status =
            ll_ticket_make_part(core, session, event->acquire_all.names[i],
                                event->id + 1 + i, &bundle->parts[i]);

        if (status != 0) {
            return status;
        }
        bundle->parts[i]->bundle = bundle;
        bundle->parts[i]->guard_ms = ll_guard_ms(event->acquire_all.guard_ns);
    }
    return 0;
}

/** The Txn: as that of one ticket (see ticket_call.c), for each part. */
static void make_txn(struct ll_bundle *bundle)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        const struct ll_ticket *part = bundle->parts[i];
        char *end = bundle->ends + i * LL_PREFIX_MAX;
        struct ll_range queue = {
            .key = ll_ticket_prefix(part), .limit = 1, .keys_only = true};
        struct ll_op put = {
            .kind = LL_OP_PUT,
            .put = {.key = ll_ticket_key(part),
                    .value = {bundle->value, bundle->value_size},
                    .lease = part->session->lease}};

        queue.end = ll_prefix_end(queue.key, end);
        queue.sort = bundle->once ? LL_SORT_OLDEST_FIRST : LL_SORT_NEWEST_FIRST;
        bundle->compares[i] =
            (struct ll_compare){.key = bundle->once ? queue.key : put.put.key,
                                .target = LL_COMPARE_CREATE_REVISION,
                                .result = LL_COMPARE_EQUAL};
        if (bundle->once) {
            bundle->compares[i].end = queue.end;
            queue.keys_only = false; /* for the message */
            bundle->then_ops[i] = put;
            bundle->else_ops[i] =
                (struct ll_op){.kind = LL_OP_RANGE, .range = queue};
        } else {
            bundle->then_ops[2 * i] =
                (struct ll_op){.kind = LL_OP_RANGE, .range = queue};
            bundle->then_ops[2 * i + 1] = put;
            bundle->else_ops[i] = (struct ll_op){
                .kind = LL_OP_RANGE,
                .range = {.key = put.put.key, .keys_only = true}};
        }
    }
}

int ll_bundle_acquire(struct ll_core *core, const struct ll_event *event)
{
    struct ll_session *session = NULL;
    struct ll_bundle *bundle;
    int status = check_names(event);

    if (status == 0) {
        status = ll_ticket_find_session(core, event->acquire_all.session,
                                        event->acquire_all.early &&
                                            event->acquire_all.timeout_ns != 0,
                                        &session);
    }
    if (status != 0) {
        return status;
    }
    bundle = bundle_new(event);
    if (bundle == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    status = make_parts(core, bundle, session, event);
    if (status == 0 &&
        !ll_object_enter(core, &bundle->object, &ll_bundle_ops, event->id)) {
        status = LEASELOCK_E_NOMEM;
    }
    if (status == 0 && event->acquire_all.search) {
        status = ll_search_begin(core, NULL, bundle,
                                 event->id + 1 + bundle->parts_n);
        if (status != 0) {
            ll_object_leave(core, &bundle->object);
        }
    }
    if (status != 0) {
        unmake(core, bundle);
        return status;
    }
    if (event->acquire_all.timeout_ns == 0) {
        bundle->once = true;
        bundle->timeout_ns = ll_after(core->now_ns, ll_try_time_ns(core));
    } else if (event->acquire_all.timeout_ns > 0) {
        bundle->timeout_ns =
            ll_after(core->now_ns, event->acquire_all.timeout_ns);
    }
    make_txn(bundle);
    ll_call_at(core, &bundle->object,
               ll_ticket_begin_ns(core, session, event->acquire_all.delay_ns));
    ll_object_reschedule(core, &bundle->object);
    return 0;
}

void ll_bundle_on_session_open(struct ll_core *core, struct ll_bundle *bundle)
{
    /* Each part comes here. */
    if (bundle->state == LL_BUNDLE_ENQUEUE && !bundle->acquire_told &&
        bundle->object.seq == 0) {
        ll_call_at(core, &bundle->object, core->now_ns);
        ll_object_reschedule(core, &bundle->object);
    }
}

static void bundle_build(struct ll_core *core,
                         struct ll_object *object,
                         struct ll_part *part,
                         struct ll_request *ret_request)
{
    struct ll_bundle *bundle = ll_bundle_of(object);

    (void)core;
    (void)part;
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn = (struct ll_txn){
        .compares = bundle->compares,
        .compares_n = bundle->parts_n,
        .then_ops = bundle->then_ops,
        .then_n = bundle->once ? bundle->parts_n : 2 * bundle->parts_n,
        .else_ops = bundle->else_ops,
        .else_n = bundle->parts_n};
}

static const struct ll_range_answer *
range_at(const struct ll_txn_answer *answer, size_t at)
{
    return at < answer->ops_n && answer->ops[at].kind == LL_OP_RANGE
               ? &answer->ops[at].range
               : NULL;
}

/** A part that waits for the answer, as long as its session lives; or NULL. */
static struct ll_ticket *part_at(const struct ll_bundle *bundle, size_t i)
{
    struct ll_ticket *part = bundle->parts[i];

    return part != NULL && part->state == LL_TICKET_ENQUEUE ? part : NULL;
}

/** Readies a part for what the answer says of its key: one of a bundle that
 *  was given up in the meantime only leaves again. */
static void part_ready(const struct ll_bundle *bundle, struct ll_ticket *part)
{
    part->lost_tries = bundle->lost_tries;
    if (bundle->acquire_told) {
        part->acquire_told = true;
        part->acquire_status = LEASELOCK_E_CANCELED;
    }
}

/** Every key has been made, at one revision. */
static void bundle_enqueued(struct ll_core *core,
                            struct ll_bundle *bundle,
                            const struct ll_answer *answer)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (part_at(bundle, i) != NULL) {
            part_ready(bundle, bundle->parts[i]);
            ll_ticket_enqueued(core, bundle->parts[i],
                               bundle->once ? NULL
                                            : range_at(&answer->txn, 2 * i),
                               bundle->once, answer->revision);
        }
    }
}

/** Whether a range shows a part's own key. */
static bool shows_own(const struct ll_range_answer *range,
                      const struct ll_ticket *part)
{
    return range->kvs_n > 0 &&
           ll_bytes_equal(range->kvs[0].key, ll_ticket_key(part)) &&
           range->kvs[0].lease == part->session->lease;
}

/** The keys are there, as an earlier try made them: what is missing has been
 *  deleted since. */
static void bundle_found(struct ll_core *core,
                         struct ll_bundle *bundle,
                         const struct ll_answer *answer)
{
    bundle->lost_tries -= bundle->lost_tries > 0 ? 1 : 0;
    for (size_t i = 0; i < bundle->parts_n; i++) {
        struct ll_ticket *part = part_at(bundle, i);
        const struct ll_range_answer *range = range_at(&answer->txn, i);

        if (part != NULL) {
            part_ready(bundle, part);
            ll_ticket_found(
                core, part,
                range != NULL && shows_own(range, part) ? &range->kvs[0] : NULL,
                bundle->once, answer->revision);
        }
    }
}

/** A try: one of the locks is not free. */
static void bundle_not_free(struct ll_core *core,
                            struct ll_bundle *bundle,
                            const struct ll_answer *answer)
{
    int status = LEASELOCK_E_TIMEOUT;

    for (size_t i = 0; i < bundle->parts_n; i++) {
        const struct ll_range_answer *range = range_at(&answer->txn, i);

        if (range != NULL && range->kvs_n > 0 && part_at(bundle, i) != NULL &&
            ll_ticket_note_blocked(bundle->parts[i], &range->kvs[0])) {
            bundle->fault = bundle->parts[i];
            status = LEASELOCK_E_NESTED;
        }
        if (range != NULL && range->kvs_n > 0 && part_at(bundle, i) != NULL) {
            ll_ticket_see_holder(bundle->parts[i], &range->kvs[0]);
        }
    }
    bundle_fail(core, bundle, status, "");
}

static bool any_own(const struct ll_bundle *bundle,
                    const struct ll_answer *answer)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        const struct ll_range_answer *range = range_at(&answer->txn, i);

        if (range != NULL && part_at(bundle, i) != NULL &&
            shows_own(range, bundle->parts[i])) {
            return true;
        }
    }
    return false;
}

static void bundle_on_ok(struct ll_core *core,
                         struct ll_bundle *bundle,
                         const struct ll_answer *answer)
{
    bool made = answer->kind == LL_REQUEST_TXN && answer->txn.succeeded;

    if (!made && (answer->kind != LL_REQUEST_TXN || !any_own(bundle, answer))) {
        if (bundle->acquire_told) {
            drop_parts(core, bundle);
        } else if (bundle->once && answer->kind == LL_REQUEST_TXN) {
            bundle_not_free(core, bundle, answer);
        } else {
            ll_keep_failure(core, core->endpoint, -1,
                            "the answer does not fit the request");
            bundle_fail(core, bundle, LEASELOCK_E_SERVER, "");
        }
        return;
    }
    bundle->state = LL_BUNDLE_QUEUED;
    if (made) {
        bundle_enqueued(core, bundle, answer);
    } else {
        bundle_found(core, bundle, answer);
    }
}

static void bundle_on_answer(struct ll_core *core,
                             struct ll_object *object,
                             const struct ll_answer *answer,
                             const struct ll_event *event)
{
    struct ll_bundle *bundle = ll_bundle_of(object);

    (void)event;
    bundle->answered_once |= answer->outcome != LL_OUTCOME_LOST;
    if (is_gone(bundle)) {
        /* Its session has ended: the parts tell so. */
        ll_tell(core, &bundle->object);
        return;
    }
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        bundle_on_ok(core, bundle, answer);
        break;
    case LL_OUTCOME_LOST:
        bundle->lost_tries++;
        /* fall through */
    case LL_OUTCOME_AGAIN:
        if (bundle->acquire_told) {
            drop_parts(core, bundle);
        } else {
            ll_call_again(core, &bundle->object, answer->outcome);
        }
        break;
    case LL_OUTCOME_NO_LEASE:
        for (size_t i = 0; i < bundle->parts_n; i++) {
            if (part_at(bundle, i) != NULL &&
                ll_session_is_alive(bundle->parts[i]->session)) {
                ll_session_lose(core, bundle->parts[i]->session,
                                "etcd does not know the lease any more");
            }
        }
        break;
    case LL_OUTCOME_REFUSED:
        bundle_fail(core, bundle, LEASELOCK_E_REFUSED, "");
        break;
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        bundle_fail(core, bundle, LEASELOCK_E_SERVER, "");
        break;
    }
    ll_tell(core, &bundle->object);
}

/** When the holders are to be read of those locks that others hold. */
static int64_t bundle_ask_ns(const struct ll_bundle *bundle)
{
    return bundle->state == LL_BUNDLE_QUEUED && !bundle->asked &&
                   bundle->timeout_ns != LL_NEVER
               ? bundle->timeout_ns - LL_ASK_NS
               : LL_NEVER;
}

/** Whether it was asked for early, and its session is not open yet. */
static bool waits_for_session(const struct ll_bundle *bundle)
{
    return bundle->parts[0] != NULL && bundle->parts[0]->session != NULL &&
           ll_session_is_opening(bundle->parts[0]->session);
}

static void bundle_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_bundle *bundle = ll_bundle_of(object);
    bool unreached = bundle->state == LL_BUNDLE_ENQUEUE &&
                     !bundle->answered_once &&
                     (bundle->once || bundle->object.failures > 0 ||
                      bundle->lost_tries > 0 || waits_for_session(bundle));

    if (core->now_ns >= bundle->release_ns) {
        bundle->release_ns = LL_NEVER;
        if (!bundle->release_over) {
            /* What the answer shows is deleted all the same. */
            bundle->release_over = true;
            bundle->released_due = true;
            bundle->release_status = LEASELOCK_E_OUTCOME_UNKNOWN;
            ll_tell(core, &bundle->object);
        }
    }
    if (core->now_ns >= bundle_ask_ns(bundle)) {
        bundle->asked = true;
        for (size_t i = 0; i < bundle->parts_n; i++) {
            if (bundle->parts[i] != NULL) {
                ll_ticket_ask_holder(core, bundle->parts[i]);
            }
        }
    }
    if (core->now_ns < bundle->timeout_ns) {
        return;
    }
    if (unreached && bundle->object.failures == 0 && bundle->lost_tries == 0 &&
        !waits_for_session(bundle)) {
        ll_note_failure(core, core->endpoint, LL_GRPC_DEADLINE,
                        "no answer in time");
    }
    bundle_fail(core, bundle,
                unreached ? LEASELOCK_E_UNAVAILABLE : LEASELOCK_E_TIMEOUT, "");
}

static int64_t bundle_deadline_ns(const struct ll_core *core,
                                  struct ll_object *object)
{
    struct ll_bundle *bundle = ll_bundle_of(object);

    (void)core;
    return ll_min(ll_min(bundle->timeout_ns, bundle->release_ns),
                  bundle_ask_ns(bundle));
}

int ll_bundle_release(struct ll_core *core,
                      struct ll_bundle *bundle,
                      int64_t timeout_ns)
{
    if (bundle->release_asked || is_gone(bundle) ||
        (bundle->acquire_told && bundle->acquire_status != 0)) {
        return LEASELOCK_E_STATE;
    }
    bundle->release_asked = true;
    if (awaits(bundle)) {
        bundle->release_ns = ll_after(core->now_ns, timeout_ns);
    }
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] != NULL) {
            bundle->parts[i]->release_asked = true;
            bundle->parts[i]->release_ns = ll_after(core->now_ns, timeout_ns);
            ll_ticket_update(core, bundle->parts[i]);
        }
    }
    bundle_fail(core, bundle, LEASELOCK_E_CANCELED, "");
    ll_tell(core, &bundle->object);
    ll_object_reschedule(core, &bundle->object);
    return 0;
}

/** A part's release has ended: the worst is told. */
static void merge_release(struct ll_bundle *bundle, int status)
{
    if (bundle->release_status == 0 || status == LEASELOCK_E_LOST) {
        bundle->release_status = status;
    }
}

/** Whether each part is held now: one may have been lost by the very answer
 *  that let another be held, and have its loss still to be heard. */
static bool all_hold(const struct ll_bundle *bundle)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] == NULL ||
            bundle->parts[i]->state != LL_TICKET_HELD) {
            return false;
        }
    }
    return true;
}

void ll_bundle_hear(struct ll_core *core, struct ll_ticket *part)
{
    struct ll_bundle *bundle = part->bundle;

    if (part->acquired_due) {
        part->acquired_due = false;
        if (bundle != NULL && part->acquire_status != 0) {
            bundle->fault = part;
            bundle->silenced |= part->silenced;
            bundle_fail(core, bundle, part->acquire_status, part->why);
        } else if (bundle != NULL && ++bundle->held_n == bundle->parts_n &&
                   !bundle->acquire_told && all_hold(bundle)) {
            tell_acquired(core, bundle, 0, "");
        }
    }
    if (part->lost_due) {
        part->lost_due = false;
        if (bundle != NULL && !bundle->acquire_told) {
            bundle->silenced |= part->silenced;
            bundle_fail(core, bundle, LEASELOCK_E_LOST, part->why);
        } else if (bundle != NULL && bundle->acquire_status == 0 &&
                   !bundle->lost && !bundle->release_asked) {
            bundle->lost = true;
            bundle->lost_due = true;
            bundle->why = part->why;
        }
    }
    if (part->released_due) {
        part->released_due = false;
        if (bundle != NULL) {
            merge_release(bundle, part->release_status);
        }
    }
    if (bundle != NULL) {
        ll_tell(core, &bundle->object);
    }
}

void ll_bundle_forget(struct ll_core *core, struct ll_ticket *part)
{
    struct ll_bundle *bundle = part->bundle;

    if (bundle == NULL) {
        return;
    }
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] == part) {
            bundle->parts[i] = NULL;
        }
    }
    bundle->fault = bundle->fault == part ? NULL : bundle->fault;
    part->bundle = NULL;
    ll_tell(core, &bundle->object);
}

/** Whether a part still owes the end of its release. */
static bool owes_release(const struct ll_bundle *bundle)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] != NULL && (bundle->parts[i]->release_asked ||
                                         bundle->parts[i]->released_due)) {
            return true;
        }
    }
    return false;
}

/** Whether nobody needs the bundle any more. */
static bool is_over(const struct ll_bundle *bundle)
{
    if (awaits(bundle)) {
        return false;
    }
    if (bundle->release_asked) {
        return bundle->release_over;
    }
    return (bundle->acquire_told && bundle->acquire_status != 0) ||
           !has_parts(bundle);
}

static void bundle_end(struct ll_core *core, struct ll_bundle *bundle)
{
    for (size_t i = 0; i < bundle->parts_n; i++) {
        if (bundle->parts[i] != NULL) {
            bundle->parts[i]->bundle = NULL; /* it goes on by itself */
        }
    }
    ll_object_leave(core, &bundle->object);
    bundle_free(&bundle->object);
}

/** Who stands in the way of the first lock that others are known to hold. */
static struct ll_blocker bundle_blocker(const struct ll_bundle *bundle)
{
    const struct ll_ticket *found = NULL;

    for (size_t i = 0; i < bundle->parts_n; i++) {
        const struct ll_ticket *part = bundle->parts[i];

        if (part != NULL && part->ahead != 0 &&
            (found == NULL || (!found->has_seen && part->has_seen))) {
            found = part;
        }
    }
    return found != NULL ? ll_ticket_blocker(found)
                         : (struct ll_blocker){.ahead = -1};
}

static bool bundle_next(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_effect *ret_effect)
{
    struct ll_bundle *bundle = ll_bundle_of(object);

    *ret_effect = (struct ll_effect){.id = bundle->object.entry.id};
    if (bundle->release_asked && !bundle->release_over && !awaits(bundle) &&
        !owes_release(bundle)) {
        bundle->release_over = true;
        bundle->released_due = true;
        if (bundle->lost) {
            bundle->release_status = LEASELOCK_E_LOST;
        }
    }
    if (bundle->acquired_due) {
        bundle->acquired_due = false;
        ret_effect->kind = LL_EFFECT_ACQUIRED;
        ret_effect->silenced =
            bundle->acquire_status == LEASELOCK_E_LOST && bundle->silenced;
        ret_effect->detail =
            ll_detail_of(core, bundle->acquire_status,
                         bundle->fault != NULL
                             ? ll_ticket_failure_text(core, bundle->fault,
                                                      bundle->acquire_status)
                             : bundle->why);
        ret_effect->acquired.is_blocked =
            bundle->acquire_status == LEASELOCK_E_TIMEOUT;
        ret_effect->acquired.blocker = bundle_blocker(bundle);
        return true;
    }
    if (bundle->lost_due) {
        bundle->lost_due = false;
        ret_effect->kind = LL_EFFECT_LOST;
        ret_effect->lost.why = bundle->why;
        return true;
    }
    if (bundle->released_due) {
        bundle->released_due = false;
        ret_effect->kind = LL_EFFECT_RELEASED;
        ret_effect->detail =
            ll_detail_of(core, bundle->release_status, bundle->why);
        return true;
    }
    ll_link_remove(&bundle->object.telling);
    if (is_over(bundle)) {
        bundle_end(core, bundle);
    }
    return false;
}

const struct ll_object_ops ll_bundle_ops = LL_OBJECT_OPS(bundle_free,
                                                         bundle_on_time,
                                                         bundle_deadline_ns,
                                                         bundle_build,
                                                         bundle_on_answer,
                                                         bundle_next,
                                                         NULL,
                                                         NULL,
                                                         NULL);
