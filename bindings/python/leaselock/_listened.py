# SPDX-License-Identifier: Apache-2.0
"""What sessions and tickets have in common: somebody listens to them."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Any


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


def call_each(callbacks: list[Callable[[], None]]) -> None:
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
