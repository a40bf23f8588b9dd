/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock queue NAME
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/grid.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/who.h"

static json_t *entry_to_json(const struct leaselock_queue_entry *entry,
                             size_t position)
{
    json_t *who = ll_who_to_json(entry);
    json_t *object =
        json_pack("{s:I, s:o, s:o}", "position", (json_int_t)position, "ttl_s",
                  entry->ttl_s >= 0 ? json_integer(entry->ttl_s) : json_null(),
                  "value", ll_json_text(entry->value, entry->value_size));

    if (json_object_update(object, who) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(who);
    return object;
}

static json_t *queue_to_json(const char *name,
                             const struct leaselock_queue_info *queue)
{
    json_t *entries = json_array();

    for (size_t i = 0; i < queue->entries_n; i++) {
        if (json_array_append_new(
                entries, entry_to_json(&queue->entries[i], i + 1)) != 0) {
            json_decref(entries);
            return NULL;
        }
    }
    return json_pack("{s:o, s:I, s:I, s:o}", "name",
                     ll_json_text(name, strlen(name)), "revision",
                     (json_int_t)queue->revision, "total",
                     (json_int_t)queue->total, "entries", entries);
}

static void add_entry(struct ll_grid *grid,
                      const struct leaselock_queue_entry *entry,
                      size_t position,
                      int64_t now_s)
{
    ll_grid_addf(grid, "%zu", position);
    ll_grid_addf(grid, "%s",
                 !ll_who_is_ticket(entry) ? "blocks"
                 : entry->holds           ? "holds"
                                          : "waits");
    ll_who_add_mode(grid, entry);
    ll_grid_addf(grid, "%" PRId64, entry->token);
    if (entry->lease == 0) {
        ll_grid_addf(grid, "never");
    } else if (entry->ttl_s >= 0) {
        ll_grid_addf(grid, "%" PRId64 "s", entry->ttl_s);
    } else {
        ll_grid_addf(grid, "?");
    }
    ll_who_add(grid, entry, now_s);
    ll_who_add_note(grid, entry, now_s);
}

static int print_table(const struct leaselock_queue_info *queue)
{
    static const char *const titles[] = {"POS",   "STATE", "MODE", "TOKEN",
                                         "TTL",   "HOST",  "PID",  "PROGRAM",
                                         "LABEL", "AGE",   "NOTE"};
    struct ll_grid grid = LL_GRID_INIT(sizeof(titles) / sizeof(titles[0]));
    int64_t now_s = time(NULL);
    int code;

    ll_grid_add_titles(&grid, titles);
    for (size_t i = 0; i < queue->entries_n; i++) {
        add_entry(&grid, &queue->entries[i], i + 1, now_s);
    }
    code = ll_grid_print(&grid);
    ll_grid_free(&grid);
    return code;
}

static int print_queue(const struct ll_options *options,
                       const char *name,
                       const struct leaselock_queue_info *queue)
{
    int code;

    if (options->json) {
        code = ll_print_json(queue_to_json(name, queue));
    } else if (queue->entries_n == 0) {
        ll_say("%s is free", name);
        code = 0;
    } else {
        code = print_table(queue);
        if (queue->total > (int64_t)queue->entries_n) {
            ll_say("%" PRId64 " more are in the queue of %s; see --limit",
                   queue->total - (int64_t)queue->entries_n, name);
        }
    }
    return code != 0 ? code : ll_print_flush();
}

static int show_queue(const struct ll_options *options, const char *name)
{
    struct leaselock_queue_options queue_options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_queue_info *queue = NULL;
    leaselock_client *client = NULL;
    int code;

    queue_options.timeout_ms = options->timeout_ms;
    queue_options.limit = options->limit;
    queue_options.with_ttl = 1;
    code = ll_connect(options, 0, ll_say_log, NULL, &client);
    if (code != 0) {
        return code;
    }
    if (leaselock_queue(client, name, &queue_options, &queue, &error) != 0) {
        code = ll_say_failure("read the queue", &error);
    } else {
        code = print_queue(options, name, queue);
    }
    leaselock_queue_free(queue);
    leaselock_client_close(client, NULL);
    return code;
}

int ll_cli_queue(const struct ll_options *options, int argc, char **argv)
{
    int code = ll_check_one_name("queue", "lock", argc, argv);

    return code != 0 ? code : show_queue(options, argv[0]);
}
