# SPDX-License-Identifier: Apache-2.0
"""Locks: how tickets are taken."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _core
from ._errors import LeaselockError, LockTimeoutError
from ._listened import seen
from ._ticket import Ticket
from ._types import ms_of, name_of

if TYPE_CHECKING:
    from ._session import Session

_SAME: Any = object()  # the timeout that the lock was made with


class Lock:
    """A lock's name with the options of its acquires; made by `Session.lock`.
    It has no state in etcd before it is taken. Threads and tasks may share it:
    each of them gets a ticket of its own."""

    def __init__(
        self,
        session: Session,
        name: str | Iterable[str],
        timeout: float | None,
        options: _core.AcquireOptions | None,
    ) -> None:
        self._session = session
        self._core = session._core
        self._names: str | tuple[str, ...] = (
            name if isinstance(name, str) else tuple(name)
        )
        self._asked: str | bytes | tuple[str | bytes, ...] = (
            name_of(self._names)
            if isinstance(self._names, str)
            else tuple(name_of(each) for each in self._names)
        )
        self._timeout_ms = ms_of(timeout)
        self._options = options
        self._factory = functools.partial(Ticket, session, self._names)
        # The tickets of blocks, by the thread or task that is in the block.
        self._entered: dict[object, list[Ticket]] = {}

    @property
    def session(self) -> Session:
        return self._session

    @property
    def name(self) -> str | tuple[str, ...]:
        return self._names

    def acquire(self, timeout: float | None = _SAME) -> Ticket:
        """Takes a place in the queue, and waits until it is a holder's.

        LockTimeoutError: the time was over. A signal handler that raises, such
        as ^C, ends the wait; the queue is left.
        """
        return self._begin(None, self._ms(timeout))

    async def acquire_async(self, timeout: float | None = _SAME) -> Ticket:
        """As `acquire`. If it is cancelled, the queue is left; a lock that was
        granted meanwhile is released."""
        future = self._session._dispatcher.future()
        ticket = self._begin(future, self._ms(timeout))
        try:
            await future
        except LeaselockError:
            ticket._gone()
            raise
        except BaseException:
            ticket._withdraw()
            seen(future)
            raise
        return ticket

    def try_acquire(self) -> Ticket | None:
        """Takes the lock if it is free, else returns None."""
        try:
            return self.acquire(0)
        except LockTimeoutError:
            return None

    async def try_acquire_async(self) -> Ticket | None:
        """As `try_acquire`."""
        try:
            return await self.acquire_async(0)
        except LockTimeoutError:
            return None

    def _ms(self, timeout: float | None) -> int:
        return self._timeout_ms if timeout is _SAME else ms_of(timeout)

    def _begin(self, target: asyncio.Future[object] | None, timeout_ms: int) -> Ticket:
        """Requests a place. With a future the ticket still waits."""
        begin = (
            self._core.acquire
            if isinstance(self._names, str)
            else self._core.acquire_all
        )
        return begin(  # type: ignore[no-any-return,operator]
            target,
            self._session._number,
            self._asked,
            self._options,
            timeout_ms,
            self._factory,
        )

    def __enter__(self) -> Ticket:
        who = threading.get_ident()
        ticket = self._begin(None, self._timeout_ms)
        return self._enter(who, ticket)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ticket = self._leave(threading.get_ident())
        ticket.__exit__(kind, value, trace)

    async def __aenter__(self) -> Ticket:
        ticket = await self.acquire_async()
        return self._enter(asyncio.current_task(), ticket)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ticket = self._leave(asyncio.current_task())
        await ticket.__aexit__(kind, value, trace)

    def _enter(self, who: object, ticket: Ticket) -> Ticket:
        tickets = self._entered.setdefault(who, [])
        try:
            tickets.append(ticket)
        except BaseException:  # a signal handler has raised
            if ticket in tickets:
                tickets.remove(ticket)
            ticket._withdraw()
            raise
        return ticket

    def _leave(self, who: object) -> Ticket:
        if who not in self._entered:
            who = self._enterer()
        tickets = self._entered[who]
        ticket = tickets.pop()
        if not tickets:
            del self._entered[who]
        return ticket

    def _enterer(self) -> object:
        """Who has entered the block that another thread or task leaves."""
        entered = list(self._entered)
        if len(entered) != 1:
            raise RuntimeError(
                "a block of this lock is left in a thread or task that has not"
                f" entered it, and {len(entered)} others have entered one: write"
                ' "with session.acquire(...)", or "async with await'
                ' session.acquire_async(...)", whose block is the ticket\'s'
            )
        return entered[0]
