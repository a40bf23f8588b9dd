# SPDX-License-Identifier: Apache-2.0
"""Ordered fair locks and leader election on etcd.

A client is a connection to an etcd cluster, a session is a lease that the
client keeps alive, a ticket is a place in a lock's queue:

    with leaselock.Client("127.0.0.1:2379") as client:
        with client.session() as session:
            with session.lock("jobs", timeout=5) as ticket:
                print("held, token", ticket.token)

and in a coroutine the same with ``async with``. What blocks has a twin that is
awaited, with the ending ``_async``. Times are in seconds; a timeout of None
waits without a limit, and 0 tries once.
"""

from ._client import Client
from ._core import version as _version
from ._election import Election, Observer
from ._errors import (
    ArgumentError,
    CanceledError,
    ClosedError,
    CompareError,
    DeadlockError,
    ForkedError,
    HandleError,
    LeaselockError,
    LimitError,
    LockNameError,
    LockTimeoutError,
    LostError,
    ModeError,
    NestedError,
    NoLeaderError,
    NoMemoryError,
    NotHeldError,
    OutcomeUnknownError,
    RefusedError,
    ServerError,
    StateError,
    SystemResourceError,
    UnavailableError,
)
from ._lock import Lock
from ._session import Session
from ._ticket import Ticket
from ._types import (
    Compare,
    Delete,
    GetResult,
    KeyNames,
    KeyValue,
    Leader,
    LockInfo,
    Locks,
    Mode,
    Put,
    Queue,
    QueueEntry,
    Read,
    SessionState,
    TicketState,
    TxnResult,
)

#: The version of the library that is linked.
__version__: str = _version()

__all__ = [
    "ArgumentError",
    "CanceledError",
    "Client",
    "ClosedError",
    "Compare",
    "CompareError",
    "DeadlockError",
    "Delete",
    "Election",
    "ForkedError",
    "GetResult",
    "HandleError",
    "KeyNames",
    "KeyValue",
    "Leader",
    "LeaselockError",
    "LimitError",
    "Lock",
    "LockInfo",
    "LockNameError",
    "LockTimeoutError",
    "Locks",
    "LostError",
    "Mode",
    "ModeError",
    "NestedError",
    "NoLeaderError",
    "NoMemoryError",
    "NotHeldError",
    "Observer",
    "OutcomeUnknownError",
    "Put",
    "Queue",
    "QueueEntry",
    "Read",
    "RefusedError",
    "ServerError",
    "Session",
    "SessionState",
    "StateError",
    "SystemResourceError",
    "Ticket",
    "TicketState",
    "TxnResult",
    "UnavailableError",
]
