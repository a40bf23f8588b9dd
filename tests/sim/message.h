/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_MESSAGE_H
#define SIM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/request.h"
#include "etcd.h"

/** A message between a peer and a member. */
enum sim_message_kind {
    /** To a member. */
    SIM_MESSAGE_REQUEST,
    SIM_MESSAGE_STREAM_OPEN,
    SIM_MESSAGE_STREAM_CLOSE,
    SIM_MESSAGE_BEAT,
    SIM_MESSAGE_WATCH_CREATE,
    SIM_MESSAGE_WATCH_CANCEL,
    /** To a peer. */
    SIM_MESSAGE_ANSWER,
    SIM_MESSAGE_BEAT_ANSWER,
    SIM_MESSAGE_WATCH_EVENT,
    SIM_MESSAGE_STREAM_DOWN,
};

/** Holds copies of one message's parts, which are freed with it. */
struct sim_chunk {
    struct sim_chunk *next;
    size_t size;
    max_align_t bytes[];
};

/** Bytes that most messages need for their parts. */
#define SIM_MESSAGE_SPACE 768

struct sim_message {
    struct sim_message *next; /* in a queue */
    enum sim_message_kind kind;
    uint64_t id;   /* the call's tag or the stream */
    bool is_other; /* ANSWER: from another cluster, even an error */
    union {
        struct ll_request request;
        struct ll_answer answer;
        struct ll_event event; /* WATCH_EVENT */
        struct sim_watch_request watch;
        int64_t watch_id;
        struct {
            int64_t lease;
            int64_t ttl_s;
        } beat;
        const char *text; /* STREAM_DOWN: why */
    };
    struct sim_chunk *chunks;
    size_t used;
    max_align_t space[SIM_MESSAGE_SPACE / sizeof(max_align_t)];
};

/** A first-in first-out queue of messages. */
struct sim_queue {
    struct sim_message *first;
    struct sim_message *last;
};

/** Free messages, for reuse. */
struct sim_pool {
    struct sim_message *free;
};

struct sim_message *
sim_message_new(struct sim_pool *pool, enum sim_message_kind kind, uint64_t id);
/** NULL does nothing. */
void sim_message_free(struct sim_pool *pool, struct sim_message *message);
void sim_pool_free(struct sim_pool *pool);

/** Make deep copies, with all that the original points at. */
void sim_message_set_request(struct sim_message *message,
                             const struct ll_request *request);
void sim_message_set_answer(struct sim_message *message,
                            const struct ll_answer *answer);
void sim_message_set_event(struct sim_message *message,
                           const struct ll_event *event);
void sim_message_set_watch(struct sim_message *message,
                           const struct sim_watch_request *watch);
void sim_message_set_text(struct sim_message *message, const char *text);

void sim_queue_append(struct sim_queue *queue, struct sim_message *message);
/** Removes and returns the first, or NULL. */
struct sim_message *sim_queue_take(struct sim_queue *queue);

#endif
