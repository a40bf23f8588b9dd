/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock leader NAME
 */
#include "cli/leader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/report.h"
#include "cli/text.h"

int ll_leader_ask(const struct ll_options *options,
                  leaselock_client *client,
                  const char *name,
                  struct leaselock_leader_info **ret_leader,
                  struct leaselock_error *ret_error)
{
    int status = leaselock_leader(client, name, options->timeout_ms, ret_leader,
                                  ret_error);

    if (status == LEASELOCK_E_NO_LEADER) {
        *ret_leader = NULL;
        return 0;
    }
    return status == 0 ? 0 : ll_say_failure("ask for the leader", ret_error);
}

json_t *ll_leader_to_json(const char *name,
                          const struct leaselock_leader_info *leader)
{
    json_t *json_name = ll_json_text(name, strlen(name));

    if (leader == NULL) {
        return json_pack("{s:o, s:n, s:n, s:n, s:n, s:n}", "name", json_name,
                         "key", "value", "token", "revision", "lease");
    }
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:o}", "name", json_name, "key",
                     ll_json_text(leader->key, strlen(leader->key)), "value",
                     ll_json_text(leader->value, leader->value_size), "token",
                     (json_int_t)leader->token, "revision",
                     (json_int_t)leader->revision, "lease",
                     leader->lease != 0 ? ll_json_lease(leader->lease)
                                        : json_null());
}

/** Prints the leader's value; prints nothing if there is no leader. */
static int print_leader(const struct ll_options *options,
                        const char *name,
                        const struct leaselock_leader_info *leader,
                        const struct leaselock_error *error)
{
    char *value;
    int code;

    if (options->json) {
        code = ll_print_json(ll_leader_to_json(name, leader));
    } else if (leader == NULL) {
        ll_say("%s: %s", name, error->message);
        code = 0;
    } else {
        value = ll_text_escape_new(leader->value, leader->value_size);
        if (value == NULL) {
            ll_say("out of memory");
            return LL_EXIT_SYSTEM;
        }
        puts(value);
        free(value);
        code = 0;
    }
    code = code != 0 ? code : ll_print_flush();
    return code == 0 && leader == NULL ? LL_EXIT_NOT_ACQUIRED : code;
}

int ll_cli_leader(const struct ll_options *options, int argc, char **argv)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_leader_info *leader = NULL;
    leaselock_client *client = NULL;
    int code = ll_check_one_name("leader", "election", argc, argv);

    if (code == 0) {
        code = ll_connect(options, 0, ll_say_log, NULL, &client);
    }
    if (code != 0) {
        return code;
    }
    code = ll_leader_ask(options, client, argv[0], &leader, &error);
    if (code == 0) {
        code = print_leader(options, argv[0], leader, &error);
    }
    leaselock_leader_free(leader);
    leaselock_client_close(client, NULL);
    return code;
}
