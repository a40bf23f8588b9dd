/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock ls [PREFIX]
 */
#include <string.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/report.h"
#include "cli/tables.h"
#include "cli/watch.h"

static json_t *locks_to_json(const struct leaselock_locks_info *locks)
{
    json_t *list = json_array();

    for (size_t i = 0; i < locks->locks_n; i++) {
        if (json_array_append_new(list, ll_lock_to_json(&locks->locks[i])) !=
            0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:I, s:o}", "revision", (json_int_t)locks->revision,
                     "locks", list);
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
        code = ll_table_locks(locks, NULL);
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
    if (options->watch) {
        return ll_watch_locks(options, prefix);
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
