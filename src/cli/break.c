/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock break NAME [KEY]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/who.h"

#define ANSWER_SIZE 16

/** Entries of the queue that are read to count the holders. */
#define ENTRIES_MAX 1000

/** "; 2 others hold it too", beside a shared ticket or a permit. */
static void word_others(const struct leaselock_queue_info *queue,
                        const struct leaselock_queue_entry *broken,
                        char *ret_text,
                        size_t size)
{
    size_t others_n = 0;

    for (size_t i = 0; i < queue->entries_n; i++) {
        others_n += queue->entries[i].holds && &queue->entries[i] != broken;
    }
    ret_text[0] = '\0';
    if (broken->holds && others_n > 0) {
        (void)snprintf(ret_text, size, "; %zu other%s hold%s it too", others_n,
                       others_n == 1 ? "" : "s", others_n == 1 ? "s" : "");
    }
}

/** Describes a lock's holder, how it shares the lock and how long ago it asked;
 *  marks a foreign key. */
static void describe(const struct leaselock_queue_info *queue,
                     const struct leaselock_queue_entry *holder,
                     char *ret_text,
                     size_t size)
{
    char age[LL_TEXT_AGE_SIZE] = "";
    char shares[LL_WHO_MODE_SIZE];
    char others[64];
    char who[LL_WHO_SIZE];

    ll_who(holder, who);
    word_others(queue, holder, others, sizeof(others));
    ll_who_shares(holder, shares);
    if (ll_who_is_own(holder) && holder->since_unix_s > 0) {
        ll_text_age(time(NULL) - holder->since_unix_s, age);
    }
    (void)snprintf(ret_text, size, "%s%s%s%s%s%s%s", who,
                   holder->foreign ? " (foreign)" : "", shares,
                   age[0] != '\0' ? ", which asked for it " : "", age,
                   age[0] != '\0' ? " ago" : "", others);
}

/** Prompts on the terminal. Returns 0 for a yes, else the exit code. */
static int ask(const char *name,
               const struct leaselock_queue_entry *holder,
               const char *who)
{
    char answer[ANSWER_SIZE] = "";
    const char *verb = !ll_who_is_ticket(holder) ? "blocked"
                       : holder->holds           ? "held"
                                                 : "awaited";

    if (!isatty(STDIN_FILENO)) {
        return ll_say_usage("break",
                            "%s is %s by %s; there is no terminal to ask "
                            "on, and no --yes",
                            name, verb, who);
    }
    ll_say("%s is %s by %s", name, verb, who);
    (void)fputs(!holder->holds ? "delete that key? [y/N] "
                               : "take it from there? what runs under it may "
                                 "go on for a while [y/N] ",
                stderr);
    (void)fflush(stderr);
    if (fgets(answer, sizeof(answer), stdin) != NULL &&
        (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0)) {
        return 0;
    }
    ll_say("%s is left alone", name);
    return LL_EXIT_NOT_ACQUIRED;
}

static int print_broken(const struct ll_options *options,
                        const char *name,
                        const struct leaselock_queue_entry *holder)
{
    int code = 0;

    if (options->json) {
        code = ll_print_json(json_pack("{s:o, s:o}", "name",
                                       ll_json_text(name, strlen(name)),
                                       "broken", ll_who_to_json(holder)));
    } else {
        char *key = ll_text_escape_new(holder->key, strlen(holder->key));

        if (key == NULL) {
            ll_say("out of memory");
            return LL_EXIT_SYSTEM;
        }
        puts(key);
        free(key);
    }
    return code != 0 ? code : ll_print_flush();
}

static int break_holder(const struct ll_options *options,
                        leaselock_client *client,
                        const char *name,
                        const struct leaselock_queue_info *queue,
                        const struct leaselock_queue_entry *holder)
{
    struct leaselock_break_options break_options = LEASELOCK_BREAK_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char who[LL_WHO_SIZE + 256];
    int status;
    int code = 0;

    if (holder->lease == 0 && !options->force) {
        ll_say("%s is blocked by %s, which is no ticket: the key has no lease, "
               "so it is data that somebody keeps there; move it to another "
               "prefix, or delete it with --force",
               name, holder->key);
        return LL_EXIT_USAGE;
    }
    if (holder->nested && holder->lease != 0) {
        ll_say("%s is blocked by %s, which belongs to a lock nested below it; "
               "break that one",
               name, holder->key);
        return LL_EXIT_USAGE;
    }
    describe(queue, holder, who, sizeof(who));
    if (!options->yes) {
        code = ask(name, holder, who);
    }
    if (code != 0) {
        return code;
    }
    break_options.timeout_ms = options->timeout_ms;
    break_options.force = options->force;
    status = leaselock_break(client, holder->key, holder->token, &break_options,
                             &error);
    if (status == LEASELOCK_E_COMPARE) {
        ll_say("%s is not %s by %s any more; nothing was done", name,
               holder->holds ? "held" : "awaited", who);
        return LL_EXIT_NOT_ACQUIRED;
    }
    return status != 0 ? ll_say_failure("break the lock", &error)
                       : print_broken(options, name, holder);
}

/** The entry to break: the first, or the one with a key; NULL: there is no such
 *  key. */
static const struct leaselock_queue_entry *
find_entry(const struct leaselock_queue_info *queue, const char *key)
{
    if (key == NULL) {
        return &queue->entries[0];
    }
    for (size_t i = 0; i < queue->entries_n; i++) {
        if (strcmp(queue->entries[i].key, key) == 0) {
            return &queue->entries[i];
        }
    }
    return NULL;
}

/** @param key  of the place; NULL: the first */
static int
break_lock(const struct ll_options *options, const char *name, const char *key)
{
    const struct leaselock_queue_entry *entry;
    struct leaselock_queue_options queue_options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_queue_info *queue = NULL;
    leaselock_client *client = NULL;
    int code;

    queue_options.timeout_ms = options->timeout_ms;
    queue_options.limit = key == NULL ? ENTRIES_MAX : 0;
    code = ll_connect(options, 0, ll_say_log, NULL, &client);
    if (code != 0) {
        return code;
    }
    if (leaselock_queue(client, name, &queue_options, &queue, &error) != 0) {
        code = ll_say_failure("read the queue", &error);
    } else if (queue->entries_n == 0) {
        ll_say("%s is free", name);
        code = LL_EXIT_NOT_ACQUIRED;
    } else {
        entry = find_entry(queue, key);
        if (entry != NULL) {
            code = break_holder(options, client, name, queue, entry);
        } else {
            ll_say("%s is not in the queue of %s; nothing was done", key, name);
            code = LL_EXIT_NOT_ACQUIRED;
        }
    }
    leaselock_queue_free(queue);
    leaselock_client_close(client, NULL);
    return code;
}

int ll_cli_break(const struct ll_options *options, int argc, char **argv)
{
    int code;

    if (argc > 2) {
        return ll_say_usage("break", "one NAME and one KEY are enough");
    }
    code = ll_check_one_name("break", "lock", argc > 0 ? 1 : 0, argv);
    return code != 0 ? code
                     : break_lock(options, argv[0], argc > 1 ? argv[1] : NULL);
}
