/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"
#include "fuzz.h"

/**
 * The environment of core in fuzz_core: a driver's records of core's commands,
 * its reports and the open calls and streams. They check that core keeps the
 * contract of core/event.h. */

#define THINGS_MAX 800
#define CALLS_MAX (LL_CALLS_MAX + 1)
#define WATCHES_MAX 4096
#define STREAMS_MAX 64
/** Operations in a branch of a Txn. */
#define OPS_MAX 128

enum thing_kind {
    THING_SESSION,
    THING_TICKET, /* of one name or of several */
    THING_PART,   /* of a ticket of several names: no reports of its own */
    THING_QUERY,
    THING_WRITE,
    THING_OBSERVER,
    THING_FOLLOWER,
};

/** Memory that core borrows from a write; freed at the write's end, so that
 * ASan detects later reads. */
struct borrowed {
    struct ll_compare compares[3];
    struct ll_op ops[3];
    struct ll_bytes value;
};

/** An object in core; its id is its index plus 1. */
struct thing {
    enum thing_kind kind;
    unsigned session; /* of a ticket or member: the index of its session */
    int64_t lease;    /* of a session */
    unsigned ticket;  /* of a write: the index of its ticket */
    bool releases;    /* of a write: it releases the ticket */
    struct borrowed *borrowed;
    unsigned giving; /* of a ticket: writes that are to release it */
    bool given_back; /* of a ticket: one has */
    bool nobody;     /* of an observer: the last report was "no leader" */
    uint64_t leader; /* or this one, as a hash */
    /** Of a follower: the last report, if there was one, and its revision. */
    bool has_reported;
    bool has_page; /* PAGE: it was not the last one */
    enum ll_followed_kind reported;
    int64_t revision;
    uint64_t read; /* a hash of all keys that were reported */
    /** Of ll_core_step, 0. */
    bool asked;
    bool end_asked; /* close, release */
    /** Effects. */
    bool told; /* OPENED, ACQUIRED, QUERIED, a write's end or an observer's or a
                * follower's */
    int status;
    bool lost;         /* LOST; of a session: CHANGED to lost */
    bool end_reported; /* CLOSED, RELEASED, a write's timeout */
};

/** A Txn that is in flight: the kinds of its operations. */
struct fuzz_txn {
    size_t then_n;
    size_t else_n;
    uint8_t then_ops[OPS_MAX];
    uint8_t else_ops[OPS_MAX];
};

struct fuzz_call {
    uint64_t id;
    uint32_t seq;
    uint32_t endpoint;
    enum ll_request_kind kind;
    struct fuzz_txn txn;
    struct fuzz_txn *parts; /* of a batch: for each of txn.then_ops, a Txn's */
};

enum fuzz_watch_state { FUZZ_WATCH_CREATING, FUZZ_WATCH_ON, FUZZ_WATCH_OVER };

struct fuzz_watch {
    int64_t id; /* the requested one, or the server's own */
    enum fuzz_watch_state state;
    int64_t asked;
};

/** A stream that has been opened and has not ended. */
struct fuzz_stream {
    enum ll_stream_kind which;
    uint32_t generation;
    uint32_t endpoint;
    bool closed;
};

struct world {
    struct ll_core *core;
    struct ll_core_config config;
    int64_t now_ns;
    int64_t revision;
    /** FUZZ_VERBOSE is set: each event and effect is printed. */
    bool verbose;
    /** Memory is short: a command may fail with NOMEM. */
    bool short_of_memory;
    struct thing things[THINGS_MAX];
    unsigned things_n;
    bool several[THINGS_MAX]; /* of a ticket: it has several names */
    struct fuzz_call calls[CALLS_MAX];
    unsigned calls_n;
    struct fuzz_stream streams[STREAMS_MAX];
    unsigned streams_n;
    uint32_t generations[LL_STREAMS]; /* the latest of each */
    /** Of the latest watch stream, in the order of their creation. */
    struct fuzz_watch watches[WATCHES_MAX];
    unsigned watches_n;
    struct ll_buffer *buffer;
};

/** Steps an event at the world's time, and draws and checks every effect.
 *  @return what ll_core_step returned */
int world_step(struct world *world, struct ll_event *event);

/** Advances the time to an instant. */
void world_advance(struct world *world, int64_t now_ns);

/** Whether an id is a follower's. */
bool world_is_follower(const struct world *world, uint64_t id);

/** The stream of a kind that is open and has not been closed, or NULL. */
struct fuzz_stream *world_stream(struct world *world, enum ll_stream_kind kind);
/** The watch whose creation etcd has to answer next, or NULL. */
struct fuzz_watch *world_oldest_creating(struct world *world);
struct fuzz_watch *world_watch(struct world *world, int64_t id);
/** Removes a stream, just before its end is stepped. */
void world_forget_stream(struct world *world, struct fuzz_stream *stream);

/** One of the latest objects of a kind, selected by a byte; NULL if there is
 * none. */
struct thing *
world_pick(struct world *world, enum thing_kind kind, struct fuzz_bytes *bytes);

/** A new object for a command to core; NULL: the limit is reached. */
struct thing *world_new_thing(struct world *world, enum thing_kind kind);

/** core_reported.c: reports of writes, observers and followers. */
void world_on_written(struct world *world, const struct ll_effect *effect);
void world_on_observed(struct world *world, const struct ll_effect *effect);
void world_on_followed(struct world *world, const struct ll_effect *effect);
/** A write's call is sent: no other write of its ticket is in flight or
 * earlier. */
void world_on_write_call(struct world *world, const struct thing *write);
/** Checks the view of a ticket that was acquired and not released. */
void world_check_ticket(const struct world *world, unsigned at);

/** core_commands.c: writes, resumed tickets, observers, followers, several
 * names. */
void world_write(struct world *world, struct fuzz_bytes *bytes);
void world_resume_session(struct world *world, struct fuzz_bytes *bytes);
/** With a mode in its key or not. */
void world_resume_ticket(struct world *world,
                         struct fuzz_bytes *bytes,
                         bool with_mode);
void world_observe(struct world *world, struct fuzz_bytes *bytes);
void world_observe_end(struct world *world, struct thing *observer);
void world_follow(struct world *world, struct fuzz_bytes *bytes);
/** A report of a follower is dropped. */
void world_follow_again(struct world *world, struct thing *follower);
void world_follow_end(struct world *world, struct thing *follower);
void world_acquire_all(struct world *world,
                       struct fuzz_bytes *bytes,
                       bool with_modes);
void world_acquire_mode(struct world *world, struct fuzz_bytes *bytes);
void world_rejoin(struct world *world, struct fuzz_bytes *bytes);

/** Whether core must accept the command that ends a session or a ticket. */
bool thing_can_end(const struct world *world, const struct thing *thing);
/** Whether a session accepts tickets, according to the effects. */
bool session_is_open(const struct thing *session);

/** core_answers.c: an answer to a call of any kind, from bytes; zeros give the
 * answer of a correct etcd. Removes the call from the records and steps the
 * answer. */
void world_answer(struct world *world,
                  unsigned call,
                  enum ll_outcome outcome,
                  struct fuzz_bytes *bytes);
/** Messages of the streams, from bytes: for known and unknown leases and
 * watches, of this stream and the previous one. */
void world_keepalive(struct world *world, struct fuzz_bytes *bytes);
void world_watch_event(struct world *world,
                       enum ll_event_kind kind,
                       struct fuzz_bytes *bytes);
/** The end of an open stream. */
void world_stream_down(struct world *world,
                       unsigned stream,
                       enum ll_outcome outcome);

#endif
