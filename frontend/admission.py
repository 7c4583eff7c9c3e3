"""Who may enter: a bounded number of passes at once, a bounded number waiting, the rest refused."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from frontend.errors import Overloaded
from frontend.settings import AdmissionSettings

_FIRST_GUESS_S = 2.0  # before anything was measured
_WEIGHT = 0.2  # of the newest duration in the moving average


class Admission:
    """Slots for passes, first come, first served."""

    def __init__(
        self, settings: AdmissionSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with every slot free."""
        self._settings = settings
        self._clock = clock
        self._slots = asyncio.Semaphore(settings.max_in_flight)
        self._typical_s: float | None = None
        self.in_flight = 0
        self.waiting = 0
        self._waiting_since: list[float] = []

    @property
    def retry_after_s(self) -> float:
        """When a newcomer would get a slot, by the durations of late."""
        rounds = (self.waiting + 1) / self._settings.max_in_flight
        return max(1.0, rounds * (self._typical_s or _FIRST_GUESS_S))

    @property
    def queue_age_s(self) -> float:
        """How long the one that waits longest has waited; 0: nobody waits."""
        now = self._clock()
        return now - min(self._waiting_since, default=now)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot, waiting for it if need be.

        Raises:
            Overloaded: too many wait already.
        """
        await self._enter()
        start = self._clock()
        try:
            yield
            self._learn(self._clock() - start)  # failures and cancels say nothing about durations
        finally:
            self.in_flight -= 1
            self._slots.release()

    async def _enter(self) -> None:
        if self._slots.locked() and self.waiting >= self._settings.max_waiting:
            raise Overloaded(
                "All slots are taken; try again later.", retry_after_s=self.retry_after_s
            )
        self.waiting += 1
        since = self._clock()
        self._waiting_since.append(since)
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
            self._waiting_since.remove(since)
        self.in_flight += 1

    def _learn(self, seconds: float) -> None:
        typical = seconds if self._typical_s is None else self._typical_s
        self._typical_s = (1 - _WEIGHT) * typical + _WEIGHT * seconds
