# SPDX-License-Identifier: Apache-2.0
"""Elections: campaign, proclaim, resign, leader, observe."""

import asyncio
import threading

import pytest

import leaselock


def test_lead(session, client, name):
    election = session.election(name, "host a")
    assert election.leader() is None
    ticket = election.campaign()
    leader = election.leader()
    assert leader.value == b"host a" and leader.token == ticket.token
    assert leader.key == ticket.key and leader.lease == session.lease
    ticket.proclaim(b"\x00binary")
    assert client.leader(name).value == b"\x00binary"
    (entry,) = client.queue(name).entries
    assert entry.candidate
    ticket.resign()
    assert election.leader() is None


def test_lead_in_a_loop(etcd, name):
    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                election = session.election(name, b"host a")
                async with election as ticket:
                    assert (await election.leader_async()).value == b"host a"
                    await ticket.proclaim_async("again")
                    assert (await client.leader_async(name)).value == b"again"
                assert await client.leader_async(name) is None

    asyncio.run(main())


def test_observe(session, client, name):
    with client.observe(name) as observer:
        assert observer.get(10) is None
        with session.election(name, "one") as ticket:
            ticket.proclaim("two")
        got = [observer.get(10) for _ in range(3)]
        assert [each and each.value for each in got] == [b"one", b"two", None]
        with pytest.raises(leaselock.LockTimeoutError):
            observer.get(0.05)


def test_observe_by_iteration(session, client, name):
    values = []
    observer = client.observe(name)

    def follow():
        for leader in observer:
            values.append(leader and leader.value)
            begun.set()
            if len(values) == 3:
                done.set()

    begun = threading.Event()
    done = threading.Event()
    thread = threading.Thread(target=follow)
    thread.start()
    assert begun.wait(10)
    with session.election(name, "one"):
        pass
    assert done.wait(10)
    observer.close()
    thread.join(10)
    assert not thread.is_alive()
    assert values == [None, b"one", None]


def test_observe_in_a_loop(etcd, name):
    async def main():
        values = []

        async def follow(observer):
            async for leader in observer:
                values.append(leader and leader.value)
                if len(values) == 3:
                    break

        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session, client.observe(name) as observer:
                values.append(await observer.get_async())
                following = asyncio.create_task(follow(observer))
                async with session.election(name, "one"):
                    pass
                async with asyncio.timeout(10):
                    await following
                waiting = asyncio.create_task(observer.get_async())
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait({waiting})
                assert observer._futures == []
        assert values == [None, b"one", None]

    asyncio.run(main())


def test_an_observer_ends_with_its_client(etcd, name):
    client = leaselock.Client(etcd.endpoint)
    observer = client.observe(name)
    assert observer.get(10) is None
    client.close()
    with pytest.raises(leaselock.ClosedError):
        observer.get(10)
    assert list(observer) == []
    with pytest.raises(leaselock.ClosedError):
        client.observe(name)


def test_observe_a_bad_name(client):
    with pytest.raises(leaselock.LockNameError):
        client.observe("/")


def test_reports_that_nobody_takes(session, client, name, until, monkeypatch):
    """They are kept up to a limit, at which the observer ends."""
    monkeypatch.setattr(leaselock._election, "_REPORTS_MAX", 4)
    with client.observe(name) as observer:
        until(lambda: observer._reported)
        for _ in range(3):
            with session.election(name, "one"):
                pass
        until(lambda: observer._end)
        assert [observer.get(10) is None for _ in range(4)] == [True, False] * 2
        with pytest.raises(leaselock.LimitError):
            observer.get(10)
        with pytest.raises(leaselock.LimitError):
            list(observer)


def test_reports_up_to_the_limit(session, client, name, until, monkeypatch):
    monkeypatch.setattr(leaselock._election, "_REPORTS_MAX", 3)
    with client.observe(name) as observer:
        until(lambda: observer._reported)
        with session.election(name, "one"):
            pass
        until(lambda: len(observer._reported) == 3)
        assert [observer.get(10) is None for _ in range(3)] == [True, False, True]
        with session.election(name, "two"):
            assert observer.get(10).value == b"two"


def test_close_on_a_thread_while_a_task_waits(etcd, name):
    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            for _ in range(50):
                observer = client.observe(name)
                assert await observer.get_async() is None
                thread = threading.Thread(target=observer.close)
                thread.start()
                async with asyncio.timeout(10):
                    with pytest.raises(leaselock.ClosedError):
                        await observer.get_async()
                thread.join()

    asyncio.run(main())
