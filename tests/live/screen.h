/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a tool on a terminal of its own, and interprets what it draws: libvterm
 * makes a screen of it. */
#ifndef TEST_LIVE_SCREEN_H
#define TEST_LIVE_SCREEN_H

#include "live/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>
#include <vterm.h>

#include "support/wait.h"

#define SCREEN_ROWS_MAX 64
#define SCREEN_COLUMNS_MAX 220
/** UTF-8, and a newline for each row. */
#define SCREEN_TEXT_SIZE (4 * SCREEN_ROWS_MAX * SCREEN_COLUMNS_MAX)

struct screen {
    pid_t pid;
    int fd;
    /** Ours, of the terminal's other end: it stays open when the tool ends. */
    int tty;
    /** As the terminal was before the tool began. */
    struct termios modes;
    int rows;
    int columns;
    VTerm *vterm;
    VTermScreen *cells;
    char text[SCREEN_TEXT_SIZE];
};

/** Whether the tool is to draw on it, and how its variables are set. */
struct screen_options {
    int rows;
    int columns;
    /** NULL: "xterm-256color". */
    const char *term;
    /** NULL: unset. */
    const char *no_color;
};

/** Starts a tool; argv ends with a NULL. */
static inline void screen_open(struct screen *screen,
                               const struct screen_options *options,
                               const char *endpoint,
                               const char *const argv[])
{
    const struct winsize size = {(unsigned short)options->rows,
                                 (unsigned short)options->columns, 0, 0};

    memset(screen, 0, sizeof(*screen));
    screen->rows = options->rows;
    screen->columns = options->columns;
    screen->vterm = vterm_new(screen->rows, screen->columns);
    assert_non_null(screen->vterm);
    vterm_set_utf8(screen->vterm, 1);
    screen->cells = vterm_obtain_screen(screen->vterm);
    vterm_screen_enable_altscreen(screen->cells, 1);
    vterm_screen_reset(screen->cells, 1);
    assert_int_equal(openpty(&screen->fd, &screen->tty, NULL, NULL, &size), 0);
    assert_int_equal(tcgetattr(screen->tty, &screen->modes), 0);
    screen->pid = fork();
    assert_true(screen->pid >= 0);
    if (screen->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)login_tty(screen->tty);
        setenv("LEASELOCK_ENDPOINTS", endpoint, 1);
        setenv("TERM", options->term != NULL ? options->term : "xterm-256color",
               1);
        unsetenv("NO_COLOR");
        if (options->no_color != NULL) {
            setenv("NO_COLOR", options->no_color, 1);
        }
        (void)signal(SIGINT, SIG_DFL);
        execv(test_tool(), (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)fcntl(screen->fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(screen->tty, F_SETFD, FD_CLOEXEC);
}

/** Reads what the tool has drawn since. */
static inline void screen_read(struct screen *screen, int timeout_ms)
{
    struct pollfd fd = {screen->fd, POLLIN, 0};
    char bytes[4096];

    while (poll(&fd, 1, timeout_ms) == 1) {
        ssize_t n = read(screen->fd, bytes, sizeof(bytes));

        if (n <= 0) {
            return;
        }
        (void)vterm_input_write(screen->vterm, bytes, (size_t)n);
        timeout_ms = 0;
    }
}

/** The text of some rows, each with its newline; valid until the next call. */
static inline const char *screen_rows(struct screen *screen, int from, int to)
{
    size_t length = 0;

    for (int row = from; row < to; row++) {
        const VTermRect rect = {row, row + 1, 0, screen->columns};

        length +=
            vterm_screen_get_text(screen->cells, screen->text + length,
                                  sizeof(screen->text) - length - 2, rect);
        screen->text[length++] = '\n';
    }
    screen->text[length] = '\0';
    return screen->text;
}

static inline const char *screen_text(struct screen *screen)
{
    return screen_rows(screen, 0, screen->rows);
}

static inline const char *screen_row(struct screen *screen, int row)
{
    return screen_rows(screen, row, row + 1);
}

/** Waits until the screen has a text, or (@is_there 0) no longer has it. */
static inline void
screen_await(struct screen *screen, const char *part, int is_there)
{
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);

    while ((strstr(screen_text(screen), part) != NULL) != is_there) {
        screen_read(screen, 10);
        if (test_now_ns() > deadline_ns) {
            fail_msg("\"%s\" is %s on the screen:\n%s", part,
                     is_there ? "not" : "still", screen_text(screen));
        }
    }
}

static inline void screen_expect(struct screen *screen, const char *part)
{
    screen_await(screen, part, 1);
}

/** The same of one row: the screen may be drawn in several parts. */
static inline void
screen_await_row(struct screen *screen, int row, const char *part, int is_there)
{
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);

    while ((strstr(screen_row(screen, row), part) != NULL) != is_there) {
        screen_read(screen, 10);
        if (test_now_ns() > deadline_ns) {
            fail_msg("\"%s\" is %s in row %d of:\n%s", part,
                     is_there ? "not" : "still", row, screen_text(screen));
        }
    }
}

static inline void
screen_expect_row(struct screen *screen, int row, const char *part)
{
    screen_await_row(screen, row, part, 1);
}

static inline VTermScreenCell
screen_cell(struct screen *screen, int row, int column)
{
    const VTermPos position = {row, column};
    VTermScreenCell cell = {0};

    assert_int_equal(vterm_screen_get_cell(screen->cells, position, &cell), 1);
    return cell;
}

/** Whether a cell has another colour than the terminal's own. */
static inline bool screen_has_colours(struct screen *screen)
{
    for (int row = 0; row < screen->rows; row++) {
        for (int column = 0; column < screen->columns; column++) {
            VTermScreenCell cell = screen_cell(screen, row, column);

            if (!VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) ||
                !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg)) {
                return true;
            }
        }
    }
    return false;
}

static inline void screen_type(struct screen *screen, const char *keys)
{
    assert_int_equal(write(screen->fd, keys, strlen(keys)), strlen(keys));
}

static inline void screen_resize(struct screen *screen, int rows, int columns)
{
    const struct winsize size = {(unsigned short)rows, (unsigned short)columns,
                                 0, 0};

    /* What was drawn for the old size goes to the old one. */
    screen_read(screen, 0);
    screen->rows = rows;
    screen->columns = columns;
    vterm_set_size(screen->vterm, rows, columns);
    assert_int_equal(ioctl(screen->fd, TIOCSWINSZ, &size), 0);
}

/** Waits for the tool's end, and returns its exit code; the terminal must be as
 *  it was. What it printed last is in the text. */
static inline int screen_close(struct screen *screen)
{
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);
    struct termios modes;
    int status = 0;
    pid_t ended;

    do {
        screen_read(screen, 5);
        ended = waitpid(screen->pid, &status, WNOHANG);
    } while (ended == 0 && test_now_ns() < deadline_ns);
    if (ended == 0) {
        kill(screen->pid, SIGKILL);
        fail_msg("it has not ended:\n%s", screen_text(screen));
    }
    screen_read(screen, 0);
    (void)screen_text(screen);
    assert_int_equal(tcgetattr(screen->tty, &modes), 0);
    assert_int_equal(modes.c_lflag, screen->modes.c_lflag);
    assert_int_equal(modes.c_iflag, screen->modes.c_iflag);
    assert_int_equal(modes.c_oflag, screen->modes.c_oflag);
    assert_int_equal(modes.c_cflag, screen->modes.c_cflag);
    assert_memory_equal(modes.c_cc, screen->modes.c_cc, sizeof(modes.c_cc));
    vterm_free(screen->vterm);
    close(screen->fd);
    close(screen->tty);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
