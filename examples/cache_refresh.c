/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many readers of a cache, and a rare writer. Each process reads the cache file
 * under a shared lock, together with the others. One that finds it too old
 * makes it anew under an exclusive lock, when no reader is left.
 *
 *     cache_refresh ENDPOINTS LOCK FILE MAX_AGE_MS READS
 *
 * A held ticket's mode does not change, so the process releases the shared
 * ticket before it acquires the exclusive one. In between another process may
 * have done the work: it looks again before it begins.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leaselock/leaselock.h>

struct cache {
    const char *lock;
    const char *file;
    int64_t max_age_ms;
    leaselock_session *session;
    struct leaselock_error error;
    int refreshed_n;
};

/* The token of the writer, and the time of its writing. */
struct edition {
    int64_t token;
    int64_t written_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Acquires the lock in a mode. */
static leaselock_ticket *enter(struct cache *cache, int mode)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    leaselock_ticket *ticket = NULL;

    options.mode = mode;
    return leaselock_acquire(cache->session, cache->lock, &options, 30000,
                             &ticket, &cache->error) == 0
               ? ticket
               : NULL;
}

/* Reads the file, whose first and last lines are the same. Returns 0, and an
 * edition of zeroes if there is no file; or -1 if the lines differ: a writer has
 * died in the middle of its work. */
static int read_file(const struct cache *cache, struct edition *edition)
{
    FILE *file = fopen(cache->file, "r");
    long long token = 0;
    long long written_ms = 0;
    long long last = 0;

    *edition = (struct edition){0, 0};
    if (file == NULL) {
        if (errno != ENOENT) {
            perror(cache->file);
        }
        return errno == ENOENT ? 0 : -1;
    }
    if (fscanf(file, "%lld %lld data %lld", &token, &written_ms, &last) != 3) {
        last = -1;
    }
    (void)fclose(file);
    *edition = (struct edition){token, written_ms};
    return token == last ? 0 : -1;
}

/* Writes the file, slowly, and not in one piece: only the lock keeps readers
 * from a half of it. A store that other machines share should also compare the
 * token, so that a writer that was paused for too long cannot overwrite a later
 * one (docs/fencing.md). */
static int write_file(const struct cache *cache, int64_t token)
{
    struct timespec pause = {0, 2000000};
    FILE *file = fopen(cache->file, "w");

    if (file == NULL) {
        perror(cache->file);
        return -1;
    }
    fprintf(file, "%lld %lld\n", (long long)token, (long long)now_ms());
    (void)fflush(file);
    (void)nanosleep(&pause, NULL);
    fprintf(file, "data\n%lld\n", (long long)token);
    return fclose(file);
}

static int is_fresh(const struct cache *cache, const struct edition *edition)
{
    return now_ms() - edition->written_ms < cache->max_age_ms;
}

/* Makes the cache anew, unless another process has just done so. */
static int refresh(struct cache *cache)
{
    leaselock_ticket *ticket = enter(cache, LEASELOCK_EXCLUSIVE);
    struct edition edition;
    int status = 0;

    if (ticket == NULL) {
        return -1;
    }
    if (read_file(cache, &edition) != 0 || !is_fresh(cache, &edition)) {
        status = leaselock_ticket_state(ticket) == LEASELOCK_TICKET_HELD
                     ? write_file(cache, leaselock_ticket_token(ticket))
                     : -1;
        cache->refreshed_n += status == 0 ? 1 : 0;
    }
    return leaselock_release(ticket, &cache->error) != 0 ? -1 : status;
}

/* Reads the cache, at most max_age_ms old. */
static int read_cache(struct cache *cache)
{
    for (;;) {
        leaselock_ticket *ticket = enter(cache, LEASELOCK_SHARED);
        struct edition edition;
        int is_whole;
        int fresh;

        if (ticket == NULL) {
            return -1;
        }
        is_whole = read_file(cache, &edition) == 0;
        fresh = is_whole && is_fresh(cache, &edition);
        if (leaselock_release(ticket, &cache->error) != 0) {
            return -1;
        }
        if (fresh) {
            return 0;
        }
        if (!is_whole) {
            fprintf(stderr, "a writer has not finished its work\n");
        }
        if (refresh(cache) != 0) {
            return -1;
        }
    }
}

int main(int argc, char **argv)
{
    struct leaselock_error none = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    struct cache cache = {0};
    int status = -1;

    if (argc != 6) {
        fprintf(stderr, "usage: %s ENDPOINTS LOCK FILE MAX_AGE_MS READS\n",
                argv[0]);
        return 2;
    }
    cache.lock = argv[2];
    cache.file = argv[3];
    cache.max_age_ms = atoi(argv[4]);
    if (cache.max_age_ms < 1) {
        fprintf(stderr, "MAX_AGE_MS must be at least 1\n");
        return 2;
    }
    cache.error = none;
    if (leaselock_client_open(argv[1], NULL, &client, &cache.error) == 0 &&
        leaselock_session_open(client, NULL, &cache.session, &cache.error) ==
            0) {
        status = 0;
    }
    for (int i = 0; status == 0 && i < atoi(argv[5]); i++) {
        status = read_cache(&cache);
    }
    if (cache.error.code != 0) {
        fprintf(stderr, "%s\n", cache.error.message);
    } else if (status == 0) {
        printf("refreshed %d\n", cache.refreshed_n);
    }
    (void)leaselock_client_close(client, NULL);
    return status != 0;
}
