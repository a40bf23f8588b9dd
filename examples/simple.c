/* SPDX-License-Identifier: Apache-2.0 */
/* Acquires a lock, works, releases the lock: the program of README.md. */
#include <leaselock/leaselock.h>
#include <stdio.h>

int main(void)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;

    if (leaselock_client_open("127.0.0.1:2379", NULL, &client, &error) != 0 ||
        leaselock_session_open(client, NULL, &session, &error) != 0 ||
        leaselock_acquire(session, "jobs", NULL, 5000, &ticket, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        leaselock_client_close(client, NULL);
        return 1;
    }
    printf("held, token %lld\n", (long long)leaselock_ticket_token(ticket));
    /* The work; leaselock_ticket_state() shows whether to go on. */
    if (leaselock_release(ticket, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
    }
    leaselock_client_close(client, NULL);
    return error.code != 0;
}
