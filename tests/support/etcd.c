/* SPDX-License-Identifier: Apache-2.0 */
#include "support/etcd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "support/net.h"
#include "support/wait.h"

#define START_TIMEOUT_MS 30000
#define KILL_TIMEOUT_MS 10000
#define HTTP_TIMEOUT_MS 5000
/** A start is repeated as often if another process has taken a port. */
#define STARTS_MAX 5
/** etcd preallocates two files of 64 MB for its log, besides the data. */
#define MEMORY_MIN ((uint64_t)512 << 20)
#define LOG_TAIL_SIZE 4096
#define TEXT_SIZE 320
#define PATH_SIZE 8192
/** The maximum number of arguments that start_process adds by itself. */
#define OWN_ARGS_MAX 12

/** A command line under construction. */
struct command {
    char texts[OWN_ARGS_MAX][TEXT_SIZE];
    const char *argv[OWN_ARGS_MAX + TEST_ETCD_ARGS_MAX + 1];
    size_t n;
};

/** Ends the process if a test exceeds a limit of this file: change the test or
 * the limit. Works without assertions too. */
static void require(bool holds)
{
    if (!holds) {
        (void)fprintf(stderr, "%s: a limit is too small\n", __FILE__);
        abort();
    }
}

/** The parent of temporary folders. */
static const char *folder_parent(void)
{
    struct statvfs memory;
    const char *named;

    if (statvfs("/dev/shm", &memory) == 0 && access("/dev/shm", W_OK) == 0 &&
        (uint64_t)memory.f_bavail * memory.f_frsize >= MEMORY_MIN) {
        return "/dev/shm";
    }
    named = getenv("TMPDIR");
    return named == NULL || named[0] == '\0' ? "/tmp" : named;
}

static int remove_entry(const char *path,
                        const struct stat *status,
                        int kind,
                        struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void log_path(const struct test_etcd *etcd, char *ret_path, size_t size)
{
    (void)snprintf(ret_path, size, "%s/log", etcd->folder);
}

/** The last lines of etcd's log; the caller frees it; NULL if there is none. */
static char *log_tail(const struct test_etcd *etcd)
{
    char path[TEXT_SIZE];
    char *tail = NULL;
    ssize_t got;
    off_t end;
    int fd;

    log_path(etcd, path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    end = lseek(fd, 0, SEEK_END);
    tail = calloc(1, LOG_TAIL_SIZE + 1);
    if (tail != NULL && end >= 0) {
        got = pread(fd, tail, LOG_TAIL_SIZE,
                    end > LOG_TAIL_SIZE ? end - LOG_TAIL_SIZE : 0);
        tail[got < 0 ? 0 : got] = '\0';
    }
    (void)close(fd);
    return tail;
}

static void log_report(const struct test_etcd *etcd, const char *what)
{
    char *tail = log_tail(etcd);

    (void)fprintf(stderr, "etcd at %s %s; the end of its log:\n%s\n",
                  etcd->endpoint, what, tail == NULL ? "(none)" : tail);
    free(tail);
}

/** The etcd to test with. If its path has a folder, that folder goes first in
 * PATH: an etcdctl beside it then is of the same version. */
static const char *etcd_program(void)
{
    static char path[PATH_SIZE];
    const char *program = getenv("LEASELOCK_TEST_ETCD");
    const char *slash;
    const char *others = getenv("PATH");

    if (program == NULL || program[0] == '\0') {
        return "etcd";
    }
    slash = strrchr(program, '/');
    if (slash != NULL && path[0] == '\0') {
        require((size_t)snprintf(path, sizeof(path), "%.*s:%s",
                                 (int)(slash - program), program,
                                 others == NULL ? "" : others) < sizeof(path));
        (void)setenv("PATH", path, 1);
    }
    return program;
}

/** Prepares ports, folder and name: all of a member but its process. */
static int etcd_prepare(struct test_etcd *etcd,
                        unsigned number,
                        const struct test_etcd_options *options)
{
    const struct test_process no_process = TEST_PROCESS_INIT;
    size_t i;

    (void)memset(etcd, 0, sizeof(*etcd));
    etcd->process = no_process;
    etcd->number = number;
    for (i = 0; i < TEST_ETCD_PORTS_N; i++) {
        etcd->reserved_fds[i] = -1;
    }
    if (options != NULL) {
        etcd->options = *options;
    }
    if (etcd->options.heartbeat_ms == 0) {
        etcd->options.heartbeat_ms = 50;
    }
    if (etcd->options.election_ms == 0) {
        etcd->options.election_ms = 500;
    }
    for (i = 0; i < TEST_ETCD_PORTS_N; i++) {
        etcd->reserved_fds[i] = test_port_reserve(&etcd->ports[i]);
        if (etcd->reserved_fds[i] < 0) {
            (void)fprintf(stderr, "no free port: %s\n", strerror(errno));
            return -1;
        }
    }
    etcd->peer_door = etcd->ports[TEST_ETCD_PEER];
    if (etcd->options.peer_proxy) {
        if (test_proxy_open(etcd->peer_door, &etcd->peer_proxy) != 0) {
            (void)fprintf(stderr, "no proxy: %s\n", strerror(errno));
            return -1;
        }
        etcd->peer_door = test_proxy_port(etcd->peer_proxy);
    }
    (void)snprintf(etcd->endpoint, sizeof(etcd->endpoint), "127.0.0.1:%u",
                   etcd->ports[TEST_ETCD_CLIENT]);
    (void)snprintf(etcd->folder, sizeof(etcd->folder),
                   "%s/leaselock-etcd-XXXXXX", folder_parent());
    if (mkdtemp(etcd->folder) == NULL) {
        (void)fprintf(stderr, "cannot make %s: %s\n", etcd->folder,
                      strerror(errno));
        etcd->folder[0] = '\0';
        return -1;
    }
    return 0;
}

static void command_add(struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void command_add(struct command *command, const char *format, ...)
{
    va_list values;
    int length;

    require(command->n < OWN_ARGS_MAX);
    va_start(values, format);
    length = vsnprintf(command->texts[command->n], TEXT_SIZE, format, values);
    va_end(values);
    require(length >= 0 && length < TEXT_SIZE);
    command->argv[command->n] = command->texts[command->n];
    command->n++;
}

/** The command line of a member, without its extra arguments. */
static void command_fill(struct command *command, const struct test_etcd *etcd)
{
    const char *scheme = etcd->options.tls ? "https" : "http";

    (void)memset(command, 0, sizeof(*command));
    command_add(command, "%s", etcd_program());
    command_add(command, "--name=m%u", etcd->number);
    command_add(command, "--data-dir=%s/data", etcd->folder);
    command_add(command, "--listen-client-urls=%s://%s", scheme,
                etcd->endpoint);
    command_add(command, "--advertise-client-urls=%s://%s", scheme,
                etcd->endpoint);
    command_add(command, "--listen-peer-urls=http://127.0.0.1:%u",
                etcd->ports[TEST_ETCD_PEER]);
    command_add(command, "--initial-advertise-peer-urls=http://127.0.0.1:%u",
                etcd->peer_door);
    command_add(command, "--initial-cluster=%s", etcd->initial_cluster);
    command_add(command, "--listen-metrics-urls=http://127.0.0.1:%u",
                etcd->ports[TEST_ETCD_METRICS]);
    command_add(command, "--heartbeat-interval=%u", etcd->options.heartbeat_ms);
    command_add(command, "--election-timeout=%u", etcd->options.election_ms);
}

int test_etcd_restart_nowait(struct test_etcd *etcd)
{
    const char *const *args = etcd->options.args;
    struct command command;
    char path[TEXT_SIZE];
    size_t i;
    int log_fd;
    int result;

    if (etcd->process.pid != 0 && test_etcd_kill(etcd) != 0) {
        return -1;
    }
    command_fill(&command, etcd);
    for (i = 0; args != NULL && args[i] != NULL; i++) {
        require(i < TEST_ETCD_ARGS_MAX);
        command.argv[command.n++] = args[i];
    }
    log_path(etcd, path, sizeof(path));
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) {
        (void)fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
        return -1;
    }
    result =
        test_process_start_logged(&etcd->process, command.argv, NULL, log_fd);
    (void)close(log_fd);
    return result;
}

bool test_etcd_is_healthy(struct test_etcd *etcd)
{
    char *body = NULL;
    bool healthy = test_http_get(etcd->ports[TEST_ETCD_METRICS], "/health",
                                 HTTP_TIMEOUT_MS, &body) == 200 &&
                   strstr(body, "\"true\"") != NULL;

    free(body);
    return healthy;
}

static bool is_ready_or_ended(void *arg)
{
    struct test_etcd *etcd = arg;

    return test_process_wait(&etcd->process, 0) != TEST_PROCESS_TIMEOUT ||
           test_etcd_is_healthy(etcd);
}

/** Waits until etcd serves. */
static int etcd_wait_ready(struct test_etcd *etcd)
{
    bool told = test_until(START_TIMEOUT_MS, is_ready_or_ended, etcd);

    if (etcd->process.pid == 0) {
        log_report(etcd, "ended while it started");
        return -1;
    }
    if (!told) {
        log_report(etcd, "did not come to serve");
        return -1;
    }
    return 0;
}

int test_etcd_restart(struct test_etcd *etcd)
{
    return test_etcd_restart_nowait(etcd) != 0 ? -1 : etcd_wait_ready(etcd);
}

/** Whether a start failed because another process has taken the port. */
static bool lost_port(const struct test_etcd *etcd)
{
    char *tail = log_tail(etcd);
    bool lost = etcd->process.pid == 0 && tail != NULL &&
                strstr(tail, "address already in use") != NULL;

    free(tail);
    return lost;
}

/** Starts all members once. */
static int start_members(struct test_etcd *members,
                         size_t n,
                         const struct test_etcd_options *options)
{
    char cluster[sizeof(members->initial_cluster)] = "";
    size_t used = 0;
    size_t i;
    int result = 0;

    for (i = 0; i < n; i++) {
        /* All of them first, so that each can be stopped if one fails. */
        if (etcd_prepare(&members[i], (unsigned)i, options) != 0) {
            result = -1;
        }
        used += (size_t)snprintf(cluster + used, sizeof(cluster) - used,
                                 "%sm%zu=http://127.0.0.1:%u",
                                 i == 0 ? "" : ",", i, members[i].peer_door);
        require(used < sizeof(cluster));
    }
    for (i = 0; i < n && result == 0; i++) {
        (void)memcpy(members[i].initial_cluster, cluster, sizeof(cluster));
        result = test_etcd_restart_nowait(&members[i]);
    }
    for (i = 0; i < n && result == 0; i++) {
        result = etcd_wait_ready(&members[i]);
    }
    return result;
}

int test_etcd_start_cluster(struct test_etcd *ret_members,
                            size_t members_n,
                            const struct test_etcd_options *options)
{
    int starts;

    require(members_n >= 1 && members_n <= TEST_ETCD_MEMBERS_MAX);
    for (starts = 0; starts < STARTS_MAX; starts++) {
        bool again = false;
        size_t i;

        if (start_members(ret_members, members_n, options) == 0) {
            return 0;
        }
        for (i = 0; i < members_n; i++) {
            again = again || lost_port(&ret_members[i]);
            test_etcd_stop(&ret_members[i]);
        }
        if (!again) {
            break;
        }
    }
    return -1;
}

int test_etcd_prepare_joining(struct test_etcd *ret_etcd,
                              unsigned number,
                              const struct test_etcd *of,
                              const struct test_etcd_options *options)
{
    const size_t size = sizeof(ret_etcd->initial_cluster);

    if (etcd_prepare(ret_etcd, number, options) != 0) {
        return -1;
    }
    require((size_t)snprintf(ret_etcd->initial_cluster, size,
                             "%s,m%u=http://127.0.0.1:%u", of->initial_cluster,
                             number, ret_etcd->peer_door) < size);
    return 0;
}

int test_etcd_start_with(struct test_etcd *ret_etcd,
                         const struct test_etcd_options *options)
{
    return test_etcd_start_cluster(ret_etcd, 1, options);
}

int test_etcd_start(struct test_etcd *ret_etcd)
{
    return test_etcd_start_with(ret_etcd, NULL);
}

void test_etcd_stop(struct test_etcd *etcd)
{
    size_t i;

    if (etcd->folder[0] == '\0' && etcd->endpoint[0] == '\0') {
        return;
    }
    test_process_end(&etcd->process);
    test_proxy_close(etcd->peer_proxy);
    for (i = 0; i < TEST_ETCD_PORTS_N; i++) {
        if (etcd->reserved_fds[i] >= 0) {
            (void)close(etcd->reserved_fds[i]);
        }
    }
    if (etcd->folder[0] != '\0' &&
        nftw(etcd->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        (void)fprintf(stderr, "cannot remove %s: %s\n", etcd->folder,
                      strerror(errno));
    }
    (void)memset(etcd, 0, sizeof(*etcd));
}

int test_etcd_pause(struct test_etcd *etcd)
{
    return test_process_pause(&etcd->process);
}

int test_etcd_resume(struct test_etcd *etcd)
{
    return test_process_resume(&etcd->process);
}

int test_etcd_kill(struct test_etcd *etcd)
{
    if (test_process_signal(&etcd->process, SIGKILL) != 0) {
        return -1;
    }
    return test_process_wait(&etcd->process, KILL_TIMEOUT_MS) ==
                   TEST_PROCESS_TIMEOUT
               ? -1
               : 0;
}
