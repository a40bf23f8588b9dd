/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock settings
 */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/grid.h"
#include "cli/report.h"
#include "leaselock/config.h"

/** The state of the callback that lists the settings. */
struct listing {
    const struct ll_options *options;
    struct ll_grid grid;
    json_t *list;
    int is_broken;
};

static void add_json(struct listing *listing,
                     const struct leaselock_setting *setting,
                     const char *value,
                     const char *source)
{
    json_t *entry = json_pack(
        "{s:s, s:o, s:o}", "name", setting->name, "value",
        value != NULL ? ll_json_text(value, strlen(value)) : json_null(),
        "source",
        source[0] != '\0' ? ll_json_text(source, strlen(source)) : json_null());

    if (json_array_append_new(listing->list, entry) != 0) {
        listing->is_broken = 1;
    }
}

static void on_setting(const struct leaselock_setting *setting,
                       const char *value,
                       const char *source,
                       void *arg)
{
    struct listing *listing = arg;

    if (strncmp(source, "the option ", 11) == 0) {
        source = "the command line"; /* the source of the tool's options */
    }
    if (listing->options->json) {
        add_json(listing, setting, value, source);
        return;
    }
    if (source[0] == '\0') {
        source = "default";
    }
    if (value == NULL) {
        value = "-";
        source = "";
    }
    ll_grid_add(&listing->grid, setting->name, strlen(setting->name));
    ll_grid_add(&listing->grid, value, strlen(value));
    ll_grid_add(&listing->grid, source, strlen(source));
}

static int print(struct listing *listing)
{
    int code;

    if (listing->options->json) {
        json_t *list = listing->list;

        listing->list = NULL;
        if (listing->is_broken) {
            json_decref(list);
            list = NULL;
        }
        code = ll_print_json(list != NULL ? json_pack("{s:o}", "settings", list)
                                          : NULL);
    } else {
        code = ll_grid_print(&listing->grid);
    }
    return code != 0 ? code : ll_print_flush();
}

int ll_cli_settings(const struct ll_options *options, int argc, char **argv)
{
    struct listing listing = {options, LL_GRID_INIT(3), NULL, 0};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int code;

    if (argc > 0) {
        return ll_say_usage("settings", "unexpected argument \"%s\"", argv[0]);
    }
    listing.list = json_array();
    ll_grid_addf(&listing.grid, "NAME");
    ll_grid_addf(&listing.grid, "VALUE");
    ll_grid_addf(&listing.grid, "FROM");
    if (leaselock_settings_resolve(options->endpoints, &options->connection,
                                   on_setting, &listing, &error) != 0) {
        code = ll_say_failure("read the settings", &error);
    } else {
        code = print(&listing);
    }
    json_decref(listing.list);
    ll_grid_free(&listing.grid);
    return code;
}
