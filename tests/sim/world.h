/* SPDX-License-Identifier: Apache-2.0 */
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
#include "followed.h"
#include "followers.h"
#include "heap.h"
#include "message.h"
#include "modes.h"
#include "sim.h"
#include "yields.h"

/**
 * Shared by the files of the simulation: the time, the peers, and their
 * sessions and tickets as seen from outside core. */

#define SIM_CLIENTS_MAX 6
#define SIM_GOS_MAX 2
#define SIM_PEERS_MAX (SIM_CLIENTS_MAX + SIM_GOS_MAX)
/** The link of a message from gRPC itself, which crosses no network. */
#define SIM_MEMBER_NONE 255
#define SIM_NAMES_MAX 3
/** The limit of tickets held at one time, of all clients. */
#define SIM_HELD_MAX 4096
/** The tolerance of a comparison of times across clocks. */
#define SIM_SLACK_NS LL_NS_PER_MS

enum sim_event_kind {
    SIM_EVENT_REQUEST,   /* the message arrives; number: peer * 256 + member */
    SIM_EVENT_ANSWER,    /* the answer arrives; the same */
    SIM_EVENT_TIMEOUT,   /* of the call `id` */
    SIM_EVENT_FORTH,     /* the next message of stream `id` to its member */
    SIM_EVENT_BACK,      /* and to its peer */
    SIM_EVENT_PING,      /* a check that stream `id` is still answered */
    SIM_EVENT_PROXY,     /* a proxy forwards the message to stream `id` */
    SIM_EVENT_WAKE,      /* client `number`, by its core's deadline */
    SIM_EVENT_RESUME,    /* peer `number` */
    SIM_EVENT_WORK,      /* client `number`: a caller acquires a lock */
    SIM_EVENT_TAKE_OVER, /* client `number`: session `id`, of a process that
                            died, or the tickets of the one it was */
    SIM_EVENT_CHAIN,     /* client `number`: while ticket `id` is held, the
                            caller acquires another */
    SIM_EVENT_REQUEUE,   /* client `number`: ticket `id`, which was lost */
    SIM_EVENT_UNOBSERVE, /* client `number`: observer `id` */
    SIM_EVENT_UNFOLLOW,  /* client `number`: follower `id` */
    SIM_EVENT_CLOSE,     /* client `number`: session `id` */
    SIM_EVENT_TEND,      /* client `number`: maintains its sessions */
    SIM_EVENT_RELEASE,   /* client `number`: ticket `id` */
    SIM_EVENT_WRITE,     /* client `number`: under ticket `id` */
    SIM_EVENT_DUE,    /* client `number`: the calls of `id` must have ended */
    SIM_EVENT_NOTICE, /* client `number`: ticket `id` has lost its key */
    SIM_EVENT_TOLD,   /* a request to a holder is reported by now */
    SIM_EVENT_GO,     /* Go's peer `number` continues */
    SIM_EVENT_GO_BEAT,
    SIM_EVENT_FAULT,     /* fault `number` occurs */
    SIM_EVENT_FAULT_END, /* and ends at `id` */
    SIM_EVENT_SWEEP,
    SIM_EVENT_BLOCKED, /* tickets that still wait are blocked by holders;
                          number: 0 or 1, the second time */
    SIM_EVENT_PHASE,   /* the phase `number` has lasted too long */
};

enum sim_phase {
    SIM_PHASE_STORM, /* faults occur */
    SIM_PHASE_HEAL,  /* every waiter must be served */
    SIM_PHASE_QUIET, /* no key may be left */
    SIM_PHASE_CLOSE, /* sessions are closed */
    SIM_PHASE_OVER,
};

/** A peer of the members: a client, or a Go-like one. */
struct sim_peer {
    unsigned number;
    bool is_paused;
    int64_t paused_until_ns;
    struct sim_queue inbox; /* messages received during a pause */
};

struct sim_link {
    int64_t cut_until_ns;
    int64_t refused_until_ns;
    int64_t distance_ns; /* added to each message's delay */
    bool is_other;       /* it leads to another cluster */
};

/** A unary call whose peer awaits its answer. */
struct sim_call {
    uint64_t tag; /* 0: the slot is free */
    unsigned peer;
    unsigned member;
    bool has_landed;
    uint64_t id; /* the peer's */
    uint32_t seq;
    uint32_t endpoint;
    enum ll_request_kind kind;
};

/** A proxied stream keeps the order among watches whose numbers are equal
 * modulo this. */
#define SIM_PROXY_LANES 8

struct sim_stream {
    unsigned peer;
    unsigned member;
    enum ll_stream_kind kind;
    uint32_t generation;
    uint32_t endpoint;
    bool is_open;          /* its peer reads its messages */
    bool is_down_reported; /* its end was reported to its peer */
    bool is_served;        /* by its member */
    bool is_proxied;       /* etcd's grpc-proxy is in between */
    bool is_other;         /* opened at another cluster */
    int64_t forth_ns;
    int64_t back_ns;
    struct sim_queue forth;
    struct sim_queue back;
    /** When the proxy will have forwarded the events of each such group. */
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
    bool is_open;    /* OPENED 0 was the last report */
    bool was_open;   /* OPENED 0 was reported */
    bool is_closing; /* requested by the caller */
    bool is_ended;   /* core has freed it */
    bool is_meddled; /* a third party revoked its lease */
    bool is_denied;  /* a renewal was refused, or possibly */
    bool is_old;     /* it was there when etcd was restored */
    bool is_lost;
    unsigned grants;         /* requested */
    int64_t lease_gone_ns;   /* seen to be gone since; 0: not seen */
    int64_t lost_ns;         /* when it was reported as lost, if on time */
    int64_t open_timeout_ns; /* 0: random */
    int64_t open_due_ns;
    int64_t close_due_ns;
    /** The session of a process that died, whose lease this one resumes. */
    const struct sim_session *before;
};

/** What identifies a key of a client: the name may be on several leases, one
 *  after the other. */
struct sim_key {
    int64_t lease;
    char name[SIM_KEY_SIZE];
};

struct sim_ticket {
    uint64_t id;
    unsigned client;
    unsigned name;
    struct ll_mode mode;
    uint32_t lock_delay_ms;
    /** A holder that it waited for has crashed, and its lock-delay ends then. */
    int64_t delayed_until_ns;
    int64_t waits_for; /* the create revision of the key ahead; 0: none */
    struct sim_session *session;
    int seen_state; /* for the coverage */
    int seen_watches[2];
    bool try_only;
    bool has_timeout;
    bool acquire_owed;
    bool release_owed;
    bool was_canceled;
    bool is_released; /* requested by the caller */
    bool is_granted;  /* ACQUIRED 0 was reported */
    bool lost_reported;
    bool is_meddled; /* a third party deleted its key or revoked its lease */
    bool has_key;
    bool had_key;
    bool is_free; /* seen to be blocked no more, some time after the storm */
    bool is_out;  /* its key was deleted while others blocked it */
    bool in_held; /* in world->held */
    int64_t created;
    int64_t token; /* from its grant or release */
    int64_t key_gone_ns;
    int64_t asked_ns; /* when its release was requested */
    int64_t acquire_due_ns;
    int64_t release_due_ns;
    uint64_t writes_n;  /* requested under its fence */
    uint64_t applied_n; /* the last of these that was applied */
    bool is_early;      /* requested while its session opened */
    /** If it queued again: the store's revision at that time; else 0. */
    int64_t after_revision;
    bool is_released_by_write; /* one of them is to release it */
    bool resumes;              /* resumes a ticket of a process that died */
    int64_t resume_token;
    /** Of a multi-lock: its members; of a member: its multi-lock. */
    struct sim_ticket *members[SIM_NAMES_MAX];
    unsigned members_n;
    struct sim_ticket *multi;
    bool was_waiting;    /* when its process died */
    bool in_keys;        /* in world->keys: no ticket resumed it */
    bool finds_deadlock; /* for a deadlock that it is in */
    bool watches_own;    /* its key is watched from the grant on */
    bool is_marked;      /* as the victim of its deadlock, */
    int64_t marked_ns;   /* at that time */
    uint64_t has_value;  /* its key has the value of this write */
    int seen_deadlock;   /* for the coverage */
    bool is_chained;     /* acquired by the holder of another */
    uint64_t chained;    /* the ticket that its caller waits for while holding
                       * this */
    uint64_t frees;      /* of that ticket: this one */
    size_t key_size;
    union {
        struct sim_key in_etcd;
        struct {
            int64_t key_lease;
            char key[SIM_KEY_SIZE];
        };
    };
    UT_hash_handle hh; /* in world->keys, by in_etcd */
    bool is_last;
    UT_hash_handle hh_last; /* in world->last, by key */
    bool yields;            /* reports requests to let go */
    /** The ticket that gave way when this one was queued in the same request;
     * or NULL. */
    struct sim_ticket *rejoins;
    int64_t granted_ns; /* when its grant was reported */
    struct sim_requests requests;
    bool keeps;            /* its session may keep its key */
    bool has_taken;        /* it took over another ticket's key */
    bool is_awaited;       /* another session made a key while it was idle */
    int64_t idle_revision; /* the store's when it became idle; 0: it is not */
    bool was_seen;     /* its session saw another one's key behind its own */
    unsigned passes_n; /* takes of its key since then */
};

/** A lock's data key is SIM_DATA with the lock's number; conditions are on
 *  SIM_FLAG. */
#define SIM_DATA "data"
#define SIM_FLAG "flag"
/** What a write deletes that deletes nothing else, with its client and id. */
#define SIM_GONE "gone"
/** A third party that puts to a queue's key puts this one, too, which no one
 *  else does. */
#define SIM_ASKED "asked"
#define SIM_VALUE_SIZE 96

/** How a write can be recognized when it is applied. */
enum sim_write_kind {
    SIM_WRITE_PUTS,     /* by the value of its lock's data key */
    SIM_WRITE_VALUE,    /* by that of its ticket's key */
    SIM_WRITE_DELETES,  /* by the key that it deletes, if that exists */
    SIM_WRITE_COMPARES, /* not at all: it changes nothing */
};

/** Memory that core borrows from a write. */
struct sim_write_parts {
    struct ll_compare compare;
    struct ll_op ops[3];
    struct ll_bytes own;
    char key[SIM_KEY_SIZE]; /* that it puts or deletes */
    char value[SIM_VALUE_SIZE];
};

/** A write under a ticket's fence. */
struct sim_write {
    uint64_t id;
    struct sim_ticket *ticket;
    uint64_t sequence; /* among the ticket's writes, from 1 */
    int64_t token;
    int seen_state; /* for the coverage */
    enum sim_write_kind kind;
    bool releases;
    bool is_old;       /* it was there when etcd was restored */
    bool was_reported; /* its timeout */
    bool is_over;      /* its end was reported */
    int status;
    int64_t due_ns;
    int64_t revision; /* at which it was applied */
    int64_t planted;  /* at which the key that it deletes was put */
    struct sim_write_parts *parts;
};

/** A hash of the leader from a revision on; 0: none. */
struct sim_leader {
    int64_t revision;
    uint64_t leader;
};

/** The leaders that a queue has had. */
struct sim_leaders {
    struct sim_leader *history;
    size_t n;
    size_t capacity;
    bool is_touched; /* by the current revision */
};

struct sim_observer {
    uint64_t id;
    unsigned name;
    int seen_state; /* for the coverage */
    bool end_asked;
    bool is_over;
    size_t from;     /* position in the history at its start */
    bool is_old;     /* it was there when etcd was restored */
    bool has_begun;  /* a leader was reported, */
    size_t at;       /* the last at this position, */
    uint64_t leader; /* which was this one */
};

/** A session, a ticket, a write, an observer or a follower, by its id. */
struct sim_object {
    struct sim_session *session;
    struct sim_ticket *ticket;
    struct sim_write *write;
    struct sim_observer *observer;
    struct sim_follower *follower;
    bool is_dead; /* its process died */
};

struct sim_client {
    struct sim_peer peer; /* first: a peer is cast to its client */
    struct sim_world *world;
    struct ll_core *core;
    struct ll_random random;
    int64_t offset_ns;
    int64_t rate_ppm;
    int64_t ttl_s;
    int64_t wake_ns;  /* world time of the valid wake-up */
    int64_t woken_ns; /* the last wake-up */
    unsigned wakes;   /* the number of wake-ups at that time */
    unsigned workers;
    unsigned sessions_max;
    uint64_t requeue_session; /* for lost tickets, or 0 */
    unsigned requeues_due;
    bool met_other;       /* another cluster has answered a request */
    bool is_by_other;     /* core is processing another cluster's message */
    bool is_contradicted; /* and it had accepted the first cluster */
    bool has_burst;
    bool has_low_threshold; /* its core's contention threshold is low */
    bool has_slots;         /* its sessions have slots: see core/slot.h */
    uint64_t streams[LL_STREAMS];
    struct {
        bool up;
        uint32_t generation;
    } seen_streams[LL_STREAMS];
    struct ll_keepalive seen_keepalive;
    int seen_endpoints[SIM_MEMBERS_MAX];
    int seen_nearest;
    int seen_server;
    int64_t seen_stays_ns;
    struct sim_object *objects; /* by id */
    size_t objects_n;           /* the next id */
    size_t objects_capacity;
    uint64_t *live; /* ids of those in core */
    size_t live_n;
    /** Reports to the callers of this core. */
    struct {
        uint64_t acquires;
        uint64_t grants;
        uint64_t losses;
        uint64_t releases; /* of holds that were not reported as lost */
    } counted;
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
    int64_t phase_ns; /* its start */
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
    /** The modes of tickets: see modes.c. */
    int64_t shared_ppm;
    int64_t permit_ppm;    /* of those that are not shared */
    int64_t different_ppm; /* of the permits: not of their lock's number */
    int64_t delay_ppm;     /* of the exclusive acquires: have a lock-delay */
    int64_t foreign_delay_ppm; /* of all: want one behind Go's keys */
    int64_t sticky_ppm;    /* of plain exclusive acquires: keep their keys */
    uint32_t local_passes; /* of those that do */
    int64_t keep_ppm; /* of the holders: keep their locks for long, healed */
    uint32_t permits[SIM_NAMES_MAX];
    unsigned names_n;
    char names[SIM_NAMES_MAX][16];
    unsigned members_n;
    enum sim_member_state members[SIM_MEMBERS_MAX];
    bool has_snapshot;
    bool is_down; /* etcd is stopped, to be restored */
    bool was_restored;
    bool is_mild; /* no fault but broken connections */
    bool is_calm; /* no fault that could delay a report */
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
    int64_t landing_ns; /* when the last late request arrives */
    /** The state of queues. */
    struct sim_ticket *keys; /* hash of all tickets, by key and lease */
    struct sim_ticket *last; /* of those whose keys were made last, by key */
    struct sim_ticket *held[SIM_HELD_MAX];
    size_t held_n;
    struct sim_tokens granted[SIM_NAMES_MAX];
    struct sim_tokens written[SIM_NAMES_MAX];
    struct sim_made made[SIM_NAMES_MAX];
    struct sim_leaders leaders[SIM_NAMES_MAX];
    /** Each lock's keys, then all keys. */
    struct sim_followed followed[SIM_NAMES_MAX + 1];
    size_t answer_keys_max; /* to a follower; 0: no limit */
    /** The ticket that the current revision marks as a victim. */
    struct sim_ticket *marked;
    bool is_asked; /* the current revision is a third party's put */
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
#define SIM_REPORT(world, ...)                                                 \
    do {                                                                       \
        if ((world)->options->trace != NULL) {                                 \
            sim_report((world), __VA_ARGS__);                                  \
        }                                                                      \
    } while (0)
void sim_report(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Reports a broken invariant and ends the run. */
void sim_break(struct sim_world *world,
               const char *invariant,
               const char *format,
               ...) __attribute__((format(printf, 3, 4)));

/** net.c: messages between peers and members. */
void sim_net_call(struct sim_world *world,
                  struct sim_call call,
                  const struct ll_request *request,
                  int64_t timeout_at_ns);
/** Removes a call whose outcome its peer receives now; false: received
 * before. */
bool sim_net_claim(struct sim_world *world,
                   uint64_t tag,
                   struct sim_call *ret_call);
uint64_t sim_net_open(struct sim_world *world, struct sim_stream stream);
void sim_net_close(struct sim_world *world, uint64_t stream);
void sim_net_send(struct sim_world *world,
                  uint64_t stream,
                  struct sim_message *message);
void sim_net_on_event(struct sim_world *world, const struct sim_event *event);
/** Breaks a connection: its calls fail at once, its streams end. */
void sim_net_reset(struct sim_world *world, unsigned peer, unsigned member);
/** A member was killed: the calls that it had received end. */
void sim_net_member_died(struct sim_world *world, unsigned member);
/** Links or a member became silent: streams detect it some time later. */
void sim_net_ping(struct sim_world *world, unsigned member);
void sim_net_pause(struct sim_world *world,
                   struct sim_peer *peer,
                   int64_t until_ns);
void sim_net_resume(struct sim_world *world, struct sim_peer *peer);
void sim_net_hooks(struct sim_world *world, struct sim_etcd_hooks *ret_hooks);
/** The same for the cluster behind wrong addresses. */
void sim_net_other_hooks(struct sim_world *world,
                         struct sim_etcd_hooks *ret_hooks);
/** A peer's process has died: it receives no more answers and messages. */
void sim_net_forget(struct sim_world *world, unsigned peer);
/** The number of requests in flight that may create a key. */
unsigned sim_net_makers(const struct sim_world *world,
                        int64_t lease,
                        struct ll_bytes key);
void sim_net_free(struct sim_world *world);

/** client.c: core, as its driver runs it. */
void sim_client_start(struct sim_client *client);
void sim_client_stop(struct sim_client *client);
/** Ends the client's process and starts a new one. */
void sim_client_restart(struct sim_client *client);
/** Sets the endpoints that a client may use: a bit each. */
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
struct sim_follower *sim_follower_find(struct sim_client *client, uint64_t id);

/** user.c: the callers. */
void sim_user_start(struct sim_client *client);
/** Their process dies. */
void sim_user_die(struct sim_client *client);
void sim_user_on_event(struct sim_client *client,
                       const struct sim_event *event);
/** Handles an effect that is for the user. */
void sim_user_on_effect(struct sim_client *client,
                        const struct ll_effect *effect);
/** Callers acquire no more locks and release those they hold. */
void sim_user_finish(struct sim_client *client);
void sim_user_close_all(struct sim_client *client);
bool sim_user_is_idle(const struct sim_client *client);

/** go.c: clients like those of Go's concurrency package. */
struct sim_go *sim_go_new(struct sim_world *world, unsigned number);
void sim_go_free(struct sim_go *go);
void sim_go_on_event(struct sim_go *go, const struct sim_event *event);
void sim_go_receive(struct sim_go *go, struct sim_message *message);
bool sim_go_is_idle(const struct sim_go *go);

/** When callers that keep their locks for long release them, after the
 *  storm. */
#define SIM_KEEP_NS (90 * LL_NS_PER_S)

/** invariants.c */
void sim_check_grant(struct sim_client *client, struct sim_ticket *ticket);
void sim_check_reported(struct sim_client *client,
                        const struct ll_effect *effect);
/** Core's state of a ticket is LOST, and no effect is left to draw. */
void sim_check_lost_ticket(struct sim_client *client,
                           const struct sim_ticket *ticket);
void sim_check_due(struct sim_client *client, uint64_t id);
/** A waiter's key was deleted some time ago. */
void sim_check_waiter(struct sim_client *client, uint64_t id);
/** Sessions that are alive have their leases. */
void sim_check_sessions(struct sim_client *client);
/** A session is reported as lost: it must be. */
void sim_check_lost(struct sim_client *client, struct sim_session *session);
/** A session's lease is being revoked: not too early. */
void sim_check_revoke(struct sim_client *client, uint64_t id);
/** Revoked leases are detected. */
void sim_check_revoked(struct sim_client *client);
void sim_check_core(struct sim_client *client);
/** The invariants of every step. */
void sim_check_step(struct sim_world *world);
void sim_check_commit(struct sim_world *world, int64_t revision);
/** restore.c: the cluster is stopped, and restarts with an older store. */
void sim_restore_stop(struct sim_world *world);
/** Does nothing if it is not stopped. */
void sim_restore_start(struct sim_world *world);
/** deadlock.c: a ticket was marked in etcd as a deadlock's victim. */
void sim_check_mark(struct sim_world *world, const struct sim_ticket *ticket);
/** A Go-like client reports that it holds a name. */
void sim_check_go_grant(struct sim_world *world,
                        struct ll_bytes key,
                        unsigned name,
                        int64_t revision);
/** A key that is left in a queue, or NULL; valid until the next call. */
const char *sim_queue_leftover(struct sim_world *world);
/** A phase has lasted too long. */
void sim_check_phase(struct sim_world *world);
void sim_check_end(struct sim_world *world);
/** Some time after the storm some holders still keep their locks: the tickets
 *  that wait are blocked by them, or held soon. */
void sim_check_blocked(struct sim_world *world, bool again);

/** counters.c: a client's process starts; a report, before it is processed; core
 *  has been stepped, and no effect is left. */
void sim_counters_start(struct sim_client *client);
void sim_counters_note(struct sim_client *client,
                       const struct ll_effect *effect);
void sim_check_counters(struct sim_client *client);

/** keys.c: the ticket with a name on a lease; the one whose key was made last
 *  under a name. NULL: none. */
struct sim_ticket *
sim_key_find(struct sim_world *world, int64_t lease, struct ll_bytes name);
struct sim_ticket *sim_key_last(struct sim_world *world, struct ll_bytes name);
/** A key was put: its ticket, or NULL. */
struct sim_ticket *sim_key_made(struct sim_world *world,
                                const struct ll_kv *kv);
/** A ticket gets a name, loses it, or takes over that of a dead process's. */
void sim_key_enter(struct sim_world *world,
                   struct sim_ticket *ticket,
                   struct ll_bytes name);
void sim_key_leave(struct sim_world *world, struct sim_ticket *ticket);
void sim_key_pass(struct sim_world *world,
                  struct sim_ticket *from,
                  struct sim_ticket *to);

/** writes.c: the reports of a write, and etcd's commits. */
void sim_check_written(struct sim_client *client,
                       const struct ll_effect *effect);
void sim_check_data(struct sim_world *world, const struct ll_kv *kv);
/** A ticket's key was put, or a key of SIM_GONE has changed: perhaps by a
 * write. */
void sim_check_own_value(struct sim_world *world,
                         struct sim_ticket *ticket,
                         const struct ll_kv *kv);
void sim_check_gone(struct sim_world *world,
                    const struct ll_watch_event *event);
/** Core does not use the borrowed memory any more. */
void sim_write_forget(struct sim_write *write);

/** observers.c: the reports to observers, and each queue's history. */
void sim_leaders_start(struct sim_world *world);
void sim_leaders_free(struct sim_world *world);
/** A key has changed; and a revision is complete. */
void sim_leaders_note(struct sim_world *world, struct ll_bytes key);
void sim_leaders_look(struct sim_world *world, int64_t revision);
/** The store was restored: records each queue's leader. */
void sim_leaders_restored(struct sim_world *world);
void sim_check_observed(struct sim_client *client,
                        const struct ll_effect *effect);
/** Whether the present leader was reported to each observer. */
bool sim_observers_are_current(struct sim_world *world);

/** party.c: third parties */
void sim_party_strikes(struct sim_world *world, enum sim_fault fault);
/** Puts to a key of a queue. */
void sim_party_asks(struct sim_world *world, unsigned name);
/** Puts a key outside of all queues. */
void sim_party_plants(struct sim_world *world, struct ll_bytes key);
void sim_party_removes(struct sim_world *world,
                       enum sim_fault fault,
                       uint64_t at);

/** random numbers */
static inline int64_t sim_below(struct ll_random *random, int64_t n)
{
    return ll_random_below(random, n);
}

/** Between low and high, with each power of two equally likely. */
int64_t sim_spread(struct ll_random *random, int64_t low, int64_t high);

static inline bool sim_chance(struct ll_random *random, int64_t ppm)
{
    return ppm > 0 && sim_below(random, 1000000) < ppm;
}

#endif
