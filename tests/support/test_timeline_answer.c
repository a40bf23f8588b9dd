/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "support/test_timeline_private.h"

/**
 * The outcomes of an `answer` line:
 *
 *     granted TTL | left TTL [of GRANTED] | revoked |
 *     status [version V] [headless]
 *     queued rev N [behind KEY@CREATED [of COUNT] ...]   an enqueue's or try's
 *                                                  put, and the newest key of
 *                                                  each range ahead
 *     found rev N [KEY@CREATED ...]                its else branch: the own key,
 *                                                  or those that block it
 *     next rev N [KEY@CREATED ...]                 what a ticket's other Txns
 *                                                  read, each key in the ranges
 *                                                  that have it
 *     read rev N own CREATED [version V] [mod N] [lease HEX] [value VALUE]
 *                [ahead CREATED]                   0 if there is no key
 *     listed rev N KEY@CREATED[=VALUE] [version V] ... [of COUNT] [more]
 *                                                  in the order read
 *     made rev N -|KEY@CREATED [of COUNT] ...      for several names: the key
 *                                                  ahead in each queue
 *     were rev N -|KEY@CREATED [version V] ...     and the else branch; also
 *                                                  a deadlock detection's reads
 *     on [rev N KEY ...]                           the keys of a lease
 *     deleted rev N | not-deleted rev N
 *     done rev N [gone I ...]                      each request of a batch; the
 *                                                  deletions among its
 *                                                  operations that find no key
 *     undone rev N                                 a condition of a batch does
 *                                                  not hold
 *     keys rev N -|KEY@CREATED ...                 each range of a batch of
 *                                                  reads
 *     too-many                                     the Txn is too large
 *     written rev N [KEY@CREATED=VALUE|- ...]      a write's then branch, with
 *                                                  each read's result
 *     proof rev N KEY@CREATED[=VALUE] [version V] [mod N]|- ...
 *                                                  whether it was applied
 *     unwritten rev N [KEY@CREATED[=VALUE] version V [mod N]|-] ...
 *                                                  and its else branch: the
 *                                                  ticket's key, and those of
 *                                                  the conditions
 *     there rev N [KEY@CREATED version V [lease HEX]]    to a resume
 *     too-large                                    an answer above our limit
 * KEY@CREATED may be KEY@CREATED+LEASE: else the lease is that in the name.
 *
 *     lost | late | busy | no-lease | lease-exists | denied | error
 */

static const struct {
    const char *word;
    enum ll_outcome outcome;
    int grpc_status;
    const char *text;
} failures[] = {
    {"lost", LL_OUTCOME_LOST, 14, "connection reset"},
    {"late", LL_OUTCOME_LOST, 4, "no answer in time"},
    {"too-large", LL_OUTCOME_LOST, 8, "Received message larger than max"},
    {"busy", LL_OUTCOME_AGAIN, 2, "etcdserver: too many requests"},
    {"no-lease", LL_OUTCOME_NO_LEASE, 5,
     "etcdserver: requested lease not found"},
    {"lease-exists", LL_OUTCOME_LEASE_EXISTS, 9,
     "etcdserver: lease already exists"},
    {"too-many", LL_OUTCOME_ERROR, 3,
     "etcdserver: too many operations in txn request"},
    {"denied", LL_OUTCOME_REFUSED, 7, "etcdserver: permission denied"},
    {"error", LL_OUTCOME_ERROR, 8, "etcdserver: mvcc: database space exceeded"},
};

/** The lease in a key of ours, NAME/LEASE.NUMBER, or behind a mode, or behind
 *  tildes, which sort after it; 0 in any other key. */
static int64_t key_lease(const char *key)
{
    const char *slash = strrchr(key, '/');
    const char *lease = slash != NULL ? slash + 1 : "";

    if (strncmp(lease, "~.", 2) == 0) {
        lease = lease[2 + strcspn(lease + 2, ".")] != '\0'
                    ? lease + 3 + strcspn(lease + 2, ".")
                    : "";
    } else {
        lease += strspn(lease, "~");
    }
    return (int64_t)strtoull(lease, NULL, 16);
}

struct ll_kv *test_kv_parse(struct test_timeline *timeline)
{
    struct ll_kv *kv = &timeline->kvs[timeline->kvs_n];
    char *word =
        timeline->at < timeline->words_n ? timeline->words[timeline->at] : NULL;
    char *sign = word != NULL ? strchr(word, '@') : NULL;

    if (sign == NULL || timeline->kvs_n == TEST_KVS_MAX) {
        return NULL;
    }
    timeline->at++;
    timeline->kvs_n++;
    *sign = '\0';
    *kv = (struct ll_kv){.key = {word, strlen(word)}, .version = 1};
    kv->create_revision = strtoll(sign + 1, NULL, 10);
    kv->mod_revision = kv->create_revision;
    kv->lease = key_lease(word);
    if (sign[1 + strcspn(sign + 1, "+=")] == '+') {
        kv->lease = (int64_t)strtoull(strchr(sign + 1, '+') + 1, NULL, 16);
    }
    sign = strchr(sign + 1, '=');
    kv->value = (struct ll_bytes){sign != NULL ? sign + 1 : "",
                                  sign != NULL ? strlen(sign + 1) : 0};
    return kv;
}

static struct ll_op_answer op_kvs(const struct ll_kv *kvs, size_t n)
{
    return (struct ll_op_answer){
        .kind = LL_OP_RANGE,
        .range = {.kvs = kvs, .kvs_n = n, .count = (int64_t)n}};
}

static void txn(struct ll_answer *answer,
                bool succeeded,
                const struct ll_op_answer *ops,
                size_t ops_n)
{
    answer->kind = LL_REQUEST_TXN;
    answer->txn = (struct ll_txn_answer){succeeded, ops, ops_n};
}

static bool op_reads(const struct test_op *op, const struct ll_kv *kv)
{
    if (op->kind != LL_OP_RANGE ||
        (op->max_created != 0 && kv->create_revision > op->max_created)) {
        return false;
    }
    return op->end[0] == '\0' ? strcmp(op->key, kv->key.data) == 0
                              : strcmp(op->key, kv->key.data) <= 0 &&
                                    strcmp(kv->key.data, op->end) < 0;
}

/** The keys that follow, for the operations of a branch that read them. */
static void parse_branch(struct test_timeline *timeline,
                         bool succeeded,
                         const struct test_op *ops,
                         size_t ops_n)
{
    static struct ll_kv sorted[TEST_OPS_MAX][TEST_KVS_MAX];
    size_t n[TEST_OPS_MAX] = {0};
    int64_t counts[TEST_OPS_MAX] = {0};
    struct ll_kv *kv;

    (void)test_word_take(timeline, "behind");
    while ((kv = test_kv_parse(timeline)) != NULL) {
        int64_t of = test_word_option(timeline, "of", 1);

        for (size_t i = 0; i < ops_n; i++) {
            if (op_reads(&ops[i], kv)) {
                counts[i] += of;
                sorted[i][n[i]] = *kv;
                n[i] += ops[i].count_only ? 0 : 1;
            }
        }
    }
    for (size_t i = 0; i < ops_n; i++) {
        timeline->ops[i] = op_kvs(sorted[i], n[i]);
        timeline->ops[i].range.count = counts[i];
        if (ops[i].kind == LL_OP_PUT) {
            timeline->ops[i] = (struct ll_op_answer){.kind = LL_OP_PUT};
        } else if (ops[i].kind == LL_OP_DELETE) {
            timeline->ops[i] =
                (struct ll_op_answer){.kind = LL_OP_DELETE, .deleted = 1};
        }
    }
    txn(&timeline->answer, succeeded, timeline->ops, ops_n);
}

/** The keys of a range. */
static void parse_listed(struct test_timeline *timeline)
{
    struct ll_kv *kv;

    while ((kv = test_kv_parse(timeline)) != NULL) {
        kv->version = test_word_option(timeline, "version", 1);
    }
}

/** The results of a write's reads, each a key or none. */
static void parse_written(struct test_timeline *timeline)
{
    size_t n = 0;

    while (timeline->at < timeline->words_n && n < TEST_KVS_MAX) {
        size_t at = timeline->kvs_n;

        if (!test_word_take(timeline, "-") && test_kv_parse(timeline) == NULL) {
            break;
        }
        timeline->ops[n++] = op_kvs(&timeline->kvs[at], timeline->kvs_n - at);
    }
    txn(&timeline->answer, true, timeline->ops, n);
}

/** A range for each queue: none in it, or a key. */
static void parse_queues(struct test_timeline *timeline,
                         const struct test_call *call,
                         bool made)
{
    struct ll_op_answer put = {.kind = LL_OP_PUT};
    size_t n = 0;

    while (timeline->at < timeline->words_n && n + 1 < TEST_KVS_MAX) {
        size_t at = timeline->kvs_n;

        if (made && call->is_try) {
            timeline->ops[n++] = put;
            (void)test_word_next(timeline);
            continue;
        }
        if (test_word_take(timeline, "-")) {
            timeline->ops[n] = op_kvs(timeline->kvs, 0);
        } else if (test_kv_parse(timeline) != NULL) {
            timeline->ops[n] = op_kvs(&timeline->kvs[at], 1);
            timeline->ops[n].range.count = test_word_option(timeline, "of", 1);
            timeline->kvs[at].version =
                test_word_option(timeline, "version", 1);
        } else {
            break;
        }
        n++;
        if (made) {
            timeline->ops[n++] = put;
        }
    }
    txn(&timeline->answer, made, timeline->ops, n);
}

static void parse_read(struct test_timeline *timeline)
{
    static const char *const words[] = {"own", "ahead"};
    size_t ops_n = 0;

    for (size_t i = 0; i < 2; i++) {
        int64_t created = test_word_option(timeline, words[i], -1);
        struct ll_kv *kv = &timeline->kvs[i];

        if (created >= 0) {
            *kv = (struct ll_kv){.create_revision = created};
            kv->version = test_word_option(timeline, "version", 1);
            kv->mod_revision = test_word_option(timeline, "mod", created);
            if (test_word_take(timeline, "lease")) {
                kv->lease =
                    (int64_t)strtoull(test_word_next(timeline), NULL, 16);
            }
            if (test_word_take(timeline, "value")) {
                const char *value = test_word_next(timeline);

                kv->value = (struct ll_bytes){value, strlen(value)};
            }
            timeline->ops[ops_n++] = op_kvs(kv, created > 0 ? 1 : 0);
        }
    }
    txn(&timeline->answer, true, timeline->ops, ops_n);
}

/** A key with all its fields, or none, for each of reads_n reads; 0: until the
 *  end of the line. */
static void
parse_keys(struct test_timeline *timeline, bool succeeded, size_t reads_n)
{
    size_t i = 0;

    for (; reads_n > 0 ? i < reads_n
                       : timeline->at < timeline->words_n && i < TEST_KVS_MAX;
         i++) {
        size_t at = timeline->kvs_n;
        struct ll_kv *kv =
            test_word_take(timeline, "-") ? NULL : test_kv_parse(timeline);

        if (kv != NULL) {
            kv->version = test_word_option(timeline, "version", 1);
            kv->mod_revision =
                test_word_option(timeline, "mod", kv->mod_revision);
            if (test_word_take(timeline, "lease")) {
                kv->lease =
                    (int64_t)strtoull(test_word_next(timeline), NULL, 16);
            }
        }
        timeline->ops[i] = op_kvs(&timeline->kvs[at], timeline->kvs_n - at);
    }
    txn(&timeline->answer, succeeded, timeline->ops, i);
}

/** Each request of a batch: no ticket ahead; the key created or deleted, but for
 *  the deletions that follow as "gone I", counted from 0 among the operations. */
static void parse_done(struct test_timeline *timeline,
                       const struct test_call *call)
{
    int64_t gone;

    timeline->ops[0] = op_kvs(timeline->kvs, 0);
    timeline->ops[1] = timeline->ops[0];
    timeline->ops[2] = (struct ll_op_answer){.kind = LL_OP_PUT};
    for (size_t i = 0; i < call->then_n; i++) {
        struct ll_op_answer *part = &timeline->parts[i];

        *part = (struct ll_op_answer){.kind = call->kinds[i]};
        if (part->kind == LL_OP_TXN) {
            part->txn = (struct ll_txn_answer){true, timeline->ops, 3};
        } else if (part->kind == LL_OP_DELETE) {
            part->deleted = 1;
        }
    }
    while ((gone = test_word_option(timeline, "gone", -1)) >= 0) {
        timeline->parts[gone].deleted = 0;
    }
    txn(&timeline->answer, true, timeline->parts, call->then_n);
}

/** The answers to calls of tickets; each carries a revision. */
static bool parse_txn(struct test_timeline *timeline,
                      const struct test_call *call,
                      const char *word)
{
    struct ll_answer *answer = &timeline->answer;

    answer->revision = test_word_option(timeline, "rev", 0);
    if (strcmp(word, "queued") == 0 || strcmp(word, "next") == 0) {
        parse_branch(timeline, true, call->then_ops, call->then_n);
    } else if (strcmp(word, "found") == 0) {
        parse_branch(timeline, false, call->else_ops, call->else_n);
    } else if (strcmp(word, "read") == 0) {
        parse_read(timeline);
    } else if (strcmp(word, "listed") == 0) {
        parse_listed(timeline);
        answer->kind = LL_REQUEST_RANGE;
        answer->range = op_kvs(timeline->kvs, timeline->kvs_n).range;
        answer->range.count =
            test_word_option(timeline, "of", answer->range.count);
        answer->range.more = test_word_take(timeline, "more");
    } else if (strcmp(word, "deleted") == 0) {
        timeline->ops[0] =
            (struct ll_op_answer){.kind = LL_OP_DELETE, .deleted = 1};
        if (call->kind == LL_REQUEST_DELETE) {
            answer->kind = LL_REQUEST_DELETE;
            answer->deleted = 1;
        } else {
            txn(answer, true, timeline->ops, 1);
        }
    } else if (strcmp(word, "done") == 0) {
        parse_done(timeline, call);
    } else if (strcmp(word, "undone") == 0) {
        txn(answer, false, NULL, 0);
    } else if (strcmp(word, "made") == 0 || strcmp(word, "were") == 0) {
        parse_queues(timeline, call, word[0] == 'm');
    } else if (strcmp(word, "keys") == 0) {
        parse_queues(timeline, call, false);
        answer->txn.succeeded = true;
    } else if (strcmp(word, "written") == 0) {
        parse_written(timeline);
    } else if (strcmp(word, "proof") == 0) {
        parse_keys(timeline, true, 0);
    } else if (strcmp(word, "unwritten") == 0) {
        parse_keys(timeline, false, call->else_n);
    } else if (strcmp(word, "there") == 0) {
        parse_keys(timeline, true, 1);
    } else if (strcmp(word, "not-deleted") == 0) {
        answer->kind = call->kind;
        if (call->kind == LL_REQUEST_TXN) {
            txn(answer, false, timeline->ops, 0);
        }
    } else {
        return test_fault(timeline, "no such answer: %s", word);
    }
    return answer->revision > 0 || test_fault(timeline, "no \"rev N\"");
}

bool test_answer_parse(struct test_timeline *timeline,
                       const struct test_call *call)
{
    struct ll_answer *answer = &timeline->answer;
    const char *word = test_word_next(timeline);

    *answer = (struct ll_answer){.outcome = LL_OUTCOME_OK, .text = ""};
    timeline->kvs_n = 0;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (strcmp(word, failures[i].word) == 0) {
            answer->outcome = failures[i].outcome;
            answer->grpc_status = failures[i].grpc_status;
            answer->text = failures[i].text;
            return true;
        }
    }
    if (strcmp(word, "granted") == 0 || strcmp(word, "left") == 0) {
        answer->kind =
            word[0] == 'g' ? LL_REQUEST_LEASE_GRANT : LL_REQUEST_LEASE_TTL;
        answer->lease.ttl_s = strtoll(test_word_next(timeline), NULL, 10);
        answer->lease.granted_ttl_s =
            test_word_option(timeline, "of", answer->lease.ttl_s);
        return true;
    }
    if (strcmp(word, "on") == 0) {
        answer->kind = LL_REQUEST_LEASE_TTL;
        answer->revision = test_word_option(timeline, "rev", 0);
        answer->lease.ttl_s = timeline->at < timeline->words_n ? 10 : -1;
        answer->lease.keys = timeline->keys;
        while (timeline->at < timeline->words_n &&
               answer->lease.keys_n < TEST_KVS_MAX) {
            const char *key = test_word_next(timeline);

            timeline->keys[answer->lease.keys_n++] =
                (struct ll_bytes){key, strlen(key)};
        }
        return true;
    }
    if (strcmp(word, "revoked") == 0) {
        answer->kind = LL_REQUEST_LEASE_REVOKE;
        return true;
    }
    if (strcmp(word, "status") == 0) {
        answer->kind = LL_REQUEST_STATUS;
        answer->status.version = test_word_take(timeline, "version")
                                     ? test_word_next(timeline)
                                     : "3.4.23";
        answer->status.leader_id = test_word_take(timeline, "headless") ? 0 : 1;
        return true;
    }
    return parse_txn(timeline, call, word);
}
