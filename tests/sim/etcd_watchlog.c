/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_watchlog.h"

#include <stdlib.h>
#include <string.h>

#include "sim/etcd_memory.h"
#include "sim/etcd_program.h"

struct sim_watchlog_entry {
    int64_t watch_id;
    char *lines;
};

static struct sim_watchlog_entry *find(const struct sim_watchlog *log,
                                       int64_t watch_id)
{
    size_t i;

    for (i = 0; i < log->n; i++) {
        if (log->entries[i].watch_id == watch_id) {
            return &log->entries[i];
        }
    }
    return NULL;
}

void sim_watchlog_note(struct sim_watchlog *log, const struct ll_event *event)
{
    struct sim_watchlog_entry *entry = find(log, event->watch.watch_id);
    char *line = sim_print_watch(event);
    size_t line_size = strlen(line);
    size_t size = 0;

    if (entry == NULL) {
        SIM_RESERVE(log->entries, log->n, log->capacity);
        entry = &log->entries[log->n++];
        *entry = (struct sim_watchlog_entry){event->watch.watch_id, NULL};
    }
    size = entry->lines != NULL ? strlen(entry->lines) : 0;
    entry->lines = sim_grow(entry->lines, size + line_size + 2, 1);
    memcpy(entry->lines + size, line, line_size);
    memcpy(entry->lines + size + line_size, "\n", 2);
    log->messages++;
    free(line);
}

bool sim_watchlog_differ(const struct sim_watchlog *a,
                         const struct sim_watchlog *b,
                         const char **ret_a,
                         const char **ret_b)
{
    size_t i;

    for (i = 0; i < a->n + b->n; i++) {
        int64_t watch_id =
            i < a->n ? a->entries[i].watch_id : b->entries[i - a->n].watch_id;
        const struct sim_watchlog_entry *in_a = find(a, watch_id);
        const struct sim_watchlog_entry *in_b = find(b, watch_id);

        *ret_a = in_a != NULL ? in_a->lines : "";
        *ret_b = in_b != NULL ? in_b->lines : "";
        if (strcmp(*ret_a, *ret_b) != 0) {
            return true;
        }
    }
    return false;
}

void sim_watchlog_clear(struct sim_watchlog *log)
{
    size_t i;

    for (i = 0; i < log->n; i++) {
        free(log->entries[i].lines);
    }
    log->n = 0;
}

void sim_watchlog_free(struct sim_watchlog *log)
{
    sim_watchlog_clear(log);
    free(log->entries);
    *log = (struct sim_watchlog){0};
}
