/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/settings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leaselock/config.h"

/** Reads without blocking: all data was written before this process started,
 *  or is incomplete. */
static bool read_all(int socket, void *bytes, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = read(socket, (char *)bytes + got, size - got);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        got += (size_t)n;
    }
    return true;
}

/** The text after the next NUL, or NULL at the end. */
static const char *next(const char **at, const char *end)
{
    const char *text = *at;
    const char *nul =
        text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

    if (nul == NULL) {
        return NULL;
    }
    *at = nul + 1;
    return text;
}

static int
open_with(const char *settings, size_t size, leaselock_client **ret_client)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    const char *endpoints = NULL;
    const char *at = settings;
    const char *name;

    while ((name = next(&at, settings + size)) != NULL) {
        const char *value = next(&at, settings + size);

        if (value == NULL) {
            return -1;
        }
        if (strcmp(name, "endpoints") == 0) {
            endpoints = value;
        } else if (leaselock_client_options_set(&options, name, value, NULL) !=
                   0) {
            return -1;
        }
    }
    return leaselock_client_open(endpoints, &options, ret_client, NULL) == 0
               ? 0
               : -1;
}

int ll_guardian_open_client(int socket,
                            struct ll_guardian_greeting *ret_greeting,
                            leaselock_client **ret_client)
{
    struct ll_guardian_greeting greeting;
    char *settings;
    int status = -1;

    if (!read_all(socket, &greeting, sizeof(greeting)) ||
        greeting.protocol != LL_GUARDIAN_PROTOCOL ||
        greeting.settings_size > LL_GUARDIAN_SETTINGS_SIZE_MAX) {
        return -1;
    }
    settings = malloc((size_t)greeting.settings_size + 1);
    if (settings == NULL) {
        return -1;
    }
    if (read_all(socket, settings, greeting.settings_size)) {
        status = open_with(settings, greeting.settings_size, ret_client);
    }
    explicit_bzero(settings, greeting.settings_size);
    free(settings);
    *ret_greeting = greeting;
    return status;
}
