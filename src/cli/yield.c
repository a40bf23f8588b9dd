/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock yield NAME
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/report.h"
#include "leaselock/admin.h"

static int
print_asked(const struct ll_options *options, const char *name, int asked_n)
{
    int code = 0;

    if (options->json) {
        code = ll_print_json(json_pack("{s:o, s:i}", "name",
                                       ll_json_text(name, strlen(name)),
                                       "asked", asked_n));
    } else if (asked_n > 0) {
        printf("asked %d holder%s\n", asked_n, asked_n > 1 ? "s" : "");
    }
    if (asked_n == 0) {
        ll_say("nobody holds %s", name);
    }
    code = code != 0 ? code : ll_print_flush();
    return code == 0 && asked_n == 0 ? LL_EXIT_NOT_ACQUIRED : code;
}

static int ask_holders(const struct ll_options *options, const char *name)
{
    struct leaselock_yield_options yield_options = LEASELOCK_YIELD_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    int asked_n = 0;
    int code;

    yield_options.timeout_ms = options->timeout_ms;
    yield_options.reason = options->reason;
    code = ll_connect(options, 0, ll_say_log, NULL, &client);
    if (code != 0) {
        return code;
    }
    if (leaselock_yield(client, name, &yield_options, &asked_n, &error) != 0) {
        code = ll_say_failure("ask the holders", &error);
    } else {
        code = print_asked(options, name, asked_n);
    }
    leaselock_client_close(client, NULL);
    return code;
}

int ll_cli_yield(const struct ll_options *options, int argc, char **argv)
{
    int code = ll_check_one_name("yield", "lock", argc, argv);

    return code != 0 ? code : ask_holders(options, argv[0]);
}
