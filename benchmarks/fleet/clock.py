"""A clock that runs slower than the wall's, so that two cores can be a fleet."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlowClock:
    """One second of the simulation takes `slowness` seconds of the wall."""

    slowness: float

    def now(self) -> float:
        """Return the simulation's time in seconds; comparable among processes of one machine."""
        return asyncio.get_running_loop().time() / self.slowness

    async def sleep(self, seconds: float) -> None:
        """Sleep for seconds of the simulation."""
        await asyncio.sleep(max(0.0, seconds) * self.slowness)
