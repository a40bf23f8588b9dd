/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_KEY_H
#define LL_CORE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/request.h"

/** How a ticket shares its lock with the others of the queue; struct ll_mode
 *  says which of them block it. */
enum ll_mode_kind {
    LL_MODE_EXCLUSIVE,
    LL_MODE_SHARED,
    LL_MODE_PERMIT,
};

/**
 * A ticket's mode. A ticket is granted when no exclusive key with a lower
 * create revision is left in its queue and, besides that:
 *
 *     EXCLUSIVE     no key of another mode either
 *     SHARED        whatever else is left
 *     PERMIT        fewer than n permit keys are left
 *
 * A key whose suffix names no mode is exclusive, and so are all those of other
 * clients.
 */
struct ll_mode {
    enum ll_mode_kind kind;
    uint32_t permits; /* of PERMIT: n, 1 to LL_PERMITS_MAX; else 0 */
};

/** The most permits of a lock: a ticket watches up to 2n - 1 keys. */
#define LL_PERMITS_MAX 100
#define LL_PERMITS_MASK 0x7fU

/** Longest namespace, name, prefix of a queue's keys, part of a suffix that
 *  describes the creator of the key, suffix "~.pN.LEASE.NUMBER.wWHO" and key,
 *  in bytes. */
#define LL_SPACE_MAX 256
#define LL_NAME_MAX 1024
#define LL_PREFIX_MAX (LL_SPACE_MAX + LL_NAME_MAX + 1)
#define LL_WHO_MAX 128
#define LL_MODE_TEXT_MAX (2 + 1 + 3 + 1)
#define LL_DELAY_TEXT_MAX (2 + 6)
#define LL_SUFFIX_MAX                                                          \
    (LL_MODE_TEXT_MAX + 16 + 1 + 16 + LL_DELAY_TEXT_MAX + 2 + LL_WHO_MAX)
#define LL_KEY_MAX (LL_PREFIX_MAX + LL_SUFFIX_MAX)

/**
 * Checks a name: 1 to LL_NAME_MAX bytes, no '/' at either end, no empty part
 * between two '/', none that begins with "~.", no control bytes.
 *
 * @return NULL when it is valid, else a sentence with the reason
 */
const char *ll_name_check(struct ll_bytes name);

/** Writes the prefix of a queue's keys, the namespace and NAME/, into
 *  LL_PREFIX_MAX bytes. */
struct ll_bytes ll_prefix_make(struct ll_bytes namespace,
                               struct ll_bytes name,
                               char *ret_prefix);

/**
 * Writes the namespace and NAME/LEASE.NUMBER, in hexadecimal, into LL_KEY_MAX
 * + 1 bytes. A shared ticket's key is NAME/~.s.LEASE.NUMBER, a permit's of n is
 * NAME/~.pN.LEASE.NUMBER: both are in one range that has no exclusive key.
 *
 * More parts may follow, each of which begins with a '.' and a letter. Go's
 * clients order a queue by create revision alone, and ignore what is behind the
 * '/'.
 *
 * @param delay_ms  above 0: a part ".dMS", the lock-delay (see delay.h)
 * @param who  not of size 0: a part ".wWHO" for a key whose value does not
 *             describe its creator; without '/' and '.', at most LL_WHO_MAX
 *             bytes
 * @return the key's length
 */
size_t ll_key_make(struct ll_bytes namespace,
                   struct ll_bytes name,
                   int64_t lease,
                   uint64_t number,
                   struct ll_mode mode,
                   uint32_t delay_ms,
                   struct ll_bytes who,
                   char *ret_key);

/** Where a key NAME/hTAG-SLOT.NUMBER is that a short session uses instead of
 *  NAME/LEASE.NUMBER (see slot.h). */
struct ll_slot {
    uint8_t tag;   /* of the host */
    uint16_t slot; /* below LL_SLOT_END */
};

/** Slots have numbers below this. */
#define LL_SLOT_END 2048
/** Bytes of "hTAG-SLOT": fewer than those of a lease. */
#define LL_SLOT_TEXT_MAX (1 + 2 + 1 + 3)

/** As ll_key_make, with a slot in the place of the lease. */
size_t ll_key_make_slot(struct ll_bytes namespace,
                        struct ll_bytes name,
                        struct ll_slot slot,
                        uint64_t number,
                        struct ll_mode mode,
                        uint32_t delay_ms,
                        struct ll_bytes who,
                        char *ret_key);

/** Bytes by which ll_key_move may lengthen a key: to the longest lease and the
 *  longest number. */
#define LL_KEY_MOVE_MAX 32

/** Gives a key that ll_key_make_slot has written another slot or, without one,
 *  the lease, and another number. Its mode and its further parts stay.
 *
 *  @param key  with room for LL_KEY_MOVE_MAX more bytes
 *  @return its new length */
size_t ll_key_move(char *key,
                   size_t size,
                   const struct ll_slot *slot,
                   int64_t lease,
                   uint64_t number);

/** What a key PREFIX/LEASE.NUMBER consists of. */
struct ll_key_place {
    struct ll_bytes prefix; /* of its queue: up to and with the last '/' */
    bool has_number;        /* false: PREFIX/LEASE, as Go's clients write it */
    bool has_slot;          /* in the place of the lease */
    struct ll_mode mode;
};

/**
 * Parses a key that ll_key_make writes for a lease, or ll_key_make_slot for
 * any, whatever parts follow the number; or, as Go's clients write it, with the
 * lease alone. Which lease a key with a slot is on, its name does not show.
 *
 * @param lease      that of the key, as etcd has it
 * @param ret_place  borrows the key's bytes
 * @return false: it is no such key
 */
bool ll_key_parse(struct ll_bytes key,
                  int64_t lease,
                  struct ll_key_place *ret_place);

/** The part of a key's suffix that begins with a letter, without that letter;
 *  of size 0 if there is none. */
struct ll_bytes ll_key_part(struct ll_bytes key, char letter);

/** The longest lock-delay. */
#define LL_DELAY_MS_MAX 600000

/** The lock-delay in a key of a lease, in milliseconds; 0: it has none. */
uint32_t ll_key_delay_ms(struct ll_bytes key, int64_t lease);

/** The mode that a key's suffix names, whatever follows. */
struct ll_mode ll_key_mode(struct ll_bytes key);

bool ll_mode_equal(struct ll_mode a, struct ll_mode b);

/** The exclusive keys of a queue are in two ranges, [NAME/, NAME/~.) and
 *  [NAME/~/, NAME0): foreign suffixes may begin with bytes that sort after '~'.
 *  Each writes a bound into prefix.size + 2 bytes: "NAME/~." or "NAME/~/". */
struct ll_bytes ll_prefix_modes(struct ll_bytes prefix, char *ret_bound);
struct ll_bytes ll_prefix_past_modes(struct ll_bytes prefix, char *ret_bound);
/** The permit keys of a queue, of any n: [NAME/~.p, NAME/~.q). Writes
 *  prefix.size + 3 bytes. */
struct ll_bytes ll_prefix_permits(struct ll_bytes prefix, char *ret_bound);
struct ll_bytes ll_prefix_past_permits(struct ll_bytes prefix, char *ret_bound);

/** Those of n: [NAME/~.pN. , NAME/~.pN/). Each writes prefix.size +
 *  LL_MODE_TEXT_MAX bytes and a NUL. */
struct ll_bytes
ll_prefix_permits_of(struct ll_bytes prefix, uint32_t permits, char *ret_bound);
struct ll_bytes ll_prefix_past_permits_of(struct ll_bytes prefix,
                                          uint32_t permits,
                                          char *ret_bound);

/** The end of the range of all keys that begin with a prefix ending in '/':
 *  the same with its last byte raised by one ('0'). Writes prefix.size bytes.
 */
struct ll_bytes ll_prefix_end(struct ll_bytes prefix, char *ret_end);

/** Whether a key in a queue belongs to a lock that is nested below: whether
 *  there is a further '/' behind the prefix NAME/. */
bool ll_key_is_nested(struct ll_bytes key, size_t prefix_size);

/** Whether a key in a queue can be a ticket of it: it is not nested, and it has
 *  a lease, so it disappears when its client does. A key without a lease blocks
 *  the queue until it is deleted by hand. */
bool ll_kv_is_ticket(const struct ll_kv *kv, size_t prefix_size);

/** Whether the oldest key of a queue, which is not nested, leads: it has a
 *  lease, and it is exclusive. */
bool ll_kv_may_lead(const struct ll_kv *kv);

bool ll_bytes_equal(struct ll_bytes a, struct ll_bytes b);

#endif
