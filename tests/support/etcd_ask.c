/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of a running etcd: its metrics, its gateway, and etcdctl. */
#include "support/etcd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/net.h"

#define HTTP_TIMEOUT_MS 5000
#define ETCDCTL_TIMEOUT_MS 20000
#define ARGS_MAX 64
#define LABELS_SIZE 128

/**
 * Parses a line such as `name{labels} 12`.
 *
 * @return whether the line has that name and those labels */
static bool line_value(const char *line,
                       size_t length,
                       const char *name,
                       const char *labels,
                       double *ret_value)
{
    size_t name_length = strlen(name);
    const char *space = memrchr(line, ' ', length);

    if (space == NULL || length <= name_length ||
        strncmp(line, name, name_length) != 0 ||
        (line[name_length] != '{' && line[name_length] != ' ')) {
        return false;
    }
    if (labels != NULL &&
        memmem(line, (size_t)(space - line), labels, strlen(labels)) == NULL) {
        return false;
    }
    *ret_value = strtod(space + 1, NULL);
    return true;
}

int64_t
test_etcd_metric(struct test_etcd *etcd, const char *name, const char *labels)
{
    char *body = NULL;
    const char *line;
    double sum = 0;

    if (test_http_get(etcd->ports[TEST_ETCD_METRICS], "/metrics",
                      HTTP_TIMEOUT_MS, &body) != 200) {
        free(body);
        return -1;
    }
    for (line = body; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        double value;

        if (line_value(line, length, name, labels, &value)) {
            sum += value;
        }
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    free(body);
    return (int64_t)sum;
}

int64_t test_etcd_revision(struct test_etcd *etcd)
{
    return test_etcd_metric(etcd, "etcd_debugging_mvcc_current_revision", NULL);
}

/** A metric of one of etcd's own methods. gRPC's health service has a Watch
 * too, hence the service's package in the label. */
static int64_t
method_metric(struct test_etcd *etcd, const char *name, const char *method)
{
    char labels[LABELS_SIZE];
    int length =
        snprintf(labels, sizeof(labels),
                 "grpc_method=\"%s\",grpc_service=\"etcdserverpb.", method);

    if (length < 0 || (size_t)length >= sizeof(labels)) {
        return -1;
    }
    return test_etcd_metric(etcd, name, labels);
}

int64_t test_etcd_requests(struct test_etcd *etcd, const char *method)
{
    return method_metric(etcd, "grpc_server_started_total", method);
}

int64_t test_etcd_messages(struct test_etcd *etcd, const char *method)
{
    return method_metric(etcd, "grpc_server_msg_received_total", method);
}

int test_etcd_version(struct test_etcd *etcd,
                      char ret_version[TEST_ETCD_VERSION_SIZE])
{
    static const char field[] = "\"etcdserver\":\"";
    char *body = NULL;
    const char *version = NULL;
    size_t length = 0;

    if (test_http_get(etcd->ports[TEST_ETCD_CLIENT], "/version",
                      HTTP_TIMEOUT_MS, &body) == 200) {
        version = strstr(body, field);
    }
    if (version != NULL) {
        version += sizeof(field) - 1;
        length = strcspn(version, "\"");
    }
    if (length == 0 || length >= TEST_ETCD_VERSION_SIZE) {
        (void)fprintf(stderr, "no version in: %s\n",
                      body != NULL ? body : "no answer");
        free(body);
        return -1;
    }
    (void)memcpy(ret_version, version, length);
    ret_version[length] = '\0';
    free(body);
    return 0;
}

char *
test_etcd_gateway(struct test_etcd *etcd, const char *path, const char *request)
{
    char *answer = NULL;
    int status = test_http_post(etcd->ports[TEST_ETCD_CLIENT], path, request,
                                HTTP_TIMEOUT_MS, &answer);

    if (status != 200) {
        (void)fprintf(stderr, "%s %s: %d %s\n", path, request, status,
                      answer != NULL ? answer : "no answer");
        free(answer);
        return NULL;
    }
    return answer;
}

/** Starts etcdctl with the arguments of a variadic function. */
static int etcdctl_start(struct test_etcd *etcd,
                         struct test_process *process,
                         va_list from)
{
    char endpoints[sizeof("ETCDCTL_ENDPOINTS=https://") +
                   TEST_ETCD_ENDPOINT_SIZE];
    const char *argv[ARGS_MAX + 2] = {"etcdctl"};
    /* The endpoint is set as a variable: etcdctl fails if the environment has
     * one endpoint and the command line another. */
    /* Its default of 5 s is short on a busy machine. */
    const char *const env[] = {"ETCDCTL_API=3", "ETCDCTL_DIAL_TIMEOUT=15s",
                               "ETCDCTL_COMMAND_TIMEOUT=15s", endpoints, NULL};
    size_t n = 1;
    const char *arg;

    while ((arg = va_arg(from, const char *)) != NULL) {
        if (n > ARGS_MAX) {
            (void)fprintf(stderr, "too many arguments for etcdctl\n");
            return -1;
        }
        argv[n++] = arg;
    }
    (void)snprintf(endpoints, sizeof(endpoints), "ETCDCTL_ENDPOINTS=%s%s",
                   etcd->options.tls ? "https://" : "", etcd->endpoint);
    return test_process_start(process, argv, env);
}

int test_etcdctl(struct test_etcd *etcd, char *ret_output, size_t size, ...)
{
    struct test_process process;
    va_list args;
    int status;

    va_start(args, size);
    status = etcdctl_start(etcd, &process, args);
    va_end(args);
    if (status != 0) {
        return -1;
    }
    status = test_process_wait(&process, ETCDCTL_TIMEOUT_MS);
    if (ret_output != NULL) {
        (void)snprintf(ret_output, size, "%s",
                       test_process_output(&process, TEST_STDOUT));
    }
    if (status != 0) {
        (void)fprintf(stderr, "etcdctl ends with %d: %s\n", status,
                      test_process_output(&process, TEST_STDERR));
    }
    test_process_end(&process);
    return status;
}

int test_etcdctl_spawn(struct test_etcd *etcd,
                       struct test_process *ret_process,
                       ...)
{
    va_list args;
    int result;

    va_start(args, ret_process);
    result = etcdctl_start(etcd, ret_process, args);
    va_end(args);
    return result;
}
