"""Procrastinate's connection to a database that may restart under it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, LiteralString, TypeVar

import psycopg
import structlog
from procrastinate import PsycopgConnector
from procrastinate.connector import LISTEN_TIMEOUT, Notify
from procrastinate.exceptions import ConnectorException

from frontend.database.retries import retry

_PATIENCE_S = 30.0
_LISTEN_PAUSE_S = 0.3
_LOOK = '{"type": "job_inserted", "job_id": 0}'  # a worker that hears this looks for jobs

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class PatientConnector(PsycopgConnector):
    """Asks again where procrastinate's worker would end at the first lost connection.

    A repeated fetch may leave a task with this worker that it never saw; the sweep finds its row.
    """

    async def execute_query_async(self, query: LiteralString, **arguments: object) -> None:
        """See procrastinate."""
        await _run(partial(super().execute_query_async, query, **arguments))

    async def execute_query_one_async(
        self, query: LiteralString, **arguments: object
    ) -> dict[str, Any]:
        """See procrastinate."""
        return await _run(partial(super().execute_query_one_async, query, **arguments))

    async def execute_query_all_async(
        self, query: LiteralString, **arguments: object
    ) -> list[dict[str, Any]]:
        """See procrastinate."""
        return await _run(partial(super().execute_query_all_async, query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """See procrastinate; until cancelled. Without notifications, workers still poll."""
        names = list(channels)
        while True:
            try:
                await super().listen_notify(on_notification, names)
            except ConnectorException as error:
                _log.warning("cannot listen for jobs", problem=type(error.__cause__).__name__)
            await asyncio.sleep(_LISTEN_PAUSE_S)

    async def _loop_notify(
        self,
        on_notification: Notify,
        connection: psycopg.AsyncConnection,
        timeout: float = LISTEN_TIMEOUT,  # noqa: ASYNC109 -- procrastinate's
    ) -> None:
        # Jobs that came between the worker's last look and LISTEN went unheard.
        await on_notification(channel="", payload=_LOOK)
        await super()._loop_notify(on_notification, connection, timeout)


async def _run(query: Callable[[], Awaitable[T]]) -> T:
    return await retry(query, time.monotonic() + _PATIENCE_S)
