/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock observe NAME
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/leader.h"
#include "cli/report.h"
#include "cli/text.h"

struct observation {
    const struct ll_options *options;
    const char *name;
    int lines;
    int is_over;
    int code;
};

static int print_line(const struct observation *observation,
                      const struct leaselock_leader_info *leader)
{
    char *value;
    int code = 0;

    if (observation->options->json) {
        code = ll_print_json(ll_leader_to_json(observation->name, leader));
    } else if (leader == NULL) {
        puts("-");
    } else {
        value = ll_text_escape_new(leader->value, leader->value_size);
        if (value == NULL) {
            ll_say("out of memory");
            return LL_EXIT_SYSTEM;
        }
        printf("%" PRId64 " %s\n", leader->token, value);
        free(value);
    }
    /* The reader needs each line at once. */
    return code != 0 ? code : ll_print_flush();
}

static void on_leader(leaselock_observer *observer,
                      const struct leaselock_leader_info *leader,
                      void *arg)
{
    struct observation *observation = arg;

    observation->code = print_line(observation, leader);
    observation->lines++;
    if (observation->code != 0 ||
        observation->lines == observation->options->limit) {
        observation->is_over = 1;
        leaselock_observer_close(observer);
    }
}

static void on_end(int status, const struct leaselock_error *error, void *arg)
{
    struct observation *observation = arg;

    (void)status;
    observation->code = ll_say_failure("follow the election", error);
    observation->is_over = 1;
}

static int follow(struct observation *observation, leaselock_client *client)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct pollfd fd = {leaselock_client_fd(client), POLLIN, 0};
    leaselock_observer *observer = NULL;

    if (leaselock_observe(client, observation->name, on_leader, on_end,
                          observation, &observer, &error) != 0) {
        return ll_say_failure("follow the election", &error);
    }
    while (!observation->is_over) {
        if (poll(&fd, 1, -1) < 0 && errno != EINTR) {
            ll_say("cannot wait: %s", strerror(errno));
            return LL_EXIT_SYSTEM;
        }
        leaselock_client_dispatch(client);
    }
    return observation->code;
}

int ll_cli_observe(const struct ll_options *options, int argc, char **argv)
{
    struct observation observation = {.options = options};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_leader_info *leader = NULL;
    leaselock_client *client = NULL;
    int code = ll_check_one_name("observe", "election", argc, argv);

    if (code == 0) {
        code = ll_connect(options, 1, ll_say_log, NULL, &client);
    }
    if (code != 0) {
        return code;
    }
    observation.name = argv[0];
    /* An observer retries forever; this reports an error at once. */
    code = ll_leader_ask(options, client, argv[0], &leader, &error);
    leaselock_leader_free(leader);
    if (code == 0) {
        code = follow(&observation, client);
    }
    leaselock_client_close(client, NULL);
    return code;
}
