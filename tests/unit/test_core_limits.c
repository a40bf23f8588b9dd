/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: core's limits hold. Method: each at the limit and one beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/read.h"
#include "core/stream.h"
#include "core/write.h"
#include "leaselock/status.h"
#include "support/test_timeline.h"

__attribute__((format(printf, 2, 3))) static void
input(struct test_timeline *timeline, const char *format, ...)
{
    char line[2048];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (!test_timeline_input(timeline, line)) {
        fail_msg("%s: %s", line, test_timeline_fault(timeline));
    }
}

/** How often a word occurs in the output since the last call. */
static unsigned count(struct test_timeline *timeline, const char *word)
{
    unsigned n = 0;

    for (const char *at = test_timeline_output(timeline);
         (at = strstr(at, word)) != NULL; at++) {
        n++;
    }
    test_timeline_clear(timeline);
    return n;
}

static struct test_timeline *with_session(void)
{
    struct test_timeline *timeline = test_timeline_new();

    assert_non_null(timeline);
    input(timeline, "0 setup window 255 crowd 10000 request-timeout 100");
    input(timeline, "0 open 1 ttl 86400");
    input(timeline, "0 answer 1.1 granted 86400");
    test_timeline_clear(timeline);
    return timeline;
}

static void end(struct test_timeline *timeline)
{
    assert_int_equal(test_timeline_breaches(timeline), 0);
    test_timeline_free(timeline);
}

/** Goal: at most LL_CALLS_MAX calls are in flight, and the others follow in
 * order. Method: three acquires too many, then answers. */
static void test_calls(void **state)
{
    struct test_timeline *timeline = with_session();
    uint64_t id;

    (void)state;
    for (id = 2; id < 2 + LL_CALLS_MAX + 3; id++) {
        input(timeline, "1 acquire %" PRIu64 " on 1 job%" PRIu64, id, id);
    }
    assert_int_equal(count(timeline, "-> call"), LL_CALLS_MAX);
    input(timeline, "1.1 answer 9.1 queued rev 5");
    assert_int_equal(count(timeline, "-> call 514.1"), 1);
    /* A failed call frees a slot as well, and is repeated after the waiting
     * ones. */
    input(timeline, "1.2 answer 10.1 lost");
    assert_int_equal(count(timeline, "-> call 515.1"), 1);
    input(timeline, "1.3 time");
    assert_int_equal(count(timeline, "-> call"), 0);
    input(timeline, "1.4 answer 11.1 queued rev 6");
    assert_int_equal(count(timeline, "-> call 516.1"), 1);
    input(timeline, "1.5 answer 12.1 queued rev 7");
    assert_int_equal(count(timeline, "-> call 10.2"), 1);
    end(timeline);
}

/** Goal: a call that waits for a slot is dropped when it is not needed any
 * more. Method: use all slots, time one out that was never sent. */
static void test_call_never_sent(void **state)
{
    struct test_timeline *timeline = with_session();
    uint64_t id;

    (void)state;
    for (id = 2; id < 2 + LL_CALLS_MAX; id++) {
        input(timeline, "1 acquire %" PRIu64 " on 1 job%" PRIu64, id, id);
    }
    input(timeline, "1 acquire 9000 on 1 late timeout 0.5");
    input(timeline, "2 time");
    assert_int_equal(count(timeline, "ticket 9000 acquired: E_TIMEOUT"), 1);
    input(timeline, "2 look 9000");
    assert_int_equal(count(timeline, "9000 is no more"), 1);
    input(timeline, "3 answer 2.1 queued rev 5");
    assert_int_equal(count(timeline, "-> call"), 0);
    end(timeline);
}

/** Goal: at most LL_WATCHES_CREATING_MAX creations are unanswered. Method:
 * enough waiting tickets for more watches than that. */
static void test_watches(void **state)
{
    struct test_timeline *timeline = with_session();
    unsigned waiters = LL_WATCHES_CREATING_MAX / 2 + 2;
    uint64_t id;

    (void)state;
    for (id = 2; id < 2 + waiters; id++) {
        input(timeline, "1 acquire %" PRIu64 " on 1 job%" PRIu64, id, id);
        input(timeline,
              "1 answer %" PRIu64 ".1 queued rev 7 behind job%" PRIu64 "/b@5",
              id, id);
    }
    assert_int_equal(count(timeline, "-> watch "), LL_WATCHES_CREATING_MAX);
    input(timeline, "1 created 2.own.1 rev 8");
    assert_int_equal(count(timeline, "-> watch 514.own.1"), 1);
    /* A refusal frees a slot; the refused one is created again last. */
    input(timeline, "1 refused -1 error");
    assert_int_equal(count(timeline, "-> watch 514.ahead.1"), 1);
    /* A dropped one keeps its slot until etcd has answered it. */
    input(timeline, "1 release 3");
    assert_int_equal(count(timeline, "-> watch "), 0);
    input(timeline, "1 created 3.own.1 rev 8");
    assert_int_equal(count(timeline, "-> watch 515.own.1"), 1);
    /* On a new stream all are created again. */
    input(timeline, "1 down watch");
    test_timeline_clear(timeline);
    input(timeline, "2 time");
    assert_int_equal(count(timeline, "-> watch "), LL_WATCHES_CREATING_MAX);
    end(timeline);
}

/** Goal: the stream stays on a server that creates many watches slowly, and
 * leaves one that stops creating them. Method: more watches than the limit, one
 * created each second, and then none. */
static void test_slow_watches(void **state)
{
    struct test_timeline *timeline = with_session();
    uint64_t id;
    unsigned second;

    (void)state;
    for (id = 2; id < 2 + LL_WATCHES_CREATING_MAX; id++) {
        input(timeline, "1 acquire %" PRIu64 " on 1 job%" PRIu64, id, id);
        input(timeline,
              "1 answer %" PRIu64 ".1 queued rev 7 behind job%" PRIu64 "/b@5",
              id, id);
    }
    test_timeline_clear(timeline);
    for (second = 2; second < 12; second++) {
        input(timeline, "%u created %u.own.1 rev 8", second, second);
    }
    assert_int_equal(count(timeline, "-> close watch"), 0);
    input(timeline, "15.9 time");
    assert_int_equal(count(timeline, "-> close watch"), 0);
    input(timeline, "16 time");
    assert_int_equal(count(timeline, "-> close watch"), 1);
    end(timeline);
}

/** Goal: pending reads are sent as one Txn that etcd accepts, and at most as
 * many as the window. Method: enough waiting tickets for two, all created while
 * the first read is unanswered. */
static void test_reads(void **state)
{
    struct test_timeline *timeline = test_timeline_new();
    unsigned waiters = LL_BATCH_PARTS_MAX + 2;
    uint64_t id;

    (void)state;
    assert_non_null(timeline);
    input(timeline, "0 setup window 1 request-timeout 100");
    input(timeline, "0 open 1 ttl 86400");
    input(timeline, "0 answer 1.1 granted 86400");
    for (id = 2; id < 2 + waiters; id++) {
        input(timeline, "1 acquire %" PRIu64 " on 1 job%" PRIu64, id, id);
        input(timeline,
              "1 answer %" PRIu64 ".1 queued rev 7 behind job%" PRIu64 "/b@5",
              id, id);
    }
    test_timeline_clear(timeline);
    for (id = 2; id < 2 + waiters; id++) {
        input(timeline, "2 created %" PRIu64 ".own.1 rev 8", id);
        input(timeline, "2 created %" PRIu64 ".ahead.1 rev 8", id);
    }
    assert_int_equal(count(timeline, "-> call"), 1);
    input(timeline, "2 answer 2.2 lost");
    assert_int_equal(count(timeline, "; get"), LL_BATCH_PARTS_MAX - 1);
    input(timeline, "3 answer batch64.1 lost");
    assert_int_equal(count(timeline, "; get"), LL_BATCH_PARTS_MAX - 1);
    /* etcd's own limit may be lower. */
    input(timeline, "4 answer batch64.2 too-many");
    assert_int_equal(count(timeline, "-> call batch"), 1);
    input(timeline, "5 answer batch64.3 lost");
    assert_int_equal(count(timeline, "; get"), LL_BATCH_PARTS_MAX / 2 - 1);
    end(timeline);
}

/** Goal: at most LL_READ_QUEUES_MAX queues are read in one request, each of
 * which may be long. Method: that many tickets and two more lose their
 * predecessor's key while the first read is unanswered. */
static void test_queue_reads(void **state)
{
    struct test_timeline *timeline = test_timeline_new();
    unsigned waiters = LL_READ_QUEUES_MAX + 2;
    uint64_t id;

    (void)state;
    assert_non_null(timeline);
    input(timeline, "0 setup window 1 request-timeout 100");
    input(timeline, "0 open 1 ttl 86400");
    input(timeline, "0 answer 1.1 granted 86400");
    for (id = 2; id < 3 + waiters; id++) {
        input(timeline, "1 acquire %" PRIu64 " on 1 job%" PRIu64, id, id);
        input(timeline,
              "1 answer %" PRIu64 ".1 queued rev 7 behind job%" PRIu64
              "/b@5 of %d",
              id, id, id == 2 ? 1 : 2);
        if (id == 2) {
            input(timeline, "1 created 2.own.1 rev 7");
        }
        input(timeline, "1 created %" PRIu64 ".ahead.1 rev 7", id);
        if (id > 2) {
            input(timeline, "1 deleted %" PRIu64 ".ahead.1 rev 8", id);
        }
    }
    test_timeline_clear(timeline);
    input(timeline, "2 answer 2.2 lost");
    assert_int_equal(count(timeline, "list job"), LL_READ_QUEUES_MAX);
    input(timeline, "3 answer batch64.1 lost");
    assert_int_equal(count(timeline, "list job"), 2);
    end(timeline);
}

/** Goal: beyond LL_REAPS_MAX abandoned attempts the oldest is dropped, and
 * logged. Method: one more acquire whose answer is lost late. */
static void test_reaps(void **state)
{
    struct test_timeline *timeline = test_timeline_new();
    uint64_t id;

    (void)state;
    assert_non_null(timeline);
    input(timeline, "0 setup request-timeout 100 log 1");
    input(timeline, "0 open 1 ttl 86400");
    input(timeline, "0 answer 1.1 granted 86400");
    for (id = 2; id < 2 + LL_REAPS_MAX; id++) {
        input(timeline, "1 acquire %" PRIu64 " on 1 job", id);
        input(timeline, "1 release %" PRIu64, id);
        input(timeline, "1 answer %" PRIu64 ".1 lost", id);
    }
    assert_int_equal(count(timeline, "too many abandoned attempts"), 0);
    input(timeline, "1 look 2");
    assert_int_equal(count(timeline, "ticket 2 is leaving"), 1);
    input(timeline, "1 acquire 9000 on 1 job");
    input(timeline, "1 release 9000");
    input(timeline, "1 answer 9000.1 lost");
    assert_int_equal(count(timeline, "too many abandoned attempts"), 1);
    /* Its watch is still being created: it is freed when that is answered. */
    input(timeline, "1 created 2.own.1 rev 7");
    input(timeline, "1 look 2");
    assert_int_equal(count(timeline, "2 is no more"), 1);
    input(timeline, "1 look 3");
    assert_int_equal(count(timeline, "ticket 3 is leaving"), 1);
    end(timeline);
}

/** A core with session 1, active. */
static struct ll_core *core_new(void)
{
    const struct ll_core_config config = {
        .endpoints_n = 1, .request_timeout_ns = 1000, .seed = 1};
    const struct ll_answer granted = {.outcome = LL_OUTCOME_OK,
                                      .text = "",
                                      .kind = LL_REQUEST_LEASE_GRANT,
                                      .lease = {.ttl_s = 10}};
    struct ll_core *core = ll_core_new(&config);
    struct ll_event event = {
        .kind = LL_EVENT_SESSION_OPEN, .now_ns = 1, .id = 1};
    struct ll_effect effect;

    assert_non_null(core);
    event.session_open.lease = 1;
    event.session_open.ttl_s = 10;
    event.session_open.timeout_ns = 1000000;
    assert_int_equal(ll_core_step(core, &event), 0);
    assert_true(ll_core_next(core, &effect));
    event = (struct ll_event){.kind = LL_EVENT_ANSWER, .now_ns = 2, .id = 1};
    event.answer.seq = effect.call.seq;
    event.answer.answer = &granted;
    assert_int_equal(ll_core_step(core, &event), 0);
    return core;
}

/** Goal: a value beyond LL_VALUE_MAX and a name beyond its 1024 bytes are
 *  refused. Method: both at the limit and a byte longer. */
static void test_sizes(void **state)
{
    static char text[LL_VALUE_MAX + 1];
    struct ll_core *core = core_new();
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE, .now_ns = 3, .id = 2};

    (void)state;
    memset(text, 'x', sizeof(text));
    event.acquire.session = 1;
    event.acquire.timeout_ns = -1;
    event.acquire.name = (struct ll_bytes){text, 1024};
    event.acquire.value = (struct ll_bytes){text, LL_VALUE_MAX + 1};
    assert_int_equal(ll_core_step(core, &event), LEASELOCK_E_LIMIT);
    event.acquire.value.size = LL_VALUE_MAX;
    event.acquire.name.size = 1025;
    assert_int_equal(ll_core_step(core, &event), LEASELOCK_E_NAME);
    event.acquire.name.size = 1024;
    assert_int_equal(ll_core_step(core, &event), 0);
    ll_core_free(core);
}

static int session_open(struct ll_core *core, uint64_t id)
{
    struct ll_event event = {
        .kind = LL_EVENT_SESSION_OPEN, .now_ns = 3, .id = id};

    event.session_open.lease = (int64_t)id;
    event.session_open.ttl_s = 10;
    event.session_open.timeout_ns = 1000;
    return ll_core_step(core, &event);
}

/** Goal: sessions are limited, and closing one frees its place. Method: open
 *  LL_SESSIONS_MAX, one more, and close one whose grant was never sent. */
static void test_sessions(void **state)
{
    struct ll_core *core = core_new();
    struct ll_event event = {
        .kind = LL_EVENT_SESSION_CLOSE, .now_ns = 3, .id = LL_SESSIONS_MAX};
    uint64_t id;

    (void)state;
    for (id = 2; id <= LL_SESSIONS_MAX; id++) {
        assert_int_equal(session_open(core, id), 0);
    }
    assert_int_equal(session_open(core, id), LEASELOCK_E_LIMIT);
    event.session_close.timeout_ns = 1000;
    assert_int_equal(ll_core_step(core, &event), 0);
    assert_int_equal(session_open(core, id), 0);
    ll_core_free(core);
}

/** Steps a write of ticket 2 with so many conditions and puts. */
static int write_ask(struct ll_core *core,
                     uint64_t id,
                     size_t compares_n,
                     size_t ops_n,
                     const struct ll_bytes *value)
{
    static struct ll_compare compares[LL_WRITE_PARTS_MAX + 1];
    static struct ll_op ops[LL_WRITE_PARTS_MAX + 1];
    struct ll_event event = {.kind = LL_EVENT_WRITE, .now_ns = 4, .id = id};

    for (size_t i = 0; i <= LL_WRITE_PARTS_MAX; i++) {
        compares[i].key = (struct ll_bytes){"a", 1};
        ops[i].kind = LL_OP_PUT;
        ops[i].put.key = (struct ll_bytes){"a", 1};
    }
    event.write.ticket = 2;
    event.write.compares = compares;
    event.write.compares_n = compares_n;
    event.write.ops = ops;
    event.write.ops_n = ops_n;
    event.write.value = value;
    event.write.timeout_ns = 1000;
    return ll_core_step(core, &event);
}

/** Goal: a write's operations and the writes of one ticket are limited. Method:
 *  each at the limit and one beyond it. */
static void test_writes(void **state)
{
    static char text[LL_VALUE_MAX + 1];
    struct ll_bytes value = {text, LL_VALUE_MAX + 1};
    struct ll_core *core = core_new();
    const struct ll_answer queued = {.outcome = LL_OUTCOME_OK,
                                     .text = "",
                                     .revision = 7,
                                     .kind = LL_REQUEST_TXN,
                                     .txn = {.succeeded = true}};
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE, .now_ns = 3, .id = 2};
    struct ll_effect effect;
    uint64_t id = 3;

    (void)state;
    event.acquire.session = 1;
    event.acquire.name = (struct ll_bytes){"a", 1};
    event.acquire.timeout_ns = 0;
    assert_int_equal(ll_core_step(core, &event), 0);
    while (ll_core_next(core, &effect)) {
    }
    event = (struct ll_event){.kind = LL_EVENT_ANSWER, .now_ns = 3, .id = 2};
    event.answer.seq = 1;
    event.answer.answer = &queued;
    assert_int_equal(ll_core_step(core, &event), 0);
    assert_int_equal(write_ask(core, id, LL_WRITE_PARTS_MAX + 1, 0, NULL),
                     LEASELOCK_E_LIMIT);
    assert_int_equal(write_ask(core, id, 0, LL_WRITE_PARTS_MAX + 1, NULL),
                     LEASELOCK_E_LIMIT);
    assert_int_equal(write_ask(core, id, 0, 1, &value), LEASELOCK_E_LIMIT);
    value.size = LL_VALUE_MAX;
    for (; id < 3 + LL_WRITES_MAX; id++) {
        assert_int_equal(
            write_ask(core, id, LL_WRITE_PARTS_MAX, LL_WRITE_PARTS_MAX, &value),
            0);
    }
    assert_int_equal(write_ask(core, id, 0, 1, NULL), LEASELOCK_E_LIMIT);
    ll_core_free(core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),    cmocka_unit_test(test_call_never_sent),
        cmocka_unit_test(test_watches),  cmocka_unit_test(test_slow_watches),
        cmocka_unit_test(test_reads),    cmocka_unit_test(test_queue_reads),
        cmocka_unit_test(test_reaps),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_sessions), cmocka_unit_test(test_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
