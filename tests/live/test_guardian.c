/* SPDX-License-Identifier: Apache-2.0 */
/* A guardian revokes a process's leases as soon as the process has ended, and
 * not before: holders in processes of their own end in every possible way.
 *
 *     live.guardian              all of it
 *     live.guardian measure N    kill -9, N times: the time to the next grant
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/guarded.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** So long that no waiter is served by a lease's expiry. */
#define LONG "60"
#define LONG_MS 60000
/** etcd checks for expiry every 500 ms; a keep-alive is sent each third. */
#define SHORT "3"
#define SHORT_LEAST_MS 1500
/** How long to check that an event does not happen. */
#define STILL_MS 1500
#define SESSIONS_N 40

/* The holder's process. */

static volatile sig_atomic_t children_ended;

static void on_child(int number)
{
    (void)number;
    children_ended = 1;
}

/** As on a kernel before 5.3. */
static int forbid_pidfds(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static pid_t fork_sleeper(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)alarm(2 * LONG_MS / 1000); /* if it is not killed */
        for (;;) {
            pause();
        }
    }
    return pid;
}

static int hold(leaselock_client *client,
                const struct leaselock_session_options *options,
                const char *name,
                leaselock_session **ret_session)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_session_open(client, options, ret_session, &error) != 0 ||
        leaselock_acquire(*ret_session, name, NULL, TEST_WAIT_MS, &ticket,
                          &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.message);
        return -1;
    }
    return 0;
}

static int hold_many(leaselock_client *client,
                     const struct leaselock_session_options *options,
                     const char *name)
{
    for (int i = 0; i < SESSIONS_N; i++) {
        leaselock_session *session = NULL;
        char one[64];

        (void)snprintf(one, sizeof(one), "%s-%d", name, i);
        if (hold(client, options, one, &session) != 0) {
            return -1;
        }
        if (i % 4 == 0 && leaselock_session_close(session, NULL) != 0) {
            return -1;
        }
    }
    return 0;
}

/** Holds a lock, prints its lease, its guardian's id and another process's id,
 * and at SIGUSR1 does the action of its kind. */
static int holder_main(const char *endpoint,
                       const char *name,
                       const char *ttl,
                       const char *kind)
{
    struct leaselock_client_options client_options =
        LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    sigset_t signals;
    pid_t other = 0;
    int number;

    (void)signal(SIGCHLD, on_child);
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    options.ttl_s = (int)strtol(ttl, NULL, 10);
    client_options.guardian = strcmp(kind, "plain") != 0;
    client_options.guardian_path = guardian_program();
    if (strcmp(kind, "group") == 0) {
        (void)setpgid(0, 0);
    } else if (strcmp(kind, "no pidfd") == 0 && forbid_pidfds() != 0) {
        return 1;
    } else if (strcmp(kind, "other") == 0) {
        other = fork_sleeper();
        client_options.guarded_pid = other;
    }
    if (leaselock_client_open(endpoint, &client_options, &client, NULL) != 0 ||
        (strcmp(kind, "many") == 0 && hold_many(client, &options, name) != 0)) {
        return 1;
    }
    if (strcmp(kind, "unguarded") == 0) {
        if (leaselock_session_open(client, &options, &session, NULL) != 0) {
            return 1;
        }
        options.unguarded = 1;
    }
    if (hold(client, &options, name, &session) != 0) {
        return 1;
    }
    if (other == 0 && (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD ||
                       children_ended)) {
        (void)fprintf(stderr, "a child that nobody has started\n");
        return 1;
    }
    if (strcmp(kind, "fork") == 0) {
        other = fork_sleeper();
    }
    (void)printf("%lld %d %d\n", (long long)leaselock_session_lease(session),
                 leaselock_client_guardian(client), (int)other);
    (void)fflush(stdout);
    (void)sigwait(&signals, &number);
    if (strcmp(kind, "close") == 0) {
        if (leaselock_client_close(client, NULL) != 0) {
            return 1;
        }
        (void)sigwait(&signals, &number);
    } else if (strcmp(kind, "exec") == 0) {
        (void)execlp("sleep", "sleep", "600", (char *)NULL);
    }
    return 0; /* without closing */
}

/* The tests. */

/** A holder in a process of its own, and a waiter behind it. */
struct scene {
    struct test_process holder;
    long long lease;
    pid_t guardian;
    pid_t other;
    struct test_peer peer;
    struct test_call call;
    leaselock_ticket *next;
    int64_t begun_ns;
};

static void scene_begin(struct scene *scene, const char *kind, const char *ttl)
{
    char line[64];
    char *at = line;

    *scene =
        (struct scene){.holder = TEST_PROCESS_INIT, .call = TEST_CALL_INIT};
    test_start_self(&scene->holder, "holder", etcd.endpoint, kind, ttl, kind,
                    NULL);
    if (!test_process_line(&scene->holder, TEST_STDOUT, TEST_WAIT_MS, line,
                           sizeof(line))) {
        (void)test_process_wait(&scene->holder, TEST_WAIT_MS);
        fail_msg("%s", test_process_output(&scene->holder, TEST_STDERR));
    }
    scene->lease = strtoll(at, &at, 10);
    scene->guardian = (pid_t)strtol(at, &at, 10);
    scene->other = (pid_t)strtol(at, &at, 10);
    assert_true((scene->guardian > 0) == (strcmp(kind, "plain") != 0));
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &scene->peer);
    scene->next = test_acquire_async(&scene->peer, kind, &scene->call);
    test_await_place(scene->next);
    assert_int_equal(test_call_count(&scene->call), 0);
    scene->begun_ns = test_now_ns();
}

static void scene_signal(struct scene *scene, int number)
{
    scene->begun_ns = test_now_ns();
    assert_int_equal(test_process_signal(&scene->holder, number), 0);
}

/** Waits until the next one holds, and returns after how many ms. */
static int64_t scene_await(struct scene *scene)
{
    assert_int_equal(test_call_await(&scene->call), 0);
    return (scene->call.at_ns - scene->begun_ns) / TEST_NS_PER_MS;
}

/** The next one gets the lock long before the lease can expire. */
static void scene_is_freed(struct scene *scene)
{
    int64_t took_ms = scene_await(scene);

    print_message("the next holds after %lld ms\n", (long long)took_ms);
    assert_true(took_ms < LONG_MS / 2);
}

/** Checks that the lock stays held for a while. */
static void scene_is_still(struct scene *scene)
{
    int64_t until_ns = test_deadline_ns(STILL_MS);

    while (test_now_ns() < until_ns) {
        assert_int_equal(test_call_count(&scene->call), 0);
        test_pause_step();
    }
}

static void scene_guardian_leaves(struct scene *scene)
{
    if (!test_until(TEST_WAIT_MS, process_is_gone, &scene->guardian)) {
        fail_msg("the guardian, %d, stays", (int)scene->guardian);
    }
}

static void scene_end(struct scene *scene)
{
    test_process_end(&scene->holder);
    if (scene->other > 0) {
        (void)kill(scene->other, SIGKILL);
    }
    test_release(scene->next);
    test_peer_close(&scene->peer);
    if (scene->guardian > 0) {
        scene_guardian_leaves(scene);
    }
    test_await_keys(&etcd, "", 0);
}

/** Goal: kill -9 frees the lock at once, and the guardian exits. */
static void test_killed(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "guarded", LONG);
    scene_signal(&scene, SIGKILL);
    scene_is_freed(&scene);
    scene_guardian_leaves(&scene);
    scene_end(&scene);
}

/** Goal: without the option there is no guardian. */
static void test_not_asked_for(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "plain", SHORT);
    scene_signal(&scene, SIGKILL);
    assert_true(scene_await(&scene) >= SHORT_LEAST_MS);
    scene_end(&scene);
}

/** Goal: one of a client's sessions can be excluded. Method: another of the
 * same process has the guardian. */
static void test_unguarded(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "unguarded", SHORT);
    scene_signal(&scene, SIGKILL);
    assert_true(scene_await(&scene) >= SHORT_LEAST_MS);
    scene_end(&scene);
}

/** Goal: a stopped process counts as alive until its lease expires. Method:
 * SIGSTOP, and check; then resume, and still hold. */
static void test_stopped(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "guarded", LONG);
    assert_int_equal(test_process_pause(&scene.holder), 0);
    scene_is_still(&scene);
    assert_false(process_is_gone(&scene.guardian));
    assert_int_equal(test_process_resume(&scene.holder), 0);
    scene_is_still(&scene);
    /* If it is killed while it is stopped, its leases are revoked. */
    assert_int_equal(test_process_pause(&scene.holder), 0);
    scene_signal(&scene, SIGKILL);
    scene_is_freed(&scene);
    scene_end(&scene);
}

/** Goal: after an orderly close the guardian exits. */
static void test_goodbye(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "close", LONG);
    scene_signal(&scene, SIGUSR1);
    scene_is_freed(&scene);
    scene_guardian_leaves(&scene);
    assert_false(process_is_gone(&scene.holder.pid));
    scene_end(&scene);
}

/** Goal: the leases of a process that exits without closing are revoked,
 * too. */
static void test_returned(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "return", LONG);
    scene_signal(&scene, SIGUSR1);
    scene_is_freed(&scene);
    assert_int_equal(test_process_wait(&scene.holder, TEST_WAIT_MS), 0);
    scene_end(&scene);
}

/** Goal: a child with all of the process's descriptors does not hide the
 * process's end. */
static void test_forked(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "fork", LONG);
    assert_true(scene.other > 0);
    scene_signal(&scene, SIGKILL);
    scene_is_freed(&scene);
    assert_false(process_is_gone(&scene.other));
    scene_end(&scene);
}

/** Goal: a process that has executed another program is alive: its lease
 * expires, and is not revoked; and the guardian does not stay forever. */
static void test_exec(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "exec", SHORT);
    scene_signal(&scene, SIGUSR1);
    assert_true(scene_await(&scene) >= SHORT_LEAST_MS);
    scene_guardian_leaves(&scene);
    assert_false(process_is_gone(&scene.holder.pid));
    scene_end(&scene);
}

/** Goal: a signal to the process's whole group does not kill the guardian. */
static void test_group(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "group", LONG);
    scene.begun_ns = test_now_ns();
    assert_int_equal(kill(-scene.holder.pid, SIGKILL), 0);
    scene_is_freed(&scene);
    scene_end(&scene);
}

/** Goal: it works without pidfds, and distinguishes stopped from ended. */
static void test_no_pidfd(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "no pidfd", LONG);
    assert_int_equal(test_process_pause(&scene.holder), 0);
    scene_is_still(&scene);
    assert_int_equal(test_process_resume(&scene.holder), 0);
    scene_signal(&scene, SIGKILL);
    scene_is_freed(&scene);
    scene_end(&scene);
}

/** Goal: nothing is revoked while the other process that works under the lock
 * runs. */
static void test_other(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "other", LONG);
    scene_signal(&scene, SIGKILL);
    assert_int_equal(test_process_wait(&scene.holder, TEST_WAIT_MS),
                     128 + SIGKILL);
    scene_is_still(&scene);
    scene.begun_ns = test_now_ns();
    assert_int_equal(kill(scene.other, SIGKILL), 0);
    scene_is_freed(&scene);
    scene_end(&scene);
}

/** Goal: all leases of a process are revoked, and no others. Method: many
 * sessions, of which some were closed before. */
static void test_many(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, "many", LONG);
    assert_int_equal(test_leases(&etcd), SESSIONS_N - SESSIONS_N / 4 + 2);
    scene_signal(&scene, SIGKILL);
    scene_is_freed(&scene);
    scene_guardian_leaves(&scene);
    assert_int_equal(test_leases(&etcd), 1);
    assert_int_equal(leaselock_ticket_state(scene.next), LEASELOCK_TICKET_HELD);
    scene_end(&scene);
}

/** Reads a file of a process in /proc, at most size bytes with a NUL. */
static size_t read_proc(pid_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    size_t n;
    FILE *stream;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    stream = fopen(path, "re");
    assert_non_null(stream);
    n = fread(text, 1, size - 1, stream);
    (void)fclose(stream);
    text[n] = '\0';
    return n;
}

static void expect_link(pid_t pid, const char *file, const char *wanted)
{
    char path[64];
    char target[256];
    ssize_t n;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    n = readlink(path, target, sizeof(target) - 1);
    assert_true(n > 0);
    target[n] = '\0';
    assert_string_equal(target, wanted);
}

static bool stands_in_root(void *pid)
{
    char path[32];
    char target[256];

    (void)snprintf(path, sizeof(path), "/proc/%d/cwd", *(const int *)pid);
    return readlink(path, target, sizeof(target)) == 1 && target[0] == '/';
}

/** Goal: a guardian keeps nothing of the program's: no folder, terminal,
 * descriptor or secret, and is in a session of its own. */
static void test_stands_alone(void **state)
{
    static const char *const streams[] = {"fd/0", "fd/1", "fd/2"};
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct test_peer peer;
    char text[16384];
    char path[64];
    int kept[2];
    int pid;

    (void)state;
    assert_int_equal(pipe(kept), 0); /* not closed by exec() */
    options.guardian = 1;
    options.guardian_path = guardian_program();
    options.user = "somebody:no-such-secret";
    assert_int_equal(setenv("LEASELOCK_PASSWORD", "no-such-secret", 1), 0);
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    assert_int_equal(unsetenv("LEASELOCK_PASSWORD"), 0);
    pid = leaselock_client_guardian(peer.client);
    assert_true(pid > 0);
    /* It changes there after its start. */
    if (!test_until(TEST_WAIT_MS, stands_in_root, &pid)) {
        fail_msg("the guardian stays where it was started");
    }
    assert_int_equal(getsid(pid), pid);
    assert_int_equal(getpgid(pid), pid);
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        expect_link(pid, streams[i], "/dev/null");
    }
    for (int i = 0; i < 2; i++) {
        char target[256];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, kept[i]);
        n = readlink(path, target, sizeof(target) - 1);
        assert_true(n < 0 || strncmp(target, "pipe:", 5) != 0);
        (void)close(kept[i]);
    }
    (void)read_proc(pid, "cmdline", text, sizeof(text));
    assert_string_equal(text, "leaselock-guardian");
    for (size_t n = read_proc(pid, "environ", text, sizeof(text)), at = 0;
         at < n; at += strlen(text + at) + 1) {
        assert_null(strstr(text + at, "no-such-secret"));
        assert_true(strncmp(text + at, "LEASELOCK_", 10) != 0);
    }
    test_peer_close(&peer);
    if (!test_until(TEST_WAIT_MS, process_is_gone, &pid)) {
        fail_msg("the guardian, %d, stays", pid);
    }
}

static void open_guarded(struct test_peer *peer)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    options.guardian = 1;
    options.guardian_path = guardian_program();
    test_peer_open_with(etcd.endpoint, &options, NULL, peer);
}

static bool has_no_guardian(void *client)
{
    return leaselock_client_guardian(client) == 0;
}

/** Goal: a killed guardian has no effect on its process, and the next session
 * starts another, for the earlier sessions as well. */
static void test_guardian_killed(void **state)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_session *second = NULL;
    leaselock_ticket *ticket;
    struct test_peer peer;
    pid_t first;

    (void)state;
    open_guarded(&peer);
    ticket = test_acquire(&peer, "goes on");
    first = leaselock_client_guardian(peer.client);
    assert_true(first > 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_true(test_until(TEST_WAIT_MS, has_no_guardian, peer.client));
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(
        leaselock_session_open(peer.client, &options, &second, NULL), 0);
    assert_true(leaselock_client_guardian(peer.client) > 0);
    assert_true(leaselock_client_guardian(peer.client) != first);
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: a stopped guardian blocks no call. Method: open and close sessions
 * meanwhile, and the client. */
static void test_guardian_stopped(void **state)
{
    struct test_peer peer;
    pid_t pid;

    (void)state;
    open_guarded(&peer);
    pid = leaselock_client_guardian(peer.client);
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    for (int i = 0; i < SESSIONS_N; i++) {
        leaselock_session *session = NULL;

        assert_int_equal(
            leaselock_session_open(peer.client, NULL, &session, NULL), 0);
        assert_int_equal(leaselock_session_close(session, NULL), 0);
    }
    test_peer_close(&peer);
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_true(test_until(TEST_WAIT_MS, process_is_gone, &pid));
}

/** Goal: if a guardian is required and cannot be started, the call fails. */
static void test_no_program(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;

    (void)state;
    options.guardian = 1;
    options.guardian_path = "/nowhere/guardian";
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &options, &client, NULL), 0);
    assert_int_equal(leaselock_client_guardian(client), 0);
    assert_int_equal(leaselock_session_open(client, NULL, &session, &error),
                     LEASELOCK_E_SYSTEM);
    assert_non_null(strstr(error.message, "/nowhere/guardian"));
    assert_non_null(strstr(error.message, strerror(ENOENT)));
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    options.guardian_path = guardian_program();
    options.guarded_pid = INT32_MAX;
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &options, &client, NULL), 0);
    assert_int_equal(leaselock_session_open(client, NULL, &session, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    assert_int_equal(leaselock_client_guardian(client), LEASELOCK_E_HANDLE);
}

static int rounds;

static int compare_us(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;

    return (first > second) - (first < second);
}

static void measure(void **state)
{
    int64_t *took_us = calloc((size_t)rounds, sizeof(*took_us));

    (void)state;
    assert_non_null(took_us);
    for (int i = 0; i < rounds; i++) {
        struct scene scene;

        scene_begin(&scene, "guarded", LONG);
        test_await_settled(&etcd); /* as a ticket that has waited for a while */
        scene_signal(&scene, SIGKILL);
        (void)scene_await(&scene);
        took_us[i] = (scene.call.at_ns - scene.begun_ns) / 1000;
        scene_end(&scene);
    }
    qsort(took_us, (size_t)rounds, sizeof(*took_us), compare_us);
    print_message("killed %d times: the next holds after %.1f ms at least, "
                  "%.1f in the middle, %.1f at 99 of 100, %.1f at most\n",
                  rounds, (double)took_us[0] / 1000,
                  (double)took_us[rounds / 2] / 1000,
                  (double)took_us[(rounds * 99 - 1) / 100] / 1000,
                  (double)took_us[rounds - 1] / 1000);
    free(took_us);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest measures[] = {cmocka_unit_test(measure)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_not_asked_for),
        cmocka_unit_test(test_unguarded),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_goodbye),
        cmocka_unit_test(test_returned),
        cmocka_unit_test(test_forked),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_no_pidfd),
        cmocka_unit_test(test_other),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_stands_alone),
        cmocka_unit_test(test_guardian_killed),
        cmocka_unit_test(test_guardian_stopped),
        cmocka_unit_test(test_no_program),
    };

    if (argc == 6 && strcmp(argv[1], "holder") == 0) {
        return holder_main(argv[2], argv[3], argv[4], argv[5]);
    }
    if (argc == 3 && strcmp(argv[1], "measure") == 0) {
        rounds = (int)strtol(argv[2], NULL, 10);
        return rounds > 0
                   ? cmocka_run_group_tests(measures, start_etcd, stop_etcd)
                   : 2;
    }
    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
