/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tty.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ROWS_DEFAULT 24
#define COLUMNS_DEFAULT 80

int ll_tty_has_sequences(int fd)
{
    const char *type = getenv("TERM");

    return isatty(fd) && type != NULL && *type != '\0' &&
           strcmp(type, "dumb") != 0;
}

int ll_tty_has_colours(int fd)
{
    const char *no_colour = getenv("NO_COLOR");

    return ll_tty_has_sequences(fd) &&
           (no_colour == NULL || *no_colour == '\0');
}

void ll_tty_size(int fd, size_t *ret_rows, size_t *ret_columns)
{
    struct winsize size;

    *ret_rows = ROWS_DEFAULT;
    *ret_columns = COLUMNS_DEFAULT;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
        *ret_rows = size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
        *ret_columns = size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
    }
}
