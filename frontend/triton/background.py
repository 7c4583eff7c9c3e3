"""Tasks that go on after whoever started them has left."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundTasks:
    """Holds tasks until they end: an event loop alone would let them be collected."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work`; its error is for those who await the task, and lost where nobody does."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, ended: asyncio.Task[Any]) -> None:
        self._tasks.discard(ended)
        if not ended.cancelled():
            ended.exception()

    async def close(self, timeout_s: float) -> None:
        """Wait for every task, and cancel those that take longer than the time-out."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
