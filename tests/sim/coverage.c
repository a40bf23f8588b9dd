/* SPDX-License-Identifier: Apache-2.0 */
#include "coverage.h"

#include <string.h>

#include "core/deadlock.h"
#include "core/follow.h"
#include "core/keep.h"
#include "core/multi.h"
#include "core/object.h"
#include "core/observe.h"
#include "core/session.h"
#include "core/ticket.h"
#include "core/write.h"
#include "leaselock/status.h"
#include "user.h"

static const char *const machine_names[SIM_MACHINES] = {
    "session", "ticket",  "watch",    "stream",  "beats",    "endpoint",
    "write",   "several", "observer", "resumed", "deadlock", "renewal",
    "shared",  "permit",  "nearest",  "server",  "follower"};

static const char *const state_names[SIM_MACHINES][SIM_STATES] = {
    {"OPENING", "ACTIVE", "SUSPECT", "LOST", "CLOSING", "", "", "", "", "none"},
    {"ENQUEUE", "WAIT", "DELAYED", "NEXT", "HELD", "LOST", "LEAVE", "REAP",
     "GONE", "none"},
    {"OFF", "WANTED", "CREATING", "ON", "DROPPED", "ENDING", "", "", "",
     "none"},
    {"DOWN", "UP", "UP_AGAIN", "", "", "", "", "", "", "none"},
    {"TRUSTED", "SUSPECT", "CHANGED", "", "", "", "", "", "", "none"},
    {"GOOD", "PAUSED", "SUSPECT", "", "", "", "", "", "", "none"},
    {"QUEUED", "OUT", "AGAIN", "LEFT", "DONE", "UNKNOWN", "COMPARE", "FAILED",
     "PROVE", "none"},
    {"ENQUEUE", "QUEUED", "HELD", "LOST", "LEAVE", "FAILED", "", "", "",
     "none"},
    {"LOOK", "WATCH", "GONE", "", "", "", "", "", "", "none"},
    {"ENQUEUE", "WAIT", "DELAYED", "NEXT", "HELD", "LOST", "LEAVE", "REAP",
     "GONE", "none"},
    {"REST", "KEYS", "MADE", "AHEAD", "MARK", "GONE", "", "", "", "none"},
    {"ALLOWED", "DENIED", "", "", "", "", "", "", "", "none"},
    {"ENQUEUE", "WAIT", "DELAYED", "NEXT", "HELD", "LOST", "LEAVE", "REAP",
     "GONE", "none"},
    {"ENQUEUE", "WAIT", "DELAYED", "NEXT", "HELD", "LOST", "LEAVE", "REAP",
     "GONE", "none"},
    {"OFF", "REST", "ROUND", "MOVED", "", "", "", "", "", "none"},
    {"UNKNOWN", "WANTED", "DUE", "ASKED", "PROMPT", "SLOW", "", "", "", "none"},
    {"LOAD", "WATCH", "LOST", "GONE", "", "", "", "", "", "none"},
};

static const char *const event_names[SIM_EVENTS] = {
    "TIME",          "SESSION_OPEN", "SESSION_CLOSE", "ACQUIRE",
    "ACQUIRE_ALL",   "RELEASE",      "RESUME",        "REJOIN",
    "WRITE",         "OBSERVE",      "OBSERVE_END",   "FOLLOW",
    "FOLLOW_END",    "QUERY",        "QUERY_CANCEL",  "ANSWER",
    "STREAM_DOWN",   "KEEPALIVE",    "WATCH_CREATED", "WATCH_CANCELED",
    "WATCH_CHANGED", "ENDPOINTS",    "DRAW"};

/** Whether the state has changed; if so, counts and stores it. */
static void count(struct sim_client *client,
                  enum sim_machine machine,
                  int *seen,
                  unsigned event,
                  int state)
{
    struct sim_coverage *coverage = client->world->options->coverage;

    if (*seen != state) {
        if (coverage != NULL) {
            coverage->n[machine][*seen][event][state]++;
        }
        *seen = state;
    }
}

static void held_remove(struct sim_world *world, struct sim_ticket *ticket)
{
    for (size_t i = 0; i < world->held_n; i++) {
        if (world->held[i] == ticket) {
            world->held[i] = world->held[--world->held_n];
            ticket->in_held = false;
            return;
        }
    }
}

static enum sim_machine machine_of(const struct sim_ticket *ticket)
{
    static const enum sim_machine by_mode[] = {
        [LL_MODE_EXCLUSIVE] = SIM_MACHINE_TICKET,
        [LL_MODE_SHARED] = SIM_MACHINE_SHARED,
        [LL_MODE_PERMIT] = SIM_MACHINE_PERMIT};

    return ticket->resumes ? SIM_MACHINE_RESUMED : by_mode[ticket->mode.kind];
}

/** A ticket, or NULL if core has freed it. */
static void look_at_ticket(struct sim_client *client,
                           struct sim_ticket *known,
                           const struct ll_ticket *ticket,
                           unsigned event)
{
    bool held = ticket != NULL && ticket->state == LL_TICKET_HELD &&
                !ll_keep_is_idle(ticket);

    if (ticket != NULL && known->in_keys && !known->keeps &&
        !ll_bytes_equal(ll_ticket_key(ticket),
                        (struct ll_bytes){known->key, known->key_size})) {
        sim_ticket_enter(client, known, ll_ticket_key(ticket));
        client->world->result->renamed++;
    }
    known->waits_for = ticket != NULL && ticket->state == LL_TICKET_WAIT &&
                               ticket->ahead_key != NULL
                           ? ticket->ahead_token
                           : 0;

    count(client, machine_of(known), &known->seen_state, event,
          ticket != NULL ? (int)ticket->state : SIM_STATE_NONE);
    count(client, SIM_MACHINE_DEADLOCK, &known->seen_deadlock, event,
          ticket != NULL && ticket->deadlock != NULL
              ? (int)ticket->deadlock->state
              : SIM_STATE_NONE);
    for (int i = 0; ticket != NULL && i < LL_WATCH_SLOTS; i++) {
        count(client, SIM_MACHINE_WATCH, &known->seen_watches[i], event,
              (int)ticket->watches[i].state);
    }
    if (ticket != NULL && ticket->state == LL_TICKET_LOST &&
        event == SIM_EVENT_DRAW) {
        sim_check_lost_ticket(client, known);
    }
    if (held && !known->in_held) {
        sim_check_grant(client, known);
    } else if (!held && known->in_held) {
        held_remove(client->world, known);
    }
}

/** A multi-lock's state as its caller sees it. */
static int multi_state(const struct ll_multi *multi)
{
    enum { ENQUEUE, QUEUED, HELD, LOST, LEAVE, FAILED };

    if (multi->release_asked) {
        return LEAVE;
    }
    if (!multi->acquire_reported) {
        return multi->state == LL_MULTI_ENQUEUE ? ENQUEUE : QUEUED;
    }
    return multi->report.acquire_status != 0 ? FAILED
           : multi->lost                     ? LOST
                                             : HELD;
}

static void look_at_multi(struct sim_client *client,
                          struct sim_ticket *known,
                          const struct ll_multi *multi,
                          unsigned event)
{
    count(client, SIM_MACHINE_MULTI, &known->seen_state, event,
          multi != NULL ? multi_state(multi) : SIM_STATE_NONE);
    count(client, SIM_MACHINE_DEADLOCK, &known->seen_deadlock, event,
          multi != NULL && multi->deadlock != NULL ? (int)multi->deadlock->state
                                                   : SIM_STATE_NONE);
}

static void look_at_observer(struct sim_client *client,
                             struct sim_observer *known,
                             const struct ll_observer *observer,
                             unsigned event)
{
    count(client, SIM_MACHINE_OBSERVER, &known->seen_state, event,
          observer != NULL ? (int)observer->state : SIM_STATE_NONE);
}

static void look_at_follower(struct sim_client *client,
                             struct sim_follower *known,
                             const struct ll_follow *follow,
                             unsigned event)
{
    count(client, SIM_MACHINE_FOLLOWER, &known->seen_state, event,
          follow != NULL ? (int)follow->state : SIM_STATE_NONE);
}

static void look_at_session(struct sim_client *client,
                            struct sim_session *known,
                            const struct ll_session *session,
                            unsigned event)
{
    count(client, SIM_MACHINE_SESSION, &known->seen_state, event,
          session != NULL ? (int)session->state : SIM_STATE_NONE);
    count(client, SIM_MACHINE_RENEWAL, &known->seen_renewal, event,
          session == NULL || !ll_session_is_alive(session) ? SIM_STATE_NONE
          : ll_link_alone(&session->denied)                ? 0
                                                           : 1);
    known->is_ended = session == NULL;
}

/** A write's outcome or state: OUT, waiting to be sent AGAIN, reading to PROVE
 * that it was applied, or LEFT by its ticket while its answer is awaited. */
static int write_state(const struct ll_write *write)
{
    enum { QUEUED, OUT, AGAIN, LEFT, DONE, UNKNOWN, COMPARE, FAILED, PROVE };

    if (write->is_over) {
        return write->status == 0                             ? DONE
               : write->status == LEASELOCK_E_OUTCOME_UNKNOWN ? UNKNOWN
               : write->status == LEASELOCK_E_COMPARE         ? COMPARE
                                                              : FAILED;
    }
    if (write->ticket == NULL) {
        return LEFT;
    }
    if (write->phase == LL_WRITE_PROVE) {
        return PROVE;
    }
    if (write->object.in_flight) {
        return OUT;
    }
    return write->object.seq > 0 ? AGAIN : QUEUED;
}

static void look_at_write(struct sim_client *client,
                          struct sim_write *known,
                          const struct ll_write *write,
                          unsigned event)
{
    count(client, SIM_MACHINE_WRITE, &known->seen_state, event,
          write != NULL ? write_state(write) : SIM_STATE_NONE);
}

/** Checks the object with an id; false: core has freed it. */
static bool
look_at_object(struct sim_client *client, uint64_t id, unsigned event)
{
    struct ll_entry *entry = ll_table_find(&client->core->objects, id);
    struct ll_object *object =
        entry != NULL ? LL_CONTAINER(entry, struct ll_object, entry) : NULL;
    const struct sim_object *known = &client->objects[id];

#define AS(type) (object != NULL ? LL_CONTAINER(object, type, object) : NULL)
    if (known->ticket != NULL && known->ticket->members_n > 0) {
        look_at_multi(client, known->ticket, AS(struct ll_multi), event);
    } else if (known->ticket != NULL) {
        look_at_ticket(client, known->ticket, AS(struct ll_ticket), event);
    } else if (known->write != NULL) {
        look_at_write(client, known->write, AS(struct ll_write), event);
    } else if (known->observer != NULL) {
        look_at_observer(client, known->observer, AS(struct ll_observer),
                         event);
    } else if (known->follower != NULL) {
        look_at_follower(client, known->follower, AS(struct ll_follow), event);
    } else {
        look_at_session(client, known->session, AS(struct ll_session), event);
    }
#undef AS
    return object != NULL;
}

/** UP with another generation than before is a state of its own. */
static void look_at_streams(struct sim_client *client, unsigned event)
{
    for (size_t i = 0; i < LL_STREAMS; i++) {
        const struct ll_stream *stream = &client->core->streams[i];
        int was = client->seen_streams[i].up ? 1 : 0;
        int is = stream->up ? 1 : 0;

        if (was == 1 && is == 1 &&
            client->seen_streams[i].generation != stream->generation) {
            is = 2;
        }
        count(client, SIM_MACHINE_STREAM, &was, event, is);
        client->seen_streams[i].up = stream->up;
        client->seen_streams[i].generation = stream->generation;
    }
}

/** TRUSTED after the two streams were exchanged is a state of its own. */
static void look_at_beats(struct sim_client *client, unsigned event)
{
    const struct ll_keepalive *keepalive = &client->core->keepalive;
    int was = client->seen_keepalive.suspect ? 1 : 0;
    int is = keepalive->suspect ? 1 : 0;

    if (client->seen_keepalive.main != keepalive->main) {
        is = 2;
    }
    count(client, SIM_MACHINE_BEATS, &was, event, is);
    client->seen_keepalive = *keepalive;
}

static void look_at_endpoints(struct sim_client *client, unsigned event)
{
    for (unsigned i = 0; i < client->world->members_n; i++) {
        const struct ll_endpoint_health *health =
            &client->core->endpoints.health[i];
        int state = health->suspect_ns != INT64_MAX           ? 2
                    : health->retry_ns > client->core->now_ns ? 1
                                                              : 0;

        count(client, SIM_MACHINE_ENDPOINT, &client->seen_endpoints[i], event,
              state);
    }
}

/** REST after a move is a state of its own. */
static void look_at_nearest(struct sim_client *client, unsigned event)
{
    enum { OFF, REST, ROUND, MOVED };
    const struct ll_nearest *nearest = &client->core->nearest;
    bool has_moved = nearest->stays_ns > client->seen_stays_ns;
    int state = (nearest->due | nearest->out) != 0 ? ROUND
                : !nearest->has_begun              ? OFF
                : has_moved                        ? MOVED
                                                   : REST;

    client->seen_stays_ns = nearest->stays_ns;
    count(client, SIM_MACHINE_NEAREST, &client->seen_nearest, event, state);
    if (state == MOVED) {
        client->seen_nearest = REST;
    }
}

void sim_coverage_look(struct sim_client *client, unsigned event)
{
    size_t i = 0;

    while (i < client->live_n) {
        if (look_at_object(client, client->live[i], event)) {
            i++;
        } else {
            client->live[i] = client->live[--client->live_n];
        }
    }
    look_at_streams(client, event);
    look_at_beats(client, event);
    look_at_endpoints(client, event);
    look_at_nearest(client, event);
    count(client, SIM_MACHINE_SERVER, &client->seen_server, event,
          (int)client->core->watches.server.state);
}

void sim_coverage_add(struct sim_coverage *sum, const struct sim_coverage *part)
{
    uint64_t *to = &sum->n[0][0][0][0];
    const uint64_t *from = &part->n[0][0][0][0];

    for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++) {
        to[i] += from[i];
    }
}

/** Calls back for each transition that can be named. */
static void each_transition(void (*fn)(void *arg,
                                       unsigned machine,
                                       unsigned from,
                                       unsigned event,
                                       unsigned to),
                            void *arg)
{
    for (unsigned machine = 0; machine < SIM_MACHINES; machine++) {
        for (unsigned from = 0; from < SIM_STATES; from++) {
            for (unsigned event = 0; event < SIM_EVENTS; event++) {
                for (unsigned to = 0; to < SIM_STATES; to++) {
                    fn(arg, machine, from, event, to);
                }
            }
        }
    }
}

struct printing {
    const struct sim_coverage *coverage;
    FILE *file;
};

static void transition_print(
    void *arg, unsigned machine, unsigned from, unsigned event, unsigned to)
{
    const struct printing *printing = arg;
    uint64_t n = printing->coverage->n[machine][from][event][to];

    if (n > 0) {
        (void)fprintf(printing->file, "%-8s %-9s %-15s %-9s %12llu\n",
                      machine_names[machine], state_names[machine][from],
                      event_names[event], state_names[machine][to],
                      (unsigned long long)n);
    }
}

void sim_coverage_print(const struct sim_coverage *coverage, FILE *file)
{
    struct printing printing = {coverage, file};

    each_transition(transition_print, &printing);
}

struct looking_up {
    const struct sim_coverage *coverage;
    char words[4][32];
    bool is_known;
    uint64_t n;
};

static void transition_look_up(
    void *arg, unsigned machine, unsigned from, unsigned event, unsigned to)
{
    struct looking_up *look = arg;

    if (strcmp(look->words[0], machine_names[machine]) == 0 &&
        strcmp(look->words[1], state_names[machine][from]) == 0 &&
        strcmp(look->words[2], event_names[event]) == 0 &&
        strcmp(look->words[3], state_names[machine][to]) == 0) {
        look->is_known = true;
        look->n += look->coverage->n[machine][from][event][to];
    }
}

int sim_coverage_check(const struct sim_coverage *coverage,
                       const char *path,
                       FILE *file)
{
    FILE *list = fopen(path, "r");
    char line[200];
    int missing = 0;

    if (list == NULL) {
        return -1;
    }
    while (fgets(line, sizeof(line), list) != NULL) {
        struct looking_up look = {.coverage = coverage};

        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        if (sscanf(line, "%31s %31s %31s %31s", look.words[0], look.words[1],
                   look.words[2], look.words[3]) == 4) {
            each_transition(transition_look_up, &look);
        }
        if (look.n == 0) {
            (void)fprintf(file, "%s: %s",
                          look.is_known ? "not visited" : "not a transition",
                          line);
            missing++;
        }
    }
    (void)fclose(list);
    return missing;
}
