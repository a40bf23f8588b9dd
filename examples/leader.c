/* SPDX-License-Identifier: Apache-2.0 */
/* A leader that runs permanently.
 *
 *     leader ENDPOINTS NAME VALUE
 *
 * Leads whenever it is its turn, and prints each change. It continues after the
 * end of a leadership: if etcd is unreachable for longer than the TTL of the
 * lease, if the lease is revoked, if the key is deleted. SIGTERM and SIGINT end
 * the program. */
#include <leaselock/leaselock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TTL_S 2
#define LOOK_MS 100

static volatile sig_atomic_t must_end;

static void on_signal(int number)
{
    (void)number;
    must_end = 1;
}

/* The steps of the work belong in the loop; their writes are fenced. */
static int work(leaselock_ticket *ticket, void *arg)
{
    (void)arg;
    while (!must_end &&
           leaselock_lead_wait(ticket, LOOK_MS) == LEASELOCK_LEAD_LEADING) {
    }
    return must_end ? 1 : 0; /* any value but 0 ends leaselock_lead */
}

static int on_change(enum leaselock_lead_change change,
                     const struct leaselock_error *error,
                     void *arg)
{
    static const char *const words[] = {"campaigning", "leading", "lost",
                                        "unreachable"};

    (void)arg;
    printf("%s%s%s\n", words[change], error != NULL ? ": " : "",
           error != NULL ? error->message : "");
    (void)fflush(stdout);
    return must_end;
}

int main(int argc, char **argv)
{
    struct leaselock_session_options session_options =
        LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_lead_options options = LEASELOCK_LEAD_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct sigaction action = {.sa_handler = on_signal};
    leaselock_session *session = NULL;
    leaselock_client *client = NULL;
    int status;

    if (argc != 4) {
        fprintf(stderr, "usage: %s ENDPOINTS NAME VALUE\n", argv[0]);
        return 2;
    }
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    session_options.ttl_s = TTL_S;
    options.again = &session_options;
    options.on_change = on_change;
    status = leaselock_client_open(argv[1], NULL, &client, &error);
    if (status == 0) {
        status =
            leaselock_session_open(client, &session_options, &session, &error);
    }
    if (status == 0) {
        status = leaselock_lead(session, argv[2], argv[3], strlen(argv[3]),
                                &options, work, NULL, &error);
    }
    if (status < 0) {
        fprintf(stderr, "leader: %s\n", error.message);
    }
    (void)leaselock_client_close(client, NULL);
    return status < 0;
}
