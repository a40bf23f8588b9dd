/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the simulator replays a seed to the last bit, finds bugs that are
 * planted, and shortens failing runs; and a fixed set of seeds breaks no
 * invariant. Method: whole runs, compared by the hash of all events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fresh.h"

/** The number of seeds, from 1 on, that test every change. */
#define FIXED_SEEDS 400
/** A planted bug is found by one of this many seeds. */
#define PLANT_SEEDS 1200

static struct sim_options options_of(uint64_t seed)
{
    return (struct sim_options){.seed = seed, .steps = SIM_STEPS_DEFAULT};
}

static void fixed_seeds_break_nothing(void **state)
{
    struct sim_options options;
    struct sim_result result;

    (void)state;
    for (uint64_t seed = 1; seed <= FIXED_SEEDS; seed++) {
        options = options_of(seed);
        sim_run(&options, &result);
        if (result.invariant != NULL) {
            sim_failure_print(&options, &result, stdout);
        }
        assert_null(result.invariant);
    }
}

/** The story of a run, which the caller frees. */
static char *story_of(struct sim_options options, struct sim_result *result)
{
    char *text = NULL;
    size_t size = 0;

    options.trace = open_memstream(&text, &size);
    assert_non_null(options.trace);
    sim_run(&options, result);
    (void)fclose(options.trace);
    return text;
}

static void a_seed_replays_bit_for_bit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct sim_result first;
        struct sim_result second;
        struct sim_result untold;
        struct sim_options options = options_of(seed);
        char *story = story_of(options, &first);
        char *again = story_of(options, &second);

        sim_run(&options, &untold);
        assert_string_equal(story, again);
        assert_int_equal(first.hash, second.hash);
        assert_int_equal(first.hash, untold.hash);
        assert_int_equal(first.steps, untold.steps);
        free(story);
        free(again);
    }
}

static void seeds_differ(void **state)
{
    struct sim_options one = options_of(1);
    struct sim_options two = options_of(2);
    struct sim_result first;
    struct sim_result second;

    (void)state;
    sim_run(&one, &first);
    sim_run(&two, &second);
    assert_int_not_equal(first.hash, second.hash);
}

/** The first seed that finds a planted bug. */
static bool plant_is_found(enum sim_plant plant,
                           struct sim_options *ret_options,
                           struct sim_result *ret_result)
{
    for (uint64_t seed = 1; seed <= PLANT_SEEDS; seed++) {
        *ret_options = options_of(seed);
        ret_options->plant = plant;
        sim_run_apart(ret_options, ret_result);
        if (ret_result->invariant != NULL) {
            return true;
        }
    }
    return false;
}

static void planted_bugs_are_found(void **state)
{
    (void)state;
    for (int plant = SIM_PLANT_NONE + 1; plant < SIM_PLANTS; plant++) {
        struct sim_options options;
        struct sim_result result;

        assert_true(plant_is_found((enum sim_plant)plant, &options, &result));
        sim_failure_print(&options, &result, stdout);
    }
}

static void what_fails_is_shortened(void **state)
{
    struct sim_options options;
    struct sim_result result;
    struct sim_result again;
    uint64_t steps;

    (void)state;
    assert_true(plant_is_found(SIM_PLANT_ETERNAL, &options, &result));
    steps = result.steps;
    assert_true(sim_shrink(&options, &result, NULL));
    assert_true(result.steps < steps);
    sim_run(&options, &again);
    assert_non_null(again.invariant);
    assert_string_equal(again.invariant, result.invariant);
    assert_int_equal(again.hash, result.hash);
}

static void the_replay_line_says_all(void **state)
{
    struct sim_options options = options_of(42);
    char line[600];

    (void)state;
    options.clients_max = 2;
    options.without = UINT64_C(1) << SIM_FAULT_CUT;
    options.plant = SIM_PLANT_DEAF;
    sim_replay_line(&options, line, sizeof(line));
    assert_string_equal(line, "leaselock-sim --seed 42 --steps 3000 "
                              "--clients 2 --without cut --plant deaf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_seeds_break_nothing),
        cmocka_unit_test(a_seed_replays_bit_for_bit),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(planted_bugs_are_found),
        cmocka_unit_test(what_fails_is_shortened),
        cmocka_unit_test(the_replay_line_says_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
