/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *open_text(char **ret_text, size_t *ret_size)
{
    FILE *out = open_memstream(ret_text, ret_size);

    if (out == NULL) {
        abort();
    }
    return out;
}

static void print_bytes(FILE *out, struct ll_bytes bytes)
{
    size_t i;

    (void)fputc('"', out);
    for (i = 0; i < bytes.size; i++) {
        if (bytes.data[i] == '\0') {
            (void)fputs("\\0", out);
        } else {
            (void)fputc(bytes.data[i], out);
        }
    }
    (void)fputc('"', out);
}

static void print_kv(FILE *out, const struct ll_kv *kv)
{
    print_bytes(out, kv->key);
    (void)fputc('=', out);
    print_bytes(out, kv->value);
    (void)fprintf(out, "(c%" PRId64 " m%" PRId64 " v%" PRId64 " l%" PRId64 ")",
                  kv->create_revision, kv->mod_revision, kv->version,
                  kv->lease);
}

static void print_range_answer(FILE *out, const struct ll_range_answer *range)
{
    size_t i;

    (void)fprintf(out, "range count %" PRId64 "%s [", range->count,
                  range->more ? " more" : "");
    for (i = 0; i < range->kvs_n; i++) {
        (void)fputs(i > 0 ? " " : "", out);
        print_kv(out, &range->kvs[i]);
    }
    (void)fputc(']', out);
}

static int compare_bytes(const void *a, const void *b)
{
    return sim_bytes_compare(*(const struct ll_bytes *)a,
                             *(const struct ll_bytes *)b);
}

/** Sorted, since etcd returns them in no order. */
static void
print_lease_keys(FILE *out, const struct ll_bytes *keys, size_t keys_n)
{
    struct ll_bytes *sorted = sim_alloc(keys_n + 1, sizeof(*sorted));

    for (size_t i = 0; i < keys_n; i++) {
        sorted[i] = keys[i];
    }
    qsort(sorted, keys_n, sizeof(*sorted), compare_bytes);
    for (size_t i = 0; i < keys_n; i++) {
        (void)fputc(' ', out);
        print_bytes(out, sorted[i]);
    }
    free(sorted);
}

static void print_txn_answer(FILE *out, const struct ll_txn_answer *txn)
{
    size_t i;

    (void)fprintf(out, "txn %s {", txn->succeeded ? "then" : "else");
    for (i = 0; i < txn->ops_n; i++) {
        const struct ll_op_answer *op = &txn->ops[i];

        (void)fputs(i > 0 ? ", " : "", out);
        switch (op->kind) {
        case LL_OP_RANGE:
            print_range_answer(out, &op->range);
            break;
        case LL_OP_PUT:
            (void)fputs("put", out);
            break;
        case LL_OP_DELETE:
            (void)fprintf(out, "deleted %" PRId64, op->deleted);
            break;
        case LL_OP_TXN:
            print_txn_answer(out, &op->txn);
            break;
        }
    }
    (void)fputc('}', out);
}

static const char *outcome_name(enum ll_outcome outcome)
{
    switch (outcome) {
    case LL_OUTCOME_OK:
        return "ok";
    case LL_OUTCOME_LOST:
        return "lost";
    case LL_OUTCOME_AGAIN:
        return "again";
    case LL_OUTCOME_NO_LEASE:
        return "no lease";
    case LL_OUTCOME_LEASE_EXISTS:
        return "lease exists";
    case LL_OUTCOME_REFUSED:
        return "refused";
    case LL_OUTCOME_ERROR:
        return "error";
    }
    return "";
}

char *sim_print_answer(const struct ll_answer *answer)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_text(&text, &size);

    if (answer->outcome != LL_OUTCOME_OK) {
        (void)fprintf(out, "%s %d \"%s\"", outcome_name(answer->outcome),
                      answer->grpc_status, answer->text);
    } else {
        (void)fprintf(out, "revision %" PRId64 " ", answer->revision);
    }
    if (answer->outcome == LL_OUTCOME_OK) {
        switch (answer->kind) {
        case LL_REQUEST_TXN:
            print_txn_answer(out, &answer->txn);
            break;
        case LL_REQUEST_RANGE:
            print_range_answer(out, &answer->range);
            break;
        case LL_REQUEST_DELETE:
            (void)fprintf(out, "deleted %" PRId64, answer->deleted);
            break;
        case LL_REQUEST_LEASE_GRANT:
            (void)fprintf(out, "granted %" PRId64 " %" PRId64,
                          answer->lease.ttl_s, answer->lease.granted_ttl_s);
            break;
        case LL_REQUEST_LEASE_REVOKE:
            (void)fputs("revoked", out);
            break;
        case LL_REQUEST_LEASE_TTL:
            (void)fprintf(out, "ttl%s of %" PRId64,
                          answer->lease.ttl_s < 0 ? " none" : "",
                          answer->lease.granted_ttl_s);
            print_lease_keys(out, answer->lease.keys, answer->lease.keys_n);
            break;
        case LL_REQUEST_STATUS:
            (void)fprintf(out, "version %s", answer->status.version);
            break;
        case LL_REQUEST_MEMBER_LIST:
            (void)fprintf(out, "%zu members", answer->members.n);
            break;
        }
    }
    (void)fclose(out);
    return text;
}

char *sim_print_watch(const struct ll_event *event)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_text(&text, &size);
    size_t i;

    (void)fprintf(out, "watch %" PRId64 " revision %" PRId64 " ",
                  event->watch.watch_id, event->watch.revision);
    if (event->kind == LL_EVENT_WATCH_CREATED) {
        (void)fputs("created", out);
    } else if (event->kind == LL_EVENT_WATCH_CANCELED) {
        (void)fprintf(out, "canceled %s \"%s\"",
                      outcome_name(event->watch.outcome), event->watch.reason);
    } else {
        for (i = 0; i < event->watch.events_n; i++) {
            (void)fputs(event->watch.events[i].deleted ? " del " : " put ",
                        out);
            print_kv(out, &event->watch.events[i].kv);
            if (event->watch.events[i].has_prev) {
                (void)fputs(" was ", out);
                print_bytes(out, event->watch.events[i].prev_value);
            }
        }
    }
    (void)fclose(out);
    return text;
}

static void print_range(FILE *out, const struct ll_range *range)
{
    static const char *const sorts[] = {"", " oldest", " newest"};

    (void)fputs("range ", out);
    print_bytes(out, range->key);
    print_bytes(out, range->end);
    (void)fprintf(out, " limit %" PRId64 " at %" PRId64 " max %" PRId64,
                  range->limit, range->revision, range->max_create_revision);
    (void)fprintf(out, "%s%s%s%s", sorts[range->sort],
                  range->serializable ? " serializable" : "",
                  range->keys_only ? " keys" : "",
                  range->count_only ? " count" : "");
}

static void print_txn(FILE *out, const struct ll_txn *txn);

static void print_ops(FILE *out, const struct ll_op *ops, size_t n)
{
    size_t i;

    (void)fputc('{', out);
    for (i = 0; i < n && i < 10; i++) {
        (void)fputs(i > 0 ? ", " : "", out);
        switch (ops[i].kind) {
        case LL_OP_RANGE:
            print_range(out, &ops[i].range);
            break;
        case LL_OP_PUT:
            (void)fputs("put ", out);
            print_bytes(out, ops[i].put.key);
            print_bytes(out, ops[i].put.value);
            (void)fprintf(out, " lease %" PRId64 "%s", ops[i].put.lease,
                          ops[i].put.keep ? " as it is" : "");
            break;
        case LL_OP_DELETE:
            (void)fputs("delete ", out);
            print_bytes(out, ops[i].del.key);
            print_bytes(out, ops[i].del.end);
            break;
        case LL_OP_TXN:
            print_txn(out, &ops[i].txn);
            break;
        }
    }
    (void)fprintf(out, "}%zu", n);
}

static void print_txn(FILE *out, const struct ll_txn *txn)
{
    static const char *const targets[] = {"version", "create", "mod", "lease",
                                          "value"};
    static const char *const results[] = {"==", ">", "<", "!="};
    size_t i;

    (void)fputs("txn if", out);
    for (i = 0; i < txn->compares_n; i++) {
        const struct ll_compare *compare = &txn->compares[i];

        (void)fprintf(out, " %s ", targets[compare->target]);
        print_bytes(out, compare->key);
        print_bytes(out, compare->end);
        (void)fprintf(out, " %s %" PRId64, results[compare->result],
                      compare->number);
        print_bytes(out, compare->value);
    }
    (void)fputs(" then ", out);
    print_ops(out, txn->then_ops, txn->then_n);
    (void)fputs(" else ", out);
    print_ops(out, txn->else_ops, txn->else_n);
}

static void print_request(FILE *out, const struct ll_request *request)
{
    static const char *const kinds[] = {"txn",    "range", "delete", "grant",
                                        "revoke", "ttl",   "status"};

    if (request->kind == LL_REQUEST_TXN) {
        print_txn(out, &request->txn);
    } else if (request->kind == LL_REQUEST_RANGE) {
        print_range(out, &request->range);
    } else if (request->kind == LL_REQUEST_DELETE) {
        (void)fputs("delete ", out);
        print_bytes(out, request->del.key);
        print_bytes(out, request->del.end);
    } else if (request->kind == LL_REQUEST_STATUS) {
        (void)fputs("status", out);
    } else {
        (void)fprintf(out, "%s %" PRId64 " ttl %" PRId64 "%s",
                      kinds[request->kind], request->lease.lease,
                      request->lease.ttl_s, request->lease.keys ? " keys" : "");
    }
}

char *sim_print_step(const struct sim_step *step)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_text(&text, &size);

    switch (step->kind) {
    case SIM_STEP_CALL:
        print_request(out, &step->request);
        break;
    case SIM_STEP_KEEPALIVE:
        (void)fprintf(out, "keepalive %" PRId64, step->id);
        break;
    case SIM_STEP_WATCH:
        (void)fprintf(out, "watch %" PRId64 " ", step->watch.watch_id);
        print_bytes(out, step->watch.key);
        print_bytes(out, step->watch.end);
        (void)fprintf(out, " from %" PRId64 "%s%s", step->watch.start_revision,
                      step->watch.puts ? " puts" : "",
                      step->watch.deletions ? " deletions" : "");
        if (step->watch.prev_values) {
            (void)fputs(" with the values before", out);
        }
        break;
    case SIM_STEP_WATCH_CANCEL:
        (void)fprintf(out, "cancel %" PRId64, step->id);
        break;
    case SIM_STEP_COMPACT:
        (void)fprintf(out, "compact %" PRId64, step->id);
        break;
    }
    (void)fclose(out);
    return text;
}
