/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_screen.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/tty.h"

/** How long a sequence of a key may take after its Esc. */
#define ESC_MS 25

/** Pairs of colours. */
enum { PAIR_BLOCKED = 1, PAIR_HOLDS, PAIR_ALERT, PAIR_TITLE };

/** curses itself has one terminal at a time. */
static SCREEN *screen;
static int has_pairs;

int ll_top_screen_check(void)
{
    const char *type = getenv("TERM");
    const char *moves;
    int can_move;
    int status = 0;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        return ll_say_usage("top", "it needs a terminal; --once prints a table "
                                   "without one");
    }
    if (tcgetpgrp(STDOUT_FILENO) != getpgrp()) {
        return ll_say_usage("top", "it needs the foreground of the terminal");
    }
    if (setupterm(NULL, STDOUT_FILENO, &status) != OK) {
        return ll_say_usage("top",
                            "the terminal is of an unknown type, TERM is "
                            "\"%s\"; --once prints a table without a screen",
                            type != NULL ? type : "");
    }
    moves = tigetstr("cup");
    can_move = moves != NULL && moves != (const char *)-1;
    (void)del_curterm(cur_term); /* newterm makes one of its own */
    if (!can_move) {
        return ll_say_usage("top",
                            "a terminal of the type \"%s\" has no screen; "
                            "--once prints a table without one",
                            type != NULL ? type : "");
    }
    return 0;
}

static void start_colours(void)
{
    has_pairs = ll_tty_has_colours(STDOUT_FILENO) && has_colors() &&
                start_color() == OK && use_default_colors() == OK;
    if (has_pairs) {
        (void)init_pair(PAIR_BLOCKED, COLOR_RED, -1);
        (void)init_pair(PAIR_HOLDS, COLOR_GREEN, -1);
        (void)init_pair(PAIR_ALERT, COLOR_WHITE, COLOR_RED);
        (void)init_pair(PAIR_TITLE, COLOR_CYAN, -1);
    }
}

int ll_top_screen_open(void)
{
    screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) {
        ll_say("cannot use the terminal");
        return LL_EXIT_SYSTEM;
    }
    (void)set_term(screen);
    (void)cbreak();
    (void)noecho();
    (void)nonl();
    (void)intrflush(stdscr, FALSE);
    (void)keypad(stdscr, TRUE);
    (void)nodelay(stdscr, TRUE);
    (void)set_escdelay(ESC_MS);
    (void)curs_set(0);
    start_colours();
    return 0;
}

int ll_top_screen_is_open(void)
{
    return screen != NULL;
}

void ll_top_screen_leave(void)
{
    if (screen != NULL) {
        (void)endwin();
    }
}

void ll_top_screen_close(void)
{
    if (screen != NULL) {
        if (!isendwin()) {
            (void)endwin();
        }
        delscreen(screen);
        screen = NULL;
    }
}

void ll_top_screen_resize(void)
{
    struct winsize size;

    if (screen != NULL && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_row > 0 && size.ws_col > 0) {
        (void)resizeterm(size.ws_row, size.ws_col);
        (void)clearok(stdscr, TRUE);
    }
}

void ll_top_screen_size(size_t *ret_rows, size_t *ret_columns)
{
    int height;
    int width;

    getmaxyx(stdscr, height, width);
    *ret_rows = height > 0 ? (size_t)height : 0;
    *ret_columns = width > 0 ? (size_t)width : 0;
}

void ll_top_screen_clear(void)
{
    (void)erase();
}

/** The attributes of a style. Reverse and bold are no colours. */
static attr_t attributes_of(enum ll_top_style style, short *ret_pair)
{
    *ret_pair = 0;
    switch (style) {
    case LL_TOP_STYLE_TITLE:
        *ret_pair = PAIR_TITLE;
        return A_BOLD;
    case LL_TOP_STYLE_COLUMNS:
        return A_BOLD | A_UNDERLINE;
    case LL_TOP_STYLE_CURSOR:
        return A_REVERSE;
    case LL_TOP_STYLE_BLOCKED:
        *ret_pair = PAIR_BLOCKED;
        return A_BOLD;
    case LL_TOP_STYLE_HOLDS:
        *ret_pair = PAIR_HOLDS;
        return A_NORMAL;
    case LL_TOP_STYLE_ALERT:
        *ret_pair = PAIR_ALERT;
        return has_pairs ? A_BOLD : A_REVERSE;
    case LL_TOP_STYLE_PLAIN:
    case LL_TOP_STYLE_KEYS:
        break;
    }
    return A_NORMAL;
}

void ll_top_screen_line(void *arg,
                        size_t row,
                        enum ll_top_style style,
                        const char *text)
{
    short pair;
    attr_t attributes = attributes_of(style, &pair);

    (void)arg;
    (void)mvaddstr((int)row, 0, text);
    (void)mvchgat((int)row, 0, -1, attributes, has_pairs ? pair : (short)0,
                  NULL);
}

void ll_top_screen_show(void)
{
    (void)refresh();
}

void ll_top_screen_redraw(void)
{
    (void)clearok(stdscr, TRUE);
}

/** A key of curses' own. */
static uint32_t special_of(wint_t key)
{
    switch (key) {
    case KEY_UP:
        return LL_TOP_KEY_UP;
    case KEY_DOWN:
        return LL_TOP_KEY_DOWN;
    case KEY_LEFT:
        return LL_TOP_KEY_LEFT;
    case KEY_RIGHT:
        return LL_TOP_KEY_RIGHT;
    case KEY_PPAGE:
        return LL_TOP_KEY_PAGE_UP;
    case KEY_NPAGE:
        return LL_TOP_KEY_PAGE_DOWN;
    case KEY_HOME:
        return LL_TOP_KEY_HOME;
    case KEY_END:
        return LL_TOP_KEY_END;
    case KEY_ENTER:
        return LL_TOP_KEY_ENTER;
    case KEY_BACKSPACE:
        return LL_TOP_KEY_BACKSPACE;
    default:
        return 0;
    }
}

uint32_t ll_top_screen_key(void)
{
    wint_t key = 0;

    for (;;) {
        uint32_t special;

        switch (get_wch(&key)) {
        case OK:
            if (key == '\n') {
                return LL_TOP_KEY_ENTER;
            }
            return key == '\b' ? LL_TOP_KEY_BACKSPACE : (uint32_t)key;
        case KEY_CODE_YES:
            special = special_of(key);
            if (special != 0) {
                return special;
            }
            break; /* one without a meaning here, as of a new size */
        default:
            return 0;
        }
    }
}
