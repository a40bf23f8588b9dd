/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/report.h"
#include "leaselock/config.h"

/** Longest password that can be typed; etcd's own tools have no limit. */
#define PASSWORD_SIZE 1024

/** The known credentials of the user. */
struct credentials {
    char user[256];
    int has_password;
};

static void on_setting(const struct leaselock_setting *setting,
                       const char *value,
                       const char *source,
                       void *arg)
{
    struct credentials *credentials = arg;

    (void)source;
    if (value == NULL) {
        return;
    }
    if (strcmp(setting->name, "user") == 0) {
        (void)snprintf(credentials->user, sizeof(credentials->user), "%s",
                       value);
    } else if (strcmp(setting->name, "password") == 0 ||
               strcmp(setting->name, "password-file") == 0) {
        credentials->has_password = 1;
    }
}

int ll_connect_ask(struct ll_options *options)
{
    static char password[PASSWORD_SIZE]; /* valid as long as the tool runs */
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct credentials credentials = {"", 0};
    char prompt[sizeof(credentials.user) + 32];

    if (leaselock_settings_resolve(options->endpoints, &options->connection,
                                   on_setting, &credentials, &error) != 0) {
        return ll_say_failure("connect", &error);
    }
    if (credentials.user[0] == '\0' || credentials.has_password ||
        !isatty(STDIN_FILENO)) {
        return 0;
    }
    (void)snprintf(prompt, sizeof(prompt),
                   "password of %s: ", credentials.user);
    if (ll_ask_secret(prompt, password, sizeof(password)) == 0 &&
        password[0] != '\0') {
        options->connection.password = password;
    }
    return 0;
}

int ll_connect(const struct ll_options *options,
               int dispatch,
               leaselock_log_fn *log,
               void *log_arg,
               leaselock_client **ret_client)
{
    struct leaselock_client_options connection = options->connection;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    /* gRPC writes every failed handshake to standard error, with less detail
     * than the tool's messages. The supervisor was forked before and has its
     * own environment, so this does not affect CMD. */
    (void)setenv("GRPC_VERBOSITY", "NONE", 0);
    connection.dispatch = dispatch;
    connection.log = log;
    connection.log_arg = log_arg;
    connection.log_level = ll_log_level(options);
    if (leaselock_client_open_from_env(options->endpoints, &connection,
                                       ret_client, &error) != 0) {
        return ll_say_failure("connect", &error);
    }
    ll_report_client(*ret_client);
    return 0;
}
