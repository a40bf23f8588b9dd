/* SPDX-License-Identifier: Apache-2.0 */
/* A service that continues to lead after it was restarted.
 *
 *     resume ENDPOINTS NAME FILE
 *
 * Campaigns, and stores its lease, key and token in FILE. If it is restarted
 * within the lease's time to live (TTL_S), after a crash or for an update, it
 * resumes both from FILE: no other candidate has led meanwhile. It leads until
 * SIGTERM, which resigns, or SIGUSR1, which ends it without a release, for the
 * next start. The previous process must have ended by then: only one may run,
 * as a service manager ensures. */
#include <leaselock/leaselock.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TTL_S 30

struct place {
    long long lease;
    long long token;
    char key[LEASELOCK_KEY_MAX + 1];
};

static int place_read(const char *path, struct place *place)
{
    FILE *file = fopen(path, "r");
    int fields = 0;

    if (file != NULL) {
        fields = fscanf(file, "%lld %lld ", &place->lease, &place->token);
        if (fields == 2 &&
            fgets(place->key, sizeof(place->key), file) != NULL) {
            place->key[strcspn(place->key, "\n")] = '\0';
            fields++;
        }
        (void)fclose(file);
    }
    return fields == 3 ? 0 : -1;
}

/** Writes all or nothing: a new file replaces the old one. */
static int place_write(const char *path, const struct place *place)
{
    char temporary[4096];
    FILE *file;
    int status;

    (void)snprintf(temporary, sizeof(temporary), "%s.new", path);
    file = fopen(temporary, "w");
    if (file == NULL) {
        perror(temporary);
        return -1;
    }
    status = fprintf(file, "%lld %lld %s\n", place->lease, place->token,
                     place->key) < 0 ||
             fflush(file) != 0 || fsync(fileno(file)) != 0;
    if (fclose(file) != 0 || status != 0 || rename(temporary, path) != 0) {
        perror(path);
        return -1;
    }
    return 0;
}

/** Resumes the place in FILE; after any failure, the caller begins anew. */
static leaselock_ticket *take_over(leaselock_client *client,
                                   const char *path,
                                   leaselock_session **ret_session)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    struct place place;

    if (place_read(path, &place) != 0) {
        return NULL;
    }
    options.lease = place.lease;
    if (leaselock_session_open(client, &options, &session, &error) != 0) {
        fprintf(stderr, "the lease cannot be taken over: %s\n", error.message);
        return NULL;
    }
    if (leaselock_resume(session, place.key, place.token, NULL,
                         LEASELOCK_FOREVER, &ticket, &error) != 0) {
        fprintf(stderr, "the place cannot be taken over: %s\n", error.message);
        (void)leaselock_session_close(session, NULL);
        return NULL;
    }
    *ret_session = session;
    return ticket;
}

static leaselock_ticket *begin(leaselock_client *client,
                               const char *name,
                               const char *path,
                               leaselock_session **ret_session)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;
    struct place place;

    options.ttl_s = TTL_S;
    if (leaselock_session_open(client, &options, ret_session, &error) != 0 ||
        leaselock_campaign(*ret_session, name, "", 0, NULL, LEASELOCK_FOREVER,
                           &ticket, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return NULL;
    }
    place.lease = leaselock_session_lease(*ret_session);
    place.token = leaselock_ticket_token(ticket);
    if (leaselock_ticket_key(ticket, place.key, sizeof(place.key)) < 0 ||
        place_write(path, &place) != 0) {
        return NULL;
    }
    return ticket;
}

int main(int argc, char **argv)
{
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    sigset_t signals;
    int number = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: %s ENDPOINTS NAME FILE\n", argv[0]);
        return 2;
    }
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (leaselock_client_open(argv[1], NULL, &client, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    ticket = take_over(client, argv[3], &session);
    if (ticket != NULL) {
        printf("leads on");
    } else {
        ticket = begin(client, argv[2], argv[3], &session);
        if (ticket == NULL) {
            (void)leaselock_client_close(client, NULL);
            return 1;
        }
        printf("leads");
    }
    printf(", token %lld\n", (long long)leaselock_ticket_token(ticket));
    fflush(stdout);
    /* The work is elsewhere; it checks leaselock_lead_wait. */
    (void)sigwait(&signals, &number);
    if (number == SIGUSR1) {
        /* No close: that would revoke the lease and the leadership. */
        _exit(0);
    }
    (void)unlink(argv[3]);
    return leaselock_client_close(client, NULL) == 0 ? 0 : 1;
}
