/* SPDX-License-Identifier: Apache-2.0 */
/* Names, keys and prefixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/setup.h"
#include "core/key.h"

static struct ll_bytes bytes(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

/** Goal: a name has 1 to 1024 bytes. Method: 0, 1, 1024 and 1025 of them. */
static void test_lengths(void **state)
{
    static char name[LL_NAME_MAX + 1];

    (void)state;
    memset(name, 'n', sizeof(name));
    assert_non_null(ll_name_check((struct ll_bytes){name, 0}));
    assert_non_null(ll_name_check((struct ll_bytes){NULL, 0}));
    assert_null(ll_name_check((struct ll_bytes){name, 1}));
    assert_null(ll_name_check((struct ll_bytes){name, 1024}));
    assert_non_null(ll_name_check((struct ll_bytes){name, 1025}));
}

/** Goal: '/' is allowed only between two parts that are not empty. Method:
 * valid and invalid names. */
static void test_slashes(void **state)
{
    static const char *const good[] = {"a",   "a/b", "a/b/c", "a.b/c-d",
                                       "-",   "~",   "~a",    "a~.",
                                       "a/~", ".~",  "~~."};
    static const char *const bad[] = {"/",    "//",   "/a",    "a/",
                                      "a//b", "a/b/", "a///b", "a/b//c",
                                      "~.",   "~.s",  "a/~.",  "a/~.b/c"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_null(ll_name_check(bytes(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_non_null(ll_name_check(bytes(bad[i])));
    }
}

/** Goal: no control byte is allowed, every other byte is. Method: each byte
 *  in the middle, at the start and at the end of a name. */
static void test_bytes(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char middle[] = {'a', (char)byte, 'b'};
        char first[] = {(char)byte, 'b'};
        char last[] = {'a', (char)byte};
        bool control = byte < 0x20 || byte == 0x7f;

        assert_true((ll_name_check((struct ll_bytes){middle, 3}) != NULL) ==
                    control);
        control = control || byte == '/';
        assert_true((ll_name_check((struct ll_bytes){first, 2}) != NULL) ==
                    control);
        assert_true((ll_name_check((struct ll_bytes){last, 2}) != NULL) ==
                    control);
    }
}

/** Goal: the check does not read past the name's end. Method: a '/' as the last
 *  byte but one of the memory, with a '/' behind the name. */
static void test_end_of_name(void **state)
{
    (void)state;
    assert_null(ll_name_check((struct ll_bytes){"a/b/", 3}));
    assert_non_null(ll_name_check((struct ll_bytes){"a//", 2}));
}

static const struct ll_bytes no_space = {NULL, 0};
static const struct ll_bytes nobody = {NULL, 0};
static const struct ll_mode exclusive = {LL_MODE_EXCLUSIVE, 0};
static const struct ll_mode shared = {LL_MODE_SHARED, 0};
static const struct ll_mode permits_100 = {LL_MODE_PERMIT, 100};

/** Goal: a namespace is at most 256 bytes without control bytes, or none.
 *  Method: each. */
static void test_space(void **state)
{
    static char text[LL_SPACE_MAX + 2];

    (void)state;
    assert_int_equal(LL_SPACE_MAX, LL_NAMESPACE_MAX);
    memset(text, '/', LL_SPACE_MAX);
    assert_null(ll_namespace_fault(""));
    assert_null(ll_namespace_fault("/prod/"));
    assert_null(ll_namespace_fault(text));
    text[LL_SPACE_MAX] = '/';
    assert_non_null(ll_namespace_fault(text));
    assert_non_null(ll_namespace_fault("a\nb"));
    assert_non_null(ll_namespace_fault("a\x7f"));
}

/** Goal: a key is the namespace, then NAME/LEASE.NUMBER, and fits at the
 *  maximum of each. Method: small ones, and the longest with the greatest
 *  numbers. */
static void test_key(void **state)
{
    static char name[LL_NAME_MAX];
    static char spaces[LL_SPACE_MAX];
    struct ll_bytes space = {spaces, sizeof(spaces)};
    static char who[LL_WHO_MAX];
    struct ll_bytes long_who = {who, sizeof(who)};
    char key[LL_KEY_MAX + 1];
    char expected[LL_KEY_MAX + 2];

    (void)state;
    assert_int_equal(ll_key_make(no_space, bytes("jobs/42"), 0xabc, 16,
                                 exclusive, 0, nobody, key),
                     14);
    assert_string_equal(key, "jobs/42/abc.10");
    assert_int_equal(ll_key_make(bytes("/prod/"), bytes("jobs"), 0xabc, 16,
                                 exclusive, 0, nobody, key),
                     17);
    assert_string_equal(key, "/prod/jobs/abc.10");
    memset(name, 'n', sizeof(name));
    memset(spaces, 's', sizeof(spaces));
    memset(who, 'h', sizeof(who));
    assert_int_equal(ll_key_make(space, (struct ll_bytes){name, sizeof(name)},
                                 INT64_MAX, UINT64_MAX, permits_100,
                                 LL_DELAY_MS_MAX, long_who, key),
                     LL_KEY_MAX);
    (void)snprintf(
        expected, sizeof(expected),
        "%.*s%.*s/~.p100.7fffffffffffffff.ffffffffffffffff.d600000.w%.*s",
        LL_SPACE_MAX, spaces, LL_NAME_MAX, name, LL_WHO_MAX, who);
    assert_string_equal(key, expected);
    /* A name without a NUL. */
    assert_int_equal(ll_key_make(no_space, (struct ll_bytes){"abc", 1}, 1, 1,
                                 exclusive, 0, nobody, key),
                     5);
    assert_string_equal(key, "a/1.1");
}

static int bytes_compare(struct ll_bytes a, struct ll_bytes b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/** Goal: a prefix's range holds every key that begins with it and no other.
 *  Method: keys around both ends, compared as etcd does, byte by byte. */
static void test_prefix_end(void **state)
{
    static const char *const inside[] = {"job/", "job/a", "job//",
                                         "job/\xff\xff"};
    static const char *const outside[] = {"job",  "job.x", "job0",
                                          "job-", "joc/",  "jo"};
    char end[8];
    struct ll_bytes prefix = bytes("job/");
    struct ll_bytes past = ll_prefix_end(prefix, end);

    (void)state;
    assert_true(ll_bytes_equal(past, bytes("job0")));
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        assert_true(bytes_compare(bytes(inside[i]), prefix) >= 0 &&
                    bytes_compare(bytes(inside[i]), past) < 0);
    }
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        assert_false(bytes_compare(bytes(outside[i]), prefix) >= 0 &&
                     bytes_compare(bytes(outside[i]), past) < 0);
    }
}

/** Goal: a key is a nested lock's if a '/' follows the prefix. Method: keys
 *  with and without. */
static void test_nested(void **state)
{
    (void)state;
    assert_false(ll_key_is_nested(bytes("job/1.1"), 4));
    assert_true(ll_key_is_nested(bytes("job/42/1.1"), 4));
    assert_true(ll_key_is_nested(bytes("job//"), 4));
    assert_false(ll_key_is_nested(bytes("job/"), 4));
    assert_false(ll_key_is_nested(bytes("job"), 4));
    assert_false(ll_key_is_nested(bytes("jobs/42/1.1"), 8));
}

/** Goal: bytes are compared completely, a NUL among them too. Method: pairs
 *  that differ in length, in the end or not at all. */
static void test_equal(void **state)
{
    (void)state;
    assert_true(ll_bytes_equal(bytes(""), (struct ll_bytes){NULL, 0}));
    assert_true(ll_bytes_equal(bytes("ab"), bytes("ab")));
    assert_false(ll_bytes_equal(bytes("ab"), bytes("a")));
    assert_false(ll_bytes_equal(bytes("ab"), bytes("ac")));
    assert_false(ll_bytes_equal((struct ll_bytes){"a\0b", 3},
                                (struct ll_bytes){"a\0c", 3}));
}

/** Goal: a suffix may continue in parts after the number, each of which begins
 * with a letter that identifies it. Method: keys of a lease and other keys; the
 * part of each. */
static void test_parts(void **state)
{
    static const struct {
        const char *suffix;
        bool is_ours;
        const char *who;
    } cases[] = {{"abc", true, ""},
                 {"abc.1", true, ""},
                 {"abc.1f.whost:7", true, "host:7"},
                 {"abc.1.d500", true, ""},
                 {"abc.1.d500.wh", true, "h"},
                 {"abc.1.wh.d500", true, "h"},
                 {"abc.", false, ""},
                 {"abc.01", false, ""},
                 {"abc.g", false, ""},
                 {"abc..wh", false, "h"},
                 {"abc.1..wh", false, "h"},
                 {"abc.1.7", false, ""},
                 {"ab.1", false, ""},
                 {"abcd.1", false, ""},
                 {"", false, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        struct ll_key_place place = {.prefix = {NULL, 0}};
        struct ll_bytes who;

        (void)snprintf(text, sizeof(text), "a.b.wx/%s", cases[i].suffix);
        assert_int_equal(ll_key_parse(bytes(text), 0xabc, &place),
                         cases[i].is_ours);
        assert_int_equal(place.prefix.size, cases[i].is_ours ? 7 : 0);
        assert_int_equal(place.has_number,
                         cases[i].is_ours && strlen(cases[i].suffix) > 3);
        assert_false(ll_key_parse(bytes(cases[i].suffix), 0xabc, &place));
        who = ll_key_part(bytes(text), 'w');
        assert_int_equal(who.size, strlen(cases[i].who));
        assert_memory_equal(who.data, cases[i].who, who.size);
        who = ll_key_part(bytes(cases[i].suffix), 'w');
        assert_int_equal(who.size, strlen(cases[i].who));
    }
    assert_int_equal(ll_key_part((struct ll_bytes){NULL, 0}, 'w').size, 0);
    assert_int_equal(ll_key_make(no_space, bytes("jobs"), 0xabc, 16, exclusive,
                                 0, bytes("h:7"), (char[LL_KEY_MAX + 1]){""}),
                     strlen("jobs/abc.10.wh:7"));
}

/** Goal: a key names its mode, and no other text counts as one. Method: keys of
 *  every mode, written and parsed; suffixes that are nearly one. */
static void test_modes(void **state)
{
    static const struct {
        const char *suffix;
        bool is_ours;
        struct ll_mode mode;
    } cases[] = {
        {"~.s.abc.1", true, {LL_MODE_SHARED, 0}},
        {"~.s.abc.1.wh", true, {LL_MODE_SHARED, 0}},
        {"~.p1.abc.1", true, {LL_MODE_PERMIT, 1}},
        {"~.p100.abc.1f", true, {LL_MODE_PERMIT, 100}},
        {"~.s.abc", false, {LL_MODE_SHARED, 0}},
        {"~.p8.ab.1", false, {LL_MODE_PERMIT, 8}},
        {"~.p101.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~.p0.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~.p08.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~.p.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~.pa.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~.p1000.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~.x.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~.ss.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~.", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~", false, {LL_MODE_EXCLUSIVE, 0}},
        {"~s.abc.1", false, {LL_MODE_EXCLUSIVE, 0}},
        {"abc.1", true, {LL_MODE_EXCLUSIVE, 0}},
    };
    char key[LL_KEY_MAX + 1];
    struct ll_key_place place;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "a/b/%s", cases[i].suffix);
        place = (struct ll_key_place){.has_slot = false};
        assert_int_equal(ll_key_parse(bytes(text), 0xabc, &place),
                         cases[i].is_ours);
        if (cases[i].is_ours) {
            assert_int_equal(place.prefix.size, 4);
            assert_true(ll_mode_equal(place.mode, cases[i].mode));
        }
        assert_true(ll_mode_equal(ll_key_mode(bytes(text)), cases[i].mode));
    }
    assert_int_equal(
        ll_key_make(no_space, bytes("a"), 0xabc, 1, shared, 0, nobody, key),
        11);
    assert_string_equal(key, "a/~.s.abc.1");
    assert_int_equal(ll_key_make(no_space, bytes("a"), 0xabc, 1, permits_100, 0,
                                 bytes("h:7"), key),
                     19);
    assert_string_equal(key, "a/~.p100.abc.1.wh:7");
    assert_int_equal(ll_key_part(bytes(key), 'w').size, 3);
}

/** Goal: a lock-delay is a part of a ticket's key, and no other text counts as
 *  one. Method: keys with and without it. */
static void test_delay(void **state)
{
    static const struct {
        const char *key;
        uint32_t ms;
    } cases[] = {
        {"a/abc.1.d500", 500},  {"a/abc.1.d500.wh", 500},
        {"a/abc.1.wh.d1", 1},   {"a/abc.1.d600000", 600000},
        {"a/abc.1", 0},         {"a/abc.1.d", 0},
        {"a/abc.1.d0", 0},      {"a/abc.1.d05", 0},
        {"a/abc.1.d600001", 0}, {"a/abc.1.d1000000", 0},
        {"a/abc.1.d5x", 0},     {"a/ab.1.d500", 0},
        {"a/d500", 0},          {"a/~.s.abc.1.d500", 500},
    };
    char key[LL_KEY_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ll_key_delay_ms(bytes(cases[i].key), 0xabc),
                         cases[i].ms);
    }
    assert_int_equal(ll_key_make(no_space, bytes("a"), 0xabc, 1, exclusive, 250,
                                 nobody, key),
                     12);
    assert_string_equal(key, "a/abc.1.d250");
}

/** Goal: a key with a slot is a ticket's on whatever lease, and no other text
 *  counts as a slot. Method: keys written and parsed, with modes and parts;
 *  suffixes that are nearly one. */
static void test_slots(void **state)
{
    static const struct {
        const char *suffix;
        bool is_ours;
    } cases[] = {
        {"h3f-0.1", true},     {"h00-7ff.ffff", true}, {"h0a-1.1.wh", true},
        {"~.s.h3f-0.1", true}, {"~.p8.h3f-0.1", true}, {"h3f-0", false},
        {"h3f-0.", false},     {"h3f-800.1", false},   {"h3f-00.1", false},
        {"h3f-1000.1", false}, {"h3f-.1", false},      {"h3-0.1", false},
        {"h3f0.1", false},     {"h3F-0.1", false},     {"g3f-0.1", false},
        {"h3f-g.1", false},    {"h3f-0.01", false},    {"h3f-0.1.7", false},
        {"hh3f-0.1", false},   {"h", false},           {"~.s.h3f-0", false},
        {"h3f-0.1x", false},   {"h3f-0.1.d500", true},
    };
    const struct ll_slot slots[] = {
        {0x3f, 0}, {0, LL_SLOT_END - 1}, {0x0a, 16}};
    char key[LL_KEY_MAX + LL_KEY_MOVE_MAX + 1];
    struct ll_key_place place;
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "a/b/%s", cases[i].suffix);
        place = (struct ll_key_place){.has_slot = false};
        assert_int_equal(ll_key_parse(bytes(text), 0xabc, &place),
                         cases[i].is_ours);
        assert_int_equal(ll_key_parse(bytes(text), 1, &place),
                         cases[i].is_ours);
        assert_int_equal(place.has_slot, cases[i].is_ours);
        assert_int_equal(place.prefix.size, cases[i].is_ours ? 4 : 0);
    }
    assert_int_equal(ll_key_delay_ms(bytes("a/h3f-0.1.d500"), 7), 500);
    assert_true(ll_key_parse(bytes("a/abc.1"), 0xabc, &place));
    assert_false(place.has_slot);

    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        size = ll_key_make_slot(no_space, bytes("a"), slots[i], 1, permits_100,
                                500, bytes("h:7"), key);
        assert_int_equal(size, strlen(key));
        assert_true(ll_key_parse(bytes(key), 5, &place) && place.has_slot);
        assert_true(ll_mode_equal(place.mode, permits_100));
        assert_int_equal(ll_key_delay_ms(bytes(key), 5), 500);
        assert_int_equal(ll_key_part(bytes(key), 'w').size, 3);
    }

    /* Another slot, another number, and then the lease. */
    size = ll_key_make_slot(bytes("s/"), bytes("a"), slots[0], 1, shared, 500,
                            bytes("h:7"), key);
    assert_string_equal(key, "s/a/~.s.h3f-0.1.d500.wh:7");
    size = ll_key_move(key, size, &slots[1], 0, 0x123);
    assert_string_equal(key, "s/a/~.s.h00-7ff.123.d500.wh:7");
    assert_int_equal(size, strlen(key));
    size = ll_key_move(key, size, &slots[0], 0, 2);
    assert_string_equal(key, "s/a/~.s.h3f-0.2.d500.wh:7");
    size = ll_key_move(key, size, NULL, INT64_MAX, UINT64_MAX);
    assert_string_equal(key,
                        "s/a/~.s.7fffffffffffffff.ffffffffffffffff.d500.wh:7");
    assert_int_equal(size, strlen(key));
    size = ll_key_make_slot(no_space, bytes("a"), slots[0], 1, exclusive, 0,
                            nobody, key);
    size = ll_key_move(key, size, NULL, 0xabc, 1);
    assert_string_equal(key, "a/abc.1");
}

/** Goal: every key of a queue is in exactly one of the ranges of exclusive and
 *  of other modes' keys. Method: suffixes around the bounds, compared as etcd
 *  does. */
static void test_mode_ranges(void **state)
{
    static const struct {
        const char *key;
        bool is_exclusive;
        bool is_permit;
    } cases[] = {
        {"a/1.1", true, false},      {"a/~", true, false},
        {"a/~-", true, false},       {"a/~.", false, false},
        {"a/~.s.1.1", false, false}, {"a/~.p8.1.1", false, true},
        {"a/~.q", false, false},     {"a/~.\xff", false, false},
        {"a/~/1.1", true, false},    {"a/~~", true, false},
        {"a/\xff", true, false},
    };
    char from[8];
    char past[8];
    char end[8];
    char permits[8];
    char past_permits[8];
    struct ll_bytes prefix = bytes("a/");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ll_bytes key = bytes(cases[i].key);
        bool is_low = bytes_compare(key, prefix) >= 0 &&
                      bytes_compare(key, ll_prefix_modes(prefix, from)) < 0;
        bool is_high =
            bytes_compare(key, ll_prefix_past_modes(prefix, past)) >= 0 &&
            bytes_compare(key, ll_prefix_end(prefix, end)) < 0;
        bool is_permit =
            bytes_compare(key, ll_prefix_permits(prefix, permits)) >= 0 &&
            bytes_compare(key, ll_prefix_past_permits(prefix, past_permits)) <
                0;

        assert_false(is_low && is_high);
        assert_int_equal(is_low || is_high, cases[i].is_exclusive);
        assert_int_equal(is_permit, cases[i].is_permit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),    cmocka_unit_test(test_slashes),
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_end_of_name),
        cmocka_unit_test(test_space),      cmocka_unit_test(test_key),
        cmocka_unit_test(test_prefix_end), cmocka_unit_test(test_nested),
        cmocka_unit_test(test_equal),      cmocka_unit_test(test_parts),
        cmocka_unit_test(test_modes),      cmocka_unit_test(test_mode_ranges),
        cmocka_unit_test(test_delay),      cmocka_unit_test(test_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
