/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/deadlock.h"

#include "api/deadlock_find.h"
#include "api/scan.h"
#include "base/alloc.h"
#include "base/error.h"

/** What the user receives, and the memory that it points to. */
struct report {
    struct leaselock_deadlocks_info info; /* the first member */
    struct leaselock_deadlock *deadlocks;
    struct leaselock_deadlock_member *members; /* of all of them */
    struct ll_places places;
};

struct deadlock_scan {
    struct ll_scan scan;
    struct leaselock_deadlocks_info **ret_deadlocks;
};

void leaselock_deadlocks_free(struct leaselock_deadlocks_info *deadlocks)
{
    struct report *report = (struct report *)(void *)deadlocks;

    if (report != NULL) {
        ll_places_free(&report->places);
        ll_free(report->deadlocks);
        ll_free(report->members);
        ll_free(report);
    }
}

static struct leaselock_deadlock_member
member_of(const struct ll_places *places,
          const struct ll_deadlock_member *member)
{
    const struct ll_place *waits = &places->places[member->waits];
    const struct ll_place *holds = &places->places[member->holds];

    return (struct leaselock_deadlock_member){
        .lease = waits->entry.lease,
        .waits_name = waits->name,
        .waits = &waits->entry,
        .holds_name = holds->name,
        .holds = &holds->entry,
    };
}

static int report_fill(struct report *report,
                       const struct ll_places *places,
                       const struct ll_deadlock_list *list)
{
    size_t members_n = 0;

    for (size_t i = 0; i < list->n; i++) {
        members_n += list->entries[i].members_n;
    }
    report->deadlocks = ll_alloc_zero(list->n, sizeof(*report->deadlocks));
    report->members = ll_alloc_zero(members_n, sizeof(*report->members));
    if (report->deadlocks == NULL || report->members == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    members_n = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct ll_deadlock_entry *deadlock = &list->entries[i];

        report->deadlocks[i].members_n = deadlock->members_n;
        report->deadlocks[i].members = &report->members[members_n];
        for (size_t j = 0; j < deadlock->members_n; j++) {
            report->members[members_n++] =
                member_of(places, &deadlock->members[j]);
        }
    }
    report->info.deadlocks_n = list->n;
    report->info.deadlocks = report->deadlocks;
    return 0;
}

static int deadlocks_on_end(struct ll_scan *scan)
{
    struct report *report = ll_alloc_zero(1, sizeof(*report));
    struct ll_deadlock_list list = {0, NULL};
    int status = report == NULL ? LEASELOCK_E_NOMEM
                                : ll_deadlocks_find(&scan->places, &list);

    if (status == 0) {
        status = report_fill(report, &scan->places, &list);
    }
    ll_deadlocks_free(&list);
    if (status != 0) {
        leaselock_deadlocks_free(report == NULL ? NULL : &report->info);
        return status;
    }
    report->info.revision = scan->revision;
    report->places = scan->places;
    scan->places = (struct ll_places){0};
    *LL_CONTAINER(scan, struct deadlock_scan, scan)->ret_deadlocks =
        &report->info;
    return 0;
}

static void deadlocks_release(struct ll_scan *scan)
{
    ll_free(LL_CONTAINER(scan, struct deadlock_scan, scan));
}

static int deadlocks_run(leaselock_client *client,
                         const char *prefix,
                         const struct leaselock_locks_options *options,
                         struct leaselock_deadlocks_info **ret_deadlocks,
                         leaselock_done_fn *done,
                         void *arg,
                         struct leaselock_error *reterr)
{
    struct leaselock_locks_options own;
    struct deadlock_scan *deadlocks;

    if (ll_options_copy(&own, sizeof(own), options) != 0 ||
        ret_deadlocks == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the options with "
                             "LEASELOCK_LOCKS_OPTIONS_INIT");
    }
    deadlocks = ll_alloc_zero(1, sizeof(*deadlocks));
    if (deadlocks == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    deadlocks->ret_deadlocks = ret_deadlocks;
    deadlocks->scan.on_end = deadlocks_on_end;
    deadlocks->scan.release = deadlocks_release;
    return ll_scan_run(client, &deadlocks->scan, prefix, own.timeout_ms, done,
                       arg, reterr);
}

int leaselock_deadlocks(leaselock_client *client,
                        const char *prefix,
                        const struct leaselock_locks_options *options,
                        struct leaselock_deadlocks_info **ret_deadlocks,
                        struct leaselock_error *reterr)
{
    return deadlocks_run(client, prefix, options, ret_deadlocks, NULL, NULL,
                         reterr);
}

int leaselock_deadlocks_async(leaselock_client *client,
                              const char *prefix,
                              const struct leaselock_locks_options *options,
                              struct leaselock_deadlocks_info **ret_deadlocks,
                              leaselock_done_fn *done,
                              void *arg,
                              struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return deadlocks_run(client, prefix, options, ret_deadlocks, done, arg,
                         reterr);
}
