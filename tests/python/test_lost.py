# SPDX-License-Identifier: Apache-2.0
"""Losses: the getters, callbacks, and what can be awaited."""

import asyncio
import gc
import threading
import weakref

import pytest

import leaselock


def lose(etcd, ticket):
    etcd.ctl("del", ticket.key)


def test_a_callback_on_a_thread(session, etcd, name):
    called = threading.Event()
    got = []
    ticket = session.acquire(name, watch_own_key=0)
    ticket.on_lost(lambda *what: (got.append(what), called.set()))
    lose(etcd, ticket)
    assert called.wait(10)
    assert got[0][0] is ticket and got[0][1]
    assert not ticket.held and ticket.state is leaselock.TicketState.LOST
    assert ticket.time_left == 0
    late = []
    ticket.on_lost(lambda *what: late.append(what))  # called at once
    assert len(late) == 1 and len(got) == 1
    with pytest.raises(leaselock.LostError):
        ticket.release()


def test_wait_lost(session, etcd, name):
    ticket = session.acquire(name, watch_own_key=0)
    assert ticket.wait_lost(0.05) is None
    timer = threading.Timer(0.05, lose, (etcd, ticket))
    timer.start()
    assert ticket.wait_lost(10)
    timer.join()
    with pytest.raises(leaselock.LostError):
        ticket.release()


def test_a_release_ends_the_wait(session, name):
    ticket = session.acquire(name)
    timer = threading.Timer(0.05, ticket.release)
    timer.start()
    with pytest.raises(leaselock.CanceledError):
        ticket.wait_lost(10)
    timer.join()
    with pytest.raises(leaselock.StateError):
        ticket.on_lost(print)


def test_in_a_loop(etcd, name):
    async def main():
        called = []
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                ticket = await session.acquire_async(name, watch_own_key=0)
                ticket.on_lost(lambda *what: called.append(what))
                waiting = asyncio.create_task(ticket.lost())
                given_up = asyncio.create_task(ticket.lost())
                await asyncio.sleep(0)
                given_up.cancel()
                await asyncio.to_thread(lose, etcd, ticket)
                async with asyncio.timeout(10):
                    assert await waiting
                assert len(called) == 1 and not ticket.held
                with pytest.raises(leaselock.LostError):
                    await ticket.release_async()
                ticket = await session.acquire_async(name)
                waiting = asyncio.create_task(ticket.lost())
                await asyncio.sleep(0)
                await ticket.release_async()
                with pytest.raises(leaselock.CanceledError):
                    await waiting

    asyncio.run(main())


def test_a_lost_session(client, etcd, name, until):
    states = []
    session = client.session().open()
    ticket = session.acquire(name)
    session.on_state(lambda state, why: states.append((state, why)))
    etcd.revoke(session.lease)
    until(lambda: states and states[-1][0] is leaselock.SessionState.LOST, 30)
    assert states[-1][1]
    assert session.state is leaselock.SessionState.LOST and not ticket.held
    with pytest.raises(leaselock.LostError):
        session.acquire(name, timeout=1)
    with pytest.raises(leaselock.LostError):
        ticket.release()
    session.close()


def test_an_error_in_a_callback(session, etcd, name, monkeypatch):
    import sys

    called = threading.Event()
    errors = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: errors.append(args))
    ticket = session.acquire(name, watch_own_key=0)
    ticket.on_lost(lambda *what: 1 / 0)
    ticket.on_lost(lambda *what: called.set())
    lose(etcd, ticket)
    assert called.wait(10)
    with pytest.raises(leaselock.LostError):
        ticket.release()
    assert errors and errors[0].exc_type is ZeroDivisionError


def closed_in_a_loop(etcd, name, close):
    """What ends a task that waits for a loss, once `close` has been awaited."""

    async def main():
        client = leaselock.Client(etcd.endpoint)
        session = await client.session().open_async()
        ticket = await session.acquire_async(name)
        waiting = asyncio.create_task(ticket.lost())
        while not ticket._listeners:
            await asyncio.sleep(0)
        await close(client, session)
        async with asyncio.timeout(10):
            with pytest.raises(leaselock.CanceledError):
                await waiting
        assert ticket.state is leaselock.TicketState.RELEASED
        await client.close_async()

    asyncio.run(main())


def test_a_session_that_is_closed_in_a_loop(etcd, name):
    closed_in_a_loop(etcd, name, lambda client, session: session.close_async())


def test_a_client_that_is_closed_in_a_loop(etcd, name):
    closed_in_a_loop(etcd, name, lambda client, session: client.close_async())


@pytest.mark.parametrize("what", ["session", "client"])
def test_a_close_ends_the_wait(etcd, name, what):
    client = leaselock.Client(etcd.endpoint)
    session = client.session().open()
    ticket = session.acquire(name)
    timer = threading.Timer(0.05, session.close if what == "session" else client.close)
    timer.start()
    with pytest.raises(leaselock.CanceledError):
        ticket.wait_lost(10)
    timer.join()
    client.close()


def test_a_listener_keeps_no_ticket(session, name):
    """A ticket that is dropped is released at once, without the collector."""
    ticket = session.acquire(name)
    ticket.on_lost(print)
    gone = weakref.ref(ticket)
    gc.disable()
    try:
        with pytest.warns(ResourceWarning):
            del ticket
            # A recorded warning keeps what it is about.
            assert session.acquire(name, timeout=10).release() is None
    finally:
        gc.enable()
    gc.collect()
    assert gone() is None
