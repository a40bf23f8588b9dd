/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include <etcd.pb-c.h>

#include "base/alloc.h"
#include "sim/etcd_program.h"

/** protobuf-c's type: not const, though packing does not change them. */
static ProtobufCBinaryData binary(struct ll_bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.size,
                                 .data = (uint8_t *)(uintptr_t)bytes.data};
}

void sim_watch_encode(const struct sim_watch_request *watch,
                      struct ll_buffer *out)
{
    Etcdpb__WatchRequest message = ETCDPB__WATCH_REQUEST__INIT;
    Etcdpb__WatchCreateRequest create = ETCDPB__WATCH_CREATE_REQUEST__INIT;
    Etcdpb__WatchCreateRequest__FilterType filters[2];

    create.key = binary(watch->key);
    create.range_end = binary(watch->end);
    create.start_revision = watch->start_revision;
    create.watch_id = watch->watch_id;
    create.prev_kv = watch->prev_values;
    create.filters = filters;
    if (!watch->puts) {
        filters[create.n_filters++] =
            ETCDPB__WATCH_CREATE_REQUEST__FILTER_TYPE__NOPUT;
    }
    if (!watch->deletions) {
        filters[create.n_filters++] =
            ETCDPB__WATCH_CREATE_REQUEST__FILTER_TYPE__NODELETE;
    }
    message.request_union_case =
        ETCDPB__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST;
    message.create_request = &create;
    ll_buffer_free(out);
    out->size = protobuf_c_message_get_packed_size(&message.base);
    out->capacity = out->size;
    /* The buffer is the library's type, with memory from ll_alloc. */
    out->data = ll_alloc(out->size);
    if (out->data == NULL) {
        abort();
    }
    (void)protobuf_c_message_pack(&message.base, out->data);
}
