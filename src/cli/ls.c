/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock ls [PREFIX]
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/grid.h"
#include "cli/report.h"
#include "cli/who.h"

static json_t *locks_to_json(const struct leaselock_locks_info *locks)
{
    json_t *list = json_array();

    for (size_t i = 0; i < locks->locks_n; i++) {
        const struct leaselock_lock_info *lock = &locks->locks[i];
        json_t *object = json_pack("{s:o, s:I, s:I, s:o}", "name",
                                   ll_json_text(lock->name, strlen(lock->name)),
                                   "places", (json_int_t)lock->places_n,
                                   "holders", (json_int_t)lock->holders_n,
                                   "holder", ll_who_to_json(lock->holder));

        if (json_array_append_new(list, object) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:I, s:o}", "revision", (json_int_t)locks->revision,
                     "locks", list);
}

static int print_table(const struct leaselock_locks_info *locks)
{
    static const char *const titles[] = {
        "NAME", "PLACES",  "HOLDERS", "MODE", "TOKEN", "HOST",
        "PID",  "PROGRAM", "LABEL",   "AGE",  "NOTE"};
    struct ll_grid grid = LL_GRID_INIT(sizeof(titles) / sizeof(titles[0]));
    int64_t now_s = time(NULL);
    int code;

    ll_grid_add_titles(&grid, titles);
    for (size_t i = 0; i < locks->locks_n; i++) {
        const struct leaselock_lock_info *lock = &locks->locks[i];

        ll_grid_add(&grid, lock->name, strlen(lock->name));
        ll_grid_addf(&grid, "%zu", lock->places_n);
        ll_grid_addf(&grid, "%zu", lock->holders_n);
        ll_who_add_mode(&grid, lock->holder);
        ll_grid_addf(&grid, "%" PRId64, lock->holder->token);
        ll_who_add(&grid, lock->holder, now_s);
        ll_who_add_note(&grid, lock->holder, now_s);
    }
    code = ll_grid_print(&grid);
    ll_grid_free(&grid);
    return code;
}

static int print_locks(const struct ll_options *options,
                       const char *prefix,
                       const struct leaselock_locks_info *locks)
{
    int code = 0;

    if (options->json) {
        code = ll_print_json(locks_to_json(locks));
    } else if (locks->locks_n == 0) {
        ll_say("no lock%s%s is held",
               prefix != NULL ? " that begins with " : "",
               prefix != NULL ? prefix : "");
    } else {
        code = print_table(locks);
    }
    return code != 0 ? code : ll_print_flush();
}

int ll_cli_ls(const struct ll_options *options, int argc, char **argv)
{
    struct leaselock_locks_options locks_options = LEASELOCK_LOCKS_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_locks_info *locks = NULL;
    leaselock_client *client = NULL;
    const char *prefix = argc > 0 ? argv[0] : NULL;
    int code;

    if (argc > 1) {
        return ll_say_usage("ls", "one PREFIX is enough");
    }
    locks_options.timeout_ms = options->timeout_ms;
    code = ll_connect(options, 0, ll_say_log, NULL, &client);
    if (code != 0) {
        return code;
    }
    if (leaselock_locks(client, prefix, &locks_options, &locks, &error) != 0) {
        code = ll_say_failure("list the locks", &error);
    } else {
        code = print_locks(options, prefix, locks);
    }
    leaselock_locks_free(locks);
    leaselock_client_close(client, NULL);
    return code;
}
