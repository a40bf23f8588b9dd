/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/transport_private.h"

/** What ends a wait of the thread that reads gRPC's queue: a wake-up, and the
 *  transport's timer. */

void ll_wake_open(struct ll_transport *transport)
{
    transport->wake_channel = grpc_lame_client_channel_create(
        "leaselock-wake", GRPC_STATUS_UNAVAILABLE, "never used");
    transport->wake_call = grpc_channel_create_call(
        transport->wake_channel, NULL, GRPC_PROPAGATE_DEFAULTS,
        transport->queue, grpc_slice_from_static_string("/leaselock/wake"),
        NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

void ll_transport_timer(struct ll_transport *transport, int64_t at_ns)
{
    if (at_ns < atomic_load(&transport->timer_ns)) {
        atomic_store(&transport->timer_ns, at_ns);
        ll_transport_wake(transport);
    }
}

/**
 * A batch without operations completes at once, and its completion wakes the
 * thread that waits. One at a time is enough: while it is on its way, the wait
 * that it ends has not yet returned, so that its thread will take the mutex,
 * and see what the second caller changed, after this call.
 */
void ll_transport_wake(struct ll_transport *transport)
{
    if (!atomic_exchange(&transport->waking, true)) {
        (void)grpc_call_start_batch(transport->wake_call, NULL, 0, transport,
                                    NULL);
    }
}
