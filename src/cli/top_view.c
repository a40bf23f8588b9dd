/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_view.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    uint32_t key;
    enum ll_top_sort sort;
} sort_keys[LL_TOP_SORTS_N] = {{'a', LL_TOP_AGE},     {'h', LL_TOP_HELD},
                               {'w', LL_TOP_WAITERS}, {'r', LL_TOP_RATE},
                               {'n', LL_TOP_NAME},    {'m', LL_TOP_MODE}};

/** Moves a cursor among n rows. Returns 0 if the key does not move. */
static int
move(struct ll_top_cursor *cursor, size_t n, size_t shown_n, uint32_t key)
{
    size_t last = n > 0 ? n - 1 : 0;
    size_t page = shown_n > 1 ? shown_n - 1 : 1;
    size_t at = cursor->at;

    switch (key) {
    case LL_TOP_KEY_UP:
    case 'k':
        at = at > 0 ? at - 1 : 0;
        break;
    case LL_TOP_KEY_DOWN:
    case 'j':
        at++;
        break;
    case LL_TOP_KEY_PAGE_UP:
        at = at > page ? at - page : 0;
        break;
    case LL_TOP_KEY_PAGE_DOWN:
        at += page;
        break;
    case LL_TOP_KEY_HOME:
    case 'g':
        at = 0;
        break;
    case LL_TOP_KEY_END:
    case 'G':
        at = last;
        break;
    default:
        return 0;
    }
    cursor->at = at < last ? at : last;
    return 1;
}

/** Scrolls so that the cursor is shown. */
static void scroll(struct ll_top_cursor *cursor, size_t n, size_t shown_n)
{
    size_t last = n > 0 ? n - 1 : 0;

    if (cursor->at > last) {
        cursor->at = last;
    }
    if (cursor->first > cursor->at) {
        cursor->first = cursor->at;
    }
    if (shown_n > 0 && cursor->at - cursor->first >= shown_n) {
        cursor->first = cursor->at - shown_n + 1;
    }
    /* No blank lines at the end while rows are left out at the front. */
    if (n - cursor->first < shown_n) {
        cursor->first = n > shown_n ? n - shown_n : 0;
    }
}

/** The cursor stays on the lock that it is on. */
static void select_row(struct ll_top_view *view,
                       const struct ll_top_model *model)
{
    size_t at = view->list.at;

    free(view->selected);
    view->selected = at > 0 && at < model->rows_n
                         ? strdup(model->rows[at].lock->name)
                         : NULL;
}

void ll_top_view_settle(struct ll_top_view *view,
                        const struct ll_top_model *model,
                        size_t places_n,
                        size_t shown_n)
{
    for (size_t i = 0; view->selected != NULL && i < model->rows_n; i++) {
        if (strcmp(model->rows[i].lock->name, view->selected) == 0) {
            view->list.at = i;
            break;
        }
    }
    scroll(&view->list, model->rows_n, shown_n);
    scroll(&view->queue, places_n, shown_n);
}

static void sort_by(struct ll_top_view *view, enum ll_top_sort sort)
{
    view->is_reversed = sort == view->sort && !view->is_reversed;
    view->sort = sort;
}

static enum ll_top_action on_list_key(struct ll_top_view *view,
                                      const struct ll_top_model *model,
                                      size_t shown_n,
                                      uint32_t key)
{
    for (size_t i = 0; i < LL_TOP_SORTS_N; i++) {
        if (key == sort_keys[i].key) {
            sort_by(view, sort_keys[i].sort);
            return LL_TOP_ARRANGE;
        }
    }
    if (move(&view->list, model->rows_n, shown_n, key)) {
        select_row(view, model);
        return LL_TOP_NOTHING;
    }
    switch (key) {
    case 's':
        view->is_reversed = 0;
        view->sort = (enum ll_top_sort)((view->sort + 1) % LL_TOP_SORTS_N);
        return LL_TOP_ARRANGE;
    case '/':
        memcpy(view->former, view->filter, sizeof(view->former));
        view->page = LL_TOP_FILTER;
        return LL_TOP_NOTHING;
    case LL_TOP_KEY_ESC:
        view->filter[0] = '\0';
        return LL_TOP_ARRANGE;
    case LL_TOP_KEY_ENTER:
    case LL_TOP_KEY_RIGHT:
        if (model->rows_n == 0) {
            return LL_TOP_NOTHING;
        }
        view->page = LL_TOP_QUEUE;
        view->queue = (struct ll_top_cursor){0, 0};
        return LL_TOP_OPEN_QUEUE;
    default:
        return LL_TOP_NOTHING;
    }
}

/** Appends a character as UTF-8, if it fits. */
static void append(char *text, size_t size, uint32_t code)
{
    size_t length = strlen(text);
    char bytes[5] = {0};

    if (code < 0x80) {
        bytes[0] = (char)code;
    } else if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12);
        bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[0] = (char)(0xf0 | code >> 18);
        bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (code & 0x3f));
    }
    if (length + strlen(bytes) < size) {
        memcpy(text + length, bytes, strlen(bytes) + 1);
    }
}

/** Removes the last character of a UTF-8 text. */
static void chop(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && ((unsigned char)text[--length] & 0xc0) == 0x80) {
    }
    text[length] = '\0';
}

static enum ll_top_action on_filter_key(struct ll_top_view *view, uint32_t key)
{
    switch (key) {
    case LL_TOP_KEY_ENTER:
        view->page = LL_TOP_LIST;
        return LL_TOP_ARRANGE;
    case LL_TOP_KEY_ESC:
        memcpy(view->filter, view->former, sizeof(view->filter));
        view->page = LL_TOP_LIST;
        return LL_TOP_ARRANGE;
    case LL_TOP_KEY_CTRL_U:
        view->filter[0] = '\0';
        return LL_TOP_ARRANGE;
    case LL_TOP_KEY_BACKSPACE:
        chop(view->filter);
        return LL_TOP_ARRANGE;
    default:
        if (key < ' ' || (key > 0x7e && key < 0xa0) || key >= 0x110000) {
            return LL_TOP_NOTHING;
        }
        append(view->filter, sizeof(view->filter), key);
        return LL_TOP_ARRANGE;
    }
}

static enum ll_top_action on_queue_key(struct ll_top_view *view,
                                       size_t places_n,
                                       size_t shown_n,
                                       uint32_t key)
{
    switch (key) {
    case LL_TOP_KEY_ENTER:
    case LL_TOP_KEY_ESC:
    case LL_TOP_KEY_LEFT:
    case LL_TOP_KEY_BACKSPACE:
        view->page = LL_TOP_LIST;
        return LL_TOP_OPEN_LIST;
    default:
        (void)move(&view->queue, places_n, shown_n, key);
        return LL_TOP_NOTHING;
    }
}

enum ll_top_action ll_top_view_key(struct ll_top_view *view,
                                   const struct ll_top_model *model,
                                   size_t places_n,
                                   size_t shown_n,
                                   uint32_t key)
{
    if (key == LL_TOP_KEY_CTRL_L) {
        return LL_TOP_REDRAW;
    }
    if (view->page == LL_TOP_FILTER) {
        return on_filter_key(view, key);
    }
    if (key == 'q') {
        return LL_TOP_QUIT;
    }
    if (view->page == LL_TOP_HELP) {
        view->page = view->before;
        return LL_TOP_NOTHING;
    }
    if (key == '?') {
        view->before = view->page;
        view->page = LL_TOP_HELP;
        return LL_TOP_NOTHING;
    }
    return view->page == LL_TOP_QUEUE
               ? on_queue_key(view, places_n, shown_n, key)
               : on_list_key(view, model, shown_n, key);
}

void ll_top_view_free(struct ll_top_view *view)
{
    free(view->selected);
    view->selected = NULL;
}
