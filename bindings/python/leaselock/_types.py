# SPDX-License-Identifier: Apache-2.0
"""Values that are passed in and out: tuples with names, and enumerations."""

from __future__ import annotations

import enum
import math
import threading
from collections.abc import Sequence
from typing import NamedTuple, Union

Bytes = Union[bytes, str]


def bytes_of(value: Bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def name_of(name: str) -> str | bytes:
    """A name as the extension takes it. Other clients' names may have any bytes:
    those that are no UTF-8 are surrogates in a str."""
    if not isinstance(name, str) or name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape")


_MS_MAX = 2_000_000_000


def ms_of(timeout: float | None) -> int:
    """Milliseconds of a wait, which may be without a limit."""
    if timeout is None or timeout == math.inf:
        return -1
    return span_ms_of(timeout)


def span_ms_of(seconds: float | None) -> int:
    """Milliseconds, at most what the library takes; 0: not given."""
    if seconds is None or seconds <= 0:
        return 0
    return min(math.ceil(min(seconds, 2e6) * 1000), _MS_MAX)


def request_ms_of(timeout: float | None) -> int:
    """Milliseconds of a request, for which the library takes 0 as its default
    and has no wait without a limit."""
    return _MS_MAX if timeout is None else max(span_ms_of(timeout), 1)


def seconds_of(timeout: float | None) -> float | None:
    """A timeout for Python's own waits, which have a longest one."""
    return None if timeout is None or timeout > threading.TIMEOUT_MAX else timeout


class TicketState(enum.IntEnum):
    """The states of a ticket."""

    WAITING = 0
    HELD = 1
    LOST = 2
    RELEASED = 3


class SessionState(enum.IntEnum):
    """The states of a session."""

    OPENING = 0
    ACTIVE = 1
    SUSPECT = 2
    LOST = 3
    CLOSED = 4


class Mode(enum.IntEnum):
    """How a ticket shares its lock."""

    EXCLUSIVE = 0
    SHARED = 1
    PERMIT = 2


class KeyNames(enum.IntEnum):
    """What the keys of a session are called: see leaselock_session(3)."""

    AUTO = 0
    LEASE = 1
    HOST = 2


class Leader(NamedTuple):
    """The leader of an election, or the holder of a lock."""

    key: str
    #: What it proclaims.
    value: bytes
    token: int
    #: The revision at which the value was proclaimed.
    revision: int
    lease: int


class QueueEntry(NamedTuple):
    """A key of a lock's queue."""

    key: str
    value: bytes
    token: int
    lease: int
    #: Seconds that the lease has left; -1 if not requested or unknown.
    ttl: int
    host: str
    program: str
    label: str
    pid: int
    #: Unix seconds of the waiter's clock; 0: unknown.
    since: int
    mode: Mode
    permits: int
    holds: bool
    candidate: bool
    #: It is another client's, such as Go's.
    foreign: bool
    #: It belongs to a lock nested below this one.
    nested: bool
    lock_delay_ms: int
    keep_ms: int

    @classmethod
    def of(cls, fields: Sequence[object]) -> QueueEntry:
        made = cls._make(fields)
        return made._replace(
            mode=Mode(made.mode),
            holds=bool(made.holds),
            candidate=bool(made.candidate),
            foreign=bool(made.foreign),
            nested=bool(made.nested),
        )


class Queue(NamedTuple):
    """A lock's queue at one revision, the oldest key first."""

    revision: int
    #: How many keys it has; more than the entries if a limit cut it.
    total: int
    entries: list[QueueEntry]


class LockInfo(NamedTuple):
    """A lock that is held."""

    name: str
    #: How many keys its queue has, the holders' among them.
    places: int
    #: The oldest key of the queue.
    holder: QueueEntry
    #: How many tickets hold it.
    holders: int


class Locks(NamedTuple):
    """The held locks at one revision, sorted by name."""

    revision: int
    locks: list[LockInfo]


class KeyValue(NamedTuple):
    """A key of etcd."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int


class GetResult(NamedTuple):
    """What a read has found."""

    revision: int
    #: How many keys the range has; more than the items if a limit cut it.
    total: int
    items: list[KeyValue]


class TxnResult(NamedTuple):
    """What a fenced transaction has done."""

    #: The revision at which it was applied; 0: unknown.
    revision: int
    #: What each read has found; None: not known any more.
    reads: list[GetResult | None]


_RELATIONS = {"=": 0, "==": 0, ">": 1, "<": 2, "!=": 3}


class Compare(NamedTuple):
    """A condition of a fenced transaction; made by the functions below. A
    relation is "=", "!=", "<" or ">"."""

    key: bytes
    target: int
    result: int
    number: int
    operand: bytes

    @classmethod
    def version(cls, key: Bytes, number: int, relation: str = "=") -> Compare:
        """How often the key was written since it was created; 0: no such key."""
        return cls(bytes_of(key), 0, _RELATIONS[relation], number, b"")

    @classmethod
    def create_revision(cls, key: Bytes, number: int, relation: str = "=") -> Compare:
        """The revision at which the key was created; 0: no such key."""
        return cls(bytes_of(key), 1, _RELATIONS[relation], number, b"")

    @classmethod
    def mod_revision(cls, key: Bytes, number: int, relation: str = "=") -> Compare:
        """The revision at which the key was last written; 0: no such key."""
        return cls(bytes_of(key), 2, _RELATIONS[relation], number, b"")

    @classmethod
    def lease(cls, key: Bytes, number: int, relation: str = "=") -> Compare:
        """The id of the key's lease; 0: it has none."""
        return cls(bytes_of(key), 3, _RELATIONS[relation], number, b"")

    @classmethod
    def value(cls, key: Bytes, value: Bytes, relation: str = "=") -> Compare:
        """The key's value; never true where there is no such key."""
        return cls(bytes_of(key), 4, _RELATIONS[relation], 0, bytes_of(value))


class Put(NamedTuple):
    """A write of a fenced transaction."""

    key: Bytes
    value: Bytes
    lease: int = 0


class Delete(NamedTuple):
    """A deletion of a fenced transaction."""

    key: Bytes


class Read(NamedTuple):
    """A key, or with `end` the range up to that, that a transaction reads."""

    key: Bytes
    end: Bytes | None = None
    limit: int = 0
    keys_only: bool = False


def queue_of(fields: tuple[int, int, list[Sequence[object]]]) -> Queue:
    return Queue(fields[0], fields[1], [QueueEntry.of(each) for each in fields[2]])


def locks_of(
    fields: tuple[int, list[tuple[str, int, Sequence[object], int]]],
) -> Locks:
    return Locks(
        fields[0],
        [
            LockInfo(name, places, QueueEntry.of(holder), holders)
            for name, places, holder, holders in fields[1]
        ],
    )


def get_of(fields: tuple[int, int, list[Sequence[object]]]) -> GetResult:
    return GetResult(fields[0], fields[1], [KeyValue._make(each) for each in fields[2]])


def txn_of(
    fields: tuple[int, list[tuple[int, int, list[Sequence[object]]] | None]],
) -> TxnResult:
    return TxnResult(
        fields[0], [None if each is None else get_of(each) for each in fields[1]]
    )
