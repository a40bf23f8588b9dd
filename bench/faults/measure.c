/* SPDX-License-Identifier: Apache-2.0 */
/* A fault, and its cost for clients that use locks meanwhile. */
#include "faultbench.h"

#include <stdio.h>
#include <stdlib.h>

#include "scene.h"
#include "support/wait.h"

/** Long enough for a renewal, which comes every third of the TTL, to be due and
 *  to be missed. */
#define MEASURE_MS 9000
#define BEAT_MS (FAULT_TTL_S * 1000 / 3)

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/** Reads the holder's state and lists its queue repeatedly, on a thread of its
 * own, since a fault may block the main thread. */
static void *look_main(void *arg)
{
    struct scene *scene = arg;
    bool on = true;

    while (on) {
        int64_t left_ms = leaselock_ticket_remaining_ms(scene->held);

        (void)pthread_mutex_lock(&scene->mutex);
        if (scene->began_ns != 0 && left_ms < scene->figures.holder_left_ms) {
            scene->figures.holder_left_ms = left_ms;
        }
        if (!scene->asking && !scene->ending) {
            scene_list(scene);
        }
        on = !scene->ending;
        (void)pthread_mutex_unlock(&scene->mutex);
        test_pause_step();
    }
    return NULL;
}

/** Whether all clients have recovered from the fault. */
static bool all_went_on(void *arg)
{
    struct scene *scene = arg;
    int64_t left_ms = leaselock_ticket_remaining_ms(scene->held);
    int64_t now_ns = test_now_ns();
    bool all;

    (void)pthread_mutex_lock(&scene->mutex);
    all = scene->failure != NULL ||
          (now_ns - scene->began_ns >= MEASURE_MS * TEST_NS_PER_MS &&
           (scene->granted_ns != 0 || scene->is_lost[PART_WAITER]) &&
           (scene->turn_ns > scene->began_ns || scene->is_lost[PART_TAKER] ||
            scene->is_lost[PART_OTHER_TAKER]) &&
           scene->asked_ns > scene->began_ns &&
           (left_ms > scene->figures.holder_left_ms ||
            scene->is_lost[PART_HOLDER]));
    (void)pthread_mutex_unlock(&scene->mutex);
    return all;
}

/** Applies the fault and waits until all have recovered. 0, or -1. */
static int scene_play(struct scene *scene,
                      const struct fault *fault,
                      size_t member,
                      struct fault_figures *ret_figures)
{
    int64_t released_ns;
    bool through;

    (void)pthread_mutex_lock(&scene->mutex);
    scene->began_ns = test_now_ns();
    (void)pthread_mutex_unlock(&scene->mutex);
    if (fault->begin != NULL && fault->begin(scene->cluster, member) != 0) {
        return -1;
    }
    released_ns = test_now_ns();
    if (leaselock_release_async(scene->ahead, NULL, NULL, NULL) != 0) {
        return -1;
    }
    if (fault->then != NULL && fault->then(scene->cluster, member) != 0) {
        return -1;
    }
    through = test_until(FAULT_PATIENCE_MS, all_went_on, scene);
    (void)pthread_mutex_lock(&scene->mutex);
    if (!through) {
        scene_fail(scene, "somebody did not come through");
    }
    scene->figures.waiter_ms =
        scene->granted_ns != 0 ? longer_ms(0, released_ns, scene->granted_ns)
                               : FAULT_NEVER_MS;
    scene->began_ns = 0;
    *ret_figures = scene->figures;
    if (scene->failure != NULL) {
        (void)fprintf(stderr, "faultbench: %s: %s\n", fault->name,
                      scene->failure);
    }
    /* The effect of the repair is a row of its own. */
    scene->ending = true;
    (void)pthread_mutex_unlock(&scene->mutex);
    if (fault->end != NULL && fault->end(scene->cluster, member) != 0) {
        return -1;
    }
    return test_cluster_await_well(scene->cluster);
}

int fault_measure(struct test_cluster *cluster,
                  const struct fault *fault,
                  unsigned seed,
                  struct fault_figures *ret_figures)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    size_t leader = test_cluster_leader(cluster);
    size_t member;
    size_t near;
    pthread_t look;
    int result = -1;

    if (scene == NULL || leader == TEST_CLUSTER_MEMBERS) {
        free(scene);
        return -1;
    }
    scene->cluster = cluster;
    (void)pthread_mutex_init(&scene->mutex, NULL);
    scene->figures.holder_left_ms = FAULT_CERTAIN_MS;
    member = fault->to_leader ? leader : test_cluster_other(leader, 0);
    near = fault->clients_elsewhere ? test_cluster_other(member, 0) : member;
    if (scene_open(scene, near, test_cluster_other(member, 1)) == 0 &&
        (fault->prepare == NULL || fault->prepare(cluster, member) == 0) &&
        pthread_create(&look, NULL, look_main, scene) == 0) {
        (void)test_until((int)(seed % BEAT_MS), never, NULL);
        result = scene_play(scene, fault, member, ret_figures);
        (void)pthread_mutex_lock(&scene->mutex);
        scene->ending = true;
        (void)pthread_mutex_unlock(&scene->mutex);
        (void)pthread_join(look, NULL);
    }
    result = scene_close(scene) != 0 ? -1 : result;
    (void)pthread_mutex_destroy(&scene->mutex);
    free(scene);
    return result;
}
