"""Signs of life of the jobs that this process runs, and what the database answers to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from frontend.errors import TritoneError
from frontend.jobs.records import Claim, Heartbeat
from frontend.jobs.store import JobStore
from frontend.triton.gateway import Progress

_log = structlog.get_logger(__name__)

AskProgress = Callable[[str], Awaitable[Progress | None]]


@dataclass(slots=True)
class RunningJob:
    """A job that runs here."""

    claim: Claim
    work: asyncio.Task[object]
    progress: Progress | None = None
    is_cancelled: bool = False  # its owner asked for it
    is_lost: bool = False  # another worker has it: we were taken for dead


class HeartbeatSender:
    """Renews the leases of running jobs, all in one statement, and cancels what is to end."""

    def __init__(self, store: JobStore, ask_progress: AskProgress, period_s: float) -> None:
        """`period_s` is a small part of the lease."""
        self._store = store
        self._ask_progress = ask_progress
        self._period_s = period_s
        self._running: dict[str, RunningJob] = {}

    @asynccontextmanager
    async def lease(self, claim: Claim, work: asyncio.Task[object]) -> AsyncIterator[RunningJob]:
        """Keep a job's lease; `work` is cancelled when the job is to end or is lost."""
        job = self._running[claim.claim_id] = RunningJob(claim, work)
        try:
            yield job
        finally:
            del self._running[claim.claim_id]

    async def run(self) -> None:
        """Send heartbeats until cancelled."""
        while True:
            await asyncio.sleep(self._period_s)
            try:
                await self.send_heartbeats()
            except TritoneError:  # the database is away; a lease may yet outlast that
                continue
            except Exception:  # a mistake of ours must not end the jobs that run well
                _log.exception("heartbeats_failed")

    async def send_heartbeats(self) -> None:
        """Renew every lease now, and cancel the jobs that are lost or whose owner asked for it.

        Raises:
            BackendUnavailable: the database is away.
        """
        jobs = list(self._running.values())
        if not jobs:
            return
        await asyncio.gather(*[self._update_progress(job) for job in jobs])
        ours = await self._store.renew([_heartbeat(job) for job in jobs])
        for job in jobs:
            if job.claim.claim_id not in self._running:
                continue  # it ended meanwhile
            is_cancelled = ours.get(job.claim.job_id)
            if is_cancelled is None:
                _log.warning("lost a job to another worker", job_id=job.claim.job_id)
                job.is_lost = True
                job.work.cancel()
            elif is_cancelled and not job.is_cancelled:
                job.is_cancelled = True
                job.work.cancel()

    async def _update_progress(self, job: RunningJob) -> None:
        progress = await self._ask_progress(job.claim.job_id)
        if progress is not None:
            job.progress = progress


def _heartbeat(job: RunningJob) -> Heartbeat:
    progress = job.progress
    if progress is None:
        return Heartbeat(claim=job.claim)
    return Heartbeat(claim=job.claim, steps_done=progress.steps_done, steps=progress.steps)
