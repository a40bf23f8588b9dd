/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_ASK_H
#define LL_CLI_ASK_H

#include <stddef.h>

/**
 * Prompts for a line on the terminal, without echo. A signal that ends or stops
 * the tool does so after the terminal's modes are restored.
 *
 * @param prompt      the text of the prompt
 * @param ret_secret  receives the line without its end; emptied on failure
 * @return 0, or -1: no terminal, no line, or the line is too long
 */
int ll_ask_secret(const char *prompt, char *ret_secret, size_t size);

#endif
