/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/take.h"

#include <stdio.h>
#include <string.h>

#include "cli/again.h"
#include "cli/command.h"
#include "cli/hold.h"
#include "cli/report.h"
#include "cli/who.h"

/** Requests all the locks, or the leadership. */
static int ask(struct ll_hold *hold)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    const char *names[LEASELOCK_NAMES_MAX] = {hold->name};
    int wait_ms = ll_hold_wait_left_ms(hold);
    size_t names_n = 1;

    options.on_lost = ll_hold_on_lost;
    options.on_lost_arg = hold;
    options.requeue = !hold->options->no_requeue;
    options.on_requeue = ll_hold_on_requeue;
    options.on_requeue_arg = hold;
    options.on_yield = ll_hold_on_yield;
    options.on_yield_arg = hold;
    /* CMD must not run while the next holder's runs. */
    options.watch_own_key_ms = LEASELOCK_AT_ONCE;
    options.mode = ll_hold_mode(hold->options);
    options.permits = hold->options->permits;
    options.lock_delay_ms = hold->options->lock_delay_ms;
    options.foreign_delay_ms = hold->options->foreign_delay_ms;
    if (hold->value != NULL) {
        return leaselock_campaign_async(hold->session, hold->name, hold->value,
                                        strlen(hold->value), &options, wait_ms,
                                        ll_hold_on_done, hold, &hold->ticket,
                                        &hold->error);
    }
    for (int i = 0; i < hold->options->also_n; i++) {
        names[names_n++] = hold->options->also[i];
    }
    return leaselock_acquire_all_async(hold->session, names, names_n, &options,
                                       wait_ms, ll_hold_on_done, hold,
                                       &hold->ticket, &hold->error);
}

static int take_place(struct ll_hold *hold)
{
    char what[sizeof(hold->title) + 16];
    int code;

    (void)snprintf(what, sizeof(what), "%s %s",
                   hold->value == NULL ? "acquire" : "lead", hold->title);
    hold->is_settled = 0;
    hold->status = ask(hold);
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

static json_t *held_to_json(const struct ll_hold *hold)
{
    char key[LEASELOCK_KEY_MAX + 1] = "";
    json_t *held;

    (void)leaselock_ticket_key(hold->ticket, key, sizeof(key));
    held = json_pack("{s:o, s:o, s:I, s:o, s:o, s:s, s:o}", "name",
                     ll_json_text(hold->name, strlen(hold->name)), "key",
                     ll_json_text(key, strlen(key)), "token",
                     (json_int_t)leaselock_ticket_token(hold->ticket), "lease",
                     ll_json_lease(leaselock_ticket_lease(hold->ticket)),
                     "keys", keys_to_json(hold->ticket), "mode",
                     ll_who_mode_name(ll_hold_mode(hold->options)), "permits",
                     hold->options->permits > 0
                         ? json_integer(hold->options->permits)
                         : json_null());
    if (held != NULL && hold->value != NULL &&
        json_object_set_new(held, "value",
                            ll_json_text(hold->value, strlen(hold->value))) !=
            0) {
        json_decref(held);
        return NULL;
    }
    return held;
}

/** Prints the keys that hold the locks or the leadership, for a script that
 *  does the work itself. */
static int print_held(const struct ll_hold *hold)
{
    int names_n = leaselock_ticket_names_n(hold->ticket);
    char key[LEASELOCK_KEY_MAX + 1] = "";
    int code = 0;

    if (hold->options->json) {
        code = ll_print_json(held_to_json(hold));
    }
    for (int i = 0; !hold->options->json && i < names_n; i++) {
        if (leaselock_ticket_key_at(hold->ticket, (size_t)i, key, sizeof(key)) >
            0) {
            puts(key);
        }
    }
    return code != 0 ? code : ll_print_flush();
}

static int take_check(const struct ll_take *take, int again)
{
    const char *fault = leaselock_name_check(take->name);

    if (fault != NULL) {
        return ll_say_usage(take->command, "\"%s\" cannot be a NAME: %s",
                            take->name, fault);
    }
    if (again && take->cmd == NULL) {
        return ll_say_usage(take->command,
                            "--again needs a CMD, which it runs again");
    }
    if (take->value != NULL && strlen(take->value) > LEASELOCK_VALUE_MAX) {
        return ll_say_usage(take->command, "a VALUE has at most %d bytes",
                            LEASELOCK_VALUE_MAX);
    }
    return 0;
}

/** Runs CMD; with --again, until it ends by itself or a signal arrives. */
static int run(struct ll_hold *hold)
{
    struct ll_again again = LL_AGAIN_INIT;
    int code = 0;

    for (;;) {
        if (code == 0) {
            ll_again_held(&again);
            code = ll_hold_run(hold);
        }
        if (!ll_again_is_due(hold, code)) {
            return code;
        }
        code = ll_again_open(&again, hold);
        if (code != 0) {
            return code;
        }
        code = take_place(hold);
        if (code == 0) {
            ll_say("%s %s again; running the command again",
                   hold->value == NULL ? "the lock is held:" : "leading",
                   hold->title);
        }
    }
}

int ll_take_run(const struct ll_options *options, const struct ll_take *take)
{
    struct ll_hold hold;
    int code = take_check(take, options->again);

    if (code != 0) {
        return code;
    }
    code = ll_hold_open(&hold, options, take->name, take->cmd);
    hold.value = take->value;
    if (code == 0) {
        code = take_place(&hold);
    }
    if (code == 0 && take->cmd != NULL) {
        code = run(&hold);
    } else if (code == 0) {
        code = print_held(&hold);
        code = code != 0 ? code : ll_hold_keep(&hold);
    }
    ll_hold_close(&hold);
    return code;
}
