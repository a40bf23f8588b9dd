/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/ticket.h"
#include "base/error.h"
#include "core/core.h"
#include "core/key.h"
#include "leaselock/names.h"

/**
 * Multi-locks: the checks of their names, and the calls that take them.
 */

_Static_assert(LEASELOCK_NAMES_MAX == LL_NAMES_MAX, "as many as core takes");

/** Whether a name equals another or is a leading part of its path. */
static bool is_above(struct ll_bytes upper, struct ll_bytes lower)
{
    return lower.size >= upper.size &&
           memcmp(upper.data, lower.data, upper.size) == 0 &&
           (lower.size == upper.size || lower.data[upper.size] == '/');
}

/** Reports which two of the names exclude each other, and why. */
static int refuse_pair(const struct ll_bytes *names,
                       size_t upper,
                       size_t lower,
                       struct leaselock_error *reterr)
{
    if (names[upper].size == names[lower].size) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "names %zu and %zu are both \"%.*s\"",
                               upper < lower ? upper + 1 : lower + 1,
                               upper < lower ? lower + 1 : upper + 1,
                               (int)names[upper].size, names[upper].data);
    }
    return ll_error_format(
        reterr, LEASELOCK_E_NESTED,
        "name %zu, \"%.*s\", is above name %zu, \"%.*s\", whose "
        "keys would stand in its queue",
        upper + 1, (int)names[upper].size, names[upper].data, lower + 1,
        (int)names[lower].size, names[lower].data);
}

/** Checks the names, and reports the position of a bad one, from 1 on. */
static int take_names(const char *const *names,
                      size_t names_n,
                      struct ll_bytes *ret_bytes,
                      struct leaselock_error *reterr)
{
    if (names == NULL || names_n == 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "there is no name to acquire");
    }
    if (names_n > LEASELOCK_NAMES_MAX) {
        return ll_error_format(
            reterr, LEASELOCK_E_ARGUMENT,
            "%zu names are too many for one ticket, which takes %d", names_n,
            LEASELOCK_NAMES_MAX);
    }
    for (size_t i = 0; i < names_n; i++) {
        const char *fault = leaselock_name_check(names[i]);

        if (fault != NULL) {
            return ll_error_format(reterr, LEASELOCK_E_NAME, "name %zu: %s",
                                   i + 1, fault);
        }
        ret_bytes[i] = (struct ll_bytes){names[i], strlen(names[i])};
    }
    for (size_t i = 0; i < names_n; i++) {
        for (size_t j = 0; j < names_n; j++) {
            if (i != j && is_above(ret_bytes[i], ret_bytes[j])) {
                return refuse_pair(ret_bytes, i, j, reterr);
            }
        }
    }
    return 0;
}

/** As ll_ticket_begin; a single name is acquired as an ordinary lock. */
static int acquire_all(leaselock_session *session,
                       const char *const *names,
                       size_t names_n,
                       struct ll_ticket_ask *ask,
                       bool waits,
                       leaselock_ticket **ret_ticket,
                       struct leaselock_error *reterr)
{
    struct ll_bytes bytes[LEASELOCK_NAMES_MAX];
    int status = take_names(names, names_n, bytes, reterr);

    if (status != 0) {
        return status;
    }
    ask->is_all = true;
    if (names_n == 1) {
        ask->name = names[0];
    } else {
        ask->names = bytes;
        ask->names_n = names_n;
    }
    return ll_ticket_begin(session, ask, waits, ret_ticket, reterr);
}

int leaselock_acquire_all(leaselock_session *session,
                          const char *const *names,
                          size_t names_n,
                          const struct leaselock_acquire_options *options,
                          int timeout_ms,
                          leaselock_ticket **ret_ticket,
                          struct leaselock_error *reterr)
{
    struct ll_ticket_ask ask = {.options = options, .timeout_ms = timeout_ms};

    return acquire_all(session, names, names_n, &ask, true, ret_ticket, reterr);
}

int leaselock_acquire_all_async(leaselock_session *session,
                                const char *const *names,
                                size_t names_n,
                                const struct leaselock_acquire_options *options,
                                int timeout_ms,
                                leaselock_done_fn *done,
                                void *arg,
                                leaselock_ticket **ret_ticket,
                                struct leaselock_error *reterr)
{
    struct ll_ticket_ask ask = {
        .options = options, .timeout_ms = timeout_ms, .done = done, .arg = arg};

    return acquire_all(session, names, names_n, &ask, false, ret_ticket,
                       reterr);
}
