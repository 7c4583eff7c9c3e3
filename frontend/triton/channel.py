"""Items on their way from one task to another."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """A queue that holds few items, has an end, and lets its reader leave early.

    One task puts, one takes.
    """

    def __init__(self, room: int) -> None:
        """Hold at most `room` items: a faster writer waits."""
        self._items: asyncio.Queue[T | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(room)
        self._is_abandoned = False

    async def put(self, item: T) -> None:
        """Hand an item over, once there is room; without a reader it is dropped at once."""
        if not self._is_abandoned:
            await self._room.acquire()
        if not self._is_abandoned:
            self._items.put_nowait(item)

    def end(self) -> None:
        """Say that nothing follows. Never waits."""
        self._items.put_nowait(None)

    async def take(self) -> T | None:
        """Return the next item, or None at the end."""
        item = await self._items.get()
        self._room.release()
        return item

    def abandon(self) -> None:
        """Drop what was not taken and what is yet to come; only the end is still told."""
        self._is_abandoned = True
        ended = False
        while not self._items.empty():
            ended = self._items.get_nowait() is None
        if ended:
            self.end()
        self._room.release()  # the writer may be waiting
