# SPDX-License-Identifier: Apache-2.0
"""Writes that etcd applies only while the lock is held."""

import asyncio

import pytest

import leaselock
from leaselock import Compare, Delete, Put, Read


def test_put_and_delete(session, client, name):
    key = f"data-{name}"
    with session.lock(name) as ticket:
        revision = ticket.put(key, "one")
        (item,) = client.get(key).items
        assert item.value == b"one" and item.mod_revision == revision
        assert ticket.delete(key) > revision
    assert client.get(key).items == []
    with pytest.raises(leaselock.LeaselockError):
        ticket.put(key, "late")


def test_txn(session, client, name):
    a, b = f"data-{name}-a", f"data-{name}-b"
    with session.lock(name) as ticket:
        ticket.txn(Put(a, "1"), Put(b, "2"), conditions=[Compare.version(a, 0)])
        with pytest.raises(leaselock.CompareError) as caught:
            ticket.txn(Put(a, "3"), conditions=[Compare.value(a, "1", "!=")])
        assert a in str(caught.value)
        done = ticket.txn(
            Delete(b),
            conditions=[
                Compare.mod_revision(a, 0, ">"),
                Compare.create_revision(b, 0, ">"),
                Compare.lease(b, 0),
            ],
            reads=[Read(a), Read(a, end=b + "\0", keys_only=True)],
        )
        assert [item.value for item in done.reads[0].items] == [b"1"]
        assert done.reads[1].total == 2 and done.revision > 0
        assert client.get(a, end=b + "\0").total == 1


def test_release_with_a_write(session, client, name):
    with session.lock(name) as ticket:
        ticket.txn(Put(f"data-{name}", "last"), release=True)
        assert not ticket.held
    assert client.queue(name).entries == []


def test_a_loser_writes_nothing(session, client, etcd, name, until):
    key = f"data-{name}"
    with pytest.raises(leaselock.LostError):
        with session.lock(name) as ticket:
            etcd.ctl("del", ticket.key)
            with pytest.raises(leaselock.NotHeldError):
                ticket.put(key, "late")
    assert client.get(key).items == []


def test_below_the_lock(session, name):
    with session.lock(name) as ticket:
        with pytest.raises(leaselock.NestedError):
            ticket.put(f"{name}/data", "no")
        with pytest.raises(leaselock.StateError):
            ticket.outcome(0)


def test_in_a_loop(etcd, name):
    async def main():
        key = f"data-{name}"
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                async with session.lock(name) as ticket:
                    await asyncio.gather(
                        *(ticket.put_async(key, str(i)) for i in range(20))
                    )
                    assert (await client.get_async(key)).items[0].value == b"19"
                    await ticket.delete_async(key)
                    with pytest.raises(leaselock.StateError):
                        await ticket.outcome_async()
                    with pytest.raises(leaselock.CompareError):
                        await ticket.txn_async(
                            Put(key, "x"), conditions=[Compare.value(key, "y")]
                        )
                    await ticket.txn_async(Put(key, "last"), release=True)
                    assert not ticket.held

    asyncio.run(main())


def test_a_cancelled_write_with_a_release(etcd, name):
    """It goes on; the block ends without an error."""

    async def main():
        async with leaselock.Client(etcd.endpoint) as client:
            async with client.session() as session:
                async with session.lock(name) as ticket:
                    writing = asyncio.create_task(
                        ticket.txn_async(Put(f"data-{name}", "x"), release=True)
                    )
                    await asyncio.sleep(0)
                    writing.cancel()
                    await asyncio.wait({writing})
                    # A release would end the write while it is unanswered.
                    async with asyncio.timeout(10):
                        while not (await client.get_async(f"data-{name}")).items:
                            await asyncio.sleep(0.01)
                        while ticket.held:
                            await asyncio.sleep(0.01)
                    assert ticket.state is leaselock.TicketState.RELEASED
                assert (await client.queue_async(name)).entries == []

    asyncio.run(main())


def test_an_outcome_that_releases(session, name):
    """As if a write with a release had been unknown, and was applied."""

    class Applied:
        outcome = staticmethod(lambda *what: session._core.withdraw(ticket._number))
        listen = session._core.listen

    ticket = session.acquire(name)
    ticket._core = Applied
    with ticket:
        ticket.outcome()
        assert not ticket._open
