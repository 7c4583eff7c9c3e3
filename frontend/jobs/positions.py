"""Where jobs are in the queue: one question to the database for all who ask meanwhile."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from frontend.jobs.model import Job, JobStatus
from frontend.jobs.store import JobStore


class QueuePositions:
    """Asks for all positions at once: ordering the queue takes as long for one as for all."""

    def __init__(self, store: JobStore) -> None:
        """Ask nothing yet."""
        self._store = store
        self._wanted: set[str] = set()
        self._next: asyncio.Task[dict[str, int]] | None = None
        self._turn = asyncio.Lock()

    async def place(self, job: Job) -> Job:
        """Return the job with its position, if it is queued.

        Raises:
            BackendUnavailable: the database is away.
        """
        if job.status is not JobStatus.QUEUED:
            return job
        found = await self.get([job.id])
        return replace(job, position=found.get(job.id))

    async def get(self, job_ids: Iterable[str]) -> dict[str, int]:
        """Return how many jobs come before each of these, and maybe of others; not queued: missing.

        Raises:
            BackendUnavailable: the database is away.
        """
        self._wanted.update(job_ids)
        if self._next is None:
            self._next = asyncio.create_task(self._ask())
        return await asyncio.shield(self._next)

    async def _ask(self) -> dict[str, int]:
        async with self._turn:  # whoever comes while the last question is under way shares the next
            wanted, self._wanted, self._next = self._wanted, set(), None
            return await self._store.get_positions(list(wanted))
