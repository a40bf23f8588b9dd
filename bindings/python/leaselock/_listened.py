# SPDX-License-Identifier: Apache-2.0
"""What sessions and tickets have in common: somebody listens to them."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._session import Session
    from ._ticket import Ticket


class Listener:
    """What the queue calls for an object; does not keep it alive."""

    __slots__ = ("_reference",)

    def __init__(self, listened: Any) -> None:
        self._reference = weakref.ref(listened)

    def __call__(
        self,
        state: int,
        text: str,
        value: bytes,
        token: int,
        revision: int,
        lease: int,
    ) -> None:
        listened = self._reference()
        if listened is not None:
            listened._on_event(state, text, value, token, revision, lease)


class Listened:
    """The tickets of a client that somebody listens to: their listeners learn
    of the end of a session or client."""

    __slots__ = ("_tickets", "lock")

    def __init__(self) -> None:
        #: Of the tickets' listeners, too. A __del__ may come back while it is
        #: held.
        self.lock = threading.RLock()
        self._tickets: weakref.WeakSet[Ticket] = weakref.WeakSet()

    def add(self, ticket: Ticket) -> None:
        with self.lock:
            self._tickets.add(ticket)

    def discard(self, ticket: Ticket) -> None:
        with self.lock:
            self._tickets.discard(ticket)

    def end(self, session: Session | None) -> None:
        """Ends those of a session, or all; it is marked as closed before."""
        with self.lock:
            tickets = list(self._tickets)
        for ticket in tickets:
            if session is None or ticket._session is session:
                ticket._gone()


def call_each(callbacks: Iterable[Callable[[], object]]) -> None:
    """Calls all of them, even if one raises; then raises the first error."""
    first: BaseException | None = None
    for callback in callbacks:
        try:
            callback()
        except Exception as error:
            first = first or error
    if first is not None:
        raise first


def seen(future: asyncio.Future[Any]) -> None:
    """Nobody looks at this future any more, and no log is to complain."""
    if future.done() and not future.cancelled():
        future.exception()
