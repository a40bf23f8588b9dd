/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_TESTS_PROTOBUF_WRITER_H
#define LL_TESTS_PROTOBUF_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Include it behind cmocka.h. It encodes messages by hand, with etcd's field
 * numbers, to detect a wrong number in etcd.proto. */

/** Writes protobuf's encoding. */
struct writer {
    uint8_t data[4096];
    size_t size;
};

static inline void varint(struct writer *writer, uint64_t value)
{
    while (value > 0x7f) {
        writer->data[writer->size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    writer->data[writer->size++] = (uint8_t)value;
}

static inline void number(struct writer *writer, unsigned field, int64_t value)
{
    varint(writer, field << 3);
    varint(writer, (uint64_t)value);
}

static inline void
bytes(struct writer *writer, unsigned field, const void *data, size_t size)
{
    varint(writer, field << 3 | 2);
    varint(writer, size);
    assert_true(writer->size + size <= sizeof(writer->data));
    memcpy(writer->data + writer->size, data, size);
    writer->size += size;
}

static inline void
text(struct writer *writer, unsigned field, const char *string)
{
    bytes(writer, field, string, strlen(string));
}

static inline void
message(struct writer *writer, unsigned field, const struct writer *inner)
{
    bytes(writer, field, inner->data, inner->size);
}

#endif
