# SPDX-License-Identifier: Apache-2.0
"""An exception for each status."""

import pickle

import pytest

import leaselock
from leaselock import _core, _errors


def test_each_status_has_a_class():
    for number, status in _core.statuses():
        error = _errors.error_of(number, "why", 14, "host:1")
        assert type(error) is not leaselock.LeaselockError
        assert error.status_name == status and error.status == number
        assert str(error) == "why" and error.grpc_status == 14
        assert error.endpoint == "host:1"
        assert type(error).__name__ in leaselock.__all__
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and again.__dict__ == error.__dict__


def test_a_newer_status():
    error = _errors.error_of(-1000, "why")
    assert type(error) is leaselock.LeaselockError and error.status == -1000


def test_made_by_a_program():
    assert leaselock.LostError("mine").status < 0


def test_builtin_bases():
    assert issubclass(leaselock.LockTimeoutError, TimeoutError)
    assert issubclass(leaselock.UnavailableError, ConnectionError)
    assert issubclass(leaselock.RefusedError, PermissionError)
    assert issubclass(leaselock.NoMemoryError, MemoryError)


@pytest.mark.parametrize("bad", ["", "/x", "x/", "a//b", "a\nb", "a\0b", "x" * 1025])
def test_bad_names(session, bad):
    with pytest.raises((leaselock.LockNameError, ValueError)):
        session.acquire(bad, timeout=1)


def test_bad_arguments(session, client):
    for call in (
        lambda: client._core.acquire(None, session._number, "x", None, 0),
        lambda: client._core.acquire(None, session._number, 1, None, 0, print),
        lambda: client._core.acquire(None, "1", "x", None, 0, print),
        lambda: client._core.acquire(None, session._number, "x", {}, 0, print),
        lambda: client._core.release(None),
        lambda: session.acquire("x", no_such_option=1),
        lambda: _core.AcquireOptions(None, "x"),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(leaselock.HandleError):
        client._core.release(None, 12345678)


def test_a_factory_that_fails(session, client, name, queue_is):
    with pytest.raises(ZeroDivisionError):
        client._core.acquire(
            None, session._number, name, None, 1000, lambda *what: 1 / 0
        )
    queue_is(name, 0)


def test_unreachable():
    client = leaselock.Client("127.0.0.1:1", request_timeout="500ms")
    with pytest.raises(leaselock.UnavailableError) as caught:
        client.session(timeout=0.3).open()
    assert caught.value.is_retriable and caught.value.grpc_status >= -1
    with pytest.raises(leaselock.UnavailableError):
        client.locks(timeout=0.3)
    with pytest.raises(leaselock.OutcomeUnknownError):
        client.close()  # whether there is a lease is not known
    assert client.closed
