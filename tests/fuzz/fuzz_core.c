/* SPDX-License-Identifier: Apache-2.0 */
/* Core's events from bytes: commands, answers of every outcome, messages of the
 * streams for known and unknown watches and leases, ends of streams, jumps of
 * the time and lack of memory. core_world.c checks the output; at the end all
 * is closed, and nothing may be left. */
#include <string.h>

#include "base/alloc.h"
#include "core/object.h"
#include "core_world.h"
#include "etcd/messages.h"
#include "leaselock/status.h"

/** The limits of steps of an input, and of its end. */
#define STEPS_MAX 2000
#define END_ROUNDS_MAX 20000
#define END_STRIDE_NS INT64_C(3600000000000)

static const struct ll_request status_request = {.kind = LL_REQUEST_STATUS};

static int64_t pick_timeout_ns(struct fuzz_bytes *bytes)
{
    static const int64_t timeouts_ns[] = {INT64_C(1000000000), 1,
                                          INT64_C(100000000),
                                          INT64_C(3600000000000), INT64_MAX};

    return timeouts_ns[fuzz_below(bytes, 5)];
}

/** Steps a command that must be accepted, or fail for lack of memory. */
static void
step_sure(struct world *world, struct ll_event *event, bool allocates)
{
    int status = world_step(world, event);

    FUZZ_CHECK(status == 0 || (status == LEASELOCK_E_NOMEM && allocates &&
                               world->short_of_memory));
}

static void open_session(struct world *world, struct fuzz_bytes *bytes)
{
    static const int64_t ttls_s[] = {10, 2, 86400};
    struct thing *session = world_new_thing(world, THING_SESSION);
    struct ll_event event = {.kind = LL_EVENT_SESSION_OPEN};

    if (session == NULL) {
        return;
    }
    session->lease = (int64_t)(0x1000 + world->things_n);
    event.id = world->things_n;
    event.session_open.lease = session->lease;
    event.session_open.ttl_s = ttls_s[fuzz_below(bytes, 3)];
    event.session_open.timeout_ns = pick_timeout_ns(bytes);
    event.session_open.names = (enum ll_key_names)(world->things_n % 3);
    step_sure(world, &event, true);
}

static void acquire(struct world *world, struct fuzz_bytes *bytes)
{
    static const char value[LL_VALUE_MAX + 1];
    static const size_t values[] = {2, 0, LL_VALUE_MAX, LL_VALUE_MAX + 1};
    static const char *const names[] = {"q", "q", "jobs/nested", "/no", ""};
    struct thing *session = world_pick(world, THING_SESSION, bytes);
    struct thing *ticket;
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE};
    unsigned name = fuzz_below(bytes, 5);
    unsigned size = fuzz_below(bytes, 4);

    if (session == NULL ||
        (ticket = world_new_thing(world, THING_TICKET)) == NULL) {
        return;
    }
    ticket->session = (unsigned)(session - world->things);
    event.id = world->things_n;
    event.acquire.session = ticket->session + 1;
    event.acquire.name = (struct ll_bytes){names[name], strlen(names[name])};
    event.acquire.value = (struct ll_bytes){value, values[size]};
    event.acquire.timeout_ns = -1;
    if (fuzz_below(bytes, 3) == 1) {
        event.acquire.timeout_ns = 0;
    } else if (fuzz_below(bytes, 3) == 1) {
        event.acquire.timeout_ns = pick_timeout_ns(bytes);
    }
    if (session_is_open(session) && name < 3 && size < 3) {
        step_sure(world, &event, true);
    } else {
        FUZZ_CHECK(world_step(world, &event) != 0);
    }
}

/** Enough acquires for the limit of calls in flight. */
static void acquire_many(struct world *world, struct fuzz_bytes *bytes)
{
    struct fuzz_bytes nothing = {NULL, 0};
    unsigned n = fuzz_byte(bytes);

    n = n == 0xa7 ? LL_CALLS_MAX + 8 : n % 16;

    for (unsigned i = 0; i < n; i++) {
        acquire(world, &nothing);
    }
}

/** A close or release, which must be accepted exactly if the records allow
 * it. */
static void
end_thing(struct world *world, struct thing *thing, int64_t timeout_ns)
{
    struct ll_event event = {.id = (uint64_t)(thing - world->things) + 1};

    if (thing->kind == THING_SESSION) {
        event.kind = LL_EVENT_SESSION_CLOSE;
        event.session_close.timeout_ns = timeout_ns;
    } else {
        event.kind = LL_EVENT_RELEASE;
        event.release.timeout_ns = timeout_ns;
    }
    if (thing_can_end(world, thing)) {
        step_sure(world, &event, false);
    } else {
        FUZZ_CHECK(world_step(world, &event) != 0);
    }
}

static void query(struct world *world, struct fuzz_bytes *bytes)
{
    struct thing *thing = world_new_thing(world, THING_QUERY);
    struct ll_event event = {.kind = LL_EVENT_QUERY};

    if (thing == NULL) {
        return;
    }
    event.id = world->things_n;
    event.query.request = &status_request;
    event.query.timeout_ns = pick_timeout_ns(bytes);
    event.query.endpoint = fuzz_below(bytes, 2) ? LL_ENDPOINT_ANY : 0;
    step_sure(world, &event, true);
}

static void cancel_query(struct world *world, struct thing *thing)
{
    struct ll_event event = {.kind = LL_EVENT_QUERY_CANCEL};
    bool there = thing->asked && !thing->told;

    event.id = (uint64_t)(thing - world->things) + 1;
    FUZZ_CHECK((world_step(world, &event) == 0) == there);
}

static void pass_time(struct world *world, struct fuzz_bytes *bytes)
{
    static const int64_t jumps_ns[] = {1, 1000000, 128000000, 1000000000};
    int64_t deadline_ns = ll_core_deadline_ns(world->core);
    unsigned choice = fuzz_below(bytes, 8);

    if (choice < 3) {
        /* At most a year ahead, so that sums of times do not overflow. */
        if (deadline_ns - world->now_ns < INT64_C(31536000000000000)) {
            world_advance(world, choice == 2 ? deadline_ns - 1 : deadline_ns);
        }
    } else if (choice < 7) {
        world_advance(world, world->now_ns + jumps_ns[choice - 3]);
    } else {
        world_advance(world,
                      world->now_ns + fuzz_byte(bytes) * INT64_C(1000000000));
    }
}

static void answer(struct world *world, struct fuzz_bytes *bytes)
{
    static const enum ll_outcome outcomes[] = {
        LL_OUTCOME_OK,      LL_OUTCOME_OK,           LL_OUTCOME_OK,
        LL_OUTCOME_OK,      LL_OUTCOME_LOST,         LL_OUTCOME_LOST,
        LL_OUTCOME_AGAIN,   LL_OUTCOME_NO_LEASE,     LL_OUTCOME_ERROR,
        LL_OUTCOME_REFUSED, LL_OUTCOME_LEASE_EXISTS,
    };
    unsigned call = fuzz_byte(bytes);
    unsigned outcome = fuzz_below(bytes, 11);

    if (world->calls_n > 0) {
        world_answer(world, world->calls_n - 1 - call % world->calls_n,
                     outcomes[outcome], bytes);
    }
}

static void be_short_of_memory(struct world *world, struct fuzz_bytes *bytes)
{
    unsigned nth = fuzz_below(bytes, 16);

    world->short_of_memory = nth > 0;
    ll_alloc_fail_at(nth);
}

/** The newer commands, encoded in bytes that were little used before. */
static void
step_new(struct world *world, unsigned action, struct fuzz_bytes *bytes)
{
    struct thing *thing;

    if (action == 13) {
        world_follow(world, bytes);
    } else if (action == 4 ||
               action == 7) { /* like 13, not used by older inputs */
        thing = world_pick(world, THING_FOLLOWER, bytes);
        if (thing != NULL && action == 4) {
            world_follow_again(world, thing);
        } else if (thing != NULL) {
            world_follow_end(world, thing);
        }
    } else if (action < 14) {
        world_write(world, bytes);
    } else if (action < 16) {
        world_resume_session(world, bytes);
    } else if (action < 20) {
        world_resume_ticket(world, bytes, action >= 18);
    } else if (action < 23) {
        world_observe(world, bytes);
    } else if (action == 23) {
        thing = world_pick(world, THING_OBSERVER, bytes);
        if (thing != NULL) {
            world_observe_end(world, thing);
        }
    } else if (action < 28) {
        world_acquire_all(world, bytes, action >= 26);
    } else if (action < 31) {
        world_acquire_mode(world, bytes);
    } else {
        world_rejoin(world, bytes);
    }
}

/** Bytes of old inputs keep their meaning except the highest. */
#define NEW_ACTIONS 224

static void step(struct world *world, struct fuzz_bytes *bytes)
{
    unsigned action = fuzz_byte(bytes);
    struct thing *thing;

    if (action >= NEW_ACTIONS) {
        step_new(world, action - NEW_ACTIONS, bytes);
        return;
    }
    action %= 32;

    if (action < 10) {
        answer(world, bytes);
    } else if (action < 14) {
        acquire(world, bytes);
    } else if (action < 17) {
        pass_time(world, bytes);
    } else if (action < 20) {
        world_watch_event(world, LL_EVENT_WATCH_CREATED, bytes);
    } else if (action < 22) {
        world_watch_event(world, LL_EVENT_WATCH_CHANGED, bytes);
    } else if (action == 22) {
        world_watch_event(world, LL_EVENT_WATCH_CANCELED, bytes);
    } else if (action < 25) {
        world_keepalive(world, bytes);
    } else if (action == 25) {
        open_session(world, bytes);
    } else if (action < 28) {
        thing = world_pick(world, action == 26 ? THING_TICKET : THING_SESSION,
                           bytes);
        if (thing != NULL) {
            end_thing(world, thing, pick_timeout_ns(bytes));
        }
    } else if (action == 28) {
        if (world->streams_n > 0) {
            world_stream_down(world, fuzz_byte(bytes) % world->streams_n,
                              fuzz_below(bytes, 4) == 3 ? LL_OUTCOME_REFUSED
                                                        : LL_OUTCOME_LOST);
        }
    } else if (action == 29) {
        query(world, bytes);
        thing = world_pick(world, THING_QUERY, bytes);
        if (thing != NULL && fuzz_below(bytes, 4) == 3) {
            cancel_query(world, thing);
        }
    } else if (action == 30) {
        be_short_of_memory(world, bytes);
    } else {
        acquire_many(world, bytes);
    }
}

/** Closes all; etcd answers every call, or none any more. */
static void end(struct world *world, enum ll_outcome outcome)
{
    struct fuzz_bytes nothing = {NULL, 0};
    struct ll_core *core = world->core;

    ll_alloc_fail_at(0);
    world->short_of_memory = false;
    for (unsigned i = 0; i < world->things_n; i++) {
        struct thing *thing = &world->things[i];

        if (thing->kind == THING_SESSION && thing_can_end(world, thing)) {
            end_thing(world, thing, INT64_C(1000000000));
        } else if (thing->kind == THING_QUERY && thing->asked && !thing->told) {
            cancel_query(world, thing);
        } else if (thing->kind == THING_OBSERVER && thing->asked &&
                   !thing->told) {
            world_observe_end(world, thing);
        } else if (thing->kind == THING_FOLLOWER && thing->asked &&
                   !thing->told) {
            world_follow_end(world, thing);
        }
    }
    for (unsigned i = 0; i < END_ROUNDS_MAX; i++) {
        if (world->calls_n > 0) {
            world_answer(world, world->calls_n - 1, outcome, &nothing);
        } else if (world->streams_n > 0) {
            world_stream_down(world, world->streams_n - 1, LL_OUTCOME_LOST);
        } else if (ll_core_deadline_ns(core) != LL_NEVER) {
            /* In large steps: the longest lease lasts a day. */
            world_advance(world, ll_max(ll_core_deadline_ns(core),
                                        world->now_ns + END_STRIDE_NS));
        } else {
            break;
        }
    }
    FUZZ_CHECK(core->objects.n == 0 && core->sessions.by_lease.n == 0);
    FUZZ_CHECK(core->sessions.n == 0 && core->tickets.n == 0);
    FUZZ_CHECK(core->observers.n == 0 && core->follows.n == 0);
    FUZZ_CHECK(core->calls.in_flight == 0 && core->tickets.reaps_n == 0);
    FUZZ_CHECK(core->timers.size == 0 && core->timers.reserved == 0);
    FUZZ_CHECK(core->watches.creating_n == 0);
    FUZZ_CHECK(!ll_core_has_sessions(core));
    for (unsigned i = 0; i < world->things_n; i++) {
        const struct thing *thing = &world->things[i];

        FUZZ_CHECK(thing->told == (thing->asked && thing->kind != THING_PART));
        FUZZ_CHECK(thing->end_reported == thing->end_asked ||
                   thing->kind == THING_WRITE ||
                   thing->kind == THING_OBSERVER ||
                   thing->kind == THING_FOLLOWER);
        FUZZ_CHECK(thing->borrowed == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    struct ll_buffer buffer = {0};
    static struct world the_world; /* large, and most of it is not used */
    struct world *world = &the_world;
    enum ll_outcome last;

    world->things_n = world->calls_n = 0;
    world->streams_n = world->watches_n = 0;
    memset(world->several, 0, sizeof(world->several));
    memset(world->generations, 0, sizeof(world->generations));
    world->short_of_memory = false;
    ll_alloc_fail_at(0);
    world->now_ns = INT64_C(1000000000);
    world->revision = 10;
    world->verbose = getenv("FUZZ_VERBOSE") != NULL;
    world->buffer = &buffer;
    world->config.endpoints_n = 1 + fuzz_below(&bytes, 3);
    world->config.request_timeout_ns = INT64_C(1000000000);
    world->config.seed = fuzz_byte(&bytes);
    world->config.batch_window = (world->config.seed & 3) == 3
                                     ? (unsigned)(world->config.seed >> 2 & 3)
                                     : LL_BATCH_NEVER;
    /* The kept inputs, which are older, choose the window by the lower bits. */
    world->config.nearest_ns =
        (world->config.seed & 64) != 0 ? INT64_C(1000000000) : 0;
    world->config.log_level = 3;
    last = fuzz_below(&bytes, 2) ? LL_OUTCOME_LOST : LL_OUTCOME_OK;
    world->core = ll_core_new(&world->config);
    FUZZ_CHECK(world->core != NULL);
    open_session(world, &bytes);
    for (unsigned i = 0; i < STEPS_MAX && bytes.left > 0; i++) {
        /* The oldest closed ones end first; a step opens some. */
        for (unsigned n = 0;
             n < 2 * LL_STREAMS && world->streams_n > STREAMS_MAX / 2; n++) {
            world_stream_down(world, 0, LL_OUTCOME_LOST);
        }
        step(world, &bytes);
    }
    end(world, last);
    ll_core_free(world->core);
    ll_buffer_free(&buffer);
    return 0;
}
