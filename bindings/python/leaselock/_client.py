# SPDX-License-Identifier: Apache-2.0
"""Clients."""

from __future__ import annotations

import asyncio
import atexit
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from . import _core
from ._dispatcher import Dispatcher
from ._election import Observer
from ._errors import ForkedError, LeaselockError, NoLeaderError
from ._listened import Listened
from ._session import Session
from ._types import (
    Bytes,
    GetResult,
    KeyNames,
    Leader,
    Locks,
    Queue,
    bytes_of,
    get_of,
    locks_of,
    name_of,
    queue_of,
    request_ms_of,
)

Setting = str | int | float | bool | None

_clients: weakref.WeakSet[Client] = weakref.WeakSet()


class Client:
    """A connection to an etcd cluster, with one background thread of the
    library's, which renews leases without Python.

    The settings are those of leaselock-settings(5), with "_" for "-":
    ``Client("etcd:2379", cacert="ca.pem", namespace="prod/")``. One that is
    None counts as not given. Nothing is sent to etcd yet. All methods may be called from any thread; coroutines of one
    event loop at a time may use a client.
    """

    def __init__(
        self,
        endpoints: str | Iterable[str] | None = None,
        **settings: Setting,
    ) -> None:
        self._open(endpoints, settings, False)

    @classmethod
    def from_env(
        cls,
        endpoints: str | Iterable[str] | None = None,
        **settings: Setting,
    ) -> Client:
        """A client whose other settings come from the environment and the
        config files."""
        client = cls.__new__(cls)
        client._open(endpoints, settings, True)
        return client

    def _open(
        self,
        endpoints: str | Iterable[str] | None,
        settings: dict[str, Setting],
        from_env: bool,
    ) -> None:
        if endpoints is not None and not isinstance(endpoints, str):
            endpoints = ",".join(endpoints)
        self._core = _core.Client(
            endpoints,
            tuple(
                (name.replace("_", "-"), _text(value))
                for name, value in settings.items()
                if value is not None
            ),
            from_env,
        )
        self._dispatcher = Dispatcher(self._core)
        self._listened = Listened()
        self._closed = False
        self._closing: asyncio.Future[None] | None = None
        _clients.add(self)

    @property
    def closed(self) -> bool:
        return self._closed

    def session(
        self,
        *,
        ttl: int = 10,
        timeout: float = 5.0,
        label: str | None = None,
        key_names: KeyNames = KeyNames.AUTO,
        lease: int = 0,
        unguarded: bool = False,
    ) -> Session:
        """A session, to be opened: by ``with``, ``async with``, `open` or
        `open_async`.

        `ttl` is the lease's time to live in seconds, `timeout` the longest wait
        for it, `label` a text that the queue shows.
        """
        return Session(self, ttl, timeout, label, key_names, lease, unguarded)

    def close(self) -> None:
        """Closes the client with all of its sessions and tickets."""
        if self._closed:
            return
        self._closed = True
        try:
            self._core.close()
        except ForkedError:
            raise  # the loop and its descriptors are the parent's, too
        except LeaselockError:
            self._finish()
            raise
        except BaseException:  # of a signal handler
            self._closed = False
            raise
        self._finish()

    async def close_async(self) -> None:
        """As `close`, without blocking the loop. If it is cancelled, the client
        is closed all the same."""
        loop = asyncio.get_running_loop()
        self._core.fileno()  # ForkedError
        if self._closing is None:
            if self._closed:
                return
            self._closed = True
            # A thread of its own: those of an executor may be waiting for what
            # is closed here.
            try:
                self._closing = _on_thread(loop, self._core.close, self._finish)
            except BaseException:  # no thread can be started
                self._closed = False
                raise
        await asyncio.shield(self._closing)

    def _finish(self) -> None:
        _clients.discard(self)
        self._dispatcher.finish()
        self._listened.end(None)

    def leader(self, name: str, *, timeout: float = 5.0) -> Leader | None:
        """The leader of an election, or the holder of a lock; None: none."""
        try:
            return Leader._make(
                self._core.leader(None, name_of(name), request_ms_of(timeout))
            )
        except NoLeaderError:
            return None

    async def leader_async(self, name: str, *, timeout: float = 5.0) -> Leader | None:
        """As `leader`."""
        future = self._dispatcher.future()
        self._core.leader(future, name_of(name), request_ms_of(timeout))
        try:
            return Leader._make(await future)  # type: ignore[arg-type]
        except NoLeaderError:
            return None

    def observe(self, name: str) -> Observer:
        """Follows an election: iterate over it, with ``for`` or ``async for``.
        It reports the present leader first, and None when there is none."""
        return Observer(self, name)

    def queue(
        self,
        name: str,
        *,
        limit: int = 0,
        with_ttl: bool = False,
        timeout: float = 5.0,
    ) -> Queue:
        """The queue of a lock: its holders and waiters, in order."""
        return queue_of(
            self._core.queue(
                None, name_of(name), limit, with_ttl, request_ms_of(timeout)
            )
        )

    async def queue_async(
        self,
        name: str,
        *,
        limit: int = 0,
        with_ttl: bool = False,
        timeout: float = 5.0,
    ) -> Queue:
        """As `queue`."""
        future: Any = self._dispatcher.future()
        self._core.queue(
            future, name_of(name), limit, with_ttl, request_ms_of(timeout)
        )
        return queue_of(await future)

    def locks(self, prefix: str = "", *, timeout: float = 5.0) -> Locks:
        """The locks that are held and whose names begin with `prefix`."""
        return locks_of(
            self._core.locks(None, name_of(prefix), request_ms_of(timeout))
        )

    async def locks_async(self, prefix: str = "", *, timeout: float = 5.0) -> Locks:
        """As `locks`."""
        future: Any = self._dispatcher.future()
        self._core.locks(future, name_of(prefix), request_ms_of(timeout))
        return locks_of(await future)

    def get(
        self,
        key: Bytes,
        *,
        end: Bytes | None = None,
        limit: int = 0,
        keys_only: bool = False,
        timeout: float = 5.0,
    ) -> GetResult:
        """Reads a key of etcd, or with `end` the range up to that."""
        return get_of(
            self._core.get(
                None, *_range(key, end), limit, keys_only, request_ms_of(timeout)
            )
        )

    async def get_async(
        self,
        key: Bytes,
        *,
        end: Bytes | None = None,
        limit: int = 0,
        keys_only: bool = False,
        timeout: float = 5.0,
    ) -> GetResult:
        """As `get`."""
        future: Any = self._dispatcher.future()
        self._core.get(
            future, *_range(key, end), limit, keys_only, request_ms_of(timeout)
        )
        return get_of(await future)

    def ask_to_yield(
        self, name: str, reason: str = "", *, timeout: float = 5.0
    ) -> int:
        """Asks those who hold a lock to let go of it; returns how many were
        asked. Nothing is forced."""
        return self._core.ask_to_yield(
            None, name_of(name), reason, request_ms_of(timeout)
        )

    async def ask_to_yield_async(
        self, name: str, reason: str = "", *, timeout: float = 5.0
    ) -> int:
        """As `ask_to_yield`."""
        future: Any = self._dispatcher.future()
        self._core.ask_to_yield(
            future, name_of(name), reason, request_ms_of(timeout)
        )
        return int(await future)

    def metrics(self) -> str:
        """The client's counters and latencies as OpenMetrics text."""
        return self._core.metrics()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except LeaselockError as error:
            _second(value, error)

    async def __aenter__(self) -> Client:
        self._dispatcher.attach()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.close_async()
        except LeaselockError as error:
            _second(value, error)

    def __del__(self) -> None:
        if getattr(self, "_closed", True):
            return
        try:
            self.close()
        except LeaselockError:
            pass
        # Last: a filter may make an error of it.
        warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)


def _second(first: BaseException | None, error: LeaselockError) -> None:
    """An error at the end of a block does not hide the block's own."""
    if first is None:
        raise error
    first.add_note(f"and then: {error}")


def _text(value: Setting) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _range(key: Bytes, end: Bytes | None) -> tuple[bytes, bytes | None]:
    return bytes_of(key), None if end is None else bytes_of(end)


def _on_thread(
    loop: asyncio.AbstractEventLoop,
    function: Callable[[], None],
    last: Callable[[], None],
) -> asyncio.Future[None]:
    """Runs a function that blocks, and then, on the loop, another one."""
    future: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        last()
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
            future.exception()  # somebody may look at it, or not

    def run() -> None:
        error: BaseException | None = None
        try:
            function()
        except BaseException as caught:
            error = caught
        try:
            loop.call_soon_threadsafe(settle, error)
        except RuntimeError:  # the loop is closed
            last()

    threading.Thread(target=run, name="leaselock-close").start()
    return future


def _close_all() -> None:
    """At the end of the interpreter: nothing may call back later."""
    for client in list(_clients):
        try:
            client.close()
        except LeaselockError:
            pass


atexit.register(_close_all)
