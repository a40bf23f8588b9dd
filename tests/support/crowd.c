/* SPDX-License-Identifier: Apache-2.0 */
#include "support/crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cluster_client.h"
#include "support/crowd_private.h"
#include "support/wait.h"

#define FULL_NAMES 50
#define FULL_TURNING 3
#define FULL_WAITERS 10
#define SMALL_NAMES 10
#define SMALL_TURNING 1
#define SMALL_WAITERS 5
/** Contenders for a turning name: one on each client. */
#define TURNING_CONTENDERS CROWD_CLIENTS

void crowd_note(struct test_crowd *crowd, const char *format, ...)
{
    va_list values;

    if (crowd->fault[0] == '\0') {
        va_start(values, format);
        (void)vsnprintf(crowd->fault, sizeof(crowd->fault), format, values);
        va_end(values);
    }
}

void crowd_fail_on_fault(struct test_crowd *crowd)
{
    char fault[CROWD_FAULT_SIZE];

    (void)pthread_mutex_lock(&crowd->mutex);
    (void)memcpy(fault, crowd->fault, sizeof(fault));
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (fault[0] != '\0') {
        fail_msg("%s", fault);
    }
}

static void contender_acquire(struct crowd_contender *contender);

/** Records a grant, and checks that no other contender holds the lock. */
static void queue_note_grant(struct crowd_queue *queue,
                             struct crowd_contender *contender)
{
    struct test_crowd *crowd = contender->crowd;
    int64_t token = leaselock_ticket_token(contender->ticket);
    int64_t now_ns = test_now_ns();
    int i;

    contender->holding = true;
    contender->superseded = false;
    contender->turns++;
    if (leaselock_ticket_state(contender->ticket) != LEASELOCK_TICKET_HELD) {
        return; /* lost before the grant was reported; on_lost follows */
    }
    for (i = 0; i < queue->contenders_n; i++) {
        struct crowd_contender *other = &queue->contenders[i];

        int64_t others;

        if (other == contender || !other->holding ||
            leaselock_ticket_state(other->ticket) != LEASELOCK_TICKET_HELD) {
            continue;
        }
        /* The older one, whichever is reported later, is about to be lost. */
        others = leaselock_ticket_token(other->ticket);
        *(others < token ? &other->superseded : &contender->superseded) = true;
        crowd->superseded++;
        if (!crowd->revocable) {
            crowd_note(crowd, "%s is held twice, with %lld and %lld",
                       queue->name, (long long)others, (long long)token);
        }
    }
    if (token > queue->token) {
        queue->token = token;
    } else if (!crowd->revocable) {
        /* If etcd revokes leases of living sessions, the next holder's grant
         * may be reported before that of one whose key is gone already. */
        crowd_note(crowd, "%s: token %lld follows %lld", queue->name,
                   (long long)token, (long long)queue->token);
    }
    if (queue->entered_ns != 0 &&
        now_ns - queue->entered_ns > queue->longest_pause_ns) {
        queue->longest_pause_ns = now_ns - queue->entered_ns;
    }
    queue->entered_ns = now_ns;
}

/** The release has completed. */
static void contender_on_released(int status,
                                  const struct leaselock_error *error,
                                  void *arg)
{
    struct crowd_contender *contender = arg;
    struct test_crowd *crowd = contender->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->releasing--;
    contender->status = status;
    /* A release whose answer is late continues in the background. If a ticket
     * is released before its loss is reported, on_lost is not called. */
    if (status == LEASELOCK_E_LOST) {
        crowd->lost += contender->lost_calls == 0 ? 1 : 0;
    } else if (status != 0 && status != LEASELOCK_E_OUTCOME_UNKNOWN) {
        crowd_note(crowd, "%s: release: %s", contender->queue->name,
                   error->message);
    }
    if (contender->queue->turning && !crowd->closing &&
        status != LEASELOCK_E_LOST) {
        contender_acquire(contender);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

/** Releases a held or lost ticket. */
static void contender_release(struct crowd_contender *contender)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    contender->holding = false;
    contender->crowd->releasing++;
    if (leaselock_release_async(contender->ticket, contender_on_released,
                                contender, &error) != 0) {
        contender->crowd->releasing--;
        crowd_note(contender->crowd, "%s: release: %s", contender->queue->name,
                   error.message);
    }
}

/** The acquire has completed. */
static void contender_on_acquired(int status,
                                  const struct leaselock_error *error,
                                  void *arg)
{
    struct crowd_contender *contender = arg;
    struct test_crowd *crowd = contender->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    if (!contender->waiting) {
        crowd_note(crowd, "%s: an acquire ended twice", contender->queue->name);
    }
    contender->waiting = false;
    contender->status = status;
    if (status == 0) {
        queue_note_grant(contender->queue, contender);
        if (contender->queue->turning || contender->queue->draining) {
            contender_release(contender);
        }
    } else if (status == LEASELOCK_E_LOST) {
        crowd->lost++;
    } else {
        crowd_note(crowd, "%s: acquire: %s", contender->queue->name,
                   error->message);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

static void
contender_on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct crowd_contender *contender = arg;
    struct test_crowd *crowd = contender->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->lost++;
    contender->lost_calls++;
    if (contender->lost_calls > 1) {
        crowd_note(crowd, "%s: lost twice: %s", contender->queue->name, why);
    }
    if (leaselock_ticket_state(ticket) != LEASELOCK_TICKET_LOST) {
        crowd_note(crowd, "%s: reported lost (%s), but is not",
                   contender->queue->name, why);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

/** Queues for a ticket. */
static void contender_acquire(struct crowd_contender *contender)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    options.on_lost = contender_on_lost;
    options.on_lost_arg = contender;
    contender->lost_calls = 0;
    contender->waiting = true;
    if (leaselock_acquire_async(contender->session, contender->queue->name,
                                &options, LEASELOCK_FOREVER,
                                contender_on_acquired, contender,
                                &contender->ticket, &error) != 0) {
        contender->waiting = false;
        crowd_note(contender->crowd, "%s: acquire: %s", contender->queue->name,
                   error.message);
    }
}

static void session_on_state(leaselock_session *session,
                             enum leaselock_session_state state,
                             const char *why,
                             void *arg)
{
    struct test_crowd *crowd = arg;

    (void)session;
    (void)why;
    if (state == LEASELOCK_SESSION_SUSPECT) {
        (void)pthread_mutex_lock(&crowd->mutex);
        crowd->suspected++;
        (void)pthread_mutex_unlock(&crowd->mutex);
    }
}

/** Opens the clients, one member after the other, with two sessions each. */
static void open_sessions(struct test_crowd *crowd, int ttl_s)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    size_t i;

    options.ttl_s = ttl_s;
    options.on_state = session_on_state;
    options.on_state_arg = crowd;
    for (i = 0; i < CROWD_CLIENTS; i++) {
        struct test_peer *peer = &crowd->peers[i];

        assert_int_equal(test_cluster_client_open(crowd->cluster,
                                                  i % TEST_CLUSTER_MEMBERS,
                                                  NULL, &options, peer),
                         0);
        crowd->sessions[2 * i] = peer->session;
        assert_int_equal(leaselock_session_open(peer->client, &options,
                                                &crowd->sessions[2 * i + 1],
                                                NULL),
                         0);
    }
}

/** Adds a name with its contenders, none of which has queued yet. */
static void add_queue(struct test_crowd *crowd, bool turning, int contenders)
{
    struct crowd_queue *queue = &crowd->queues[crowd->queues_n];
    int i;

    assert_true(crowd->queues_n < CROWD_QUEUES_MAX &&
                crowd->contenders_n + contenders <= CROWD_CONTENDERS_MAX);
    (void)snprintf(queue->name, sizeof(queue->name), "%s/%s/%d", crowd->prefix,
                   turning ? "turning" : "still", crowd->queues_n);
    queue->turning = turning;
    queue->contenders = &crowd->contenders[crowd->contenders_n];
    queue->contenders_n = contenders;
    for (i = 0; i < contenders; i++) {
        /* The contenders of a turning name have a client each; on still names
         * two neighbours share a session. */
        int session = turning ? 2 * i : (crowd->queues_n + i / 2);

        queue->contenders[i] = (struct crowd_contender){
            .crowd = crowd,
            .queue = queue,
            .session = crowd->sessions[session % CROWD_SESSIONS],
        };
    }
    crowd->queues_n++;
    crowd->contenders_n += contenders;
}

struct queued {
    struct test_crowd *crowd;
    bool only_first;
};

static bool all_are_queued(void *arg)
{
    const struct queued *queued = arg;
    struct test_crowd *crowd = queued->crowd;
    bool all = true;
    int i;
    int j;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->still_n && crowd->fault[0] == '\0'; i++) {
        struct crowd_queue *queue = &crowd->queues[i];

        all = all && queue->contenders[0].holding;
        for (j = 1; j < queue->contenders_n && !queued->only_first; j++) {
            /* Its position is not known if an answer was lost. */
            all =
                all && leaselock_ticket_token(queue->contenders[j].ticket) > 0;
        }
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    return all;
}

/** Queues all contenders, the holders first. */
static void acquire_all(struct test_crowd *crowd)
{
    struct queued queued = {crowd, true};
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->still_n; i++) {
        contender_acquire(&crowd->queues[i].contenders[0]);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    assert_true(test_until(TEST_WAIT_MS, all_are_queued, &queued));
    crowd_fail_on_fault(crowd);
    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->contenders_n; i++) {
        struct crowd_contender *contender = &crowd->contenders[i];

        if (contender->queue->turning ||
            contender != &contender->queue->contenders[0]) {
            contender_acquire(contender);
        }
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    queued.only_first = false;
    assert_true(test_until(TEST_WAIT_MS, all_are_queued, &queued));
    crowd_fail_on_fault(crowd);
}

bool test_crowd_is_small(void)
{
    const char *wanted = getenv("LEASELOCK_TEST_CROWD");

    return wanted != NULL && strcmp(wanted, "small") == 0;
}

struct test_crowd *test_crowd_open(struct test_cluster *cluster,
                                   const char *label,
                                   enum test_crowd_size size,
                                   int ttl_s)
{
    bool small = size == TEST_CROWD_SMALL || test_crowd_is_small();
    struct test_crowd *crowd = calloc(1, sizeof(*crowd));
    int i;

    assert_non_null(crowd);
    crowd->cluster = cluster;
    (void)pthread_mutex_init(&crowd->mutex, NULL);
    (void)snprintf(crowd->prefix, sizeof(crowd->prefix), "crowd/%s", label);
    open_sessions(crowd, ttl_s);
    crowd->still_n = small ? SMALL_NAMES : FULL_NAMES;
    for (i = 0; i < crowd->still_n; i++) {
        add_queue(crowd, false, 1 + (small ? SMALL_WAITERS : FULL_WAITERS));
    }
    for (i = 0; i < (small ? SMALL_TURNING : FULL_TURNING); i++) {
        add_queue(crowd, true, TURNING_CONTENDERS);
    }
    acquire_all(crowd);
    test_crowd_await_turns(crowd);
    return crowd;
}

struct turns_wanted {
    struct test_crowd *crowd;
    long turns[CROWD_CONTENDERS_MAX];
};

static bool all_had_turns(void *arg)
{
    struct turns_wanted *wanted = arg;
    struct test_crowd *crowd = wanted->crowd;
    bool all = true;
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->contenders_n && crowd->fault[0] == '\0'; i++) {
        struct crowd_contender *contender = &crowd->contenders[i];
        bool is_out = !contender->waiting && !contender->holding &&
                      contender->status == LEASELOCK_E_LOST;

        all = all && (!contender->queue->turning || is_out ||
                      contender->turns >= wanted->turns[i]);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    return all;
}

/** Prints a contender's state, for the search of a failure's cause. */
static void contender_print(const struct crowd_contender *contender)
{
    struct test_crowd *crowd = contender->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    if (contender->queue->turning) {
        print_error("%s: client %ld: session %d, %ld turns, %s (%s), token "
                    "%lld, %lld ahead\n",
                    contender->queue->name,
                    (long)(contender - contender->queue->contenders),
                    leaselock_session_state(contender->session),
                    contender->turns,
                    contender->waiting   ? "waits"
                    : contender->holding ? "holds"
                                         : "releases",
                    leaselock_status_name(contender->status),
                    (long long)leaselock_ticket_token(contender->ticket),
                    (long long)leaselock_ticket_position(contender->ticket));
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

void test_crowd_await_turns(struct test_crowd *crowd)
{
    struct turns_wanted wanted = {.crowd = crowd};
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->contenders_n; i++) {
        wanted.turns[i] = crowd->contenders[i].turns + 2;
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (!test_until(TEST_WAIT_MS, all_had_turns, &wanted)) {
        crowd_note(crowd, "a contender does not get its turn");
        for (i = 0; i < crowd->contenders_n; i++) {
            contender_print(&crowd->contenders[i]);
        }
    }
    crowd_fail_on_fault(crowd);
}

void test_crowd_allow_revocation(struct test_crowd *crowd)
{
    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->revocable = true;
    (void)pthread_mutex_unlock(&crowd->mutex);
}

int test_crowd_superseded(struct test_crowd *crowd)
{
    int superseded;

    (void)pthread_mutex_lock(&crowd->mutex);
    superseded = crowd->superseded;
    (void)pthread_mutex_unlock(&crowd->mutex);
    return superseded;
}

int test_crowd_lost(struct test_crowd *crowd)
{
    int lost;

    (void)pthread_mutex_lock(&crowd->mutex);
    lost = crowd->lost;
    (void)pthread_mutex_unlock(&crowd->mutex);
    return lost;
}

int test_crowd_suspected(struct test_crowd *crowd)
{
    int suspected;

    (void)pthread_mutex_lock(&crowd->mutex);
    suspected = crowd->suspected;
    (void)pthread_mutex_unlock(&crowd->mutex);
    return suspected;
}

int64_t test_crowd_longest_pause_ms(struct test_crowd *crowd)
{
    int64_t longest_ns = 0;
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = crowd->still_n; i < crowd->queues_n; i++) {
        if (crowd->queues[i].longest_pause_ns > longest_ns) {
            longest_ns = crowd->queues[i].longest_pause_ns;
        }
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    return longest_ns / TEST_NS_PER_MS;
}

static bool all_are_done(void *arg)
{
    struct test_crowd *crowd = arg;
    bool all = true;
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->contenders_n && crowd->fault[0] == '\0'; i++) {
        all = all && !crowd->contenders[i].waiting &&
              !crowd->contenders[i].holding;
    }
    all = all && crowd->releasing == 0;
    (void)pthread_mutex_unlock(&crowd->mutex);
    return all;
}

static bool no_lease_is_left(void *arg)
{
    return test_leases(arg) == 0;
}

void test_crowd_end(struct test_crowd *crowd)
{
    struct test_etcd *witness = test_cluster_witness(crowd->cluster);
    char prefix[CROWD_NAME_SIZE + 1];
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->closing = true;
    for (i = 0; i < crowd->queues_n; i++) {
        crowd->queues[i].draining = true;
    }
    for (i = 0; i < crowd->contenders_n; i++) {
        if (crowd->contenders[i].holding) {
            contender_release(&crowd->contenders[i]);
        }
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (!test_until(TEST_WAIT_MS, all_are_done, crowd)) {
        fail_msg("a ticket was neither granted nor reported lost");
    }
    crowd_fail_on_fault(crowd);
    (void)snprintf(prefix, sizeof(prefix), "%s/", crowd->prefix);
    test_await_keys(witness, prefix, 0);
    for (i = 0; i < CROWD_CLIENTS; i++) {
        test_peer_close(&crowd->peers[i]);
    }
    /* A lease is revoked a little later if the answer was late. */
    assert_true(test_until(TEST_WAIT_MS, no_lease_is_left, witness));
    crowd_fail_on_fault(crowd);
    print_message("%s: longest pause %lld ms, %d suspected, %d lost\n",
                  crowd->prefix, (long long)test_crowd_longest_pause_ms(crowd),
                  test_crowd_suspected(crowd), test_crowd_lost(crowd));
    (void)pthread_mutex_destroy(&crowd->mutex);
    free(crowd);
}
