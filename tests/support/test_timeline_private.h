/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_TIMELINE_PRIVATE_H
#define TEST_TIMELINE_PRIVATE_H

#include <stdio.h>

#include "core/batch.h"
#include "support/test_timeline.h"

#define TEST_NS_PER_SECOND INT64_C(1000000000)
/** The clock's reading at a timeline's 0.000: a real clock is never 0. */
#define TEST_START_NS (1000 * TEST_NS_PER_SECOND)

#define TEST_WORDS_MAX 64
#define TEST_LINE_SIZE 4096
#define TEST_KVS_MAX 16

/** A call without an answer so far. */
/** What an operation of a Txn reads, or a put, which has no key here. Longer
 *  keys are cut. */
struct test_op {
    enum ll_op_kind kind;
    char key[64];
    char end[64]; /* "": the key alone */
    int64_t max_created;
    bool count_only;
};
#define TEST_OPS_MAX 6

struct test_call {
    uint64_t id;
    uint32_t seq;
    uint32_t endpoint;
    enum ll_request_kind kind;
    bool is_try; /* a Txn whose then branch only puts */
    /** Of a batch: the kinds of its operations. */
    enum ll_op_kind kinds[LL_BATCH_PARTS_MAX];
    size_t then_n; /* of a Txn */
    size_t else_n;
    struct test_op then_ops[TEST_OPS_MAX]; /* the first ones */
    struct test_op else_ops[TEST_OPS_MAX];
};

struct test_stream {
    bool open;
    uint32_t generation;
    uint32_t endpoint;
};

/** What was promised for an object, and what has been reported. */
struct test_promise {
    bool session;
    bool ticket;
    bool query;
    bool write;
    uint64_t writes_on; /* of a write: its ticket */
    uint64_t order;     /* of a write: the number of earlier ones */
    bool answered;      /* OPENED or ACQUIRED was reported */
    bool good;          /* with 0 */
    bool lost;
    bool end_asked; /* close or release was accepted */
    bool ended;     /* CLOSED, RELEASED or a write's end was reported */
    bool went_on;   /* a write's timeout was reported */
    bool releases;  /* a write that releases its ticket */
    bool observer;
    bool follower;
    char leader[128]; /* the last report to an observer */
};

#define TEST_WRITE_PARTS_MAX 8

/** Memory that core borrows from a write until the write's end. */
struct test_write {
    struct test_write *next;
    uint64_t id;
    struct ll_compare compares[TEST_WRITE_PARTS_MAX];
    struct ll_op ops[TEST_WRITE_PARTS_MAX];
    struct ll_range reads[TEST_WRITE_PARTS_MAX];
    struct ll_bytes value;
    char line[TEST_LINE_SIZE];
};

struct test_timeline {
    struct ll_core *core;
    struct ll_core_config config;
    char space[32];
    bool lenient;
    int64_t now_ns;
    FILE *out;
    char *text;
    size_t text_size;
    char fault[256];
    unsigned breaches;
    char line[TEST_LINE_SIZE];
    char *words[TEST_WORDS_MAX];
    size_t words_n;
    size_t at; /* the next word */
    struct test_stream streams[LL_STREAMS];
    struct test_call *calls;
    size_t calls_n;
    struct test_promise *promises; /* by id */
    size_t promises_n;
    struct test_promise unchecked; /* for ids that are too large for a story */
    uint64_t writes_asked;
    struct test_write *writes;
    /** Storage for the parts of the current event. */
    struct ll_answer answer;
    struct ll_kv kvs[TEST_KVS_MAX];
    size_t kvs_n;
    struct ll_bytes keys[TEST_KVS_MAX];
    struct ll_op_answer ops[TEST_KVS_MAX];
    struct ll_op_answer parts[LL_BATCH_PARTS_MAX];
    struct ll_watch_event changes[TEST_KVS_MAX];
    /** The request of every query. */
    struct ll_request query;
};

/** Words of the line. */
const char *test_word_next(struct test_timeline *timeline);
/** Consumes the next word if it is this one. */
bool test_word_take(struct test_timeline *timeline, const char *word);
/** An optional "shared" or "permits N". */
struct ll_mode test_word_mode(struct test_timeline *timeline);
/** The number after an optional word; without it `otherwise`. */
int64_t test_word_option(struct test_timeline *timeline,
                         const char *word,
                         int64_t otherwise);
/** The same of seconds with a fraction, in nanoseconds. */
int64_t test_word_option_ns(struct test_timeline *timeline,
                            const char *word,
                            int64_t otherwise);
bool test_fault(struct test_timeline *timeline, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Skips a line without an object: a fault, unless lenient. */
bool test_skip(struct test_timeline *timeline, const char *why);

/** Steps an event at the time, prints a refusal and then every effect. */
int test_timeline_step(struct test_timeline *timeline, struct ll_event *event);

/** Parses the rest of a line with input from etcd. */
bool test_run_answer(struct test_timeline *timeline);
bool test_run_renewed(struct test_timeline *timeline);
bool test_run_watch(struct test_timeline *timeline, const char *verb);
bool test_run_changed(struct test_timeline *timeline);
bool test_run_down(struct test_timeline *timeline);

/** Tickets of several names, and observers. */
bool test_run_acquire_all(struct test_timeline *timeline);
bool test_run_observe(struct test_timeline *timeline, const char *verb);
bool test_run_follow(struct test_timeline *timeline, const char *verb);
/** Prints a report of a follower, but its id. */
void test_print_followed(FILE *out, const struct ll_effect *effect);

/** Writes, and tickets that are resumed or queue again. */
bool test_run_write(struct test_timeline *timeline);
bool test_run_resume(struct test_timeline *timeline);
bool test_run_rejoin(struct test_timeline *timeline);
/** Frees the memory that core has borrowed from a write; 0: from all. */
void test_write_over(struct test_timeline *timeline, uint64_t id);

/** Reads KEY@CREATED[=VALUE]; NULL when there is none. */
struct ll_kv *test_kv_parse(struct test_timeline *timeline);

/** Reads the rest of an `answer` line into timeline->answer. */
bool test_answer_parse(struct test_timeline *timeline,
                       const struct test_call *call);

/** Prints the state of a session or ticket at the time. */
bool test_run_look(struct test_timeline *timeline);
void test_effect_print(struct test_timeline *timeline,
                       const struct ll_effect *effect);

/** Checks an effect against the contract and records it. */
void test_contract_effect(struct test_timeline *timeline,
                          const struct ll_effect *effect);
/** Records a command that was accepted. */
void test_contract_command(struct test_timeline *timeline,
                           const struct ll_event *event);
void test_breach(struct test_timeline *timeline, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Prints "[   1.234]". */
void test_print_time(struct test_timeline *timeline);

#endif
