/* SPDX-License-Identifier: Apache-2.0 */
/* The modes of tickets in the library: the checks of an acquire's options, who
 * holds a lock by its queue, and the message of a ticket that is not granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/grants.h"
#include "api/mode.h"
#include "api/places.h"
#include "api/value.h"

static struct ll_bytes bytes(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

static const struct ll_bytes three[] = {{"a", 1}, {"b", 1}, {"c", 1}};

/** Goal: options that fit an acquire are accepted. Method: one of each kind. */
static void test_accepted(void **state)
{
    static const int modes[] = {LEASELOCK_SHARED, LEASELOCK_EXCLUSIVE,
                                LEASELOCK_SHARED};
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct ll_ticket_ask ask = {.name = "a"};
    struct ll_mode mode;

    (void)state;
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    assert_int_equal(ll_mode_of(&options).kind, LL_MODE_EXCLUSIVE);
    options.mode = LEASELOCK_PERMIT;
    options.permits = LEASELOCK_PERMITS_MAX;
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    mode = ll_mode_of(&options);
    assert_int_equal(mode.kind, LL_MODE_PERMIT);
    assert_int_equal(mode.permits, 100);
    options.permits = 0;
    options.mode = LEASELOCK_SHARED;
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    ask = (struct ll_ticket_ask){.names = three, .names_n = 3, .is_all = true};
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    assert_int_equal(ll_mode_at(&options, 2).kind, LL_MODE_SHARED);
    options.mode = LEASELOCK_EXCLUSIVE;
    options.modes = modes;
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    assert_int_equal(ll_mode_at(&options, 0).kind, LL_MODE_SHARED);
    assert_int_equal(ll_mode_at(&options, 1).kind, LL_MODE_EXCLUSIVE);
    /* A single name is an ordinary acquire. */
    ask = (struct ll_ticket_ask){.name = "a", .is_all = true};
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    assert_int_equal(ll_mode_of(&options).kind, LL_MODE_SHARED);
    /* The key of a resumed ticket names its mode. */
    options.mode = 77;
    ask = (struct ll_ticket_ask){.key = "a/1.0"};
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
}

static void expect_refusal(struct ll_ticket_ask ask,
                           int mode,
                           int permits,
                           const int *modes,
                           int status,
                           const char *part)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    options.mode = mode;
    options.permits = permits;
    options.modes = modes;
    assert_int_equal(ll_mode_check(&ask, &options, &error), status);
    assert_int_equal(error.code, status);
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, error.message);
    }
}

/** Goal: other options are refused with a sentence. Method: one of each
 * kind. */
static void test_refused(void **state)
{
    struct ll_ticket_ask one = {.name = "a"};
    struct ll_ticket_ask all = {.names = three, .names_n = 3, .is_all = true};
    struct ll_ticket_ask candidate = {.name = "a", .value = "v"};
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const int permit[] = {LEASELOCK_SHARED, LEASELOCK_PERMIT, 0};
    const int wrong[] = {LEASELOCK_SHARED, LEASELOCK_SHARED, 3};

    (void)state;
    expect_refusal(one, 3, 0, NULL, LEASELOCK_E_ARGUMENT, "and not 3");
    expect_refusal(one, -1, 0, NULL, LEASELOCK_E_ARGUMENT, "and not -1");
    expect_refusal(one, LEASELOCK_SHARED, 2, NULL, LEASELOCK_E_ARGUMENT,
                   "`permits` is for LEASELOCK_PERMIT");
    expect_refusal(one, LEASELOCK_PERMIT, 0, NULL, LEASELOCK_E_ARGUMENT,
                   "1 to 100 permits, and not 0");
    expect_refusal(one, LEASELOCK_PERMIT, 101, NULL, LEASELOCK_E_ARGUMENT,
                   "1 to 100 permits, and not 101");
    expect_refusal(one, 0, 0, wrong, LEASELOCK_E_ARGUMENT,
                   "`modes` is for leaselock_acquire_all");
    expect_refusal(all, LEASELOCK_SHARED, 0, wrong, LEASELOCK_E_ARGUMENT,
                   "not both");
    expect_refusal(all, 0, 0, wrong, LEASELOCK_E_ARGUMENT, "name 3: a mode");
    expect_refusal(all, 0, 0, permit, LEASELOCK_E_ARGUMENT, "name 2: a permit");
    expect_refusal(all, LEASELOCK_PERMIT, 8, NULL, LEASELOCK_E_ARGUMENT,
                   "several names are exclusive or shared");
    expect_refusal(candidate, LEASELOCK_SHARED, 0, NULL, LEASELOCK_E_ARGUMENT,
                   "a leader leads alone");
    expect_refusal(candidate, 0, 0, wrong, LEASELOCK_E_ARGUMENT,
                   "a leader leads alone");
    options.mode = LEASELOCK_PERMIT;
    options.permits = 2;
    options.find_deadlock = 1;
    assert_int_equal(ll_mode_check(&one, &options, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, "`find_deadlock` must be 0"));
}

/** Goal: a set of names is as large as one request allows. Method: both sides
 * of the limit, alone and mixed. */
static void test_size(void **state)
{
    static struct ll_bytes names[LL_NAMES_MAX];
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct ll_ticket_ask ask = {
        .names = names, .names_n = LL_NAMES_MAX, .is_all = true};
    int modes[LL_NAMES_MAX] = {0};

    (void)state;
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    options.mode = LEASELOCK_SHARED;
    ask.names_n = 40;
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    ask.names_n = 41;
    assert_int_equal(ll_mode_check(&ask, &options, &error), LEASELOCK_E_LIMIT);
    assert_non_null(strstr(error.message, "take 123 operations"));
    assert_non_null(strstr(error.message, "at most 120 fit"));
    options.mode = LEASELOCK_EXCLUSIVE;
    options.modes = modes;
    ask.names_n = 50;
    for (size_t i = 0; i < 20; i++) {
        modes[i] = LEASELOCK_SHARED;
    }
    assert_int_equal(ll_mode_check(&ask, &options, NULL), 0);
    modes[20] = LEASELOCK_SHARED;
    assert_int_equal(ll_mode_check(&ask, &options, NULL), LEASELOCK_E_LIMIT);
}

/** Adds the keys of the lock "q", of which the n-th has token n, and returns a
 * letter for each: who holds. */
static void expect_holds(const char *const *suffixes, const char *holds)
{
    struct ll_places places = {0};
    struct ll_grants grants = {0};
    char found[16] = "";
    size_t holders_n = 0;

    for (size_t i = 0; suffixes[i] != NULL; i++) {
        struct leaselock_queue_entry entry;
        char key[64];
        struct ll_kv kv = {.lease = suffixes[i][0] == '!' ? 0 : 0x1f,
                           .create_revision = (int64_t)i + 1};

        (void)snprintf(key, sizeof(key), "q/%s", suffixes[i]);
        kv.key = bytes(key);
        assert_int_equal(ll_entry_fill(&entry, &kv, 2), 0);
        found[i] = ll_grants_add(&grants, &entry, 2) ? 'h' : '.';
        ll_entry_free(&entry);
    }
    assert_string_equal(found, holds);

    /* The same from a list of places, which takes keys in their order. */
    for (const char *first = "!0123456789abcdefgz~"; *first != '\0'; first++) {
        for (size_t i = 0; suffixes[i] != NULL; i++) {
            char key[64];
            struct ll_kv kv = {.lease = suffixes[i][0] == '!' ? 0 : 0x1f,
                               .create_revision = (int64_t)i + 1};

            if (suffixes[i][0] == *first) {
                (void)snprintf(key, sizeof(key), "q/%s", suffixes[i]);
                kv.key = bytes(key);
                assert_int_equal(ll_places_add(&places, &kv, 0, 0), 0);
            }
        }
    }
    assert_int_equal(ll_places_end(&places, 0), 0);
    for (size_t i = 0; i < places.n; i++) {
        size_t at = (size_t)places.places[i].entry.token - 1;

        if (strcmp(places.places[i].name, "q") != 0) {
            continue; /* the lock nested below */
        }
        assert_int_equal(places.places[i].entry.holds, holds[at] == 'h');
        holders_n += places.places[i].entry.holds ? 1 : 0;
    }
    for (size_t i = 0; holds[i] != '\0'; i++) {
        holders_n -= holds[i] == 'h' ? 1 : 0;
    }
    assert_int_equal(holders_n, 0);
    ll_places_free(&places);
}

#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

/** Goal: the holders are those that the rule of modes lets in. Method: queues
 * by hand, from both kinds of lists. */
static void test_holds(void **state)
{
    (void)state;
    expect_holds(KEYS("1f.0", "1f.1"), "h.");
    expect_holds(KEYS("~.s.1f.0", "~.s.1f.1"), "hh");
    expect_holds(KEYS("~.s.1f.0", "1f.1", "~.s.1f.2"), "h..");
    expect_holds(KEYS("1f.0", "~.s.1f.1", "~.s.1f.2"), "h..");
    expect_holds(KEYS("~.p2.1f.0", "~.p2.1f.1", "~.p2.1f.2"), "hh.");
    expect_holds(KEYS("~.p1.1f.0", "~.s.1f.1", "~.p1.1f.2"), "hh.");
    expect_holds(KEYS("~.s.1f.0", "~.p1.1f.1", "1f.2", "~.p1.1f.3"), "hh..");
    /* Keys of other clients are exclusive. */
    expect_holds(KEYS("1f", "~.s.1f.1"), "h.");
    expect_holds(KEYS("~.s.1f.0", "1f"), "h.");
    /* A key that is no ticket blocks what comes after it. */
    expect_holds(KEYS("!data", "~.s.1f.1"), "..");
    expect_holds(KEYS("~.s.1f.0", "!data", "~.s.1f.1"), "h..");
    expect_holds(KEYS("~.s.1f.0", "~.s.1f.1", "z/1f.0", "~.s.1f.2"), "hh..");
    /* It lies apart, so it blocks no shared ticket. */
    expect_holds(KEYS("~.s.1f.0", "~.q.1f.1", "~.s.1f.2"), "h.h");
}

static void expect_text(const char *holder,
                        enum ll_mode_kind mode,
                        bool is_holder,
                        int64_t ahead,
                        const char *expected)
{
    static const char value[] =
        "{\"host\":\"h\",\"pid\":7,\"program\":\"p\",\"label\":\"l\"}";
    struct ll_blocker blocker = {.name = bytes("n"),
                                 .mode = mode,
                                 .ahead = ahead,
                                 .is_holder = is_holder,
                                 .prefix_size = 2};
    char text[LL_BLOCKER_TEXT_SIZE];

    if (holder != NULL) {
        blocker.key = bytes(holder);
        blocker.value = bytes(value);
    }
    ll_blocker_text(&blocker, text);
    assert_string_equal(text, expected);
}

/** Goal: the message of a ticket that is not granted in time is true in every
 * mode. Method: one of each kind. */
static void test_blocked_text(void **state)
{
    (void)state;
    expect_text("n/1f.0", LL_MODE_EXCLUSIVE, true, 2,
                "n is held by h pid 7 p (l); 2 ahead in its queue");
    expect_text("n/~.s.1f.0", LL_MODE_EXCLUSIVE, true, 2,
                "n is held by h pid 7 p (l), shared; 2 ahead in its queue");
    expect_text("n/~.p8.1f.0", LL_MODE_PERMIT, true, 9,
                "n is held by h pid 7 p (l), one of 8 permits; 9 ahead in its "
                "queue");
    expect_text("n/~.s.1f.0", LL_MODE_SHARED, true, 1,
                "n is held by h pid 7 p (l), shared; 1 exclusive ahead in its "
                "queue");
    expect_text("n/1f.0", LL_MODE_SHARED, true, 1,
                "n is held by h pid 7 p (l); 1 exclusive ahead in its queue");
    expect_text("n/1f.0", LL_MODE_SHARED, false, -1,
                "n is held or awaited by h pid 7 p (l)");
    expect_text(NULL, LL_MODE_SHARED, true, 3,
                "n is held by another; 3 exclusive ahead in its queue");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_size),         cmocka_unit_test(test_holds),
        cmocka_unit_test(test_blocked_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
