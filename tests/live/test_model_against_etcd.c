/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the simulator's etcd with a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/stream.h"
#include "sim/etcd_program.h"
#include "sim/etcd_watchlog.h"
#include "support/etcd.h"
#include "support/wait.h"

#define REQUESTS 1000
#define REQUESTS_ENV "LEASELOCK_MODEL_REQUESTS"
#define SEED_ENV "LEASELOCK_MODEL_SEED"
/** Watches are compared every so many steps. */
#define STEPS_BETWEEN_BARRIERS 25
/** Below the limit of messages that etcd queues on a stream: a watch whose
 * message finds the queue full would receive its next ones late and merged. */
#define WATCHES_MAX 40
#define SENTINEL_WATCH 900000
#define WAIT_MS 20000

static struct {
    struct test_etcd etcd;
    char version[TEST_ETCD_VERSION_SIZE];
    struct ll_transport *transport;
    struct sim_etcd *model;
    struct sim_program program;
    struct sim_step step;
    struct sim_watchlog real_log;
    struct sim_watchlog model_log;
    uint64_t seed;
    uint64_t calls;
    bool answered;
    /** During a request to the model. */
    const struct ll_answer *real;
    int64_t real_ttl_s;
    bool compared;
    int64_t watches[WATCHES_MAX + 1];
    size_t watches_n;
} bed;

/** Fails the test with the request and the answers of both sides. */
static void differ(const char *real, const char *model)
{
    char *step = sim_print_step(&bed.step);

    print_error("seed %" PRIu64 ", request %" PRIu64 ": %s\netcd:  %s\n"
                "model: %s\n",
                bed.seed, bed.calls, step, real, model);
    fail();
}

static void
on_model_answer(void *arg, uint64_t tag, const struct ll_answer *answer)
{
    char *real = sim_print_answer(bed.real);
    char *model = sim_print_answer(answer);

    (void)arg;
    assert_int_equal(tag, bed.calls);
    if (strcmp(real, model) != 0) {
        differ(real, model);
    }
    if (answer->outcome == LL_OUTCOME_OK &&
        answer->kind == LL_REQUEST_LEASE_TTL &&
        llabs(answer->lease.ttl_s - bed.real->lease.ttl_s) > 2) {
        differ("another TTL is left", "");
    }
    bed.compared = true;
    free(real);
    free(model);
}

static void
on_model_watch(void *arg, uint64_t stream, const struct ll_event *event)
{
    (void)arg;
    (void)stream;
    sim_watchlog_note(&bed.model_log, event);
    if (event->kind == LL_EVENT_WATCH_CREATED &&
        event->watch.watch_id != SENTINEL_WATCH) {
        bed.watches[bed.watches_n++] = event->watch.watch_id;
    } else if (event->kind == LL_EVENT_WATCH_CANCELED) {
        size_t i;

        for (i = 0; i < bed.watches_n; i++) {
            if (bed.watches[i] == event->watch.watch_id &&
                event->watch.revision != 0) {
                bed.watches[i] = bed.watches[--bed.watches_n];
            }
        }
    }
}

static void
on_model_keepalive(void *arg, uint64_t stream, int64_t lease, int64_t ttl_s)
{
    (void)arg;
    (void)stream;
    (void)lease;
    if (ttl_s != bed.real_ttl_s) {
        differ("another TTL is renewed", "");
    }
    bed.compared = true;
}

static void on_model_down(void *arg, uint64_t stream, const char *text)
{
    (void)arg;
    fail_msg("the model ended stream %" PRIu64 ": %s", stream, text);
}

/** Sends the model the request that etcd has answered. */
static void on_event(struct ll_event *event, void *arg)
{
    (void)arg;
    switch ((int)event->kind) {
    case LL_EVENT_ANSWER:
        bed.real = event->answer.answer;
        sim_etcd_call(bed.model, 0, bed.calls, &bed.step.request,
                      test_now_ns());
        assert_true(bed.compared);
        bed.answered = true;
        break;
    case LL_EVENT_KEEPALIVE:
        bed.real_ttl_s = event->keepalive.ttl_s;
        sim_etcd_keepalive(bed.model, 2, event->keepalive.lease, test_now_ns());
        assert_true(bed.compared);
        bed.answered = true;
        break;
    case LL_EVENT_WATCH_CREATED:
    case LL_EVENT_WATCH_CANCELED:
    case LL_EVENT_WATCH_CHANGED:
        sim_watchlog_note(&bed.real_log, event);
        break;
    default:
        fail_msg("etcd ended a stream: %s", event->stream_down.text);
    }
}

/** Receives messages for a while. */
static void pump(int64_t for_ns)
{
    void *tag = ll_transport_wait(bed.transport, for_ns);

    if (tag != NULL) {
        ll_transport_complete(bed.transport, tag, on_event, NULL);
    }
}

static void run(const struct ll_effect *effect)
{
    int64_t end_ns = test_deadline_ns(WAIT_MS);

    bed.calls++;
    bed.answered = false;
    bed.compared = false;
    assert_int_equal(ll_transport_run(bed.transport, effect), 0);
    while (!bed.answered && test_now_ns() < end_ns) {
        pump(100 * TEST_NS_PER_MS);
    }
    assert_true(bed.answered);
}

static void run_call(void)
{
    struct ll_effect effect = {.kind = LL_EFFECT_CALL};

    effect.call.timeout_ns = WAIT_MS * TEST_NS_PER_MS;
    effect.call.request = bed.step.request;
    run(&effect);
}

/** Until etcd has sent as many watch messages as the model. */
static void await_messages(void)
{
    int64_t end_ns = test_deadline_ns(WAIT_MS / 4);

    while (bed.real_log.messages < bed.model_log.messages &&
           test_now_ns() < end_ns) {
        pump(100 * TEST_NS_PER_MS);
    }
}

/** Writes a key that a watch of its own waits for, so that all earlier messages
 * have arrived, and compares the watches' messages. */
static void barrier(void)
{
    struct ll_op put = {.kind = LL_OP_PUT};
    const char *real = NULL;
    const char *model = NULL;

    put.put.key = (struct ll_bytes){"~", 1};
    bed.step = (struct sim_step){.kind = SIM_STEP_CALL};
    bed.step.request.kind = LL_REQUEST_TXN;
    bed.step.request.txn.then_ops = &put;
    bed.step.request.txn.then_n = 1;
    run_call();
    await_messages();
    if (sim_watchlog_differ(&bed.real_log, &bed.model_log, &real, &model)) {
        differ(real, model);
    }
    assert_int_equal(bed.real_log.messages, bed.model_log.messages);
    sim_watchlog_clear(&bed.real_log);
    sim_watchlog_clear(&bed.model_log);
}

/** Creates a watch; one that starts in the past waits for both loops over
 *  unsynced watches, so that no write comes before those. */
static void run_watch(const struct sim_watch_request *watch)
{
    int64_t end_ns = 0;

    sim_watch_encode(watch, &bed.transport->scratch);
    ll_rpc_stream_send(bed.transport, LL_STREAM_WATCH, 0);
    sim_etcd_watch_create(bed.model, 1, watch, test_now_ns());
    await_messages();
    if (watch->start_revision == 0) {
        return;
    }
    end_ns = test_deadline_ns(250);
    while (test_now_ns() < end_ns) {
        pump(end_ns - test_now_ns());
    }
    sim_etcd_advance(bed.model, test_now_ns());
    await_messages();
}

/** Cancels a watch after all its messages have arrived: whether etcd sends
 * messages that are pending at that time is a matter of chance. */
static void run_cancel(int64_t watch_id)
{
    struct ll_effect effect = {.kind = LL_EFFECT_WATCH_CANCEL};

    await_messages();
    effect.watch.watch_id = watch_id;
    assert_int_equal(ll_transport_run(bed.transport, &effect), 0);
    sim_etcd_watch_cancel(bed.model, 1, watch_id, test_now_ns());
    await_messages();
}

static void run_step(void)
{
    struct ll_effect effect = {.kind = LL_EFFECT_KEEPALIVE,
                               .keepalive.which = LL_STREAM_KEEPALIVE};
    char revision[24];

    switch (bed.step.kind) {
    case SIM_STEP_CALL:
        run_call();
        break;
    case SIM_STEP_KEEPALIVE:
        effect.keepalive.lease = bed.step.id;
        run(&effect);
        break;
    case SIM_STEP_WATCH:
        run_watch(&bed.step.watch);
        break;
    case SIM_STEP_WATCH_CANCEL:
        run_cancel(bed.step.id);
        break;
    case SIM_STEP_COMPACT:
        (void)snprintf(revision, sizeof(revision), "%" PRId64, bed.step.id);
        assert_int_equal(test_etcdctl(&bed.etcd, NULL, 0, "compact",
                                      "--physical", revision, NULL),
                         0);
        sim_etcd_compact(bed.model, bed.step.id, test_now_ns());
        break;
    }
    if (bed.watches_n > WATCHES_MAX) {
        run_cancel(bed.watches[0]);
    }
}

static void open_stream(enum ll_stream_kind which, uint64_t id)
{
    struct ll_effect effect = {.kind = LL_EFFECT_STREAM_OPEN};

    effect.stream.which = which;
    assert_int_equal(ll_transport_run(bed.transport, &effect), 0);
    sim_etcd_stream_open(bed.model, 0, id, which);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void open_bed(uint64_t seed)
{
    const struct sim_etcd_config config = {
        .seed = seed,
        .members = 1,
        .version = bed.version,
        /* As in test_etcd_start. */
        .election_ns = 500 * TEST_NS_PER_MS,
        .watch_race_max_ns = -1,
    };
    const struct sim_etcd_hooks hooks = {
        .on_answer = on_model_answer,
        .on_watch = on_model_watch,
        .on_keepalive = on_model_keepalive,
        .on_stream_down = on_model_down,
    };
    const struct ll_transport_config transport = {
        .endpoints = bed.etcd.endpoint,
        .channels = {.connect_timeout_ms = WAIT_MS}};
    const struct sim_watch_request sentinel = {
        .watch_id = SENTINEL_WATCH, .key = {"~", 1}, .puts = true};

    bed.seed = seed;
    bed.model = sim_etcd_new(&config, &hooks);
    sim_etcd_advance(bed.model, test_now_ns());
    bed.program = (struct sim_program){.random = seed, .model = bed.model};
    assert_int_equal(ll_transport_new(&transport, &bed.transport, NULL), 0);
    open_stream(LL_STREAM_WATCH, 1);
    open_stream(LL_STREAM_KEEPALIVE, 2);
    run_watch(&sentinel);
}

static void drop_event(struct ll_event *event, void *arg)
{
    (void)event;
    (void)arg;
}

static void close_bed(void)
{
    ll_transport_stop(bed.transport);
    while (!ll_transport_drained(bed.transport)) {
        void *tag = ll_transport_wait(bed.transport, INT64_MAX);

        if (tag != NULL) {
            ll_transport_complete(bed.transport, tag, drop_event, NULL);
        }
    }
    ll_transport_free(bed.transport);
    sim_etcd_free(bed.model);
    sim_program_free(&bed.program);
    sim_watchlog_free(&bed.real_log);
    sim_watchlog_free(&bed.model_log);
}

static int start_etcd(void **state)
{
    (void)state;
    return test_etcd_start(&bed.etcd) != 0
               ? -1
               : test_etcd_version(&bed.etcd, bed.version);
}

static int stop_etcd(void **state)
{
    (void)state;
    test_etcd_stop(&bed.etcd);
    return 0;
}

/** Goal: the simulator's model of this release gives the same answers and watch
 * messages as the real etcd. Method: the same random requests to both. A seed
 * repeats the same requests: LEASELOCK_MODEL_SEED. */
static void test_model_answers_as_etcd_does(void **state)
{
    uint64_t requests = env_number(REQUESTS_ENV, REQUESTS);
    uint64_t step;

    (void)state;
    open_bed(env_number(SEED_ENV, (uint64_t)test_now_ns()));
    print_message("etcd %s, seed %" PRIu64 "\n", bed.version, bed.seed);
    for (step = 1; step <= requests; step++) {
        sim_program_next(&bed.program, &bed.step);
        run_step();
        if (step % STEPS_BETWEEN_BARRIERS == 0) {
            barrier();
        }
    }
    close_bed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_answers_as_etcd_does),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
