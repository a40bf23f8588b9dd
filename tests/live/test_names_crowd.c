/* SPDX-License-Identifier: Apache-2.0 */
/* Many clients that acquire several locks at once, in any order, and others
 * that acquire the same locks one at a time: no wait is endless, and no lock
 * has two holders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "support/crowd.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define NAMES_MAX 50
/** Go's clients, each for one of the names. */
#define GO_PEERS 2
#define GO_ROUNDS 6

/** The table: an entry for each name, which its holder marks. */
struct table {
    const char *label;
    int names_n;
    atomic_int marks[NAMES_MAX];
    int64_t tokens[NAMES_MAX]; /* used by its holder only */
    int logs[NAMES_MAX];       /* also written by Go's clients, or -1 */
    atomic_int faults;
};

/** A contender: a thread with a session of its own. */
struct guest {
    struct table *table;
    struct test_peer peer;
    pthread_t thread;
    unsigned seed;
    int rounds;
    int most;        /* names per round */
    bool plain;      /* acquires one name, with leaselock_acquire */
    bool neighbours; /* acquires two neighbours, as dining philosophers do */
    int number;
};

static void fault(struct guest *guest, const char *what, const char *why)
{
    (void)fprintf(stderr, "guest %d: %s: %s\n", guest->number, what, why);
    atomic_fetch_add(&guest->table->faults, 1);
}

/** Draws names, each once, in random order. */
static int draw(struct guest *guest, int *ret_at)
{
    int names_n = guest->table->names_n;
    int n = guest->plain ? 1
                         : 2 + (int)((unsigned)rand_r(&guest->seed) %
                                     (unsigned)(guest->most - 1));
    bool taken[NAMES_MAX] = {false};

    if (guest->neighbours) {
        ret_at[0] = guest->number % names_n;
        ret_at[1] = (guest->number + 1) % names_n;
        return 2;
    }
    for (int i = 0; i < n; i++) {
        int at = (int)((unsigned)rand_r(&guest->seed) % (unsigned)names_n);

        while (taken[at]) {
            at = (at + 1) % names_n;
        }
        taken[at] = true;
        ret_at[i] = at;
    }
    return n;
}

/** Checks, while all are held, that no other holder has marked them and that
 * tokens increase. */
static void use(struct guest *guest, const int *at, int n, int64_t token)
{
    struct table *table = guest->table;

    for (int i = 0; i < n; i++) {
        if (atomic_fetch_add(&table->marks[at[i]], 1) != 0) {
            fault(guest, "use", "a lock has two holders");
        }
        if (table->tokens[at[i]] >= token) {
            fault(guest, "use", "a token does not rise");
        }
        table->tokens[at[i]] = token;
        if (table->logs[at[i]] >= 0 &&
            flock(table->logs[at[i]], LOCK_EX | LOCK_NB) != 0) {
            fault(guest, "use", "a lock of Go's has two holders");
        }
    }
    for (int i = 0; i < n; i++) {
        char line[64];
        int size = snprintf(line, sizeof(line),
                            "c %d %lld enter\nc %d %lld "
                            "exit\n",
                            guest->number, (long long)token, guest->number,
                            (long long)token);

        if (table->logs[at[i]] >= 0 &&
            (write(table->logs[at[i]], line, (size_t)size) != size ||
             flock(table->logs[at[i]], LOCK_UN) != 0)) {
            fault(guest, "use", "cannot write");
        }
        atomic_fetch_sub(&table->marks[at[i]], 1);
    }
}

static int take(struct guest *guest,
                const char *const *names,
                int n,
                leaselock_ticket **ret_ticket,
                struct leaselock_error *reterr)
{
    return guest->plain
               ? leaselock_acquire(guest->peer.session, names[0], NULL,
                                   TEST_WAIT_MS, ret_ticket, reterr)
               : leaselock_acquire_all(guest->peer.session, names, (size_t)n,
                                       NULL, TEST_WAIT_MS, ret_ticket, reterr);
}

static void *guest_main(void *arg)
{
    struct guest *guest = arg;
    char texts[NAMES_MAX][32];
    const char *names[NAMES_MAX];

    for (int round = 0; round < guest->rounds; round++) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        leaselock_ticket *ticket = NULL;
        int at[NAMES_MAX];
        int n = draw(guest, at);

        for (int i = 0; i < n; i++) {
            (void)snprintf(texts[i], sizeof(texts[i]), "%s/%d",
                           guest->table->label, at[i]);
            names[i] = texts[i];
        }
        if (take(guest, names, n, &ticket, &error) != 0) {
            fault(guest, "acquire", error.message);
            return NULL;
        }
        use(guest, at, n, leaselock_ticket_token(ticket));
        if (leaselock_ticket_state(ticket) != LEASELOCK_TICKET_HELD) {
            fault(guest, "state", "not held");
        }
        if (leaselock_release(ticket, &error) != 0) {
            fault(guest, "release", error.message);
        }
    }
    return NULL;
}

/** Starts all contenders, and waits until each has completed its rounds. */
static void dine(struct table *table, struct guest *guests, int guests_n)
{
    for (int i = 0; i < guests_n; i++) {
        guests[i].table = table;
        guests[i].number = i;
        guests[i].seed = 4711 + (unsigned)i;
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &guests[i].peer);
    }
    for (int i = 0; i < guests_n; i++) {
        assert_int_equal(
            pthread_create(&guests[i].thread, NULL, guest_main, &guests[i]), 0);
    }
    for (int i = 0; i < guests_n; i++) {
        assert_int_equal(pthread_join(guests[i].thread, NULL), 0);
    }
}

static void leave(struct table *table, struct guest *guests, int guests_n)
{
    test_await_keys(&etcd, table->label, 0);
    for (int i = 0; i < guests_n; i++) {
        assert_int_equal(leaselock_session_state(guests[i].peer.session),
                         LEASELOCK_SESSION_ACTIVE);
        test_peer_close(&guests[i].peer);
    }
    assert_int_equal(atomic_load(&table->faults), 0);
}

static void table_init(struct table *table, const char *label, int names_n)
{
    memset(table, 0, sizeof(*table));
    table->label = label;
    table->names_n = names_n;
    for (int i = 0; i < names_n; i++) {
        table->logs[i] = -1;
    }
}

/** Goal: five dining philosophers all eat, though each names the left fork
 * before the right one. Method: acquired one after the other, this would be a
 * deadlock; all must complete. */
static void test_philosophers(void **state)
{
    static struct guest guests[5];
    static struct table table;

    (void)state;
    table_init(&table, "forks", 5);
    for (int i = 0; i < 5; i++) {
        guests[i].rounds = test_crowd_is_small() ? 10 : 40;
        guests[i].neighbours = true;
    }
    dine(&table, guests, 5);
    leave(&table, guests, 5);
}

/** Goal: the same with 50 names and 16 contenders that acquire 2 to 6 of them
 * at random, beside 4 that acquire one. */
static void test_crowd(void **state)
{
    static struct guest guests[20];
    static struct table table;
    bool small = test_crowd_is_small();

    (void)state;
    table_init(&table, "crowd", NAMES_MAX);
    for (int i = 0; i < 20; i++) {
        guests[i].rounds = small ? 5 : 25;
        guests[i].most = 6;
        guests[i].plain = i >= 16;
    }
    dine(&table, guests, 20);
    leave(&table, guests, 20);
}

/** Whether the Go peer exists, beside the tool; the test works without it. */
static bool find_gopeer(char *ret_path, size_t size)
{
    const char *tool = test_tool();
    const char *slash = strrchr(tool, '/');

    (void)snprintf(ret_path, size, "%.*sgopeer",
                   slash != NULL ? (int)(slash - tool) + 1 : 0, tool);
    return access(ret_path, X_OK) == 0;
}

/** Checks a journal: each holder leaves before the next one enters. */
static int read_journal(const char *path)
{
    FILE *file = fopen(path, "re");
    char inside[64] = "";
    char who[16];
    char what[16];
    long long token;
    int go_turns = 0;
    int pid;

    assert_non_null(file);
    while (fscanf(file, "%15s %d %lld %15s", who, &pid, &token, what) == 4) {
        char entry[64];

        (void)snprintf(entry, sizeof(entry), "%s %d %lld", who, pid, token);
        if (strcmp(what, "enter") == 0) {
            assert_string_equal(inside, "");
            (void)snprintf(inside, sizeof(inside), "%s", entry);
            go_turns += strcmp(who, "go") == 0;
        } else {
            assert_string_equal(inside, entry);
            inside[0] = '\0';
        }
    }
    assert_string_equal(inside, "");
    (void)fclose(file);
    return go_turns;
}

/** Goal: the same five names with 8 contenders that acquire 2 to 4 of them, 2
 * that acquire one, and two of Go's clients that acquire one: all complete.
 * Method: each name that Go's clients acquire has a journal of its holders. */
static void test_crowd_with_go(void **state)
{
    static struct guest guests[10];
    static struct table table;
    struct test_process peers[GO_PEERS] = {TEST_PROCESS_INIT,
                                           TEST_PROCESS_INIT};
    char paths[GO_PEERS][TEST_ETCD_PATH_SIZE + 32];
    char names[GO_PEERS][32];
    char rounds[16];
    char gopeer[512];

    (void)state;
    if (!find_gopeer(gopeer, sizeof(gopeer))) {
        print_message("no gopeer at %s\n", gopeer);
        skip();
    }
    table_init(&table, "go", 5);
    (void)snprintf(rounds, sizeof(rounds), "%d", GO_ROUNDS);
    for (int i = 0; i < GO_PEERS; i++) {
        const char *argv[] = {gopeer, "lock", etcd.endpoint, names[i],
                              rounds, "1",    paths[i],      NULL};

        (void)snprintf(names[i], sizeof(names[i]), "go/%d", i);
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/journal-%d", etcd.folder,
                       i);
        table.logs[i] =
            open(paths[i], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        assert_true(table.logs[i] >= 0);
        assert_int_equal(test_process_start(&peers[i], argv, NULL), 0);
    }
    for (int i = 0; i < 10; i++) {
        guests[i].rounds = 12;
        guests[i].most = 4;
        guests[i].plain = i >= 8;
    }
    dine(&table, guests, 10);
    for (int i = 0; i < GO_PEERS; i++) {
        assert_int_equal(test_process_wait(&peers[i], TEST_WAIT_MS), 0);
        test_process_end(&peers[i]);
        (void)close(table.logs[i]);
        assert_int_equal(read_journal(paths[i]), GO_ROUNDS);
    }
    leave(&table, guests, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_philosophers),
                                       cmocka_unit_test(test_crowd),
                                       cmocka_unit_test(test_crowd_with_go)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
