/* SPDX-License-Identifier: Apache-2.0 */
/* Commands from bytes: writes under a fence, resumed tickets, observers,
 * followers, and tickets of several names. */
#include <string.h>

#include "core/follow.h"
#include "core/multi.h"
#include "core_world.h"
#include "leaselock/status.h"

static int64_t pick_timeout_ns(struct fuzz_bytes *bytes)
{
    static const int64_t timeouts_ns[] = {
        INT64_C(1000000000), 1, INT64_C(100000000), INT64_C(3600000000000)};

    return timeouts_ns[fuzz_below(bytes, 4)];
}

/** The operations of a write; false: some are not allowed in a write. */
static bool make_write(struct world *world,
                       const struct thing *ticket,
                       struct thing *write,
                       struct ll_event *event,
                       struct fuzz_bytes *bytes)
{
    struct borrowed *borrowed = calloc(1, sizeof(*borrowed));
    unsigned shape = fuzz_byte(bytes);
    unsigned oddity = fuzz_below(bytes, 16);
    struct ll_ticket_view view;

    FUZZ_CHECK(borrowed != NULL);
    write->borrowed = borrowed;
    event->write.compares = borrowed->compares;
    event->write.compares_n = shape & 3;
    event->write.ops = borrowed->ops;
    event->write.ops_n = shape >> 2 & 3;
    event->write.release = (shape & 0x30) == 0x30;
    for (size_t i = 0; i < 3; i++) {
        borrowed->compares[i].key = (struct ll_bytes){"data", 4};
        borrowed->ops[i].kind =
            (shape >> (6 + (i & 1)) & 1) != 0 ? LL_OP_DELETE : LL_OP_PUT;
        borrowed->ops[i].put.key = (struct ll_bytes){"data", 4 - i};
    }
    if ((shape & 0x30) == 0x20) {
        borrowed->value = (struct ll_bytes){"v", 1};
        event->write.value = &borrowed->value;
    }
    if (event->write.ops_n > 0 && oddity == 15) {
        borrowed->ops[0].kind = LL_OP_RANGE;
        return false;
    }
    if (event->write.ops_n > 0 && oddity == 14 &&
        ll_core_ticket_view(world->core, write->ticket + 1, world->now_ns,
                            &view)) {
        borrowed->ops[0].put.key = view.key;
        return false;
    }
    if (oddity == 13) {
        event->write.release = true;
        event->write.value = &borrowed->value;
        return false;
    }
    return ticket->kind == THING_TICKET;
}

void world_write(struct world *world, struct fuzz_bytes *bytes)
{
    struct thing *ticket = world_pick(
        world, fuzz_below(bytes, 16) == 15 ? THING_PART : THING_TICKET, bytes);
    struct thing *write;
    struct ll_event event = {.kind = LL_EVENT_WRITE};
    struct ll_ticket_view view;
    bool good;
    bool held;
    int status;

    if (ticket == NULL ||
        (write = world_new_thing(world, THING_WRITE)) == NULL) {
        return;
    }
    write->ticket = (unsigned)(ticket - world->things);
    good = make_write(world, ticket, write, &event, bytes);
    write->releases = event.write.release;
    event.id = world->things_n;
    event.write.ticket = write->ticket + 1;
    event.write.timeout_ns = pick_timeout_ns(bytes);
    held = ll_core_ticket_view(world->core, event.write.ticket, world->now_ns,
                               &view) &&
           view.phase == LL_TICKET_PHASE_HELD;
    status = world_step(world, &event);
    FUZZ_CHECK(status != 0 || (good && held));
    FUZZ_CHECK(status == 0 || !good || !held || world->several[write->ticket] ||
               status == LEASELOCK_E_LIMIT ||
               (status == LEASELOCK_E_NOMEM && world->short_of_memory));
    if (status != 0) {
        free(write->borrowed);
        write->borrowed = NULL;
    }
}

void world_resume_session(struct world *world, struct fuzz_bytes *bytes)
{
    struct thing *session = world_new_thing(world, THING_SESSION);
    struct ll_event event = {.kind = LL_EVENT_SESSION_OPEN};
    int status;

    if (session == NULL) {
        return;
    }
    session->lease = (int64_t)(0x1000 + world->things_n);
    event.id = world->things_n;
    event.session_open.lease = session->lease;
    event.session_open.ttl_s = 10;
    event.session_open.resume = true;
    event.session_open.timeout_ns = pick_timeout_ns(bytes);
    status = world_step(world, &event);
    FUZZ_CHECK(status == 0 ||
               (status == LEASELOCK_E_NOMEM && world->short_of_memory));
}

/** The mode of an acquire; false: it is not valid. */
static bool pick_mode(struct fuzz_bytes *bytes, struct ll_mode *ret_mode)
{
    static const struct ll_mode invalid[] = {
        {LL_MODE_EXCLUSIVE, 1},
        {LL_MODE_SHARED, 1},
        {LL_MODE_PERMIT, 0},
        {LL_MODE_PERMIT, LL_PERMITS_MAX + 1}};
    unsigned shape = fuzz_byte(bytes);

    switch (shape & 7) {
    case 0:
        *ret_mode = (struct ll_mode){LL_MODE_EXCLUSIVE, 0};
        return true;
    case 1:
    case 2:
    case 3:
        *ret_mode = (struct ll_mode){LL_MODE_SHARED, 0};
        return true;
    case 7:
        *ret_mode = invalid[shape >> 3 & 3];
        return false;
    default:
        *ret_mode = (struct ll_mode){
            LL_MODE_PERMIT, shape >= 248 ? LL_PERMITS_MAX : 1 + (shape >> 6)};
        return true;
    }
}

void world_acquire_mode(struct world *world, struct fuzz_bytes *bytes)
{
    struct thing *session = world_pick(world, THING_SESSION, bytes);
    struct thing *ticket;
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE};
    bool valid = pick_mode(bytes, &event.acquire.mode);
    unsigned wait = fuzz_below(bytes, 4);
    int status;

    if (session == NULL ||
        (ticket = world_new_thing(world, THING_TICKET)) == NULL) {
        return;
    }
    ticket->session = (unsigned)(session - world->things);
    event.id = world->things_n;
    event.acquire.session = ticket->session + 1;
    event.acquire.yields = world->things_n % 2 == 0;
    event.acquire.name = (struct ll_bytes){"q", 1};
    event.acquire.value = (struct ll_bytes){"{}", 2};
    event.acquire.timeout_ns = wait == 1   ? 0
                               : wait == 2 ? pick_timeout_ns(bytes)
                                           : -1;
    if (wait == 3) {
        event.acquire.foreign_delay_ms = 900;
        event.acquire.lock_delay_ms =
            event.acquire.mode.kind == LL_MODE_EXCLUSIVE ? 700 : 0;
    }
    valid = valid && session_is_open(session);
    status = world_step(world, &event);
    FUZZ_CHECK(valid ? status == 0 || (status == LEASELOCK_E_NOMEM &&
                                       world->short_of_memory)
                     : status != 0);
}

void world_rejoin(struct world *world, struct fuzz_bytes *bytes)
{
    struct thing *held = world_pick(world, THING_TICKET, bytes);
    struct thing *ticket;
    struct ll_event event = {.kind = LL_EVENT_REJOIN};
    bool was_held;

    if (held == NULL ||
        (ticket = world_new_thing(world, THING_TICKET)) == NULL) {
        return;
    }
    ticket->session = held->session;
    event.id = world->things_n;
    event.rejoin.ticket = (uint64_t)(held - world->things) + 1;
    event.rejoin.value = (struct ll_bytes){"{}", 2};
    event.rejoin.timeout_ns =
        fuzz_below(bytes, 2) != 0 ? -1 : pick_timeout_ns(bytes);
    was_held = held->told && held->status == 0 && !held->lost &&
               !held->given_back && !held->end_asked;
    FUZZ_CHECK(world_step(world, &event) != 0 || was_held);
}

void world_resume_ticket(struct world *world,
                         struct fuzz_bytes *bytes,
                         bool with_mode)
{
    static const char *const modes[] = {"~.s.", "~.p1.", "~.p3.", "~.p100."};
    struct thing *session = world_pick(world, THING_SESSION, bytes);
    const char *mode = with_mode ? modes[fuzz_below(bytes, 4)] : "";
    unsigned shape = fuzz_byte(bytes);
    struct thing *ticket;
    struct ll_event event = {.kind = LL_EVENT_RESUME};
    char key[64];
    bool good;
    int status;

    if (session == NULL ||
        (ticket = world_new_thing(world, THING_TICKET)) == NULL) {
        return;
    }
    ticket->session = (unsigned)(session - world->things);
    (void)snprintf(key, sizeof(key), "%s/%s%llx.%x", (shape & 16) ? "q" : "a/b",
                   mode, (unsigned long long)session->lease, shape & 15);
    if (shape >= 248) {
        key[shape - 248] = '/';
    }
    event.id = world->things_n;
    event.resume.session = ticket->session + 1;
    event.resume.yields = world->things_n % 2 == 0;
    event.resume.key = (struct ll_bytes){key, strlen(key)};
    event.resume.token = (shape & 32) != 0 ? world->revision - (shape & 3) : 0;
    event.resume.timeout_ns = (shape & 64) != 0 ? -1 : pick_timeout_ns(bytes);
    good = session_is_open(session);
    status = world_step(world, &event);
    /* LEASELOCK_E_STATE: the session has a ticket with this key. */
    FUZZ_CHECK(
        good ? status == 0 || shape >= 248 || status == LEASELOCK_E_STATE ||
                   (status == LEASELOCK_E_NOMEM && world->short_of_memory)
             : status != 0);
}

void world_observe(struct world *world, struct fuzz_bytes *bytes)
{
    static const char *const names[] = {"q", "jobs/nested", "/no", ""};
    struct thing *observer = world_new_thing(world, THING_OBSERVER);
    unsigned name = fuzz_below(bytes, 8);
    struct ll_event event = {.kind = LL_EVENT_OBSERVE};
    int status;

    if (observer == NULL) {
        return;
    }
    name = name < 4 ? name : 0;
    event.id = world->things_n;
    event.observe.name = (struct ll_bytes){names[name], strlen(names[name])};
    status = world_step(world, &event);
    FUZZ_CHECK(name < 2 ? status == 0 || (status == LEASELOCK_E_NOMEM &&
                                          world->short_of_memory)
                        : status == LEASELOCK_E_NAME);
}

void world_observe_end(struct world *world, struct thing *observer)
{
    struct ll_event event = {.kind = LL_EVENT_OBSERVE_END};
    bool there = observer->asked && !observer->end_asked && !observer->told;

    event.id = (uint64_t)(observer - world->things) + 1;
    FUZZ_CHECK((world_step(world, &event) == 0) == there);
}

void world_follow(struct world *world, struct fuzz_bytes *bytes)
{
    static const char text[LL_PREFIX_MAX + 1];
    static const struct ll_bytes starts[] = {
        {"q/", 2}, {text, 1}, {text, LL_PREFIX_MAX}, {text, LL_PREFIX_MAX + 1}};
    static const struct ll_bytes ends[] = {
        {"q0", 2}, {text, 1}, {text, LL_PREFIX_MAX}, {text, 1}};
    struct thing *follower = world_new_thing(world, THING_FOLLOWER);
    unsigned range = fuzz_below(bytes, 4);
    unsigned n = world->core->follows.n;
    struct ll_event event = {.kind = LL_EVENT_FOLLOW};
    int status;

    if (follower == NULL) {
        return;
    }
    event.id = world->things_n;
    event.follow.from = starts[range];
    event.follow.end = ends[range];
    status = world_step(world, &event);
    if (range == 3) {
        FUZZ_CHECK(status == LEASELOCK_E_NAME);
    } else if (n >= LL_FOLLOWS_MAX) {
        FUZZ_CHECK(status == LEASELOCK_E_LIMIT);
    } else {
        FUZZ_CHECK(status == 0 ||
                   (status == LEASELOCK_E_NOMEM && world->short_of_memory));
    }
}

void world_follow_again(struct world *world, struct thing *follower)
{
    uint64_t id = (uint64_t)(follower - world->things) + 1;
    struct ll_event event = {.kind = LL_EVENT_FOLLOW, .id = id};

    /* With the id of one that is gone, it would begin a follower. */
    if (ll_object_find(world->core, id, &ll_follow_ops) != NULL) {
        bool is_over = follower->end_asked;

        FUZZ_CHECK(world_step(world, &event) ==
                   (is_over ? LEASELOCK_E_STATE : 0));
    }
}

void world_follow_end(struct world *world, struct thing *follower)
{
    struct ll_event event = {.kind = LL_EVENT_FOLLOW_END};
    bool there = follower->asked && !follower->end_asked && !follower->told;

    event.id = (uint64_t)(follower - world->things) + 1;
    FUZZ_CHECK((world_step(world, &event) == 0) == there);
}

/** The names of a ticket; false: some cannot be combined. */
static bool
pick_names(struct fuzz_bytes *bytes, struct ll_bytes *ret_names, size_t *ret_n)
{
    static const char *const words[] = {"q", "r", "s", "jobs/nested", "t", "q"};
    static char made[LL_NAMES_MAX + 1][24];
    unsigned n = fuzz_below(bytes, 32);

    if (n < 26) {
        *ret_n = n % 7;
        for (size_t i = 0; i < *ret_n; i++) {
            ret_names[i] = (struct ll_bytes){words[i], strlen(words[i])};
        }
        return *ret_n > 0 && *ret_n < 6;
    }
    if (n == 26) {
        ret_names[0] = (struct ll_bytes){"q", 1};
        ret_names[1] = (struct ll_bytes){"q/below", 7};
        *ret_n = 2;
        return false;
    }
    *ret_n = n == 31 ? LL_NAMES_MAX + 1 : n == 30 ? LL_NAMES_MAX : 1;
    for (size_t i = 0; i < *ret_n; i++) {
        (void)snprintf(made[i], sizeof(made[i]), "n%zu", i);
        ret_names[i] = (struct ll_bytes){made[i], strlen(made[i])};
    }
    return *ret_n <= LL_NAMES_MAX;
}

/** The modes of a multi-lock; false: one is not valid there. */
static bool
pick_modes(struct fuzz_bytes *bytes, struct ll_mode *ret_modes, size_t n)
{
    bool valid = true;

    for (size_t i = 0; i < n; i++) {
        (void)pick_mode(bytes, &ret_modes[i]);
        valid = valid && ret_modes[i].kind != LL_MODE_PERMIT;
    }
    return valid;
}

/** Operations of its Txn: etcd's limit is that of all. */
static size_t ops_of(const struct ll_mode *modes, size_t n, bool tries)
{
    size_t ops_n = 0;

    for (size_t i = 0; i < n; i++) {
        ops_n += modes[i].kind == LL_MODE_SHARED ? 3 : tries ? 1 : 2;
    }
    return ops_n;
}

void world_acquire_all(struct world *world,
                       struct fuzz_bytes *bytes,
                       bool with_modes)
{
    struct thing *session = world_pick(world, THING_SESSION, bytes);
    struct ll_bytes names[LL_NAMES_MAX + 1];
    struct ll_mode modes[LL_NAMES_MAX + 1] = {{LL_MODE_EXCLUSIVE, 0}};
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE_ALL};
    size_t n = 0;
    bool good = pick_names(bytes, names, &n);
    unsigned wait = fuzz_below(bytes, 4);
    struct thing *ticket;
    int status;

    if (session == NULL || world->things_n + 1 + n > THINGS_MAX) {
        return;
    }
    if (with_modes) {
        good = pick_modes(bytes, modes, n) && good &&
               ops_of(modes, n, wait == 1) <= LL_MULTI_OPS_MAX;
        event.acquire_all.modes = modes;
    }
    good = good && session_is_open(session);
    ticket = world_new_thing(world, THING_TICKET);
    ticket->session = (unsigned)(session - world->things);
    event.id = world->things_n;
    world->several[event.id - 1] = true;
    for (size_t i = 0; i < n; i++) {
        world_new_thing(world, THING_PART)->session = ticket->session;
    }
    event.acquire_all.session = ticket->session + 1;
    event.acquire_all.yields = world->things_n % 2 == 0;
    event.acquire_all.names = names;
    event.acquire_all.names_n = n;
    event.acquire_all.value = (struct ll_bytes){"{}", 2};
    event.acquire_all.timeout_ns = wait == 1   ? 0
                                   : wait == 2 ? pick_timeout_ns(bytes)
                                               : -1;
    status = world_step(world, &event);
    FUZZ_CHECK(good ? status == 0 || (status == LEASELOCK_E_NOMEM &&
                                      world->short_of_memory)
                    : status != 0);
}
