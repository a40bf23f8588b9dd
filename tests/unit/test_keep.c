/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: two kept locks whose ids collide do not disturb each other. Method: an
 * id is computed from the session's number and the queue's hash, so a second
 * session gets the number that makes the ids of two names equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/keep_private.h"
#include "core/ticket_open.h"
#include "support/test_timeline.h"

/** The session's number is multiplied by this; see ll_keep_name_id. */
#define FACTOR UINT64_C(11400714819323198485)

__attribute__((format(printf, 2, 3))) static void
input(struct test_timeline *timeline, const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (!test_timeline_input(timeline, line)) {
        fail_msg("%s: %s", line, test_timeline_fault(timeline));
    }
}

static uint64_t hash_of(const char *name)
{
    static const struct ll_core core; /* without a namespace */

    return ll_queue_hash(&core, (struct ll_bytes){name, strlen(name)});
}

/** The number by which an odd one is multiplied for a product of 1. */
static uint64_t inverse_of(uint64_t odd)
{
    uint64_t inverse = odd; /* right in 3 bits, and each step doubles them */

    for (unsigned i = 0; i < 5; i++) {
        inverse *= 2 - odd * inverse;
    }
    return inverse;
}

/** The number of a session whose keep of `name` has the id of `other_name`'s in
 *  session 1. */
static uint64_t session_with(const char *name, const char *other_name)
{
    return (hash_of(name) ^ hash_of(other_name) ^ FACTOR) * inverse_of(FACTOR);
}

static void expect(struct test_timeline *timeline, const char *text)
{
    if (strstr(test_timeline_output(timeline), text) == NULL) {
        fail_msg("no '%s' in:\n%s", text, test_timeline_output(timeline));
    }
}

/** Goal: both names are locked and released; the first is kept meanwhile, the
 * second is not, and is once the first is kept no longer. Method: the effects,
 * step by step. */
static void test_collision(void **state)
{
    struct test_timeline *timeline = test_timeline_new();
    struct ll_session sessions[2] = {0};
    uint64_t id = 0;
    char name[16] = "";

    (void)state;
    for (unsigned i = 0; id == 0 || id >= LL_ID_MAX / 2; i++) {
        (void)snprintf(name, sizeof(name), "b%u", i);
        id = session_with(name, "a");
    }
    sessions[0].object.entry.id = 1;
    sessions[1].object.entry.id = id;
    assert_int_equal(ll_keep_name_id(&sessions[0], hash_of("a")),
                     ll_keep_name_id(&sessions[1], hash_of(name)));

    input(timeline, "0 open 1 lease a1 ttl 60");
    input(timeline, "0 answer 1.1 granted 60");
    input(timeline, "0 open %" PRIu64 " lease b1 ttl 60", id);
    input(timeline, "0 answer %" PRIu64 ".1 granted 60", id);
    input(timeline, "1 acquire 2 on 1 a keep 5");
    input(timeline, "1 answer 2.1 queued rev 7");
    input(timeline, "1 created core1.own.1 rev 7");
    input(timeline, "1 answer core1.1 listed rev 7 a/a1.1@7");
    input(timeline, "1 release 2");

    input(timeline, "2 acquire 3 on %" PRIu64 " %s keep 5", id, name);
    test_timeline_clear(timeline);
    input(timeline, "2 answer 3.1 queued rev 8");
    expect(timeline, "ticket 3 acquired: OK");
    test_timeline_clear(timeline);
    input(timeline, "2 release 3");
    expect(timeline, "call 3.2: delete");
    input(timeline, "2 answer 3.2 deleted rev 9");
    expect(timeline, "ticket 3 released: OK");

    test_timeline_clear(timeline);
    input(timeline, "3 acquire 4 on 1 a keep 5");
    expect(timeline, "ticket 4 acquired: OK");
    assert_null(strstr(test_timeline_output(timeline), "call"));
    input(timeline, "3 release 4");
    input(timeline, "9 time");
    expect(timeline, "call 4.1: delete a/a1.1");
    input(timeline, "9 answer 4.1 deleted rev 10");

    test_timeline_clear(timeline);
    input(timeline, "20 acquire 5 on %" PRIu64 " %s keep 5", id, name);
    input(timeline, "20 answer 5.1 queued rev 11");
    expect(timeline, "ticket 5 acquired: OK");
    expect(timeline, "puts deletions");
    assert_int_equal(test_timeline_breaches(timeline), 0);
    test_timeline_free(timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
