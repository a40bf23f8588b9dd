/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "support/test_timeline_private.h"

/**
 * The parts of a `write` line, after its ticket, in any order:
 *
 *     put KEY VALUE | delete KEY                  up to 8 of both
 *     read KEY                                    up to 8
 *     if created|version|changed|value KEY N      up to 8, all with "="
 *     value VALUE                                 the own key's new one
 *     release
 *     timeout S
 */

static struct ll_bytes word_bytes(struct test_timeline *timeline)
{
    const char *word = test_word_next(timeline);

    return (struct ll_bytes){word, strlen(word)};
}

static bool parse_compare(struct test_timeline *timeline,
                          struct ll_compare *ret_compare)
{
    static const struct {
        const char *word;
        enum ll_compare_target target;
    } targets[] = {{"created", LL_COMPARE_CREATE_REVISION},
                   {"version", LL_COMPARE_VERSION},
                   {"changed", LL_COMPARE_MOD_REVISION},
                   {"value", LL_COMPARE_VALUE}};

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        if (test_word_take(timeline, targets[i].word)) {
            *ret_compare = (struct ll_compare){.target = targets[i].target,
                                               .result = LL_COMPARE_EQUAL,
                                               .key = word_bytes(timeline)};
            ret_compare->value = word_bytes(timeline);
            ret_compare->number = strtoll(ret_compare->value.data, NULL, 10);
            return true;
        }
    }
    return test_fault(timeline, "no such condition");
}

/** Parses one part of the line; false: there is no such part. */
static bool parse_part(struct test_timeline *timeline,
                       struct test_write *write,
                       struct ll_event *event)
{
    if (test_word_take(timeline, "if") &&
        event->write.compares_n < TEST_WRITE_PARTS_MAX) {
        return parse_compare(timeline,
                             &write->compares[event->write.compares_n++]);
    }
    if (test_word_take(timeline, "value")) {
        write->value = word_bytes(timeline);
        event->write.value = &write->value;
        return true;
    }
    if (test_word_take(timeline, "release")) {
        event->write.release = true;
        return true;
    }
    if (test_word_take(timeline, "read") &&
        event->write.reads_n < TEST_WRITE_PARTS_MAX) {
        write->reads[event->write.reads_n++].key = word_bytes(timeline);
        return true;
    }
    if (event->write.ops_n == TEST_WRITE_PARTS_MAX) {
        return test_fault(timeline, "too many parts");
    }
    if (test_word_take(timeline, "put")) {
        struct ll_op *op = &write->ops[event->write.ops_n++];

        op->kind = LL_OP_PUT;
        op->put.key = word_bytes(timeline);
        op->put.value = word_bytes(timeline);
        return true;
    }
    if (test_word_take(timeline, "delete")) {
        struct ll_op *op = &write->ops[event->write.ops_n++];

        op->kind = LL_OP_DELETE;
        op->del.key = word_bytes(timeline);
        return true;
    }
    return test_fault(timeline, "what is \"%s\"?", test_word_next(timeline));
}

/** The line's words must stay valid until the write ends. */
static struct test_write *write_new(struct test_timeline *timeline)
{
    struct test_write *write = calloc(1, sizeof(*write));

    if (write == NULL) {
        abort();
    }
    memcpy(write->line, timeline->line, sizeof(write->line));
    for (size_t i = 0; i < timeline->words_n; i++) {
        timeline->words[i] =
            write->line + (timeline->words[i] - timeline->line);
    }
    write->next = timeline->writes;
    timeline->writes = write;
    return write;
}

bool test_run_write(struct test_timeline *timeline)
{
    struct test_write *write = write_new(timeline);
    struct ll_event event = {.kind = LL_EVENT_WRITE};
    int64_t timeout_ns = 5 * TEST_NS_PER_SECOND;

    write->id = strtoull(test_word_next(timeline), NULL, 10);
    event.id = write->id;
    event.write.ticket = (uint64_t)test_word_option(timeline, "on", 0);
    event.write.compares = write->compares;
    event.write.ops = write->ops;
    event.write.reads = write->reads;
    while (timeline->at < timeline->words_n) {
        int64_t given_ns = test_word_option_ns(timeline, "timeout", -1);

        if (given_ns >= 0) {
            timeout_ns = given_ns;
        } else if (!parse_part(timeline, write, &event)) {
            return false;
        }
    }
    event.write.timeout_ns = timeout_ns;
    if (test_timeline_step(timeline, &event) != 0) {
        test_write_over(timeline, event.id);
    }
    return true;
}

void test_write_over(struct test_timeline *timeline, uint64_t id)
{
    struct test_write **at = &timeline->writes;

    while (*at != NULL) {
        struct test_write *write = *at;

        if (id == 0 || write->id == id) {
            *at = write->next;
            free(write);
        } else {
            at = &write->next;
        }
    }
}

bool test_run_resume(struct test_timeline *timeline)
{
    struct ll_event event = {.kind = LL_EVENT_RESUME};

    event.id = strtoull(test_word_next(timeline), NULL, 10);
    event.resume.session = (uint64_t)test_word_option(timeline, "on", 0);
    event.resume.key = word_bytes(timeline);
    event.resume.token = test_word_option(timeline, "token", 0);
    event.resume.timeout_ns = test_word_option_ns(timeline, "timeout", -1);
    event.resume.watch_own_ns = test_word_take(timeline, "guarded") ? -1 : 0;
    event.resume.yields = test_word_take(timeline, "yields");
    (void)test_timeline_step(timeline, &event);
    return true;
}

bool test_run_rejoin(struct test_timeline *timeline)
{
    struct ll_event event = {.kind = LL_EVENT_REJOIN};

    event.id = strtoull(test_word_next(timeline), NULL, 10);
    event.rejoin.ticket = (uint64_t)test_word_option(timeline, "of", 0);
    event.rejoin.value = (struct ll_bytes){"{}", 2};
    event.rejoin.timeout_ns = test_word_option_ns(timeline, "timeout", -1);
    (void)test_timeline_step(timeline, &event);
    return true;
}

/** acquire-all ID on SESSION NAME ... [timeout S | try] [find-deadlock] [guarded]
 *  [early] [yields] */
bool test_run_acquire_all(struct test_timeline *timeline)
{
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE_ALL};
    struct ll_bytes names[TEST_KVS_MAX];
    struct ll_mode modes[TEST_KVS_MAX];

    event.id = strtoull(test_word_next(timeline), NULL, 10);
    event.acquire_all.session = (uint64_t)test_word_option(timeline, "on", 0);
    event.acquire_all.names = names;
    event.acquire_all.modes = modes;
    event.acquire_all.value = (struct ll_bytes){"{}", 2};
    event.acquire_all.timeout_ns = -1;
    while (timeline->at < timeline->words_n &&
           event.acquire_all.names_n < TEST_KVS_MAX) {
        int64_t given_ns = test_word_option_ns(timeline, "timeout", -1);

        if (given_ns >= 0 || test_word_take(timeline, "try")) {
            event.acquire_all.timeout_ns = given_ns >= 0 ? given_ns : 0;
        } else if (test_word_take(timeline, "find-deadlock")) {
            event.acquire_all.find_deadlock = true;
        } else if (test_word_take(timeline, "guarded")) {
            event.acquire_all.watch_own_ns = -1;
        } else if (test_word_take(timeline, "early")) {
            event.acquire_all.early = true;
        } else if (test_word_take(timeline, "yields")) {
            event.acquire_all.yields = true;
        } else {
            names[event.acquire_all.names_n] = word_bytes(timeline);
            modes[event.acquire_all.names_n++] = test_word_mode(timeline);
        }
    }
    (void)test_timeline_step(timeline, &event);
    return true;
}

/** observe ID NAME, or unobserve ID. */
bool test_run_observe(struct test_timeline *timeline, const char *verb)
{
    struct ll_event event = {.kind = LL_EVENT_OBSERVE_END};

    event.id = strtoull(test_word_next(timeline), NULL, 10);
    if (strcmp(verb, "observe") == 0) {
        event.kind = LL_EVENT_OBSERVE;
        event.observe.name = word_bytes(timeline);
    }
    (void)test_timeline_step(timeline, &event);
    return true;
}
