/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_ETCD_WIRE_H
#define LL_ETCD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "core/request.h"
#include "etcd/arena.h"

/** Largest message that is read. A key of a queue takes some 150 bytes, so
 *  this is a queue of 400,000. */
#define LL_WIRE_SIZE_MAX (64 * 1024 * 1024)

/** Deepest nesting of messages: a Txn in a Txn takes two levels (the operation
 *  and the Txn); the innermost holds an operation, its range and that one's
 *  keys. */
#define LL_WIRE_DEPTH_MAX (2 * LL_TXN_DEPTH_MAX + 3)

/**
 * Whether bytes are safe to hand to protobuf-c as a message of this kind: well
 * formed, not nested deeper than LL_WIRE_DEPTH_MAX, and no single submessage
 * given twice. protobuf-c recurses as deep as the bytes demand and merges
 * submessages that come twice; etcd sends neither.
 */
bool ll_wire_check(const ProtobufCMessageDescriptor *descriptor,
                   const uint8_t *data,
                   size_t size);

/**
 * Reads a message into an arena, which owns all of its memory.
 *
 * @return 0, LEASELOCK_E_NOMEM, or _SERVER for bytes that are no such message
 */
int ll_wire_unpack(const ProtobufCMessageDescriptor *descriptor,
                   const uint8_t *data,
                   size_t size,
                   struct ll_arena *arena,
                   ProtobufCMessage **ret_message);

#endif
