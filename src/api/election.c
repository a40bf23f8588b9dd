/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/election.h"

#include "api/write.h"
#include "base/error.h"
#include "core/core.h"

/**
 * A candidate is a ticket whose key's value is the candidate's own, and whose
 * resume takes over an existing key. All else is in ticket_begin.c and write.c.
 */

_Static_assert(LEASELOCK_VALUE_MAX == LL_VALUE_MAX,
               "a value that can be proclaimed is one that a key can have");

int ll_candidate_check(const void *value,
                       size_t size,
                       struct leaselock_error *reterr)
{
    if (size > LEASELOCK_VALUE_MAX) {
        return ll_error_text(reterr, LEASELOCK_E_LIMIT,
                             "a value has at most 16384 bytes");
    }
    if (value == NULL && size > 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a value has no data for its size");
    }
    return 0;
}

int ll_ticket_campaign(leaselock_session *session,
                       struct ll_ticket_ask *ask,
                       const void *value,
                       size_t value_size,
                       bool waits,
                       leaselock_ticket **ret_ticket,
                       struct leaselock_error *reterr)
{
    int status = ll_candidate_check(value, value_size, reterr);

    if (status != 0) {
        return status;
    }
    ask->value = value != NULL ? value : "";
    ask->value_size = value_size;
    return ll_ticket_begin(session, ask, waits, ret_ticket, reterr);
}

int leaselock_campaign(leaselock_session *session,
                       const char *name,
                       const void *value,
                       size_t value_size,
                       const struct leaselock_acquire_options *options,
                       int timeout_ms,
                       leaselock_ticket **ret_ticket,
                       struct leaselock_error *reterr)
{
    struct ll_ticket_ask ask = {
        .options = options, .timeout_ms = timeout_ms, .name = name};

    return ll_ticket_campaign(session, &ask, value, value_size, true,
                              ret_ticket, reterr);
}

int leaselock_campaign_async(leaselock_session *session,
                             const char *name,
                             const void *value,
                             size_t value_size,
                             const struct leaselock_acquire_options *options,
                             int timeout_ms,
                             leaselock_done_fn *done,
                             void *arg,
                             leaselock_ticket **ret_ticket,
                             struct leaselock_error *reterr)
{
    struct ll_ticket_ask ask = {.options = options,
                                .timeout_ms = timeout_ms,
                                .name = name,
                                .done = done,
                                .arg = arg};

    return ll_ticket_campaign(session, &ask, value, value_size, false,
                              ret_ticket, reterr);
}

static int proclaim(leaselock_ticket *ticket,
                    const void *value,
                    size_t value_size,
                    int timeout_ms,
                    bool waits,
                    leaselock_done_fn *done,
                    void *arg,
                    struct leaselock_error *reterr)
{
    const struct leaselock_txn nothing = LEASELOCK_TXN_INIT;
    const struct ll_bytes bytes = {value != NULL ? value : "", value_size};
    struct ll_write_ask ask = {.txn = &nothing,
                               .value = &bytes,
                               .timeout_ms = timeout_ms,
                               .done = done,
                               .arg = arg};
    int status = ll_candidate_check(value, value_size, reterr);

    if (status != 0) {
        return status;
    }
    return ll_write_run(ticket, &ask, waits, reterr);
}

int leaselock_proclaim(leaselock_ticket *ticket,
                       const void *value,
                       size_t value_size,
                       int timeout_ms,
                       struct leaselock_error *reterr)
{
    return proclaim(ticket, value, value_size, timeout_ms, true, NULL, NULL,
                    reterr);
}

int leaselock_proclaim_async(leaselock_ticket *ticket,
                             const void *value,
                             size_t value_size,
                             int timeout_ms,
                             leaselock_done_fn *done,
                             void *arg,
                             struct leaselock_error *reterr)
{
    return proclaim(ticket, value, value_size, timeout_ms, false, done, arg,
                    reterr);
}

static int resume(leaselock_session *session,
                  const struct ll_ticket_ask *ask,
                  bool waits,
                  leaselock_ticket **ret_ticket,
                  struct leaselock_error *reterr)
{
    if (ask->key == NULL || ask->token < 0 || ask->timeout_ms == 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "to resume takes a key, a token that is not "
                             "negative, and a timeout of 1 or more "
                             "milliseconds or LEASELOCK_FOREVER");
    }
    return ll_ticket_begin(session, ask, waits, ret_ticket, reterr);
}

int leaselock_resume(leaselock_session *session,
                     const char *key,
                     int64_t token,
                     const struct leaselock_acquire_options *options,
                     int timeout_ms,
                     leaselock_ticket **ret_ticket,
                     struct leaselock_error *reterr)
{
    struct ll_ticket_ask ask = {.options = options,
                                .timeout_ms = timeout_ms,
                                .key = key,
                                .token = token};

    return resume(session, &ask, true, ret_ticket, reterr);
}

int leaselock_resume_async(leaselock_session *session,
                           const char *key,
                           int64_t token,
                           const struct leaselock_acquire_options *options,
                           int timeout_ms,
                           leaselock_done_fn *done,
                           void *arg,
                           leaselock_ticket **ret_ticket,
                           struct leaselock_error *reterr)
{
    struct ll_ticket_ask ask = {.options = options,
                                .timeout_ms = timeout_ms,
                                .key = key,
                                .token = token,
                                .done = done,
                                .arg = arg};

    return resume(session, &ask, false, ret_ticket, reterr);
}
