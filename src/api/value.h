/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_VALUE_H
#define LL_API_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/key.h"

/**
 * The value of a ticket's key: a JSON object that describes the waiter, for
 * people, and in which others can ask it to let go. No lock depends on it.
 *
 *     {"host":"a","pid":7,"program":"p","label":"l","since":1700000000}
 */

/** Whether a text is valid UTF-8 without control characters. */
bool ll_value_text_is_plain(const char *text);

/** A label that may be NULL: valid UTF-8, no control characters, short. */
bool ll_value_label_is_valid(const char *label);

/** Writes the value of this process; label may be NULL. The caller frees it
 *  with ll_free.
 *  @param keep_ms  above 0: how long the key may be kept after a release, which
 *                  the value then says: `"keep_ms":5000`
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_value_make(const char *label,
                  int keep_ms,
                  int64_t since_unix_s,
                  char **ret_value,
                  size_t *ret_size);

/** Writes the same as a part of the key of a candidate, whose value is what it
 *  proclaims: "HOST:PID:PROGRAM:LABEL:SINCE", the time in hexadecimal. Bytes
 *  other than letters, digits, '-' and '_' are written as %XX, and long fields
 *  are cut. With a time of 0 PID and SINCE are empty: in a key whose name
 *  others use again (core/slot.h) these would make it a new one. */
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
    int keep_ms; /* how long its key may be kept, see core/try_ask.h */
    /** A request to let go, which others have added to it:
     *
     *      "asked":{"who":"w","reason":"r","at":1700000000,"id":"0123abcd"}
     */
    bool is_asked;
    char *asked_who;    /* else NULL, */
    char *asked_reason; /* or without memory */
    int64_t asked_unix_s;
    uint64_t asked_id; /* a hash of the id; 0: none */
};

/** Reads a value of any origin. The caller frees it also after a failure.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_value_parse(const char *data, size_t size, struct ll_value *ret_value);

/** Adds a request to a value, in place of an older one.
 *
 *  @param ret_value  NULL if this library did not write the value, or if there
 *                    is no room for it; else to be freed with ll_free
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_value_ask(struct ll_bytes value,
                 const char *who,
                 const char *reason,
                 int64_t at_unix_s,
                 uint64_t id,
                 char **ret_value,
                 size_t *ret_size);

/** The asked_id of a value to which a request with that id was added. */
uint64_t ll_value_asked_id(uint64_t id);

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
