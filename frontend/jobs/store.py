"""Where jobs are kept. With `deliveries` the only place that reads and writes rows."""

import json
import uuid
from collections.abc import Sequence

from frontend.database.database import Database
from frontend.database.queries import Connection, Row, fetch, fetch_one
from frontend.errors import JobNotFound
from frontend.jobs.endings import Endings
from frontend.jobs.errors import JobConflict
from frontend.jobs.model import Job, JobRequest
from frontend.jobs.records import (
    Claim,
    Ending,
    Heartbeat,
    JobCounts,
    JobFilter,
    Load,
    Submission,
)
from frontend.jobs.rows import to_job, to_values
from frontend.sounds.request import GenerationRequest


class JobStore:
    """Jobs that survive everything but the loss of the disk. Every method may be repeated."""

    def __init__(self, database: Database, endings: Endings, lease_s: float) -> None:
        """`lease_s`: how long a claim is good without a heartbeat."""
        self._database = database
        self._endings = endings
        self._lease_s = lease_s

    async def insert(self, job_id: str, submission: Submission) -> Job:
        """Accept a job, with its first task; a known idempotency key gives the earlier job.

        Raises:
            JobConflict: the key belongs to another request.
        """
        values = to_values(job_id, submission)

        async def work(connection: Connection) -> Row | None:
            accepted = await fetch_one(connection, "insert_job", **values)
            return accepted or await fetch_one(connection, "find_repeated_job", **values)

        row = None
        while row is None:  # the job that was met may be deleted meanwhile
            row = await self._database.run(work)
        return _check_digest(row, submission.digest)

    async def find_repeated(self, owner: str, idempotency_key: str, digest: bytes) -> Job | None:
        """Return the job that an idempotency key was accepted for, if it was.

        Raises:
            JobConflict: it was accepted for another request.
        """
        values = {"id": None, "owner": owner, "idempotency_key": idempotency_key}

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(connection, "find_repeated_job", **values)

        row = await self._database.run(work)
        return None if row is None else _check_digest(row, digest)

    async def warm_up(self) -> None:
        """Accept a job on every connection, and undo it.

        Connecting and the first acceptance take 12 ms, each further one on a connection 1.2 ms:
        the first clients shall not wait for that.

        Raises:
            BackendUnavailable: the database is away for too long.
        """
        request = JobRequest(wanted=GenerationRequest(prompt="x"), contract="", formats=())
        values = to_values(str(uuid.uuid4()), Submission(request=request))

        async def work(connection: Connection) -> None:
            async with connection.transaction(force_rollback=True):
                await fetch_one(connection, "insert_job", **values)
            await fetch_one(connection, "load")

        await self._database.on_every_connection(work)

    async def get(self, job_id: str, owner: str | None) -> Job:
        """Return a job.

        Raises:
            JobNotFound: there is none of this owner; None: any owner.
        """

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(connection, "get_job", id=job_id, owner=owner)

        return to_job(_require(await self._database.run(work) if _is_id(job_id) else None))

    async def get_changed(self, jobs: Sequence[Job]) -> dict[str, Job | None]:
        """Return those that differ from these snapshots, by their ids; None: it is gone."""

        async def work(connection: Connection) -> list[Row]:
            return await fetch(
                connection,
                "list_changed_jobs",
                ids=[job.id for job in jobs],
                updated_at=[job.updated_at for job in jobs],
            )

        rows = await self._database.run(work)
        return {str(row["seen_id"]): to_job(row) if row["id"] else None for row in rows}

    async def get_positions(self, job_ids: Sequence[str]) -> dict[str, int]:
        """Return how many jobs come before each of these in the queue; not queued: left out."""

        async def work(connection: Connection) -> list[Row]:
            return await fetch(connection, "queue_positions", ids=list(job_ids))

        return {str(row["id"]): row["position"] for row in await self._database.run(work)}

    async def page(self, which: JobFilter, after: int | None, limit: int) -> list[Job]:
        """Return jobs beyond the one numbered `after`; of a long text they have the beginning."""
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

    async def claim_next(self, claim_id: str, worker: str) -> Job | None:
        """Begin an attempt at the job whose turn it is; None: none is due."""

        async def work(connection: Connection) -> Row | None:
            values = {"claim_id": claim_id, "worker": worker, "lease_s": self._lease_s}
            return await fetch_one(connection, "claim_next_job", **values)

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
                return await self._endings.end(connection, claim, ending)

        job = await self._database.run(work)
        if job is not None:
            self._endings.count(job)
        return job

    async def requeue(self, claim: Claim, delay_s: float, strikes: int) -> Job | None:
        """Put a job back with its next task; None: the job is not ours any more."""

        async def work(connection: Connection) -> Job | None:
            async with connection.transaction():
                return await self._endings.requeue(connection, claim, delay_s, strikes)

        return await self._database.run(work)

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
                    return await self._endings.announce(connection, row)
                asked = await fetch_one(connection, "request_cancel", **values)
                return asked or await fetch_one(connection, "get_job", **values)

        found = await self._database.run(work) if _is_id(job_id) else None
        if isinstance(found, Job):
            self._endings.count(found)
            return found
        return to_job(_require(found))

    async def delete(self, job_id: str, owner: str | None) -> None:
        """Forget a job that is over; its files are the caller's to delete.

        Raises:
            JobNotFound: there is none of this owner that is over; None: any owner.
        """
        row: Row | None = None

        async def work(connection: Connection) -> None:
            nonlocal row  # run again, it misses what its first run may have deleted
            row = await fetch_one(connection, "delete_job", id=job_id, owner=owner) or row

        if _is_id(job_id):
            await self._database.run(work)
        _require(row)

    async def load(self) -> Load:
        """Return how busy the workers are."""

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(connection, "load")

        return Load(**_require(await self._database.run(work)))

    async def count_jobs(self) -> JobCounts:
        """Return what the metrics tell of the database."""

        async def work(connection: Connection) -> Row | None:
            return await fetch_one(connection, "count_jobs", lease_s=self._lease_s)

        return JobCounts(**_require(await self._database.run(work)))


def _check_digest(row: Row, digest: bytes) -> Job:
    # An empty digest is of a job that an earlier release accepted.
    if bytes(row["digest"]) not in (b"", digest):
        raise JobConflict(
            "The idempotency key was used for another request.", field="Idempotency-Key"
        )
    return to_job(row)


def _require(row: Row | None) -> Row:
    if row is None:
        raise JobNotFound("There is no such job.")
    return row


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
