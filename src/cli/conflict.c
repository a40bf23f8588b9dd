/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/conflict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/who.h"

/** Longest wait for the holders of all locks together. */
#define ASK_MAX_MS 1000
/** How many entries of a queue are read if the first need not block. */
#define ENTRIES_MAX 256

/** One of the requested locks, and the first entries of its queue. */
struct blocker {
    struct leaselock_queue_info *queue; /* NULL: the request failed */
    int status;
    int is_answered;
    struct leaselock_error error;
};

static void on_queue(int status, const struct leaselock_error *error, void *arg)
{
    struct blocker *blocker = arg;

    blocker->is_answered = 1;
    blocker->status = status;
    if (error != NULL) {
        blocker->error = *error;
    }
}

static const char *name_at(const struct ll_hold *hold, int i)
{
    return i == 0 ? hold->name : hold->options->also[i - 1];
}

/** Whether a place ahead can block one of the requested mode. */
static int may_block(int mode, const struct leaselock_queue_entry *entry)
{
    return mode == LEASELOCK_EXCLUSIVE || entry->mode == LEASELOCK_EXCLUSIVE ||
           (mode == LEASELOCK_PERMIT && entry->mode == LEASELOCK_PERMIT);
}

/** The oldest place that blocks the lock: the holder, or, if readers hold it, a
 *  writer that waits. NULL: there is none any more, it is not known, or it is
 *  this process, whose own places are being withdrawn. */
static const struct leaselock_queue_entry *
holder_of(const struct ll_hold *hold, const struct blocker *blocker)
{
    const struct leaselock_queue_info *queue = blocker->queue;

    for (size_t i = 0; queue != NULL && i < queue->entries_n; i++) {
        const struct leaselock_queue_entry *entry = &queue->entries[i];

        if (may_block(ll_hold_mode(hold->options), entry)) {
            return entry->lease != leaselock_session_lease(hold->session)
                       ? entry
                       : NULL;
        }
    }
    return NULL;
}

static void ask(struct ll_hold *hold, const char *name, struct blocker *blocker)
{
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;

    options.limit =
        ll_hold_mode(hold->options) == LEASELOCK_EXCLUSIVE ? 1 : ENTRIES_MAX;
    options.timeout_ms = hold->options->timeout_ms < ASK_MAX_MS
                             ? hold->options->timeout_ms
                             : ASK_MAX_MS;
    blocker->status =
        leaselock_queue_async(hold->client, name, &options, &blocker->queue,
                              on_queue, blocker, &blocker->error);
    blocker->is_answered = blocker->status != 0;
}

/** Requests the holders of all locks concurrently. */
static void ask_all(struct ll_hold *hold, struct blocker *blockers, int n)
{
    for (int i = 0; i < n; i++) {
        ask(hold, name_at(hold, i), &blockers[i]);
    }
    /* Each answer arrives within its timeout, even after a signal. */
    for (int i = 0; i < n; i++) {
        while (!blockers[i].is_answered) {
            ll_hold_turn(hold, -1);
        }
    }
}

static void say_one(const struct ll_hold *hold,
                    const char *name,
                    const struct blocker *blocker,
                    const char *rest)
{
    const struct leaselock_queue_entry *holder = holder_of(hold, blocker);
    const char *taken = hold->value == NULL ? "held" : "led";
    const char *waits = NULL;
    char shares[LL_WHO_MODE_SIZE];
    char who[LL_WHO_SIZE];

    if (holder != NULL) {
        ll_who(holder, who);
        ll_who_shares(holder, shares);
        if (ll_who_is_ticket(holder) && !holder->holds) {
            waits = ", who needs it alone";
        }
        ll_say("%s is %s by %s%s%s%s", name, waits != NULL ? "awaited" : taken,
               holder->foreign && !ll_who_is_own(holder) ? "the foreign key "
                                                         : "",
               who, waits != NULL ? waits : shares, rest);
    } else if (blocker->queue == NULL) {
        ll_say("%s is %s by another%s; the holder cannot be read: %s", name,
               taken, rest, blocker->error.message);
    } else {
        ll_say("%s was %s by another until a moment ago%s", name, taken, rest);
    }
}

/** "; 2 were ahead; gave up after 3.000 s" */
static void word_rest(const struct ll_hold *hold, char *text, size_t size)
{
    int wait_ms = hold->options->wait_ms;
    int at = 0;

    text[0] = '\0';
    if (hold->ahead > 0) {
        at = snprintf(text, size, "; %" PRId64 " %s ahead", hold->ahead,
                      hold->ahead == 1 ? "was" : "were");
    }
    if (wait_ms > 0) {
        (void)snprintf(text + at, size - (size_t)at,
                       "; gave up after %d.%03d s", wait_ms / 1000,
                       wait_ms % 1000);
    }
}

static json_t *holders_to_json(const struct ll_hold *hold,
                               const struct blocker *blockers,
                               int n)
{
    json_t *holders = json_array();

    for (int i = 0; i < n; i++) {
        const struct leaselock_queue_entry *holder =
            holder_of(hold, &blockers[i]);
        const char *name = name_at(hold, i);

        if (holder != NULL &&
            json_array_append_new(
                holders, json_pack("{s:o, s:o}", "name",
                                   ll_json_text(name, strlen(name)), "holder",
                                   ll_who_to_json(holder))) != 0) {
            json_decref(holders);
            return NULL;
        }
    }
    return holders;
}

static int
print_json(const struct ll_hold *hold, const struct blocker *blockers, int n)
{
    int64_t waited_ms = (hold->settled_ns - hold->start_ns) / NS_PER_MS;
    json_t *holders = holders_to_json(hold, blockers, n);
    json_t *first = json_object_get(json_array_get(holders, 0), "holder");
    int code = ll_print_json(json_pack(
        "{s:o, s:b, s:I, s:o, s:O, s:o}", "name",
        ll_json_text(hold->name, strlen(hold->name)), "held", 0, "waited_ms",
        (json_int_t)waited_ms, "ahead",
        hold->ahead > 0 ? json_integer(hold->ahead) : json_null(), "holder",
        first != NULL ? first : json_null(), "holders", holders));

    return code != 0 ? code : ll_print_flush();
}

int ll_conflict_say(struct ll_hold *hold)
{
    static struct blocker blockers[LEASELOCK_NAMES_MAX];
    int n = 1 + hold->options->also_n;
    char rest[96];
    int said = 0;
    int code = 0;

    memset(blockers, 0, sizeof(blockers));
    ask_all(hold, blockers, n);
    word_rest(hold, rest, sizeof(rest));
    for (int i = 0; i < n; i++) {
        /* Of several locks, those that others hold; else the only one. */
        if (n == 1 || holder_of(hold, &blockers[i]) != NULL) {
            say_one(hold, name_at(hold, i), &blockers[i], rest);
            said = 1;
        }
    }
    if (!said) {
        say_one(hold, hold->title, &blockers[0], rest);
    }
    if (hold->options->json) {
        code = print_json(hold, blockers, n);
    }
    for (int i = 0; i < n; i++) {
        leaselock_queue_free(blockers[i].queue);
    }
    return code != 0 ? code : hold->options->conflict_exit;
}
