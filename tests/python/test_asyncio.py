# SPDX-License-Identifier: Apache-2.0
"""The same in tasks of an event loop."""

import asyncio
import threading

import pytest

import leaselock


def test_lock(etcd, name):
    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                async with session.lock(name) as ticket:
                    assert ticket.held
                    (entry,) = (await client.queue_async(name)).entries
                    assert entry.token == ticket.token
                    locks = (await client.locks_async(name)).locks
                    assert [lock.name for lock in locks] == [name]
                assert (await client.queue_async(name)).entries == []
                tried = await session.lock(name).try_acquire_async()
                assert tried is not None and tried.held
                with pytest.raises(leaselock.LockTimeoutError):
                    await session.acquire_async(name, timeout=0)
                assert await session.lock(name).try_acquire_async() is None
            assert session.closed
        assert client.closed

    asyncio.run(main())


def test_tasks_exclude_each_other_in_order(etcd, name):
    order = []

    async def turn(lock, number):
        async with lock:
            order.append(number)
            await asyncio.sleep(0)
            order.append(number)

    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                lock = session.lock(name)
                async with asyncio.TaskGroup() as group:
                    for number in range(50):
                        group.create_task(turn(lock, number))
                assert lock._entered == {}

    asyncio.run(main())
    assert order[::2] == order[1::2] and sorted(order[::2]) == list(range(50))


def test_many_names(etcd, name):
    async def turns(session, number):
        for _ in range(3):
            async with session.lock(f"{name}-{number}"):
                pass

    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                await asyncio.gather(*(turns(session, i) for i in range(300)))
                assert (await client.locks_async(name)).locks == []

    asyncio.run(main())


def test_loops_one_after_the_other(etcd, name):
    client = leaselock.Client(etcd.endpoint)
    session = client.session().open()

    async def main():
        async with session.lock(name) as ticket:
            return ticket.token

    tokens = [asyncio.run(main()) for _ in range(3)]
    assert tokens == sorted(set(tokens))
    with session.lock(name) as ticket:  # and without a loop
        assert ticket.token > tokens[-1]
    client.close()


def test_one_loop_at_a_time(etcd, client, session, name):
    errors = []

    def other():
        try:
            asyncio.run(session.acquire_async(name))
        except leaselock.StateError as error:
            errors.append(error)

    async def main():
        async with session.lock(name):
            await asyncio.to_thread(other)

    asyncio.run(main())
    assert len(errors) == 1


def test_threads_beside_a_loop(etcd, client, session, name):
    def blocking(number):
        with session.lock(f"{name}-{number}") as ticket:
            return ticket.token

    async def main():
        async with session.lock(name):
            return await asyncio.gather(
                *(asyncio.to_thread(blocking, i) for i in range(4)),
            )

    assert all(token > 0 for token in asyncio.run(main()))


def test_a_callback_thread_hands_over_to_a_loop(etcd, client, session, name, until):
    """A callback before there is a loop starts a thread, which leaves the
    reading to a loop while that runs."""
    states = []
    session.on_state(lambda state, why: states.append(state))
    assert client._dispatcher._thread is not None

    async def main():
        async with session.lock(name):
            assert client._dispatcher._loop_reads()

    asyncio.run(main())
    assert not client._dispatcher._loop_reads()
    etcd.revoke(session.lease)
    until(lambda: leaselock.SessionState.LOST in states, 30)


def test_a_client_closed_on_another_thread(etcd, name):
    async def main():
        client = leaselock.Client(etcd.endpoint)
        session = await client.session().open_async()
        ticket = await session.acquire_async(name)
        waiting = asyncio.create_task(session.acquire_async(name))
        while len((await client.queue_async(name)).entries) < 2:
            await asyncio.sleep(0.01)
        thread = threading.Thread(target=client.close)
        thread.start()
        with pytest.raises(leaselock.ClosedError):
            await waiting
        await asyncio.to_thread(thread.join)
        assert not ticket.held

    asyncio.run(main())


def test_rejoin_and_multiple(etcd, name):
    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                async with session.lock(name) as ticket:
                    before = ticket.token
                    await ticket.rejoin_async()
                    assert ticket.held and ticket.token > before
                async with session.lock([f"{name}-a", f"{name}-b"]) as ticket:
                    assert ticket.held

    asyncio.run(main())


def test_coroutines_need_a_loop(session, name):
    coroutine = session.acquire_async(name)
    with pytest.raises(RuntimeError):
        coroutine.send(None)


def test_a_block_left_in_another_task(etcd, name):
    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                lock = session.lock(name)
                await asyncio.create_task(lock.__aenter__())
                await asyncio.create_task(lock.__aexit__(None, None, None))
                assert (await client.queue_async(name)).entries == []

    asyncio.run(main())


def test_a_close_that_fails_first(etcd, name, monkeypatch):
    """What failed before anything was closed can be repeated."""

    def no_thread(*what):
        raise RuntimeError("can't start new thread")

    async def main():
        client = leaselock.Client(etcd.endpoint)
        session = await client.session().open_async()
        with monkeypatch.context() as patch:
            patch.setattr(leaselock._client, "_on_thread", no_thread)
            with pytest.raises(RuntimeError):
                await client.close_async()
            session._dispatcher, dispatcher = None, session._dispatcher
            with pytest.raises(AttributeError):
                await session.close_async()
            session._dispatcher = dispatcher
        assert not client.closed and not session.closed
        await session.close_async()
        await client.close_async()
        assert session.closed and client.closed

    asyncio.run(main())


def test_a_session_is_opened_once(etcd):
    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            session = client.session()
            first = asyncio.create_task(session.open_async())
            second = asyncio.create_task(session.open_async())
            with pytest.raises(leaselock.StateError):
                await second
            assert await first is session
            await session.close_async()

    asyncio.run(main())
