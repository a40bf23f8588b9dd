/* SPDX-License-Identifier: Apache-2.0 */
/* An etcd that restarts with a different or an older store. */
#ifndef TEST_LIVE_RESTORED_H
#define TEST_LIVE_RESTORED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/etcd.h"
#include "support/process.h"
#include "support/test_live.h"
#include "support/wait.h"

/** The id of the cluster is computed from the members' addresses and this. */
#define OTHER_TOKEN "--initial-cluster-token=other"

#define RESTORE_WORD_SIZE (TEST_ETCD_PATH_SIZE + 64)

static inline int remove_one(const char *path,
                             const struct stat *about,
                             int type,
                             struct FTW *walk)
{
    (void)about;
    (void)type;
    (void)walk;
    return remove(path);
}

/** Kills etcd and deletes its data. */
static inline void wipe(struct test_etcd *etcd)
{
    char path[RESTORE_WORD_SIZE];

    assert_int_equal(test_etcd_kill(etcd), 0);
    (void)snprintf(path, sizeof(path), "%s/data", etcd->folder);
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/** Restarts etcd with its present folder, as a member of a cluster with the
 * same id or with another one. */
static inline void come_back(struct test_etcd *etcd, bool other_id)
{
    static const char *const other[] = {OTHER_TOKEN, NULL};

    etcd->options.args = other_id ? other : NULL;
    assert_int_equal(test_etcd_restart(etcd), 0);
}

static inline void save_snapshot(struct test_etcd *etcd)
{
    char path[RESTORE_WORD_SIZE];

    (void)snprintf(path, sizeof(path), "%s/snapshot", etcd->folder);
    assert_int_equal(
        test_etcdctl(etcd, NULL, 0, "snapshot", "save", path, NULL), 0);
}

/** The program that restores, beside the tested etcd; from 3.5 on it is
 * etcdutl. */
static inline void restore_program(char path[static RESTORE_WORD_SIZE])
{
    const char *etcd = getenv("LEASELOCK_TEST_ETCD");
    const char *slash = etcd != NULL ? strrchr(etcd, '/') : NULL;

    (void)snprintf(path, RESTORE_WORD_SIZE, "etcdctl");
    if (slash != NULL) {
        (void)snprintf(path, RESTORE_WORD_SIZE, "%.*s/etcdutl",
                       (int)(slash - etcd), etcd);
        if (access(path, X_OK) != 0) {
            (void)snprintf(path, RESTORE_WORD_SIZE, "%.*s/etcdctl",
                           (int)(slash - etcd), etcd);
        }
    }
}

/** Kills etcd, replaces its data by the snapshot, and restarts it. */
static inline void restore(struct test_etcd *etcd, bool other_id)
{
    static const char *const env[] = {"ETCDCTL_API=3", NULL};
    struct test_process process = TEST_PROCESS_INIT;
    char program[RESTORE_WORD_SIZE];
    char snapshot[RESTORE_WORD_SIZE];
    char data[RESTORE_WORD_SIZE];
    char cluster[RESTORE_WORD_SIZE];
    char peer[RESTORE_WORD_SIZE];
    const char *argv[] = {program,  "snapshot",  "restore",
                          snapshot, data,        cluster,
                          peer,     "--name=m0", other_id ? OTHER_TOKEN : NULL,
                          NULL};

    restore_program(program);
    (void)snprintf(snapshot, sizeof(snapshot), "%s/snapshot", etcd->folder);
    (void)snprintf(data, sizeof(data), "--data-dir=%s/data", etcd->folder);
    (void)snprintf(cluster, sizeof(cluster), "--initial-cluster=%s",
                   etcd->initial_cluster);
    (void)snprintf(peer, sizeof(peer), "--initial-advertise-peer-urls=%s",
                   strchr(etcd->initial_cluster, '=') + 1);
    wipe(etcd);
    assert_int_equal(test_process_start(&process, argv, env), 0);
    if (test_process_wait(&process, TEST_WAIT_MS) != 0) {
        fail_msg("%s: %s", program, test_process_output(&process, TEST_STDERR));
    }
    test_process_end(&process);
    come_back(etcd, other_id);
}

/** The id of a member's cluster, in the form of a message. */
static inline void cluster_of(const char *endpoint, char text[static 32])
{
    leaselock_client *client = NULL;
    struct leaselock_ping ping;

    assert_int_equal(leaselock_client_open(endpoint, NULL, &client, NULL), 0);
    assert_int_equal(leaselock_ping(client, 0, TEST_WAIT_MS, &ping, NULL), 0);
    (void)snprintf(text, 32, "%" PRIx64, ping.cluster_id);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
}

struct wanted_state {
    leaselock_ticket *ticket;
    int state;
};

static inline bool ticket_has_state(void *arg)
{
    const struct wanted_state *wanted = arg;

    return leaselock_ticket_state(wanted->ticket) == wanted->state;
}

static inline void await_ticket(leaselock_ticket *ticket, int state)
{
    struct wanted_state wanted = {ticket, state};

    assert_true(test_until(TEST_WAIT_MS, ticket_has_state, &wanted));
}

#define SEEN_MAX 64

/** What an observer has reported: a value each, "-" for no leader. */
struct view {
    pthread_mutex_t mutex;
    int n;
    char values[SEEN_MAX][24];
    struct test_call ended;
};

#define VIEW_INIT                                                              \
    {                                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .ended = TEST_CALL_INIT            \
    }

static inline void on_leader(leaselock_observer *observer,
                             const struct leaselock_leader_info *leader,
                             void *arg)
{
    struct view *view = arg;

    (void)observer;
    (void)pthread_mutex_lock(&view->mutex);
    if (view->n < SEEN_MAX) {
        (void)snprintf(view->values[view->n], sizeof(view->values[0]), "%s",
                       leader != NULL ? leader->value : "-");
        view->n++;
    }
    (void)pthread_mutex_unlock(&view->mutex);
}

static inline void
on_end(int status, const struct leaselock_error *error, void *arg)
{
    test_call_done(status, error, &((struct view *)arg)->ended);
}

struct wanted_value {
    struct view *view;
    const char *value;
};

static inline bool view_ends_with(void *arg)
{
    struct wanted_value *wanted = arg;
    struct view *view = wanted->view;
    bool is_so;

    (void)pthread_mutex_lock(&view->mutex);
    is_so =
        view->n > 0 && strcmp(view->values[view->n - 1], wanted->value) == 0;
    (void)pthread_mutex_unlock(&view->mutex);
    return is_so;
}

/** Waits until the observer's latest report is this one. */
static inline void await_leader(struct view *view, const char *value)
{
    struct wanted_value wanted = {view, value};

    if (!test_until(TEST_WAIT_MS, view_ends_with, &wanted)) {
        fail_msg("the observer does not report \"%s\"", value);
    }
}

static inline leaselock_observer *
observe(leaselock_client *client, const char *name, struct view *view)
{
    leaselock_observer *observer = NULL;

    assert_int_equal(leaselock_observe(client, name, on_leader, on_end, view,
                                       &observer, NULL),
                     0);
    return observer;
}

static inline leaselock_ticket *
campaign(struct test_peer *peer, const char *name, const char *value)
{
    leaselock_ticket *ticket = NULL;

    assert_int_equal(leaselock_campaign(peer->session, name, value,
                                        strlen(value), NULL, TEST_WAIT_MS,
                                        &ticket, NULL),
                     0);
    return ticket;
}

#endif
