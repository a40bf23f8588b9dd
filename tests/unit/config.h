/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of settings: an environment of their own, and the results
 * of leaselock_settings_resolve. */
#ifndef TEST_UNIT_CONFIG_H
#define TEST_UNIT_CONFIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "leaselock/config.h"
#include "leaselock/leaselock.h"

#define SETTINGS_MAX 32
#define TEXT_SIZE 512

struct resolved {
    int status;
    struct leaselock_error error;
    char names[SETTINGS_MAX][64];
    char values[SETTINGS_MAX][TEXT_SIZE]; /* "-" for none */
    char sources[SETTINGS_MAX][TEXT_SIZE];
    int n;
};

static struct resolved resolved;

/** A cmocka setup without the user's variables and files. */
static inline int clear_environment(void **state)
{
    (void)state;
    if (clearenv() != 0) {
        return -1;
    }
    return setenv("LEASELOCK_CONFIG", "/dev/null", 1);
}

static inline void on_setting(const struct leaselock_setting *setting,
                              const char *value,
                              const char *source,
                              void *arg)
{
    struct resolved *all = arg;

    assert_true(all->n < SETTINGS_MAX);
    assert_non_null(source);
    (void)snprintf(all->names[all->n], 64, "%s", setting->name);
    (void)snprintf(all->values[all->n], TEXT_SIZE, "%s",
                   value != NULL ? value : "-");
    (void)snprintf(all->sources[all->n], TEXT_SIZE, "%s", source);
    all->n++;
}

/** Resolves the settings into `resolved`. */
static inline int resolve(const char *endpoints,
                          const struct leaselock_client_options *options)
{
    memset(&resolved, 0, sizeof(resolved));
    resolved.status = leaselock_settings_resolve(endpoints, options, on_setting,
                                                 &resolved, &resolved.error);
    assert_int_equal(resolved.error.code, resolved.status);
    return resolved.status;
}

static inline void
expect(const char *name, const char *value, const char *source)
{
    if (resolved.status != 0) {
        fail_msg("%s", resolved.error.message);
    }
    for (int i = 0; i < resolved.n; i++) {
        if (strcmp(resolved.names[i], name) == 0) {
            assert_string_equal(resolved.values[i], value);
            assert_string_equal(resolved.sources[i], source);
            return;
        }
    }
    fail_msg("there is no setting %s", name);
}

/** Resolves, which must fail with a message that contains this part. */
static inline void expect_fault(const char *endpoints,
                                const struct leaselock_client_options *options,
                                const char *part)
{
    assert_int_equal(resolve(endpoints, options), LEASELOCK_E_ARGUMENT);
    assert_int_equal(resolved.n, 0);
    if (strstr(resolved.error.message, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, resolved.error.message);
    }
}

/** Opens a client, which must fail likewise. */
static inline void
expect_open_fault(const char *endpoints,
                  const struct leaselock_client_options *options,
                  const char *part)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;

    assert_int_equal(
        leaselock_client_open_from_env(endpoints, options, &client, &error),
        LEASELOCK_E_ARGUMENT);
    assert_null(client);
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, error.message);
    }
}

/** Checks that an error does not contain the password, which is "secret"
 * here. */
static inline void expect_no_secret(void)
{
    if (strcasestr(resolved.error.message, "secret") != NULL ||
        strcasestr(resolved.error.endpoint, "secret") != NULL) {
        fail_msg("\"%s\" shows a password", resolved.error.message);
    }
}

#endif
