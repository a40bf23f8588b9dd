/* SPDX-License-Identifier: Apache-2.0 */
#include "followed.h"

#include <stdio.h>
#include <stdlib.h>

#include "etcd_memory.h"
#include "world.h"

static bool are_followed(const struct sim_world *world)
{
    return world->fault_rate[SIM_FAULT_FOLLOW] > 0;
}

void sim_followed_bounds(const struct sim_world *world,
                         unsigned range,
                         char *ret_from,
                         char *ret_end,
                         struct ll_bytes *ret_from_bytes,
                         struct ll_bytes *ret_end_bytes)
{
    int size = 1;

    if (range == world->names_n) { /* from "\0" to the end */
        ret_from[0] = '\0';
        ret_end[0] = '\0';
    } else { /* '0' is the character after '/' */
        size = snprintf(ret_from, SIM_KEY_SIZE, "%s/", world->names[range]);
        (void)snprintf(ret_end, SIM_KEY_SIZE, "%s0", world->names[range]);
    }
    *ret_from_bytes = (struct ll_bytes){ret_from, (size_t)size};
    *ret_end_bytes = (struct ll_bytes){ret_end, (size_t)size};
}

bool sim_followed_has(const struct sim_world *world,
                      unsigned range,
                      struct ll_bytes key)
{
    char from[SIM_KEY_SIZE];
    char end[SIM_KEY_SIZE];
    struct ll_bytes first;
    struct ll_bytes past;

    sim_followed_bounds(world, range, from, end, &first, &past);
    return sim_range_has(first, past, key);
}

static void history_add(struct sim_followed *followed, int64_t revision)
{
    if (followed->history_n == followed->capacity) {
        followed->capacity =
            followed->capacity != 0 ? 2 * followed->capacity : 64;
        followed->history = realloc(
            followed->history, followed->capacity * sizeof(*followed->history));
        if (followed->history == NULL) {
            abort();
        }
    }
    followed->history[followed->history_n++] = (struct sim_content){
        revision, followed->mirror.sum, followed->mirror.n};
}

void sim_followed_start(struct sim_world *world)
{
    for (unsigned range = 0; are_followed(world) && range <= world->names_n;
         range++) {
        history_add(&world->followed[range], 0);
    }
}

void sim_followed_free(struct sim_world *world)
{
    for (unsigned range = 0; range <= SIM_NAMES_MAX; range++) {
        sim_mirror_free(&world->followed[range].mirror);
        free(world->followed[range].history);
    }
}

static void note_change(void *arg, const struct ll_watch_event *event)
{
    struct sim_world *world = arg;

    for (unsigned range = 0; range <= world->names_n; range++) {
        if (sim_followed_has(world, range, event->kv.key)) {
            sim_mirror_apply(&world->followed[range].mirror, event);
            world->followed[range].is_touched = true;
        }
    }
}

void sim_followed_note(struct sim_world *world, int64_t revision)
{
    if (!are_followed(world)) {
        return;
    }
    sim_etcd_changes(world->etcd, revision, note_change, world);
    for (unsigned range = 0; range <= world->names_n; range++) {
        if (world->followed[range].is_touched) {
            world->followed[range].is_touched = false;
            history_add(&world->followed[range], revision);
        }
    }
}

static void note_key(void *arg, const struct ll_kv *kv)
{
    struct ll_watch_event event = {.kv = *kv};

    note_change(arg, &event);
}

void sim_followed_restored(struct sim_world *world)
{
    if (!are_followed(world)) {
        return;
    }
    for (unsigned range = 0; range <= world->names_n; range++) {
        sim_mirror_clear(&world->followed[range].mirror);
        world->followed[range].history_n = 0;
    }
    sim_etcd_each(world->etcd, (struct ll_bytes){"", 0}, note_key, world);
    for (unsigned range = 0; range <= world->names_n; range++) {
        world->followed[range].is_touched = false;
        history_add(&world->followed[range], sim_etcd_revision(world->etcd));
    }
}

const struct sim_content *sim_followed_content(const struct sim_world *world,
                                               unsigned range,
                                               int64_t revision)
{
    const struct sim_followed *followed = &world->followed[range];
    size_t at = followed->history_n;

    while (at > 0 && followed->history[at - 1].revision > revision) {
        at--;
    }
    return at > 0 ? &followed->history[at - 1] : NULL;
}
