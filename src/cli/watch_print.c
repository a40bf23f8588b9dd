/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/tables.h"
#include "cli/text.h"
#include "cli/watch_diff.h"
#include "cli/who.h"

/** What the lines of one comparison have in common. */
struct printer {
    const struct ll_options *options;
    /** Of the queue. */
    const char *name;
    int64_t revision;
    int64_t total;
    int64_t now_s;
};

/** Prints text as a field: without tabs and the like. 0, or the exit code. */
static int print_field(const char *bytes)
{
    char *text = ll_text_escape_new(bytes, strlen(bytes));

    if (text == NULL) {
        ll_say("out of memory");
        return LL_EXIT_SYSTEM;
    }
    (void)fputs(text, stdout);
    free(text);
    return 0;
}

/** Adds what is common to an object, and prints it. */
static int
print_object(const struct printer *printer, enum ll_change change, json_t *own)
{
    json_t *object = json_pack("{s:s, s:I}", "change", ll_change_name(change),
                               "revision", (json_int_t)printer->revision);

    if (json_object_update(object, own) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(own);
    return ll_print_json(object);
}

static json_t *free_to_json(const struct leaselock_lock_info *lock)
{
    return json_pack("{s:o, s:i, s:i, s:n}", "name",
                     ll_json_text(lock->name, strlen(lock->name)), "places", 0,
                     "holders", 0, "holder");
}

static int print_lock(void *arg,
                      enum ll_change change,
                      const struct leaselock_lock_info *lock)
{
    const struct printer *printer = arg;
    int is_free = change == LL_CHANGE_FREE;
    char mode[LL_WHO_MODE_SIZE];
    char who[LL_WHO_SIZE];
    int code;

    if (printer->options->json) {
        return print_object(printer, change,
                            is_free ? free_to_json(lock)
                                    : ll_lock_to_json(lock));
    }
    printf("%s\t", ll_change_name(change));
    code = print_field(lock->name);
    if (is_free) {
        puts("\t0\t0\t-\t-\t-");
        return code;
    }
    ll_who_mode(lock->holder, mode);
    printf("\t%zu\t%zu\t%s\t%" PRId64 "\t", lock->places_n, lock->holders_n,
           mode, lock->holder->token);
    ll_who(lock->holder, who);
    code = code != 0 ? code : print_field(who);
    putchar('\n');
    return code;
}

static int print_place_json(const struct printer *printer,
                            enum ll_change change,
                            const struct leaselock_queue_entry *entry,
                            size_t position)
{
    json_t *object = ll_place_to_json(entry, position);

    if (object != NULL &&
        (json_object_set_new(
             object, "name",
             ll_json_text(printer->name, strlen(printer->name))) != 0 ||
         json_object_set_new(object, "total", json_integer(printer->total)) !=
             0)) {
        json_decref(object);
        object = NULL;
    }
    return print_object(printer, change, object);
}

static int print_place(void *arg,
                       enum ll_change change,
                       const struct leaselock_queue_entry *entry,
                       size_t position)
{
    const struct printer *printer = arg;
    char note[LL_WHO_NOTE_SIZE];
    char mode[LL_WHO_MODE_SIZE];
    char who[LL_WHO_SIZE];
    char place[24] = "-";
    int code;

    if (printer->options->json) {
        return print_place_json(printer, change, entry, position);
    }
    if (position > 0) {
        (void)snprintf(place, sizeof(place), "%zu", position);
    }
    ll_who_mode(entry, mode);
    printf("%s\t%s\t%s\t%" PRId64 "\t", ll_change_name(change), place, mode,
           entry->token);
    ll_who(entry, who);
    code = print_field(who);
    ll_who_note(entry, printer->now_s, note);
    if (code == 0 && note[0] != '\0') {
        putchar('\t');
        code = print_field(note);
    }
    putchar('\n');
    return code;
}

int ll_watch_print_locks(const struct ll_options *options,
                         const struct leaselock_locks_info *before,
                         const struct leaselock_locks_info *after)
{
    struct printer printer = {options, NULL, after->revision, 0, time(NULL)};
    int code = ll_diff_locks(before, after, print_lock, &printer);

    return code != 0 ? code : ll_print_flush();
}

int ll_watch_print_queue(const struct ll_options *options,
                         const char *name,
                         const struct leaselock_queue_info *before,
                         const struct leaselock_queue_info *after)
{
    struct printer printer = {options, name, after->revision, after->total,
                              time(NULL)};
    int code = ll_diff_queues(before, after, print_place, &printer);

    return code != 0 ? code : ll_print_flush();
}
