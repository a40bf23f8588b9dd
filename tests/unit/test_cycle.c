/* Who waits for whom: places told from other keys, and circles of leases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cycle.h"
#include "base/alloc.h"
#include "leaselock/status.h"

static struct ll_bytes bytes(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

static void
add_key(struct ll_places *places, const char *key, int64_t lease, int64_t token)
{
    struct ll_kv kv = {
        .key = bytes(key), .lease = lease, .create_revision = token};

    assert_int_equal(ll_places_add(places, &kv, 0), 0);
}

/** Adds queues such as "x:ab y:ba": a lock, and by a letter each the leases
 *  that have a place there, the oldest first. */
static void add_queues(struct ll_places *places, const char *queues)
{
    int64_t token = 1;
    char key[64];

    for (const char *at = queues; *at != '\0'; at++) {
        char lock = *at;

        for (at += 2; *at != '\0' && *at != ' '; at++) {
            (void)snprintf(key, sizeof(key), "%c/%x.%x", lock, (unsigned)*at,
                           (unsigned)token);
            add_key(places, key, *at, token++);
        }
        if (*at == '\0') {
            break;
        }
    }
    ll_places_sort(places);
}

/** Checks that a party waits behind what the next one has. */
static void check_cycle(const struct ll_places *places,
                        const struct ll_cycle *cycle,
                        char *ret_letters)
{
    assert_true(cycle->parties_n >= 2);
    for (size_t i = 0; i < cycle->parties_n; i++) {
        const struct ll_cycle_party *party = &cycle->parties[i];
        const struct ll_cycle_party *next =
            &cycle->parties[(i + 1) % cycle->parties_n];
        const struct ll_place *waits = &places->places[party->waits];
        const struct ll_place *ahead = &places->places[next->holds];

        assert_string_equal(waits->name, ahead->name);
        assert_true(waits->entry.token > ahead->entry.token);
        assert_true(waits->entry.lease != ahead->entry.lease);
        assert_true(places->places[party->holds].entry.lease ==
                    waits->entry.lease);
        ret_letters[i] = (char)waits->entry.lease;
    }
    ret_letters[cycle->parties_n] = '\0';
}

/** The circles of some queues, by their leases: "ab" or "ab cd". */
static void expect(const char *queues, const char *circles)
{
    struct ll_places places = {NULL, 0, 0};
    struct ll_cycles cycles;
    char found[256] = "";

    add_queues(&places, queues);
    assert_int_equal(ll_cycles_find(&places, &cycles), 0);
    for (size_t i = 0; i < cycles.n; i++) {
        size_t at = strlen(found);

        found[at] = ' ';
        check_cycle(&places, &cycles.cycles[i], found + at + (i > 0));
    }
    assert_string_equal(found, circles);
    ll_cycles_free(&cycles);
    ll_places_free(&places);
}

/** Goal: circles are found, and only circles. Method: queues by hand. */
static void test_circles(void **state)
{
    (void)state;
    expect("", "");
    expect("x:a", "");
    expect("x:ab y:ab", "");
    expect("x:ab y:ba", "ab");
    expect("x:ab y:bc z:ca", "acb");
    expect("x:ab y:bc z:cd", "");
    /* Those who only wait behind a circle are not in it. */
    expect("x:abc y:bad z:ce", "ab");
    /* Two circles apart. */
    expect("x:ab y:ba v:cd w:dc", "ab cd");
}

/** Goal: a circle through all places ahead is found as short as it is, without
 *  those who are caught between. Method: a waits behind b, c and d; d waits for
 *  a, and so b and c wait, too. */
static void test_shortest(void **state)
{
    (void)state;
    expect("x:dcba y:ad", "ad");
    expect("x:dcba y:ab", "ab");
    expect("x:dcba y:ab z:ad", "ad ba");
}

/** Goal: a session does not wait for itself, but its places do not hide those
 *  of others. Method: two places of one lease in a queue. */
static void test_same_lease(void **state)
{
    (void)state;
    expect("x:aa", "");
    expect("x:aab y:aa", "");
    expect("x:aab y:ba", "ab");
    expect("x:aba", "ab");
    expect("x:abab", "ab");
}

/** Goal: a crowd costs no more than it has to. Method: 20 000 who wait in one
 *  queue for two that are in a circle, and a circle of 1 000. */
static void test_many(void **state)
{
    struct ll_places places = {NULL, 0, 0};
    struct ll_cycles cycles;
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
    ll_places_sort(&places);
    assert_int_equal(ll_cycles_find(&places, &cycles), 0);
    assert_int_equal(cycles.n, 2);
    assert_int_equal(cycles.cycles[0].parties_n, 2);
    assert_int_equal(cycles.cycles[1].parties_n, 1000);
    ll_cycles_free(&cycles);
    ll_places_free(&places);
}

/** Goal: a place is told from any other key. Method: keys as leaselock, Go's
 *  clients and others write them, all on one lease. */
static void test_places(void **state)
{
    static const char *const places[] = {"a/1f", "a/1f.0", "a/1f.2a",
                                         "a/b c/1f.ffffffffffffffff"};
    static const char *const others[] = {"a/1f.",    "a/1f.02",
                                         "a/1f.G",   "a/1f.2A",
                                         "a/01f",    "a/1F",
                                         "a/2f",     "a/1f/x",
                                         "/1f",      "1f",
                                         "a/",       "",
                                         "a/1f.1.1", "a/1f.11111111111111111"};
    size_t name_size = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct ll_kv kv = {.key = bytes(places[i]), .lease = 0x1f};

        assert_true(ll_place_is(&kv, &name_size));
        assert_true(places[i][name_size] == '/');
        kv.lease = 0x1e;
        assert_false(ll_place_is(&kv, &name_size));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct ll_kv kv = {.key = bytes(others[i]), .lease = 0x1f};

        assert_false(ll_place_is(&kv, &name_size));
    }
    assert_false(ll_place_is(&(struct ll_kv){.key = bytes("a/0"), .lease = 0},
                             &name_size));
}

/** Goal: any allocation may fail. Method: each in turn. */
static void test_no_memory(void **state)
{
    struct ll_places places = {NULL, 0, 0};
    struct ll_cycles cycles;
    int status = LEASELOCK_E_NOMEM;

    (void)state;
    add_queues(&places, "x:ab y:ba v:cd w:dc");
    for (unsigned n = 1; status != 0; n++) {
        ll_alloc_fail_at(n);
        status = ll_cycles_find(&places, &cycles);
        ll_alloc_fail_at(0);
        assert_true(status == 0 || status == LEASELOCK_E_NOMEM);
        ll_cycles_free(&cycles);
        assert_true(n < 100);
    }
    ll_places_free(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_circles),    cmocka_unit_test(test_shortest),
        cmocka_unit_test(test_same_lease), cmocka_unit_test(test_many),
        cmocka_unit_test(test_places),     cmocka_unit_test(test_no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
