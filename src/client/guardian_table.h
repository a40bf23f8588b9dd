/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_GUARDIAN_TABLE_H
#define LL_CLIENT_GUARDIAN_TABLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/core.h"

/**
 * The data that a process and its guardian share: see client/guardian.h.
 *
 * The leases are in memory that both have mapped, not in messages: a store
 * cannot block, fill a buffer or fail, and what the process stored before it
 * was killed is there. Only the process writes.
 */

/** The version of the greeting and of all else here; raised with each change. A
 *  guardian of another version ends at once. */
#define LL_GUARDIAN_PROTOCOL 1

/** A lease under the guardian's watch; lease 0: none. */
struct ll_guardian_slot {
    _Atomic int64_t lease;
    /** Its time to live; in a free slot, the number of the next free slot. */
    _Atomic int64_t ttl_s;
};

#define LL_GUARDIAN_SLOTS LL_SESSIONS_MAX

struct ll_guardian_table {
    /** The number of slots that have ever been used. */
    _Atomic uint32_t slots_n;
    struct ll_guardian_slot slots[LL_GUARDIAN_SLOTS];
};

/** Descriptors that the guardian starts with. */
enum ll_guardian_fd {
    /** A socket: the greeting and the settings, later the goodbye. */
    LL_GUARDIAN_SOCKET = 3,
    LL_GUARDIAN_TABLE = 4,
    /** The process: a pidfd, or its folder in /proc. */
    LL_GUARDIAN_PROCESS = 5,
    /** Another process that uses the protected resource; or /dev/null. */
    LL_GUARDIAN_OTHER = 6,
    LL_GUARDIAN_FDS_END = 7,
};

/** The first message on the socket. */
struct ll_guardian_greeting {
    uint32_t protocol;
    /** Bytes of settings that follow: names and values in turn, each with a
     *  NUL; "endpoints" is among them. */
    uint32_t settings_size;
    /** The processes are pidfds. */
    uint8_t has_pidfds;
    uint8_t has_other;
};

/** The most bytes of all settings with their names. */
#define LL_GUARDIAN_SETTINGS_SIZE_MAX (256u << 10)

/** The goodbye. */
#define LL_GUARDIAN_BYE 'B'

#endif
