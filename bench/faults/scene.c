/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that use locks during a cluster's fault, and its effects on them. */
#include "scene.h"

#include <stdio.h>

#include "support/wait.h"

void scene_fail(struct scene *scene, const char *what)
{
    if (scene->failure == NULL) {
        scene->failure = what;
    }
}

/** Counts a lost lock or a lost place in a queue. */
static void scene_lose(struct scene *scene, enum part part)
{
    if (!scene->is_lost[part]) {
        scene->is_lost[part] = true;
        scene->figures.lost++;
    }
}

int64_t longer_ms(int64_t most_ms, int64_t from_ns, int64_t to_ns)
{
    int64_t ms = (to_ns - from_ns) / TEST_NS_PER_MS;

    return ms > most_ms ? ms : most_ms;
}

static void on_state(leaselock_session *session,
                     enum leaselock_session_state state,
                     const char *why,
                     void *arg)
{
    struct scene *scene = arg;

    (void)session;
    (void)why;
    (void)pthread_mutex_lock(&scene->mutex);
    if (state == LEASELOCK_SESSION_SUSPECT) {
        scene->figures.suspected++;
    }
    (void)pthread_mutex_unlock(&scene->mutex);
}

static void on_holder_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct scene *scene = arg;

    (void)ticket;
    (void)why;
    (void)pthread_mutex_lock(&scene->mutex);
    scene_lose(scene, PART_HOLDER);
    (void)pthread_mutex_unlock(&scene->mutex);
}

static void
on_waiter_done(int status, const struct leaselock_error *error, void *arg)
{
    struct scene *scene = arg;

    (void)error;
    (void)pthread_mutex_lock(&scene->mutex);
    if (status == 0) {
        scene->granted_ns = test_now_ns();
    } else if (status == LEASELOCK_E_LOST) {
        scene_lose(scene, PART_WAITER);
    } else if (!scene->ending) {
        scene_fail(scene, "the waiter was not served");
    }
    (void)pthread_mutex_unlock(&scene->mutex);
}

static void taker_ask(struct taker *taker);

static void
on_taker_left(int status, const struct leaselock_error *error, void *arg)
{
    struct taker *taker = arg;
    struct scene *scene = taker->scene;

    (void)error;
    (void)pthread_mutex_lock(&scene->mutex);
    scene->busy--;
    if (!scene->ending) {
        if (status == 0 || status == LEASELOCK_E_OUTCOME_UNKNOWN) {
            taker_ask(taker);
        } else if (status == LEASELOCK_E_LOST) {
            scene_lose(scene, taker->part);
        } else {
            scene_fail(scene, "a taker cannot release");
        }
    }
    (void)pthread_mutex_unlock(&scene->mutex);
}

static void
on_taker_done(int status, const struct leaselock_error *error, void *arg)
{
    struct taker *taker = arg;
    struct scene *scene = taker->scene;
    int64_t now_ns = test_now_ns();

    (void)error;
    (void)pthread_mutex_lock(&scene->mutex);
    scene->busy--;
    if (status == LEASELOCK_E_LOST) {
        scene_lose(scene, taker->part);
    } else if (status != 0) {
        scene_fail(scene, "a taker was not served");
    } else {
        /* A contender that gets the lock twice in a row is not a handover. */
        if (taker->part != scene->turn_of) {
            if (scene->began_ns != 0) {
                scene->figures.handoff_ms = longer_ms(scene->figures.handoff_ms,
                                                      scene->turn_ns, now_ns);
            }
            scene->turn_of = taker->part;
            scene->turn_ns = now_ns;
        }
        scene->busy++;
        if (leaselock_release_async(taker->ticket, on_taker_left, taker,
                                    NULL) != 0) {
            scene->busy--;
            scene_fail(scene, "a taker cannot release");
        }
    }
    (void)pthread_mutex_unlock(&scene->mutex);
}

static void taker_ask(struct taker *taker)
{
    struct scene *scene = taker->scene;

    scene->busy++;
    if (leaselock_acquire_async(scene->peers[taker->part].session, "fault/turn",
                                NULL, LEASELOCK_FOREVER, on_taker_done, taker,
                                &taker->ticket, NULL) != 0) {
        scene->busy--;
        scene_fail(scene, "a taker cannot acquire");
    }
}

static void
on_observed(int status, const struct leaselock_error *error, void *arg)
{
    struct scene *scene = arg;
    int64_t now_ns = test_now_ns();

    (void)error;
    (void)pthread_mutex_lock(&scene->mutex);
    scene->busy--;
    scene->asking = false;
    if (status != 0) {
        scene_fail(scene, "the observer got no answer");
    } else {
        leaselock_queue_free(scene->queue);
        scene->queue = NULL;
        if (scene->began_ns != 0) {
            scene->figures.listing_ms =
                longer_ms(scene->figures.listing_ms, scene->asked_ns, now_ns);
        }
    }
    (void)pthread_mutex_unlock(&scene->mutex);
}

void scene_list(struct scene *scene)
{
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;

    options.timeout_ms = FAULT_PATIENCE_MS;
    scene->asking = true;
    scene->asked_ns = test_now_ns();
    scene->busy++;
    if (leaselock_queue_async(scene->peers[PART_OBSERVER].client, "fault/held",
                              &options, &scene->queue, on_observed, scene,
                              NULL) != 0) {
        scene->busy--;
        scene->asking = false;
        scene_fail(scene, "the observer cannot ask");
    }
}

static bool waiter_waits(void *arg)
{
    return leaselock_ticket_position(arg) == 1;
}

/** Opens all clients and starts their work. */
int scene_open(struct scene *scene, size_t near, size_t far)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_acquire_options noted = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    size_t i;

    noted.on_lost = on_holder_lost;
    noted.on_lost_arg = scene;
    options.ttl_s = FAULT_TTL_S;
    options.on_state = on_state;
    options.on_state_arg = scene;
    for (i = 0; i < PARTS_N; i++) {
        if (test_cluster_client_open(scene->cluster,
                                     i < PART_AHEAD ? near : far, NULL,
                                     &options, &scene->peers[i]) != 0) {
            return -1;
        }
    }
    if (leaselock_acquire(scene->peers[PART_HOLDER].session, "fault/held",
                          &noted, FAULT_PATIENCE_MS, &scene->held, NULL) != 0 ||
        leaselock_acquire(scene->peers[PART_AHEAD].session, "fault/wait", NULL,
                          FAULT_PATIENCE_MS, &scene->ahead, NULL) != 0 ||
        leaselock_acquire_async(scene->peers[PART_WAITER].session, "fault/wait",
                                NULL, LEASELOCK_FOREVER, on_waiter_done, scene,
                                &scene->waiting, NULL) != 0 ||
        !test_until(FAULT_PATIENCE_MS, waiter_waits, scene->waiting)) {
        (void)fprintf(stderr, "faultbench: the locks cannot be taken\n");
        return -1;
    }
    (void)pthread_mutex_lock(&scene->mutex);
    for (i = 0; i < TAKERS_N; i++) {
        scene->takers[i] =
            (struct taker){scene, i == 0 ? PART_TAKER : PART_OTHER_TAKER, NULL};
        taker_ask(&scene->takers[i]);
    }
    (void)pthread_mutex_unlock(&scene->mutex);
    return 0;
}

static bool nothing_is_under_way(void *arg)
{
    struct scene *scene = arg;
    bool idle;

    (void)pthread_mutex_lock(&scene->mutex);
    /* The waiting contender is served once the other one has left. */
    idle = scene->busy == 0;
    (void)pthread_mutex_unlock(&scene->mutex);
    return idle;
}

int scene_close(struct scene *scene)
{
    int result = 0;
    size_t i;

    (void)pthread_mutex_lock(&scene->mutex);
    scene->ending = true;
    (void)pthread_mutex_unlock(&scene->mutex);
    if (!test_until(FAULT_PATIENCE_MS, nothing_is_under_way, scene)) {
        (void)fprintf(stderr, "faultbench: a call does not end\n");
        result = -1;
    }
    for (i = 0; i < PARTS_N; i++) {
        if (scene->peers[i].client != NULL) {
            (void)leaselock_client_close(scene->peers[i].client, NULL);
        }
    }
    leaselock_queue_free(scene->queue);
    return result;
}
