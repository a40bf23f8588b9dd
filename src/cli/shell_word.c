/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/shell_word.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/** A text that grows up to a limit. */
struct text {
    char *bytes;
    size_t size;
    size_t length;
    int is_full;
};

static void add(struct text *text, char c)
{
    if (text->length + 1 >= text->size) {
        text->is_full = 1;
        return;
    }
    text->bytes[text->length++] = c;
}

static int end(struct text *text)
{
    if (text->size == 0) {
        return -1;
    }
    text->bytes[text->length] = '\0';
    return text->is_full ? -1 : (int)text->length;
}

/** A "~/" at the start of a word is the home directory. */
static const char *take_home(const char *word, struct text *text)
{
    const char *home = getenv("HOME");

    if (strncmp(word, "~/", 2) != 0 || home == NULL) {
        return word;
    }
    while (*home != '\0') {
        add(text, *home++);
    }
    return word + 1;
}

int ll_shell_unquote(const char *word,
                     char *ret_text,
                     size_t size,
                     char *ret_quote)
{
    struct text text = {ret_text, size, 0, 0};
    char quote = '\0';

    for (const char *at = take_home(word, &text); *at != '\0'; at++) {
        if (quote == '\'') {
            if (*at == '\'') {
                quote = '\0';
            } else {
                add(&text, *at);
            }
        } else if (*at == '$' || *at == '`') {
            return -1; /* only bash can expand it, and must not do so here */
        } else if (*at == '\\') {
            if (quote == '"' && at[1] != '\0' &&
                strchr("\"\\$`", at[1]) == NULL) {
                add(&text, *at);
            }
            if (at[1] != '\0') {
                add(&text, *++at);
            }
        } else if (*at == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else {
            add(&text, *at);
        }
    }
    *ret_quote = quote;
    return end(&text) < 0 ? -1 : 0;
}

/** Whether bash takes a byte for itself in any place of a word. Those past ASCII
 *  belong to letters of UTF-8. */
static int is_plain(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
           strchr("_./:=@%+,-", c) != NULL;
}

int ll_shell_quote(const char *text, char quote, char *ret_word, size_t size)
{
    struct text word = {ret_word, size, 0, 0};

    for (; *text != '\0'; text++) {
        if (quote == '\'' ? *text == '\'' : quote == '"' && *text == '!') {
            return -1; /* these can only be written behind the quote's end */
        }
        if (quote == '\0' ? !is_plain(*text)
                          : quote == '"' && strchr("\"\\$`", *text) != NULL) {
            add(&word, '\\');
        }
        add(&word, *text);
    }
    return end(&word);
}
