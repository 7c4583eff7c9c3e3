"""Where jobs are kept. With `deliveries` the only place that reads and writes rows."""

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence

from frontend.database.database import Database
from frontend.database.queries import Connection, Row, execute, fetch, fetch_one
from frontend.errors import JobNotFound
from frontend.jobs.deliveries import add_delivery
from frontend.jobs.errors import JobConflict
from frontend.jobs.model import Job, JobFailure, JobRequest, JobResult, JobStatus
from frontend.jobs.queue import GENERATE, Queue
from frontend.jobs.records import (
    Claim,
    Ending,
    Heartbeat,
    JobCounts,
    JobFilter,
    Load,
    Recovered,
)
from frontend.jobs.rows import insert_values, to_job
from frontend.observe.metrics import Metrics
from frontend.sounds.request import GenerationRequest
from frontend.webhooks.model import Announcement

Announce = Callable[[Job], Awaitable[Announcement | None]]
"""What to tell whom about an ended job; None: nobody asked."""

_RECONNECT_S = 3.0  # that workers may take to find a restarted database
_GAVE_UP = JobFailure(name="GenerationFailed", message="The sound could not be made.")


class JobStore:
    """Jobs that survive everything but the loss of the disk. Every method may be repeated."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        announce: Announce,
        lease_s: float,
        metrics: Metrics,
    ) -> None:
        """`announce` runs inside the transaction that ends a job: it must not wait for anybody."""
        self._database = database
        self._queue = queue
        self._announce = announce
        self._lease_s = lease_s
        self._metrics = metrics

    async def insert(self, job_id: str, request: JobRequest, traceparent: str | None = None) -> Job:
        """Accept a job, with its first task; a known idempotency key gives the earlier job.

        `traceparent`: W3C trace context that the job's own spans shall continue.

        Raises:
            JobConflict: the key belongs to another request.
        """
        values = insert_values(job_id, request) | {"traceparent": traceparent}

        async def work(connection: Connection) -> Row | None:
            accepted = await fetch_one(connection, "insert_job", **values)
            return accepted or await fetch_one(connection, "find_repeated_job", **values)

        row = None
        while row is None:  # the job that was met may be deleted meanwhile
            row = await self._database.run(work)
        if bytes(row["digest"]) != values["digest"]:
            raise JobConflict(
                "The idempotency key was used for another request.", field="Idempotency-Key"
            )
        return to_job(row)

    async def warm_up(self) -> None:
        """Accept a job on every connection, and undo it.

        Connecting and the first acceptance take 12 ms, each further one on a connection 1.2 ms:
        the first clients shall not wait for that.

        Raises:
            BackendUnavailable: the database is away for too long.
        """
        request = JobRequest(sound=GenerationRequest(prompt="x"), contract="", formats=())
        values = insert_values(str(uuid.uuid4()), request) | {"traceparent": None}

        async def work(connection: Connection) -> None:
            async with connection.transaction(force_rollback=True):
                await fetch_one(connection, "insert_job", **values)
            await fetch_one(connection, "load")

        await self._database.on_every_connection(work)

    async def get(self, job_id: str, owner: str | None) -> Job:
        """Return a job with its queue position.

        Raises:
            JobNotFound: there is none of this owner; None: any owner.
        """

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(connection, "get_job", id=job_id, owner=owner)

        return to_job(_found(await self._database.run(work) if _is_id(job_id) else None))

    async def page(self, which: JobFilter, after: int | None, limit: int) -> list[Job]:
        """Return jobs beyond the one numbered `after`."""
        name = "list_jobs_oldest_first" if which.oldest_first else "list_jobs"
        values = {
            "owner": which.owner,
            "contract": which.contract,
            "statuses": None if which.statuses is None else list(which.statuses),
            "labels": json.dumps(dict(which.labels)),
            "created_from": which.created_from,
            "created_until": which.created_until,
            "after": after,
            "limit": limit,
        }

        async def work(connection: Connection) -> list[Row]:
            return await fetch(connection, name, **values)

        return [to_job(row) for row in await self._database.run(work)]

    async def claim(self, claim: Claim, worker: str) -> Job | None:
        """Begin an attempt; None: somebody else did, or the job is over."""

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(
                connection,
                "claim_job",
                id=claim.job_id,
                claim_id=claim.claim_id,
                worker=worker,
                lease_s=self._lease_s,
            )

        row = await self._database.run(work)
        return None if row is None else to_job(row)

    async def renew(self, heartbeats: Sequence[Heartbeat]) -> dict[str, bool]:
        """Note signs of life; return, for each job still ours, whether it is to be cancelled."""

        async def work(connection: Connection) -> list[Row]:
            return await fetch(
                connection,
                "renew_leases",
                lease_s=self._lease_s,
                claim_ids=[heartbeat.claim.claim_id for heartbeat in heartbeats],
                ids=[heartbeat.claim.job_id for heartbeat in heartbeats],
                steps_done=[heartbeat.steps_done for heartbeat in heartbeats],
                steps=[heartbeat.steps for heartbeat in heartbeats],
            )

        rows = await self._database.run(work)
        return {str(row["id"]): row["cancel_requested"] for row in rows}

    async def end(self, claim: Claim, ending: Ending) -> Job | None:
        """End a job and owe its webhook, in one transaction; None: the job is not ours any more."""

        async def work(connection: Connection) -> Job | None:
            async with connection.transaction():
                return await self._end(connection, claim, ending)

        job = await self._database.run(work)
        if job is not None:
            self._count(job)
        return job

    def _count(self, job: Job) -> None:
        # After the transaction: one that is run again must not count twice.
        contract = job.request.contract
        self._metrics.jobs_ended.labels(contract, job.status.value).inc()
        if job.finished_at is not None:
            duration = job.finished_at - job.created_at
            self._metrics.job_seconds.labels(contract).observe(duration.total_seconds())

    async def _end(self, connection: Connection, claim: Claim, ending: Ending) -> Job | None:
        row = await fetch_one(
            connection,
            "end_running_job",
            id=claim.job_id,
            claim_id=claim.claim_id,
            status=ending.status,
            result=ending.result.to_json() if ending.result is not None else None,
            error=ending.failure.to_json() if ending.failure is not None else None,
        )
        return None if row is None else await self._announced(connection, row)

    async def _announced(self, connection: Connection, row: Row) -> Job:
        job = to_job(row)
        announcement = await self._announce(job)
        if announcement is not None:
            await add_delivery(connection, job.id, announcement)
        return job

    async def requeue(self, claim: Claim, delay_s: float, strikes: int) -> Job | None:
        """Put a job back with its next task; None: the job is not ours any more."""

        async def work(connection: Connection) -> Job | None:
            async with connection.transaction():
                return await self._requeue(connection, claim, delay_s, strikes)

        return await self._database.run(work)

    async def _requeue(
        self, connection: Connection, claim: Claim, delay_s: float, strikes: int
    ) -> Job | None:
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
        at = row["not_before"] if delay_s else None
        await self._queue.add_again(connection, GENERATE, claim.job_id, at)
        return to_job(row)

    async def cancel(self, job_id: str, owner: str | None) -> Job:
        """End a queued job, ask the worker of a running one to stop, leave an ended one.

        Raises:
            JobNotFound: there is none of this owner; None: any owner.
        """

        async def work(connection: Connection) -> Row | Job | None:
            async with connection.transaction():
                values = {"id": job_id, "owner": owner}
                row = await fetch_one(connection, "cancel_queued_job", **values)
                if row is not None:
                    return await self._announced(connection, row)
                asked = await fetch_one(connection, "request_cancel", **values)
                return asked or await fetch_one(connection, "get_job", **values)

        found = await self._database.run(work) if _is_id(job_id) else None
        if isinstance(found, Job):
            self._count(found)
            return found
        return to_job(_found(found))

    async def delete(self, job_id: str, owner: str | None) -> None:
        """Forget a job that is over; its files are the caller's to delete.

        Raises:
            JobNotFound: there is none of this owner that is over; None: any owner.
        """

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(connection, "delete_job", id=job_id, owner=owner)

        _found(await self._database.run(work) if _is_id(job_id) else None)

    async def recover(self, max_attempts: int) -> Recovered:
        """Take jobs from dead workers and wake those that nobody remembers."""

        async def work(connection: Connection) -> tuple[Recovered, list[Job]]:
            async with connection.transaction():
                settled_s = self._lease_s + _RECONNECT_S
                orphans = await fetch(connection, "lock_orphans", settled_s=settled_s)
                taken = [await self._take_back(connection, row, max_attempts) for row in orphans]
                ended = [job for job in taken if job is not None]
                forgotten = await fetch(connection, "lock_forgotten_jobs", grace_s=self._lease_s)
                for row in forgotten:
                    await self._queue.add_again(connection, GENERATE, str(row["id"]), None)
            n_requeued = len(orphans) - len(ended)
            found = Recovered(requeued=n_requeued, ended=len(ended), forgotten=len(forgotten))
            return found, ended

        found, ended = await self._database.run(work)
        for job in ended:
            self._count(job)
        self._metrics.jobs_requeued.labels("worker_died").inc(found.requeued)
        return found

    async def _take_back(self, connection: Connection, row: Row, max_attempts: int) -> Job | None:
        """Requeue the job of a dead worker, or end and return it."""
        claim = Claim(job_id=str(row["id"]), claim_id=str(row["claim_id"]))
        if row["cancel_requested"]:
            ending = Ending(status=JobStatus.CANCELLED)
        elif row["strikes"] + 1 >= max_attempts:
            ending = Ending(status=JobStatus.ERROR, failure=_GAVE_UP)
        else:
            await self._requeue(connection, claim, 0.0, 1)
            return None
        return await self._end(connection, claim, ending)

    async def load(self) -> Load:
        """Return how busy the workers are."""

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(connection, "load")

        return Load(**_found(await self._database.run(work)))

    async def count_jobs(self) -> JobCounts:
        """Return what the metrics tell of the database."""

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(connection, "count_jobs", lease_s=self._lease_s)

        return JobCounts(**_found(await self._database.run(work)))

    async def purge(self, age_s: float) -> list[JobResult]:
        """Delete some jobs that ended so long ago; return what they had made; none: finished."""

        async def work(connection: Connection) -> list[Row]:
            return await fetch(connection, "delete_old_jobs", age_s=age_s)

        rows = await self._database.run(work)
        return [JobResult.from_json(row["result"]) for row in rows if row["result"] is not None]

    async def delete_dead_tasks(self, age_s: float) -> None:
        """Forget tasks whose worker has been silent for so long."""

        async def work(connection: Connection) -> None:
            await execute(connection, "delete_dead_tasks", age_s=age_s)

        await self._database.run(work)


def _found(row: Row | None) -> Row:
    if row is None:
        raise JobNotFound("There is no such job.")
    return row


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
