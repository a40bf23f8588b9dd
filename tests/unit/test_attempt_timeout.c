/* SPDX-License-Identifier: Apache-2.0 */
/* How long a call waits for its answer before it is sent to another member: the
 * table in core/endpoint.h, step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/core.h"
#include "core/object.h"

#define TIMEOUT_MS 2000

static const struct ll_request status_request = {.kind = LL_REQUEST_STATUS};

/** A core whose user queries the status repeatedly. */
struct asker {
    struct ll_core *core;
    int64_t now_ms;
    uint64_t id;
    struct ll_effect call; /* the latest */
};

static void asker_open(struct asker *asker, uint32_t endpoints_n, int timeout)
{
    struct ll_core_config config = {.endpoints_n = endpoints_n,
                                    .request_timeout_ns =
                                        timeout * LL_NS_PER_MS,
                                    .seed = 1};

    *asker = (struct asker){.core = ll_core_new(&config)};
    assert_non_null(asker->core);
}

static void step(struct asker *asker, struct ll_event *event)
{
    struct ll_effect effect;

    event->now_ns = asker->now_ms * LL_NS_PER_MS;
    assert_int_equal(ll_core_step(asker->core, event), 0);
    while (ll_core_next(asker->core, &effect)) {
        if (effect.kind == LL_EFFECT_CALL) {
            asker->call = effect;
        }
    }
}

/** Sends a query, and returns its attempt timeout. */
static int64_t ask(struct asker *asker)
{
    struct ll_event event = {.kind = LL_EVENT_QUERY, .id = ++asker->id};

    event.query.request = &status_request;
    event.query.timeout_ns = 3600 * LL_NS_PER_S;
    event.query.endpoint = LL_ENDPOINT_ANY;
    step(asker, &event);
    assert_int_equal(asker->call.id, asker->id);
    return asker->call.call.timeout_ns / LL_NS_PER_MS;
}

static void
answer(struct asker *asker, int64_t after_ms, enum ll_outcome outcome)
{
    struct ll_answer what = {
        .outcome = outcome,
        .grpc_status = outcome == LL_OUTCOME_LOST ? LL_GRPC_DEADLINE : 0,
        .text = "",
        .kind = LL_REQUEST_STATUS,
        .status = {.version = ""}};
    struct ll_event event = {.kind = LL_EVENT_ANSWER, .id = asker->call.id};

    asker->now_ms += after_ms;
    event.answer.seq = asker->call.call.seq;
    event.answer.endpoint = asker->call.call.endpoint;
    event.answer.answer = &what;
    step(asker, &event);
}

/** The call times out; the next one's timeout and endpoint. */
static int64_t silence(struct asker *asker, uint32_t *ret_endpoint)
{
    struct ll_event time = {.kind = LL_EVENT_TIME};
    uint32_t seq = asker->call.call.seq;

    answer(asker, asker->call.call.timeout_ns / LL_NS_PER_MS, LL_OUTCOME_LOST);
    while (asker->call.call.seq == seq) { /* a pause, after all were tried */
        asker->now_ms++;
        step(asker, &time);
    }
    *ret_endpoint = asker->call.call.endpoint;
    return asker->call.call.timeout_ns / LL_NS_PER_MS;
}

static void test_alone(void **state)
{
    struct asker asker;
    uint32_t endpoint;

    (void)state;
    asker_open(&asker, 1, TIMEOUT_MS);
    assert_int_equal(ask(&asker), TIMEOUT_MS);
    answer(&asker, 1, LL_OUTCOME_OK);
    assert_int_equal(ask(&asker), TIMEOUT_MS);
    assert_int_equal(silence(&asker, &endpoint), TIMEOUT_MS);
    ll_core_free(asker.core);
}

/** Goal: it is half of the request timeout at first, a quarter once any
 * endpoint has answered, and doubles with each round without an answer, until
 * the next answer. */
static void test_rounds(void **state)
{
    struct asker asker;
    uint32_t endpoint;

    (void)state;
    asker_open(&asker, 3, TIMEOUT_MS);
    assert_int_equal(ask(&asker), TIMEOUT_MS / 2);
    answer(&asker, 1, LL_OUTCOME_OK);
    assert_int_equal(ask(&asker), TIMEOUT_MS / 4);
    assert_int_equal(silence(&asker, &endpoint), TIMEOUT_MS / 4);
    assert_int_equal(endpoint, 1);
    assert_int_equal(silence(&asker, &endpoint), TIMEOUT_MS / 4);
    assert_int_equal(endpoint, 2);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(silence(&asker, &endpoint), TIMEOUT_MS / 2);
        assert_int_equal(endpoint, i);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(silence(&asker, &endpoint), TIMEOUT_MS);
    }
    answer(&asker, 1, LL_OUTCOME_OK);
    assert_true(ask(&asker) <= TIMEOUT_MS / 2);
    ll_core_free(asker.core);
}

/** Goal: slow answers do not cause a second request. */
static void test_slow(void **state)
{
    struct asker asker;
    uint32_t endpoint;

    (void)state;
    asker_open(&asker, 3, TIMEOUT_MS);
    (void)ask(&asker);
    answer(&asker, 1, LL_OUTCOME_OK);
    (void)ask(&asker);
    answer(&asker, 150, LL_OUTCOME_OK);
    assert_int_equal(ask(&asker), 600);
    /* A new endpoint needs a connection. */
    assert_int_equal(silence(&asker, &endpoint), 1200);
    answer(&asker, 400, LL_OUTCOME_OK);
    assert_int_equal(ask(&asker), 1600);
    answer(&asker, 1500, LL_OUTCOME_OK);
    assert_int_equal(ask(&asker), TIMEOUT_MS);
    for (int i = 0; i < 40; i++) { /* reset in the end */
        answer(&asker, 1, LL_OUTCOME_OK);
        (void)ask(&asker);
    }
    assert_int_equal(ask(&asker), TIMEOUT_MS / 4);
    ll_core_free(asker.core);
}

/** Goal: calls that time out at the same time count once. */
static void test_many(void **state)
{
    struct asker asker;
    struct ll_effect calls[6];

    (void)state;
    asker_open(&asker, 3, TIMEOUT_MS);
    (void)ask(&asker);
    answer(&asker, 1, LL_OUTCOME_OK);
    for (int i = 0; i < 6; i++) {
        (void)ask(&asker);
        calls[i] = asker.call;
    }
    for (int i = 0; i < 6; i++) {
        asker.call = calls[i];
        answer(&asker, i == 0 ? TIMEOUT_MS / 4 : 0, LL_OUTCOME_LOST);
    }
    assert_int_equal(asker.call.call.timeout_ns / LL_NS_PER_MS, TIMEOUT_MS / 4);
    ll_core_free(asker.core);
}

/** Goal: a short request timeout does not shorten it below its minimum. */
static void test_least(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, 3, 800);
    (void)ask(&asker);
    answer(&asker, 1, LL_OUTCOME_OK);
    assert_int_equal(ask(&asker), LL_ATTEMPT_TIMEOUT_MIN_NS / LL_NS_PER_MS);
    ll_core_free(asker.core);
    asker_open(&asker, 3, 100);
    (void)ask(&asker);
    answer(&asker, 1, LL_OUTCOME_OK);
    assert_int_equal(ask(&asker), 100);
    ll_core_free(asker.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone), cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_slow),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_least),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
