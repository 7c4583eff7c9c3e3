"""Signs of life of the jobs that this process runs, and what the database answers to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from frontend.errors import TritoneError
from frontend.jobs.store import Claim, JobStore, Pulse
from frontend.triton.gateway import Progress

_log = structlog.get_logger(__name__)

AskProgress = Callable[[str], Awaitable[Progress | None]]


@dataclass(slots=True)
class Watched:
    """A job that runs here."""

    claim: Claim
    making: asyncio.Task[object]
    progress: Progress | None = None
    is_cancelled: bool = False  # its owner asked for it
    is_lost: bool = False  # another worker has it: we were taken for dead


class Heart:
    """Renews the leases of running jobs, all in one statement, and cancels what is to end."""

    def __init__(self, store: JobStore, ask_progress: AskProgress, period_s: float) -> None:
        """`period_s` is a small part of the lease."""
        self._store = store
        self._ask_progress = ask_progress
        self._period_s = period_s
        self._watched: dict[str, Watched] = {}

    @asynccontextmanager
    async def watching(self, claim: Claim, making: asyncio.Task[object]) -> AsyncIterator[Watched]:
        """Keep a job's lease; `making` is cancelled when the job is to end or is lost."""
        watched = self._watched[claim.claim_id] = Watched(claim, making)
        try:
            yield watched
        finally:
            del self._watched[claim.claim_id]

    async def beat(self) -> None:
        """Give signs of life until cancelled."""
        while True:
            await asyncio.sleep(self._period_s)
            with suppress(TritoneError):  # the database is away; a lease may yet outlast that
                await self._beat_once()

    async def _beat_once(self) -> None:
        watched = list(self._watched.values())
        if not watched:
            return
        await asyncio.gather(*[self._look_at(each) for each in watched])
        ours = await self._store.renew([_pulse(each) for each in watched])
        for each in watched:
            if each.claim.claim_id not in self._watched:
                continue  # it ended meanwhile
            is_cancelled = ours.get(each.claim.job_id)
            if is_cancelled is None:
                _log.warning("lost a job to another worker", job_id=each.claim.job_id)
                each.is_lost = True
                each.making.cancel()
            elif is_cancelled and not each.is_cancelled:
                each.is_cancelled = True
                each.making.cancel()

    async def _look_at(self, watched: Watched) -> None:
        progress = await self._ask_progress(watched.claim.job_id)
        if progress is not None:
            watched.progress = progress


def _pulse(watched: Watched) -> Pulse:
    progress = watched.progress
    if progress is None:
        return Pulse(claim=watched.claim)
    return Pulse(claim=watched.claim, steps_done=progress.steps_done, steps=progress.steps)
