#include "core/search.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "core/multi.h"
#include "core/ticket.h"
#include "leaselock/status.h"

/** The member of the ticket with this number, or NULL when it does not wait. */
static struct ll_ticket *own_at(const struct ll_search *search, size_t i)
{
    if (search->multi != NULL) {
        return i < search->multi->members_n ? search->multi->members[i] : NULL;
    }
    return i == 0 ? search->ticket : NULL;
}

static size_t own_n(const struct ll_search *search)
{
    return search->multi != NULL    ? search->multi->members_n
           : search->ticket != NULL ? 1
                                    : 0;
}

static bool is_waiting(const struct ll_ticket *member)
{
    return member != NULL && member->state == LL_TICKET_WAIT;
}

static void keys_drop(struct ll_search *search)
{
    for (size_t i = 0; i < search->keys_n; i++) {
        ll_free(search->keys[i].text);
    }
    ll_free(search->keys);
    search->keys = NULL;
    search->keys_n = 0;
}

/** Lets go of all that one search has read. */
static void forget(struct ll_search *search)
{
    keys_drop(search);
    for (size_t i = 0; i < search->steps_n; i++) {
        ll_free(search->steps[i].text);
    }
    search->steps_n = 0;
    ll_free(search->steps);
    ll_free(search->ops);
    ll_free(search->compares);
    search->steps = NULL;
    search->ops = NULL;
    search->compares = NULL;
}

/** Waits for the next search. */
static void rest(struct ll_core *core, struct ll_search *search)
{
    int64_t pause_ns;

    forget(search);
    search->state = LL_SEARCH_REST;
    search->pause_ns = ll_min(2 * search->pause_ns, LL_RECHECK_NS);
    pause_ns = search->pause_ns * 4 / 5 +
               ll_random_below(&core->random, search->pause_ns * 2 / 5);
    search->rest_ns = core->now_ns + pause_ns;
    search->object.failures = 0;
    ll_call_none(core, &search->object);
    ll_object_reschedule(core, &search->object);
}

static void
ask(struct ll_core *core, struct ll_search *search, enum ll_search_state state)
{
    search->state = state;
    search->object.failures = 0;
    ll_call_at(core, &search->object, core->now_ns);
    ll_object_reschedule(core, &search->object);
}

/** Adds a wait for a lease; false: out of memory. The search goes no further
 *  than it has room. */
static bool step_add(struct ll_search *search,
                     size_t root,
                     size_t from,
                     const struct ll_search_key *key,
                     const struct ll_kv *ahead)
{
    struct ll_search_step *step = &search->steps[search->steps_n];
    struct ll_bytes waits = key != NULL ? key->key : (struct ll_bytes){NULL, 0};

    for (size_t i = 0; i < search->steps_n; i++) {
        if (search->steps[i].lease == ahead->lease &&
            search->steps[i].root == root) {
            return true;
        }
    }
    if (search->steps_n == LL_SEARCH_LEASES_MAX || ahead->lease == 0) {
        return true;
    }
    *step = (struct ll_search_step){.root = root,
                                    .from = from,
                                    .lease = ahead->lease,
                                    .ahead_created = ahead->create_revision};
    step->text = ll_alloc(ahead->key.size + waits.size + 1);
    if (step->text == NULL) {
        return false;
    }
    memcpy(step->text, ahead->key.data, ahead->key.size);
    step->ahead = (struct ll_bytes){step->text, ahead->key.size};
    if (key != NULL) {
        memcpy(step->text + ahead->key.size, waits.data, waits.size);
        step->waits =
            (struct ll_bytes){step->text + ahead->key.size, waits.size};
        step->waits_created = key->created;
    }
    search->steps_n++;
    return true;
}

static struct ll_compare
compare(struct ll_bytes key, enum ll_compare_target target, int64_t number)
{
    return (struct ll_compare){.key = key,
                               .target = target,
                               .result = LL_COMPARE_EQUAL,
                               .number = number};
}

/** Asks etcd to mark the ticket, as the one of the circle that ends with the
 *  newest step; or rests, when the circle is too long. */
static void mark(struct ll_core *core, struct ll_search *search)
{
    size_t n = 0;
    size_t ops_n = 0;
    size_t length = 0;

    for (size_t at = search->steps_n; at != 0;
         at = search->steps[at - 1].from) {
        const struct ll_search_step *step = &search->steps[at - 1];

        if (++length > LL_SEARCH_CIRCLE_MAX) {
            ll_core_log(core, 1,
                        "a deadlock of more than %d sessions is not "
                        "broken up",
                        LL_SEARCH_CIRCLE_MAX);
            rest(core, search);
            return;
        }
        if (step->waits.size > 0) {
            search->compares[n++] = compare(
                step->waits, LL_COMPARE_MOD_REVISION, step->waits_created);
        }
        search->compares[n++] = compare(step->ahead, LL_COMPARE_CREATE_REVISION,
                                        step->ahead_created);
    }
    for (size_t i = 0; i < own_n(search); i++) {
        const struct ll_ticket *member = own_at(search, i);

        if (member != NULL) {
            search->compares[n++] =
                compare(ll_ticket_key(member), LL_COMPARE_CREATE_REVISION,
                        member->token);
            search->ops[ops_n++] = (struct ll_op){
                .kind = LL_OP_PUT,
                .put = {.key = ll_ticket_key(member), .keep = true}};
        }
    }
    for (size_t i = 0; i < ops_n; i++) {
        search->ops[ops_n + i] = (struct ll_op){
            .kind = LL_OP_RANGE,
            .range = {.key = search->ops[i].put.key, .keys_only = true}};
    }
    search->txn = (struct ll_txn){.compares = search->compares,
                                  .compares_n = n,
                                  .then_ops = search->ops,
                                  .then_n = ops_n,
                                  .else_ops = search->ops + ops_n,
                                  .else_n = ops_n};
    search->mark_lost = false;
    ask(core, search, LL_SEARCH_MARK);
}

/** Goes on with the next lease, if there is one. */
static void go_on(struct ll_core *core, struct ll_search *search)
{
    keys_drop(search);
    if (search->step == search->steps_n) {
        rest(core, search);
    } else {
        ask(core, search, LL_SEARCH_KEYS);
    }
}

/** Begins with the leases that stand right before the ticket. */
static void set_out(struct ll_core *core, struct ll_search *search)
{
    search->steps = ll_alloc_zero(LL_SEARCH_LEASES_MAX, sizeof(*search->steps));
    search->ops = ll_alloc_zero(LL_SEARCH_OPS_MAX, sizeof(*search->ops));
    search->compares =
        ll_alloc_zero(LL_SEARCH_OPS_MAX, sizeof(*search->compares));
    search->step = 0;
    if (search->steps == NULL || search->ops == NULL ||
        search->compares == NULL) {
        rest(core, search);
        return;
    }
    for (size_t i = 0; i < own_n(search); i++) {
        const struct ll_ticket *member = own_at(search, i);
        struct ll_kv ahead;

        if (!is_waiting(member)) {
            continue;
        }
        ahead =
            (struct ll_kv){.key = {member->ahead_key, member->ahead_key_size},
                           .create_revision = member->ahead_token,
                           .lease = member->ahead_lease};
        if (!step_add(search, i, 0, NULL, &ahead)) {
            rest(core, search);
            return;
        }
        if (ahead.lease == member->session->lease) {
            mark(core, search);
            return;
        }
    }
    go_on(core, search);
}

/** The prefix of the queue that a lease's key stands in; of size 0 where the
 *  key has no such shape. */
static struct ll_bytes queue_of(struct ll_bytes key, int64_t lease)
{
    char text[17];
    size_t size = key.size;
    size_t text_size =
        (size_t)snprintf(text, sizeof(text), "%" PRIx64, (uint64_t)lease);

    while (size > 0 && key.data[size - 1] != '/') {
        size--;
    }
    if (size < 2 || key.size > LL_KEY_MAX || key.size - size < text_size ||
        memcmp(key.data + size, text, text_size) != 0 ||
        (key.size - size > text_size && key.data[size + text_size] != '.')) {
        return (struct ll_bytes){key.data, 0};
    }
    return (struct ll_bytes){key.data, size};
}

/** A copy of a key with room for its range's end behind it; false: out of
 *  memory. */
static bool key_add(struct ll_search *search, struct ll_bytes key, size_t queue)
{
    char *copy = ll_alloc_zero(1, key.size + queue);
    struct ll_search_key *added = &search->keys[search->keys_n];

    assert(search->keys != NULL);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, key.data, key.size);
    *added = (struct ll_search_key){
        .text = copy, .key = {copy, key.size}, .prefix = {copy, queue}};
    added->end = ll_prefix_end(added->prefix, copy + key.size);
    search->keys_n++;
    return true;
}

/** Asks for the next keys that are of interest, as many as one Txn takes: for
 *  themselves, or for what stands right before them; or false, when there are
 *  none. */
static bool read_more(struct ll_core *core, struct ll_search *search)
{
    bool made = search->state == LL_SEARCH_MADE;
    size_t n = 0;

    if (search->keys == NULL) {
        return false;
    }
    for (search->key = search->key_end;
         search->key_end < search->keys_n && n < LL_SEARCH_READS_MAX;
         search->key_end++) {
        const struct ll_search_key *key = &search->keys[search->key_end];
        struct ll_range range = {.key = key->key, .keys_only = true};

        if (!made && key->created == 0) {
            continue;
        }
        if (!made) {
            range.key = key->prefix;
            range.end = key->end;
            range.sort = LL_SORT_NEWEST_FIRST;
            range.limit = 1;
            range.max_create_revision = key->created - 1;
        }
        search->ops[n++] = (struct ll_op){.kind = LL_OP_RANGE, .range = range};
    }
    search->txn = (struct ll_txn){.then_ops = search->ops, .then_n = n};
    if (n > 0) {
        ask(core, search, search->state);
    }
    return n > 0;
}

/** Copies the keys that stand in queues.
 *  @return 0, LEASELOCK_E_NOMEM, or _LIMIT when there are too many */
static int keys_take(struct ll_search *search, const struct ll_answer *answer)
{
    int64_t lease = search->steps[search->step].lease;
    size_t n = 0;

    for (size_t i = 0; i < answer->lease.keys_n; i++) {
        n += queue_of(answer->lease.keys[i], lease).size > 0 ? 1 : 0;
    }
    if (n == 0 || n > LL_SEARCH_KEYS_MAX) {
        return n == 0 ? 0 : LEASELOCK_E_LIMIT;
    }
    search->keys = ll_alloc_zero(n, sizeof(*search->keys));
    if (search->keys == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (size_t i = 0; i < answer->lease.keys_n; i++) {
        struct ll_bytes queue = queue_of(answer->lease.keys[i], lease);

        if (queue.size > 0 &&
            !key_add(search, answer->lease.keys[i], queue.size)) {
            return LEASELOCK_E_NOMEM;
        }
    }
    return 0;
}

static void on_keys(struct ll_core *core,
                    struct ll_search *search,
                    const struct ll_answer *answer)
{
    if (keys_take(search, answer) == LEASELOCK_E_NOMEM) {
        rest(core, search);
        return;
    }
    search->listed = answer->revision;
    search->state = LL_SEARCH_MADE;
    search->key_end = 0;
    if (!read_more(core, search)) {
        search->step++;
        go_on(core, search);
    }
}

static const struct ll_range_answer *range_at(const struct ll_answer *answer,
                                              size_t at)
{
    return answer->kind == LL_REQUEST_TXN && at < answer->txn.ops_n &&
                   answer->txn.ops[at].kind == LL_OP_RANGE
               ? &answer->txn.ops[at].range
               : NULL;
}

/** Whether the lease has an earlier key in the same queue. */
static bool is_later(const struct ll_search *search,
                     const struct ll_search_key *key)
{
    for (size_t i = 0; i < search->keys_n; i++) {
        const struct ll_search_key *other = &search->keys[i];

        if (other->created != 0 && other->created < key->created &&
            ll_bytes_equal(other->prefix, key->prefix)) {
            return true;
        }
    }
    return false;
}

/** What is wanted of a key that may wait: it is there on its lease, nothing
 *  has been done to it since it was made, and it is the first of its lease. */
static void on_made(struct ll_core *core,
                    struct ll_search *search,
                    const struct ll_answer *answer)
{
    int64_t lease = search->steps[search->step].lease;

    for (size_t i = search->key; i < search->key_end; i++) {
        const struct ll_range_answer *range = range_at(answer, i - search->key);

        /* A key that was made after the list, under the name of an earlier
         * one, may have others of its lease ahead that are not in it. */
        if (range != NULL && range->kvs_n > 0 && range->kvs[0].lease == lease &&
            range->kvs[0].create_revision <= search->listed) {
            search->keys[i].created = range->kvs[0].create_revision;
            search->keys[i].is_out = range->kvs[0].version != 1;
        }
    }
    if (search->key_end < search->keys_n) {
        (void)read_more(core, search);
        return;
    }
    for (size_t i = 0; i < search->keys_n; i++) {
        search->keys[i].is_out |= is_later(search, &search->keys[i]);
    }
    for (size_t i = 0; i < search->keys_n; i++) {
        search->keys[i].created *= search->keys[i].is_out ? 0 : 1;
    }
    search->state = LL_SEARCH_AHEAD;
    search->key_end = 0;
    if (!read_more(core, search)) {
        search->step++;
        go_on(core, search);
    }
}

static int64_t own_lease(const struct ll_search *search)
{
    for (size_t i = 0; i < own_n(search); i++) {
        if (own_at(search, i) != NULL) {
            return own_at(search, i)->session->lease;
        }
    }
    return 0;
}

/** Whether a key is the ticket's own by which the search came here: who waits
 *  for that one waits for those ahead of it too, so the ticket only stands in
 *  line, and no circle would be broken without it. */
static bool is_root(const struct ll_search *search, const struct ll_kv *ahead)
{
    const struct ll_ticket *member =
        own_at(search, search->steps[search->step].root);

    return member != NULL && ll_bytes_equal(ahead->key, ll_ticket_key(member));
}

static void on_ahead(struct ll_core *core,
                     struct ll_search *search,
                     const struct ll_answer *answer)
{
    size_t at = 0;

    for (size_t i = search->key; i < search->key_end; i++) {
        const struct ll_search_key *key = &search->keys[i];
        const struct ll_range_answer *range;

        if (key->created == 0) {
            continue;
        }
        range = range_at(answer, at++);
        if (range == NULL || range->kvs_n == 0) {
            continue;
        }
        if (is_root(search, &range->kvs[0])) {
            continue;
        }
        if (search->steps_n == LL_SEARCH_LEASES_MAX ||
            !step_add(search, search->steps[search->step].root,
                      search->step + 1, key, &range->kvs[0])) {
            rest(core, search);
            return;
        }
        if (range->kvs[0].lease == own_lease(search)) {
            mark(core, search);
            return;
        }
    }
    if (!read_more(core, search)) {
        search->step++;
        go_on(core, search);
    }
}

/** The circle stood as the ticket was marked. */
static void found(struct ll_core *core, struct ll_search *search)
{
    if (search->multi != NULL) {
        ll_multi_fail_deadlock(
            core, search->multi,
            own_at(search, search->steps[search->steps_n - 1].root));
    } else {
        ll_ticket_fail(core, search->ticket, LEASELOCK_E_DEADLOCK, "");
    }
}

/** Whether an earlier try has marked the keys, seen by one of them. */
static bool is_marked(const struct ll_search *search,
                      const struct ll_answer *answer)
{
    size_t at = 0;

    for (size_t i = 0; i < own_n(search); i++) {
        const struct ll_ticket *member = own_at(search, i);
        const struct ll_range_answer *range;

        if (member == NULL) {
            continue;
        }
        range = range_at(answer, at++);
        if (range != NULL && range->kvs_n > 0 &&
            range->kvs[0].create_revision == member->token &&
            range->kvs[0].version > member->version) {
            return true;
        }
    }
    return false;
}

static void on_ok(struct ll_core *core,
                  struct ll_search *search,
                  const struct ll_answer *answer)
{
    switch (search->state) {
    case LL_SEARCH_KEYS:
        on_keys(core, search, answer);
        break;
    case LL_SEARCH_MADE:
        on_made(core, search, answer);
        break;
    case LL_SEARCH_AHEAD:
        on_ahead(core, search, answer);
        break;
    case LL_SEARCH_MARK:
        if (answer->kind == LL_REQUEST_TXN &&
            (answer->txn.succeeded ||
             (search->mark_lost && is_marked(search, answer)))) {
            search->mark_lost = false;
            found(core, search);
        } else {
            search->mark_lost = false;
            search->pause_ns = LL_SEARCH_FIRST_NS / 2;
            rest(core, search);
        }
        break;
    case LL_SEARCH_REST:
    case LL_SEARCH_GONE:
        break;
    }
}

int ll_search_begin(struct ll_core *core,
                    struct ll_ticket *ticket,
                    struct ll_multi *multi,
                    uint64_t id)
{
    struct ll_search *search = ll_alloc_zero(1, sizeof(*search));

    if (search == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &search->object, &ll_search_ops, id)) {
        ll_free(search);
        return LEASELOCK_E_NOMEM;
    }
    search->ticket = ticket;
    search->multi = multi;
    if (multi != NULL) {
        multi->search = search;
    } else {
        ticket->search = search;
    }
    search->pause_ns = LL_SEARCH_FIRST_NS;
    search->rest_ns = core->now_ns + LL_SEARCH_FIRST_NS;
    ll_object_reschedule(core, &search->object);
    return 0;
}

void ll_search_end(struct ll_core *core, struct ll_search *search)
{
    bool open;

    if (search == NULL) {
        return;
    }
    open =
        search->mark_open || (search->state == LL_SEARCH_MARK &&
                              (search->mark_lost || search->object.in_flight));
    for (size_t i = 0; open && i < own_n(search); i++) {
        if (own_at(search, i) != NULL) {
            own_at(search, i)->version_open = true;
        }
    }
    if (search->multi != NULL) {
        search->multi->search = NULL;
    } else {
        search->ticket->search = NULL;
    }
    search->multi = NULL;
    search->ticket = NULL;
    search->state = LL_SEARCH_GONE;
    ll_call_none(core, &search->object);
    ll_tell(core, &search->object); /* freed there */
    ll_object_reschedule(core, &search->object);
}

static void search_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_search *search = ll_search_of(object);
    bool wait = false;

    if (search->state != LL_SEARCH_REST || core->now_ns < search->rest_ns) {
        return;
    }
    for (size_t i = 0; i < own_n(search); i++) {
        wait = wait || is_waiting(own_at(search, i));
    }
    if (wait) {
        set_out(core, search);
    } else {
        search->pause_ns = LL_SEARCH_FIRST_NS / 2;
        rest(core, search);
    }
}

static int64_t search_deadline_ns(const struct ll_core *core,
                                  struct ll_object *object)
{
    struct ll_search *search = ll_search_of(object);

    (void)core;
    return search->state == LL_SEARCH_REST ? search->rest_ns : LL_NEVER;
}

static void search_build(struct ll_core *core,
                         struct ll_object *object,
                         struct ll_part *part,
                         struct ll_request *ret_request)
{
    struct ll_search *search = ll_search_of(object);

    (void)core;
    (void)part;
    if (search->state == LL_SEARCH_KEYS) {
        ret_request->kind = LL_REQUEST_LEASE_TTL;
        ret_request->lease.lease = search->steps[search->step].lease;
        ret_request->lease.keys = true;
    } else {
        ret_request->kind = LL_REQUEST_TXN;
        ret_request->txn = search->txn;
    }
}

/** Whether the wait has ended and the multi-lock has no report of it yet: the
 *  time that comes with an answer may end the session first. */
static bool is_over(const struct ll_search *search)
{
    for (size_t i = 0; i < own_n(search); i++) {
        const struct ll_ticket *member = own_at(search, i);

        if (member == NULL || member->session == NULL) {
            return true;
        }
    }
    return false;
}

static void search_on_answer(struct ll_core *core,
                             struct ll_object *object,
                             const struct ll_answer *answer,
                             const struct ll_event *event)
{
    struct ll_search *search = ll_search_of(object);

    (void)event;
    if (is_over(search)) {
        return;
    }
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        on_ok(core, search, answer);
        break;
    case LL_OUTCOME_LOST:
        search->mark_lost |= search->state == LL_SEARCH_MARK;
        /* fall through */
    case LL_OUTCOME_AGAIN:
        ll_call_again(core, &search->object, answer->outcome);
        break;
    case LL_OUTCOME_REFUSED:
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        ll_core_log(core, 2, "a deadlock detection was refused: %s",
                    core->failure.text);
        search->mark_open |=
            search->state == LL_SEARCH_MARK && search->mark_lost;
        rest(core, search);
        break;
    }
    ll_object_reschedule(core, &search->object);
}

static void search_free(struct ll_object *object)
{
    struct ll_search *search = ll_search_of(object);

    forget(search);
    ll_free(search);
}

static bool search_next(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_effect *ret_effect)
{
    struct ll_search *search = ll_search_of(object);

    (void)ret_effect;
    ll_link_remove(&search->object.telling);
    if (search->state == LL_SEARCH_GONE) {
        ll_object_leave(core, &search->object);
        search_free(&search->object);
    }
    return false;
}

const struct ll_object_ops ll_search_ops = LL_OBJECT_OPS(search_free,
                                                         search_on_time,
                                                         search_deadline_ns,
                                                         search_build,
                                                         search_on_answer,
                                                         search_next,
                                                         NULL,
                                                         NULL,
                                                         NULL);
