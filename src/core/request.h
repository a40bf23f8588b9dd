/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_REQUEST_H
#define LL_CORE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * etcd's requests and answers in core's own terms. A request borrows all that
 * it points at until the effect that carries it has been carried out; an
 * answer until the event that carries it has been stepped and the effects that
 * came of it have been drained.
 */

/** Bytes that need not end in a NUL. */
struct ll_bytes {
    const char *data;
    size_t size;
};

/** A key with its metadata in etcd; as mvccpb.KeyValue. */
struct ll_kv {
    struct ll_bytes key;
    struct ll_bytes value;
    int64_t create_revision;
    int64_t mod_revision;
    int64_t version;
    int64_t lease;
};

enum ll_compare_target {
    LL_COMPARE_VERSION,
    LL_COMPARE_CREATE_REVISION,
    LL_COMPARE_MOD_REVISION,
    LL_COMPARE_LEASE,
    LL_COMPARE_VALUE,
};

enum ll_compare_result {
    LL_COMPARE_EQUAL,
    LL_COMPARE_GREATER,
    LL_COMPARE_LESS,
    LL_COMPARE_NOT_EQUAL,
};

/** Holds when every key in [key, end) compares so; an empty range compares as
 *  one key whose numbers are all 0 (etcd applies it like that). */
struct ll_compare {
    struct ll_bytes key;
    struct ll_bytes end; /* size 0: key alone */
    enum ll_compare_target target;
    enum ll_compare_result result;
    int64_t number;        /* for every target but the value */
    struct ll_bytes value; /* for the value */
};

enum ll_sort {
    LL_SORT_NONE,
    LL_SORT_OLDEST_FIRST, /* by create revision, ascending */
    LL_SORT_NEWEST_FIRST, /* by create revision, descending */
};

struct ll_range {
    struct ll_bytes key;
    struct ll_bytes end; /* size 0: key alone */
    int64_t limit;       /* 0: all */
    int64_t revision;    /* 0: the newest */
    int64_t max_create_revision;
    enum ll_sort sort;
    bool serializable;
    bool keys_only;
    bool count_only;
};

struct ll_put {
    struct ll_bytes key;
    struct ll_bytes value;
    int64_t lease;
    /** Value and lease stay as they are, and are empty here: only the version
     *  rises. The key must exist. */
    bool keep;
    /** The lease alone stays as it is, and is empty here. The key must exist.
     */
    bool keep_lease;
};

struct ll_delete {
    struct ll_bytes key;
    struct ll_bytes end; /* size 0: key alone */
};

enum ll_op_kind {
    LL_OP_RANGE,
    LL_OP_PUT,
    LL_OP_DELETE,
    LL_OP_TXN,
};

struct ll_op;

struct ll_txn {
    const struct ll_compare *compares;
    size_t compares_n;
    const struct ll_op *then_ops;
    size_t then_n;
    const struct ll_op *else_ops;
    size_t else_n;
};

struct ll_op {
    enum ll_op_kind kind;
    union {
        struct ll_range range;
        struct ll_put put;
        struct ll_delete del;
        struct ll_txn txn;
    };
};

enum ll_request_kind {
    LL_REQUEST_TXN,
    LL_REQUEST_RANGE,
    LL_REQUEST_DELETE,
    LL_REQUEST_LEASE_GRANT,
    LL_REQUEST_LEASE_REVOKE,
    LL_REQUEST_LEASE_TTL, /* LeaseTimeToLive */
    LL_REQUEST_STATUS,    /* Maintenance.Status */
    LL_REQUEST_MEMBER_LIST,
};

/** Deepest nesting of Txns in a Txn; etcd's clients use one. */
#define LL_TXN_DEPTH_MAX 4

struct ll_request {
    enum ll_request_kind kind;
    union {
        struct ll_txn txn;
        struct ll_range range;
        struct ll_delete del;
        struct {
            int64_t lease; /* an id of the client's choice, not 0 */
            int64_t ttl_s; /* for the grant alone */
            bool keys;     /* LEASE_TTL: lists its keys, too */
        } lease;
    };
};

struct ll_op_answer;

struct ll_txn_answer {
    bool succeeded;
    const struct ll_op_answer *ops;
    size_t ops_n;
};

struct ll_range_answer {
    const struct ll_kv *kvs;
    size_t kvs_n;
    bool more;
    int64_t count;
};

struct ll_op_answer {
    enum ll_op_kind kind;
    union {
        struct ll_range_answer range;
        int64_t deleted;
        struct ll_txn_answer txn;
    };
};

/** A member of the cluster. */
struct ll_member {
    uint64_t id;
    const char *name;
    /** The URLs that it advertises to clients. */
    const char *const *client_urls;
    size_t client_urls_n;
    bool is_learner;
};

/**
 * What an answer, or its absence, means for its request. Only LOST leaves it
 * open whether a write was applied; with every other failure it was not.
 */
enum ll_outcome {
    LL_OUTCOME_OK,
    /** No answer, or one that leaves open whether etcd applied the request:
     *  a broken connection, a timeout, a leader that changed. */
    LL_OUTCOME_LOST,
    /** Certainly not applied, and the same may succeed later: too many
     *  requests, no memory here to send it. */
    LL_OUTCOME_AGAIN,
    /** "requested lease not found". */
    LL_OUTCOME_NO_LEASE,
    /** "lease already exists". */
    LL_OUTCOME_LEASE_EXISTS,
    /** Credentials or permissions. */
    LL_OUTCOME_REFUSED,
    /** Any other error of etcd: the request is wrong or the server is full; the
     *  same request would fail the same way. */
    LL_OUTCOME_ERROR,
};

struct ll_answer {
    enum ll_outcome outcome;
    int grpc_status;
    const char *text; /* of a failure: etcd's or gRPC's text; else "" */
    int64_t revision; /* the header's; 0 without one */
    uint64_t cluster_id;
    uint64_t member_id;
    /** An ERROR in place of an OK answer of a cluster that is not accepted:
     *  that cluster has applied the request. */
    bool is_disbelieved;
    /** The request's; it names the member below, which an OK answer has. */
    enum ll_request_kind kind;
    union {
        struct ll_txn_answer txn;
        struct ll_range_answer range;
        int64_t deleted; /* how many keys */
        struct {
            int64_t ttl_s; /* granted, or left; -1: no such lease */
            int64_t granted_ttl_s;
            const struct ll_bytes *keys; /* in no order */
            size_t keys_n;
        } lease;
        struct {
            const char *version;
            uint64_t leader_id;
            bool is_learner;
        } status;
        struct {
            const struct ll_member *list;
            size_t n;
        } members;
    };
};

/** The range at a place of the answer to a Txn; NULL: there is none. */
static inline const struct ll_range_answer *
ll_answer_range(const struct ll_answer *answer, size_t at)
{
    return answer->kind == LL_REQUEST_TXN && at < answer->txn.ops_n &&
                   answer->txn.ops[at].kind == LL_OP_RANGE
               ? &answer->txn.ops[at].range
               : NULL;
}

#endif
