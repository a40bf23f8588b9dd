/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's output of foreign bytes, such as another program's key or label:
 * only printable, valid UTF-8, cut between characters. */
#include <locale.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

/* The tool is a program: its source files are compiled into the test. */
#include "cli/text.c"

/** Whether a terminal would only print a text. */
static bool is_shown(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = strlen(text);

    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        size_t length = decode(p + i, n - i, &code);

        if (length == 0 || !is_harmless(code)) {
            return false;
        }
        i += length;
    }
    return true;
}

static void check_cut(const char *whole, size_t columns)
{
    char *text = strdup(whole);
    size_t before = ll_text_columns(whole);
    size_t kept = columns >= 3 ? columns - 3 : 0;
    size_t same = 0;

    FUZZ_CHECK(text != NULL);
    ll_text_cut(text, columns);
    FUZZ_CHECK(is_shown(text));
    if (before <= columns) {
        FUZZ_CHECK(strcmp(text, whole) == 0);
    } else {
        /* A character of two columns may leave one free. */
        FUZZ_CHECK(ll_text_columns(text) <= columns &&
                   ll_text_columns(text) + 1 >= columns);
        FUZZ_CHECK(strlen(text) <= strlen(whole));
        while (text[same] != '\0' && text[same] == whole[same]) {
            same++;
        }
        text[same] = '\0';
        FUZZ_CHECK(ll_text_columns(text) + 1 >= kept);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    size_t room = 1 + (size_t)fuzz_byte(&bytes);
    size_t columns = fuzz_byte(&bytes);
    size_t n;
    char *foreign = fuzz_take(&bytes, bytes.left, &n);
    char *whole = ll_text_escape_new(foreign, n);
    char *cut = malloc(room);
    size_t length;

    FUZZ_CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
    FUZZ_CHECK(whole != NULL && cut != NULL);
    FUZZ_CHECK(is_shown(whole));
    length = ll_text_escape(foreign, n, cut, room);
    FUZZ_CHECK(length < room && strlen(cut) == length);
    FUZZ_CHECK(is_shown(cut) && strncmp(whole, cut, length) == 0);
    /* Only text that did not fit was left out. */
    FUZZ_CHECK(length == strlen(whole) || length + 16 >= room);
    check_cut(whole, columns);
    free(cut);
    free(whole);
    free(foreign);
    return 0;
}
