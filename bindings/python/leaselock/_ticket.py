# SPDX-License-Identifier: Apache-2.0
"""Tickets: places in queues, and what their holders can do."""

from __future__ import annotations

import asyncio
import functools
import threading
import warnings
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _core
from ._errors import (
    ArgumentError,
    CanceledError,
    ForkedError,
    HandleError,
    LeaselockError,
    StateError,
    error_of,
)
from ._listened import Listener, call_each
from ._types import (
    Bytes,
    Compare,
    Delete,
    Mode,
    Put,
    Read,
    TicketState,
    TxnResult,
    bytes_of,
    ms_of,
    seconds_of,
    txn_of,
)

if TYPE_CHECKING:
    from ._session import Session

_WRITE_TIMEOUT_S = 5.0
_HANDLE = HandleError().status

#: Called with the ticket and why it is lost, or None: it was released. It does
#: not keep the ticket alive.
_Hearing = Callable[["Ticket", "str | None"], None]


class Ticket:
    """A place in a lock's queue, held unless it says otherwise. As a context
    manager it is released at the end of the block."""

    __slots__ = (
        "_core",
        "_listeners",
        "_names",
        "_number",
        "_open",
        "_place",
        "_session",
        "__weakref__",
    )

    def __init__(
        self,
        session: Session,
        names: str | tuple[str, ...],
        number: int,
        place: object,
    ) -> None:
        self._place = place  # its end releases the ticket
        self._open = True
        self._core = session._core
        self._session = session
        self._names = names
        self._number = number
        self._listeners: list[_Hearing] | None = None

    # What it is.

    @property
    def session(self) -> Session:
        return self._session

    @property
    def name(self) -> str | tuple[str, ...]:
        """The lock's name, or the names."""
        return self._names

    @property
    def state(self) -> TicketState:
        """The state now; it compares clocks."""
        if not self._open or self._session.closed:
            return TicketState.RELEASED
        state = _core.ticket_state(self._number)
        if state == _HANDLE:  # a release, or a write with one, has closed it
            return TicketState.RELEASED
        return TicketState(_checked(state))

    @property
    def held(self) -> bool:
        """Whether the lock is held now: whether to go on."""
        return self.state is TicketState.HELD

    @property
    def token(self) -> int:
        """The fencing token: later holders of the lock have greater ones."""
        return _checked(_core.ticket_token(self._number))

    @property
    def revision(self) -> int:
        """The create revision of the ticket's key, which the token is."""
        return self.token

    @property
    def hold(self) -> int:
        """Which hold with this token it is: 1, and with `keep` more."""
        return _checked(_core.ticket_hold(self._number))

    @property
    def time_left(self) -> float:
        """For how many seconds it is certain to stay held, if no renewal
        succeeds any more; 0.0 when it is not held."""
        return max(_core.ticket_remaining_ms(self._number), 0) / 1000

    @property
    def position(self) -> int | None:
        """How many tickets that block this one were ahead of it; None: not
        known yet."""
        position = _core.ticket_position(self._number)
        return position if position >= 0 else None

    @property
    def lease(self) -> int:
        return _checked(_core.ticket_lease(self._number))

    @property
    def requeues(self) -> int:
        """How often it was queued again."""
        return _checked(_core.ticket_requeues(self._number))

    @property
    def mode(self) -> Mode:
        return Mode(_checked(_core.ticket_mode(self._number)))

    @property
    def permits(self) -> int:
        return _checked(_core.ticket_permits(self._number))

    @property
    def key(self) -> str:
        """The key in etcd; of several names, the first one's."""
        key = _core.ticket_key(self._number)
        if isinstance(key, int):
            raise error_of(key, "the ticket's key is not known")
        return key

    # The end.

    def release(self) -> None:
        """Gives the lock back. LostError: it had been lost before."""
        # If a signal handler raises before the library has it, the end of this
        # object releases it.
        try:
            self._core.release(None, self._number)
        except ForkedError:
            raise
        except LeaselockError:
            self._gone()
            raise
        self._gone()

    async def release_async(self) -> None:
        """As `release`. If it is cancelled, the lock is released all the
        same."""
        future = self._session._dispatcher.future()
        try:
            self._core.release(future, self._number)
        finally:
            self._gone()
        await future

    #: Of an election.
    resign = release
    resign_async = release_async

    def rejoin(self, timeout: float | None = None) -> None:
        """Gives way and queues again, in one request: held again when it
        returns. If it fails, the ticket is released, but for StateError and
        ArgumentError."""
        try:
            self._core.rejoin(None, self._number, ms_of(timeout))
        except BaseException as error:
            self._not_rejoined(error)
            raise

    async def rejoin_async(self, timeout: float | None = None) -> None:
        """As `rejoin`. If it is cancelled, the ticket is released."""
        future = self._session._dispatcher.future()
        try:
            self._core.rejoin(future, self._number, ms_of(timeout))
            await future
        except BaseException as error:
            self._not_rejoined(error)
            raise

    def _not_rejoined(self, error: BaseException) -> None:
        if not isinstance(error, LeaselockError):
            self._withdraw()
        elif not isinstance(error, (StateError, ArgumentError, ForkedError)):
            self._gone()

    def _gone(self) -> None:
        """Its handle is closed, or about to be."""
        self._open = False
        if self._listeners is not None:
            listened = self._session.client._listened
            with listened.lock:
                listeners, self._listeners = self._listeners or [], None
            listened.discard(self)
            self._core.listen(self._number, None)
            self._report(listeners, None)

    def _withdraw(self) -> None:
        """Releases it without waiting: nobody wants it any more."""
        if self._open:
            self._gone()
            self._core.withdraw(self._number)

    # Its loss.

    def on_lost(self, callback: Callable[[Ticket, str], object]) -> None:
        """Calls `callback(ticket, why)` once, if the held lock is lost: on the
        event loop, or on a thread of the package. It is a hint, which comes
        early; `held` decides, and behind that the token."""

        def listener(ticket: Ticket, why: str | None) -> None:
            if why is not None:
                callback(ticket, why)

        self._listen(listener)
        self._session._dispatcher.ensure()

    async def lost(self) -> str:
        """Waits until the lock is lost, and returns why. CanceledError: it was
        released before, or its session or client was closed."""
        loop = self._session._dispatcher.attach()
        future: asyncio.Future[str | None] = loop.create_future()

        def settle(why: str | None) -> None:
            if not future.done():
                future.set_result(why)

        def listener(ticket: Ticket, why: str | None) -> None:
            try:
                loop.call_soon_threadsafe(settle, why)
            except RuntimeError:  # the loop is closed: nobody waits
                pass

        self._listen(listener)
        try:
            why = await future
        finally:
            self._unlisten(listener)
        if why is None:
            raise CanceledError("the ticket was released")
        return why

    def wait_lost(self, timeout: float | None = None) -> str | None:
        """As `lost`, without a loop: None when the time is over."""
        event = threading.Event()
        reasons: list[str | None] = []

        def listener(ticket: Ticket, why: str | None) -> None:
            reasons.append(why)
            event.set()

        self._listen(listener)
        try:
            self._session._dispatcher.ensure()
            if not event.wait(seconds_of(timeout)):
                return None
        finally:
            self._unlisten(listener)
        if reasons[0] is None:
            raise CanceledError("the ticket was released")
        return reasons[0]

    def _listen(self, listener: _Hearing) -> None:
        if not self._open:
            raise StateError("the ticket is released")
        listened = self._session.client._listened
        with listened.lock:
            if self._listeners is None:
                self._listeners = []
                self._core.listen(self._number, Listener(self))
            self._listeners.append(listener)
            listened.add(self)
        # What was before anybody listened is not reported any more.
        if self.state is TicketState.LOST:
            self._on_event(_core.EVENT_LOST, "the lock is lost")
        elif self._is_over():
            self._gone()

    def _unlisten(self, listener: _Hearing) -> None:
        with self._session.client._listened.lock:
            if self._listeners is not None and listener in self._listeners:
                self._listeners.remove(listener)

    def _on_event(self, state: int, text: str, *rest: object) -> None:
        if state != _core.EVENT_LOST:
            return
        with self._session.client._listened.lock:
            if self._listeners is None:
                return
            listeners, self._listeners = self._listeners, []
        self._report(listeners, text)

    def _report(self, listeners: list[_Hearing], why: str | None) -> None:
        call_each([functools.partial(each, self, why) for each in listeners])

    # Fenced writes.

    def put(
        self, key: Bytes, value: Bytes, *, timeout: float | None = _WRITE_TIMEOUT_S
    ) -> int:
        """Writes a key of etcd if the lock is held; returns the revision.
        NotHeldError: nothing was written."""
        return self.txn(Put(key, value), timeout=timeout).revision

    async def put_async(
        self, key: Bytes, value: Bytes, *, timeout: float | None = _WRITE_TIMEOUT_S
    ) -> int:
        """As `put`."""
        return (await self.txn_async(Put(key, value), timeout=timeout)).revision

    def delete(self, key: Bytes, *, timeout: float | None = _WRITE_TIMEOUT_S) -> int:
        """Deletes a key of etcd if the lock is held; returns the revision."""
        return self.txn(Delete(key), timeout=timeout).revision

    async def delete_async(
        self, key: Bytes, *, timeout: float | None = _WRITE_TIMEOUT_S
    ) -> int:
        """As `delete`."""
        return (await self.txn_async(Delete(key), timeout=timeout)).revision

    def txn(
        self,
        *writes: Put | Delete,
        conditions: Iterable[Compare] = (),
        reads: Iterable[Read] = (),
        release: bool = False,
        timeout: float | None = _WRITE_TIMEOUT_S,
    ) -> TxnResult:
        """Applies writes, all or none, if the lock is held and the conditions
        are met; with `release` the lock is released in the same transaction.
        CompareError: a condition was not met. OutcomeUnknownError: it may have
        been applied, see `outcome`."""
        fields = self._core.txn(
            None, self._number, *_txn(writes, conditions, reads), release, ms_of(timeout)
        )
        if release:
            self._gone()
        return txn_of(fields)

    async def txn_async(
        self,
        *writes: Put | Delete,
        conditions: Iterable[Compare] = (),
        reads: Iterable[Read] = (),
        release: bool = False,
        timeout: float | None = _WRITE_TIMEOUT_S,
    ) -> TxnResult:
        """As `txn`. If it is cancelled, it goes on: it may be applied, and
        `outcome` does not report it."""
        future: Any = self._session._dispatcher.future()
        self._core.txn(
            future,
            self._number,
            *_txn(writes, conditions, reads),
            release,
            ms_of(timeout),
        )
        fields = await future
        if release:
            self._gone()
        return txn_of(fields)

    def outcome(self, timeout: float | None = None) -> None:
        """Waits until it is certain what became of the latest write whose
        outcome was unknown: returns if it was applied, else raises. With a
        timeout of 0 it does not wait."""
        self._core.outcome(None, self._number, ms_of(timeout))
        self._applied()

    async def outcome_async(self) -> None:
        """As `outcome`."""
        future = self._session._dispatcher.future()
        self._core.outcome(future, self._number, -1)
        await future
        self._applied()

    def _applied(self) -> None:
        """The latest write was: with `release` it has closed the handle."""
        if self._is_over():
            self._gone()

    def _is_over(self) -> bool:
        """Whether its handle is closed. A ticket may look released before, and
        stay held: if the write that was to release it fails."""
        return (
            not self._open
            or self._session.closed
            or _core.ticket_state(self._number) == _HANDLE
        )

    def proclaim(
        self, value: Bytes, *, timeout: float | None = _WRITE_TIMEOUT_S
    ) -> None:
        """Proclaims another value, as leader."""
        self._core.proclaim(None, self._number, bytes_of(value), ms_of(timeout))

    async def proclaim_async(
        self, value: Bytes, *, timeout: float | None = _WRITE_TIMEOUT_S
    ) -> None:
        """As `proclaim`."""
        future = self._session._dispatcher.future()
        self._core.proclaim(future, self._number, bytes_of(value), ms_of(timeout))
        await future

    def __enter__(self) -> Ticket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._open or self._session.closed:
            self._gone()
            return
        try:
            self.release()
        except HandleError:  # a write has released it
            pass
        except LeaselockError as error:
            if value is None:
                raise
            value.add_note(f"and then: {error}")

    async def __aenter__(self) -> Ticket:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._open or self._session.closed:
            self._gone()
            return
        try:
            await self.release_async()
        except HandleError:  # a write has released it
            pass
        except LeaselockError as error:
            if value is None:
                raise
            value.add_note(f"and then: {error}")

    def __del__(self) -> None:
        # Slots are unset if the constructor has been interrupted.
        if not getattr(self, "_open", False) or not hasattr(self, "_listeners"):
            return
        if not self._session.closed:
            self._withdraw()
            warnings.warn(f"unreleased {self!r}", ResourceWarning, source=self)

    def __repr__(self) -> str:
        return f"<leaselock.Ticket {self._names!r} {self._number}>"


def _checked(number: int) -> int:
    if number < 0:
        raise error_of(number, "the ticket is not open any more")
    return number


def _txn(
    writes: Iterable[Put | Delete],
    conditions: Iterable[Compare],
    reads: Iterable[Read],
) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    """The parts of a transaction as the extension takes them."""
    return (
        tuple(tuple(each) for each in conditions),
        tuple(
            (0, bytes_of(each.key), bytes_of(each.value), each.lease)
            if isinstance(each, Put)
            else (1, bytes_of(each.key), b"", 0)
            for each in writes
        ),
        tuple(
            (
                bytes_of(each.key),
                None if each.end is None else bytes_of(each.end),
                each.limit,
                each.keys_only,
            )
            for each in reads
        ),
    )
