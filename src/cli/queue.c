/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock queue NAME
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/report.h"
#include "cli/tables.h"
#include "cli/watch.h"

static json_t *queue_to_json(const char *name,
                             const struct leaselock_queue_info *queue)
{
    json_t *entries = json_array();

    for (size_t i = 0; i < queue->entries_n; i++) {
        if (json_array_append_new(
                entries, ll_place_to_json(&queue->entries[i], i + 1)) != 0) {
            json_decref(entries);
            return NULL;
        }
    }
    return json_pack("{s:o, s:I, s:I, s:o}", "name",
                     ll_json_text(name, strlen(name)), "revision",
                     (json_int_t)queue->revision, "total",
                     (json_int_t)queue->total, "entries", entries);
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
        code = ll_table_queue(queue, NULL);
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

    if (code == 0 && options->watch) {
        return ll_watch_queue(options, argv[0]);
    }
    return code != 0 ? code : show_queue(options, argv[0]);
}
