# SPDX-License-Identifier: Apache-2.0
"""What the library reports is taken whether an event loop runs, ends or idles."""

import asyncio
import threading

import pytest

import leaselock


def test_an_observer_that_outlives_a_loop(client, session, name):
    """A thread waits for a report while a loop reads; it comes after the loop's
    end."""
    got = []

    async def main(observer, thread):
        assert await observer.get_async() is None
        thread.start()
        while not observer._changed._waiters:
            await asyncio.sleep(0.01)

    with client.observe(name) as observer:
        thread = threading.Thread(target=lambda: got.append(observer.get(20)))
        asyncio.run(main(observer, thread))
        with session.election(name, "one"):
            thread.join(30)
            assert got[0].value == b"one"
        assert observer.get(10) is None


def test_a_wait_that_outlives_a_loop(etcd, session, name):
    """A thread waits while a loop reads; the loss comes after the loop's end."""
    ticket = session.acquire(name, watch_own_key=0)
    reasons = []
    thread = threading.Thread(target=lambda: reasons.append(ticket.wait_lost(20)))

    async def main():
        async with session.lock(f"{name}-other"):
            thread.start()
            while not ticket._listeners:
                await asyncio.sleep(0.01)

    asyncio.run(main())
    etcd.ctl("del", ticket.key)
    thread.join(30)
    assert reasons and reasons[0]
    with pytest.raises(leaselock.LostError):
        ticket.release()


def test_a_callback_after_a_loop(etcd, session, name):
    """A callback that a coroutine has asked for comes on a thread then."""
    called = threading.Event()
    tickets = []

    async def main():
        tickets.append(await session.acquire_async(name, watch_own_key=0))
        tickets[0].on_lost(lambda *what: called.set())

    asyncio.run(main())
    etcd.ctl("del", tickets[0].key)
    assert called.wait(10)
    with pytest.raises(leaselock.LostError):
        tickets[0].release()


def test_a_loop_that_idles(client, session, name, queue_is):
    """Another loop takes its place, and ends; its task gets the lock when it
    runs again, on its own thread."""
    loop = asyncio.new_event_loop()
    holder = session.acquire(name)
    waiting = loop.create_task(session.acquire_async(name))
    while len(client.queue(name).entries) < 2:
        loop.run_until_complete(asyncio.sleep(0.01))

    async def other():
        async with session.lock(f"{name}-other"):
            pass

    asyncio.run(other())
    holder.release()
    queue_is(name, 1)
    ticket = loop.run_until_complete(asyncio.wait_for(waiting, 10))
    assert ticket.held
    loop.run_until_complete(ticket.release_async())
    loop.close()


def test_a_result_for_another_loop(client, session, name, until):
    """A future is resolved on its own loop's thread, whoever reads."""
    loop = asyncio.new_event_loop()
    holder = session.acquire(name)
    waiting = loop.create_task(session.acquire_async(name))
    while len(client.queue(name).entries) < 2:
        loop.run_until_complete(asyncio.sleep(0.01))
    session.on_state(print)  # a thread reads while the loop idles
    assert not loop._ready
    holder.release()
    until(lambda: loop._ready)
    assert not waiting._fut_waiter.done()
    ticket = loop.run_until_complete(asyncio.wait_for(waiting, 10))
    assert ticket.held
    loop.run_until_complete(ticket.release_async())
    loop.close()


def test_an_idle_loop_and_a_closed_client(etcd, name):
    client = leaselock.Client(etcd.endpoint)
    session = client.session().open()
    loop = asyncio.new_event_loop()
    holder = loop.run_until_complete(session.acquire_async(name))
    waiting = loop.create_task(session.acquire_async(name))
    while len(client.queue(name).entries) < 2:
        loop.run_until_complete(asyncio.sleep(0.01))
    client.close()
    done, _ = loop.run_until_complete(asyncio.wait({waiting}, timeout=10))
    assert done and isinstance(waiting.exception(), leaselock.ClosedError)
    assert not holder.held
    loop.close()
