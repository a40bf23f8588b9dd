/* SPDX-License-Identifier: Apache-2.0 */
/* Compares a crowd's tickets with etcd's store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/crowd_private.h"
#include "support/wait.h"

#define OUTPUT_SIZE (1u << 20)

/** A key in etcd's store. */
struct stored {
    char key[LEASELOCK_KEY_MAX + 1];
    int64_t create_revision;
};

struct store {
    struct stored keys[2 * CROWD_CONTENDERS_MAX];
    int keys_n;
};

/** The present difference, as a sentence; "" for none. */
struct finding {
    struct test_crowd *crowd;
    char text[CROWD_FAULT_SIZE];
};

static void find(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void find(struct finding *finding, const char *format, ...)
{
    size_t used = strlen(finding->text);
    va_list values;

    if (used > 0 && used + 2 < sizeof(finding->text)) {
        finding->text[used++] = ';';
        finding->text[used++] = ' ';
    }
    va_start(values, format);
    (void)vsnprintf(finding->text + used, sizeof(finding->text) - used, format,
                    values);
    va_end(values);
}

/** Reads the keys below a prefix through the quorum. */
static void
store_read(struct store *store, struct test_etcd *etcd, const char *prefix)
{
    static char output[OUTPUT_SIZE];
    struct stored *newest = NULL;
    char *line;
    char *rest = NULL;

    store->keys_n = 0;
    assert_int_equal(test_etcdctl(etcd, output, sizeof(output), "get",
                                  "--prefix", "--keys-only",
                                  "--write-out=fields", prefix, NULL),
                     0);
    for (line = strtok_r(output, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char key[LEASELOCK_KEY_MAX + 1];
        long long revision;

        if (sscanf(line, "\"Key\" : \"%1058[^\"]\"", key) == 1) {
            assert_true(store->keys_n < 2 * CROWD_CONTENDERS_MAX);
            newest = &store->keys[store->keys_n++];
            (void)snprintf(newest->key, sizeof(newest->key), "%s", key);
        } else if (sscanf(line, "\"CreateRevision\" : %lld", &revision) == 1) {
            assert_non_null(newest);
            newest->create_revision = revision;
        }
    }
}

/** A key's create revision, 0 if it does not exist. */
static int64_t store_find(const struct store *store, const char *key)
{
    int i;

    for (i = 0; i < store->keys_n; i++) {
        if (strcmp(store->keys[i].key, key) == 0) {
            return store->keys[i].create_revision;
        }
    }
    return 0;
}

/** Checks one ticket. Returns its token if it is in the queue, else 0. */
static int64_t contender_check(const struct crowd_contender *contender,
                               const struct store *store,
                               struct finding *finding)
{
    char key[LEASELOCK_KEY_MAX + 1];
    int64_t token = leaselock_ticket_token(contender->ticket);
    int state = leaselock_ticket_state(contender->ticket);
    int64_t stored;

    (void)leaselock_ticket_key(contender->ticket, key, sizeof(key));
    stored = store_find(store, key);
    if (state == LEASELOCK_TICKET_LOST) {
        if (contender->lost_calls != 1) {
            find(finding, "%s is lost, but on_lost was not called once", key);
        }
        if (stored != 0) {
            find(finding, "%s is lost, but its key exists", key);
        }
        return 0;
    }
    if (state != (contender->holding ? LEASELOCK_TICKET_HELD
                                     : LEASELOCK_TICKET_WAITING)) {
        find(finding, "%s has the state %d", key, state);
    }
    if (contender->superseded) {
        find(finding, "%s still holds, but was superseded", key);
    }
    if (stored == 0 || stored != token) {
        find(finding, "%s has the token %lld, in etcd %lld", key,
             (long long)token, (long long)stored);
    }
    return token;
}

/** Checks a still name: the first ticket of the queue holds, and no other. */
static int queue_check(const struct crowd_queue *queue,
                       const struct store *store,
                       struct finding *finding)
{
    const struct crowd_contender *first = NULL;
    int64_t least = INT64_MAX;
    int present = 0;
    int held = 0;
    int i;

    for (i = 0; i < queue->contenders_n; i++) {
        const struct crowd_contender *contender = &queue->contenders[i];
        int64_t token;

        if (!contender->waiting && !contender->holding) {
            continue; /* its acquire ended with LOST */
        }
        token = contender_check(contender, store, finding);
        if (token > 0) {
            present++;
            held += contender->holding ? 1 : 0;
            if (token < least) {
                least = token;
                first = contender;
            }
        }
    }
    if (first != NULL && (!first->holding || held != 1)) {
        find(finding, "%s is held by %d, and the first %s", queue->name, held,
             first->holding ? "holds" : "waits");
    }
    return present;
}

/** Compares a client's own listing of a still name with the store. */
static void listing_check(struct test_crowd *crowd,
                          int client,
                          const struct store *store,
                          struct finding *finding)
{
    const char *name = crowd->queues[client].name;
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_queue_info *listing = NULL;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    size_t i;

    options.timeout_ms = TEST_WAIT_MS;
    if (leaselock_queue(crowd->peers[client].client, name, &options, &listing,
                        &error) != 0) {
        find(finding, "%s: queue: %s", name, error.message);
        return;
    }
    for (i = 0; i < listing->entries_n; i++) {
        if (store_find(store, listing->entries[i].key) !=
            listing->entries[i].token) {
            find(finding, "%s: client %d lists %s, etcd does not", name, client,
                 listing->entries[i].key);
        }
    }
    leaselock_queue_free(listing);
}

static bool agrees(void *arg)
{
    static struct store store;
    struct finding *finding = arg;
    struct test_crowd *crowd = finding->crowd;
    char prefix[CROWD_NAME_SIZE + 8];
    int present = 0;
    int i;

    finding->text[0] = '\0';
    (void)snprintf(prefix, sizeof(prefix), "%s/still/", crowd->prefix);
    store_read(&store, test_cluster_witness(crowd->cluster), prefix);
    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->still_n; i++) {
        present += queue_check(&crowd->queues[i], &store, finding);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (present != store.keys_n) {
        find(finding, "there are %d keys for %d tickets", store.keys_n,
             present);
    }
    for (i = 0; i < CROWD_CLIENTS; i++) {
        listing_check(crowd, i, &store, finding);
    }
    return finding->text[0] == '\0';
}

void test_crowd_check(struct test_crowd *crowd)
{
    struct finding finding = {.crowd = crowd};

    if (!test_until(TEST_WAIT_MS, agrees, &finding)) {
        fail_msg("%s", finding.text);
    }
    crowd_fail_on_fault(crowd);
}
