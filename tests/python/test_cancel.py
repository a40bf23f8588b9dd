# SPDX-License-Identifier: Apache-2.0
"""A task that is cancelled leaves nothing behind, at whatever point it is."""

import asyncio
import gc
import select
import time

import pytest

import leaselock


async def is_free(client, name):
    """Waits until nobody is in the queue."""
    async with asyncio.timeout(10):
        while (await client.queue_async(name)).entries:
            await asyncio.sleep(0.01)


def run(etcd, body):
    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                await body(client, session)

    asyncio.run(main())


def test_while_it_waits(etcd, name):
    async def body(client, session):
        async with session.lock(name):
            waiting = asyncio.create_task(session.acquire_async(name))
            while len((await client.queue_async(name)).entries) < 2:
                await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            while len((await client.queue_async(name)).entries) > 1:
                await asyncio.sleep(0.01)
        await is_free(client, name)

    run(etcd, body)


def test_before_the_request_is_answered(etcd, name):
    async def body(client, session):
        waiting = asyncio.create_task(session.acquire_async(name))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await is_free(client, name)

    run(etcd, body)


def test_when_the_grant_is_in_the_queue(etcd, name):
    """The library has reported the grant, and the loop has not read it."""

    async def body(client, session):
        waiting = asyncio.create_task(session.acquire_async(name))
        await asyncio.sleep(0)
        entries = []
        while not entries:  # the loop is blocked meanwhile
            entries = client.queue(name).entries
        assert select.select([client._core.fileno()], [], [], 10)[0]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await is_free(client, name)

    run(etcd, body)


def test_when_the_future_has_its_result(etcd, name):
    """The future is done, and the task has not run yet."""

    async def body(client, session):
        waiting = asyncio.create_task(session.acquire_async(name))
        await asyncio.sleep(0)
        end = time.monotonic() + 10
        while waiting._fut_waiter is not None and not waiting._fut_waiter.done():
            client._core.drain(asyncio.get_running_loop(), None)
            assert time.monotonic() < end
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await is_free(client, name)

    run(etcd, body)


def test_when_it_has_failed_at_the_same_time(etcd, name, caplog):
    async def body(client, session):
        async with session.lock(name):
            waiting = asyncio.create_task(session.acquire_async(name, timeout=0))
            await asyncio.sleep(0)
            end = time.monotonic() + 10
            while not waiting._fut_waiter.done():
                client._core.drain(asyncio.get_running_loop(), None)
                assert time.monotonic() < end
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await is_free(client, name)

    run(etcd, body)
    assert not caplog.records


def test_while_it_releases(etcd, name):
    async def body(client, session):
        ticket = await session.acquire_async(name)
        releasing = asyncio.create_task(ticket.release_async())
        await asyncio.sleep(0)
        releasing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await releasing
        await is_free(client, name)

    run(etcd, body)


def test_while_it_rejoins(etcd, name):
    async def body(client, session):
        ticket = await session.acquire_async(name)
        other = asyncio.create_task(session.acquire_async(name))
        while len((await client.queue_async(name)).entries) < 2:
            await asyncio.sleep(0.01)
        rejoining = asyncio.create_task(ticket.rejoin_async())
        second = await other
        rejoining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rejoining
        assert not ticket.held
        await second.release_async()
        await is_free(client, name)

    run(etcd, body)


@pytest.mark.parametrize("seconds", [0, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.008])
def test_a_whole_life(etcd, name, seconds):
    """Client, session, lock and a fenced write, cancelled after that time."""
    at = []

    async def life():
        async with leaselock.Client(etcd.endpoint) as client:
            at.append("client")
            async with client.session() as session:
                at.append("session")
                async with session.lock(name) as ticket:
                    at.append("held")
                    await ticket.put_async(f"data-{name}", "x")
                    at.append("written")
                at.append("released")

    async def main():
        for _ in range(10):
            task = asyncio.create_task(life())
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.wait({task})
        async with leaselock.Client(etcd.endpoint) as client:
            await is_free(client, name)

    asyncio.run(main())
    assert not leaselock._client._clients


def test_timeout_of_asyncio(etcd, name):
    async def body(client, session):
        async with session.lock(name):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await session.acquire_async(name)
        await is_free(client, name)

    run(etcd, body)


def test_a_session_that_opens(etcd, name):
    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            for steps in range(4):
                opening = asyncio.create_task(client.session().open_async())
                for _ in range(steps):
                    await asyncio.sleep(0)
                opening.cancel()
                await asyncio.wait({opening})
                assert opening.cancelled()

    asyncio.run(main())


def test_a_client_that_closes(etcd, name):
    async def main():
        client = leaselock.Client(etcd.endpoint)
        session = await client.session().open_async()
        ticket = await session.acquire_async(name)
        closing = asyncio.create_task(client.close_async())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait({closing})
        await client.close_async()  # waits for the end of the first
        assert not ticket.held
        async with leaselock.Client(etcd.endpoint) as other:
            await is_free(other, name)

    asyncio.run(main())


def test_a_loop_that_ends(etcd, name):
    """asyncio.run cancels what is left; the client lives on."""
    client = leaselock.Client(etcd.endpoint)
    session = client.session().open()

    async def main():
        ticket = await session.acquire_async(name)
        waiting = asyncio.create_task(session.acquire_async(name))
        await asyncio.sleep(0)
        return waiting if ticket.held else None

    with pytest.warns(ResourceWarning):  # of the ticket
        waiting = asyncio.run(main())
        gc.collect()
    assert waiting.cancelled()
    with session.lock(name, timeout=10):
        pass
    client.close()
