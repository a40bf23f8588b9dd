/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/wire.h"

#include "leaselock/status.h"

/** Wire types of protobuf's encoding. The two that are missing, groups, were
 *  abandoned before proto3. */
enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
};

#define VARINT_SIZE_MAX 10

struct cursor {
    const uint8_t *at;
    size_t left;
};

static bool skip(struct cursor *cursor, uint64_t size)
{
    if (size > cursor->left) {
        return false;
    }
    cursor->at += size;
    cursor->left -= (size_t)size;
    return true;
}

static bool read_varint(struct cursor *cursor, uint64_t *ret_value)
{
    uint64_t value = 0;
    unsigned i = 0;

    for (i = 0; i < VARINT_SIZE_MAX && i < cursor->left; i++) {
        value |= (uint64_t)(cursor->at[i] & 0x7f) << (7 * i);
        if ((cursor->at[i] & 0x80) == 0) {
            *ret_value = value;
            return skip(cursor, i + 1);
        }
    }
    return false;
}

static bool check_message(const ProtobufCMessageDescriptor *descriptor,
                          struct cursor cursor,
                          int depth);

/** The field behind a length: a submessage is checked, and must be the first of
 *  its field if the field is not repeated. */
static bool check_bytes(const ProtobufCMessageDescriptor *descriptor,
                        uint64_t number,
                        struct cursor inner,
                        uint64_t *seen,
                        int depth)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(descriptor, (unsigned)number);

    if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE) {
        return true;
    }
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        uint64_t bit = UINT64_C(1) << ((field - descriptor->fields) % 64);

        if ((*seen & bit) != 0) {
            return false;
        }
        *seen |= bit;
    }
    return check_message(field->descriptor, inner, depth + 1);
}

static bool check_message(const ProtobufCMessageDescriptor *descriptor,
                          struct cursor cursor,
                          int depth)
{
    uint64_t seen = 0;

    if (depth > LL_WIRE_DEPTH_MAX) {
        return false;
    }
    while (cursor.left > 0) {
        struct cursor inner = {NULL, 0};
        uint64_t tag = 0;
        uint64_t size = 0;

        /* A field's number has at most 29 bits. */
        if (!read_varint(&cursor, &tag) || tag > UINT32_MAX || tag >> 3 == 0) {
            return false;
        }
        switch (tag & 7) {
        case WIRE_VARINT:
            if (!read_varint(&cursor, &size)) {
                return false;
            }
            break;
        case WIRE_FIXED64:
            if (!skip(&cursor, 8)) {
                return false;
            }
            break;
        case WIRE_FIXED32:
            if (!skip(&cursor, 4)) {
                return false;
            }
            break;
        case WIRE_BYTES:
            if (!read_varint(&cursor, &size) || size > cursor.left) {
                return false;
            }
            inner = (struct cursor){cursor.at, (size_t)size};
            (void)skip(&cursor, size);
            if (!check_bytes(descriptor, tag >> 3, inner, &seen, depth)) {
                return false;
            }
            break;
        default:
            return false;
        }
    }
    return true;
}

bool ll_wire_check(const ProtobufCMessageDescriptor *descriptor,
                   const uint8_t *data,
                   size_t size)
{
    return size <= LL_WIRE_SIZE_MAX &&
           check_message(descriptor, (struct cursor){data, size}, 0);
}

int ll_wire_unpack(const ProtobufCMessageDescriptor *descriptor,
                   const uint8_t *data,
                   size_t size,
                   struct ll_arena *arena,
                   ProtobufCMessage **ret_message)
{
    static const uint8_t nothing[1];
    ProtobufCAllocator allocator = ll_arena_allocator(arena);
    ProtobufCMessage *message = NULL;

    if (!ll_wire_check(descriptor, data, size)) {
        return LEASELOCK_E_SERVER;
    }
    message = protobuf_c_message_unpack(descriptor, &allocator, size,
                                        size > 0 ? data : nothing);
    if (message == NULL) {
        return arena->failed ? LEASELOCK_E_NOMEM : LEASELOCK_E_SERVER;
    }
    *ret_message = message;
    return 0;
}
