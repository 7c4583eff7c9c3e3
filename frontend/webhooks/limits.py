"""A bounded number of deliveries to one host at once: nobody is flooded, nobody blocks others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

_PATIENCE_S = 0.5


class HostLimit:
    """Slots per host, in this process."""

    def __init__(self, per_host: int) -> None:
        """Start with every slot free."""
        self._per_host = per_host
        # Hosts come from callers: one that nobody delivers to any more leaves no trace.
        self._slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[bool]:
        """Give whether a slot became free within half a second, and hold it."""
        slots = self._slots.setdefault(host, asyncio.Semaphore(self._per_host))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await slots.acquire()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            slots.release()
