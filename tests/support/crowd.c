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
/** Takers of a turning name: one on each client. */
#define TAKERS CROWD_CLIENTS

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

static void seat_ask(struct crowd_seat *seat);

/** Notes who has got a lock, and looks whether anybody else has it. */
static void row_enter(struct crowd_row *row, struct crowd_seat *seat)
{
    struct test_crowd *crowd = seat->crowd;
    int64_t token = leaselock_ticket_token(seat->ticket);
    int64_t now_ns = test_now_ns();
    int i;

    seat->holding = true;
    seat->overtaken = false;
    seat->turns++;
    if (leaselock_ticket_state(seat->ticket) != LEASELOCK_TICKET_HELD) {
        return; /* lost before it was told of; on_lost follows */
    }
    for (i = 0; i < row->seats_n; i++) {
        struct crowd_seat *other = &row->seats[i];

        if (other != seat && other->holding &&
            leaselock_ticket_state(other->ticket) == LEASELOCK_TICKET_HELD) {
            other->overtaken = true;
            crowd->overtaken++;
        }
        if (other->overtaken && !crowd->revocable) {
            crowd_note(crowd, "%s is held twice, with %lld and %lld", row->name,
                       (long long)leaselock_ticket_token(other->ticket),
                       (long long)token);
        }
    }
    if (token <= row->token) {
        crowd_note(crowd, "%s: token %lld follows %lld", row->name,
                   (long long)token, (long long)row->token);
    }
    row->token = token;
    if (row->entered_ns != 0 &&
        now_ns - row->entered_ns > row->longest_pause_ns) {
        row->longest_pause_ns = now_ns - row->entered_ns;
    }
    row->entered_ns = now_ns;
}

/** The end of a release. */
static void
seat_on_left(int status, const struct leaselock_error *error, void *arg)
{
    struct crowd_seat *seat = arg;
    struct test_crowd *crowd = seat->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->releasing--;
    seat->status = status;
    /* A release that is not answered in time goes on behind the scenes, and one
     * of a ticket that is lost may come before on_lost, which then stays out.
     */
    if (status == LEASELOCK_E_LOST) {
        crowd->lost += seat->lost_calls == 0 ? 1 : 0;
    } else if (status != 0 && status != LEASELOCK_E_OUTCOME_UNKNOWN) {
        crowd_note(crowd, "%s: release: %s", seat->row->name, error->message);
    }
    if (seat->row->turning && !crowd->closing && status != LEASELOCK_E_LOST) {
        seat_ask(seat);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

/** Gives a held or lost ticket back. */
static void seat_leave(struct crowd_seat *seat)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    seat->holding = false;
    seat->crowd->releasing++;
    if (leaselock_release_async(seat->ticket, seat_on_left, seat, &error) !=
        0) {
        seat->crowd->releasing--;
        crowd_note(seat->crowd, "%s: release: %s", seat->row->name,
                   error.message);
    }
}

/** The end of an acquire. */
static void
seat_on_done(int status, const struct leaselock_error *error, void *arg)
{
    struct crowd_seat *seat = arg;
    struct test_crowd *crowd = seat->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    if (!seat->waiting) {
        crowd_note(crowd, "%s: an acquire ended twice", seat->row->name);
    }
    seat->waiting = false;
    seat->status = status;
    if (status == 0) {
        row_enter(seat->row, seat);
        if (seat->row->turning || seat->row->draining) {
            seat_leave(seat);
        }
    } else if (status == LEASELOCK_E_LOST) {
        crowd->lost++;
    } else {
        crowd_note(crowd, "%s: acquire: %s", seat->row->name, error->message);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

static void seat_on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct crowd_seat *seat = arg;
    struct test_crowd *crowd = seat->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->lost++;
    seat->lost_calls++;
    if (seat->lost_calls > 1) {
        crowd_note(crowd, "%s: lost twice: %s", seat->row->name, why);
    }
    if (leaselock_ticket_state(ticket) != LEASELOCK_TICKET_LOST) {
        crowd_note(crowd, "%s: told to be lost (%s), but is not",
                   seat->row->name, why);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

/** Queues for a ticket. */
static void seat_ask(struct crowd_seat *seat)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    options.on_lost = seat_on_lost;
    options.on_lost_arg = seat;
    seat->lost_calls = 0;
    seat->waiting = true;
    if (leaselock_acquire_async(seat->session, seat->row->name, &options,
                                LEASELOCK_FOREVER, seat_on_done, seat,
                                &seat->ticket, &error) != 0) {
        seat->waiting = false;
        crowd_note(seat->crowd, "%s: acquire: %s", seat->row->name,
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

/** Adds a name with its seats, all of them unseated. */
static void add_row(struct test_crowd *crowd, bool turning, int seats)
{
    struct crowd_row *row = &crowd->rows[crowd->rows_n];
    int i;

    assert_true(crowd->rows_n < CROWD_ROWS_MAX &&
                crowd->seats_n + seats <= CROWD_SEATS_MAX);
    (void)snprintf(row->name, sizeof(row->name), "%s/%s/%d", crowd->prefix,
                   turning ? "turning" : "still", crowd->rows_n);
    row->turning = turning;
    row->seats = &crowd->seats[crowd->seats_n];
    row->seats_n = seats;
    for (i = 0; i < seats; i++) {
        /* Takers sit on a client each; on still names two neighbours share a
         * session. */
        int session = turning ? 2 * i : (crowd->rows_n + i / 2);

        row->seats[i] = (struct crowd_seat){
            .crowd = crowd,
            .row = row,
            .session = crowd->sessions[session % CROWD_SESSIONS],
        };
    }
    crowd->rows_n++;
    crowd->seats_n += seats;
}

struct seated {
    struct test_crowd *crowd;
    bool only_first;
};

static bool all_are_seated(void *arg)
{
    const struct seated *seated = arg;
    struct test_crowd *crowd = seated->crowd;
    bool all = true;
    int i;
    int j;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->still_n && crowd->fault[0] == '\0'; i++) {
        struct crowd_row *row = &crowd->rows[i];

        all = all && row->seats[0].holding;
        for (j = 1; j < row->seats_n && !seated->only_first; j++) {
            all = all && leaselock_ticket_position(row->seats[j].ticket) > 0;
        }
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    return all;
}

/** Queues everybody, the holders first. */
static void seat_all(struct test_crowd *crowd)
{
    struct seated seated = {crowd, true};
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->still_n; i++) {
        seat_ask(&crowd->rows[i].seats[0]);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    assert_true(test_until(TEST_WAIT_MS, all_are_seated, &seated));
    crowd_fail_on_fault(crowd);
    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->seats_n; i++) {
        struct crowd_seat *seat = &crowd->seats[i];

        if (seat->row->turning || seat != &seat->row->seats[0]) {
            seat_ask(seat);
        }
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    seated.only_first = false;
    assert_true(test_until(TEST_WAIT_MS, all_are_seated, &seated));
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
        add_row(crowd, false, 1 + (small ? SMALL_WAITERS : FULL_WAITERS));
    }
    for (i = 0; i < (small ? SMALL_TURNING : FULL_TURNING); i++) {
        add_row(crowd, true, TAKERS);
    }
    seat_all(crowd);
    test_crowd_await_turns(crowd);
    return crowd;
}

struct turns_wanted {
    struct test_crowd *crowd;
    long turns[CROWD_SEATS_MAX];
};

static bool all_had_turns(void *arg)
{
    struct turns_wanted *wanted = arg;
    struct test_crowd *crowd = wanted->crowd;
    bool all = true;
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->seats_n && crowd->fault[0] == '\0'; i++) {
        struct crowd_seat *seat = &crowd->seats[i];
        bool is_out = !seat->waiting && !seat->holding &&
                      seat->status == LEASELOCK_E_LOST;

        all = all && (!seat->row->turning || is_out ||
                      seat->turns >= wanted->turns[i]);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    return all;
}

/** Says what a taker does, for a person who looks for what went wrong. */
static void seat_print(const struct crowd_seat *seat)
{
    struct test_crowd *crowd = seat->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    if (seat->row->turning) {
        print_error("%s: client %ld: session %d, %ld turns, %s (%s), token "
                    "%lld, %lld ahead\n",
                    seat->row->name, (long)(seat - seat->row->seats),
                    leaselock_session_state(seat->session), seat->turns,
                    seat->waiting   ? "waits"
                    : seat->holding ? "holds"
                                    : "releases",
                    leaselock_status_name(seat->status),
                    (long long)leaselock_ticket_token(seat->ticket),
                    (long long)leaselock_ticket_position(seat->ticket));
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

void test_crowd_await_turns(struct test_crowd *crowd)
{
    struct turns_wanted wanted = {.crowd = crowd};
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->seats_n; i++) {
        wanted.turns[i] = crowd->seats[i].turns + 2;
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (!test_until(TEST_WAIT_MS, all_had_turns, &wanted)) {
        crowd_note(crowd, "a taker does not get its turn");
        for (i = 0; i < crowd->seats_n; i++) {
            seat_print(&crowd->seats[i]);
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

int test_crowd_overtaken(struct test_crowd *crowd)
{
    int overtaken;

    (void)pthread_mutex_lock(&crowd->mutex);
    overtaken = crowd->overtaken;
    (void)pthread_mutex_unlock(&crowd->mutex);
    return overtaken;
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
    for (i = crowd->still_n; i < crowd->rows_n; i++) {
        if (crowd->rows[i].longest_pause_ns > longest_ns) {
            longest_ns = crowd->rows[i].longest_pause_ns;
        }
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    return longest_ns / TEST_NS_PER_MS;
}

static bool all_have_left(void *arg)
{
    struct test_crowd *crowd = arg;
    bool all = true;
    int i;

    (void)pthread_mutex_lock(&crowd->mutex);
    for (i = 0; i < crowd->seats_n && crowd->fault[0] == '\0'; i++) {
        all = all && !crowd->seats[i].waiting && !crowd->seats[i].holding;
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
    for (i = 0; i < crowd->rows_n; i++) {
        crowd->rows[i].draining = true;
    }
    for (i = 0; i < crowd->seats_n; i++) {
        if (crowd->seats[i].holding) {
            seat_leave(&crowd->seats[i]);
        }
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (!test_until(TEST_WAIT_MS, all_have_left, crowd)) {
        fail_msg("somebody was neither served nor told of a loss");
    }
    crowd_fail_on_fault(crowd);
    (void)snprintf(prefix, sizeof(prefix), "%s/", crowd->prefix);
    test_await_keys(witness, prefix, 0);
    for (i = 0; i < CROWD_CLIENTS; i++) {
        test_peer_close(&crowd->peers[i]);
    }
    /* A lease whose revoke was not answered in time goes a little later. */
    assert_true(test_until(TEST_WAIT_MS, no_lease_is_left, witness));
    crowd_fail_on_fault(crowd);
    print_message("%s: longest pause %lld ms, %d suspected, %d lost\n",
                  crowd->prefix, (long long)test_crowd_longest_pause_ms(crowd),
                  test_crowd_suspected(crowd), test_crowd_lost(crowd));
    (void)pthread_mutex_destroy(&crowd->mutex);
    free(crowd);
}
