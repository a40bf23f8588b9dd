/* SPDX-License-Identifier: Apache-2.0 */
/* Whether one read settles a watch, which depends on etcd's release. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/watch_server.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** What a client's log says of the release. */
struct log {
    atomic_int prompt;
    atomic_int slow;
};

static void
take_line(enum leaselock_log_level level, const char *message, void *arg)
{
    struct log *log = arg;

    (void)level;
    if (strstr(message, "one read settles a watch") != NULL) {
        log->prompt++;
    } else if (strstr(message, "its watches may be late") != NULL) {
        log->slow++;
    }
}

/** A client that writes all the time. */
struct writer {
    struct test_peer peer;
    atomic_bool stop;
    pthread_t thread;
    int status;
};

static void *write_on(void *arg)
{
    struct writer *writer = arg;

    while (!writer->stop && writer->status == 0) {
        leaselock_ticket *ticket = NULL;

        writer->status = leaselock_acquire(writer->peer.session, "server/other",
                                           NULL, TEST_WAIT_MS, &ticket, NULL);
        if (writer->status == 0) {
            writer->status = leaselock_release(ticket, NULL);
        }
    }
    return NULL;
}

static void writer_start(struct writer *writer)
{
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &writer->peer);
    assert_int_equal(pthread_create(&writer->thread, NULL, write_on, writer),
                     0);
}

static void writer_stop(struct writer *writer)
{
    writer->stop = true;
    assert_int_equal(pthread_join(writer->thread, NULL), 0);
    assert_int_equal(writer->status, 0);
    test_peer_close(&writer->peer);
}

/** The peers hand a lock over to each other, and back. */
static void take_turns(struct test_peer peers[2])
{
    leaselock_ticket *held = test_acquire(&peers[0], "server/lock");

    for (int i = 0; i < 2; i++) {
        struct test_call call = TEST_CALL_INIT;
        leaselock_ticket *next =
            test_acquire_async(&peers[(i + 1) % 2], "server/lock", &call);

        test_await_place(next);
        test_release(held);
        assert_int_equal(test_call_await(&call), 0);
        held = next;
    }
    test_release(held);
}

/** Goal: a client whose reads are repeated learns the release of the member
 *  that serves its watches, and believes what etcd's change logs say of it.
 *  Method: two clients take turns, while another one writes, until the log of
 *  one of them says what it has found. */
static void test_release_is_learned(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    char version[TEST_ETCD_VERSION_SIZE];
    int64_t deadline_ns = test_deadline_ns(TEST_WAIT_MS);
    struct writer writer = {0};
    struct log log = {0};
    struct test_peer peers[2];

    (void)state;
    assert_int_equal(test_etcd_version(&etcd, version), 0);
    options.log = take_line;
    options.log_arg = &log;
    options.log_level = LEASELOCK_LOG_DEBUG;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peers[0]);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[1]);
    writer_start(&writer);
    while (log.prompt + log.slow == 0) {
        assert_true(test_now_ns() < deadline_ns);
        take_turns(peers);
    }
    for (int i = 0; i < 10; i++) {
        take_turns(peers);
    }
    writer_stop(&writer);
    test_peer_close(&peers[0]);
    test_peer_close(&peers[1]);
    assert_int_equal(log.prompt, ll_version_is_prompt(version) ? 1 : 0);
    assert_int_equal(log.slow, ll_version_is_prompt(version) ? 0 : 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_release_is_learned),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
