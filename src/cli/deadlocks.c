/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock deadlocks [PREFIX]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/who.h"

static json_t *member_to_json(const struct leaselock_deadlock_member *member)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o}", "lease", ll_json_lease(member->lease),
        "holds", ll_json_text(member->holds_name, strlen(member->holds_name)),
        "holds_place", ll_who_to_json(member->holds), "waits_for",
        ll_json_text(member->waits_name, strlen(member->waits_name)),
        "waits_place", ll_who_to_json(member->waits));
}

static json_t *deadlock_to_json(const struct leaselock_deadlock *deadlock)
{
    json_t *members = json_array();

    for (size_t i = 0; i < deadlock->members_n; i++) {
        if (json_array_append_new(members,
                                  member_to_json(&deadlock->members[i])) != 0) {
            json_decref(members);
            return NULL;
        }
    }
    return json_pack("{s:o}", "members", members);
}

static json_t *report_to_json(const struct leaselock_deadlocks_info *report)
{
    json_t *deadlocks = json_array();

    for (size_t i = 0; i < report->deadlocks_n; i++) {
        if (json_array_append_new(
                deadlocks, deadlock_to_json(&report->deadlocks[i])) != 0) {
            json_decref(deadlocks);
            return NULL;
        }
    }
    return json_pack("{s:I, s:o}", "revision", (json_int_t)report->revision,
                     "deadlocks", deadlocks);
}

static int print_member(const struct leaselock_deadlock_member *member)
{
    char raw[LL_WHO_SIZE + LL_WHO_MODE_SIZE + 2 * LEASELOCK_NAME_MAX + 32];
    char shares[LL_WHO_MODE_SIZE];
    char who[LL_WHO_SIZE];
    char *text;

    ll_who(member->waits, who);
    ll_who_shares(member->holds, shares);
    (void)snprintf(raw, sizeof(raw), "%s has %s%s, waits for %s", who,
                   member->holds_name, shares, member->waits_name);
    text = ll_text_escape_new(raw, strlen(raw));
    if (text == NULL) {
        ll_say("out of memory");
        return LL_EXIT_SYSTEM;
    }
    printf("  %s\n", text);
    free(text);
    return 0;
}

static int print_report(const struct ll_options *options,
                        const struct leaselock_deadlocks_info *report)
{
    int code = 0;

    if (options->json) {
        code = ll_print_json(report_to_json(report));
    } else if (report->deadlocks_n == 0) {
        ll_say("no deadlock was found");
    }
    for (size_t i = 0; !options->json && i < report->deadlocks_n; i++) {
        printf("deadlock of %zu:\n", report->deadlocks[i].members_n);
        for (size_t j = 0; code == 0 && j < report->deadlocks[i].members_n;
             j++) {
            code = print_member(&report->deadlocks[i].members[j]);
        }
    }
    code = code != 0 ? code : ll_print_flush();
    return code == 0 && report->deadlocks_n > 0 ? LL_EXIT_FOUND : code;
}

int ll_cli_deadlocks(const struct ll_options *options, int argc, char **argv)
{
    struct leaselock_locks_options locks_options = LEASELOCK_LOCKS_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_deadlocks_info *report = NULL;
    leaselock_client *client = NULL;
    int code;

    if (argc > 1) {
        return ll_say_usage("deadlocks", "one PREFIX is enough");
    }
    locks_options.timeout_ms = options->timeout_ms;
    code = ll_connect(options, 0, ll_say_log, NULL, &client);
    if (code != 0) {
        return code;
    }
    if (leaselock_deadlocks(client, argc > 0 ? argv[0] : NULL, &locks_options,
                            &report, &error) != 0) {
        code = ll_say_failure("look for deadlocks", &error);
    } else {
        code = print_report(options, report);
    }
    leaselock_deadlocks_free(report);
    leaselock_client_close(client, NULL);
    return code;
}
