/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_WHO_H
#define LL_CLI_WHO_H

#include <jansson.h>

#include "cli/grid.h"
#include "leaselock/admin.h"
#include "leaselock/leaselock.h"

/** Bytes for ll_who. */
#define LL_WHO_SIZE 1024
/** Bytes for ll_who_process. */
#define LL_WHO_PROCESS_SIZE 32
/** Bytes for ll_who_mode and ll_who_shares. */
#define LL_WHO_MODE_SIZE 40
/** Bytes for ll_who_note. */
#define LL_WHO_NOTE_SIZE (2 * LEASELOCK_KEY_MAX)

/** Whether leaselock made the key for a lock: its value describes the waiter;
 *  values of Go's clients do not. */
int ll_who_is_own(const struct leaselock_queue_entry *entry);

/** Whether the key can be a ticket of its queue; if not, it blocks it. */
int ll_who_is_ticket(const struct leaselock_queue_entry *entry);

/** " pid 7", or "" if the process id is not known: as that of a candidate whose
 *  key has a name that others use again. */
void ll_who_process(const struct leaselock_queue_entry *entry,
                    char ret_text[LL_WHO_PROCESS_SIZE]);

/** Describes the owner of a place: "host pid 7 program (label)", or the key. */
void ll_who(const struct leaselock_queue_entry *entry,
            char ret_text[LL_WHO_SIZE]);

/** The name of an enum leaselock_mode: "exclusive", "shared" or "permit". */
const char *ll_who_mode_name(int mode);

/** The mode of a place: "exclusive", "shared", "permit/8", or "-" if it is no
 *  ticket. */
void ll_who_mode(const struct leaselock_queue_entry *entry,
                 char ret_text[LL_WHO_MODE_SIZE]);

/** The state of a place: "holds", "waits", or "blocks" if it is no ticket. */
const char *ll_who_state(const struct leaselock_queue_entry *entry);

/** What a sentence adds on a place beside which others may hold: ", shared" or
 *  ", one of 8 permits"; else "". */
void ll_who_shares(const struct leaselock_queue_entry *entry,
                   char ret_text[LL_WHO_MODE_SIZE]);

/**
 * An object with key, token, lease, host, pid, program, label and since_unix_s
 * of a place, null if unknown, its mode, and, null if it has none, its permits,
 * lock_delay_ms and keep_ms, who has asked for the lock, null if nobody has,
 * and the flags holds, foreign, nested and ticket.
 *
 * @return a new reference; NULL: no memory
 */
json_t *ll_who_to_json(const struct leaselock_queue_entry *entry);

/** Appends the column MODE. */
void ll_who_add_mode(struct ll_grid *grid,
                     const struct leaselock_queue_entry *entry);

/** Appends the columns HOST, PID, PROGRAM and LABEL of a place. */
void ll_who_add_process(struct ll_grid *grid,
                        const struct leaselock_queue_entry *entry);

/** Appends the column AGE of a place. */
void ll_who_add_age(struct ll_grid *grid,
                    const struct leaselock_queue_entry *entry,
                    int64_t now_s);

/** Appends the columns HOST, PID, PROGRAM, LABEL and AGE of a place. */
void ll_who_add(struct ll_grid *grid,
                const struct leaselock_queue_entry *entry,
                int64_t now_s);

/** What there is to note of a place, or "": the kind of a key that is not
 *  leaselock's ticket, or that is no ticket at all and blocks the queue; and
 *  who has asked for the lock. */
void ll_who_note(const struct leaselock_queue_entry *entry,
                 int64_t now_s,
                 char ret_text[LL_WHO_NOTE_SIZE]);

/** Appends the column NOTE: ll_who_note. */
void ll_who_add_note(struct ll_grid *grid,
                     const struct leaselock_queue_entry *entry,
                     int64_t now_s);

#endif
