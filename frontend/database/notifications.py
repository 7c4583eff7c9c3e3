"""Hearing of what other processes write: LISTEN, on a connection of its own."""

import asyncio
import random
from collections.abc import Callable

import psycopg
import structlog

from frontend.database.connections import connect
from frontend.database.queries import execute

_PAUSE_S = 0.5, 1.5  # between attempts to connect: not all processes at the same moment

_log = structlog.get_logger(__name__)


async def listen(url: str, query: str, on_change: Callable[[str], None]) -> None:
    """Call `on_change` with what every notification says, until cancelled.

    `query` names a LISTEN of ours. What happens while there is no connection goes unheard:
    `on_change` is called, too, with nothing, when one is there again.
    """
    while True:
        try:
            async with await connect(url) as connection:
                await execute(connection, query)
                on_change("")
                async for each in connection.notifies():
                    on_change(each.payload)
        except psycopg.OperationalError as error:
            _log.warning("cannot hear of changes", problem=type(error).__name__)
        await asyncio.sleep(random.uniform(*_PAUSE_S))  # noqa: S311 -- not a secret


async def tell(url: str, query: str, **values: str) -> None:
    """Run a query of ours that notifies others; where the database is away, nobody hears it."""
    try:
        async with await connect(url) as connection:
            await execute(connection, query, **values)
    except psycopg.OperationalError as error:
        _log.warning("cannot tell of changes", problem=type(error).__name__)
