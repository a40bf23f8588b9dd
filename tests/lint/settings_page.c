/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the list of settings for leaselock-settings(5), from the table that
 * the library itself reads them by. */
#include <stdio.h>
#include <string.h>

#include "leaselock/config.h"
#include "leaselock/leaselock.h"

/** Sentences, each on a line of its own as mdoc wants them. */
static void print_sentences(const char *text)
{
    const char *end;

    while ((end = strstr(text, ". ")) != NULL) {
        printf("%.*s.\n", (int)(end - text), text);
        text = end + 2;
    }
    puts(text);
}

static void print_setting(const struct leaselock_setting *setting)
{
    printf(".It Cm %s", setting->name);
    if (setting->argument != NULL) {
        printf(" Ar %s", setting->argument);
    }
    printf("\n.Ev %s", setting->variable);
    if (setting->etcdctl_variable != NULL) {
        printf(" , Ev %s", setting->etcdctl_variable);
    }
    if (setting->member != NULL) {
        printf(" ;\nmember\n.Fa %s", setting->member);
    }
    printf(" .\n.br\n%c%s.\n",
           setting->help[0] >= 'a' && setting->help[0] <= 'z'
               ? setting->help[0] - 'a' + 'A'
               : setting->help[0],
           setting->help + 1);
    if (setting->initial != NULL) {
        printf("The default is\n.Li %s .\n", setting->initial);
    }
    if (setting->more != NULL) {
        print_sentences(setting->more);
    }
}

int main(void)
{
    const struct leaselock_setting *setting;

    puts(".Bl -tag -width Ds");
    for (unsigned i = 0; (setting = leaselock_setting_at(i)) != NULL; i++) {
        print_setting(setting);
    }
    puts(".El");
    return ferror(stdout) != 0;
}
