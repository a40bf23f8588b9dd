/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_ETCD_DECODE_H
#define LL_ETCD_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <etcd.pb-c.h>

#include "core/request.h"
#include "etcd/arena.h"
#include "etcd/messages.h"

/** Longest TTL of a lease that etcd grants, in seconds; as nanoseconds it
 *  still fits into 63 bits. */
#define LL_LEASE_TTL_S_MAX INT64_C(9000000000)

/** The memory behind an answer or a watch event. */
struct ll_decoded {
    struct ll_arena arena;
};

/** Reads a message into a new ll_decoded; returns as ll_answer_decode. */
int ll_decoded_new(const ProtobufCMessageDescriptor *descriptor,
                   const uint8_t *data,
                   size_t size,
                   ProtobufCMessage **ret_message,
                   struct ll_decoded **ret_decoded);

/** Bytes that are borrowed from a message. */
struct ll_bytes ll_decoded_bytes(ProtobufCBinaryData binary);

void ll_decoded_kv(const Etcdpb__KeyValue *message, struct ll_kv *ret_kv);

/** Whether an existing key has what each has in etcd: a name and the revision
 *  that created it. Core uses the latter as a token. */
bool ll_decoded_kv_is_sound(const struct ll_kv *kv);

#endif
