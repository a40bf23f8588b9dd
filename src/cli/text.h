/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_TEXT_H
#define LL_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/**
 * Makes arbitrary bytes safe for a terminal: control characters, characters
 * that change the direction of a line, and bytes that are not UTF-8 become \xNN
 * (for each of their bytes); all else is unchanged.
 *
 * @param ret_text  receives the text and a NUL; cut between two characters if
 *                  it is too long
 * @param size      bytes in ret_text, at least 1
 * @return the length of the text in ret_text
 */
size_t ll_text_escape(const char *bytes, size_t n, char *ret_text, size_t size);

/** The same in newly allocated memory; NULL: out of memory. */
char *ll_text_escape_new(const char *bytes, size_t n);

/**
 * The columns of an escaped text, by wcwidth(3); an unknown character counts as
 * one. Beyond ASCII, the process needs a UTF-8 locale (see main.c).
 */
size_t ll_text_columns(const char *text);

/** Shortens an escaped text to at most @columns; dots mark the cut. */
void ll_text_cut(char *text, size_t columns);

/** Replaces the characters of an escaped text whose columns are not known, each
 *  by a '?', so that ll_text_columns and the terminal agree. */
void ll_text_known(char *text);

/** Bytes for ll_text_age. */
#define LL_TEXT_AGE_SIZE 32

/** Formats a time as "45s", "3m20s", "2h05m" or "4d3h". */
void ll_text_age(int64_t seconds, char ret_text[LL_TEXT_AGE_SIZE]);

#endif
