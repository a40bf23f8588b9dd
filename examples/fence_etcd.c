/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule 3 of docs/fencing.md with etcd as the store: raise the fence, read the
 * data, and write only if its mod revision is unchanged. Two workers add to one
 * counter; the write of the first one is late and changes nothing.
 *
 *     fence_etcd ENDPOINT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leaselock/admin.h>
#include <leaselock/leaselock.h>

#define LOCK "counter"
#define KEY "state/counter"
#define TIMEOUT_MS 5000

/** Reads the counter's key; 0 and no revision if it does not exist. */
static int look(leaselock_client *client, long *ret_count, int64_t *ret_mod)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_get_info *info = NULL;
    int status = leaselock_get(client, KEY, strlen(KEY), NULL, &info, &error);

    if (status != 0) {
        fprintf(stderr, "%s\n", error.message);
        return status;
    }
    *ret_count = info->kvs_n > 0 ? strtol(info->kvs[0].value, NULL, 10) : 0;
    *ret_mod = info->kvs_n > 0 ? info->kvs[0].mod_revision : 0;
    leaselock_get_free(info);
    return 0;
}

/** Writes the counter if the ticket is held and the key is unchanged. */
static int store(leaselock_ticket *ticket, long count, int64_t mod)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_compare as_read = {.key = KEY,
                                        .key_size = strlen(KEY),
                                        .target =
                                            LEASELOCK_COMPARE_MOD_REVISION,
                                        .result = LEASELOCK_COMPARE_EQUAL,
                                        .number = mod};
    struct leaselock_op put = {
        .kind = LEASELOCK_OP_PUT, .key = KEY, .key_size = strlen(KEY)};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    char value[32];
    int status;

    put.value = value;
    put.value_size = (size_t)snprintf(value, sizeof(value), "%ld", count);
    txn.compares = &as_read;
    txn.compares_n = 1;
    txn.ops = &put;
    txn.ops_n = 1;
    status = leaselock_fenced_txn(ticket, &txn, TIMEOUT_MS, &error);
    if (status != 0) {
        printf("writes %s: refused: %s\n", value, error.message);
    } else {
        printf("writes %s\n", value);
    }
    return status;
}

static int work(const char *endpoint)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *tickets[2] = {NULL, NULL};
    leaselock_session *session = NULL;
    leaselock_client *client = NULL;
    char key[LEASELOCK_KEY_MAX + 1];
    long counts[2] = {0, 0};
    int64_t mods[2] = {0, 0};
    int status = leaselock_client_open(endpoint, NULL, &client, &error);

    if (status == 0) {
        status = leaselock_session_open(client, NULL, &session, &error);
    }
    for (int i = 0; i < 2 && status == 0; i++) {
        status = leaselock_acquire(session, LOCK, NULL, TIMEOUT_MS, &tickets[i],
                                   &error);
        /* The ticket's key is the fence: now it is raised, and the data may be
         * read. */
        if (status == 0) {
            status = look(client, &counts[i], &mods[i]);
        }
        if (status == 0 && i == 0) {
            /* The first worker is considered failed and loses the lock. */
            (void)leaselock_ticket_key(tickets[0], key, sizeof(key));
            status = leaselock_break(
                client, key, leaselock_ticket_token(tickets[0]), NULL, &error);
        }
    }
    if (status == 0) {
        printf("the second worker ");
        status = store(tickets[1], counts[1] + 1, mods[1]);
    }
    if (status == 0) {
        printf("the first worker ");
        status =
            store(tickets[0], counts[0] + 1, mods[0]) == LEASELOCK_E_NOT_HELD
                ? 0
                : LEASELOCK_E_SERVER;
    } else {
        fprintf(stderr, "%s\n", error.message);
    }
    (void)leaselock_client_close(client, NULL);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fence_etcd ENDPOINT\n");
        return 2;
    }
    return work(argv[1]) == 0 ? 0 : 1;
}
