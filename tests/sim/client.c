/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/object.h"
#include "keeps.h"
#include "leaselock/status.h"
#include "plant.h"
#include "story.h"
#include "world.h"

/**
 * A client: core, driven as by the library's own thread. Each event is stepped
 * with the client's time, then every effect is carried out. */

/** The limit of effects of one step: far more than any step has. */
#define DRAIN_MAX 100000

/** The limit of wake-ups at one time, each for something new. */
#define WAKES_MAX 8

#define PPM INT64_C(1000000)

/** How far a clock is ahead after a time; exact and monotonic. */
static int64_t drift_ns(int64_t elapsed_ns, int64_t rate_ppm)
{
    return elapsed_ns / PPM * rate_ppm + elapsed_ns % PPM * rate_ppm / PPM;
}

int64_t sim_local_ns(const struct sim_client *client, int64_t world_ns)
{
    return client->offset_ns + world_ns + drift_ns(world_ns, client->rate_ppm);
}

int64_t sim_world_ns(const struct sim_client *client, int64_t local_ns)
{
    int64_t elapsed_ns = local_ns - client->offset_ns;
    int64_t scale = PPM + client->rate_ppm;
    int64_t world_ns =
        elapsed_ns / scale * PPM + elapsed_ns % scale * PPM / scale;

    while (sim_local_ns(client, world_ns) < local_ns) {
        world_ns++;
    }
    return world_ns;
}

uint64_t sim_client_next_id(struct sim_client *client)
{
    if (client->objects_n == client->objects_capacity) {
        client->objects_capacity =
            client->objects_capacity != 0 ? 2 * client->objects_capacity : 64;
        client->objects =
            realloc(client->objects,
                    client->objects_capacity * sizeof(*client->objects));
        client->live = realloc(client->live, client->objects_capacity *
                                                 sizeof(*client->live));
        if (client->objects == NULL || client->live == NULL) {
            abort();
        }
    }
    client->objects[client->objects_n] = (struct sim_object){.session = NULL};
    return client->objects_n++;
}

struct sim_session *sim_session_find(struct sim_client *client, uint64_t id)
{
    return id < client->objects_n && !client->objects[id].is_dead
               ? client->objects[id].session
               : NULL;
}

struct sim_ticket *sim_ticket_find(struct sim_client *client, uint64_t id)
{
    return id < client->objects_n && !client->objects[id].is_dead
               ? client->objects[id].ticket
               : NULL;
}

struct sim_write *sim_write_find(struct sim_client *client, uint64_t id)
{
    return id < client->objects_n && !client->objects[id].is_dead
               ? client->objects[id].write
               : NULL;
}

struct sim_observer *sim_observer_find(struct sim_client *client, uint64_t id)
{
    return id < client->objects_n && !client->objects[id].is_dead
               ? client->objects[id].observer
               : NULL;
}

struct sim_follower *sim_follower_find(struct sim_client *client, uint64_t id)
{
    return id < client->objects_n && !client->objects[id].is_dead
               ? client->objects[id].follower
               : NULL;
}

/** Endpoints are members, but each client's list begins with another. */
static unsigned client_member(const struct sim_client *client,
                              uint32_t endpoint)
{
    return (endpoint + client->peer.number) % client->world->members_n;
}

static void client_call(struct sim_client *client,
                        const struct ll_effect *effect)
{
    struct sim_world *world = client->world;
    int64_t now_ns = sim_local_ns(client, world->now_ns);
    struct sim_session *session = sim_session_find(client, effect->id);

    if (session != NULL &&
        effect->call.request.kind == LL_REQUEST_LEASE_GRANT) {
        session->grants++;
    }
    sim_net_call(world,
                 (struct sim_call){
                     .peer = client->peer.number,
                     .member = client_member(client, effect->call.endpoint),
                     .id = effect->id,
                     .seq = effect->call.seq,
                     .endpoint = effect->call.endpoint,
                     .kind = effect->call.request.kind},
                 &effect->call.request,
                 sim_world_ns(client, now_ns + effect->call.timeout_ns));
}

static void client_open_stream(struct sim_client *client,
                               const struct ll_effect *effect)
{
    client->streams[effect->stream.which] = sim_net_open(
        client->world,
        (struct sim_stream){.peer = client->peer.number,
                            .member =
                                client_member(client, effect->stream.endpoint),
                            .kind = effect->stream.which,
                            .generation = effect->stream.generation,
                            .endpoint = effect->stream.endpoint});
}

/** Closes the stream of a generation, not necessarily the newest. */
static void client_close_stream(struct sim_client *client,
                                const struct ll_effect *effect)
{
    struct sim_world *world = client->world;
    uint64_t id = client->streams[effect->stream.which];

    if (id != 0 &&
        world->streams[id - 1].generation == effect->stream.generation) {
        sim_net_close(world, id);
    } else {
        sim_break(world, "streams",
                  "client %u closes a stream that it has not opened",
                  client->peer.number);
    }
}

static void client_send(struct sim_client *client,
                        const struct ll_effect *effect)
{
    bool beats = effect->kind == LL_EFFECT_KEEPALIVE;
    uint64_t id =
        client->streams[beats ? effect->keepalive.which : LL_STREAM_WATCH];
    struct sim_message *message;

    if (id == 0) {
        sim_break(client->world, "streams",
                  "client %u writes to a stream that it has not opened",
                  client->peer.number);
        return;
    }
    if (beats && client->world->options->plant == SIM_PLANT_ETERNAL) {
        sim_plant_pretend(client, id, effect->keepalive.lease);
        return;
    }
    message = sim_message_new(&client->world->pool, SIM_MESSAGE_BEAT, id);
    if (beats) {
        message->beat.lease = effect->keepalive.lease;
    } else if (effect->kind == LL_EFFECT_WATCH_CREATE) {
        message->kind = SIM_MESSAGE_WATCH_CREATE;
        sim_message_set_watch(
            message, &(struct sim_watch_request){
                         .watch_id = effect->watch.watch_id,
                         .key = effect->watch.key,
                         .end = effect->watch.end,
                         .start_revision = effect->watch.start_revision,
                         .puts = effect->watch.puts,
                         .deletions = effect->watch.deletions,
                         .prev_values = effect->watch.prev_values});
    } else {
        message->kind = SIM_MESSAGE_WATCH_CANCEL;
        message->watch_id = effect->watch.watch_id;
    }
    sim_net_send(client->world, id, message);
}

static void client_carry_out(struct sim_client *client,
                             const struct ll_effect *effect)
{
    sim_hash(client->world, (uint64_t)effect->kind << 32 ^ effect->id);
    if (client->world->options->trace != NULL) {
        sim_story_effect(client, effect);
    }
    switch (effect->kind) {
    case LL_EFFECT_CALL:
        if (effect->call.request.kind == LL_REQUEST_LEASE_REVOKE) {
            sim_check_revoke(client, effect->id);
        }
        sim_followers_call(client, effect);
        client_call(client, effect);
        break;
    case LL_EFFECT_STREAM_OPEN:
        client_open_stream(client, effect);
        break;
    case LL_EFFECT_STREAM_CLOSE:
        client_close_stream(client, effect);
        break;
    case LL_EFFECT_KEEPALIVE:
    case LL_EFFECT_WATCH_CREATE:
    case LL_EFFECT_WATCH_CANCEL:
        client_send(client, effect);
        break;
    case LL_EFFECT_SESSION_OPENED:
    case LL_EFFECT_SESSION_CHANGED:
    case LL_EFFECT_SESSION_CLOSED:
    case LL_EFFECT_ACQUIRED:
    case LL_EFFECT_LOST:
    case LL_EFFECT_RELEASED:
    case LL_EFFECT_ASKED:
    case LL_EFFECT_WRITTEN:
    case LL_EFFECT_OBSERVED:
    case LL_EFFECT_FOLLOWED:
    case LL_EFFECT_QUERIED:
        sim_counters_note(client, effect);
        sim_check_reported(client, effect);
        sim_user_on_effect(client, effect);
        break;
    case LL_EFFECT_LOG:
        break;
    }
}

static void client_drain(struct sim_client *client)
{
    struct ll_effect effect;
    unsigned n = 0;

    while (!client->world->is_over && ll_core_next(client->core, &effect)) {
        client_carry_out(client, &effect);
        if (++n > DRAIN_MAX) {
            sim_break(client->world, "limits",
                      "the effects of client %u have no end",
                      client->peer.number);
        }
    }
    /* Even without an effect: drawing frees objects that have ended. */
    sim_coverage_look(client, SIM_EVENT_DRAW);
}

/** Schedules core's next wake-up. */
static void client_sleep(struct sim_client *client)
{
    struct sim_world *world = client->world;
    int64_t deadline_ns = ll_core_deadline_ns(client->core);
    int64_t wake_ns;

    if (deadline_ns == INT64_MAX) {
        client->wake_ns = INT64_MAX;
        return;
    }
    wake_ns = sim_world_ns(client, deadline_ns);
    if (wake_ns < world->now_ns) {
        wake_ns = world->now_ns; /* something new is due at once */
    }
    if (wake_ns != client->wake_ns) {
        client->wake_ns = wake_ns;
        sim_push(world, wake_ns, SIM_EVENT_WAKE, client->peer.number, 0);
    }
}

int sim_client_step(struct sim_client *client, struct ll_event *event)
{
    int status;

    event->now_ns = sim_local_ns(client, client->world->now_ns);
    sim_check_sessions(client);
    if (client->world->options->trace != NULL) {
        sim_story_event(client, event);
    }
    if (event->kind == LL_EVENT_WATCH_CHANGED) {
        sim_keeps_see(client, event);
    }
    status = ll_core_step(client->core, event);
    sim_coverage_look(client, (unsigned)event->kind);
    client_drain(client);
    if (!client->world->is_over) {
        sim_check_core(client);
        sim_check_counters(client);
        client_sleep(client);
    }
    return status;
}

void sim_client_wake(struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct ll_event event = {.kind = LL_EVENT_TIME};

    if (client->peer.is_paused || world->now_ns < client->wake_ns) {
        return;
    }
    client->wakes = world->now_ns == client->woken_ns ? client->wakes + 1 : 0;
    client->woken_ns = world->now_ns;
    client->wake_ns = INT64_MAX;
    if (client->wakes > WAKES_MAX) {
        sim_break(world, "core sleeps",
                  "client %u wakes its core too often at one time",
                  client->peer.number);
        return;
    }
    (void)sim_client_step(client, &event);
}

static void client_on_answer(struct sim_client *client,
                             const struct sim_message *message)
{
    struct ll_event event = {.kind = LL_EVENT_ANSWER};
    struct sim_call call;

    if (!sim_net_claim(client->world, message->id, &call)) {
        return; /* its end was reported before */
    }
    event.id = call.id;
    event.answer.seq = call.seq;
    event.answer.endpoint = call.endpoint;
    event.answer.answer = &message->answer;
    (void)sim_client_step(client, &event);
}

static void client_on_down(struct sim_client *client,
                           const struct sim_message *message)
{
    struct sim_stream *stream = &client->world->streams[message->id - 1];
    struct ll_event event = {.kind = LL_EVENT_STREAM_DOWN};

    stream->is_open = false;
    if (stream->is_down_reported) {
        return;
    }
    stream->is_down_reported = true;
    event.stream_down.which = stream->kind;
    event.stream_down.generation = stream->generation;
    event.stream_down.endpoint = stream->endpoint;
    event.stream_down.grpc_status = 14;
    event.stream_down.outcome = LL_OUTCOME_LOST;
    if (strcmp(message->text, SIM_DENIED) == 0) {
        event.stream_down.grpc_status = LL_GRPC_DENIED;
        event.stream_down.outcome = LL_OUTCOME_REFUSED;
    }
    event.stream_down.text = message->text;
    (void)sim_client_step(client, &event);
}

static void client_take(struct sim_client *client, struct sim_message *message)
{
    const struct sim_stream *stream;
    struct ll_event event = {.kind = LL_EVENT_KEEPALIVE};

    if (!sim_plant_tamper(client, message)) {
        return;
    }
    if (message->kind == SIM_MESSAGE_ANSWER) {
        client_on_answer(client, message);
        return;
    }
    if (message->kind == SIM_MESSAGE_STREAM_DOWN) {
        client_on_down(client, message);
        return;
    }
    stream = &client->world->streams[message->id - 1];
    if (message->kind == SIM_MESSAGE_BEAT_ANSWER) {
        event.keepalive.generation = stream->generation;
        event.keepalive.lease = message->beat.lease;
        event.keepalive.ttl_s = message->beat.ttl_s;
        event.keepalive.cluster_id =
            stream->is_other ? SIM_OTHER_ID : SIM_CLUSTER_ID;
    } else {
        event = message->event;
        event.watch.generation = stream->generation;
    }
    (void)sim_client_step(client, &event);
}

/** Whether a message is from another cluster and has that cluster's id. */
static void client_look(struct sim_client *client,
                        const struct sim_message *message)
{
    bool has_id = true;

    if (message->kind == SIM_MESSAGE_ANSWER) {
        client->is_by_other = message->is_other;
        has_id = message->answer.cluster_id != 0;
    } else if (message->kind != SIM_MESSAGE_STREAM_DOWN) {
        client->is_by_other = client->world->streams[message->id - 1].is_other;
    }
    client->met_other = client->met_other || client->is_by_other;
    client->is_contradicted =
        client->is_by_other && has_id &&
        ll_core_cluster_id(client->core) == SIM_CLUSTER_ID;
}

void sim_client_receive(struct sim_client *client, struct sim_message *message)
{
    client_look(client, message);
    /* Core processes the time before the message: what is due by now is not the
     * message's doing. */
    if (client->is_contradicted &&
        ll_core_deadline_ns(client->core) <=
            sim_local_ns(client, client->world->now_ns)) {
        client->is_contradicted = false;
        (void)sim_client_step(client,
                              &(struct ll_event){.kind = LL_EVENT_TIME});
        client_look(client, message);
    }
    if (!client->world->is_over) {
        client_take(client, message);
    }
    client->is_by_other = false;
    client->is_contradicted = false;
}

void sim_client_list(struct sim_client *client, uint64_t usable)
{
    struct ll_event event = {.kind = LL_EVENT_ENDPOINTS};

    event.endpoints.n = client->world->members_n;
    event.endpoints.usable = usable;
    (void)sim_client_step(client, &event);
}

/** Starts a process. */
static void client_begin(struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct ll_core_config config = {
        .endpoints_n = world->members_n,
        .request_timeout_ns = world->request_timeout_ns,
        .batch_window = (unsigned)sim_below(&client->random, 4),
        .seed = ll_random_next(&client->random),
        .log_level = -1,
    };

    config.check_clusters = config.seed % 2 == 0;
    config.batch_lists = config.seed % 8 >= 6;
    if (world->fault_rate[SIM_FAULT_APART] > 0) {
        config.nearest_ns = sim_spread(&client->random, LL_NS_PER_S / 2,
                                       LL_NEAREST_INTERVAL_NS);
    }
    /* All clients are of one host, and begin with few slots. */
    client->has_slots = config.seed / 8 % 2 == 0;
    config.slot_first = config.seed / 16 % 2;
    client->has_low_threshold = sim_below(&client->random, 3) == 0;
    if (client->has_low_threshold) {
        config.contention_threshold =
            1 + (unsigned)sim_below(&client->random, 16);
    }
    if (config.seed / 32 % 4 == 0) { /* a queue of a few keys is long */
        config.long_queue = 1 + (unsigned)(config.seed / 128 % 4);
        config.survey_keys = 1 + (unsigned)(config.seed / 512 % 8);
    }
    client->core = ll_core_new(&config);
    if (client->core == NULL) {
        abort();
    }
    sim_counters_start(client);
    client->wake_ns = INT64_MAX;
    client->seen_keepalive = client->core->keepalive;
    memset(client->seen_streams, 0, sizeof(client->seen_streams));
    memset(client->seen_endpoints, 0, sizeof(client->seen_endpoints));
    client->seen_nearest = 0;
    client->seen_server = LL_WATCH_SERVER_UNKNOWN;
    client->seen_stays_ns = 0;
    memset(client->streams, 0, sizeof(client->streams));
}

void sim_client_start(struct sim_client *client)
{
    client_begin(client);
    client->objects_n = 0;
    (void)sim_client_next_id(client); /* 0 is no id */
    sim_user_start(client);
}

void sim_client_restart(struct sim_client *client)
{
    sim_user_die(client);
    sim_net_forget(client->world, client->peer.number);
    ll_core_free(client->core);
    client_begin(client);
}

void sim_client_stop(struct sim_client *client)
{
    ll_core_free(client->core);
    for (size_t i = 0; i < client->objects_n; i++) {
        /* The step that created it may have been the last: it has no key
         * yet. */
        if (client->objects[i].ticket != NULL) {
            sim_key_leave(client->world, client->objects[i].ticket);
        }
        free(client->objects[i].ticket);
        free(client->objects[i].session);
        free(client->objects[i].observer);
        sim_follower_free(client->objects[i].follower);
        if (client->objects[i].write != NULL) {
            sim_write_forget(client->objects[i].write);
            free(client->objects[i].write);
        }
    }
    free(client->objects);
    free(client->live);
}
