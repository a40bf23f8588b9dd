/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_VALUE_H
#define LL_API_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/key.h"

/**
 * The value of a ticket's key: a JSON object that describes the waiter. It is
 * for people alone; no lock depends on it.
 *
 *     {"host":"a","pid":7,"program":"p","label":"l","since":1700000000}
 */

/** A label that may be NULL: valid UTF-8, no control characters, short. */
bool ll_value_label_is_valid(const char *label);

/** Writes the value of this process; label may be NULL. The caller frees it
 *  with ll_free.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_value_make(const char *label,
                  int64_t since_unix_s,
                  char **ret_value,
                  size_t *ret_size);

/** Writes the same as a part of the key of a candidate, whose value is what it
 *  proclaims: "HOST:PID:PROGRAM:LABEL:SINCE", the time in hexadecimal. Bytes
 *  other than letters, digits, '-' and '_' are written as %XX, and long fields
 *  are cut. */
void ll_value_make_who(const char *label,
                       int64_t since_unix_s,
                       char ret_who[LL_WHO_MAX + 1]);

/** The contents of a value that this library wrote; else "" and 0. */
struct ll_value {
    char *host;
    char *program;
    char *label;
    int64_t pid;
    int64_t since_unix_s;
};

/** Reads a value of any origin. The caller frees it also after a failure.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_value_parse(const char *data, size_t size, struct ll_value *ret_value);

/** Reads what ll_value_make_who wrote, from any key. Otherwise as
 *  ll_value_parse. */
int ll_value_parse_who(struct ll_bytes who, struct ll_value *ret_value);
void ll_value_free(struct ll_value *value);

/** Bytes of ll_blocker_text's sentence, its NUL included. */
#define LL_BLOCKER_TEXT_SIZE 480

/** Describes what blocks a ticket: the lock, its holder and the number of
 *  places ahead, as far as they are known. A shared try does not read who
 *  holds, but who is first of those that block it: "held or awaited by". */
void ll_blocker_text(const struct ll_blocker *blocker,
                     char text[LL_BLOCKER_TEXT_SIZE]);

#endif
