"""Runs what the stores ask for, and has patience with a database that restarts or hangs."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

from frontend.database.connections import Pool, connect, hang_up_after
from frontend.database.queries import Connection, execute, fetch
from frontend.database.retries import is_transient, retry
from frontend.database.schema import migrate
from frontend.errors import BackendUnavailable, CannotStart

_ANSWER_TIMEOUT_S = 10.0  # of one attempt: what takes longer is taken for hung
_SHORTEST_ANSWER_S = 0.5  # whoever waited long for a connection may still use it
_MIGRATION_TIMEOUT_S = 600.0
_TELL_PERIOD_S = 5.0

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]

_log = structlog.get_logger(__name__)


class Database:
    """Runs what the stores ask for; hides that the database may be away for a while."""

    def __init__(self, pool: Pool, patience_s: float) -> None:
        """`patience_s` bounds every wait: for a connection, for an answer, for a restart."""
        self._pool = pool
        self._patience_s = patience_s
        # Whoever waits for a busy pool waits here, in turn: at the pool itself, waiting means that
        # the database is away.
        self._turns = asyncio.Semaphore(pool.max_size)
        self._told_at = -math.inf

    async def open(self) -> None:
        """Connect and bring the schema up to date.

        Raises:
            BackendUnavailable: the database cannot be reached.
        """
        await self._pool.open()
        await self.run(migrate, answer_timeout_s=_MIGRATION_TIMEOUT_S)

    async def close(self) -> None:
        """Disconnect."""
        await self._pool.close()

    async def on_every_connection(self, work: Work[None]) -> None:
        """Open all connections that there may be, and do `work` on each.

        Raises:
            BackendUnavailable: the database is away for too long.
        """

        async def hold_all(connection: Connection) -> None:
            async with AsyncExitStack() as held:
                others = [
                    await held.enter_async_context(self._pool.connection())
                    for _ in range(1, self._pool.max_size)
                ]
                for each in (connection, *others):
                    await work(each)

        await self.run(hold_all)

    async def run(self, work: Work[T], *, answer_timeout_s: float | None = None) -> T:
        """Return what `work` gives; it is run again when the connection is lost under it.

        `work` must therefore be safe to repeat even where its commit went through unheard.
        `answer_timeout_s` bounds one attempt, where it may take longer than our patience.

        Raises:
            BackendUnavailable: the database is away for too long.
        """
        deadline = time.monotonic() + self._patience_s

        async def attempt() -> T:
            async with self._connection(deadline) as connection:
                left_s = max(_SHORTEST_ANSWER_S, deadline - time.monotonic())
                with hang_up_after(connection, answer_timeout_s or min(left_s, _ANSWER_TIMEOUT_S)):
                    return await work(connection)

        try:
            return await retry(attempt, deadline, self._tell)
        except (psycopg.Error, PoolTimeout, ConnectorException, TimeoutError) as error:
            if not is_transient(error):
                raise
            raise BackendUnavailable(
                "Jobs cannot be accepted or looked up right now; try again later."
            ) from error

    @asynccontextmanager
    async def _connection(self, deadline: float) -> AsyncIterator[Connection]:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await self._turns.acquire()
        try:
            left_s = max(_SHORTEST_ANSWER_S, deadline - time.monotonic())
            async with self._pool.connection(timeout=min(self._pool.timeout, left_s)) as connection:
                yield connection
        finally:
            self._turns.release()

    def _tell(self, error: Exception) -> None:
        if time.monotonic() - self._told_at > _TELL_PERIOD_S:
            self._told_at = time.monotonic()
            _log.warning("job database is away", problem=type(error).__name__)

    async def secret(self, name: str, fresh: bytes) -> bytes:
        """Return the secret of this name that all processes share, made the first time.

        Raises:
            BackendUnavailable: the database is away for too long.
        """

        async def keep(connection: Connection) -> bytes:
            await execute(connection, "keep_secret", name=name, value=fresh)
            rows = await fetch(connection, "read_secret", name=name)
            return bytes(rows[0]["value"])

        return await self.run(keep)


class DatabaseAway(CannotStart):
    """The database does not answer; the message is one line with the remedy, and no password."""


async def wait_for_database(url: str, patience_s: float) -> None:
    """Return as soon as the database answers.

    Raises:
        DatabaseAway: it does not, for `patience_s`.
    """
    is_told = False

    def tell(error: Exception) -> None:
        nonlocal is_told
        if not is_told:
            _log.warning("waiting for the job database", problem=type(error).__name__)
        is_told = True

    async def attempt() -> None:
        await (await connect(url)).close()

    try:
        await retry(attempt, time.monotonic() + patience_s, tell)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise DatabaseAway(
            f"the job database cannot be used: {reason}; start it, or correct "
            "TRITONE_JOBS__DATABASE_URL"
        ) from error
