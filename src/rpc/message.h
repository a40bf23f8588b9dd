/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_MESSAGE_H
#define LL_RPC_MESSAGE_H

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include "etcd/messages.h"

/** Bytes of a status' text that are kept, its NUL included. */
#define LL_STATUS_TEXT_SIZE 512

/** A message to send, with a copy of the bytes. */
grpc_byte_buffer *ll_message_new(const struct ll_buffer *bytes);

/** The bytes of a received message in one piece; the caller unrefs the slice,
 *  which may outlive the message. */
grpc_slice ll_message_bytes(grpc_byte_buffer *message);

/** Copies a status' text, truncated if it is too long. */
void ll_status_text(grpc_slice details, char text[LL_STATUS_TEXT_SIZE]);

#endif
