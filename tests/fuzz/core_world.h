#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"
#include "fuzz.h"

/**
 * What stands around core in fuzz_core: the books of a driver. They hold what
 * core has been asked for, what it has answered, and what of the transport's
 * is open, and they check that core keeps the contract of core/event.h.
 */

#define THINGS_MAX 800
#define CALLS_MAX (LL_CALLS_MAX + 1)
#define WATCHES_MAX 4096
#define STREAMS_MAX 64
/** Operations in a branch of a Txn. */
#define OPS_MAX 128

enum thing_kind {
    THING_SESSION,
    THING_TICKET, /* of one name or of several */
    THING_PART,   /* of a ticket of several names: its user hears nothing */
    THING_QUERY,
    THING_WRITE,
    THING_OBSERVER,
};

/** What a write borrows to core; freed at its last word, so that ASan sees
 *  who still reads it. */
struct borrowed {
    struct ll_compare compares[3];
    struct ll_op ops[3];
    struct ll_bytes value;
};

/** What core has; its id is its place plus 1. */
struct thing {
    enum thing_kind kind;
    unsigned session; /* of a ticket or part: the place of its session */
    int64_t lease;    /* of a session */
    unsigned ticket;  /* of a write: the place of its ticket */
    bool releases;    /* of a write: it gives the ticket back */
    struct borrowed *borrowed;
    unsigned giving; /* of a ticket: writes that are to give it back */
    bool given_back; /* of a ticket: one has */
    bool nobody;     /* of an observer: that nobody leads was told last */
    uint64_t leader; /* or this one, as a hash */
    /** Of ll_core_step, 0. */
    bool asked;
    bool end_asked; /* close, release */
    /** Effects. */
    bool told; /* OPENED, ACQUIRED, QUERIED, an observer's end, a write's
                  last word */
    int status;
    bool lost;     /* LOST; of a session: CHANGED to lost */
    bool end_told; /* CLOSED, RELEASED, a write's time-out */
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
    struct fuzz_txn *parts; /* of a batch, txn.then_n of them */
};

enum fuzz_watch_state { FUZZ_WATCH_CREATING, FUZZ_WATCH_ON, FUZZ_WATCH_OVER };

struct fuzz_watch {
    int64_t id; /* that was asked for, or the server's own */
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
    uint32_t generations[LL_STREAMS]; /* the newest of each */
    /** Of the newest watch stream, in the order of their creation. */
    struct fuzz_watch watches[WATCHES_MAX];
    unsigned watches_n;
    struct ll_buffer *buffer;
};

/** Steps an event at the world's time, and draws and checks every effect.
 *  @return what ll_core_step returned */
int world_step(struct world *world, struct ll_event *event);

/** Lets time pass up to an instant. */
void world_advance(struct world *world, int64_t now_ns);

/** The stream of a kind that is open and has not been closed, or NULL. */
struct fuzz_stream *world_stream(struct world *world, enum ll_stream_kind kind);
/** The watch that etcd has to answer next, or NULL. */
struct fuzz_watch *world_oldest_creating(struct world *world);
struct fuzz_watch *world_watch(struct world *world, int64_t id);
/** Forgets a stream, just before its end is stepped in. */
void world_forget_stream(struct world *world, struct fuzz_stream *stream);

/** One of the newest things of a kind, by a byte; NULL when there is none. */
struct thing *
world_pick(struct world *world, enum thing_kind kind, struct fuzz_bytes *bytes);

/** A new thing, which core is to be asked for; NULL: there are enough. */
struct thing *world_new_thing(struct world *world, enum thing_kind kind);

/** core_told.c: what is told of writes and observers. */
void world_on_written(struct world *world, const struct ll_effect *effect);
void world_on_observed(struct world *world, const struct ll_effect *effect);
/** A write's call is sent: no other of its ticket's is out, or stands before
 *  it. */
void world_on_write_call(struct world *world, const struct thing *write);
/** What a user sees of a ticket that was acquired and not released. */
void world_check_ticket(const struct world *world, unsigned at);

/** core_commands.c: writes, places taken over, observers, several names. */
void world_write(struct world *world, struct fuzz_bytes *bytes);
void world_resume_session(struct world *world, struct fuzz_bytes *bytes);
void world_resume_ticket(struct world *world, struct fuzz_bytes *bytes);
void world_observe(struct world *world, struct fuzz_bytes *bytes);
void world_observe_end(struct world *world, struct thing *observer);
void world_acquire_all(struct world *world, struct fuzz_bytes *bytes);

/** Whether core must take the command that ends a session or a ticket. */
bool thing_can_end(const struct world *world, const struct thing *thing);
/** Whether a session takes tickets, as far as the effects tell. */
bool session_is_open(const struct thing *session);

/** core_answers.c: an answer to a call of any kind, made of bytes; those of 0
 *  give what a sane etcd would answer. Takes the call out of the books and
 *  steps the answer in. */
void world_answer(struct world *world,
                  unsigned call,
                  enum ll_outcome outcome,
                  struct fuzz_bytes *bytes);
/** Messages of the streams, made of bytes: for known and unknown leases and
 *  watches, of this stream and the one before. */
void world_keepalive(struct world *world, struct fuzz_bytes *bytes);
void world_watch_event(struct world *world,
                       enum ll_event_kind kind,
                       struct fuzz_bytes *bytes);
/** The end of an open stream. */
void world_stream_down(struct world *world,
                       unsigned stream,
                       enum ll_outcome outcome);

#endif
