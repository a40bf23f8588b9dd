/* SPDX-License-Identifier: Apache-2.0 */
#include "api/mode.h"

#include "base/error.h"
#include "core/keep.h"
#include "core/multi.h"

_Static_assert((int)LEASELOCK_EXCLUSIVE == (int)LL_MODE_EXCLUSIVE &&
                   (int)LEASELOCK_SHARED == (int)LL_MODE_SHARED &&
                   (int)LEASELOCK_PERMIT == (int)LL_MODE_PERMIT,
               "the user's modes are those of core");
_Static_assert(LEASELOCK_PERMITS_MAX == LL_PERMITS_MAX, "as many as in core");
_Static_assert(LEASELOCK_LOCK_DELAY_MAX_MS == LL_DELAY_MS_MAX, "as in core");
_Static_assert(LEASELOCK_LOCAL_PASSES_MAX == LL_KEEP_PASSES_MAX, "the same");

struct ll_mode ll_mode_of(const struct leaselock_acquire_options *options)
{
    return (struct ll_mode){(enum ll_mode_kind)options->mode,
                            (uint32_t)options->permits};
}

struct ll_mode ll_mode_at(const struct leaselock_acquire_options *options,
                          size_t at)
{
    return options->modes != NULL
               ? (struct ll_mode){(enum ll_mode_kind)options->modes[at], 0}
               : ll_mode_of(options);
}

/** Checks `mode` and `permits`. */
static int check_mode(const struct leaselock_acquire_options *options,
                      struct leaselock_error *reterr)
{
    if (options->mode < LEASELOCK_EXCLUSIVE ||
        options->mode > LEASELOCK_PERMIT) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "`mode` is LEASELOCK_EXCLUSIVE, _SHARED or "
                               "_PERMIT, and not %d",
                               options->mode);
    }
    if (options->mode != LEASELOCK_PERMIT && options->permits != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "`permits` is for LEASELOCK_PERMIT; in another "
                             "mode it must be 0");
    }
    if (options->mode == LEASELOCK_PERMIT &&
        (options->permits < 1 || options->permits > LEASELOCK_PERMITS_MAX)) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "a lock has 1 to %d permits, and not %d",
                               LEASELOCK_PERMITS_MAX, options->permits);
    }
    return 0;
}

/** Checks `modes`, a list of n. */
static int check_list(const struct leaselock_acquire_options *options,
                      size_t n,
                      struct leaselock_error *reterr)
{
    if (options->mode != LEASELOCK_EXCLUSIVE) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "either `mode` is set or `modes`, not both");
    }
    for (size_t i = 0; i < n; i++) {
        if (options->modes[i] == LEASELOCK_PERMIT) {
            return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                                   "name %zu: a permit is acquired alone, "
                                   "without `modes`",
                                   i + 1);
        }
        if (options->modes[i] != LEASELOCK_EXCLUSIVE &&
            options->modes[i] != LEASELOCK_SHARED) {
            return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                                   "name %zu: a mode is LEASELOCK_EXCLUSIVE "
                                   "or _SHARED, and not %d",
                                   i + 1, options->modes[i]);
        }
    }
    return 0;
}

/** Whether etcd accepts that many operations in one request. */
static int check_size(const struct leaselock_acquire_options *options,
                      size_t n,
                      struct leaselock_error *reterr)
{
    size_t ops_n = 0;

    for (size_t i = 0; i < n; i++) {
        ops_n += ll_mode_at(options, i).kind == LL_MODE_SHARED ? 3 : 2;
    }
    if (ops_n > LL_MULTI_OPS_MAX) {
        return ll_error_format(
            reterr, LEASELOCK_E_LIMIT,
            "the names take %zu operations in one request, and at most %d fit: "
            "two for an exclusive name, three for a shared one",
            ops_n, LL_MULTI_OPS_MAX);
    }
    return 0;
}

/** Whether another option excludes permits. */
static int check_permit(const struct ll_ticket_ask *ask,
                        const struct leaselock_acquire_options *options,
                        struct leaselock_error *reterr)
{
    if (options->mode == LEASELOCK_PERMIT && ask->names != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "several names are exclusive or shared; a permit "
                             "is acquired alone");
    }
    if (options->mode == LEASELOCK_PERMIT && options->find_deadlock != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a permit waits for any of several tickets, and "
                             "so is in no deadlock that could be found: "
                             "`find_deadlock` must be 0");
    }
    return 0;
}

/** Checks `lock_delay_ms` and `foreign_delay_ms`. */
static int check_delays(const struct ll_ticket_ask *ask,
                        const struct leaselock_acquire_options *options,
                        struct leaselock_error *reterr)
{
    if (options->lock_delay_ms < 0 || options->foreign_delay_ms < 0 ||
        options->lock_delay_ms > LEASELOCK_LOCK_DELAY_MAX_MS ||
        options->foreign_delay_ms > LEASELOCK_LOCK_DELAY_MAX_MS) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "a lock-delay is 0 to %d milliseconds",
                               LEASELOCK_LOCK_DELAY_MAX_MS);
    }
    if (options->lock_delay_ms > 0 &&
        (options->mode != LEASELOCK_EXCLUSIVE || ask->value != NULL)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a lock-delay is for an exclusive ticket, and not "
                             "for a shared one, a permit or a candidate");
    }
    if ((options->lock_delay_ms > 0 || options->foreign_delay_ms > 0) &&
        ask->names != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a lock-delay is for one name");
    }
    return 0;
}

/** Checks `keep_ms`. */
static int check_keep(const struct ll_ticket_ask *ask,
                      const struct leaselock_acquire_options *options,
                      struct leaselock_error *reterr)
{
    if (options->keep_ms < 0 || options->keep_ms > LEASELOCK_KEEP_MAX_MS) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "a lock is kept for 0 to %d milliseconds",
                               LEASELOCK_KEEP_MAX_MS);
    }
    if (options->local_passes < 0 ||
        options->local_passes > LEASELOCK_LOCAL_PASSES_MAX ||
        (options->local_passes > 0 && options->keep_ms == 0)) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "`local_passes` is 0 to %d, and needs `keep_ms`",
                               LEASELOCK_LOCAL_PASSES_MAX);
    }
    if (options->keep_ms == 0) {
        return 0;
    }
    if (options->mode != LEASELOCK_EXCLUSIVE || ask->names != NULL ||
        ask->value != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "`keep_ms` is for an exclusive ticket of one "
                             "name, and not for a candidate");
    }
    if (options->find_deadlock != 0 || options->lock_delay_ms != 0 ||
        options->foreign_delay_ms != 0 || options->on_yield != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "`keep_ms` needs find_deadlock, lock_delay_ms and "
                             "foreign_delay_ms to be 0, and no on_yield");
    }
    return 0;
}

int ll_mode_check(const struct ll_ticket_ask *ask,
                  struct leaselock_acquire_options *options,
                  struct leaselock_error *reterr)
{
    size_t n = ask->names != NULL ? ask->names_n : 1;
    int status;

    if (ask->key != NULL &&
        (options->keep_ms != 0 || options->local_passes != 0)) {
        return ll_error_text(
            reterr, LEASELOCK_E_ARGUMENT,
            "a place that is taken over from another process "
            "is not kept: `keep_ms` and `local_passes` must be "
            "0");
    }
    if (ask->key != NULL) {
        return 0; /* the key names its mode */
    }
    status = check_mode(options, reterr);
    if (status == 0 && ask->value != NULL &&
        (options->mode != LEASELOCK_EXCLUSIVE || options->modes != NULL)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a leader leads alone: a candidate's `mode` must "
                             "be LEASELOCK_EXCLUSIVE, and `modes` NULL");
    }
    if (status == 0 && options->modes != NULL) {
        if (!ask->is_all) {
            return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                                 "`modes` is for leaselock_acquire_all; one "
                                 "name has a `mode`");
        }
        status = check_list(options, n, reterr);
    }
    if (status == 0) {
        status = check_permit(ask, options, reterr);
    }
    if (status == 0 && ask->names != NULL) {
        status = check_size(options, n, reterr);
    }
    if (status == 0 && ask->names == NULL && options->modes != NULL) {
        options->mode = options->modes[0];
    }
    if (status == 0) {
        status = check_delays(ask, options, reterr);
    }
    return status != 0 ? status : check_keep(ask, options, reterr);
}
