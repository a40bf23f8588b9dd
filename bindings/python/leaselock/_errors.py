# SPDX-License-Identifier: Apache-2.0
"""An exception for each status of the library."""

from __future__ import annotations

from typing import ClassVar

from . import _core


class LeaselockError(Exception):
    """What the library reports as a failure."""

    #: The status's name without LEASELOCK_E_; "" for the base class.
    status_name: ClassVar[str] = ""

    #: The library's number, which is negative.
    status: int
    #: The gRPC status behind it, 0 to 16, or -1 if there was none.
    grpc_status: int
    #: The endpoint that the request went to, or "".
    endpoint: str

    def __init__(
        self,
        message: str = "",
        status: int | None = None,
        grpc_status: int = -1,
        endpoint: str = "",
    ) -> None:
        super().__init__(message)
        self.status = _NUMBERS.get(self.status_name, 0) if status is None else status
        self.grpc_status = grpc_status
        self.endpoint = endpoint

    @property
    def is_retriable(self) -> bool:
        """Whether the same call may succeed later without a change."""
        return _core.is_retriable(self.status)


class NoMemoryError(LeaselockError, MemoryError):
    status_name = "NOMEM"


class ArgumentError(LeaselockError, ValueError):
    status_name = "ARGUMENT"


class HandleError(LeaselockError):
    """The session or ticket is not open: it was closed or released."""

    status_name = "HANDLE"


class LockNameError(LeaselockError, ValueError):
    status_name = "NAME"


class ForkedError(LeaselockError):
    """The object belongs to the parent process."""

    status_name = "FORKED"


class DeadlockError(LeaselockError):
    status_name = "DEADLOCK"


class LockTimeoutError(LeaselockError, TimeoutError):
    """The time was over first. Nothing is left in the queue."""

    status_name = "TIMEOUT"


class LostError(LeaselockError):
    """The lock or its session was lost."""

    status_name = "LOST"


class ClosedError(LeaselockError):
    status_name = "CLOSED"


class CanceledError(LeaselockError):
    """The ticket was released while it waited."""

    status_name = "CANCELED"


class UnavailableError(LeaselockError, ConnectionError):
    status_name = "UNAVAILABLE"


class RefusedError(LeaselockError, PermissionError):
    status_name = "REFUSED"


class OutcomeUnknownError(LeaselockError):
    """The answer was lost: what was asked for may have been done."""

    status_name = "OUTCOME_UNKNOWN"


class NestedError(LeaselockError):
    status_name = "NESTED"


class LimitError(LeaselockError):
    status_name = "LIMIT"


class ServerError(LeaselockError):
    status_name = "SERVER"


class SystemResourceError(LeaselockError, OSError):
    status_name = "SYSTEM"


class StateError(LeaselockError):
    """The object is not in a state that allows this."""

    status_name = "STATE"


class NotHeldError(LeaselockError):
    """The lock is not held, so nothing was written."""

    status_name = "NOT_HELD"


class CompareError(LeaselockError):
    """A condition was not met, so nothing was written."""

    status_name = "COMPARE"


class NoLeaderError(LeaselockError):
    status_name = "NO_LEADER"


class ModeError(LeaselockError):
    """The lock is in use with another number of permits."""

    status_name = "MODE"


_NUMBERS: dict[str, int] = {name: number for number, name in _core.statuses()}
_CLASSES: dict[int, type[LeaselockError]] = {
    _NUMBERS[each.status_name]: each for each in LeaselockError.__subclasses__()
}


def error_of(
    status: int, message: str, grpc_status: int = -1, endpoint: str = ""
) -> LeaselockError:
    """The exception of a status; of the base class for one that is newer."""
    each = _CLASSES.get(status, LeaselockError)
    return each(message, status, grpc_status, endpoint)


_core.set_error_factory(error_of)
