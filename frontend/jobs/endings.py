"""What happens when an attempt at a job is over: the job ends, with its webhook, or goes back."""

from collections.abc import Awaitable, Callable

from frontend.database.queries import Connection, Row, fetch_one
from frontend.jobs.deliveries import add_delivery
from frontend.jobs.model import Job
from frontend.jobs.queue import Queue
from frontend.jobs.records import Claim, Ending
from frontend.jobs.rows import to_job
from frontend.observe.metrics import Metrics
from frontend.webhooks.model import Announcement

Announce = Callable[[Job], Awaitable[Announcement | None]]
"""What to tell whom about an ended job; None: nobody asked."""


class Endings:
    """Steps of transactions that others begin and commit."""

    def __init__(self, queue: Queue, announce: Announce, metrics: Metrics) -> None:
        """`announce` runs inside the transaction that ends a job: it must not wait for anybody."""
        self._queue = queue
        self._announce = announce
        self._metrics = metrics

    async def end(self, connection: Connection, claim: Claim, ending: Ending) -> Job | None:
        """End a job and owe its webhook; None: the job is not the claim's any more."""
        row = await fetch_one(
            connection,
            "end_running_job",
            id=claim.job_id,
            claim_id=claim.claim_id,
            status=ending.status,
            result=ending.result.to_json() if ending.result is not None else None,
            error=ending.failure.to_json() if ending.failure is not None else None,
        )
        return None if row is None else await self.announce(connection, row)

    async def announce(self, connection: Connection, row: Row) -> Job:
        """Owe the webhook of a job that has just ended."""
        job = to_job(row)
        announcement = await self._announce(job)
        if announcement is not None:
            await add_delivery(connection, job.id, announcement)
        return job

    async def requeue(
        self, connection: Connection, claim: Claim, delay_s: float, strikes: int
    ) -> Job | None:
        """Put a job back with its next task; None: the job is not the claim's any more."""
        row = await fetch_one(
            connection,
            "requeue_job",
            id=claim.job_id,
            claim_id=claim.claim_id,
            delay_s=delay_s,
            strikes=strikes,
        )
        if row is None:
            return None
        job = to_job(row)
        await self._queue.add_job(connection, job, row["not_before"] if delay_s else None)
        return job

    def count(self, job: Job) -> None:
        """Count an end, after its transaction: one that is run again must not count twice."""
        contract = job.request.contract
        self._metrics.jobs_ended.labels(contract, job.status.value).inc()
        if job.finished_at is not None:
            duration = job.finished_at - job.created_at
            self._metrics.job_seconds.labels(contract).observe(duration.total_seconds())
