"""What makes good for the dead and the old: sweeps over the rows of jobs and their tasks."""

from frontend.database.database import Database
from frontend.database.queries import Connection, Row, execute, fetch
from frontend.errors import GenerationFailed
from frontend.jobs.endings import Endings
from frontend.jobs.model import Job, JobFailure, JobResult, JobStatus
from frontend.jobs.queue import Queue
from frontend.jobs.records import Claim, Ending, Recovered
from frontend.jobs.rows import to_job
from frontend.observe.metrics import Metrics

_RECONNECT_S = 3.0  # that workers may take to find a restarted database
_GAVE_UP = JobFailure(name="GenerationFailed", message=GenerationFailed.default_message)


class JobRecovery:
    """Any number of workers may sweep at once: each row is one's only."""

    def __init__(
        self, database: Database, queue: Queue, endings: Endings, lease_s: float, metrics: Metrics
    ) -> None:
        """Share everything with the store."""
        self._database = database
        self._queue = queue
        self._endings = endings
        self._lease_s = lease_s
        self._metrics = metrics

    async def recover(self, max_attempts: int) -> Recovered:
        """Take jobs from dead workers and wake those that nobody remembers.

        Raises:
            BackendUnavailable: the database is away.
        """

        async def work(connection: Connection) -> tuple[Recovered, list[Job]]:
            async with connection.transaction():
                settled_s = self._lease_s + _RECONNECT_S
                orphans = await fetch(connection, "lock_orphans", settled_s=settled_s)
                taken = [await self._take_back(connection, row, max_attempts) for row in orphans]
                ended = [job for job in taken if job is not None]
                forgotten = await fetch(connection, "lock_forgotten_jobs", grace_s=self._lease_s)
                for row in forgotten:
                    await self._queue.add_job(connection, to_job(row), None)
            n_requeued = len(orphans) - len(ended)
            found = Recovered(requeued=n_requeued, ended=len(ended), forgotten=len(forgotten))
            return found, ended

        found, ended = await self._database.run(work)
        for job in ended:
            self._endings.count(job)
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
            await self._endings.requeue(connection, claim, 0.0, 1)
            return None
        return await self._endings.end(connection, claim, ending)

    async def clear_queue(self, age_s: float) -> None:
        """Forget tasks whose worker has been silent for so long, and owners without jobs.

        Raises:
            BackendUnavailable: the database is away.
        """

        async def work(connection: Connection) -> None:
            await execute(connection, "delete_dead_tasks", age_s=age_s)
            await execute(connection, "forget_idle_owners")

        await self._database.run(work)

    async def purge(self, age_s: float) -> list[JobResult]:
        """Delete some jobs that ended so long ago; return what they had made; none: finished.

        Raises:
            BackendUnavailable: the database is away.
        """

        async def work(connection: Connection) -> list[Row]:
            return await fetch(connection, "delete_old_jobs", age_s=age_s)

        rows = await self._database.run(work)
        return [JobResult.from_json(row["result"]) for row in rows if row["result"] is not None]
