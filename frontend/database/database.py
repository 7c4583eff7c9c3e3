"""The connections to PostgreSQL, the schema, and patience with a database that restarts."""

import asyncio
import logging
import math
import random
import select
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.schema import SchemaManager
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from frontend.database.sql import migrations, queries
from frontend.errors import BackendUnavailable

Connection = psycopg.AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

_QUEUE_SCHEMA = "0000_procrastinate_3_10"
_RETRY_S = 0.05, 0.5  # the first pause and the longest
_CONNECT_TIMEOUT_S = 5
_ATTEMPT_S = 1.0  # to get a connection


_TELL_PERIOD_S = 5.0
_PASSING = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TimeoutError)

T = TypeVar("T")

_log = structlog.get_logger(__name__)
# It tells of every failed connection; we tell once per wait.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def make_pool(url: str, max_connections: int, *, durable: bool, min_connections: int = 1) -> Pool:
    """Return a pool that is not open yet; it never has fewer connections than `min_connections`.

    Not durable: a commit may be lost by a crash of the database, and costs no flush of the disk.
    """
    options = "" if durable else "-c synchronous_commit=off"
    return AsyncConnectionPool(
        url,
        connection_class=psycopg.AsyncConnection[DictRow],
        kwargs={
            "row_factory": dict_row,
            "options": options,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "tritone",
        },
        min_size=min_connections,
        max_size=max_connections,
        # We ask again ourselves, and soon: the pool's own pauses would grow beyond a lease.
        timeout=_ATTEMPT_S,
        reconnect_timeout=0.0,
        # Set here and not in `kwargs`: procrastinate adds its own `autocommit` to those.
        configure=_use_autocommit,
        check=_check,
        open=False,
    )


async def _use_autocommit(connection: Connection) -> None:
    await connection.set_autocommit(True)


async def _check(connection: Connection) -> None:
    # Free for a healthy connection, where the pool's own check asks the server every time: only a
    # connection that has something to say, like its own end, is asked.
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        await AsyncConnectionPool.check_connection(connection)


class Database:
    """Runs what the stores ask for; hides that the database may be away for a while."""

    def __init__(self, pool: Pool, patience_s: float) -> None:
        """`patience_s` bounds the wait for a database that is away."""
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
        await self.run(_migrate)

    async def on_every_connection(self, work: Callable[[Connection], Awaitable[None]]) -> None:
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

    async def close(self) -> None:
        """Disconnect."""
        await self._pool.close()

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Return what `work` gives; it is run again when the connection is lost under it.

        `work` must therefore be safe to repeat even where its commit went through unheard.

        Raises:
            BackendUnavailable: the database is away for too long.
        """
        deadline = time.monotonic() + self._patience_s
        pause = _RETRY_S[0]
        while True:
            try:
                async with self._connection(deadline) as connection:
                    return await work(connection)
            except (psycopg.Error, PoolTimeout, ConnectorException, TimeoutError) as error:
                if not is_passing(error):
                    raise
                if time.monotonic() + pause > deadline:
                    raise BackendUnavailable(
                        "Jobs cannot be accepted or looked up right now; try again later."
                    ) from error
                self._tell(error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- not a secret
            pause = min(2 * pause, _RETRY_S[1])

    @asynccontextmanager
    async def _connection(self, deadline: float) -> AsyncIterator[Connection]:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await self._turns.acquire()
        try:
            async with self._pool.connection() as connection:
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


class DatabaseAway(ConnectionError):
    """The database does not answer; the message is one line with the remedy, and no password."""


async def wait_for_database(url: str, patience_s: float) -> None:
    """Return as soon as the database answers.

    Raises:
        DatabaseAway: it does not, for `patience_s`.
    """
    deadline = time.monotonic() + patience_s
    is_told = False
    while True:
        try:
            found = await psycopg.AsyncConnection.connect(url, connect_timeout=_CONNECT_TIMEOUT_S)
        except psycopg.Error as error:
            if time.monotonic() > deadline:
                reason = " ".join(str(error).split())
                raise DatabaseAway(
                    f"the job database cannot be used: {reason}; start it, or correct "
                    "TRITONE_JOBS__DATABASE_URL"
                ) from error
            if not is_told:
                _log.warning("waiting for the job database", problem=type(error).__name__)
                is_told = True
            await asyncio.sleep(_RETRY_S[1])
        else:
            await found.close()
            return


def is_passing(error: BaseException) -> bool:
    """Return whether an error says that the database is away, not that something is wrong."""
    cause = error.__cause__ if isinstance(error, ConnectorException) else error
    return isinstance(cause, _PASSING)


async def fetch(connection: Connection, name: str, /, **values: object) -> list[DictRow]:
    """Return the rows of a query of ours."""
    cursor = await connection.execute(queries()[name], values)
    return await cursor.fetchall()


async def fetch_one(connection: Connection, name: str, /, **values: object) -> DictRow | None:
    """Return the first row of a query of ours, or None."""
    cursor = await connection.execute(queries()[name], values)
    return await cursor.fetchone()


async def execute(connection: Connection, name: str, /, **values: object) -> None:
    """Run a query of ours that gives no rows."""
    await connection.execute(queries()[name], values)


def steps() -> Mapping[str, str]:
    """Return every migration, the queue's schema first."""
    return {_QUEUE_SCHEMA: SchemaManager.get_schema(), **migrations()}


async def _migrate(connection: Connection) -> None:
    async with connection.transaction():
        await execute(connection, "lock_migrations")
        await execute(connection, "create_migrations")
        applied = {row["name"] for row in await fetch(connection, "applied_migrations")}
        for name, statements in steps().items():
            if name not in applied:
                # Without parameters, so that psycopg leaves the percent signs alone.
                await connection.execute(statements.encode())
                await execute(connection, "record_migration", name=name)
                _log.info("migrated the job database", migration=name)
