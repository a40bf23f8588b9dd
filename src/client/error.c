/* SPDX-License-Identifier: Apache-2.0 */
#include "client/error.h"

#include "rpc/explain.h"

int ll_error_set(struct leaselock_error *reterr,
                 int code,
                 int grpc_status,
                 const char *endpoint,
                 const char *text)
{
    const char *sentence = code == LEASELOCK_E_UNAVAILABLE && text != NULL &&
                                   ll_explain_is_answer(text)
                               ? "etcd answered, but does not serve the request"
                               : NULL;

    return ll_error_fill(reterr, code, sentence, grpc_status, endpoint, text);
}
