/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock completion SHELL
 */
#include "cli/completion.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "cli/report.h"
#include "leaselock/config.h"

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {
    {"bash", ll_script_bash}, {"zsh", ll_script_zsh}, {"fish", ll_script_fish}};

#define SHELLS_N (sizeof(shells) / sizeof(shells[0]))

static void place_add(struct ll_place *place, const char *word, size_t size)
{
    size_t length = strlen(place->words);

    place->kind = LL_PLACE_WORDS;
    (void)snprintf(place->words + length, sizeof(place->words) - length,
                   "%s%.*s", length > 0 ? " " : "", (int)size, word);
}

static void place_add_commands(struct ll_place *place)
{
    const struct ll_command *command;

    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        place_add(place, command->name, strlen(command->name));
    }
}

/** Adds what one word of a description stands for: "NAME", "[PREFIX]". */
static void
place_describe(struct ll_place *place, const char *word, size_t size)
{
    static const struct {
        const char *word;
        enum ll_place_kind kind;
    } known[] = {{"NAME", LL_PLACE_NAMES},
                 {"PREFIX", LL_PLACE_NAMES},
                 {"FILE", LL_PLACE_FILES}};

    while (size > 0 && *word == '[') {
        word++;
        size--;
    }
    while (size > 0 && strchr("].", word[size - 1]) != NULL) {
        size--;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i].word) == size &&
            memcmp(known[i].word, word, size) == 0) {
            place->kind = known[i].kind;
        }
    }
    if (size == strlen("COMMAND") && memcmp(word, "COMMAND", size) == 0) {
        place_add_commands(place);
    } else if (size > 0 && islower((unsigned char)*word)) {
        place_add(place, word, size);
    }
}

/** Reads the description of one place: words with bars between them.
 *  @return what follows it */
static const char *place_read(struct ll_place *place, const char *text)
{
    *place = (struct ll_place){LL_PLACE_ANY, ""};
    for (;;) {
        size_t size = strcspn(text, " |");

        place_describe(place, text, size);
        text += size;
        text += strspn(text, " ");
        if (*text != '|') {
            return text;
        }
        text++;
        text += strspn(text, " ");
    }
}

void ll_script_operand(const struct ll_command *command,
                       int operand,
                       struct ll_place *ret_place)
{
    const char *text = command->operands;

    *ret_place = (struct ll_place){LL_PLACE_ANY, ""};
    for (int i = 0; i < operand && *text != '\0'; i++) {
        text = place_read(ret_place, text);
    }
}

int ll_script_operands_n(const struct ll_command *command)
{
    const char *text = command->operands;
    struct ll_place place;
    int n = 0;

    if (command->cmd_at > 0) {
        return command->cmd_at;
    }
    for (; *text != '\0'; n++) {
        text = place_read(&place, text);
    }
    return n;
}

/** What the argument of an option is, besides what its description says. */
static void option_describe(struct ll_script_option *option,
                            enum ll_option_kind kind)
{
    const char *words[LL_OPTION_WORDS_MAX];
    size_t words_n = ll_option_words(kind, words);

    for (size_t i = 0; i < words_n; i++) {
        place_add(&option->place, words[i], strlen(words[i]));
    }
    if (words_n == 0 && option->argument != NULL) {
        (void)place_read(&option->place, option->argument);
    }
    option->repeats =
        kind == LL_OPTION_KIND_ALSO || kind == LL_OPTION_KIND_COUNT;
}

int ll_script_option_next(unsigned groups,
                          size_t *at,
                          struct ll_script_option *ret_option)
{
    const struct leaselock_setting *setting;
    struct ll_option_about about;
    size_t next;
    size_t n = 0;

    memset(ret_option, 0, sizeof(*ret_option));
    for (; ll_option_at(n, &about) == 0; n++) {
        if (n < *at || (about.groups & groups) == 0) {
            continue;
        }
        ret_option->letter = about.letter;
        ret_option->name = about.name;
        ret_option->argument = about.argument;
        ret_option->help = about.help;
        option_describe(ret_option, about.kind);
        *at = n + 1;
        return 0;
    }
    /* The settings follow; the first one, the endpoints, has an option above. */
    next = *at > n ? *at : n;
    setting = leaselock_setting_at((unsigned)(next - n) + 1);
    if (setting == NULL) {
        return -1;
    }
    ret_option->name = setting->name;
    ret_option->argument = setting->argument;
    ret_option->help = setting->help;
    if (setting->argument != NULL && strcmp(setting->argument, "FILE") == 0) {
        ret_option->place.kind = LL_PLACE_FILES;
    }
    *at = next + 1;
    return 0;
}

void ll_script_lines(const char *const *lines)
{
    for (; *lines != NULL; lines++) {
        puts(*lines);
    }
}

int ll_cli_completion(const struct ll_options *options, int argc, char **argv)
{
    char hint[LL_NEAR_HINT_SIZE];
    struct ll_near near;

    (void)options;
    if (argc != 1) {
        return ll_say_usage("completion",
                            argc == 0 ? "the name of the shell is missing"
                                      : "one shell is enough");
    }
    ll_near_begin(&near, argv[0], strlen(argv[0]));
    for (size_t i = 0; i < SHELLS_N; i++) {
        if (strcmp(shells[i].name, argv[0]) == 0) {
            shells[i].print();
            return ll_print_flush();
        }
        ll_near_try(&near, shells[i].name);
    }
    return ll_say_usage("completion",
                        "there is no script for \"%s\"%s, but for bash, zsh "
                        "and fish",
                        argv[0], ll_near_hint(&near, "", hint));
}
