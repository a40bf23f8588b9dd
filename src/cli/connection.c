/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connection.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/report.h"

/** A setting by number; skips the endpoints, the first one, which have an
 *  option with a letter. */
static const struct leaselock_setting *setting_at(unsigned index)
{
    return leaselock_setting_at(index + 1);
}

size_t ll_connection_add_options(struct option *options, int base)
{
    const struct leaselock_setting *setting;
    unsigned n = 0;

    for (; n < LL_CONNECTION_OPTIONS_MAX && (setting = setting_at(n)) != NULL;
         n++) {
        options[n] = (struct option){
            setting->name,
            setting->argument != NULL ? required_argument : no_argument, NULL,
            base + (int)n};
    }
    return n;
}

int ll_connection_set(struct leaselock_client_options *options,
                      unsigned index,
                      const char *text,
                      const char *command)
{
    const struct leaselock_setting *setting = setting_at(index);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const char *sentence = leaselock_status_text(LEASELOCK_E_ARGUMENT);
    const char *message = error.message;

    if (setting == NULL) {
        return LL_EXIT_USAGE;
    }
    if (leaselock_client_options_set(options, setting->name,
                                     text != NULL ? text : "1", &error) == 0) {
        return 0;
    }
    if (strncmp(message, sentence, strlen(sentence)) == 0) {
        message += strlen(sentence);
        message += strspn(message, ": ");
    }
    return ll_say_usage(command, "--%s", message);
}

void ll_connection_print_help(void)
{
    const struct leaselock_setting *setting;

    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        char names[48];

        (void)snprintf(names, sizeof(names), "--%s%s%s", setting->name,
                       setting->argument != NULL ? " " : "",
                       setting->argument != NULL ? setting->argument : "");
        printf("  %-27s %s\n", names, setting->help);
    }
}
