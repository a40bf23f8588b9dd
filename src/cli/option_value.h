/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_OPTION_VALUE_H
#define LL_CLI_OPTION_VALUE_H

#include <stddef.h>

#include "base/near.h"

/** The values of the tool's options, by their kinds. */

enum ll_option_kind {
    /** A switch. */
    LL_OPTION_KIND_FLAG,
    /** A switch that counts, up to 2. */
    LL_OPTION_KIND_COUNT,
    /** A switch that sets a time to 0. */
    LL_OPTION_KIND_NO_TIME,
    LL_OPTION_KIND_TEXT,
    /** Appends to the list `also`. */
    LL_OPTION_KIND_ALSO,
    /** Stored as milliseconds. */
    LL_OPTION_KIND_TIME,
    /** As LL_OPTION_KIND_TIME, but more than 0. */
    LL_OPTION_KIND_SOME_TIME,
    /** The time between two reads, stored as milliseconds. */
    LL_OPTION_KIND_INTERVAL,
    /** A lock-delay, stored as milliseconds. */
    LL_OPTION_KIND_DELAY,
    /** The TTL of a lease, stored as seconds. */
    LL_OPTION_KIND_TTL,
    /** 0 to 255. */
    LL_OPTION_KIND_EXIT_CODE,
    /** 1 to LEASELOCK_PERMITS_MAX. */
    LL_OPTION_KIND_PERMITS,
    /** The name or number of a signal; 0 for "ignore". */
    LL_OPTION_KIND_SIGNAL,
    /** A whole number, at least 0. */
    LL_OPTION_KIND_NUMBER,
    /* Stored as a double: */
    /** A number, at least 0. */
    LL_OPTION_KIND_REAL,
    /** A time of any length, in seconds. */
    LL_OPTION_KIND_REAL_TIME,
    /** A rate, more than 0: by default a second, and stored as that. */
    LL_OPTION_KIND_RATE,
    /** A rate, at least 0: by default a day, and stored as that. */
    LL_OPTION_KIND_DAILY
};

/** Parses a whole number, at least 0.
 *  @return 0, or -1: not a number */
int ll_option_number(const char *text, int *ret_number);

/** Sets the field of an option that takes @text. Returns a description of valid
 *  texts, or NULL if the text is valid. */
const char *
ll_option_set(enum ll_option_kind kind, void *field, const char *text);

/** Limit of the words of a kind. */
#define LL_OPTION_WORDS_MAX 80

/**
 * Lists the words that an option of a kind takes.
 *
 * @param ret_words  static
 * @return their number, 0 if they cannot be listed
 */
size_t ll_option_words(enum ll_option_kind kind,
                       const char *ret_words[LL_OPTION_WORDS_MAX]);

/** Suggests the word of a kind that is nearest to one that it does not take.
 *  @return "" or hint (ll_near_hint) */
const char *ll_option_hint(enum ll_option_kind kind,
                           const char *text,
                           char hint[LL_NEAR_HINT_SIZE]);

/** Sets the field of a switch that was given this many times. */
void ll_option_switch(enum ll_option_kind kind, void *field, int times);

#endif
