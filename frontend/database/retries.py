"""Asking a database again that may be away for a while."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

_PAUSE_S = 0.05, 0.5  # the first one and the longest
_TRANSIENT = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TimeoutError)

T = TypeVar("T")


def is_transient(error: BaseException) -> bool:
    """Return whether an error says that the database is away, not that something is wrong."""
    cause = error.__cause__ if isinstance(error, ConnectorException) else error
    return isinstance(cause, _TRANSIENT)


async def retry(
    attempt: Callable[[], Awaitable[T]],
    deadline: float,
    on_failure: Callable[[Exception], None] | None = None,
) -> T:
    """Return what `attempt` gives; until `deadline`, by `time.monotonic`, try again.

    Raises whatever is not transient at once, else the last error. `on_failure` hears of each
    failure that is followed by another attempt.
    """
    pause_s = _PAUSE_S[0]
    while True:
        try:
            return await attempt()
        except (psycopg.Error, PoolTimeout, ConnectorException, TimeoutError) as error:
            if not is_transient(error) or time.monotonic() + pause_s > deadline:
                raise
            if on_failure is not None:
                on_failure(error)
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 -- not a secret
        pause_s = min(2 * pause_s, _PAUSE_S[1])
