/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/transport_private.h"

/** Ends a wait of the thread that reads gRPC's queue: by a wake-up, or by the
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
 * waiting thread. One at a time suffices: while it is in the queue, the wait
 * that it ends has not returned yet; so after this call that thread locks the
 * mutex and sees the changes of the second caller, too.
 */
void ll_transport_wake(struct ll_transport *transport)
{
    if (!atomic_exchange(&transport->waking, true)) {
        (void)grpc_call_start_batch(transport->wake_call, NULL, 0, transport,
                                    NULL);
    }
}
