/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms, and the counters as OpenMetrics text. With the argument "print",
 * prints a text for another program that reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/stats.h"
#include "leaselock/stats.h"

#define TEXT_SIZE 32768
#define NS_PER_US INT64_C(1000)

static const int64_t bounds_us[] = {LEASELOCK_HISTOGRAM_BOUNDS_US};

#define BOUNDS (sizeof(bounds_us) / sizeof(bounds_us[0]))

/** Every number of the struct, one after the other. */
static uint64_t *numbers_of(struct leaselock_stats *stats)
{
    return &stats->sessions;
}

#define NUMBERS                                                                \
    ((sizeof(struct leaselock_stats) -                                         \
      offsetof(struct leaselock_stats, sessions)) /                            \
     sizeof(uint64_t))
#define COUNTERS                                                               \
    ((offsetof(struct leaselock_stats, acquire_wait) -                         \
      offsetof(struct leaselock_stats, sessions)) /                            \
     sizeof(uint64_t))

/** Each number is another one, and none is a part of another in the text. */
static struct leaselock_stats some_stats(void)
{
    struct leaselock_stats stats = LEASELOCK_STATS_INIT;

    for (size_t i = 0; i < NUMBERS; i++) {
        numbers_of(&stats)[i] = 1000001 + 2 * i;
    }
    return stats;
}

/** Goal: a time is in the bucket whose bound it does not exceed. Method: each
 * bound, one nanosecond less and more, 0, a negative time, the greatest. */
static void test_buckets(void **state)
{
    (void)state;
    for (size_t i = 0; i < BOUNDS; i++) {
        struct leaselock_histogram histogram = LEASELOCK_HISTOGRAM_INIT;
        int64_t ns = bounds_us[i] * NS_PER_US;

        assert_true(i == 0 || bounds_us[i] > bounds_us[i - 1]);
        ll_histogram_add(&histogram, ns - 1);
        ll_histogram_add(&histogram, ns);
        ll_histogram_add(&histogram, ns + 1);
        assert_int_equal(histogram.buckets[i], 2);
        assert_int_equal(histogram.buckets[i + 1], 1);
        assert_int_equal(histogram.sum_ns, 3 * ns);
    }
    struct leaselock_histogram ends = LEASELOCK_HISTOGRAM_INIT;

    ll_histogram_add(&ends, 0);
    ll_histogram_add(&ends, -5);
    ll_histogram_add(&ends, INT64_MAX / 2);
    assert_int_equal(ends.buckets[0], 2);
    assert_int_equal(ends.buckets[BOUNDS], 1);
    assert_int_equal(ends.sum_ns, INT64_MAX / 2);
}

static const char *text_of(const struct leaselock_stats *stats)
{
    static char text[TEXT_SIZE];
    int length = leaselock_stats_openmetrics(stats, text, sizeof(text));

    assert_true(length > 0 && length < TEXT_SIZE);
    assert_int_equal(strlen(text), length);
    return text;
}

static unsigned times_in(const char *text, const char *part)
{
    unsigned n = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        n++;
    }
    return n;
}

#define EVENT(name, word, level, fields) +1U
#define EVENTS (0U LEASELOCK_LOG_EVENT_MAP(EVENT))

/** How many counters there are, beside the room for others. */
#define COUNTERS_USED                                                          \
    (3U + LEASELOCK_STATS_MODES * LEASELOCK_STATS_RESULTS + 1U +               \
     LEASELOCK_STATS_RELEASES + LEASELOCK_STATS_LOSSES + 3U +                  \
     LEASELOCK_STATS_REQUESTS * LEASELOCK_STATS_ANSWERS +                      \
     2U * LEASELOCK_STATS_BATCHES + LEASELOCK_STATS_STREAMS +                  \
     LEASELOCK_STATS_CHANGES + 1U + LEASELOCK_STATS_READS + EVENTS)

/** Goal: the text has every counter of the struct, once. Method: give each one
 * a number of its own. */
static void test_all_counters(void **state)
{
    struct leaselock_stats stats = some_stats();
    const char *text = text_of(&stats);
    unsigned found = 0;

    (void)state;
    for (size_t i = 0; i < COUNTERS; i++) {
        char line_end[32];

        (void)snprintf(line_end, sizeof(line_end), " %llu\n",
                       (unsigned long long)numbers_of(&stats)[i]);
        assert_true(times_in(text, line_end) <= 1);
        found += times_in(text, line_end);
    }
    assert_int_equal(found, COUNTERS_USED);
    assert_int_equal(times_in(text, "_sum "), 4);
}

static bool is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!islower((unsigned char)text[i]) && text[i] != '_' &&
            (i == 0 || !isdigit((unsigned char)text[i]))) {
            return false;
        }
    }
    return size > 0;
}

/** A family, as its first lines say. */
struct family {
    char name[128];
    char type[16];
    bool has_unit;
    bool has_help;
    unsigned samples;
    unsigned buckets;
    double last_bucket;
};

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);

    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

/** A line that begins with '#'. */
static void read_comment(const char *line, struct family *family)
{
    char word[8];
    char name[128];
    char rest[256];

    assert_int_equal(sscanf(line, "# %7s %127s %255[^\n]", word, name, rest),
                     3);
    if (strcmp(word, "TYPE") == 0) {
        assert_true(family->name[0] == '\0' || family->samples > 0);
        *family = (struct family){.last_bucket = -1};
        (void)snprintf(family->name, sizeof(family->name), "%s", name);
        assert_true(strlen(rest) < sizeof(family->type));
        (void)snprintf(family->type, sizeof(family->type), "%.15s", rest);
        assert_true(is_name(name, strlen(name)));
        assert_int_equal(strncmp(name, "leaselock_", 10), 0);
        assert_false(ends_with(name, "_total"));
        return;
    }
    assert_string_equal(name, family->name);
    assert_int_equal(family->samples, 0);
    if (strcmp(word, "UNIT") == 0) {
        assert_false(family->has_unit);
        assert_string_equal(rest, "seconds");
        assert_true(ends_with(name, "_seconds"));
        family->has_unit = true;
    } else {
        assert_string_equal(word, "HELP");
        assert_false(family->has_help);
        assert_true(ends_with(rest, "."));
        assert_null(strpbrk(rest, "\\\""));
        family->has_help = true;
    }
}

/** The labels of a sample, in braces. @return what follows them */
static const char *read_labels(const char *at, double *ret_le)
{
    do {
        const char *name = at + 1;
        const char *is = strchr(name, '=');
        const char *end;

        assert_non_null(is);
        assert_true(is_name(name, (size_t)(is - name)));
        assert_int_equal(is[1], '"');
        end = strchr(is + 2, '"');
        assert_non_null(end);
        if (strncmp(name, "le=", 3) == 0) {
            *ret_le = strtod(is + 2, NULL); /* "+Inf" as well */
            assert_true(strncmp(is + 2, "+Inf", 4) == 0 ||
                        memchr(is + 2, '.', (size_t)(end - is)) != NULL);
        }
        at = end + 1;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

static void read_sample(const char *line, struct family *family)
{
    size_t size = strcspn(line, "{ ");
    size_t family_size = strlen(family->name);
    const char *suffix = line + family_size;
    const char *at = line + size;
    double le = 0;
    double value;
    char *end;

    assert_true(family->has_help);
    assert_true(size >= family_size);
    assert_memory_equal(line, family->name, family_size);
    if (*at == '{') {
        at = read_labels(at, &le);
    }
    assert_int_equal(*at, ' ');
    value = strtod(at + 1, &end);
    assert_int_equal(*end, '\n');
    assert_true(value >= 0);
    family->samples++;
    if (strcmp(family->type, "counter") == 0) {
        assert_int_equal(size, family_size + strlen("_total"));
        assert_memory_equal(suffix, "_total", strlen("_total"));
    } else if (strcmp(family->type, "gauge") == 0) {
        assert_int_equal(size, family_size);
    } else if (strncmp(suffix, "_bucket{", 8) == 0) {
        assert_true(value >= family->last_bucket);
        assert_true(family->buckets < BOUNDS
                        ? le * 1e6 - (double)bounds_us[family->buckets] < 0.5 &&
                              (double)bounds_us[family->buckets] - le * 1e6 <
                                  0.5
                        : le > 1e300);
        family->buckets++;
        family->last_bucket = value;
    } else if (strncmp(suffix, "_count ", 7) == 0) {
        assert_int_equal(family->buckets, LEASELOCK_HISTOGRAM_BUCKETS);
        assert_true(value == family->last_bucket);
    } else {
        assert_int_equal(strncmp(suffix, "_sum ", 5), 0);
    }
}

/** Goal: the text follows OpenMetrics 1.0. Method: read it line by line; the
 * rules for names, units, labels, buckets and the end. */
static void test_format(void **state)
{
    struct leaselock_stats stats = some_stats();
    struct family family = {.samples = 1};
    const char *line = text_of(&stats);

    (void)state;
    while (strcmp(line, "# EOF\n") != 0) {
        const char *next = strchr(line, '\n');

        assert_non_null(next);
        if (line[0] == '#') {
            read_comment(line, &family);
        } else {
            read_sample(line, &family);
        }
        line = next + 1;
    }
    assert_true(family.samples > 0);
}

/** Goal: times are written exactly, in seconds. Method: sums with zeros at
 * either end of the decimals. */
static void test_seconds(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {{0, "_sum 0.0\n"},
                 {1, "_sum 0.000000001\n"},
                 {1500000000, "_sum 1.5\n"},
                 {UINT64_C(3600000000000), "_sum 3600.0\n"},
                 {UINT64_C(12000000340), "_sum 12.00000034\n"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leaselock_stats stats = LEASELOCK_STATS_INIT;

        stats.renewal_margin.sum_ns = cases[i].ns;
        assert_int_equal(times_in(text_of(&stats), cases[i].text),
                         cases[i].ns == 0 ? 4 : 1);
    }
}

/** Goal: a text that does not fit is cut, and its length is returned. Method:
 * every size; a byte behind the buffer stays as it is. */
static void test_cut(void **state)
{
    struct leaselock_stats stats = some_stats();
    const char *whole = text_of(&stats);
    int length = (int)strlen(whole);
    char *text = malloc((size_t)length + 2);

    (void)state;
    assert_non_null(text);
    assert_int_equal(leaselock_stats_openmetrics(&stats, NULL, 0), length);
    for (size_t size = 1; size <= (size_t)length + 1; size++) {
        memset(text, 'x', (size_t)length + 2);
        assert_int_equal(leaselock_stats_openmetrics(&stats, text, size),
                         length);
        assert_memory_equal(text, whole, size - 1);
        assert_int_equal(text[size - 1], '\0');
        assert_int_equal(text[size], 'x');
    }
    free(text);
}

/** Goal: the struct of a program with older headers is read to its end, and no
 * further. Method: one that ends before the histograms; sizes that are none. */
static void test_older_struct(void **state)
{
    struct leaselock_stats stats = some_stats();
    const char *text;

    (void)state;
    stats.struct_size = offsetof(struct leaselock_stats, renewal);
    text = text_of(&stats);
    assert_int_equal(times_in(text, "leaselock_hand_over_seconds_count"), 1);
    assert_int_equal(times_in(text, "leaselock_renewal_"), 0);
    assert_string_equal(text + strlen(text) - strlen("# EOF\n"), "# EOF\n");
    stats.struct_size = 0;
    assert_int_equal(leaselock_stats_openmetrics(&stats, NULL, 0),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_stats_openmetrics(NULL, NULL, 0),
                     LEASELOCK_E_ARGUMENT);
    stats.struct_size = sizeof(stats);
    assert_int_equal(leaselock_stats_openmetrics(&stats, NULL, 1),
                     LEASELOCK_E_ARGUMENT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets), cmocka_unit_test(test_all_counters),
        cmocka_unit_test(test_format),  cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_cut),     cmocka_unit_test(test_older_struct),
    };

    if (argc == 2 && strcmp(argv[1], "print") == 0) {
        struct leaselock_stats stats = some_stats();

        return fputs(text_of(&stats), stdout) < 0 ? 1 : 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
