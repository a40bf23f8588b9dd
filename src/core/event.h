/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_EVENT_H
#define LL_CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/key.h"
#include "core/request.h"
#include "leaselock/log.h"

/**
 * The inputs and outputs of core. A driver (the client's threads, a test, a
 * simulator) steps events in and then draws effects until there is none; core
 * keeps no clock, thread or connection.
 *
 * Ids are the driver's: one number space for sessions, tickets and queries,
 * never used twice, never 0.
 */

/** The long-lived streams of a client. Two are for renewals: the second is open
 *  only while the first is suspect, and then they may exchange roles. The trial
 *  stream carries one renewal at a time, of a lease that etcd refused to renew
 *  (see keepalive.h). */
enum ll_stream_kind {
    LL_STREAM_WATCH,
    LL_STREAM_KEEPALIVE,
    LL_STREAM_KEEPALIVE_2,
    LL_STREAM_TRIAL,
};
#define LL_STREAMS 4

struct ll_watch_event {
    bool deleted;
    /** A deletion has the key and, as mod_revision, its revision alone. */
    struct ll_kv kv;
    /** Of a deletion, if it was requested and etcd still has it: the value and
     *  the create revision that the key had. */
    bool has_prev;
    struct ll_bytes prev_value;
    int64_t prev_created; /* 0: not known */
};

enum ll_event_kind {
    /** Nothing but the time. */
    LL_EVENT_TIME,
    /** Commands. */
    LL_EVENT_SESSION_OPEN,
    LL_EVENT_SESSION_CLOSE,
    LL_EVENT_ACQUIRE,
    LL_EVENT_ACQUIRE_ALL,
    LL_EVENT_RELEASE,
    LL_EVENT_RESUME,
    LL_EVENT_REJOIN,
    LL_EVENT_WRITE,
    LL_EVENT_OBSERVE,
    LL_EVENT_OBSERVE_END,
    LL_EVENT_FOLLOW,
    LL_EVENT_FOLLOW_END,
    LL_EVENT_QUERY,
    LL_EVENT_QUERY_CANCEL,
    /** From the transport. */
    LL_EVENT_ANSWER,
    LL_EVENT_STREAM_DOWN,
    LL_EVENT_KEEPALIVE,
    LL_EVENT_WATCH_CREATED,
    LL_EVENT_WATCH_CANCELED,
    LL_EVENT_WATCH_CHANGED,
    /** The list of endpoints has changed. */
    LL_EVENT_ENDPOINTS,
};

/** What the keys of a session are called; see slot.h. */
enum ll_key_names {
    LL_KEY_NAMES_AUTO,
    LL_KEY_NAMES_LEASE,
    LL_KEY_NAMES_SLOT,
};

struct ll_event {
    enum ll_event_kind kind;
    /** CLOCK_BOOTTIME; never before an earlier event's. */
    int64_t now_ns;
    /** The session, ticket or query; of an answer, the object that called. */
    uint64_t id;
    union {
        struct {
            int64_t lease; /* the requested id: random, positive */
            int64_t ttl_s;
            int64_t timeout_ns;      /* then UNAVAILABLE; above 0 */
            int64_t delay_ns;        /* the request is sent this much later */
            bool resume;             /* the lease exists already */
            enum ll_key_names names; /* see slot.h */
        } session_open;
        struct {
            int64_t timeout_ns; /* then OUTCOME_UNKNOWN; retries continue */
        } session_close;
        struct {
            uint64_t session;
            struct ll_bytes name;
            struct ll_bytes value;
            /** The description in the key of a candidate, whose value has none;
             *  or of size 0. */
            struct ll_bytes who;
            struct ll_mode mode;
            /** The lock-delay (see delay.h), in milliseconds; 0: none. Of an
             *  exclusive ticket alone. */
            uint32_t lock_delay_ms;
            /** That of keys of other clients ahead; 0: none. */
            uint32_t foreign_delay_ms;
            int64_t timeout_ns; /* 0: try; below 0: for ever */
            int64_t delay_ns;   /* the request is sent this much later */
            /** Ends with DEADLOCK if the wait is part of a deadlock. The id
             *  after this one must be unused. */
            bool find_deadlock;
            /** From the grant until the ticket's own key is watched; 0:
             *  LL_WATCH_OWN_NS; below 0: at once. */
            int64_t watch_own_ns;
            /** The session may still be OPENING: the request is sent when it is
             *  open; if it fails to open, the ticket ends with its status. Not
             *  for a try. */
            bool early;
            bool yields; /* requests to let go are reported, see yield.h */
            /** How long the key may stay after a release, see keep.h; 0: not.
             *  Of an exclusive ticket alone, without a lock-delay, the
             *  detection of deadlocks and such reports. */
            int64_t keep_ns;
            /** With keep_ns: how many hand-overs may still be made in the
             *  process once another session waits; LL_KEEP_PASSES_MAX. */
            uint32_t local_passes;
            /** The key's name has the session's lease, and no slot (slot.h); as
             *  with keep_ns. */
            bool has_lease;
            /** Of an acquire with keep_ns: a kept key passes only to one with
             *  the same label. */
            struct ll_bytes label;
        } acquire;
        /** Several names, one ticket. The ids after its own, one for each name,
         *  must be unused. */
        struct {
            uint64_t session;
            const struct ll_bytes *names;
            size_t names_n;
            const struct ll_mode *modes; /* of each; NULL: all exclusive */
            struct ll_bytes value;
            int64_t timeout_ns;   /* as of acquire */
            int64_t delay_ns;     /* as of acquire */
            bool find_deadlock;   /* as of acquire: one more id */
            int64_t watch_own_ns; /* as of acquire */
            bool early;           /* as of acquire */
            bool yields;          /* as of acquire */
        } acquire_all;
        struct {
            int64_t timeout_ns; /* then OUTCOME_UNKNOWN; retries continue */
        } release;
        /** Takes over the place of a key on the session's lease. */
        struct {
            uint64_t session;
            struct ll_bytes key;
            int64_t token;        /* the key's; 0: any */
            int64_t timeout_ns;   /* below 0: for ever */
            int64_t watch_own_ns; /* as of acquire */
            bool yields;          /* as of acquire */
        } resume;
        /** A held ticket gives way and queues again as a new ticket, which has
         *  the event's id and the first one's mode and options; see rejoin.h.
         *  The id after it must be unused. */
        struct {
            uint64_t ticket;
            struct ll_bytes value;
            int64_t timeout_ns; /* above 0; below 0: for ever */
        } rejoin;
        /** A write under a held ticket's fence. All that it points at is
         *  borrowed until the write has ended. */
        struct {
            uint64_t ticket;
            const struct ll_compare *compares;
            size_t compares_n;
            /** Puts and deletions of keys other than the ticket's. */
            const struct ll_op *ops;
            size_t ops_n;
            /** What is read before them; at the newest revision. */
            const struct ll_range *reads;
            size_t reads_n;
            /** The new value of the ticket's own key, or NULL. */
            const struct ll_bytes *value;
            bool release;       /* also releases the ticket */
            int64_t timeout_ns; /* then OUTCOME_UNKNOWN; retries continue */
        } write;
        struct {
            struct ll_bytes name;
        } observe;
        /** A range of keys, with the namespace; copied. With the id of a
         *  follower that has not ended: the driver had no memory for a report;
         *  it begins again after a pause. */
        struct {
            struct ll_bytes from;
            struct ll_bytes end;
        } follow;
        struct {
            /** Borrowed until the query has ended; reads only. */
            const struct ll_request *request;
            int64_t timeout_ns;
            /** The one endpoint to query, in one attempt; or LL_ENDPOINT_ANY,
             *  with retries. */
            uint32_t endpoint;
        } query;
        struct {
            uint32_t seq; /* as in the call */
            uint32_t endpoint;
            /** How long the transport kept the request before it sent it. */
            int64_t held_ns;
            const struct ll_answer *answer;
        } answer;
        struct {
            enum ll_stream_kind which;
            uint32_t generation;
            uint32_t endpoint;
            int grpc_status;
            enum ll_outcome outcome; /* REFUSED, or LOST for all else */
            /** The refusal is of the user's credentials, not of a message that
             *  was sent on the stream. */
            bool no_token;
            const char *text;
        } stream_down;
        struct {
            uint32_t generation; /* no two keep-alive streams share one */
            int64_t lease;
            int64_t ttl_s;
            uint64_t cluster_id; /* the header's; 0 without one */
        } keepalive;
        /** For the three kinds of watch events. */
        struct {
            uint32_t generation;
            /** The client's id; -1: the oldest unanswered one is refused. */
            int64_t watch_id;
            int64_t revision; /* the header's */
            uint64_t member_id;
            uint64_t cluster_id; /* as of a renewal */
            /** Of a refusal: REFUSED for permissions, otherwise ERROR. */
            enum ll_outcome outcome;
            const char *reason;
            const struct ll_watch_event *events;
            size_t events_n;
        } watch;
        struct {
            uint32_t n;      /* never fewer than before */
            uint64_t usable; /* bit i: endpoint i may be chosen; not 0 */
        } endpoints;
    };
};

#define LL_ENDPOINT_ANY UINT32_MAX

enum ll_effect_kind {
    /** Send a unary request; exactly one LL_EVENT_ANSWER must follow. */
    LL_EFFECT_CALL,
    /** Start a stream with this generation; it can be written to at once.
     *  Exactly one LL_EVENT_STREAM_DOWN ends it, also after a close. */
    LL_EFFECT_STREAM_OPEN,
    LL_EFFECT_STREAM_CLOSE,
    /** Messages on the open stream. */
    LL_EFFECT_KEEPALIVE,
    LL_EFFECT_WATCH_CREATE,
    LL_EFFECT_WATCH_CANCEL,
    /** For the user. */
    LL_EFFECT_SESSION_OPENED, /* status of session_open; not 0: it is gone */
    LL_EFFECT_SESSION_CHANGED,
    LL_EFFECT_SESSION_CLOSED, /* status of session_close */
    LL_EFFECT_ACQUIRED,       /* status of acquire; not 0: it is gone */
    LL_EFFECT_LOST,           /* a ticket that had been held */
    LL_EFFECT_RELEASED,       /* status of release; it is gone */
    LL_EFFECT_ASKED,          /* a held ticket, perhaps, to let go */
    LL_EFFECT_WRITTEN,        /* status of a write */
    LL_EFFECT_OBSERVED,       /* the leader now; or the observer's end */
    LL_EFFECT_FOLLOWED,       /* keys, changes, state or end of a follower */
    LL_EFFECT_QUERIED,        /* status of a query; it is gone */
    LL_EFFECT_LOG,
};

/** What a follower of a range of keys reports; see follow.h. */
enum ll_followed_kind {
    LL_FOLLOWED_LOADING, /* pages follow */
    LL_FOLLOWED_PAGE,
    LL_FOLLOWED_CHANGES,
    LL_FOLLOWED_CURRENT, /* all changes are reported as they come */
    LL_FOLLOWED_LOST,    /* etcd, for now */
    LL_FOLLOWED_FAILED,  /* it begins again after a pause */
    LL_FOLLOWED_END,     /* it is gone */
};

/** Why something failed, for the user's leaselock_error. */
struct ll_detail {
    int status; /* 0 or LEASELOCK_E_ */
    int grpc_status;
    uint32_t endpoint; /* or LL_ENDPOINT_ANY */
    const char *text;  /* "" when the status' own sentence is enough */
};

/** What blocks a ticket, as it was read last. */
struct ll_blocker {
    struct ll_bytes name;
    enum ll_mode_kind mode; /* the ticket's */
    int64_t ahead; /* how many that block it are; 0 or less: not known */
    /** The holder's, or, if that is not certain, the oldest that blocks it,
     *  which may wait itself; of size 0: not known. */
    bool is_holder;
    struct ll_bytes key;
    struct ll_bytes value;
    size_t prefix_size; /* of the queue's keys */
};

enum ll_session_state {
    LL_SESSION_OPENING,
    LL_SESSION_ACTIVE,
    LL_SESSION_SUSPECT,
    LL_SESSION_LOST,
    LL_SESSION_CLOSING,
};

#define LL_LOG_EVENT(name, word, level, fields) LL_LOG_##name,

/** The events of the log; their words, levels and fields are in the table. */
enum ll_log_event { LEASELOCK_LOG_EVENT_MAP(LL_LOG_EVENT) LL_LOG_EVENTS };

/** What a line of the log is about; 0: it is not about such a thing. */
struct ll_log_fields {
    struct ll_bytes lock; /* without the namespace */
    int64_t token;
    int64_t lease;
    int64_t duration_ns;
    uint32_t endpoint;
    int status;
    bool has_duration;
    bool has_endpoint;
};

/** Valid until the next ll_core_next or ll_core_step. */
struct ll_effect {
    enum ll_effect_kind kind;
    /** The session, ticket or query; of a call, the object that calls. */
    uint64_t id;
    /** ACQUIRED, LOST: etcd did not answer for longer than the lease lives, and
     *  the place expired with it; no other client deleted it. */
    bool silenced;
    union {
        struct {
            uint32_t seq;
            uint32_t endpoint;
            int64_t timeout_ns; /* for the answer, from now */
            struct ll_request request;
        } call;
        struct {
            enum ll_stream_kind which;
            uint32_t generation;
            uint32_t endpoint;
        } stream;
        struct {
            enum ll_stream_kind which;
            int64_t lease;
        } keepalive;
        struct {
            int64_t watch_id;
            struct ll_bytes key;
            struct ll_bytes end; /* of a range; size 0: key alone */
            /** 0, from now on, except for an observer and behind a key with a
             *  lock-delay. */
            int64_t start_revision;
            bool prev_values; /* of what is deleted */
            /** The changes to report. */
            bool puts;
            bool deletions;
        } watch;
        struct ll_detail detail; /* OPENED, CLOSED, ACQUIRED, RELEASED */
        struct {
            struct ll_detail detail; /* the same */
            bool is_blocked;         /* TIMEOUT: */
            struct ll_blocker blocker;
        } acquired;
        struct {
            struct ll_detail detail;
            /** False: the timeout has expired, and one more effect follows with
             *  the outcome. True: the write is gone. */
            bool last;
            int64_t revision; /* of one that was applied, if known; else 0 */
            /** The result of each read, of a write that was applied; NULL: it
             *  is not known any more. */
            const struct ll_op_answer *reads;
            size_t reads_n;
        } written;
        struct {
            /** NULL: there is no leader; or it is the end. */
            const struct ll_kv *leader;
            bool is_end; /* it is gone, for the detail's reason */
            struct ll_detail detail;
        } observed;
        struct {
            enum ll_followed_kind kind;
            /** PAGE: keys of a read of all, in their order, all at one
             *  revision. */
            const struct ll_kv *kvs;
            size_t kvs_n;
            bool is_first; /* the read begins */
            bool is_last;  /* it is complete, and replaces what was known */
            /** CHANGES, in their order, after all that was reported. */
            const struct ll_watch_event *events;
            size_t events_n;
            int64_t revision;        /* the newest that was seen */
            struct ll_detail detail; /* FAILED: the reason */
        } followed;
        struct {
            enum ll_session_state state;
            const char *why;
        } session;
        struct {
            const char *why;
        } lost;
        /** See yield.h. */
        struct {
            struct ll_bytes value; /* of the ticket's key */
            /** False: the value alone shows whether it is a request. */
            bool by_others;
            int64_t revision; /* the key's last change */
        } asked;
        struct {
            struct ll_detail detail;
            const struct ll_answer *answer; /* when status is 0 */
            int64_t round_trip_ns;
            uint32_t endpoint;
            bool was_lost; /* an earlier attempt may have been applied */
        } query;
        struct {
            enum ll_log_event event;
            int level; /* enum leaselock_log_level */
            const char *text;
            struct ll_log_fields fields;
        } log;
    };
};

#endif
