"""Waiting for what another process does, which no event of ours announces."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

_POLL_S = 0.05


async def until(is_true: Callable[[], Awaitable[bool]]) -> None:
    """Return when the condition holds; cancel it to give up."""
    while not await is_true():  # noqa: ASYNC110 -- another process's state has no event
        await asyncio.sleep(_POLL_S)


async def within(timeout_s: float, is_true: Callable[[], Awaitable[bool]]) -> bool:
    """Return whether the condition came to hold in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await until(is_true)
        return True
    return False
