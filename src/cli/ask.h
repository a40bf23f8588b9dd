/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_ASK_H
#define LL_CLI_ASK_H

#include <stddef.h>

/**
 * Asks for a line on the terminal that is not shown. A signal that ends or
 * stops the tool does so, with the terminal as it was before.
 *
 * @param prompt      what is asked for
 * @param ret_secret  takes the line without its end; emptied on failure
 * @return 0, or -1 when there is no terminal, no line or no room for it
 */
int ll_ask_secret(const char *prompt, char *ret_secret, size_t size);

#endif
