/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/message.h"

#include <string.h>

#include <grpc/byte_buffer_reader.h>

grpc_byte_buffer *ll_message_new(const struct ll_buffer *bytes)
{
    grpc_slice slice =
        grpc_slice_from_copied_buffer((const char *)bytes->data, bytes->size);
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);

    grpc_slice_unref(slice);
    return message;
}

grpc_slice ll_message_bytes(grpc_byte_buffer *message)
{
    grpc_byte_buffer_reader reader;
    grpc_slice slice = grpc_empty_slice();

    if (!grpc_byte_buffer_reader_init(&reader, message)) {
        return slice;
    }
    /* Most messages are one slice, which need not be copied. */
    if (grpc_byte_buffer_reader_next(&reader, &slice) &&
        GRPC_SLICE_LENGTH(slice) != grpc_byte_buffer_length(message)) {
        grpc_slice_unref(slice);
        grpc_byte_buffer_reader_destroy(&reader);
        if (!grpc_byte_buffer_reader_init(&reader, message)) {
            return grpc_empty_slice();
        }
        slice = grpc_byte_buffer_reader_readall(&reader);
    }
    grpc_byte_buffer_reader_destroy(&reader);
    return slice;
}

void ll_status_text(grpc_slice details, char text[LL_STATUS_TEXT_SIZE])
{
    size_t size = GRPC_SLICE_LENGTH(details);

    if (size > LL_STATUS_TEXT_SIZE - 1) {
        size = LL_STATUS_TEXT_SIZE - 1;
    }
    if (size > 0) {
        memcpy(text, GRPC_SLICE_START_PTR(details), size);
    }
    text[size] = '\0';
}
