/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_BOARD_H
#define LL_API_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"
#include "core/key.h"

/**
 * All queues below a prefix, kept up to date by the changes of their keys.
 *
 * As places.h has it, a queue is a directory NAME with a place, a key
 * NAME/LEASE..., and once there is one, every key below NAME/ counts in the
 * queue, however deep it is. Here each key is in the directory of its last '/'
 * that can end a name, and each directory in the one above it:
 *
 *     dir "jobs"        places jobs/1a.1; 3 keys
 *       dir "jobs/42"   places jobs/42/1a.2, jobs/42/2b.1; 2 keys
 *
 * A change costs one look-up, and a step for each directory above the key. What
 * a queue's keys mean (who holds, who waits) is found when it is read, and kept
 * until the queue changes.
 *
 *     state of a dir | event                      | next
 *     no lock        | a place                    | LIVE: among `locks`
 *     LIVE           | its last place is gone     | FREE: also among `idle`
 *     FREE           | a place                    | LIVE
 *     FREE           | LL_BOARD_IDLE_NS later, or | no lock
 *                    | LL_BOARD_IDLE_MAX others   |
 *                    | became free after it       |
 *     any            | no key, no dir in it, and  | freed
 *                    | no lock                    |
 */

/** The most directories that contain one key: what has more, hundreds fit into a
 *  name, is in the last of these as a key that is no place. */
#define LL_BOARD_DEPTH_MAX 32
/** How long a lock without places is kept, with its counters. */
#define LL_BOARD_IDLE_NS INT64_C(600000000000)
/** The most locks without places. */
#define LL_BOARD_IDLE_MAX 10000

struct ll_board_dir {
    struct ll_entry entry; /* in board->dirs, by a hash of its path */
    struct ll_board_dir *up;
    struct ll_link all;     /* in board->all: behind those that contain it */
    struct ll_link lock;    /* in board->locks, while it is a lock */
    struct ll_link idle;    /* in board->idle, while it is FREE */
    struct ll_link touched; /* in board->touched, until it is settled */
    struct ll_link places;  /* ll_board_key, oldest first */
    struct ll_link others;  /* ll_board_key that are no places, unordered */
    uint32_t refs;          /* keys and dirs directly in it, and being a lock */
    uint32_t keys_n;        /* below it */
    uint32_t places_n;
    bool is_unsorted;    /* its places are */
    bool is_read;        /* holders_n and waiter are those of its keys */
    bool others_unknown; /* the next two may be those of a key that is gone */
    /** Of keys below it that are not its places: the least token, and the least
     *  of one that blocks all modes; INT64_MAX: there is none. */
    int64_t other_from;
    int64_t blocked_from;
    /** What reading it has shown. */
    uint32_t holders_n;
    struct ll_board_key *waiter; /* the oldest place that does not hold */
    /** The oldest holder: 0 if there is none. */
    int64_t holder_token;
    int64_t holder_ns;    /* when it was seen to hold */
    bool holder_was_seen; /* it began to hold then */
    bool was_settled;
    uint64_t holder_changes;
    int64_t idle_ns;
    /** Of the newest oldest place. */
    uint8_t mode;
    uint8_t permits;
    bool candidate;
    size_t size;
    char path[]; /* with the namespace, without the '/', and a NUL */
};

struct ll_board_key {
    struct ll_entry entry; /* in board->keys, by a hash of the key */
    struct ll_link link;   /* in dir->places or dir->others */
    struct ll_board_dir *dir;
    int64_t token;
    int64_t lease;
    int64_t seen_ns;
    int64_t since_unix_s; /* as its value says; 0: it does not */
    uint32_t generation;  /* of the load that had it last */
    bool is_place;
    bool is_apart; /* see ll_key_is_apart */
    bool candidate;
    uint8_t mode;
    uint8_t permits;
    uint16_t size;
    char suffix[]; /* behind the '/', size bytes */
};

struct ll_board {
    struct ll_table dirs;
    struct ll_table keys;
    struct ll_link all;
    struct ll_link locks; /* in the order in which they were first seen */
    struct ll_link idle;  /* those that have been free the longest first */
    struct ll_link touched;
    size_t locks_n;
    size_t idle_n;
    uint64_t seed; /* of the hashes */
    uint32_t generation;
    bool loads;
    bool others_unknown; /* of some lock */
    size_t namespace_size;
    size_t names_size; /* of the prefix of all names, with the namespace */
};

void ll_board_init(struct ll_board *board,
                   size_t namespace_size,
                   size_t names_size,
                   uint64_t seed);
void ll_board_free(struct ll_board *board);

/** A read of all keys begins: those that are put until its end are all. */
void ll_board_load_begin(struct ll_board *board);
/** Removes the keys that were not put since ll_board_load_begin, and settles.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_board_load_end(struct ll_board *board, int64_t now_ns);

/** Adds a key, unless it is there with this token.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_board_put(struct ll_board *board,
                 const struct ll_kv *kv,
                 int64_t now_ns);
/** Removes a key, if it is there. */
void ll_board_delete(struct ll_board *board,
                     struct ll_bytes key,
                     int64_t now_ns);

/** To be called when all changes of a revision are applied: notes the holders
 *  that are new. */
void ll_board_settle(struct ll_board *board, int64_t now_ns);

/** Forgets locks that have been free for long; and finds for each lock what its
 *  keys mean. The dirs in board->locks can be read then.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_board_read(struct ll_board *board, int64_t now_ns);

/** The oldest place; NULL: the lock is free. */
struct ll_board_key *ll_board_first(const struct ll_board_dir *dir);

/** A step of board_read.c, for board.c: forgets locks that have been free for
 *  long, and the oldest of too many. */
void ll_board_forget_idle(struct ll_board *board, int64_t now_ns);

/** Steps of board.c, for board_read.c. */
void ll_board_touch(struct ll_board *board, struct ll_board_dir *dir);
void ll_board_remove(struct ll_board *board,
                     struct ll_board_key *key,
                     int64_t now_ns);
void ll_board_unref(struct ll_board *board, struct ll_board_dir *dir);
/** Counts a key among the others of every dir that contains it, its own if it
 *  is no place. */
void ll_board_add_other(struct ll_board_key *key);

#endif
