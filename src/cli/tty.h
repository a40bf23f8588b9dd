/* SPDX-License-Identifier: Apache-2.0 */
/** What a descriptor that is a terminal can show. */
#ifndef LL_CLI_TTY_H
#define LL_CLI_TTY_H

#include <stddef.h>

/** Whether it is a terminal that understands sequences: TERM is set, and not
 *  "dumb". */
int ll_tty_has_sequences(int fd);

/** The same, and the variable NO_COLOR is unset or empty (no-color.org). */
int ll_tty_has_colours(int fd);

/** The size of a terminal; 24 rows of 80 columns if that is not known. */
void ll_tty_size(int fd, size_t *ret_rows, size_t *ret_columns);

#endif
