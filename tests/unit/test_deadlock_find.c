/* SPDX-License-Identifier: Apache-2.0 */
/* The wait-for graph: recognized keys, and deadlocks of leases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/deadlock_find.h"
#include "base/alloc.h"
#include "leaselock/status.h"
#include "leaselock/ticket.h"

static struct ll_bytes bytes(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

static void
add_key(struct ll_places *places, const char *key, int64_t lease, int64_t token)
{
    struct ll_kv kv = {
        .key = bytes(key), .lease = lease, .create_revision = token};

    assert_int_equal(ll_places_add(places, &kv, 0, 0), 0);
}

/** Adds queues such as "x:ab y:ba": a lock, and a letter for each lease with a
 * key in its queue, the oldest first. The key of a letter behind '+' is shared,
 * one behind a digit is one of that many permits. */
static void add_queues(struct ll_places *places, const char *queues)
{
    int64_t token = 1;
    char mode[8] = "";
    char key[64];

    for (const char *at = queues; *at != '\0'; at++) {
        char lock = *at;

        for (at += 2; *at != '\0' && *at != ' '; at++) {
            if (*at == '+') {
                (void)snprintf(mode, sizeof(mode), "~.s.");
                continue;
            }
            if (*at >= '1' && *at <= '9') {
                (void)snprintf(mode, sizeof(mode), "~.p%c.", *at);
                continue;
            }
            (void)snprintf(key, sizeof(key), "%c/%s%x.%x", lock, mode,
                           (unsigned)*at, (unsigned)token);
            add_key(places, key, *at, token++);
            mode[0] = '\0';
        }
        if (*at == '\0') {
            break;
        }
    }
    assert_int_equal(ll_places_end(places, 0), 0);
}

/** Checks that a member waits behind a key of the next one. */
static void check_deadlock(const struct ll_places *places,
                           const struct ll_deadlock_entry *deadlock,
                           char *ret_letters)
{
    assert_true(deadlock->members_n >= 2);
    for (size_t i = 0; i < deadlock->members_n; i++) {
        const struct ll_deadlock_member *member = &deadlock->members[i];
        const struct ll_deadlock_member *next =
            &deadlock->members[(i + 1) % deadlock->members_n];
        const struct ll_place *waits = &places->places[member->waits];
        const struct ll_place *ahead = &places->places[next->holds];

        assert_string_equal(waits->name, ahead->name);
        assert_true(waits->entry.token > ahead->entry.token);
        assert_true(waits->entry.lease != ahead->entry.lease);
        assert_true(waits->entry.mode == LEASELOCK_EXCLUSIVE ||
                    ahead->entry.mode == LEASELOCK_EXCLUSIVE ||
                    waits->entry.permits == 1);
        assert_true(places->places[member->holds].entry.lease ==
                    waits->entry.lease);
        ret_letters[i] = (char)waits->entry.lease;
    }
    ret_letters[deadlock->members_n] = '\0';
}

/** The deadlocks of some queues, by their leases: "ab" or "ab cd". */
static void expect(const char *queues, const char *deadlocks)
{
    struct ll_places places = {0};
    struct ll_deadlock_list list;
    char found[256] = "";

    add_queues(&places, queues);
    assert_int_equal(ll_deadlocks_find(&places, &list), 0);
    for (size_t i = 0; i < list.n; i++) {
        size_t at = strlen(found);

        found[at] = ' ';
        check_deadlock(&places, &list.entries[i], found + at + (i > 0));
    }
    assert_string_equal(found, deadlocks);
    ll_deadlocks_free(&list);
    ll_places_free(&places);
}

/** Goal: deadlocks are found, and nothing else. Method: queues by hand. */
static void test_deadlocks(void **state)
{
    (void)state;
    expect("", "");
    expect("x:a", "");
    expect("x:ab y:ab", "");
    expect("x:ab y:ba", "ab");
    expect("x:ab y:bc z:ca", "acb");
    expect("x:ab y:bc z:cd", "");
    /* Leases that only wait behind a deadlock are not in it. */
    expect("x:abc y:bad z:ce", "ab");
    /* Two separate deadlocks. */
    expect("x:ab y:ba v:cd w:dc", "ab cd");
}

/** Goal: a deadlock through a key further ahead is reported at its shortest,
 * without the leases between. Method: a waits behind b, c and d; d waits for a,
 * and so b and c wait, too. */
static void test_shortest(void **state)
{
    (void)state;
    expect("x:dcba y:ad", "ad");
    expect("x:dcba y:ab", "ab");
    expect("x:dcba y:ab z:ad", "ad ba");
}

/** Goal: a session does not wait for itself, but its keys do not hide those of
 * others. Method: two places of one lease in a queue. */
static void test_same_lease(void **state)
{
    (void)state;
    expect("x:aa", "");
    expect("x:aab y:aa", "");
    expect("x:aab y:ba", "ab");
    expect("x:aba", "ab");
    expect("x:abab", "ab");
}

/** Goal: shared tickets and permits wait only for what blocks them, and no
 * deadlock is found among readers. Method: queues by hand. */
static void test_modes(void **state)
{
    (void)state;
    /* Readers of two locks, in opposite order. */
    expect("x:+a+b y:+b+a", "");
    /* Two readers who both ask to write: each waits for the other. */
    expect("x:+a+bab", "ab");
    /* A reader behind a writer, and the other way round. */
    expect("x:a+b y:b+a", "ab");
    expect("x:+ab y:+ba", "ab");
    /* b reads x with a, so only a waits. */
    expect("x:+a+b y:ba", "");
    /* A writer that waits blocks the reader behind it: c waits for b, b for a
     * and, on y, a for c. */
    expect("x:+ab+c y:ca", "acb");
    /* The predecessor is not waited for, but one ahead of it is. */
    expect("x:a+c+b y:ba", "ab");
    /* A permit of several does not wait for any one in particular, but for
     * each writer; the only permit waits for the one ahead. */
    expect("x:2a2b2c y:2b2c2a", "");
    expect("x:a2b y:ba", "ab");
    expect("x:1a1b y:1b1a", "ab");
    expect("x:1a+b y:ba", "");
    expect("x:+a1b y:ba", "");
}

/** Whether the queues have a cycle of leases, by each pair of places. */
static bool has_cycle(const struct ll_places *places)
{
    bool waits[128][128] = {{false}};

    for (size_t i = 0; i < places->n; i++) {
        const struct leaselock_queue_entry *behind = &places->places[i].entry;

        for (size_t j = 0; j < i; j++) {
            const struct leaselock_queue_entry *ahead =
                &places->places[j].entry;

            if (strcmp(places->places[i].name, places->places[j].name) == 0 &&
                behind->lease != ahead->lease &&
                (behind->mode == LEASELOCK_EXCLUSIVE ||
                 ahead->mode == LEASELOCK_EXCLUSIVE ||
                 (behind->permits == 1 && ahead->permits > 0))) {
                waits[behind->lease][ahead->lease] = true;
            }
        }
    }
    for (int via = 'a'; via <= 'f'; via++) {
        for (int from = 'a'; from <= 'f'; from++) {
            for (int to = 'a'; to <= 'f'; to++) {
                waits[from][to] |= waits[from][via] && waits[via][to];
            }
        }
    }
    for (int at = 'a'; at <= 'f'; at++) {
        if (waits[at][at]) {
            return true;
        }
    }
    return false;
}

/** Goal: a deadlock is found exactly if there is one, whatever the modes.
 * Method: random queues of six leases, and a search of all pairs. */
static void test_random_modes(void **state)
{
    static const char *const modes[] = {"", "", "+", "1", "2"};
    unsigned found = 0;

    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        struct ll_places places = {0};
        struct ll_deadlock_list list;
        char letters[128];
        char queues[64];
        size_t at = 0;

        for (char lock = 'u'; lock < 'u' + 3; lock++) {
            int n = rand() % 6;

            at += (size_t)snprintf(queues + at, sizeof(queues) - at,
                                   "%s%c:", at > 0 ? " " : "", lock);
            for (int j = 0; j < n; j++) {
                at += (size_t)snprintf(queues + at, sizeof(queues) - at, "%s%c",
                                       modes[rand() % 5], 'a' + rand() % 6);
            }
        }
        add_queues(&places, queues);
        assert_int_equal(ll_deadlocks_find(&places, &list), 0);
        if ((list.n > 0) != has_cycle(&places)) {
            fail_msg("%s: found %zu", queues, list.n);
        }
        for (size_t j = 0; j < list.n; j++) {
            check_deadlock(&places, &list.entries[j], letters);
        }
        found += list.n > 0 ? 1 : 0;
        ll_deadlocks_free(&list);
        ll_places_free(&places);
    }
    assert_in_range(found, 1000, 19000);
}

/** Goal: the cost for many waiters is low. Method: 20 000 that wait in one
 * queue for two that are in a deadlock, and a deadlock of 1 000. */
static void test_many(void **state)
{
    struct ll_places places = {0};
    struct ll_deadlock_list list;
    char key[64];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(key, sizeof(key), "crowd/%x.1", (unsigned)i + 1);
        add_key(&places, key, i + 1, i + 1);
    }
    add_key(&places, "other/2.2", 2, 30000);
    add_key(&places, "other/1.2", 1, 30001);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "ring/%d/%x.1", i,
                       100000 + (unsigned)i);
        add_key(&places, key, 100000 + i, 40000 + i);
        (void)snprintf(key, sizeof(key), "ring/%d/%x.2", (i + 1) % 1000,
                       100000 + (unsigned)i);
        add_key(&places, key, 100000 + i, 50000 + i);
    }
    assert_int_equal(ll_places_end(&places, 0), 0);
    assert_int_equal(ll_deadlocks_find(&places, &list), 0);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.entries[0].members_n, 2);
    assert_int_equal(list.entries[1].members_n, 1000);
    ll_deadlocks_free(&list);
    ll_places_free(&places);
}

/** Goal: a ticket's key is distinguished from any other key. Method: keys as
 *  leaselock, Go's clients and others write them, all on one lease. */
static void test_places(void **state)
{
    static const char *const places[] = {"a/1f",
                                         "a/31",
                                         "a/1f.0",
                                         "a/1f.2a",
                                         "a/b c/1f.ffffffffffffffff",
                                         "a/~.s.1f.2",
                                         "a/~.p8.1f.2"};
    static const char *const others[] = {"a/1f.",     "a/1f.02",
                                         "a/1f.G",    "a/1f.2A",
                                         "a/01f",     "a/1F",
                                         "a/2f",      "a/1f/x",
                                         "/1f",       "1f",
                                         "a/",        "",
                                         "a/1f.1.1",  "a/1f.11111111111111111",
                                         "a/~.s.1f",  "a/~.p0.1f.2",
                                         "a/~.q.1f.2"};
    size_t name_size = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct ll_kv kv = {.key = bytes(places[i]), .lease = 0x1f};

        assert_int_equal(ll_place_shape(&kv, &name_size),
                         i < 2 ? LL_PLACE_FOREIGN : LL_PLACE_OWN);
        assert_true(places[i][name_size] == '/');
        kv.lease = 0x1e;
        assert_int_equal(ll_place_shape(&kv, &name_size), LL_PLACE_NONE);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct ll_kv kv = {.key = bytes(others[i]), .lease = 0x1f};

        assert_int_equal(ll_place_shape(&kv, &name_size), LL_PLACE_NONE);
    }
    assert_int_equal(
        ll_place_shape(&(struct ll_kv){.key = bytes("a/0"), .lease = 0},
                       &name_size),
        LL_PLACE_NONE);
}

/** The recognized keys, as "NAME:KEY*KEYS ..." in order. */
static void expect_places(struct ll_places *places, const char *wanted)
{
    char text[512] = "";
    size_t size = 0;

    assert_int_equal(ll_places_end(places, 0), 0);
    for (size_t i = 0; i < places->n; i++) {
        const struct ll_place *place = &places->places[i];

        size += (size_t)snprintf(text + size, sizeof(text) - size,
                                 "%s%s:%s*%zu", i > 0 ? " " : "", place->name,
                                 place->entry.key, place->keys_n);
    }
    assert_string_equal(text, wanted);
    ll_places_free(places);
}

/** Goal: in a queue the oldest key is the holder, whichever client wrote it;
 * keys without a ticket in their queue are left out. Method: keys of other
 * forms, older and younger than a ticket, without one, nested below one, and
 * outside the prefix. */
static void test_other_keys(void **state)
{
    struct ll_places places = {0};

    (void)state;
    add_key(&places, "data/a", 0, 1);
    add_key(&places, "data/deep/b", 5, 2);
    expect_places(&places, "");
    add_key(&places, "q/1f.1", 0x1f, 9);
    add_key(&places, "q/next", 0, 3);
    add_key(&places, "q/other", 0x20, 4);
    expect_places(&places, "q:q/next*2 q:q/1f.1*1");
    add_key(&places, "q/1f.1", 0x1f, 2);
    add_key(&places, "q/next", 0, 3);
    add_key(&places, "q0", 0, 1);
    expect_places(&places, "q:q/1f.1*2");
    add_key(&places, "q/42/20.1", 0x20, 2);
    add_key(&places, "q/1f.1", 0x1f, 3);
    add_key(&places, "q/1f.2", 0x1f, 4);
    expect_places(&places, "q:q/42/20.1*1 q:q/1f.1*1 q:q/1f.2*1 "
                           "q/42:q/42/20.1*1");
    add_key(&places, "/q//1f", 0x1f, 3);
    expect_places(&places, "/q/:/q//1f*1");
    for (int i = 0; i < 2; i++) {
        struct ll_kv kv = {.key = bytes(i == 0 ? "s/jobs/1f.1" : "s/jobs/x"),
                           .lease = i == 0 ? 0x1f : 0,
                           .create_revision = 7 - i};

        assert_int_equal(ll_places_add(&places, &kv, 2, 7), 0);
    }
    assert_int_equal(ll_places_end(&places, 2), 0);
    assert_int_equal(places.n, 0); /* "jobs" does not begin with "jobs/" */
    ll_places_free(&places);
}

/** Goal: keys without a lease have no owner, so they complete no deadlock.
 *  Method: one ahead of each of two queues. */
static void test_unleased(void **state)
{
    struct ll_places places = {0};
    struct ll_deadlock_list list;

    (void)state;
    add_key(&places, "x/data", 0, 1);
    add_key(&places, "x/a.1", 0xa, 3);
    add_key(&places, "y/a.2", 0xa, 2);
    add_key(&places, "y/data", 0, 1);
    assert_int_equal(ll_places_end(&places, 0), 0);
    assert_int_equal(ll_deadlocks_find(&places, &list), 0);
    assert_int_equal(list.n, 0);
    ll_deadlocks_free(&list);
    ll_places_free(&places);
}

/** Goal: any allocation may fail while keys are added. Method: each in turn. */
static void test_places_no_memory(void **state)
{
    static const struct {
        const char *key;
        int64_t lease;
        int64_t token;
    } keys[] = {{"x/1f.1", 0x1f, 5},
                {"x/a/b/c/d/e/f/g/h/i/j/1f.2", 0x1f, 4},
                {"x/data", 0, 3},
                {"y/data", 0, 2}};
    int status = LEASELOCK_E_NOMEM;

    (void)state;
    for (unsigned n = 1; status != 0; n++) {
        struct ll_places places = {0};

        ll_alloc_fail_at(n);
        status = 0;
        for (size_t i = 0; i < 4 && status == 0; i++) {
            struct ll_kv kv = {.key = bytes(keys[i].key),
                               .lease = keys[i].lease,
                               .create_revision = keys[i].token};

            status = ll_places_add(&places, &kv, 0, 0);
        }
        status = status == 0 ? ll_places_end(&places, 0) : status;
        ll_alloc_fail_at(0);
        assert_true(status == 0 || status == LEASELOCK_E_NOMEM);
        ll_places_free(&places);
        assert_true(n < 200);
    }
}

/** Goal: any allocation may fail. Method: each in turn. */
static void test_no_memory(void **state)
{
    struct ll_places places = {0};
    struct ll_deadlock_list list;
    int status = LEASELOCK_E_NOMEM;

    (void)state;
    add_queues(&places, "x:ab y:ba v:cd w:dc");
    for (unsigned n = 1; status != 0; n++) {
        ll_alloc_fail_at(n);
        status = ll_deadlocks_find(&places, &list);
        ll_alloc_fail_at(0);
        assert_true(status == 0 || status == LEASELOCK_E_NOMEM);
        ll_deadlocks_free(&list);
        assert_true(n < 100);
    }
    ll_places_free(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadlocks),
        cmocka_unit_test(test_shortest),
        cmocka_unit_test(test_same_lease),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_random_modes),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_unleased),
        cmocka_unit_test(test_places_no_memory),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
