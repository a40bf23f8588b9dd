/* SPDX-License-Identifier: Apache-2.0 */
/* The view of all queues that changes keep up to date, beside the list that a
 * read of all keys gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/board.h"
#include "api/places.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "leaselock/status.h"

#define KEYS_MAX 64

#define SPACE_SIZE (sizeof("ns/") - 1) /* of the namespace */

/** A store, its keys sorted. */
struct store {
    struct ll_kv kvs[KEYS_MAX];
    char keys[KEYS_MAX][64];
    size_t n;
    int64_t revision;
};

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

static struct ll_bytes bytes_of(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

/** A key of any kind below some names, of which two are nested. */
static int64_t random_key(char ret_key[64])
{
    static const char *const names[] = {"a", "a/b", "a/b/c", "d", "p/x"};
    const char *name = names[random_below(5)];
    int64_t lease = 0x10 + (int64_t)random_below(3);
    unsigned number = (unsigned)random_below(3);

    switch (random_below(7)) {
    case 0:
    case 1:
        (void)snprintf(ret_key, 64, "ns/%s/%" PRIx64 ".%u", name, lease,
                       number);
        break;
    case 2:
        (void)snprintf(ret_key, 64, "ns/%s/~.s.%" PRIx64 ".%u", name, lease,
                       number);
        break;
    case 3:
        (void)snprintf(ret_key, 64, "ns/%s/~.p2.%" PRIx64 ".%u", name, lease,
                       number);
        break;
    case 4:
        (void)snprintf(ret_key, 64, "ns/%s/%" PRIx64, name, lease);
        break;
    case 5:
        (void)snprintf(ret_key, 64, "ns/%s/data%u", name, number);
        return 0;
    default:
        (void)snprintf(ret_key, 64, "ns/data%u", number);
        return number == 0 ? 0 : lease;
    }
    return lease;
}

static size_t store_find(const struct store *store, const char *key)
{
    size_t at = 0;

    while (at < store->n && strcmp(store->keys[at], key) < 0) {
        at++;
    }
    return at;
}

static void store_link(struct store *store)
{
    for (size_t i = 0; i < store->n; i++) {
        store->kvs[i].key = bytes_of(store->keys[i]);
    }
}

/** Removes a key at a place. */
static void store_remove(struct store *store, size_t at)
{
    memmove(&store->kvs[at], &store->kvs[at + 1],
            (store->n - at - 1) * sizeof(store->kvs[0]));
    memmove(&store->keys[at], &store->keys[at + 1],
            (store->n - at - 1) * sizeof(store->keys[0]));
    store->n--;
    store_link(store);
}

/** Makes a key. */
static void store_add(struct store *store, const char *key, int64_t lease)
{
    size_t at = store_find(store, key);

    memmove(&store->kvs[at + 1], &store->kvs[at],
            (store->n - at) * sizeof(store->kvs[0]));
    memmove(&store->keys[at + 1], &store->keys[at],
            (store->n - at) * sizeof(store->keys[0]));
    memcpy(store->keys[at], key, strlen(key) + 1);
    store->kvs[at] = (struct ll_kv){.create_revision = store->revision,
                                    .mod_revision = store->revision,
                                    .version = 1,
                                    .lease = lease,
                                    .value = {"", 0}};
    store->n++;
    store_link(store);
}

/** Changes the store at random, and the board with it unless it is NULL. */
static void change(struct store *store, struct ll_board *board)
{
    char key[64];
    int64_t lease = random_key(key);
    size_t at = store_find(store, key);

    store->revision++;
    if (at < store->n && strcmp(store->keys[at], key) == 0) {
        if (board != NULL) {
            ll_board_delete(board, bytes_of(key), store->revision);
        }
        store_remove(store, at);
    } else if (store->n < KEYS_MAX) {
        store_add(store, key, lease);
        if (board != NULL) {
            at = store_find(store, key);
            assert_int_equal(
                ll_board_put(board, &store->kvs[at], store->revision), 0);
        }
    }
    if (board != NULL) {
        ll_board_settle(board, store->revision);
    }
}

static void load(const struct store *store, struct ll_board *board)
{
    ll_board_load_begin(board);
    for (size_t i = 0; i < store->n; i++) {
        assert_int_equal(ll_board_put(board, &store->kvs[i], store->revision),
                         0);
    }
    assert_int_equal(ll_board_load_end(board, store->revision), 0);
}

static const struct ll_board_dir *dir_of(const struct ll_board *board,
                                         const char *name)
{
    for (const struct ll_link *at = board->locks.next; at != &board->locks;
         at = at->next) {
        const struct ll_board_dir *dir =
            LL_CONTAINER((uintptr_t)at, struct ll_board_dir, lock);

        if (strcmp(dir->path + SPACE_SIZE, name) == 0) {
            return dir;
        }
    }
    return NULL;
}

/** Compares a board with what a read of all keys gives. */
static void
compare(struct ll_board *board, const struct store *store, size_t names_size)
{
    struct ll_places places = {0};
    size_t live_n = 0;
    size_t locks_n = 0;

    assert_int_equal(ll_board_read(board, store->revision), 0);
    for (size_t i = 0; i < store->n; i++) {
        if (store->kvs[i].key.size >= names_size &&
            memcmp(store->kvs[i].key.data, "ns/p/", names_size) == 0) {
            assert_int_equal(
                ll_places_add(&places, &store->kvs[i], SPACE_SIZE, names_size),
                0);
        }
    }
    assert_int_equal(ll_places_end(&places, SPACE_SIZE), 0);
    for (size_t i = 0; i < places.n;) {
        const char *name = places.places[i].name;
        const struct leaselock_queue_entry *first = &places.places[i].entry;
        const struct ll_board_dir *dir = dir_of(board, name);
        size_t keys_n = 0;
        size_t holders_n = 0;
        int64_t waiter = 0;

        for (; i < places.n && strcmp(places.places[i].name, name) == 0; i++) {
            const struct leaselock_queue_entry *entry = &places.places[i].entry;

            keys_n += places.places[i].keys_n;
            holders_n += entry->holds ? 1 : 0;
            /* The place of a key of another shape is not the board's. */
            if (!entry->holds && waiter == 0 && entry->lease != 0 &&
                !entry->nested) {
                waiter = entry->token;
            }
        }
        assert_non_null(dir);
        assert_int_equal(dir->keys_n, keys_n);
        assert_int_equal(dir->holders_n, holders_n);
        assert_int_equal(dir->holder_token, first->holds ? first->token : 0);
        assert_int_equal(dir->waiter != NULL ? dir->waiter->token : 0, waiter);
        locks_n++;
    }
    for (const struct ll_link *at = board->locks.next; at != &board->locks;
         at = at->next) {
        live_n +=
            LL_CONTAINER((uintptr_t)at, struct ll_board_dir, lock)->places_n > 0
                ? 1
                : 0;
    }
    assert_int_equal(live_n, locks_n);
    assert_int_equal(board->locks_n - board->idle_n, live_n);
    ll_places_free(&places);
}

/** Goal: the view is what a read of all keys shows, whatever has changed.
 * Method: random changes of keys of all kinds, some of which the view misses
 * until all keys are read again. */
static void test_as_places(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct store store = {.revision = 1};
        struct ll_board board;
        size_t names_size = seed % 3 == 0 ? SPACE_SIZE + 2 : SPACE_SIZE;
        unsigned long living = ll_alloc_living();

        random_state = seed * UINT64_C(0x9e3779b97f4a7c15);
        ll_board_init(&board, SPACE_SIZE, names_size, seed);
        for (int i = 0; i < 20; i++) {
            change(&store, NULL);
        }
        /* A prefix: the keys of its range alone are reported. */
        for (int round = 0; round < 4; round++) {
            if (names_size == SPACE_SIZE) {
                load(&store, &board);
                compare(&board, &store, names_size);
                for (int i = 0; i < 40; i++) {
                    change(&store, &board);
                    if (i % 4 == 0) {
                        compare(&board, &store, names_size);
                    }
                }
            } else {
                ll_board_load_begin(&board);
                for (size_t i = 0; i < store.n; i++) {
                    if (strncmp(store.keys[i], "ns/p/", names_size) == 0) {
                        assert_int_equal(
                            ll_board_put(&board, &store.kvs[i], store.revision),
                            0);
                    }
                }
                assert_int_equal(ll_board_load_end(&board, store.revision), 0);
                compare(&board, &store, names_size);
            }
            for (int i = 0; i < 10; i++) {
                change(&store, NULL); /* missed */
            }
        }
        ll_board_free(&board);
        assert_int_equal(ll_alloc_living(), living);
    }
}

static void put(struct ll_board *board,
                const char *key,
                int64_t token,
                int64_t lease,
                int64_t now_ns)
{
    struct ll_kv kv = {.key = bytes_of(key),
                       .value = {"{\"since\":1700000000}", 20},
                       .create_revision = token,
                       .mod_revision = token,
                       .version = 1,
                       .lease = lease};

    assert_int_equal(ll_board_put(board, &kv, now_ns), 0);
}

/** Goal: changes of the holder are counted, and timed from when they were seen.
 * Method: a holder that a read shows, a hand-over, a free lock, one that is
 * forgotten. */
static void test_holders(void **state)
{
    struct ll_board board;
    const struct ll_board_dir *dir;

    (void)state;
    ll_board_init(&board, SPACE_SIZE, SPACE_SIZE, 1);
    ll_board_load_begin(&board);
    put(&board, "ns/a/1.1", 5, 1, 100);
    put(&board, "ns/a/2.1", 6, 2, 100);
    assert_int_equal(ll_board_load_end(&board, 100), 0);
    assert_int_equal(ll_board_read(&board, 100), 0);
    dir = dir_of(&board, "a");
    assert_non_null(dir);
    assert_int_equal(dir->holder_token, 5);
    assert_int_equal(dir->holder_changes, 0);
    assert_false(dir->holder_was_seen);
    assert_int_equal(dir->waiter->since_unix_s, 1700000000);

    ll_board_delete(&board, bytes_of("ns/a/1.1"), 200);
    ll_board_settle(&board, 200);
    assert_int_equal(dir->holder_token, 6);
    assert_int_equal(dir->holder_changes, 1);
    assert_int_equal(dir->holder_ns, 200);
    assert_true(dir->holder_was_seen);

    /* A read that shows the same changes nothing; one that shows another holder
     * counts once. */
    ll_board_load_begin(&board);
    put(&board, "ns/a/2.1", 6, 2, 300);
    assert_int_equal(ll_board_load_end(&board, 300), 0);
    assert_int_equal(dir->holder_ns, 200);
    ll_board_load_begin(&board);
    put(&board, "ns/a/3.1", 9, 3, 400);
    assert_int_equal(ll_board_load_end(&board, 400), 0);
    assert_int_equal(dir->holder_changes, 2);
    assert_false(dir->holder_was_seen);

    ll_board_delete(&board, bytes_of("ns/a/3.1"), 500);
    ll_board_settle(&board, 500);
    assert_int_equal(ll_board_read(&board, 500), 0);
    assert_int_equal(board.locks_n, 1);
    assert_int_equal(dir->holder_token, 0);
    assert_int_equal(ll_board_read(&board, 500 + LL_BOARD_IDLE_NS), 0);
    assert_int_equal(board.locks_n, 0);
    assert_int_equal(board.dirs.n, 0);
    ll_board_free(&board);
}

/** Goal: free locks are forgotten, the oldest first, beyond their limit.
 * Method: one more than the limit. */
static void test_idle_max(void **state)
{
    struct ll_board board;
    char key[64];

    (void)state;
    ll_board_init(&board, SPACE_SIZE, SPACE_SIZE, 1);
    for (int i = 0; i <= LL_BOARD_IDLE_MAX; i++) {
        (void)snprintf(key, sizeof(key), "ns/job/%d/1.1", i);
        put(&board, key, i + 1, 1, i);
        ll_board_delete(&board, bytes_of(key), i);
        ll_board_settle(&board, i);
    }
    /* Also if nobody reads. */
    assert_int_equal(board.locks_n, LL_BOARD_IDLE_MAX);
    assert_int_equal(ll_board_read(&board, LL_BOARD_IDLE_MAX), 0);
    assert_int_equal(board.locks_n, LL_BOARD_IDLE_MAX);
    assert_null(dir_of(&board, "job/0"));
    assert_non_null(dir_of(&board, "job/1"));
    ll_board_free(&board);
}

/** Goal: a key with many '/' costs no more than a limited number of directories,
 * and counts in the last of them. Method: a key in one directory more, and a
 * place in the last one. */
static void test_depth_max(void **state)
{
    enum { DEPTH = LL_BOARD_DEPTH_MAX };
    struct ll_board board;
    const struct ll_board_dir *dir;
    char name[2 * DEPTH] = "";
    char key[sizeof(name) + 32];

    (void)state;
    for (size_t i = 0; i < DEPTH; i++) {
        name[2 * i] = 'a';
        name[2 * i + 1] = i + 1 < DEPTH ? '/' : '\0';
    }
    ll_board_init(&board, SPACE_SIZE, SPACE_SIZE, 1);
    (void)snprintf(key, sizeof(key), "ns/%s/b/1.1", name);
    put(&board, key, 5, 1, 100);
    put(&board, key, 5, 1, 100);
    assert_int_equal(board.dirs.n, DEPTH);
    assert_int_equal(board.keys.n, 1);
    assert_int_equal(board.locks_n, 0);
    (void)snprintf(key, sizeof(key), "ns/%s/2.1", name);
    put(&board, key, 6, 2, 100);
    ll_board_settle(&board, 100);
    assert_int_equal(ll_board_read(&board, 100), 0);
    assert_int_equal(board.locks_n, 1);
    dir = dir_of(&board, name);
    assert_non_null(dir);
    assert_int_equal(dir->keys_n, 2);
    assert_int_equal(dir->holder_token, 0); /* behind the other key */
    (void)snprintf(key, sizeof(key), "ns/%s/b/1.1", name);
    ll_board_delete(&board, bytes_of(key), 200);
    assert_int_equal(dir->keys_n, 1);
    ll_board_free(&board);
}

/** Goal: outside of a load, a place that comes late is in order at once. Method:
 * the older place comes last; one of the same token. */
static void test_late_place(void **state)
{
    struct ll_board board;
    const struct ll_board_dir *dir;

    (void)state;
    ll_board_init(&board, SPACE_SIZE, SPACE_SIZE, 1);
    put(&board, "ns/a/3.1", 9, 3, 100);
    put(&board, "ns/a/1.1", 5, 1, 100);
    put(&board, "ns/a/2.1", 7, 2, 100);
    put(&board, "ns/a/2.2", 7, 2, 100);
    ll_board_settle(&board, 100);
    dir = dir_of(&board, "a");
    assert_non_null(dir);
    assert_int_equal(dir->holder_token, 5);
    ll_board_delete(&board, bytes_of("ns/a/1.1"), 200);
    ll_board_settle(&board, 200);
    assert_int_equal(dir->holder_token, 7);
    ll_board_free(&board);
}

/** Goal: a load that shows that the key is gone which blocked a lock shows its
 * holder. Method: two loads, the second without that key. */
static void test_load_unblocks(void **state)
{
    struct ll_board board;
    const struct ll_board_dir *dir;

    (void)state;
    ll_board_init(&board, SPACE_SIZE, SPACE_SIZE, 1);
    ll_board_load_begin(&board);
    put(&board, "ns/a/1.1", 5, 1, 100);
    put(&board, "ns/a/data", 3, 0, 100);
    put(&board, "ns/a/more", 8, 0, 100);
    assert_int_equal(ll_board_load_end(&board, 100), 0);
    dir = dir_of(&board, "a");
    assert_non_null(dir);
    assert_int_equal(dir->holder_token, 0);
    ll_board_load_begin(&board);
    put(&board, "ns/a/1.1", 5, 1, 200);
    put(&board, "ns/a/more", 8, 0, 200);
    assert_int_equal(ll_board_load_end(&board, 200), 0);
    assert_int_equal(dir->holder_token, 5);
    assert_int_equal(dir->holder_ns, 200);
    assert_false(dir->holder_was_seen);
    ll_board_free(&board);
}

/** Goal: a read during a load that has no memory to sort a queue is repeated.
 * Method: the one allocation of that read fails. */
static void test_read_no_memory(void **state)
{
    struct ll_board board;
    const struct ll_board_dir *dir;

    (void)state;
    ll_board_init(&board, SPACE_SIZE, SPACE_SIZE, 1);
    ll_board_load_begin(&board);
    put(&board, "ns/a/1.1", 9, 1, 100);
    put(&board, "ns/a/2.1", 5, 2, 100);
    ll_alloc_fail_once_at(1);
    assert_int_equal(ll_board_read(&board, 100), LEASELOCK_E_NOMEM);
    ll_alloc_fail_at(0);
    assert_int_equal(ll_board_read(&board, 100), 0);
    dir = dir_of(&board, "a");
    assert_non_null(dir);
    assert_int_equal(dir->waiter->token, 9);
    ll_board_free(&board);
}

/** Goal: 10 000 locks with queues take a few megabytes. Method: what the
 * allocator has given out, with three keys in each queue. */
static void test_memory(void **state)
{
    enum { LOCKS = 10000, EACH = 3, BYTES_MAX = 12 << 20 };
    struct mallinfo2 before = mallinfo2();
    struct mallinfo2 after;
    struct ll_board board;
    int64_t start_ns;
    int64_t ns;
    char key[96];

    (void)state;
    ll_board_init(&board, SPACE_SIZE, SPACE_SIZE, 1);
    ll_board_load_begin(&board);
    for (int i = 0; i < LOCKS; i++) {
        for (int j = 0; j < EACH; j++) {
            (void)snprintf(key, sizeof(key),
                           "ns/service/job-%06d/694d9a0b5c7d1%03x.%x", i, j, j);
            put(&board, key, 1 + EACH * i + j, 0x694d9a0b5c7d1000 + j, 1);
        }
    }
    assert_int_equal(ll_board_load_end(&board, 1), 0);
    after = mallinfo2();
    start_ns = ll_clock_now_ns();
    for (int i = 0; i < LOCKS; i++) {
        (void)snprintf(key, sizeof(key),
                       "ns/service/job-%06d/694d9a0b5c7d1000.0", i);
        ll_board_delete(&board, bytes_of(key), 2);
        ll_board_settle(&board, 2);
    }
    ns = ll_clock_now_ns() - start_ns;
    print_message("%d locks, %d keys: %zu bytes; %" PRId64 " ns for a change\n",
                  LOCKS, LOCKS * EACH, after.uordblks - before.uordblks,
                  ns / LOCKS);
    assert_true(after.uordblks - before.uordblks < BYTES_MAX);
    assert_int_equal(ll_board_read(&board, 3), 0);
    ll_board_free(&board);
}

/** Goal: without memory, a change fails and nothing is lost or leaked. Method:
 * each allocation of a load fails once. */
static void test_no_memory(void **state)
{
    unsigned long living = ll_alloc_living();

    (void)state;
    for (unsigned long nth = 1; nth < 200; nth++) {
        struct store store = {.revision = 1};
        struct ll_board board;
        bool failed = false;

        random_state = 77;
        for (int i = 0; i < 20; i++) {
            change(&store, NULL);
        }
        ll_board_init(&board, SPACE_SIZE, SPACE_SIZE, 1);
        ll_alloc_fail_once_at(nth);
        ll_board_load_begin(&board);
        for (size_t i = 0; i < store.n; i++) {
            failed |= ll_board_put(&board, &store.kvs[i], 1) != 0;
        }
        failed |= ll_board_load_end(&board, 1) != 0;
        ll_alloc_fail_at(0);
        load(&store, &board);
        compare(&board, &store, SPACE_SIZE);
        ll_board_free(&board);
        assert_int_equal(ll_alloc_living(), living);
        (void)failed;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_places),
        cmocka_unit_test(test_holders),
        cmocka_unit_test(test_idle_max),
        cmocka_unit_test(test_depth_max),
        cmocka_unit_test(test_late_place),
        cmocka_unit_test(test_load_unblocks),
        cmocka_unit_test(test_read_no_memory),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
