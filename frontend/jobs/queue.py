"""The queue: procrastinate's tasks, written in the transaction of the row they are about.

The first task of a row is written by the statement that inserts the row, the others here.

A task only says that there is work. Rows are the truth: a task that is lost or comes twice does no
harm, because rows are claimed before anything is done and swept for what was forgotten. A task of
a job makes a worker begin the job whose turn it is, which may be another one.
"""

from datetime import datetime

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from frontend.database.queries import Connection
from frontend.jobs.model import Job

GENERATE = "generate"
"""Queue and task: make the sound of the job whose turn it is."""


class Queue:
    """Wakes workers up, now or later."""

    def __init__(self) -> None:
        """Needs no connection of its own: callers bring theirs."""
        self._app = App(connector=PsycopgConnector())

    async def add_job(self, connection: Connection, job: Job, at: datetime | None) -> None:
        """Have one more job begun, at a moment or at once, unless this one's attempt is planned."""
        deferrer = self._app.configure_task(
            GENERATE,
            queue=GENERATE,
            queueing_lock=f"{GENERATE}:{job.id}:{job.attempt}",  # at most one of these waits
            schedule_at=at,
            connection=connection,
        )
        try:
            async with connection.transaction():  # a savepoint: the clash must not undo the rest
                await deferrer.defer_async(row_id=job.id)
        except AlreadyEnqueued:
            return
