/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_TIMELINE_H
#define TEST_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

/**
 * Drives core with lines of text and prints its effects as lines of text: a
 * story with a clock. An input line is a time in seconds and a command:
 *
 *     0.000 setup [window N] [crowd N] [endpoints N]
 *                 [request-timeout S] [seed N] [check] [nearest S] [lists] [log N]
 *                 [host N] [slot N] [long N [survey N]]
 *     0.000 open ID [lease HEX] [resume] [ttl S] [timeout S] [delay S]
 *                 [names slot|lease]
 *     0.000 close ID [timeout S]
 *     0.000 acquire ID on SESSION NAME [timeout S | try] [find-deadlock] [guarded]
 *                 [who W] [early] [delay S] [shared | permits N]
 *                 [lock-delay MS] [foreign-delay MS] [yields]
 *                 [keep S [passes N] [label L]]
 *                                        early: watch the own key at once
 *     0.000 acquire-all ID on SESSION NAME [shared] ... [timeout S | try]
 *                 [find-deadlock] [guarded] [early] [yields]
 *     0.000 release ID [timeout S]
 *     0.000 resume ID on SESSION KEY [token N] [timeout S] [guarded] [yields]
 *     0.000 rejoin ID of TICKET [timeout S]
 *     0.000 write ID on TICKET ...       see test_timeline_write.c
 *     0.000 observe ID NAME
 *     0.000 unobserve ID
 *     0.000 follow ID PREFIX                      all keys below PREFIX/
 *     0.000 unfollow ID
 *     0.000 ask ID [endpoint N] [timeout S]    a query: the status
 *     0.000 cancel ID
 *     0.000 answer ID.SEQ OUTCOME [member N] [cluster HEX]
 *                                        see test_timeline_answer.c
 *     0.000 renewed LEASE ttl S [stream G] [cluster HEX]
 *     0.000 created WATCH rev N [member N] [stream G] [cluster HEX]
 *     0.000 refused WATCH denied|error   WATCH may be -1, as etcd answers
 *     0.000 deleted WATCH rev N [was VALUE of CREATED] [stream G]
 *     0.000 appeared WATCH rev N [lease HEX] [stream G]
 *     0.000 changed WATCH rev N put KEY@CREATED=VALUE [version V]|delete KEY ...
 *                 [rev ...]
 *     0.000 down watch|keepalive [stream N] [denied [token]]
 *     0.000 time                         nothing but the time
 *     0.000 stopped                      the same, and core is not told
 *     0.000 look ID                      at a session or ticket, by the clock
 *
 * The id of what core made itself is coreN. A watch's name is the printed one:
 * TICKET.own.USE or TICKET.ahead.USE, or #N if the server has assigned another
 * number. Until a command's time, core is
 * woken at each of its deadlines, as by a driver that is never late.
 *
 * The contract of effects is checked as well: what is reported once is never
 * reported twice, nothing is sent on a closed stream, and so on. A breach is a
 * line that begins with "!!". */
struct test_timeline;

/** NULL: no memory. */
struct test_timeline *test_timeline_new(void);
/** Frees core too; NULL does nothing. */
void test_timeline_free(struct test_timeline *timeline);

/** For runs in which memory fails: a command about something that was not
 * created (such as a call that was never sent) is skipped without a fault. */
void test_timeline_be_lenient(struct test_timeline *timeline);

/** Advances the time to a line's, so that the effects until then are printed
 * before the line; false as below. */
bool test_timeline_wait(struct test_timeline *timeline, const char *line);
/** Carries out one line; false: it is not a command, and the fault has the
 * reason. */
bool test_timeline_input(struct test_timeline *timeline, const char *line);
const char *test_timeline_fault(const struct test_timeline *timeline);
/** Breaches of the contract so far. */
unsigned test_timeline_breaches(const struct test_timeline *timeline);

/** The output since the last clear; valid until the next input. */
const char *test_timeline_output(struct test_timeline *timeline);
void test_timeline_clear(struct test_timeline *timeline);

#endif
