/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_CONDITION_H
#define LL_CORE_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/request.h"

/** Finds the condition that made a Txn fail, from what was read of its keys at
 *  the same revision. */

/** The longest sentence on a condition, with its NUL. */
#define LL_CONDITION_TEXT_SIZE 512

enum ll_condition_state {
    LL_CONDITION_MET,
    LL_CONDITION_FAILED,
    /** A value was not read. */
    LL_CONDITION_UNKNOWN,
};

/**
 * Evaluates a condition on one key as etcd does.
 *
 * @param kv         NULL: there is no such key
 * @param has_value  its value was read
 */
enum ll_condition_state ll_condition_judge(const struct ll_compare *compare,
                                           const struct ll_kv *kv,
                                           bool has_value);

/**
 * Writes what a condition requires and what was found. Bytes that are not
 * printable ASCII are escaped, and long keys and values are cut.
 *
 * @param ret_text  LL_CONDITION_TEXT_SIZE bytes
 */
void ll_condition_text(const struct ll_compare *compare,
                       const struct ll_kv *kv,
                       bool has_value,
                       char *ret_text);

#endif
