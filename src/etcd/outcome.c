/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/messages.h"

#include <string.h>

#include <grpc/status.h>

/**
 * The meaning of etcd's sentences. A sentence counts more than the status that
 * carries it: etcd sends some with different codes in different releases, and
 * those that it does not map as UNKNOWN. None of them comes from gRPC.
 */
static const struct {
    const char *sentence;
    enum ll_outcome outcome;
} sentences[] = {
    /* Refused before the request is proposed: more than 5,000 entries are
     * committed and not applied. */
    {"etcdserver: too many requests", LL_OUTCOME_AGAIN},
    {"requested lease not found", LL_OUTCOME_NO_LEASE},
    {"lease already exists", LL_OUTCOME_LEASE_EXISTS},
    {"etcdserver: permission denied", LL_OUTCOME_REFUSED},
    {"invalid auth token", LL_OUTCOME_REFUSED},
    {"user name is empty", LL_OUTCOME_REFUSED},
    {"authentication failed, ", LL_OUTCOME_REFUSED},
    /* A token from before the last change of users or roles. */
    {"revision of auth store is old", LL_OUTCOME_REFUSED},
    /* etcd applies the write that exceeds the store's quota, and then answers
     * it like those that it refuses after it. */
    {"database space exceeded", LL_OUTCOME_LOST},
    /* This member cannot serve it; another one may. */
    {"not a primary lessor", LL_OUTCOME_LOST},
    {"rpc not supported for learner", LL_OUTCOME_LOST},
    {"etcdserver: not leader", LL_OUTCOME_LOST},
    {"etcdserver: not capable", LL_OUTCOME_LOST},
    /* Refused for its size before anything was done: by etcd's limit on a
     * proposal, by its gRPC server, by the client's gRPC. */
    {"etcdserver: request is too large", LL_OUTCOME_ERROR},
    {"grpc: received message larger than max", LL_OUTCOME_ERROR},
    {"Sent message larger than max", LL_OUTCOME_ERROR},
    /* Refused for its form; etcd's grpc-proxy removes the code of these. */
    {"too many operations in txn request", LL_OUTCOME_ERROR},
    {"duplicate key given in txn request", LL_OUTCOME_ERROR},
    {"etcdserver: key is not provided", LL_OUTCOME_ERROR},
    {"etcdserver: too large lease TTL", LL_OUTCOME_ERROR},
    {"mvcc: required revision has been compacted", LL_OUTCOME_ERROR},
    {"mvcc: required revision is a future revision", LL_OUTCOME_ERROR},
    {"etcdserver: user name not found", LL_OUTCOME_ERROR},
    {"authentication is not enabled", LL_OUTCOME_ERROR},
    /* From gRPC, with UNIMPLEMENTED, for an answer that it cannot unpack: its
     * request may have been applied. */
    {"Compression algorithm", LL_OUTCOME_LOST},
};

/**
 * What a status alone means, if its sentence is not known. Only statuses that
 * mean "refused" are certain; whatever may come after the request was sent, or
 * from something between etcd and the client, leaves it open.
 */
static enum ll_outcome outcome_of_status(int grpc_status)
{
    switch (grpc_status) {
    case GRPC_STATUS_OK:
        return LL_OUTCOME_OK;
    case GRPC_STATUS_PERMISSION_DENIED:
    case GRPC_STATUS_UNAUTHENTICATED:
        return LL_OUTCOME_REFUSED;
    case GRPC_STATUS_INVALID_ARGUMENT:
    case GRPC_STATUS_NOT_FOUND:
    case GRPC_STATUS_ALREADY_EXISTS:
    case GRPC_STATUS_FAILED_PRECONDITION:
    case GRPC_STATUS_OUT_OF_RANGE:
    case GRPC_STATUS_UNIMPLEMENTED:
        return LL_OUTCOME_ERROR;
    case GRPC_STATUS_CANCELLED:
    case GRPC_STATUS_UNKNOWN:
    case GRPC_STATUS_DEADLINE_EXCEEDED:
    case GRPC_STATUS_ABORTED:
    case GRPC_STATUS_INTERNAL:
    case GRPC_STATUS_UNAVAILABLE:
    case GRPC_STATUS_DATA_LOSS:
    /* gRPC itself reports RESOURCE_EXHAUSTED for an answer that is too large or
     * for which it has no memory, after the request was applied; and for a
     * connection that the server throttles. etcd's own are known above. */
    case GRPC_STATUS_RESOURCE_EXHAUSTED:
        return LL_OUTCOME_LOST;
    default:
        return LL_OUTCOME_LOST;
    }
}

enum ll_outcome ll_outcome_of(int grpc_status, const char *text)
{
    size_t i = 0;

    if (grpc_status == GRPC_STATUS_OK || text == NULL) {
        return outcome_of_status(grpc_status);
    }
    for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (strstr(text, sentences[i].sentence) != NULL) {
            return sentences[i].outcome;
        }
    }
    return outcome_of_status(grpc_status);
}

bool ll_text_is_token(const char *text)
{
    return strstr(text, "invalid auth token") != NULL ||
           strstr(text, "user name is empty") != NULL ||
           strstr(text, "revision of auth store is old") != NULL;
}

bool ll_text_is_permission(const char *text)
{
    return strstr(text, "permission denied") != NULL ||
           strstr(text, "user name is empty") != NULL;
}

bool ll_text_is_auth_off(const char *text)
{
    return strstr(text, "authentication is not enabled") != NULL;
}

void ll_answer_fail(int grpc_status,
                    const char *text,
                    struct ll_answer *ret_answer)
{
    *ret_answer = (struct ll_answer){
        .outcome = ll_outcome_of(grpc_status, text),
        .grpc_status = grpc_status,
        .text = text != NULL ? text : "",
    };
}

const char *ll_request_method(enum ll_request_kind kind)
{
    switch (kind) {
    case LL_REQUEST_TXN:
        return "/etcdserverpb.KV/Txn";
    case LL_REQUEST_RANGE:
        return "/etcdserverpb.KV/Range";
    case LL_REQUEST_DELETE:
        return "/etcdserverpb.KV/DeleteRange";
    case LL_REQUEST_LEASE_GRANT:
        return "/etcdserverpb.Lease/LeaseGrant";
    case LL_REQUEST_LEASE_REVOKE:
        return "/etcdserverpb.Lease/LeaseRevoke";
    case LL_REQUEST_LEASE_TTL:
        return "/etcdserverpb.Lease/LeaseTimeToLive";
    case LL_REQUEST_STATUS:
        return "/etcdserverpb.Maintenance/Status";
    case LL_REQUEST_MEMBER_LIST:
        return "/etcdserverpb.Cluster/MemberList";
    }
    return "";
}
