/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of etcd's messages on the streams for watches and keep-alives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "etcd/messages.h"
#include "leaselock/status.h"

struct frame {
    const char *data;
    size_t size;
};

/** Bytes by hand: tag, length or value, and so on. */
#define FRAME(literal)                                                         \
    (struct frame)                                                             \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }

/** A header with revision 9. */
#define HEADER "\x0a\x02\x18\x09"

static int read_watch(struct frame frame,
                      struct ll_event *event,
                      struct ll_decoded **ret_decoded)
{
    *event = (struct ll_event){.kind = LL_EVENT_TIME};
    event->watch.generation = 6;
    return ll_watch_decode((const uint8_t *)frame.data, frame.size, event,
                           ret_decoded);
}

/** Goal: `created` is WATCH_CREATED with the header's revision. */
static void test_created(void **state)
{
    struct ll_event event;
    struct ll_decoded *decoded = NULL;

    (void)state;
    assert_int_equal(
        read_watch(FRAME(HEADER "\x10\x03\x18\x01"), &event, &decoded), 0);
    assert_int_equal(event.kind, LL_EVENT_WATCH_CREATED);
    assert_int_equal(event.watch.generation, 6);
    assert_int_equal(event.watch.watch_id, 3);
    assert_int_equal(event.watch.revision, 9);
    assert_int_equal(event.watch.events_n, 0);
    assert_string_equal(event.watch.reason, "");
    ll_decoded_free(decoded);
}

/** Goal: a put and a deletion are WATCH_CHANGED, and so is a progress notice,
 *  which has no events. */
static void test_changed(void **state)
{
    struct ll_event event;
    struct ll_decoded *decoded = NULL;

    (void)state;
    assert_int_equal(read_watch(FRAME(HEADER "\x10\x03"
                                             "\x5a\x0a\x12\x08\x0a\x01k\x10\x07"
                                             "\x2a\x01v"
                                             "\x5a\x09\x08\x01\x12\x05\x0a\x01k"
                                             "\x18\x09"),
                                &event, &decoded),
                     0);
    assert_int_equal(event.kind, LL_EVENT_WATCH_CHANGED);
    assert_int_equal(event.watch.events_n, 2);
    assert_false(event.watch.events[0].deleted);
    assert_int_equal(event.watch.events[0].kv.create_revision, 7);
    assert_memory_equal(event.watch.events[0].kv.value.data, "v", 1);
    assert_true(event.watch.events[1].deleted);
    assert_int_equal(event.watch.events[1].kv.key.size, 1);
    assert_memory_equal(event.watch.events[1].kv.key.data, "k", 1);
    assert_int_equal(event.watch.events[1].kv.mod_revision, 9);
    ll_decoded_free(decoded);

    assert_int_equal(read_watch(FRAME(HEADER), &event, &decoded), 0);
    assert_int_equal(event.kind, LL_EVENT_WATCH_CHANGED);
    assert_int_equal(event.watch.events_n, 0);
    ll_decoded_free(decoded);
}

/** Goal: a refusal has the id -1 and tells a missing permission from other
 * reasons; failure 24 of the list. */
static void test_refused(void **state)
{
    struct ll_event event;
    struct ll_decoded *decoded = NULL;

    (void)state;
    assert_int_equal(
        read_watch(
            FRAME(HEADER
                  "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x18\x01\x20\x01"
                  "\x32\x4a"
                  "rpc error: code = PermissionDenied desc = "
                  "etcdserver: permission denied..."),
            &event, &decoded),
        0);
    assert_int_equal(event.kind, LL_EVENT_WATCH_CANCELED);
    assert_int_equal(event.watch.watch_id, -1);
    assert_int_equal(event.watch.outcome, LL_OUTCOME_REFUSED);
    ll_decoded_free(decoded);

    assert_int_equal(read_watch(FRAME(HEADER "\x10\x03\x18\x01\x20\x01"
                                             "\x32\x09"
                                             "duplicate"),
                                &event, &decoded),
                     0);
    assert_int_equal(event.kind, LL_EVENT_WATCH_CANCELED);
    assert_int_equal(event.watch.outcome, LL_OUTCOME_ERROR);
    assert_string_equal(event.watch.reason, "duplicate");
    ll_decoded_free(decoded);
}

/** Goal: the end of a watch by a compaction has a reason, though etcd sends no
 * sentence; if it does, that is kept. */
static void test_compacted(void **state)
{
    struct ll_event event;
    struct ll_decoded *decoded = NULL;

    (void)state;
    assert_int_equal(read_watch(FRAME(HEADER "\x10\x03\x20\x01\x28\x84\x02"),
                                &event, &decoded),
                     0);
    assert_int_equal(event.kind, LL_EVENT_WATCH_CANCELED);
    assert_int_equal(event.watch.outcome, LL_OUTCOME_ERROR);
    assert_string_equal(event.watch.reason, "compacted at revision 260");
    ll_decoded_free(decoded);
    assert_int_equal(read_watch(FRAME(HEADER "\x20\x01\x28\x04\x32\x02no"),
                                &event, &decoded),
                     0);
    assert_string_equal(event.watch.reason, "no");
    ll_decoded_free(decoded);
}

/** Goal: invalid messages are refused: no header, an event without its key or
 * of an unknown type, truncated bytes. */
static void test_watch_malformed(void **state)
{
    const struct frame frames[] = {
        FRAME(""),
        FRAME("\x10\x03\x18\x01"),
        FRAME("\x0a\x00\x10\x03\x18\x01"),
        FRAME(HEADER "\x5a\x00"),
        FRAME(HEADER "\x5a\x02\x08\x01"),
        FRAME(HEADER "\x5a\x04\x08\x02\x12\x00"),
        FRAME(HEADER "\x5a\x09\x08"),
        FRAME(HEADER "\x5a"),
    };
    struct ll_event event;
    struct ll_decoded *decoded = NULL;
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        assert_int_equal(read_watch(frames[i], &event, &decoded),
                         LEASELOCK_E_SERVER);
        assert_null(decoded);
    }
}

static int read_keepalive(struct frame frame, struct ll_event *event)
{
    *event = (struct ll_event){.kind = LL_EVENT_TIME};
    return ll_keepalive_decode((const uint8_t *)frame.data, frame.size, event);
}

/** Goal: a keep-alive's answer is read, also with a TTL of 0, which means that
 * the lease is gone; one without a lease is refused. */
static void test_keepalive(void **state)
{
    struct ll_event event;

    (void)state;
    assert_int_equal(read_keepalive(FRAME(HEADER "\x10\x05\x18\x0a"), &event),
                     0);
    assert_int_equal(event.kind, LL_EVENT_KEEPALIVE);
    assert_int_equal(event.keepalive.lease, 5);
    assert_int_equal(event.keepalive.ttl_s, 10);
    assert_int_equal(read_keepalive(FRAME(HEADER "\x10\x05"), &event), 0);
    assert_int_equal(event.keepalive.ttl_s, 0);
    assert_int_equal(read_keepalive(FRAME(HEADER "\x18\x0a"), &event),
                     LEASELOCK_E_SERVER);
    assert_int_equal(read_keepalive(FRAME(HEADER "\x10\x05\x18"), &event),
                     LEASELOCK_E_SERVER);
    assert_int_equal(
        read_keepalive(FRAME(HEADER "\x10\x05\x18"
                                    "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
                       &event),
        LEASELOCK_E_SERVER);
    /* etcd's grpc-proxy: -1 for a lease that is gone. */
    assert_int_equal(
        read_keepalive(FRAME(HEADER "\x10\x05\x18"
                                    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                       &event),
        0);
    assert_int_equal(event.keepalive.ttl_s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_created),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_compacted),
        cmocka_unit_test(test_watch_malformed),
        cmocka_unit_test(test_keepalive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
