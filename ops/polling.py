"""The one way to wait for what another process does, which no event of ours announces."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

_PAUSE_S = 0.05


class Backoff:
    """Pauses between attempts: each is twice the one before, up to a limit."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Return how long to wait now, in seconds; the next pause is longer."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        return pause_s

    def reset(self) -> None:
        """Begin with the first pause again."""
        self._next_s = self._first_s


async def until(is_true: Callable[[], Awaitable[bool]]) -> None:
    """Return when the condition holds; cancel it to give up."""
    while not await is_true():  # noqa: ASYNC110 -- another process's state has no event
        await asyncio.sleep(_PAUSE_S)


async def within(timeout_s: float, is_true: Callable[[], Awaitable[bool]]) -> bool:
    """Return whether the condition came to hold in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await until(is_true)
        return True
    return False


def wait_within(timeout_s: float, is_true: Callable[[], bool]) -> bool:
    """Return whether the condition came to hold in time; for threads."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    return True
