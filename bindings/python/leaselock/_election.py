# SPDX-License-Identifier: Apache-2.0
"""Elections, and those who follow them."""

from __future__ import annotations

import asyncio
import collections
import threading
import warnings
from types import TracebackType
from typing import TYPE_CHECKING

from . import _core
from ._errors import (
    ClosedError,
    LeaselockError,
    LimitError,
    LockTimeoutError,
    error_of,
)
from ._listened import Listener
from ._lock import Lock
from ._ticket import Ticket
from ._types import Bytes, Leader, bytes_of, name_of, seconds_of

if TYPE_CHECKING:
    from ._client import Client
    from ._session import Session


#: How many reports an observer keeps that nobody takes: the library's own limit.
_REPORTS_MAX = 65536


class Election(Lock):
    """An election: a lock whose holder leads, and proclaims a value. Made by
    `Session.election`. To resign, release the ticket."""

    def __init__(
        self,
        session: Session,
        name: str,
        value: Bytes,
        timeout: float | None,
        options: _core.AcquireOptions | None,
    ) -> None:
        super().__init__(session, name, timeout, options)
        self._value = bytes_of(value)
        self._election = name

    #: The words of elections.
    campaign = Lock.acquire
    campaign_async = Lock.acquire_async

    def leader(self, *, timeout: float = 5.0) -> Leader | None:
        """Who leads; None: nobody."""
        return self._session.client.leader(self._election, timeout=timeout)

    async def leader_async(self, *, timeout: float = 5.0) -> Leader | None:
        """As `leader`."""
        return await self._session.client.leader_async(
            self._election, timeout=timeout
        )

    def observe(self) -> Observer:
        """Follows it: see `Client.observe`."""
        return self._session.client.observe(self._election)

    def _begin(self, target: asyncio.Future[object] | None, timeout_ms: int) -> Ticket:
        return self._core.campaign(
            target,
            self._session._number,
            name_of(self._election),
            self._value,
            self._options,
            timeout_ms,
            self._factory,
        )


class Observer:
    """Follows an election: reports every leader and every value that a leader
    proclaims, in order, and None when there is no leader. What is not taken yet
    is kept in memory; with 65536 such reports it ends with LimitError, after
    them. It ends with `close`, or with the error that ended it."""

    def __init__(self, client: Client, name: str) -> None:
        self._closed = True  # nothing to close if the next call fails
        self._core = client._core
        self._client = client
        self._dispatcher = client._dispatcher
        self._changed = threading.Condition()
        self._reported: collections.deque[Leader | None] = collections.deque()
        self._end: LeaselockError | None = None
        self._futures: list[asyncio.Future[None]] = []
        self._dispatcher.ensure()
        self._handle, self._number = self._core.observe(
            name_of(name), Listener(self)
        )
        self._closed = False

    def get(self, timeout: float | None = None) -> Leader | None:
        """The next report. LockTimeoutError: there was none in time."""
        self._dispatcher.ensure()
        with self._changed:
            if not self._changed.wait_for(self._is_due, seconds_of(timeout)):
                raise LockTimeoutError("no report came in time")
            return self._take()

    async def get_async(self) -> Leader | None:
        """As `get`."""
        loop = self._dispatcher.attach()
        while True:
            with self._changed:  # so that no report comes in between
                if self._is_due():
                    return self._take()
                future: asyncio.Future[None] = loop.create_future()
                self._futures.append(future)
            try:
                await future
            finally:
                with self._changed:
                    if future in self._futures:
                        self._futures.remove(future)

    def close(self) -> None:
        """Ends it: who waits for a report gets ClosedError, and iterations
        end."""
        if self._closed:
            return
        self._closed = True
        self._core.observer_close(self._handle, self._number)
        self._core.listen(self._number, None)
        self._wake()

    def _is_due(self) -> bool:
        return bool(self._reported) or self._end is not None or self._closed

    def _take(self) -> Leader | None:
        if self._reported:
            return self._reported.popleft()
        raise self._end or ClosedError("the observer was closed")

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
            futures, self._futures = self._futures, []
        for future in futures:
            try:
                future.get_loop().call_soon_threadsafe(_settle, future)
            except RuntimeError:  # the loop is closed: nobody waits
                pass

    def _on_event(
        self,
        state: int,
        text: str,
        value: bytes,
        token: int,
        revision: int,
        lease: int,
    ) -> None:
        over = False
        with self._changed:
            if self._end is not None:
                return
            if state == _core.EVENT_OBSERVER_END:
                self._end = error_of(token, text)
            elif len(self._reported) >= _REPORTS_MAX:
                self._end = LimitError("too many reports were not taken")
                over = True
            elif state == _core.EVENT_LEADER:
                self._reported.append(Leader(text, value, token, revision, lease))
            else:
                self._reported.append(None)
        if over:
            self.close()
        self._wake()

    def __iter__(self) -> Observer:
        return self

    def __next__(self) -> Leader | None:
        try:
            return self.get()
        except ClosedError:
            raise StopIteration from None

    def __aiter__(self) -> Observer:
        return self

    async def __anext__(self) -> Leader | None:
        try:
            return await self.get_async()
        except ClosedError:
            raise StopAsyncIteration from None

    def __enter__(self) -> Observer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Observer:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True) or self._client.closed:
            return
        self.close()
        warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
