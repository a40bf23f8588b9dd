/* SPDX-License-Identifier: Apache-2.0 */
/* Followers of a range of keys in timelines. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "support/test_timeline_private.h"

/** follow ID PREFIX, or unfollow ID. */
bool test_run_follow(struct test_timeline *timeline, const char *verb)
{
    struct ll_event event = {.kind = LL_EVENT_FOLLOW_END};
    char from[LL_PREFIX_MAX];
    char end[LL_PREFIX_MAX];

    event.id = strtoull(test_word_next(timeline), NULL, 10);
    if (strcmp(verb, "follow") == 0) {
        const char *word = test_word_next(timeline);

        event.kind = LL_EVENT_FOLLOW;
        event.follow.from =
            ll_prefix_make((struct ll_bytes){"", 0},
                           (struct ll_bytes){word, strlen(word)}, from);
        event.follow.end = ll_prefix_end(event.follow.from, end);
    }
    (void)test_timeline_step(timeline, &event);
    return true;
}

void test_print_followed(FILE *out, const struct ll_effect *effect)
{
    static const char *const words[] = {
        [LL_FOLLOWED_LOADING] = "loads",     [LL_FOLLOWED_PAGE] = "keys",
        [LL_FOLLOWED_CHANGES] = "changes",   [LL_FOLLOWED_CURRENT] = "current",
        [LL_FOLLOWED_LOST] = "etcd is lost", [LL_FOLLOWED_FAILED] = "failed: ",
        [LL_FOLLOWED_END] = "the end"};

    fprintf(out, "%s", words[effect->followed.kind]);
    if (effect->followed.kind == LL_FOLLOWED_PAGE) {
        for (size_t i = 0; i < effect->followed.kvs_n; i++) {
            const struct ll_kv *kv = &effect->followed.kvs[i];

            fprintf(out, " %.*s@%" PRId64, (int)kv->key.size, kv->key.data,
                    kv->create_revision);
        }
        fprintf(out, "%s%s", effect->followed.is_first ? ", first" : "",
                effect->followed.is_last ? ", last" : "");
    }
    if (effect->followed.kind == LL_FOLLOWED_CHANGES) {
        for (size_t i = 0; i < effect->followed.events_n; i++) {
            const struct ll_watch_event *change = &effect->followed.events[i];

            fprintf(out, " %s%.*s@%" PRId64, change->deleted ? "-" : "+",
                    (int)change->kv.key.size, change->kv.key.data,
                    change->kv.mod_revision);
        }
    }
}
