"""How busy the queue is: whether one more job may wait, and when a job should be over."""

import asyncio
import math
import time
from collections import Counter
from datetime import UTC, datetime

from frontend.errors import Overloaded
from frontend.jobs.model import Job, JobStatus
from frontend.jobs.records import Load
from frontend.jobs.store import JobStore

_FIRST_GUESS_S = 10.0  # of a job's running time, before one was seen
_FRESH_S = 1.0


class QueueLoad:
    """A measure of the load, at most a second old, and what was accepted here since."""

    def __init__(self, store: JobStore, max_queued: int) -> None:
        """Know nothing yet."""
        self._store = store
        self._max_queued = max_queued
        self._load: Load | None = None
        self._measured_at = -math.inf
        self._measuring: asyncio.Task[Load] | None = None
        self._accepted: Counter[str] = Counter()  # by owner, since then

    async def get(self) -> Load:
        """Return how busy the workers are, at most a second ago.

        Raises:
            BackendUnavailable: the database is away.
        """
        if self._load is not None and time.monotonic() - self._measured_at < _FRESH_S:
            return self._load
        # One question for everybody who asks meanwhile, also while the database is away.
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure())
        return await asyncio.shield(self._measuring)

    async def _measure(self) -> Load:
        accepted, self._accepted = self._accepted, Counter()
        try:
            self._load = await self._store.load()
        except BaseException:
            self._accepted += accepted
            raise
        self._measured_at = time.monotonic()
        return self._load

    async def check_room(self, owner: str) -> None:
        """Return if one more job of an owner may wait.

        A key may hold half of the room that the others leave, so that one that floods the queue
        always leaves room for the rest; those who show no key share all of it.

        Raises:
            Overloaded: too many wait already, of all or of this owner.
            BackendUnavailable: the database is away.
        """
        load = await self.get()
        free = self._max_queued - load.queued - self._accepted.total()
        mine = load.queued_by_owner.get(owner, 0) + self._accepted[owner]
        if free <= 0 or (owner and mine > free):
            message = "Too many jobs wait" if free <= 0 else "Too many jobs of this key wait"
            raise Overloaded(
                f"{message}; try again later.", retry_after_s=_typical_s(load), reason="jobs"
            )

    def note_accepted(self, owner: str) -> None:
        """Count a job that was accepted here."""
        self._accepted[owner] += 1

    async def eta_s(self, job: Job | None = None) -> int:
        """Return when a job should be over, in whole seconds from now; None: one submitted now.

        From the running time of the last jobs, the queue before it, and how many run at once.

        Raises:
            BackendUnavailable: the database is away.
        """
        if job is not None and job.is_over:
            return 0
        load = await self.get()
        typical_s = _typical_s(load)
        if job is not None and job.status is JobStatus.RUNNING and job.started_at is not None:
            ran_s = (datetime.now(UTC) - job.started_at).total_seconds()
            return max(1, math.ceil(typical_s - ran_s))
        before = load.queued + self._accepted.total()
        if job is not None and job.position is not None:
            before = job.position
        rounds = before / max(1, load.running)
        return max(1, math.ceil((rounds + 1) * typical_s))


def _typical_s(load: Load) -> float:
    return _FIRST_GUESS_S if load.typical_s is None else load.typical_s
