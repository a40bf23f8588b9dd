# SPDX-License-Identifier: Apache-2.0
"""Who takes what the library has reported: an event loop or a thread.

    state  | event                          | next   | action
    nobody | something is awaited           | loop   | the loop reads the
           |                                |        | descriptor
    nobody | a callback                     | thread | a thread is started; a
           |                                |        | loop that runs reads too
    thread | something is awaited           | loop   | the thread stands by
    loop   | another loop, while it runs    | loop   | StateError
    loop   | another loop, later            | loop   | the other one reads; a
           |                                |        | thread is started if the
           |                                |        | first is not closed
    loop   | a callback                     | loop   | a thread is started, and
           |                                |        | stands by
    loop   | it stops                       | thread | a thread that stands by
           |                                |        | reads until it runs again
    any    | the client is closed           | nobody | the rest is taken

Futures are resolved on the thread of their own loop, all that are there with
one wake-up if that loop reads.
"""

from __future__ import annotations

import asyncio
import threading

from . import _core
from ._errors import StateError

#: How long a thread that stands by leaves unread what a loop has left.
_STAND_BY_S = 0.2


class Dispatcher:
    """Belongs to a client, but does not keep it alive."""

    __slots__ = ("_changed", "_core", "_finished", "_lock", "_loop", "_thread")

    def __init__(self, core: _core.Client) -> None:
        self._core = core
        # A signal handler or a __del__ may come back while it is held.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._finished = False

    def attach(self) -> asyncio.AbstractEventLoop:
        """The running loop, which reads from now on."""
        self._core.fileno()  # ForkedError: what the parent has is not here
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            with self._lock:
                self._take(loop)
        return loop

    def future(self) -> asyncio.Future[object]:
        """A future of the running loop."""
        return self.attach().create_future()

    def ensure(self) -> None:
        """Has somebody read, for a callback: now, and after the loop's end."""
        try:
            self.attach()
        except RuntimeError:  # no loop runs on this thread
            pass
        with self._lock:
            self._start()

    def finish(self) -> None:
        """Takes the rest, once the client is closed."""
        with self._lock:
            self._finished = True
            loop, self._thread = self._loop, None
            self._changed.notify_all()
            if loop is not None and loop.is_running():
                try:
                    loop.call_soon_threadsafe(self._finish_loop, loop)
                    return
                except RuntimeError:  # closed meanwhile
                    pass
            self._leave()
        self._core.drain(None, _settle)
        self._core.wake()

    def _finish_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        self._core.drain(loop, _settle)
        with self._lock:
            self._leave()

    def _loop_reads(self) -> bool:
        loop = self._loop
        return loop is not None and loop.is_running()

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._finished:
            return  # nothing is reported any more
        if self._loop_reads():
            raise StateError("another running event loop uses this client")
        before = self._loop
        self._leave()
        loop.add_reader(self._core.fileno(), self._core.drain, loop, _settle)
        self._loop = loop
        if before is not None and not before.is_closed():
            self._start()  # its tasks may wait when it runs again
        if self._thread is not None:
            self._core.wake()

    def _leave(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._core.fileno())

    def _start(self) -> None:
        if self._thread is not None or self._finished:
            return
        thread = threading.Thread(target=self._run, name="leaselock", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError:  # there are too many
            self._thread = None
            raise

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            if self._loop_reads():
                with self._changed:
                    if self._thread is me:
                        self._changed.wait(_STAND_BY_S)
                continue
            self._core.wait()
            if self._thread is me and not self._loop_reads():
                self._core.drain(None, _settle)


def _settle(future: asyncio.Future[object], method: str, value: object) -> None:
    """Resolves a future of a loop that does not run on this thread."""
    try:
        future.get_loop().call_soon_threadsafe(_set, future, method, value)
    except RuntimeError:  # the loop is closed: nobody waits
        pass


def _set(future: asyncio.Future[object], method: str, value: object) -> None:
    if not future.done():
        getattr(future, method)(value)
