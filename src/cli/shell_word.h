/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_SHELL_WORD_H
#define LL_CLI_SHELL_WORD_H

#include <stddef.h>

/** Words as bash's users type them. */

/**
 * Removes the quotes of a word, whose last one may be open.
 *
 * @param ret_text   takes the text and a NUL; ends with that of @word at most
 * @param size       bytes in ret_text
 * @param ret_quote  the open quote, or 0
 * @return 0, or -1: too long, or bash would expand something in it
 */
int ll_shell_unquote(const char *word,
                     char *ret_text,
                     size_t size,
                     char *ret_quote);

/**
 * Writes a text so that bash reads it as a word, or as the rest of a word behind
 * an open quote.
 *
 * @param quote     the open quote, or 0
 * @param ret_word  takes the word and a NUL
 * @param size      bytes in ret_word
 * @return its length, or -1: too long, or impossible within this quote
 */
int ll_shell_quote(const char *text, char quote, char *ret_word, size_t size);

#endif
