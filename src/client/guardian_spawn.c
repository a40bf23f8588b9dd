/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guardian_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitizer.h"

#define FDS_N (LL_GUARDIAN_FDS_END - LL_GUARDIAN_SOCKET)
/** For posix_spawn, which needs little and allocates a stack of its own. */
#define STACK_SIZE (256u << 10)

/** The variables that the guardian inherits if they are set: those that locate
 *  shared libraries, certificates and hosts, and proxies. It inherits no
 *  others, since they may contain secrets. */
static const char *const variables[] = {
    "LD_LIBRARY_PATH", "LD_PRELOAD",   "SSL_CERT_FILE", "SSL_CERT_DIR",
    "OPENSSL_CONF",    "LOCALDOMAIN",  "RES_OPTIONS",   "http_proxy",
    "https_proxy",     "grpc_proxy",   "no_proxy",      "no_grpc_proxy",
    "ASAN_OPTIONS",    "LSAN_OPTIONS", "TSAN_OPTIONS",  "UBSAN_OPTIONS",
};
#define VARIABLES_N (sizeof(variables) / sizeof(variables[0]))
/** gRPC reads dozens of variables with this prefix. */
#define GRPC_PREFIX "GRPC_"
#define ENVIRONMENT_MAX 128

/** All that the intermediate process needs, in memory shared with it. */
struct launch {
    _Alignas(16) char stack[STACK_SIZE];
    const char *path;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *environment[ENVIRONMENT_MAX + 1];
    pid_t pid;
    int error;
};

/** Selects the variables to pass on: those above, and gRPC's. A program that
 *  was started with more rights than its caller has passes none on, since the
 *  caller set them: the guardian then connects as with an empty environment. */
static void choose_environment(struct launch *launch)
{
    char **at = getauxval(AT_SECURE) == 0 ? environ : NULL;
    size_t n = 0;

    for (; at != NULL && *at != NULL && n < ENVIRONMENT_MAX; at++) {
        const char *equals = strchr(*at, '=');
        size_t size = equals != NULL ? (size_t)(equals - *at) : 0;
        bool is_wanted =
            size > 0 && strncmp(*at, GRPC_PREFIX, sizeof(GRPC_PREFIX) - 1) == 0;

        for (size_t i = 0; size > 0 && i < VARIABLES_N && !is_wanted; i++) {
            is_wanted = strlen(variables[i]) == size &&
                        memcmp(*at, variables[i], size) == 0;
        }
        if (is_wanted) {
            launch->environment[n++] = *at;
        }
    }
    launch->environment[n] = NULL;
}

/** The intermediate process: spawns the guardian. */
static int process_between(void *arg)
{
    struct launch *launch = arg;
    char *argv[] = {(char[]){"leaselock-guardian"}, NULL};

    launch->error = posix_spawn(&launch->pid, launch->path, &launch->actions,
                                &launch->attributes, argv, launch->environment);
    _exit(0);
}

/** The intermediate process shares the memory of its parent, which is suspended
 *  meanwhile, so that a large program need not be copied. Sanitizers would
 *  attribute its steps to the parent: with them it gets a copy. */
static pid_t clone_between(struct launch *launch)
{
#if defined(LL_THREAD_SANITIZER) || defined(LL_ADDRESS_SANITIZER)
    pid_t pid = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, 0);

    if (pid == 0) {
        (void)process_between(launch);
    }
    return pid;
#else
    return clone(process_between, launch->stack + STACK_SIZE,
                 CLONE_VM | CLONE_VFORK, launch);
#endif
}

/**
 * Spawns the guardian from an intermediate process. That process sends no
 * signal when it ends, so the program's own wait() does not find it (see
 * __WCLONE in waitpid(2)); it has ended when this returns, so init is the
 * guardian's parent.
 */
static int launch_run(struct launch *launch)
{
    sigset_t all;
    sigset_t old;
    pid_t between;
    int error;

    /* No handler of the program may run in that process. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    between = clone_between(launch);
    if (between < 0) {
        error = errno;
    } else {
        while (waitpid(between, NULL, (int)__WCLONE) < 0 && errno == EINTR) {
        }
        error = launch->error;
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

static int set_actions(struct launch *launch, const int fds[FDS_N])
{
    posix_spawn_file_actions_t *actions = &launch->actions;
    int error = 0;

    for (int fd = 0; error == 0 && fd < LL_GUARDIAN_SOCKET; fd++) {
        error = posix_spawn_file_actions_addopen(actions, fd, "/dev/null",
                                                 O_RDWR, 0);
    }
    for (int i = 0; error == 0 && i < FDS_N; i++) {
        int fd = LL_GUARDIAN_SOCKET + i;

        error = fds[i] >= 0
                    ? posix_spawn_file_actions_adddup2(actions, fds[i], fd)
                    : posix_spawn_file_actions_addopen(actions, fd, "/dev/null",
                                                       O_RDWR, 0);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_addclosefrom_np(actions,
                                                         LL_GUARDIAN_FDS_END);
    }
    return error;
}

/** A session of its own; no signal is blocked or ignored. */
static int set_attributes(struct launch *launch)
{
    posix_spawnattr_t *attributes = &launch->attributes;
    sigset_t none;
    sigset_t all;
    int error;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID |
                                                     POSIX_SPAWN_SETSIGMASK |
                                                     POSIX_SPAWN_SETSIGDEF);
    if (error == 0) {
        error = posix_spawnattr_setsigmask(attributes, &none);
    }
    return error == 0 ? posix_spawnattr_setsigdefault(attributes, &all) : error;
}

static int launch_prepare(struct launch *launch, const int fds[FDS_N])
{
    int error = posix_spawn_file_actions_init(&launch->actions);

    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&launch->attributes);
    if (error != 0) {
        (void)posix_spawn_file_actions_destroy(&launch->actions);
        return error;
    }
    choose_environment(launch);
    error = set_actions(launch, fds);
    if (error == 0) {
        error = set_attributes(launch);
    }
    if (error == 0) {
        error = launch_run(launch);
    }
    (void)posix_spawnattr_destroy(&launch->attributes);
    (void)posix_spawn_file_actions_destroy(&launch->actions);
    return error;
}

int ll_guardian_spawn(const struct ll_guardian_plan *plan, pid_t *ret_pid)
{
    struct launch *launch = mmap(NULL, sizeof(*launch), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fds[FDS_N];
    int error = launch != MAP_FAILED ? 0 : errno;

    /* Above the numbers that they get in the guardian. */
    for (int i = 0; i < FDS_N; i++) {
        fds[i] = -1;
        if (error == 0 && plan->fds[i] >= 0) {
            fds[i] = fcntl(plan->fds[i], F_DUPFD_CLOEXEC, LL_GUARDIAN_FDS_END);
            error = fds[i] >= 0 ? 0 : errno;
        }
    }
    if (error == 0) {
        launch->path = plan->path;
        error = launch_prepare(launch, fds);
    }
    for (int i = 0; i < FDS_N; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    if (error == 0) {
        *ret_pid = launch->pid;
    }
    if (launch != MAP_FAILED) {
        (void)munmap(launch, sizeof(*launch));
    }
    return -error;
}
