"""Ends tasks of an event loop."""

import asyncio
from typing import Any

_AGAIN_S = 1.0


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, again and again until all have ended; what they end with is not looked at.

    A cancellation may be lost, and whoever waits for the task would wait for good: until Python
    3.12 `asyncio.wait_for`, which libraries use, returns what came in the same moment instead.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)  # nobody else retrieves their errors
