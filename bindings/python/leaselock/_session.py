# SPDX-License-Identifier: Apache-2.0
"""Sessions."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _core
from ._election import Election
from ._errors import ClosedError, LeaselockError, StateError, error_of
from ._listened import Listener, call_each, seen
from ._lock import Lock
from ._ticket import Ticket
from ._types import KeyNames, SessionState, request_ms_of, span_ms_of

if TYPE_CHECKING:
    from ._client import Client


class Session:
    """One etcd lease, which the client keeps alive. Made by `Client.session`;
    the locks of a session are released when it is closed."""

    def __init__(
        self,
        client: Client,
        ttl: int,
        timeout: float,
        label: str | None,
        key_names: KeyNames,
        lease: int,
        unguarded: bool,
    ) -> None:
        self.client = client
        self._core = client._core
        self._dispatcher = client._dispatcher
        self._asked = (
            ttl,
            request_ms_of(timeout),
            label,
            int(key_names),
            lease,
            unguarded,
        )
        self._number = 0  # the library's handle; 0: not open
        self._opening = False
        self._closed = False
        self._callbacks: list[Callable[[SessionState, str], object]] = []

    def open(self) -> Session:
        """Opens the session: grants a lease, and begins to keep it alive."""
        self._begin()
        try:
            self._number = self._core.session_open(None, *self._asked)
        finally:
            self._opening = False
        return self

    async def open_async(self) -> Session:
        """As `open`. If it is cancelled, the session is closed."""
        future = self._dispatcher.future()
        self._begin()
        try:
            number = self._core.session_open(future, *self._asked)
            try:
                await future
            except BaseException:
                self._core.session_drop(number)
                seen(future)
                raise
            self._number = number
        finally:
            self._opening = False
        return self

    def close(self) -> None:
        """Closes the session: revokes its lease, with which all of its locks
        are released."""
        if self._shut():
            self._close(None)

    async def close_async(self) -> None:
        """As `close`. If it is cancelled, the session is closed all the same."""
        if self.closed or self._number == 0:
            self._shut()
            return
        future = self._dispatcher.future()  # if it fails, nothing is closed
        if self._shut():
            self._close(future)
            await future

    def _close(self, target: asyncio.Future[object] | None) -> None:
        try:
            self._core.session_close(target, self._number)
        except BaseException:
            # If a signal handler has raised, or memory was short, the library
            # may not have it yet; else this does nothing.
            self._core.session_drop(self._number)
            raise

    def _begin(self) -> None:
        """Begins to open it, which one thread or task does at a time."""
        with self.client._listened.lock:
            if self._closed:
                raise ClosedError("the session was closed")
            if self._number != 0 or self._opening:
                raise StateError("the session is open already")
            self._opening = True

    def _shut(self) -> bool:
        """Whether there is something to close."""
        if self._closed or self._number == 0:
            return False
        self._closed = True
        self._callbacks.clear()
        self.client._listened.end(self)
        if self.client.closed:
            return False
        self._core.listen(self._number, None)
        return True

    @property
    def closed(self) -> bool:
        return self._closed or self.client.closed

    @property
    def state(self) -> SessionState:
        """The state now; it compares clocks."""
        if self.closed:
            return SessionState.CLOSED
        if self._number == 0:
            return SessionState.OPENING
        state = _core.session_state(self._number)
        if state < 0:
            raise error_of(state, "the session's state is not known")
        return SessionState(state)

    @property
    def lease(self) -> int:
        """The id of the lease in etcd; 0 while it is not open."""
        return max(_core.session_lease(self._number), 0) if self._number else 0

    @property
    def time_left(self) -> float:
        """For how many seconds the session is certain to live, if no renewal
        succeeds any more; 0.0 when it is lost or closed."""
        if self._number == 0:
            return 0.0
        return max(_core.session_remaining_ms(self._number), 0) / 1000

    def on_state(self, callback: Callable[[SessionState, str], object]) -> None:
        """Calls `callback(state, why)` for each later change of the state, on
        the event loop, or on a thread of the package."""
        if self._number == 0 or self.closed:
            raise StateError("the session is not open")
        self._callbacks.append(callback)
        self._core.listen(self._number, Listener(self))
        self._dispatcher.ensure()

    def _on_event(self, state: int, text: str, *rest: object) -> None:
        reached = SessionState(state)
        call_each(
            [lambda each=each: each(reached, text) for each in self._callbacks]  # type: ignore[misc]
        )

    def lock(
        self,
        name: str | Iterable[str],
        *,
        timeout: float | None = None,
        shared: bool = False,
        permits: int = 0,
        label: str | None = None,
        keep: float = 0.0,
        local_passes: int = 0,
        find_deadlock: bool = False,
        lock_delay: float = 0.0,
        foreign_delay: float = 0.0,
        requeue: bool = False,
        watch_own_key: float | None = None,
    ) -> Lock:
        """A lock, to be taken by ``with``, ``async with``, `Lock.acquire` or
        `Lock.acquire_async`, as often as wanted.

        `timeout` is the longest wait in seconds: None waits without a limit, 0
        tries once. `shared` is for readers; `permits` says how many hold the
        lock at a time. Several names are taken all at once or not at all.
        `keep` is for how many seconds the session keeps the lock after a
        release, as long as nobody else asks for it. leaselock_ticket(3) has
        the other options.
        """
        return Lock(
            self,
            name,
            timeout,
            _core_options(
                shared=shared,
                permits=permits,
                label=label,
                keep=keep,
                local_passes=local_passes,
                find_deadlock=find_deadlock,
                lock_delay=lock_delay,
                foreign_delay=foreign_delay,
                requeue=requeue,
                watch_own_key=watch_own_key,
            ),
        )

    def acquire(self, name: str | Iterable[str], **options: Any) -> Ticket:
        """Takes a lock; the arguments are those of `lock`."""
        return self.lock(name, **options).acquire()

    async def acquire_async(self, name: str | Iterable[str], **options: Any) -> Ticket:
        """As `acquire`. If it is cancelled, nothing is left in the queue."""
        return await self.lock(name, **options).acquire_async()

    def election(
        self,
        name: str,
        value: bytes | str = b"",
        *,
        timeout: float | None = None,
        label: str | None = None,
        requeue: bool = False,
        watch_own_key: float | None = None,
    ) -> Election:
        """An election, in which `value` is proclaimed by the leader: used as a
        lock is, and its holder leads."""
        return Election(
            self,
            name,
            value,
            timeout,
            _core_options(label=label, requeue=requeue, watch_own_key=watch_own_key),
        )

    def __enter__(self) -> Session:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except LeaselockError as error:
            if value is None:
                raise
            value.add_note(f"and then: {error}")

    async def __aenter__(self) -> Session:
        return await self.open_async()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.close_async()
        except LeaselockError as error:
            if value is None:
                raise
            value.add_note(f"and then: {error}")

    def __del__(self) -> None:
        if getattr(self, "_number", 0) == 0 or self.client.closed:
            return
        # Also one whose close was interrupted before the library had it.
        closed, self._closed = self._closed, True
        self._core.listen(self._number, None)
        self._core.session_drop(self._number)
        if not closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)


def _core_options(
    *,
    shared: bool = False,
    permits: int = 0,
    label: str | None = None,
    keep: float = 0.0,
    local_passes: int = 0,
    find_deadlock: bool = False,
    lock_delay: float = 0.0,
    foreign_delay: float = 0.0,
    requeue: bool = False,
    watch_own_key: float | None = None,
) -> _core.AcquireOptions | None:
    """The library's options; None for the defaults."""
    if shared and permits:
        raise ValueError("a lock is shared, or has permits")
    given = (
        1 if shared else 2 if permits else 0,
        permits or 0,
        find_deadlock,
        0 if watch_own_key is None else span_ms_of(watch_own_key) or -1,
        requeue,
        span_ms_of(lock_delay),
        span_ms_of(foreign_delay),
        span_ms_of(keep),
        local_passes or 0,
    )
    return _core.AcquireOptions(label, *given) if label or any(given) else None
