#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "base/clock.h"
#include "core/backoff.h"
#include "core/core.h"
#include "core/keepalive.h"
#include "etcd.h"
#include "heap.h"
#include "message.h"
#include "sim.h"

/**
 * What the parts of the simulation share: the time, the peers and what is
 * known of their sessions and tickets from the outside.
 */

#define SIM_CLIENTS_MAX 6
#define SIM_GOS_MAX 2
#define SIM_PEERS_MAX (SIM_CLIENTS_MAX + SIM_GOS_MAX)
/** Of a message that travels over no link: what gRPC says by itself. */
#define SIM_MEMBER_NONE 255
#define SIM_NAMES_MAX 3
/** Tickets held at one time at most, of all clients. */
#define SIM_HELD_MAX 4096
/** Two times that are compared across clocks may differ by this. */
#define SIM_SLACK_NS LL_NS_PER_MS

enum sim_event_kind {
    SIM_EVENT_REQUEST,   /* the message lands; number: peer * 256 + member */
    SIM_EVENT_ANSWER,    /* the message comes back; the same */
    SIM_EVENT_TIMEOUT,   /* of the call `id` */
    SIM_EVENT_FORTH,     /* the next message of stream `id` to its member */
    SIM_EVENT_BACK,      /* and to its peer */
    SIM_EVENT_PING,      /* is stream `id` still answered? */
    SIM_EVENT_PROXY,     /* a proxy passes the message on to stream `id` */
    SIM_EVENT_WAKE,      /* client `number`, by its core's deadline */
    SIM_EVENT_RESUME,    /* peer `number` */
    SIM_EVENT_WORK,      /* client `number`: a caller asks for a lock */
    SIM_EVENT_TAKE_OVER, /* client `number`: session `id`, of a process that
                            died, or the tickets of the one it was */
    SIM_EVENT_CHAIN,     /* client `number`: while ticket `id` is held, the
                            caller asks for another */
    SIM_EVENT_REQUEUE,   /* client `number`: ticket `id`, which was lost */
    SIM_EVENT_UNOBSERVE, /* client `number`: observer `id` */
    SIM_EVENT_CLOSE,     /* client `number`: session `id` */
    SIM_EVENT_TEND,      /* client `number`: looks after its sessions */
    SIM_EVENT_RELEASE,   /* client `number`: ticket `id` */
    SIM_EVENT_WRITE,     /* client `number`: under ticket `id` */
    SIM_EVENT_DUE,    /* client `number`: the calls of `id` must have ended */
    SIM_EVENT_NOTICE, /* client `number`: ticket `id` has lost its key */
    SIM_EVENT_GO,     /* Go's peer `number` goes on */
    SIM_EVENT_GO_BEAT,
    SIM_EVENT_FAULT,     /* fault `number` strikes */
    SIM_EVENT_FAULT_END, /* and is over at `id` */
    SIM_EVENT_SWEEP,
    SIM_EVENT_PHASE, /* the phase `number` has lasted too long */
};

enum sim_phase {
    SIM_PHASE_STORM, /* faults strike */
    SIM_PHASE_HEAL,  /* everybody who waits is to be served */
    SIM_PHASE_QUIET, /* no key is to be left */
    SIM_PHASE_CLOSE, /* sessions are closed */
    SIM_PHASE_OVER,
};

/** Who talks to members: a client, or a Go-like one. */
struct sim_peer {
    unsigned number;
    bool is_paused;
    int64_t paused_until_ns;
    struct sim_queue inbox; /* what came during a pause */
};

struct sim_link {
    int64_t cut_until_ns;
    int64_t refused_until_ns;
    bool is_other; /* it leads to another cluster */
};

/** A unary call that its peer still waits for. */
struct sim_call {
    uint64_t tag; /* 0: the place is free */
    unsigned peer;
    unsigned member;
    bool has_landed;
    uint64_t id; /* the peer's */
    uint32_t seq;
    uint32_t endpoint;
};

/** Watches of a proxied stream whose order to each other is kept: those whose
 *  numbers are equal modulo this. */
#define SIM_PROXY_LANES 8

struct sim_stream {
    unsigned peer;
    unsigned member;
    enum ll_stream_kind kind;
    uint32_t generation;
    uint32_t endpoint;
    bool is_open;      /* its peer wants what comes of it */
    bool is_down_told; /* its peer has heard of its end */
    bool is_served;    /* by its member */
    bool is_proxied;   /* etcd's grpc-proxy is in between */
    bool is_other;     /* it was opened at another cluster */
    int64_t forth_ns;
    int64_t back_ns;
    struct sim_queue forth;
    struct sim_queue back;
    /** Until when the proxy has events of watches of such a number. */
    int64_t proxy_ns[SIM_PROXY_LANES];
};

enum sim_member_state {
    SIM_MEMBER_WELL,
    SIM_MEMBER_STOPPED,
    SIM_MEMBER_DEAD,
    SIM_MEMBER_ISOLATED,
};

struct sim_session {
    uint64_t id;
    int64_t lease;
    int seen_state; /* for the coverage */
    int seen_renewal;
    bool open_owed;
    bool close_owed;
    bool is_open;    /* OPENED 0 was told, and nothing was heard since */
    bool was_open;   /* OPENED 0 was told */
    bool is_closing; /* the caller asked for it */
    bool is_ended;   /* core forgets it */
    bool is_meddled; /* a third party revoked its lease */
    bool is_denied;  /* a renewal was refused, or may have been */
    bool is_old;     /* it was there when etcd was restored */
    bool is_lost;
    unsigned grants;         /* asked for */
    int64_t lease_gone_ns;   /* seen to be gone since; 0: not seen */
    int64_t lost_ns;         /* when it was told as lost, if at its time */
    int64_t open_timeout_ns; /* 0: it is drawn */
    int64_t open_due_ns;
    int64_t close_due_ns;
    /** Of a process that died: the session whose lease this one resumes. */
    const struct sim_session *before;
};

#define SIM_KEY_SIZE 64

struct sim_ticket {
    uint64_t id;
    unsigned client;
    unsigned name;
    struct sim_session *session;
    int seen_state; /* for the coverage */
    int seen_watches[2];
    bool once;
    bool has_timeout;
    bool acquire_owed;
    bool release_owed;
    bool was_canceled;
    bool is_released; /* the caller asked for it */
    bool is_granted;  /* ACQUIRED 0 was told */
    bool lost_told;
    bool is_meddled; /* a third party deleted its key or revoked its lease */
    bool has_key;
    bool is_out;  /* its key was deleted while others were ahead of it */
    bool in_held; /* in world->held */
    int64_t created;
    int64_t token; /* as it was granted or released with */
    int64_t key_gone_ns;
    int64_t asked_ns; /* when its release was asked for */
    int64_t acquire_due_ns;
    int64_t release_due_ns;
    uint64_t writes_n;  /* asked for under its fence */
    uint64_t applied_n; /* of these, the last that was applied */
    bool is_early;      /* it was asked for while its session opened */
    /** Of one that queued again: the store's revision at that time; else 0. */
    int64_t after_revision;
    bool gives_back; /* one of them is to give it back */
    bool resumes;    /* the place of a process that died */
    int64_t resume_token;
    /** Of a ticket of several names: its parts; of a part: its ticket. */
    struct sim_ticket *parts[SIM_NAMES_MAX];
    unsigned parts_n;
    struct sim_ticket *whole;
    bool was_waiting; /* as its process died */
    bool in_keys;     /* in world->keys: nobody took its place over */
    bool searches;    /* for a circle that it waits in */
    bool is_guarded;  /* its key is watched as soon as it is held */
    bool is_marked;   /* as the one that is to leave its circle */
    int seen_search;  /* for the coverage */
    uint64_t chained; /* the ticket that is waited for while this is held */
    uint64_t frees;   /* of that one: this */
    size_t key_size;
    char key[SIM_KEY_SIZE];
    UT_hash_handle hh; /* in world->keys, by key */
};

/** A lock's data key is SIM_DATA with the lock's number; conditions are on
 *  SIM_FLAG. */
#define SIM_DATA "data"
#define SIM_FLAG "flag"
#define SIM_VALUE_SIZE 96

/** What a write borrows to core. */
struct sim_write_parts {
    struct ll_compare compare;
    struct ll_op ops[3];
    struct ll_bytes own;
    char key[SIM_KEY_SIZE];
    char value[SIM_VALUE_SIZE];
};

/** A write under a ticket's fence. */
struct sim_write {
    uint64_t id;
    struct sim_ticket *ticket;
    uint64_t sequence; /* among the ticket's, from 1 */
    int64_t token;
    int seen_state; /* for the coverage */
    bool releases;
    bool is_old;   /* it was there when etcd was restored */
    bool was_told; /* that its time is over */
    bool is_over;  /* the last word was told */
    int status;
    int64_t due_ns;
    int64_t revision; /* at which it was applied */
    struct sim_write_parts *parts;
};

/** A hash of who leads from a revision on; 0: nobody. */
struct sim_leader {
    int64_t revision;
    uint64_t leader;
};

/** The leaders that a queue has had. */
struct sim_leaders {
    struct sim_leader *told;
    size_t n;
    size_t capacity;
    bool is_touched; /* by the revision that is being taken in */
};

struct sim_observer {
    uint64_t id;
    unsigned name;
    int seen_state; /* for the coverage */
    bool end_asked;
    bool is_over;
    size_t from;     /* in the history, when it was asked for */
    bool is_old;     /* it was there when etcd was restored */
    bool has_begun;  /* something was told, */
    size_t at;       /* and this was the last, */
    uint64_t leader; /* which is this */
};

/** A session, a ticket, a write or an observer, by its id. */
struct sim_object {
    struct sim_session *session;
    struct sim_ticket *ticket;
    struct sim_write *write;
    struct sim_observer *observer;
    bool is_dead; /* with its process */
};

struct sim_client {
    struct sim_peer peer; /* first: a peer is cast to its client */
    struct sim_world *world;
    struct ll_core *core;
    struct ll_random random;
    int64_t offset_ns;
    int64_t rate_ppm;
    int64_t ttl_s;
    int64_t wake_ns;  /* world time of the wake-up that counts */
    int64_t woken_ns; /* the last wake-up */
    unsigned wakes;   /* and how many there were at that time */
    unsigned workers;
    unsigned sessions_max;
    uint64_t heir; /* the session that lost tickets queue again on, or 0 */
    unsigned requeues_due;
    bool met_other;       /* another cluster has answered it */
    bool is_by_other;     /* its core takes in what another cluster says */
    bool is_contradicted; /* and that is not the one which it believes */
    bool has_burst;
    bool is_crowd; /* few tickets are a crowd to its core */
    uint64_t streams[LL_STREAMS];
    struct {
        bool up;
        uint32_t generation;
    } seen_streams[LL_STREAMS];
    struct ll_keepalive seen_keepalive;
    int seen_endpoints[SIM_MEMBERS_MAX];
    struct sim_object *objects; /* by id */
    size_t objects_n;           /* the next id */
    size_t objects_capacity;
    uint64_t *live; /* ids of those that core has */
    size_t live_n;
    /** One query at a time. */
    uint64_t query_id;
    struct ll_request query;
};

struct sim_go;

struct sim_world {
    const struct sim_options *options;
    struct sim_result *result;
    int64_t now_ns;
    bool is_over; /* an invariant was broken, or the run has ended */
    enum sim_phase phase;
    int64_t phase_ns; /* since when */
    int64_t heal_ns;
    struct sim_heap heap;
    struct sim_pool pool;
    struct sim_etcd *etcd;
    struct sim_etcd *other; /* the cluster behind wrong addresses, or NULL */
    bool other_talks;
    /** Settings of the seed. */
    struct ll_random setup;
    struct ll_random net;
    struct ll_random fault_random[SIM_FAULTS];
    int64_t fault_rate[SIM_FAULTS]; /* ppm, or mean distance; 0: never */
    int64_t delay_ns;
    int64_t request_timeout_ns;
    int64_t ping_timeout_ns;
    int64_t think_ns;
    int64_t hold_ns;
    int64_t wait_ns;
    unsigned names_n;
    char names[SIM_NAMES_MAX][16];
    unsigned members_n;
    enum sim_member_state members[SIM_MEMBERS_MAX];
    bool has_snapshot;
    bool is_down; /* etcd is, to be restored */
    bool was_restored;
    bool is_mild; /* at worst connections break */
    bool is_calm; /* nothing strikes that could delay a notice */
    /** Peers: clients, then Go's. */
    unsigned clients_n;
    unsigned gos_n;
    struct sim_client clients[SIM_CLIENTS_MAX];
    struct sim_go *gos[SIM_GOS_MAX];
    struct sim_link links[SIM_PEERS_MAX][SIM_MEMBERS_MAX];
    struct sim_call *calls;
    size_t calls_n;
    uint32_t *calls_free;
    size_t calls_free_n;
    uint64_t calls_made;
    struct sim_stream *streams; /* by id, from 1 */
    size_t streams_n;
    size_t streams_capacity;
    int64_t landing_ns; /* when the last late request lands */
    /** What is known of queues. */
    struct sim_ticket *keys; /* hash of all tickets, by key */
    struct sim_ticket *held[SIM_HELD_MAX];
    size_t held_n;
    int64_t last_token[SIM_NAMES_MAX];
    int64_t data_token[SIM_NAMES_MAX]; /* of the last that wrote */
    struct sim_leaders leaders[SIM_NAMES_MAX];
    /** The ticket that the revision which is being taken in marks. */
    struct sim_ticket *marked;
    /** Of the keys that one revision deletes: the oldest ticket's. */
    int64_t gone_first[SIM_NAMES_MAX];
};

/** world.c */
struct sim_peer *sim_peer(struct sim_world *world, unsigned number);
void sim_push(struct sim_world *world,
              int64_t at_ns,
              enum sim_event_kind kind,
              unsigned number,
              uint64_t id);
void sim_hash(struct sim_world *world, uint64_t number);
/** A line of the story. */
#define SIM_TELL(world, ...)                                                   \
    do {                                                                       \
        if ((world)->options->trace != NULL) {                                 \
            sim_tell((world), __VA_ARGS__);                                    \
        }                                                                      \
    } while (0)
void sim_tell(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** An invariant is broken: the run ends. */
void sim_break(struct sim_world *world,
               const char *invariant,
               const char *format,
               ...) __attribute__((format(printf, 3, 4)));

/** net.c: peers and members talk. */
void sim_net_call(struct sim_world *world,
                  struct sim_call call,
                  const struct ll_request *request,
                  int64_t timeout_at_ns);
/** Takes a call whose outcome its peer hears now; false: it has heard. */
bool sim_net_claim(struct sim_world *world,
                   uint64_t tag,
                   struct sim_call *ret_call);
uint64_t sim_net_open(struct sim_world *world, struct sim_stream stream);
void sim_net_close(struct sim_world *world, uint64_t stream);
void sim_net_send(struct sim_world *world,
                  uint64_t stream,
                  struct sim_message *message);
void sim_net_on_event(struct sim_world *world, const struct sim_event *event);
/** A connection breaks: calls on it fail at once, streams end. */
void sim_net_reset(struct sim_world *world, unsigned peer, unsigned member);
/** A member has died: so do the calls that it had taken in. */
void sim_net_member_died(struct sim_world *world, unsigned member);
/** Links or a member have gone silent: streams notice some time later. */
void sim_net_ping(struct sim_world *world, unsigned member);
void sim_net_pause(struct sim_world *world,
                   struct sim_peer *peer,
                   int64_t until_ns);
void sim_net_resume(struct sim_world *world, struct sim_peer *peer);
void sim_net_hooks(struct sim_world *world, struct sim_etcd_hooks *ret_hooks);
/** The same for the cluster behind wrong addresses. */
void sim_net_other_hooks(struct sim_world *world,
                         struct sim_etcd_hooks *ret_hooks);
/** A peer's process has died: it hears of no call or stream any more. */
void sim_net_forget(struct sim_world *world, unsigned peer);
/** How many requests that have not landed yet may make a key. */
unsigned sim_net_makers(const struct sim_world *world, struct ll_bytes key);
void sim_net_free(struct sim_world *world);

/** client.c: core, as its driver runs it. */
void sim_client_start(struct sim_client *client);
void sim_client_stop(struct sim_client *client);
/** The client's process dies, and a new one begins. */
void sim_client_restart(struct sim_client *client);
/** Tells a client which endpoints are to be used: a bit each. */
void sim_client_list(struct sim_client *client, uint64_t usable);
int64_t sim_local_ns(const struct sim_client *client, int64_t world_ns);
/** The first world time at which a client's clock shows a time. */
int64_t sim_world_ns(const struct sim_client *client, int64_t local_ns);
int sim_client_step(struct sim_client *client, struct ll_event *event);
void sim_client_receive(struct sim_client *client, struct sim_message *message);
void sim_client_wake(struct sim_client *client);
uint64_t sim_client_next_id(struct sim_client *client);
struct sim_session *sim_session_find(struct sim_client *client, uint64_t id);
struct sim_ticket *sim_ticket_find(struct sim_client *client, uint64_t id);
struct sim_write *sim_write_find(struct sim_client *client, uint64_t id);
struct sim_observer *sim_observer_find(struct sim_client *client, uint64_t id);

/** user.c: what callers do. */
void sim_user_start(struct sim_client *client);
/** Their process dies. */
void sim_user_die(struct sim_client *client);
void sim_user_on_event(struct sim_client *client,
                       const struct sim_event *event);
/** An effect that is for the user. */
void sim_user_hears(struct sim_client *client, const struct ll_effect *effect);
/** Nobody asks for more; what is held is released. */
void sim_user_finish(struct sim_client *client);
void sim_user_close_all(struct sim_client *client);
bool sim_user_is_idle(const struct sim_client *client);

/** go.c: clients as Go's concurrency package has them. */
struct sim_go *sim_go_new(struct sim_world *world, unsigned number);
void sim_go_free(struct sim_go *go);
void sim_go_on_event(struct sim_go *go, const struct sim_event *event);
void sim_go_receive(struct sim_go *go, struct sim_message *message);
bool sim_go_is_idle(const struct sim_go *go);

/** invariants.c */
void sim_check_grant(struct sim_client *client, struct sim_ticket *ticket);
void sim_check_told(struct sim_client *client, const struct ll_effect *effect);
/** Core takes a ticket for lost, and has no effect left to draw. */
void sim_check_lost_ticket(struct sim_client *client,
                           const struct sim_ticket *ticket);
void sim_check_due(struct sim_client *client, uint64_t id);
/** A waiter's key was deleted some time ago. */
void sim_check_waiter(struct sim_client *client, uint64_t id);
/** Sessions that are alive have their leases. */
void sim_check_sessions(struct sim_client *client);
/** A session is told as lost: it must be. */
void sim_check_lost(struct sim_client *client, struct sim_session *session);
/** A session's lease is being revoked: not too early. */
void sim_check_revoke(struct sim_client *client, uint64_t id);
/** Revoked leases are noticed. */
void sim_check_revoked(struct sim_client *client);
void sim_check_core(struct sim_client *client);
/** What must be so at every step. */
void sim_check_step(struct sim_world *world);
void sim_check_commit(struct sim_world *world, int64_t revision);
/** restore.c: the cluster is stopped, and comes back with an older store. */
void sim_restore_stop(struct sim_world *world);
/** Does nothing where it is not stopped. */
void sim_restore_start(struct sim_world *world);
/** circle.c: etcd has marked a ticket as one that waits in a circle. */
void sim_check_mark(struct sim_world *world, const struct sim_ticket *ticket);
/** A Go-like client says that it holds a name. */
void sim_check_go_grant(struct sim_world *world,
                        struct ll_bytes key,
                        unsigned name,
                        int64_t revision);
/** A key that is left in a queue, or NULL; valid until the next call. */
const char *sim_queue_leftover(struct sim_world *world);
/** A phase has lasted too long. */
void sim_check_phase(struct sim_world *world);
void sim_check_end(struct sim_world *world);

/** writes.c: what is told of a write, and what etcd commits. */
void sim_check_written(struct sim_client *client,
                       const struct ll_effect *effect);
void sim_check_data(struct sim_world *world, const struct ll_kv *kv);
/** Core needs no more what it has borrowed. */
void sim_write_forget(struct sim_write *write);

/** observers.c: what observers are told, and the history of each queue. */
void sim_leaders_start(struct sim_world *world);
void sim_leaders_free(struct sim_world *world);
/** A key has changed; and all of a revision have. */
void sim_leaders_note(struct sim_world *world, struct ll_bytes key);
void sim_leaders_look(struct sim_world *world, int64_t revision);
/** The store is another: who leads now. */
void sim_leaders_restored(struct sim_world *world);
void sim_check_observed(struct sim_client *client,
                        const struct ll_effect *effect);
/** Whether each has been told who leads now. */
bool sim_observers_are_current(struct sim_world *world);

/** party.c: third parties */
void sim_party_strikes(struct sim_world *world, enum sim_fault fault);
void sim_party_removes(struct sim_world *world,
                       enum sim_fault fault,
                       uint64_t at);

/** random numbers */
static inline int64_t sim_below(struct ll_random *random, int64_t n)
{
    return ll_random_below(random, n);
}

/** Between low and high, each doubling as likely as the others. */
int64_t sim_spread(struct ll_random *random, int64_t low, int64_t high);

static inline bool sim_chance(struct ll_random *random, int64_t ppm)
{
    return ppm > 0 && sim_below(random, 1000000) < ppm;
}

#endif
