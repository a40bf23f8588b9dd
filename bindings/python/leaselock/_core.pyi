# SPDX-License-Identifier: Apache-2.0
import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ._errors import LeaselockError
from ._ticket import Ticket

EVENT_LOST: int
EVENT_LEADER: int
EVENT_NO_LEADER: int
EVENT_OBSERVER_END: int

_Target = asyncio.Future[Any] | None

class AcquireOptions:
    def __new__(
        cls,
        label: str | None,
        mode: int,
        permits: int,
        find_deadlock: bool,
        watch_own_key_ms: int,
        requeue: bool,
        lock_delay_ms: int,
        foreign_delay_ms: int,
        keep_ms: int,
        local_passes: int,
        /,
    ) -> AcquireOptions: ...

class Client:
    def __new__(
        cls,
        endpoints: str | None,
        settings: tuple[tuple[str, str], ...],
        from_env: bool,
        /,
    ) -> Client: ...
    def close(self) -> None: ...
    def fileno(self) -> int: ...
    def drain(
        self,
        loop: asyncio.AbstractEventLoop | None,
        settle: Callable[[asyncio.Future[Any], str, Any], None],
        /,
    ) -> int: ...
    def wait(self) -> None: ...
    def wake(self) -> None: ...
    def listen(self, number: int, listener: Callable[..., object] | None, /) -> None: ...
    def metrics(self) -> str: ...
    def acquire(
        self,
        target: _Target,
        session: int,
        name: str | bytes,
        options: AcquireOptions | None,
        timeout_ms: int,
        factory: Callable[[int, object], Ticket],
        /,
    ) -> Ticket: ...
    def acquire_all(
        self,
        target: _Target,
        session: int,
        names: tuple[str | bytes, ...],
        options: AcquireOptions | None,
        timeout_ms: int,
        factory: Callable[[int, object], Ticket],
        /,
    ) -> Ticket: ...
    def campaign(
        self,
        target: _Target,
        session: int,
        name: str | bytes,
        value: bytes,
        options: AcquireOptions | None,
        timeout_ms: int,
        factory: Callable[[int, object], Ticket],
        /,
    ) -> Ticket: ...
    def release(self, target: _Target, ticket: int, /) -> None: ...
    def rejoin(self, target: _Target, ticket: int, timeout_ms: int, /) -> None: ...
    def withdraw(self, ticket: int, /) -> None: ...
    def proclaim(
        self, target: _Target, ticket: int, value: bytes, timeout_ms: int, /
    ) -> None: ...
    def outcome(self, target: _Target, ticket: int, timeout_ms: int, /) -> None: ...
    def txn(
        self,
        target: _Target,
        ticket: int,
        compares: tuple[Any, ...],
        ops: tuple[Any, ...],
        reads: tuple[Any, ...],
        release: bool,
        timeout_ms: int,
        /,
    ) -> tuple[int, list[tuple[int, int, list[Sequence[object]]] | None]]: ...
    def session_open(
        self,
        target: _Target,
        ttl: int,
        open_timeout_ms: int,
        label: str | None,
        key_names: int,
        lease: int,
        unguarded: bool,
        /,
    ) -> int: ...
    def session_close(self, target: _Target, session: int, /) -> None: ...
    def session_drop(self, session: int, /) -> None: ...
    def observe(
        self, name: str | bytes, listener: Callable[..., object], /
    ) -> tuple[int, int]: ...
    def observer_close(self, handle: int, number: int, /) -> None: ...
    def leader(
        self, target: _Target, name: str | bytes, timeout_ms: int, /
    ) -> tuple[Any, ...]: ...
    def queue(
        self,
        target: _Target,
        name: str | bytes,
        limit: int,
        with_ttl: bool,
        timeout_ms: int,
        /,
    ) -> tuple[int, int, list[Sequence[object]]]: ...
    def locks(
        self, target: _Target, prefix: str | bytes, timeout_ms: int, /
    ) -> tuple[int, list[tuple[str, int, Sequence[object], int]]]: ...
    def get(
        self,
        target: _Target,
        key: bytes,
        end: bytes | None,
        limit: int,
        keys_only: bool,
        timeout_ms: int,
        /,
    ) -> tuple[int, int, list[Sequence[object]]]: ...
    def ask_to_yield(
        self, target: _Target, name: str | bytes, reason: str, timeout_ms: int, /
    ) -> int: ...

def ticket_state(ticket: int, /) -> int: ...
def ticket_token(ticket: int, /) -> int: ...
def ticket_hold(ticket: int, /) -> int: ...
def ticket_position(ticket: int, /) -> int: ...
def ticket_remaining_ms(ticket: int, /) -> int: ...
def ticket_lease(ticket: int, /) -> int: ...
def ticket_requeues(ticket: int, /) -> int: ...
def ticket_mode(ticket: int, /) -> int: ...
def ticket_permits(ticket: int, /) -> int: ...
def ticket_key(ticket: int, /) -> str | int: ...
def session_state(session: int, /) -> int: ...
def session_lease(session: int, /) -> int: ...
def session_remaining_ms(session: int, /) -> int: ...
def version() -> str: ...
def statuses() -> list[tuple[int, str]]: ...
def is_retriable(status: int, /) -> bool: ...
def set_error_factory(
    factory: Callable[[int, str, int, str], LeaselockError], /
) -> None: ...
