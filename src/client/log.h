/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_LOG_H
#define LL_CLIENT_LOG_H

#include <stdbool.h>

#include "core/event.h"
#include "leaselock/client.h"

struct ll_client;

/**
 * The log: core's lines become notices, which call the user's functions and
 * write to the user's descriptor without the mutex.
 */

/** Whether the options want a log at all. */
bool ll_log_is_wanted(const struct leaselock_client_options *options);
/** 0, or LEASELOCK_E_ARGUMENT. */
int ll_log_check(const struct leaselock_client_options *options,
                 struct leaselock_error *reterr);

/** Whether a descriptor leads to journald, which reads a line's priority from
 *  its beginning: the variable JOURNAL_STREAM names the device and the inode of
 *  the stream that systemd has given to the process. */
bool ll_log_is_journal(int fd);

/** Queues an LL_EFFECT_LOG; it is dropped when memory is exhausted, or when too
 *  many are due. */
void ll_log_post(struct ll_client *client, const struct ll_effect *effect);

#endif
