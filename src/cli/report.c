/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/text.h"

#define LINE_MAX_BYTES 2048

/** The endpoints of the tool's client, separated by commas; "" without one. */
static char client_endpoints[512];

/** Each line is one write, so that lines of several processes do not mix. */
__attribute__((format(printf, 1, 0))) static void
write_line(const char *format, va_list arguments, const char *hint)
{
    char raw[LINE_MAX_BYTES];
    char line[LINE_MAX_BYTES + 64];
    size_t length = (size_t)snprintf(line, sizeof(line), "leaselock: ");
    ssize_t written;

    (void)vsnprintf(raw, sizeof(raw), format, arguments);
    length += ll_text_escape(raw, strlen(raw), line + length, LINE_MAX_BYTES);
    length += ll_text_escape(hint, strlen(hint), line + length,
                             sizeof(line) - 1 - length);
    line[length++] = '\n';
    written = write(STDERR_FILENO, line, length);
    (void)written; /* there is no other place to report it */
}

void ll_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(format, arguments, "");
    va_end(arguments);
}

int ll_say_usage(const char *command, const char *format, ...)
{
    va_list arguments;
    char hint[64];

    (void)snprintf(hint, sizeof(hint), "; see 'leaselock %s%s--help'",
                   command != NULL ? command : "", command != NULL ? " " : "");
    va_start(arguments, format);
    write_line(format, arguments, hint);
    va_end(arguments);
    return LL_EXIT_USAGE;
}

int ll_check_one_name(const char *command,
                      const char *what,
                      int argc,
                      char **argv)
{
    const char *fault;

    if (argc == 0) {
        return ll_say_usage(command, "the NAME of the %s is missing", what);
    }
    if (argc > 1) {
        return ll_say_usage(command, "one NAME is enough");
    }
    fault = leaselock_name_check(argv[0]);
    return fault == NULL ? 0
                         : ll_say_usage(command, "\"%s\" cannot be a NAME: %s",
                                        argv[0], fault);
}

int ll_exit_of_status(int status)
{
    switch ((enum leaselock_status)status) {
    case LEASELOCK_OK:
        return LL_EXIT_OK;
    case LEASELOCK_E_TIMEOUT:
    case LEASELOCK_E_COMPARE:
    case LEASELOCK_E_NO_LEADER:
        return LL_EXIT_NOT_ACQUIRED;
    case LEASELOCK_E_ARGUMENT:
    case LEASELOCK_E_NAME:
    case LEASELOCK_E_NESTED:
    case LEASELOCK_E_MODE:
        return LL_EXIT_USAGE;
    case LEASELOCK_E_UNAVAILABLE:
    case LEASELOCK_E_OUTCOME_UNKNOWN:
    case LEASELOCK_E_SERVER:
        return LL_EXIT_UNAVAILABLE;
    case LEASELOCK_E_LOST:
    case LEASELOCK_E_NOT_HELD:
    case LEASELOCK_E_CLOSED:
    case LEASELOCK_E_CANCELED:
        return LL_EXIT_LOST;
    case LEASELOCK_E_REFUSED:
        return LL_EXIT_REFUSED;
    case LEASELOCK_E_NOMEM:
    case LEASELOCK_E_HANDLE:
    case LEASELOCK_E_FORKED:
    case LEASELOCK_E_DEADLOCK:
    case LEASELOCK_E_LIMIT:
    case LEASELOCK_E_SYSTEM:
    case LEASELOCK_E_STATE:
        break;
    }
    return LL_EXIT_SYSTEM;
}

/** Whether no endpoint was reached. If one answered that it does not serve, the
 *  message contains that. */
static int is_unreached(int status, const char *message)
{
    const char *unreached = leaselock_status_text(LEASELOCK_E_UNAVAILABLE);

    return status == LEASELOCK_E_UNAVAILABLE &&
           strncmp(message, unreached, strlen(unreached)) == 0;
}

/** Advice for the user; "" if the message suffices. */
static const char *hint_of(int status, const char *message)
{
    switch (ll_exit_of_status(status)) {
    case LL_EXIT_UNAVAILABLE:
        return is_unreached(status, message)
                   ? "; check that etcd runs there, or name others with "
                     "--endpoints"
                   : "";
    case LL_EXIT_REFUSED:
        return "; check the user's roles in etcd";
    default:
        return "";
    }
}

void ll_report_client(leaselock_client *client)
{
    char endpoint[LEASELOCK_ERROR_ENDPOINT_SIZE];
    size_t length = 0;

    client_endpoints[0] = '\0';
    for (unsigned i = 0;
         length < sizeof(client_endpoints) &&
         leaselock_client_endpoint(client, i, endpoint, sizeof(endpoint)) > 0;
         i++) {
        length += (size_t)snprintf(client_endpoints + length,
                                   sizeof(client_endpoints) - length, "%s%s",
                                   i > 0 ? "," : "", endpoint);
    }
}

int ll_say_failure(const char *what, const struct leaselock_error *error)
{
    int code = ll_exit_of_status(error->code);
    const char *message = error->message[0] != '\0'
                              ? error->message
                              : leaselock_status_text(error->code);
    const char *endpoint = error->endpoint;
    int named;

    if (endpoint[0] == '\0' && code == LL_EXIT_UNAVAILABLE) {
        endpoint = client_endpoints;
    }
    named = endpoint[0] == '\0' || strstr(message, endpoint) != NULL;
    ll_say("cannot %s%s%s: %s%s", what, named ? "" : ", endpoint ",
           named ? "" : endpoint, message, hint_of(error->code, message));
    return code;
}

void ll_say_log(enum leaselock_log_level level, const char *message, void *arg)
{
    (void)level;
    (void)arg;
    ll_say("%s", message);
}

enum leaselock_log_level ll_log_level(const struct ll_options *options)
{
    return options->verbose == 0   ? LEASELOCK_LOG_OFF
           : options->verbose == 1 ? LEASELOCK_LOG_INFO
                                   : LEASELOCK_LOG_DEBUG;
}

json_t *ll_json_text(const char *bytes, size_t n)
{
    json_t *string = json_stringn(bytes, n);
    char *text;

    if (string != NULL) {
        return string;
    }
    text = ll_text_escape_new(bytes, n);
    string = text != NULL ? json_string(text) : NULL;
    free(text);
    return string;
}

json_t *ll_json_lease(int64_t lease)
{
    return json_sprintf("%016" PRIx64, (uint64_t)lease);
}

int ll_print_json(json_t *object)
{
    int failed = object == NULL;

    if (!failed) {
        json_dumpf(object, stdout, 0);
        putchar('\n');
    }
    json_decref(object);
    if (failed) {
        ll_say("out of memory");
        return LL_EXIT_SYSTEM;
    }
    return 0;
}

int ll_print_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return 0;
    }
    ll_say("cannot write the standard output: %s",
           errno != 0 ? strerror(errno) : "an earlier write failed");
    return LL_EXIT_OUTPUT;
}
