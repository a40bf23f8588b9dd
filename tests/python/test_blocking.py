# SPDX-License-Identifier: Apache-2.0
"""Locks, tickets and reads of a program with threads."""

import contextlib
import threading
import time

import pytest

import leaselock
from leaselock import Mode, TicketState
from leaselock import _types as types


def test_lock_and_ticket(session, client, name):
    with session.lock(name, label="its label") as ticket:
        assert ticket.held and ticket.state is TicketState.HELD
        assert ticket.token == ticket.revision > 0
        assert ticket.hold == 1 and ticket.position == 0
        assert 0 < ticket.time_left <= 10
        assert ticket.name == name and ticket.key.startswith(name + "/")
        assert ticket.lease == session.lease > 0
        assert ticket.mode is Mode.EXCLUSIVE and ticket.permits == 0
        (entry,) = client.queue(name, with_ttl=True).entries
        assert entry.token == ticket.token and entry.label == "its label"
        assert entry.holds and not entry.foreign and 0 < entry.ttl <= 10
    assert not ticket.held and ticket.state is TicketState.RELEASED
    assert client.queue(name).entries == []


def test_tokens_rise(session, name):
    tokens = []
    lock = session.lock(name)
    for _ in range(3):
        with lock as ticket:
            tokens.append(ticket.token)
    assert tokens == sorted(set(tokens))


def test_timeout_names_the_holder(session, client, name, queue_is):
    with session.lock(name), client.session() as other:
        start = time.monotonic()
        with pytest.raises(leaselock.LockTimeoutError) as caught:
            other.acquire(name, timeout=0.2)
        assert time.monotonic() - start >= 0.2
        assert str(caught.value) and caught.value.is_retriable
        assert isinstance(caught.value, TimeoutError)
        queue_is(name, 1)


def test_try(session, client, name):
    with session.lock(name), client.session() as other:
        assert other.lock(name).try_acquire() is None
    ticket = session.lock(name).try_acquire()
    assert ticket is not None and ticket.held
    ticket.release()


def test_released_twice(session, name):
    ticket = session.acquire(name)
    ticket.release()
    with pytest.raises(leaselock.HandleError):
        ticket.release()
    with pytest.raises(leaselock.LeaselockError):
        _ = ticket.token


def test_released_inside_its_block(session, name):
    with session.lock(name) as ticket:
        ticket.release()
    assert not ticket.held


def test_the_blocks_error_comes_first(session, etcd, name, until):
    with pytest.raises(ZeroDivisionError) as caught:
        with session.lock(name, watch_own_key=0) as ticket:
            etcd.ctl("del", ticket.key)
            until(lambda: not ticket.held)
            _ = 1 / 0
    assert "lost" in caught.value.__notes__[0] or "gone" in caught.value.__notes__[0]


def test_lost_in_the_block(session, etcd, name, until):
    with pytest.raises(leaselock.LostError):
        with session.lock(name, watch_own_key=0) as ticket:
            etcd.ctl("del", ticket.key)
            until(lambda: not ticket.held)


def test_shared(session, client, name):
    with client.session() as other:
        with session.lock(name, shared=True) as one:
            with other.lock(name, shared=True) as two:
                assert one.held and two.held and two.mode is Mode.SHARED
            assert other.lock(name).try_acquire() is None


def test_permits(session, name):
    lock = session.lock(name, permits=2)
    with lock as one, lock as two:
        assert one is not two and one.mode is Mode.PERMIT and one.permits == 2
        assert lock.try_acquire() is None
        with pytest.raises(leaselock.ModeError):
            session.acquire(name, permits=3, timeout=1)
    with pytest.raises(ValueError):
        session.lock(name, permits=2, shared=True)


def test_several_names(session, client, name):
    names = [f"{name}-{i}" for i in range(3)]
    with session.lock(names) as ticket:
        assert ticket.name == tuple(names) and ticket.held
        listed = client.locks(f"{name}-")
        assert [lock.name for lock in listed.locks] == names
        assert all(lock.holder.token == ticket.token for lock in listed.locks)
        with client.session() as other:
            assert other.lock(names[1]).try_acquire() is None
    assert client.locks(f"{name}-").locks == []


def test_keep(session, name):
    lock = session.lock(name, keep=10)
    with lock as first:
        token, hold = first.token, first.hold
    with lock as second:
        assert second.token == token and second.hold == hold + 1


def test_rejoin(session, client, name, queue_is):
    held = []

    def other_turn():
        with client.session() as other, other.lock(name) as ticket:
            held.append(ticket.token)

    with session.lock(name) as ticket:
        before = ticket.token
        thread = threading.Thread(target=other_turn)
        thread.start()
        queue_is(name, 2)
        ticket.rejoin()
        assert ticket.held and ticket.token > held[0] > before
        thread.join()


def test_rejoin_with_a_timeout(session, client, name, queue_is):
    waits = threading.Event()

    def other_turn():
        with client.session() as other, other.lock(name):
            waits.wait()

    ticket = session.acquire(name)
    thread = threading.Thread(target=other_turn)
    thread.start()
    queue_is(name, 2)
    with pytest.raises(leaselock.LockTimeoutError):
        ticket.rejoin(timeout=0.3)
    assert ticket.state is TicketState.RELEASED
    waits.set()
    thread.join()
    queue_is(name, 0)


def test_threads_exclude_each_other(client, name):
    inside = 0
    most = 0

    def work():
        nonlocal inside, most
        with client.session() as session:
            lock = session.lock(name)
            for _ in range(10):
                with lock:
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.0005)
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_other_threads_run_while_one_waits(session, client, name, queue_is):
    granted = threading.Event()

    def wait():
        with client.session() as other, other.lock(name):
            granted.set()

    with session.lock(name):
        thread = threading.Thread(target=wait)
        thread.start()
        queue_is(name, 2)
        assert not granted.is_set()
    thread.join()
    assert granted.is_set()


def test_a_close_ends_waits(etcd, session, name, queue_is):
    errors = []
    other = leaselock.Client(etcd.endpoint)

    def wait():
        try:
            other_session.acquire(name)
        except leaselock.LeaselockError as error:
            errors.append(error)

    with session.lock(name):
        other_session = other.session().open()
        thread = threading.Thread(target=wait)
        thread.start()
        queue_is(name, 2)
        other.close()
        thread.join()
        queue_is(name, 1)
    assert isinstance(errors[0], leaselock.ClosedError)
    with pytest.raises(leaselock.ClosedError):
        other.locks()
    other.close()  # once more does nothing


def test_a_session_is_opened_once(client, name):
    session = client.session(ttl=5, label="one")
    with pytest.raises(leaselock.LeaselockError):
        session.acquire(name)
    assert session.state is leaselock.SessionState.OPENING
    with session:
        assert session.state is leaselock.SessionState.ACTIVE
        assert 0 < session.time_left <= 5
        with pytest.raises(leaselock.StateError):
            session.open()
    assert session.state is leaselock.SessionState.CLOSED
    with pytest.raises(leaselock.ClosedError):
        session.open()


def test_a_session_that_ends_in_the_block(client, name):
    with client.session() as session:
        with session.lock(name) as ticket:
            session.close()
            assert not ticket.held
    assert client.queue(name).entries == []


def test_yield_request(session, client, name):
    assert client.ask_to_yield(name) == 0
    with session.lock(name):
        assert client.ask_to_yield(name, "for a backup") == 1


def test_metrics(session, client, name):
    with session.lock(name):
        pass
    text = client.metrics()
    assert text.endswith("# EOF\n") and "leaselock_" in text


def test_from_env(etcd, name, monkeypatch):
    monkeypatch.setenv("LEASELOCK_ENDPOINTS", etcd.endpoint)
    with leaselock.Client.from_env(request_timeout="3s") as client:
        with client.session() as session, session.lock(name) as ticket:
            assert ticket.held


def test_settings(etcd, name):
    with leaselock.Client([etcd.endpoint], namespace="team/") as client:
        with client.session() as session, session.lock(name) as ticket:
            assert ticket.key.startswith(f"team/{name}/")
    with pytest.raises(leaselock.ArgumentError):
        leaselock.Client(etcd.endpoint, no_such_setting=1)


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_a_block_left_in_another_thread(session, client, name, queue_is):
    lock = session.lock(name)
    in_thread(lock.__enter__)
    queue_is(name, 1)
    lock.__exit__(None, None, None)
    queue_is(name, 0)
    assert lock._entered == {}


def test_a_block_of_nobody_knows_whom(session, client, name, queue_is):
    lock = session.lock(name, shared=True)
    with pytest.raises(RuntimeError, match="session.acquire"):
        lock.__exit__(None, None, None)
    both = threading.Barrier(3)

    def enter():
        lock.__enter__()
        both.wait(10)
        both.wait(10)

    threads = [threading.Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait(10)
    with pytest.raises(RuntimeError, match="session.acquire"):
        lock.__exit__(None, None, None)
    both.wait(10)
    for thread in threads:
        thread.join()
    queue_is(name, 2)
    for tickets in lock._entered.values():
        tickets.pop().release()


def test_a_ticket_left_in_another_thread(session, client, name, queue_is):
    ticket = session.acquire(name)
    in_thread(lambda: ticket.__exit__(None, None, None))
    queue_is(name, 0)


def test_a_close_that_is_interrupted(client, etcd, name, until):
    """Before the library has it: the session is closed all the same."""
    session = client.session().open()
    lease = f"{session.lease:x}"

    def interrupted(*what):
        raise KeyboardInterrupt

    class Interrupted:
        session_close = staticmethod(interrupted)
        session_drop = client._core.session_drop
        listen = client._core.listen

    session._core = Interrupted
    with pytest.raises(KeyboardInterrupt):
        session.close()
    until(lambda: lease not in etcd.ctl("lease", "list"))
    session = client.session().open()
    lease = f"{session.lease:x}"
    session._closed = True  # as if it was interrupted still earlier
    del session
    until(lambda: lease not in etcd.ctl("lease", "list"))


def test_looked_at_while_it_is_released(session, name):
    """The library closes the handle when a release begins."""
    ticket = session.acquire(name)
    session._core.withdraw(ticket._number)
    assert ticket.state is TicketState.RELEASED and not ticket.held
    with pytest.raises(leaselock.CanceledError):
        ticket.wait_lost(10)


def test_timeouts_in_milliseconds():
    inf = float("inf")
    cases = [(None, -1), (inf, -1), (0, 0), (-1, 0), (1e-6, 1), (2.5, 2500)]
    assert [types.ms_of(each) for each, _ in cases] == [ms for _, ms in cases]
    cases = [(None, 0), (inf, 2_000_000_000), (0, 0), (0.5, 500)]
    assert [types.span_ms_of(each) for each, _ in cases] == [ms for _, ms in cases]
    cases = [(None, 2_000_000_000), (inf, 2_000_000_000), (0, 1), (0.5, 500)]
    assert [types.request_ms_of(each) for each, _ in cases] == [ms for _, ms in cases]


def test_timeouts_without_a_limit(client, session, name):
    inf = float("inf")
    with session.lock(name, timeout=inf, keep=None, permits=None) as ticket:
        assert ticket.held and len(client.queue(name, timeout=inf).entries) == 1
        assert client.locks(name, timeout=None).locks
        timer = threading.Timer(0.05, ticket.release)
        timer.start()
        with pytest.raises(leaselock.CanceledError):
            ticket.wait_lost(inf)
        timer.join()
    with client.observe(name) as observer:
        assert observer.get(inf) is None


def test_the_shortest_timeout():
    """0 is no time at all, and not the default of five seconds."""
    client = leaselock.Client("127.0.0.1:1", request_timeout="500ms", user=None)
    start = time.monotonic()
    for call in (client.session(timeout=0).open, lambda: client.locks(timeout=0)):
        with pytest.raises(leaselock.LeaselockError):
            call()
    assert time.monotonic() - start < 2
    with contextlib.suppress(leaselock.LeaselockError):
        client.close()


@pytest.mark.parametrize("part", ["\u00fc", "\udcff"])
def test_names_of_any_bytes(session, client, name, part):
    """What is listed can be asked for, also if it is no UTF-8."""
    name += f"/{part}"
    with session.lock(name) as ticket:
        assert ticket.name == name and ticket.key.startswith(f"{name}/")
        (lock,) = client.locks(name).locks
        assert lock.name == name
        assert client.queue(lock.name).entries[0].token == ticket.token
        assert client.leader(lock.name).token == ticket.token
        assert client.ask_to_yield(lock.name) == 1
        with client.observe(lock.name) as observer:
            assert observer.get(10).token == ticket.token
    with session.lock([name, f"{name}-2"]) as ticket:
        assert ticket.held
    with session.election(name, "one") as ticket:
        assert ticket.held
