"""The queue: procrastinate's tasks, written in the transaction of the row they are about.

A task only says "look at this row". Rows are the truth: a task that is lost or comes twice does no
harm, because rows are claimed before anything is done and swept for what was forgotten.
"""

from datetime import datetime

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from frontend.jobs.database import Connection

GENERATE = "generate"
"""Queue and task: make the sound of a job."""

DELIVER = "deliver"
"""Queue and task: try to deliver a webhook. Apart, so that slow receivers delay no sounds."""


class Queue:
    """Wakes workers up, now or later."""

    def __init__(self) -> None:
        """Needs no connection of its own: callers bring theirs."""
        self._app = App(connector=PsycopgConnector())

    async def add(self, connection: Connection, task: str, row_id: str) -> None:
        """Wake a worker for a new row when the transaction commits."""
        await self._defer(connection, task, row_id, None)

    async def add_again(
        self, connection: Connection, task: str, row_id: str, at: datetime | None
    ) -> None:
        """Wake a worker for a known row, at a moment or at once, unless that is planned already."""
        try:
            async with connection.transaction():  # a savepoint: the clash must not undo the rest
                await self._defer(connection, task, row_id, at)
        except AlreadyEnqueued:
            return

    async def _defer(
        self, connection: Connection, task: str, row_id: str, at: datetime | None
    ) -> None:
        deferrer = self._app.configure_task(
            task,
            queue=task,
            queueing_lock=f"{task}:{row_id}",  # at most one waits for a row
            schedule_at=at,
            connection=connection,
        )
        await deferrer.defer_async(row_id=row_id)
