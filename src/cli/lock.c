/**
 * leaselock lock NAME [-- CMD ARG...]
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/hold.h"
#include "cli/report.h"
#include "cli/text.h"

#define TTL_MIN_S 2

static int acquire(struct ll_hold *hold)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    const char *names[LEASELOCK_NAMES_MAX] = {hold->name};
    size_t names_n = 1;
    char what[sizeof(hold->title) + 16];
    int code;

    for (int i = 0; i < hold->options->also_n; i++) {
        names[names_n++] = hold->options->also[i];
    }
    (void)snprintf(what, sizeof(what), "acquire %s", hold->title);
    options.on_lost = ll_hold_on_lost;
    options.on_lost_arg = hold;
    hold->is_settled = 0;
    hold->status = leaselock_acquire_all_async(
        hold->session, names, names_n, &options, ll_hold_wait_left_ms(hold),
        ll_hold_on_done, hold, &hold->ticket, &hold->error);
    if (hold->status != 0) {
        return ll_say_failure(what, &hold->error);
    }
    ll_waitline_start(&hold->line, hold->client, hold->ticket, hold->name,
                      hold->options->verbose);
    code = ll_hold_wait(hold, what);
    hold->is_held = hold->is_settled && hold->status == 0;
    return code;
}

/** The keys of all the locks, or NULL. */
static json_t *keys_to_json(leaselock_ticket *ticket)
{
    json_t *keys = json_array();
    int names_n = leaselock_ticket_names_n(ticket);

    for (int i = 0; i < names_n; i++) {
        char key[LEASELOCK_KEY_MAX + 1] = "";

        (void)leaselock_ticket_key_at(ticket, (size_t)i, key, sizeof(key));
        if (json_array_append_new(keys, ll_json_text(key, strlen(key))) != 0) {
            json_decref(keys);
            return NULL;
        }
    }
    return keys;
}

/** Tells which keys hold the locks, for a script that does the work itself. */
static int print_held(const struct ll_hold *hold)
{
    int64_t token = leaselock_ticket_token(hold->ticket);
    int64_t lease = leaselock_session_lease(hold->session);
    int names_n = leaselock_ticket_names_n(hold->ticket);
    char key[LEASELOCK_KEY_MAX + 1] = "";
    int code = 0;

    if (hold->options->json) {
        leaselock_ticket_key(hold->ticket, key, sizeof(key));
        code = ll_print_json(json_pack(
            "{s:o, s:o, s:I, s:o, s:o}", "name",
            ll_json_text(hold->name, strlen(hold->name)), "key",
            ll_json_text(key, strlen(key)), "token", (json_int_t)token, "lease",
            ll_json_lease(lease), "keys", keys_to_json(hold->ticket)));
    }
    for (int i = 0; !hold->options->json && i < names_n; i++) {
        if (leaselock_ticket_key_at(hold->ticket, (size_t)i, key, sizeof(key)) >
            0) {
            puts(key);
        }
    }
    return code != 0 ? code : ll_print_flush();
}

int ll_cli_lock(const struct ll_options *options, int argc, char **argv)
{
    struct ll_hold hold;
    char **cmd = argc > 1 ? argv + 1 : NULL;
    const char *fault;
    int code;

    if (argc == 0) {
        return ll_say_usage("lock", "the NAME of the lock is missing");
    }
    fault = leaselock_name_fault(argv[0]);
    if (fault != NULL) {
        return ll_say_usage("lock", "\"%s\" cannot be a NAME: %s", argv[0],
                            fault);
    }
    if (options->ttl_s < TTL_MIN_S) {
        return ll_say_usage("lock", "--ttl is %d, and has to be at least %d",
                            options->ttl_s, TTL_MIN_S);
    }
    code = ll_hold_open(&hold, options, argv[0], cmd);
    if (code == 0) {
        code = acquire(&hold);
    }
    if (code == 0 && cmd != NULL) {
        code = ll_hold_run(&hold);
    } else if (code == 0) {
        code = print_held(&hold);
        code = code != 0 ? code : ll_hold_keep(&hold);
    }
    ll_hold_close(&hold);
    return code;
}
