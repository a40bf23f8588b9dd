/* SPDX-License-Identifier: Apache-2.0 */
/* Fences a store that is not etcd: a SQLite database that refuses writers whose
 * token is not the greatest that it has received.
 *
 *     fence_sqlite ENDPOINTS FILE.db
 *
 * A worker acquires the lock and is stopped, as on a machine that hangs, just
 * before it writes. Its lease expires, and a second worker acquires the lock
 * and writes. Then the first one continues and writes without a check of the
 * lock: the database refuses. The exit status is 0 if all this happened. */
#include <leaselock/leaselock.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCK "fence-sqlite"
#define TTL_S 2

/** The result of a write. */
enum outcome { WRITTEN = 0, REFUSED = 3, FAILED = 1 };

static int run(sqlite3 *db, const char *sql)
{
    char *error = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, error);
        sqlite3_free(error);
        return -1;
    }
    return 0;
}

/** Runs a statement with two parameters; returns the number of changed rows, or
 *  -1. */
static int
run_with(sqlite3 *db, const char *sql, sqlite3_int64 a, const char *b)
{
    sqlite3_stmt *statement = NULL;
    int rows = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_bind_int64(statement, 1, a) == SQLITE_OK &&
        sqlite3_bind_text(statement, 2, b, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_DONE) {
        rows = sqlite3_changes(db);
    } else {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
    }
    sqlite3_finalize(statement);
    return rows;
}

/** Raises the fence to this token; no row changes if a greater one is stored.
 *  It runs in the transaction of the write, so no other write comes between. */
static const char raise_fence[] =
    "INSERT INTO fence(token, lock) VALUES (?1, ?2) "
    "ON CONFLICT(lock) DO UPDATE SET token = excluded.token "
    "WHERE excluded.token >= fence.token";

/** Writes an entry, unless a holder with a greater token has written before. */
static enum outcome write_entry(sqlite3 *db, int64_t token, const char *entry)
{
    enum outcome outcome = FAILED;
    int rows;

    if (run(db, "BEGIN IMMEDIATE") != 0) {
        return FAILED;
    }
    rows = run_with(db, raise_fence, token, LOCK);
    if (rows == 0) {
        outcome = REFUSED;
    } else if (rows > 0 &&
               run_with(db, "INSERT INTO ledger(token, entry) VALUES (?1, ?2)",
                        token, entry) == 1 &&
               run(db, "COMMIT") == 0) {
        return WRITTEN;
    }
    (void)run(db, "ROLLBACK");
    return outcome;
}

static sqlite3 *open_store(const char *file)
{
    sqlite3 *db = NULL;

    if (sqlite3_open(file, &db) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        run(db, "CREATE TABLE IF NOT EXISTS fence"
                "(lock TEXT PRIMARY KEY, token INTEGER NOT NULL)") != 0 ||
        run(db, "CREATE TABLE IF NOT EXISTS ledger"
                "(entry TEXT NOT NULL, token INTEGER NOT NULL)") != 0) {
        fprintf(stderr, "cannot use %s: %s\n", file, sqlite3_errmsg(db));
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

/** Acquires the lock, prints its token, writes when it reads a line, and
 *  returns the outcome as the exit status. */
static int worker(const char *endpoints, const char *file, const char *entry)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    sqlite3 *db = open_store(file);
    int outcome = FAILED;
    int64_t token;
    char line[8];

    options.ttl_s = TTL_S;
    if (db == NULL) {
        return FAILED;
    }
    if (leaselock_client_open(endpoints, NULL, &client, &error) != 0 ||
        leaselock_session_open(client, &options, &session, &error) != 0 ||
        leaselock_acquire(session, LOCK, NULL, 30000, &ticket, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
    } else {
        token = leaselock_ticket_token(ticket);
        printf("%lld\n", (long long)token);
        fflush(stdout);
        if (fgets(line, sizeof(line), stdin) != NULL) {
            /* In every program, any time may pass between the last check of
             * the lock and this line. */
            outcome = (int)write_entry(db, token, entry);
        }
    }
    (void)leaselock_client_close(client, NULL);
    sqlite3_close(db);
    return outcome;
}

/** A worker's process, with pipes to its input and from its output. */
struct process {
    pid_t pid;
    FILE *to;
    FILE *from;
};

static int start(struct process *process, char **argv, const char *entry)
{
    int to[2];
    int from[2];

    if (pipe(to) != 0 || pipe(from) != 0) {
        perror("pipe");
        return -1;
    }
    /* The parent does not use the library: a process that forks must not have
     * opened a client, unless the child calls exec. */
    process->pid = fork();
    if (process->pid == 0) {
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDOUT_FILENO);
        (void)close(to[1]);
        (void)close(from[0]);
        execl("/proc/self/exe", argv[0], argv[1], argv[2], entry, (char *)NULL);
        _exit(FAILED);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    process->to = fdopen(to[1], "w");
    process->from = fdopen(from[0], "r");
    return process->pid > 0 && process->to != NULL && process->from != NULL
               ? 0
               : -1;
}

/** Waits until the worker holds the lock; returns its token. */
static long long await_lock(struct process *process)
{
    char line[32];

    return fgets(line, sizeof(line), process->from) != NULL
               ? strtoll(line, NULL, 10)
               : 0;
}

/** Makes the worker write; returns the outcome. */
static int finish(struct process *process)
{
    int status = 0;

    (void)kill(process->pid, SIGCONT);
    (void)fputs("go\n", process->to);
    (void)fclose(process->to);
    (void)waitpid(process->pid, &status, 0);
    (void)fclose(process->from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

int main(int argc, char **argv)
{
    struct process first;
    struct process second;
    long long first_token;
    long long second_token;
    int late;
    int in_time;

    if (argc == 4) {
        return worker(argv[1], argv[2], argv[3]);
    }
    if (argc != 3) {
        fprintf(stderr, "usage: %s ENDPOINTS FILE.db\n", argv[0]);
        return 2;
    }
    if (start(&first, argv, "written late") != 0) {
        return FAILED;
    }
    first_token = await_lock(&first);
    printf("the first worker holds the lock, token %lld\n", first_token);
    (void)kill(first.pid, SIGSTOP);
    printf("it is stopped; its lease runs out\n");
    fflush(stdout);
    if (start(&second, argv, "written in time") != 0) {
        (void)finish(&first);
        return FAILED;
    }
    second_token = await_lock(&second);
    printf("the second worker holds the lock, token %lld\n", second_token);
    in_time = finish(&second);
    printf("it writes: %s\n", in_time == WRITTEN ? "done" : "failed");
    late = finish(&first);
    printf("the first one goes on, and writes: %s\n",
           late == REFUSED   ? "refused, its token is too small"
           : late == WRITTEN ? "done"
                             : "failed");
    return first_token > 0 && second_token > first_token &&
                   in_time == WRITTEN && late == REFUSED
               ? 0
               : 1;
}
