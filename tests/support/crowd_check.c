/* A crowd's tickets against what is in etcd's store. */
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

/** A key as etcd has it. */
struct stored {
    char key[LEASELOCK_KEY_MAX + 1];
    int64_t create_revision;
};

struct store {
    struct stored keys[2 * CROWD_SEATS_MAX];
    int keys_n;
};

/** What is wrong at present, in words; "" for nothing. */
struct finding {
    struct test_crowd *crowd;
    char text[CROWD_FAULT_SIZE];
};

static void find(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void find(struct finding *finding, const char *format, ...)
{
    va_list values;

    if (finding->text[0] == '\0') {
        va_start(values, format);
        (void)vsnprintf(finding->text, sizeof(finding->text), format, values);
        va_end(values);
    }
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
            assert_true(store->keys_n < 2 * CROWD_SEATS_MAX);
            newest = &store->keys[store->keys_n++];
            (void)snprintf(newest->key, sizeof(newest->key), "%s", key);
        } else if (sscanf(line, "\"CreateRevision\" : %lld", &revision) == 1) {
            assert_non_null(newest);
            newest->create_revision = revision;
        }
    }
}

/** A key's create revision, 0 when it is not there. */
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

/** Checks one ticket; its token when it is in the queue, else 0. */
static int64_t seat_check(const struct crowd_seat *seat,
                          const struct store *store,
                          struct finding *finding)
{
    char key[LEASELOCK_KEY_MAX + 1];
    int64_t token = leaselock_ticket_token(seat->ticket);
    int state = leaselock_ticket_state(seat->ticket);
    int64_t stored;

    (void)leaselock_ticket_key(seat->ticket, key, sizeof(key));
    stored = store_find(store, key);
    if (state == LEASELOCK_TICKET_LOST) {
        if (seat->lost_calls != 1) {
            find(finding, "%s is lost, and nobody was told", key);
        }
        if (stored != 0) {
            find(finding, "%s is lost, and still there", key);
        }
        return 0;
    }
    if (state !=
        (seat->holding ? LEASELOCK_TICKET_HELD : LEASELOCK_TICKET_WAITING)) {
        find(finding, "%s has the state %d", key, state);
    }
    if (seat->overtaken) {
        find(finding, "%s holds still, and was overtaken", key);
    }
    if (stored == 0 || stored != token) {
        find(finding, "%s has the token %lld, in etcd %lld", key,
             (long long)token, (long long)stored);
    }
    return token;
}

/** Checks a still name: who is first holds, and nobody else. */
static int row_check(const struct crowd_row *row,
                     const struct store *store,
                     struct finding *finding)
{
    const struct crowd_seat *first = NULL;
    int64_t least = INT64_MAX;
    int present = 0;
    int held = 0;
    int i;

    for (i = 0; i < row->seats_n; i++) {
        const struct crowd_seat *seat = &row->seats[i];
        int64_t token;

        if (!seat->waiting && !seat->holding) {
            continue; /* its acquire ended with a loss */
        }
        token = seat_check(seat, store, finding);
        if (token > 0) {
            present++;
            held += seat->holding ? 1 : 0;
            if (token < least) {
                least = token;
                first = seat;
            }
        }
    }
    if (first != NULL && (!first->holding || held != 1)) {
        find(finding, "%s is held by %d, and the first %s", row->name, held,
             first->holding ? "holds" : "waits");
    }
    return present;
}

/** What a client's own listing says of a still name. */
static void queue_check(struct test_crowd *crowd,
                        int client,
                        const struct store *store,
                        struct finding *finding)
{
    const char *name = crowd->rows[client].name;
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_queue_info *queue = NULL;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    size_t i;

    options.timeout_ms = TEST_WAIT_MS;
    if (leaselock_queue(crowd->peers[client].client, name, &options, &queue,
                        &error) != 0) {
        find(finding, "%s: queue: %s", name, error.message);
        return;
    }
    for (i = 0; i < queue->entries_n; i++) {
        if (store_find(store, queue->entries[i].key) !=
            queue->entries[i].token) {
            find(finding, "%s: client %d lists %s, etcd does not", name, client,
                 queue->entries[i].key);
        }
    }
    leaselock_queue_free(queue);
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
        present += row_check(&crowd->rows[i], &store, finding);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (present != store.keys_n) {
        find(finding, "there are %d keys for %d tickets", store.keys_n,
             present);
    }
    for (i = 0; i < CROWD_CLIENTS; i++) {
        queue_check(crowd, i, &store, finding);
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
