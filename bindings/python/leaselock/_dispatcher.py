# SPDX-License-Identifier: Apache-2.0
"""Who takes what the library has reported: an event loop or a thread.

    state  | event                          | next   | action
    nobody | something is awaited           | loop   | the loop reads the
           |                                |        | descriptor
    nobody | a callback, outside of a loop  | thread | a thread is started
    thread | something is awaited           | loop   | the thread ends
    loop   | another loop, while it runs    | loop   | StateError
    loop   | another loop, later            | loop   | the other one reads
    loop   | a callback, while it runs      | loop   |
    loop   | a callback, later              | thread | the loop reads no more
    any    | the client is closed           | nobody | the rest is taken

Futures are made for the loop that reads, so they are resolved on its thread,
all that is there with one wake-up.
"""

from __future__ import annotations

import asyncio
import threading

from . import _core
from ._errors import StateError


class Dispatcher:
    """Belongs to a client, but does not keep it alive."""

    __slots__ = ("_core", "_lock", "_loop", "_thread")

    def __init__(self, core: _core.Client) -> None:
        self._core = core
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def attach(self) -> asyncio.AbstractEventLoop:
        """The running loop, which reads from now on."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            with self._lock:
                self._take(loop)
        return loop

    def future(self) -> asyncio.Future[object]:
        """A future of the running loop."""
        return self.attach().create_future()

    def ensure(self) -> None:
        """Has somebody read, for a callback."""
        try:
            self.attach()
            return
        except RuntimeError:  # no loop runs on this thread
            pass
        with self._lock:
            if self._loop is not None and self._loop.is_running():
                return
            if self._thread is None:
                self._leave()
                self._thread = threading.Thread(
                    target=self._run, name="leaselock", daemon=True
                )
                self._thread.start()

    def finish(self) -> None:
        """Takes the rest, once the client is closed."""
        with self._lock:
            loop, self._thread = self._loop, None
            if loop is not None and loop.is_running():
                try:
                    loop.call_soon_threadsafe(self._finish_loop)
                    return
                except RuntimeError:  # closed meanwhile
                    pass
            self._leave()
        self._core.drain()
        self._core.wake()

    def _finish_loop(self) -> None:
        self._core.drain()
        with self._lock:
            self._leave()

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None and self._loop.is_running():
            raise StateError("another running event loop uses this client")
        self._leave()
        if self._thread is not None:
            self._thread = None
            self._core.wake()
        loop.add_reader(self._core.fileno(), self._core.drain)
        self._loop = loop

    def _leave(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._core.fileno())

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            self._core.wait()
            if self._thread is me:
                self._core.drain()
