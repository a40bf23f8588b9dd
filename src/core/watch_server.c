/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch_server.h"

#include "core/object.h"
#include "core/watch.h"

/** The first minor release of 3 in the table; later ones are prompt. */
#define MINOR_FIRST 4
/** More digits than this are no number of a release. */
#define NUMBER_MAX 9999

/** Reads a number and the character after it. @return the rest; NULL: none */
static const char *number_read(const char *text, char after, unsigned *ret)
{
    unsigned number = 0;

    if (*text < '0' || *text > '9') {
        return NULL;
    }
    while (*text >= '0' && *text <= '9' && number <= NUMBER_MAX) {
        number = 10 * number + (unsigned)(*text++ - '0');
    }
    *ret = number;
    return *text == after ? text + (after != '\0') : NULL;
}

bool ll_version_is_prompt(const char *version)
{
    /* etcd's pull requests 20286 and 20291, and 3.4's of the same. */
    static const unsigned patches[] = {38, 22, 2};
    const unsigned minors_n = sizeof(patches) / sizeof(patches[0]);
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;

    version = number_read(version, '.', &major);
    version = version != NULL ? number_read(version, '.', &minor) : NULL;
    version = version != NULL ? number_read(version, '\0', &patch) : NULL;
    if (version == NULL || major != 3 || minor < MINOR_FIRST) {
        return false;
    }
    return minor - MINOR_FIRST >= minors_n ||
           patch >= patches[minor - MINOR_FIRST];
}

void ll_watch_server_forget(struct ll_core *core)
{
    core->watches.server.state = LL_WATCH_SERVER_UNKNOWN;
    core->watches.server.tries = 0;
}

void ll_watch_server_miss(struct ll_core *core)
{
    struct ll_watch_server *server = &core->watches.server;

    if (server->state == LL_WATCH_SERVER_UNKNOWN && !core->watches.numbered &&
        core->watches.member_id != 0) {
        server->state = LL_WATCH_SERVER_WANTED;
    }
}

bool ll_watch_server_request(struct ll_core *core)
{
    struct ll_watch_server *server = &core->watches.server;

    if (server->state == LL_WATCH_SERVER_WANTED) {
        server->state = LL_WATCH_SERVER_DUE;
    }
    return server->state == LL_WATCH_SERVER_PROMPT;
}

bool ll_watch_server_created(struct ll_core *core, uint64_t member_id)
{
    struct ll_watch_server *server = &core->watches.server;

    if (core->watches.member_id != member_id &&
        server->state != LL_WATCH_SERVER_UNKNOWN) {
        server->state = LL_WATCH_SERVER_SLOW;
    }
    core->watches.member_id = member_id;
    return server->state == LL_WATCH_SERVER_PROMPT;
}

bool ll_watch_server_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    struct ll_watch_server *server = &core->watches.server;

    if (server->state != LL_WATCH_SERVER_DUE ||
        core->calls.in_flight >= LL_CALLS_MAX) {
        return false;
    }
    server->state = LL_WATCH_SERVER_ASKED;
    core->calls.in_flight++;
    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_CALL};
    ret_effect->id = LL_WATCH_SERVER_CALL;
    ret_effect->call.seq = ++server->seq;
    ret_effect->call.endpoint = core->streams[LL_STREAM_WATCH].endpoint;
    ret_effect->call.timeout_ns = core->config.request_timeout_ns;
    ret_effect->call.request = (struct ll_request){.kind = LL_REQUEST_STATUS};
    return true;
}

void ll_watch_server_on_answer(struct ll_core *core,
                               const struct ll_event *event)
{
    struct ll_watch_server *server = &core->watches.server;
    const struct ll_answer *answer = event->answer.answer;

    if (server->state != LL_WATCH_SERVER_ASKED ||
        event->answer.seq != server->seq) {
        return; /* of a stream before */
    }
    if (answer->outcome == LL_OUTCOME_OK) {
        bool is_same = answer->member_id == core->watches.member_id &&
                       answer->cluster_id == core->cluster.id;
        bool is_prompt =
            is_same && ll_version_is_prompt(answer->status.version);

        server->state =
            is_prompt ? LL_WATCH_SERVER_PROMPT : LL_WATCH_SERVER_SLOW;
        ll_core_log(core, LL_LOG_WATCHES_TIMED,
                    ll_log_endpoint(event->answer.endpoint),
                    "endpoint %u is etcd %s: %s", event->answer.endpoint,
                    answer->status.version,
                    is_prompt ? "one read settles a watch"
                    : is_same ? "its watches may be late"
                              : "another member has the watches");
    } else if ((answer->outcome == LL_OUTCOME_LOST ||
                answer->outcome == LL_OUTCOME_AGAIN) &&
               ++server->tries < LL_WATCH_SERVER_TRIES_MAX) {
        server->state = LL_WATCH_SERVER_WANTED;
    } else {
        server->state = LL_WATCH_SERVER_SLOW;
    }
}
