/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_TEXT_H
#define LL_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/**
 * Makes foreign bytes fit for a terminal: control characters, characters that
 * turn the direction of a line, and bytes that are not UTF-8 become \xNN (as
 * their bytes), all else stays.
 *
 * @param ret_text  takes the text and a NUL; what does not fit is cut off
 *                  between two characters
 * @param size      bytes in ret_text, at least 1
 * @return the length of the text in ret_text
 */
size_t ll_text_escape(const char *bytes, size_t n, char *ret_text, size_t size);

/** The same in new memory of just enough size; NULL when there is none. */
char *ll_text_escape_new(const char *bytes, size_t n);

/**
 * Columns that an escaped text takes: as wcwidth(3) says, one for what it does
 * not know. The process needs a locale of UTF-8 (see main.c) for more than
 * ASCII.
 */
size_t ll_text_columns(const char *text);

/** Shortens an escaped text to at most @columns; dots mark the cut. */
void ll_text_cut(char *text, size_t columns);

/** Room for ll_text_age. */
#define LL_TEXT_AGE_SIZE 32

/** A time such as "45s", "3m20s", "2h05m" or "4d3h". */
void ll_text_age(int64_t seconds, char ret_text[LL_TEXT_AGE_SIZE]);

#endif
