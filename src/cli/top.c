/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock top [PREFIX]
 */
#include "cli/top.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/feed.h"
#include "cli/grid.h"
#include "cli/report.h"
#include "cli/top_cells.h"
#include "cli/top_model.h"
#include "cli/top_screen.h"
#include "cli/who.h"

static json_t *row_to_json(const struct ll_top_row *row)
{
    const struct leaselock_lock_info *lock = row->lock;

    return json_pack("{s:o, s:I, s:I, s:o, s:o}", "name",
                     ll_json_text(lock->name, strlen(lock->name)), "waiters",
                     (json_int_t)row->waiters, "holders",
                     (json_int_t)lock->holders_n, "age_s",
                     row->age_s >= 0 ? json_integer(row->age_s) : json_null(),
                     "holder", ll_who_to_json(lock->holder));
}

static json_t *model_to_json(const struct ll_top_model *model)
{
    json_t *list = json_array();

    for (size_t i = 0; i < model->rows_n; i++) {
        if (json_array_append_new(list, row_to_json(&model->rows[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:I, s:o}", "revision", (json_int_t)model->revision,
                     "locks", list);
}

static int print_table(const struct ll_top_model *model)
{
    static const char *const titles[] = {"NAME",  "WAIT", "MODE", "AGE",
                                         "TOKEN", "HOST", "PID",  "PROGRAM",
                                         "LABEL", "NOTE"};
    struct ll_grid grid = LL_GRID_INIT(sizeof(titles) / sizeof(titles[0]));
    int code;

    ll_grid_add_titles(&grid, titles);
    for (size_t i = 0; i < model->rows_n; i++) {
        const struct ll_top_row *row = &model->rows[i];
        char mode[LL_TOP_MODE_SIZE];

        ll_top_mode(row->lock, mode);
        ll_grid_add(&grid, row->lock->name, strlen(row->lock->name));
        ll_grid_addf(&grid, "%zu", row->waiters);
        ll_grid_addf(&grid, "%s", mode);
        ll_who_add_age(&grid, row->lock->holder, model->taken_unix_s);
        ll_grid_addf(&grid, "%" PRId64, row->lock->holder->token);
        ll_who_add_process(&grid, row->lock->holder);
        ll_who_add_note(&grid, row->lock->holder, model->taken_unix_s);
    }
    code = ll_grid_print(&grid);
    ll_grid_free(&grid);
    return code;
}

static int print_model(const struct ll_options *options,
                       const struct ll_top_model *model)
{
    int code = 0;

    if (options->json) {
        code = ll_print_json(model_to_json(model));
    } else if (model->rows_n == 0) {
        ll_say("%s", model->all_n == 0 ? "no lock is held"
                                       : "no lock matches the filter");
    } else {
        code = print_table(model);
    }
    return code != 0 ? code : ll_print_flush();
}

int ll_top_once(const struct ll_options *options,
                const char *prefix,
                enum ll_top_sort sort)
{
    struct leaselock_locks_options locks_options = LEASELOCK_LOCKS_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_locks_info *locks = NULL;
    struct ll_top_model model = {0};
    leaselock_client *client = NULL;
    int code;

    locks_options.timeout_ms = options->timeout_ms;
    code = ll_connect(options, 0, ll_say_log, NULL, &client);
    if (code != 0) {
        return code;
    }
    if (leaselock_locks(client, prefix, &locks_options, &locks, &error) != 0) {
        code = ll_say_failure("list the locks", &error);
    } else if (ll_top_model_take(&model, locks, now_ns(), time(NULL)) != 0) {
        ll_say("out of memory");
        code = LL_EXIT_SYSTEM;
    } else {
        ll_top_model_arrange(&model, sort, 0,
                             options->filter != NULL ? options->filter : "");
        code = print_model(options, &model);
    }
    ll_top_model_free(&model);
    leaselock_locks_free(locks);
    leaselock_client_close(client, NULL);
    return code;
}

int ll_cli_top(const struct ll_options *options, int argc, char **argv)
{
    const char *prefix = argc > 0 ? argv[0] : NULL;
    int sort =
        options->sort != NULL ? ll_top_sort_of(options->sort) : LL_TOP_AGE;
    int code;

    if (argc > 1) {
        return ll_say_usage("top", "one PREFIX is enough");
    }
    if (sort < 0) {
        return ll_say_usage("top",
                            "--sort is \"%s\", which is not age, held, "
                            "waiters, rate, name or mode",
                            options->sort);
    }
    if (options->once || options->json) {
        return ll_top_once(options, prefix, (enum ll_top_sort)sort);
    }
    code = ll_top_screen_check();
    return code != 0 ? code
                     : ll_top_follow(options, prefix, (enum ll_top_sort)sort);
}
