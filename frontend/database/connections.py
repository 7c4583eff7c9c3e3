"""Connections to PostgreSQL: how they are made, kept in a pool, and given up when they hang."""

import asyncio
import logging
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from frontend.database.queries import Connection

Pool = AsyncConnectionPool[Connection]

CONNECT_TIMEOUT_S = 2  # libpq takes whole seconds, from 2 on
_ATTEMPT_S = 1.0  # to get a connection

# The server gives up what nobody waits for any more, and frees the locks of a client that hangs.
_SERVER_OPTIONS = "-c statement_timeout=15s -c idle_in_transaction_session_timeout=15s"
# The kernel gives up a connection to a machine that has vanished.
_TCP = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms
}

# It tells of every failed connection; we tell once per wait.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def make_pool(url: str, max_connections: int, *, durable: bool, min_connections: int = 1) -> Pool:
    """Return a pool that is not open yet; it never has fewer connections than `min_connections`.

    Not durable: a commit may be lost by a crash of the database, and costs no flush of the disk.
    """
    options = _SERVER_OPTIONS if durable else f"{_SERVER_OPTIONS} -c synchronous_commit=off"
    return AsyncConnectionPool(
        url,
        connection_class=psycopg.AsyncConnection[DictRow],
        kwargs={
            "row_factory": dict_row,
            "options": options,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "tritone",
            **_TCP,
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


async def connect(url: str) -> Connection:
    """Return a connection outside any pool, in autocommit mode.

    Raises:
        psycopg.OperationalError: the database is away.
    """
    return await psycopg.AsyncConnection[DictRow].connect(
        url,
        autocommit=True,
        row_factory=dict_row,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name="tritone",
        keepalives_idle=_TCP["keepalives_idle"],
        tcp_user_timeout=_TCP["tcp_user_timeout"],
    )


@contextmanager
def hang_up_after(connection: Connection, timeout_s: float) -> Iterator[None]:
    """End the connection when the block takes longer than `timeout_s`.

    A server that is stopped, or a network that swallows everything, answers nothing at all.
    Cancelling the task would not help: psycopg then asks the server to cancel, and waits for it.
    Once the socket is shut down, whatever waits for the server ends with OperationalError.
    """
    timer = asyncio.get_running_loop().call_later(timeout_s, _shut_down, connection)
    try:
        yield
    finally:
        timer.cancel()


def _shut_down(connection: Connection) -> None:
    if not connection.closed:
        with socket.socket(fileno=socket.dup(connection.fileno())) as line:  # of the same socket
            line.shutdown(socket.SHUT_RDWR)


async def _use_autocommit(connection: Connection) -> None:
    await connection.set_autocommit(True)


async def _check(connection: Connection) -> None:
    # Free for a healthy connection, where the pool's own check asks the server every time: only a
    # connection that has something to say, like its own end, is asked.
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        await AsyncConnectionPool.check_connection(connection)
