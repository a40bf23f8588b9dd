/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test_timeline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/timer.h"
#include "leaselock/status.h"
#include "support/test_timeline_private.h"

/** The limit of wake-ups between two inputs; more mean an endless loop. */
#define WAKES_MAX 10000

struct test_timeline *test_timeline_new(void)
{
    struct test_timeline *timeline = calloc(1, sizeof(*timeline));

    if (timeline == NULL) {
        return NULL;
    }
    timeline->now_ns = TEST_START_NS;
    timeline->config =
        (struct ll_core_config){.endpoints_n = 1,
                                .request_timeout_ns = 2 * TEST_NS_PER_SECOND,
                                .seed = 1};
    timeline->out = open_memstream(&timeline->text, &timeline->text_size);
    if (timeline->out == NULL) {
        free(timeline);
        return NULL;
    }
    return timeline;
}

void test_timeline_free(struct test_timeline *timeline)
{
    if (timeline == NULL) {
        return;
    }
    ll_core_free(timeline->core);
    test_write_over(timeline, 0);
    (void)fclose(timeline->out);
    free(timeline->text);
    free(timeline->calls);
    free(timeline->promises);
    free(timeline);
}

void test_timeline_be_lenient(struct test_timeline *timeline)
{
    timeline->lenient = true;
}

const char *test_timeline_fault(const struct test_timeline *timeline)
{
    return timeline->fault;
}

unsigned test_timeline_breaches(const struct test_timeline *timeline)
{
    return timeline->breaches;
}

const char *test_timeline_output(struct test_timeline *timeline)
{
    (void)fflush(timeline->out);
    timeline->text[timeline->text_size] = '\0'; /* present before */
    return timeline->text;
}

void test_timeline_clear(struct test_timeline *timeline)
{
    rewind(timeline->out);
}

bool test_fault(struct test_timeline *timeline, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(timeline->fault, sizeof(timeline->fault), format, args);
    va_end(args);
    return false;
}

bool test_skip(struct test_timeline *timeline, const char *why)
{
    timeline->at = timeline->words_n;
    return timeline->lenient || test_fault(timeline, "%s", why);
}

const char *test_word_next(struct test_timeline *timeline)
{
    return timeline->at < timeline->words_n ? timeline->words[timeline->at++]
                                            : "";
}

bool test_word_take(struct test_timeline *timeline, const char *word)
{
    if (timeline->at < timeline->words_n &&
        strcmp(timeline->words[timeline->at], word) == 0) {
        timeline->at++;
        return true;
    }
    return false;
}

int64_t test_word_option(struct test_timeline *timeline,
                         const char *word,
                         int64_t otherwise)
{
    return test_word_take(timeline, word)
               ? strtoll(test_word_next(timeline), NULL, 10)
               : otherwise;
}

struct ll_mode test_word_mode(struct test_timeline *timeline)
{
    struct ll_mode mode = {LL_MODE_EXCLUSIVE, 0};

    mode.permits = (uint32_t)test_word_option(timeline, "permits", 0);
    if (mode.permits > 0) {
        mode.kind = LL_MODE_PERMIT;
    } else if (test_word_take(timeline, "shared")) {
        mode.kind = LL_MODE_SHARED;
    }
    return mode;
}

static int64_t seconds_parse(const char *text)
{
    return (int64_t)(strtod(text, NULL) * (double)TEST_NS_PER_SECOND + 0.5);
}

int64_t test_word_option_ns(struct test_timeline *timeline,
                            const char *word,
                            int64_t otherwise)
{
    return test_word_take(timeline, word)
               ? seconds_parse(test_word_next(timeline))
               : otherwise;
}

static void drain(struct test_timeline *timeline)
{
    struct ll_effect effect;

    while (ll_core_next(timeline->core, &effect)) {
        test_effect_print(timeline, &effect);
        test_contract_effect(timeline, &effect);
        if (effect.kind == LL_EFFECT_WRITTEN && effect.written.last) {
            test_write_over(timeline, effect.id);
        }
    }
}

int test_timeline_step(struct test_timeline *timeline, struct ll_event *event)
{
    int status;

    event->now_ns = timeline->now_ns;
    status = ll_core_step(timeline->core, event);
    if (status != 0) {
        test_print_time(timeline);
        fprintf(timeline->out, "   => %s\n",
                leaselock_status_name(status) + 10);
    } else {
        test_contract_command(timeline, event);
    }
    drain(timeline);
    return status;
}

/** Wakes core at its deadlines, up to and including a time. */
static bool run_until(struct test_timeline *timeline, int64_t end_ns)
{
    int64_t deadline_ns;

    for (unsigned wakes = 0;
         (deadline_ns = ll_core_deadline_ns(timeline->core)) <= end_ns;
         wakes++) {
        struct ll_event event = {.kind = LL_EVENT_TIME};

        if (wakes == WAKES_MAX) {
            return test_fault(timeline, "core asks to be woken without end");
        }
        if (deadline_ns > timeline->now_ns) {
            timeline->now_ns = deadline_ns;
        }
        (void)test_timeline_step(timeline, &event);
    }
    timeline->now_ns = end_ns;
    return true;
}

static bool run_setup(struct test_timeline *timeline)
{
    struct ll_core_config *config = &timeline->config;

    if (test_word_take(timeline, "space")) {
        (void)snprintf(timeline->space, sizeof(timeline->space), "%s",
                       test_word_next(timeline));
        config->namespace =
            (struct ll_bytes){timeline->space, strlen(timeline->space)};
    }
    config->batch_window = (unsigned)test_word_option(timeline, "window", 0);
    config->contention_threshold =
        (unsigned)test_word_option(timeline, "crowd", 0);
    config->long_queue = (unsigned)test_word_option(timeline, "long", 0);
    config->survey_keys = (unsigned)test_word_option(timeline, "survey", 0);
    config->endpoints_n = (uint32_t)test_word_option(timeline, "endpoints", 1);
    config->request_timeout_ns = test_word_option_ns(
        timeline, "request-timeout", config->request_timeout_ns);
    config->seed = (uint64_t)test_word_option(timeline, "seed", 1);
    config->check_clusters = test_word_take(timeline, "check");
    config->nearest_ns = test_word_option_ns(timeline, "nearest", 0);
    config->batch_lists = test_word_take(timeline, "lists");
    config->host_tag = (uint8_t)test_word_option(timeline, "host", 0);
    config->slot_first = (uint16_t)test_word_option(timeline, "slot", 0);
    config->log_level = (int)test_word_option(timeline, "log", 0);
    return true;
}

static bool run_command(struct test_timeline *timeline, const char *verb)
{
    struct ll_event event = {0};
    const char *word;

    event.id = strtoull(test_word_next(timeline), NULL, 10);
    if (strcmp(verb, "open") == 0) {
        event.kind = LL_EVENT_SESSION_OPEN;
        event.session_open.lease =
            test_word_take(timeline, "lease")
                ? (int64_t)strtoull(test_word_next(timeline), NULL, 16)
                : (int64_t)(0xa0 + event.id);
        event.session_open.resume = test_word_take(timeline, "resume");
        if (test_word_take(timeline, "names")) {
            event.session_open.names =
                strcmp(test_word_next(timeline), "slot") == 0
                    ? LL_KEY_NAMES_SLOT
                    : LL_KEY_NAMES_LEASE;
        }
        event.session_open.ttl_s = test_word_option(timeline, "ttl", 10);
        event.session_open.delay_ns = test_word_option_ns(timeline, "delay", 0);
        event.session_open.timeout_ns =
            test_word_option_ns(timeline, "timeout", 5 * TEST_NS_PER_SECOND);
    } else if (strcmp(verb, "close") == 0) {
        event.kind = LL_EVENT_SESSION_CLOSE;
        event.session_close.timeout_ns =
            test_word_option_ns(timeline, "timeout", 2 * TEST_NS_PER_SECOND);
    } else if (strcmp(verb, "release") == 0) {
        event.kind = LL_EVENT_RELEASE;
        event.release.timeout_ns =
            test_word_option_ns(timeline, "timeout", 4 * TEST_NS_PER_SECOND);
    } else {
        event.kind = LL_EVENT_ACQUIRE;
        event.acquire.session = (uint64_t)test_word_option(timeline, "on", 0);
        word = test_word_next(timeline);
        event.acquire.name = (struct ll_bytes){word, strlen(word)};
        event.acquire.value = (struct ll_bytes){"{}", 2};
        event.acquire.timeout_ns =
            test_word_take(timeline, "try")
                ? 0
                : test_word_option_ns(timeline, "timeout", -1);
        event.acquire.find_deadlock = test_word_take(timeline, "find-deadlock");
        if (test_word_take(timeline, "who")) {
            word = test_word_next(timeline);
            event.acquire.who = (struct ll_bytes){word, strlen(word)};
        }
        event.acquire.watch_own_ns =
            test_word_take(timeline, "guarded") ? -1 : 0;
        event.acquire.early = test_word_take(timeline, "early");
        event.acquire.delay_ns = test_word_option_ns(timeline, "delay", 0);
        event.acquire.mode = test_word_mode(timeline);
        event.acquire.lock_delay_ms =
            (uint32_t)test_word_option(timeline, "lock-delay", 0);
        event.acquire.foreign_delay_ms =
            (uint32_t)test_word_option(timeline, "foreign-delay", 0);
        event.acquire.yields = test_word_take(timeline, "yields");
        event.acquire.keep_ns = test_word_option_ns(timeline, "keep", 0);
        event.acquire.local_passes =
            (uint32_t)test_word_option(timeline, "passes", 0);
        if (test_word_take(timeline, "label")) {
            word = test_word_next(timeline);
            event.acquire.label = (struct ll_bytes){word, strlen(word)};
        }
    }
    (void)test_timeline_step(timeline, &event);
    return true;
}

/** A query, or its cancellation. */
static bool run_query(struct test_timeline *timeline, const char *verb)
{
    struct ll_event event = {.kind = LL_EVENT_QUERY_CANCEL};

    event.id = strtoull(test_word_next(timeline), NULL, 10);
    if (strcmp(verb, "ask") == 0) {
        timeline->query = (struct ll_request){.kind = LL_REQUEST_STATUS};
        event.kind = LL_EVENT_QUERY;
        event.query.request = &timeline->query;
        event.query.endpoint =
            (uint32_t)test_word_option(timeline, "endpoint", LL_ENDPOINT_ANY);
        event.query.timeout_ns =
            test_word_option_ns(timeline, "timeout", 5 * TEST_NS_PER_SECOND);
    }
    (void)test_timeline_step(timeline, &event);
    return true;
}

static bool run_verb(struct test_timeline *timeline, const char *verb)
{
    static const char *const commands[] = {"open", "close", "acquire",
                                           "release"};
    static const char *const watches[] = {"created", "refused", "deleted",
                                          "appeared"};

    for (size_t i = 0; i < 4; i++) {
        if (strcmp(verb, commands[i]) == 0) {
            return run_command(timeline, verb);
        }
        if (strcmp(verb, watches[i]) == 0) {
            return test_run_watch(timeline, verb);
        }
    }
    if (strcmp(verb, "answer") == 0) {
        return test_run_answer(timeline);
    }
    if (strcmp(verb, "renewed") == 0) {
        return test_run_renewed(timeline);
    }
    if (strcmp(verb, "down") == 0) {
        return test_run_down(timeline);
    }
    if (strcmp(verb, "write") == 0) {
        return test_run_write(timeline);
    }
    if (strcmp(verb, "acquire-all") == 0) {
        return test_run_acquire_all(timeline);
    }
    if (strcmp(verb, "observe") == 0 || strcmp(verb, "unobserve") == 0) {
        return test_run_observe(timeline, verb);
    }
    if (strcmp(verb, "follow") == 0 || strcmp(verb, "unfollow") == 0) {
        return test_run_follow(timeline, verb);
    }
    if (strcmp(verb, "changed") == 0) {
        return test_run_changed(timeline);
    }
    if (strcmp(verb, "resume") == 0) {
        return test_run_resume(timeline);
    }
    if (strcmp(verb, "rejoin") == 0) {
        return test_run_rejoin(timeline);
    }
    if (strcmp(verb, "look") == 0) {
        return test_run_look(timeline);
    }
    if (strcmp(verb, "ask") == 0 || strcmp(verb, "cancel") == 0) {
        return run_query(timeline, verb);
    }
    if (strcmp(verb, "endpoints") == 0) {
        struct ll_event event = {.kind = LL_EVENT_ENDPOINTS};

        event.endpoints.n =
            (uint32_t)strtoul(test_word_next(timeline), NULL, 10);
        event.endpoints.usable = strtoull(test_word_next(timeline), NULL, 16);
        (void)test_timeline_step(timeline, &event);
        return true;
    }
    if (strcmp(verb, "time") == 0) {
        struct ll_event event = {.kind = LL_EVENT_TIME};

        (void)test_timeline_step(timeline, &event);
        return true;
    }
    return test_fault(timeline, "no such command: %s", verb);
}

static void split(struct test_timeline *timeline, const char *line)
{
    char *save = NULL;

    (void)snprintf(timeline->line, sizeof(timeline->line), "%s", line);
    timeline->words_n = 0;
    timeline->at = 0;
    timeline->fault[0] = '\0';
    for (char *word = strtok_r(timeline->line, " \n", &save);
         word != NULL && timeline->words_n < TEST_WORDS_MAX;
         word = strtok_r(NULL, " \n", &save)) {
        timeline->words[timeline->words_n++] = word;
    }
}

bool test_timeline_wait(struct test_timeline *timeline, const char *line)
{
    int64_t at_ns;

    split(timeline, line);
    at_ns = TEST_START_NS + seconds_parse(test_word_next(timeline));
    if (at_ns < timeline->now_ns) {
        return test_fault(timeline, "time goes back");
    }
    if (test_word_take(timeline, "stopped")) {
        timeline->now_ns = at_ns;
        return true;
    }
    /* If core has not seen a time that was reached already, the process was
     * stopped: the command is the first to meet it. */
    return timeline->core == NULL || at_ns == timeline->now_ns ||
           run_until(timeline, at_ns);
}

bool test_timeline_input(struct test_timeline *timeline, const char *line)
{
    const char *verb;

    if (!test_timeline_wait(timeline, line)) {
        return false;
    }
    split(timeline, line);
    (void)test_word_next(timeline);
    verb = test_word_next(timeline);
    if (strcmp(verb, "stopped") == 0) {
        return true;
    }
    if (strcmp(verb, "setup") == 0) {
        return run_setup(timeline);
    }
    if (timeline->core == NULL) {
        timeline->core = ll_core_new(&timeline->config);
    }
    if (timeline->core == NULL) {
        return timeline->lenient || test_fault(timeline, "no memory");
    }
    if (!run_verb(timeline, verb)) {
        return false;
    }
    if (timeline->at < timeline->words_n) {
        return test_fault(timeline, "what is \"%s\"?",
                          timeline->words[timeline->at]);
    }
    return strcmp(verb, "look") == 0 || run_until(timeline, timeline->now_ns);
}
