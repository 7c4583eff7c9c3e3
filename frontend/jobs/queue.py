"""The queue: procrastinate's tasks, written in the transaction of the row they are about.

The first task of a row is written by the statement that inserts the row, the others here.

A task only says "look at this row". Rows are the truth: a task that is lost or comes twice does no
harm, because rows are claimed before anything is done and swept for what was forgotten.
"""

from datetime import datetime

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from frontend.database.queries import Connection

GENERATE = "generate"
"""Queue and task: make the sound of a job."""

DELIVER = "deliver"
"""Queue and task: try to deliver a webhook. Apart, so that slow receivers delay no sounds."""


class Queue:
    """Wakes workers up, now or later."""

    def __init__(self) -> None:
        """Needs no connection of its own: callers bring theirs."""
        self._app = App(connector=PsycopgConnector())

    async def add_again(
        self, connection: Connection, task: str, row_id: str, at: datetime | None
    ) -> None:
        """Wake a worker for a known row, at a moment or at once, unless that is planned already."""
        deferrer = self._app.configure_task(
            task,
            queue=task,
            queueing_lock=f"{task}:{row_id}",  # at most one waits for a row
            schedule_at=at,
            connection=connection,
        )
        try:
            async with connection.transaction():  # a savepoint: the clash must not undo the rest
                await deferrer.defer_async(row_id=row_id)
        except AlreadyEnqueued:
            return
