"""A database that is away, or answers nothing at all, is unavailable in time; then it is back."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg
import pytest

from frontend.database.connections import make_pool
from frontend.database.database import Database
from frontend.database.queries import Connection, execute, queries
from frontend.errors import BackendUnavailable
from ops.stack.postgres import EmbeddedPostgres
from tests.frontend.database.server import new_database, running_server

PATIENCE_S = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with running_server() as server:
        yield server


@contextmanager
def stopped(server: EmbeddedPostgres) -> Iterator[None]:
    """Stop every process of a server, as a hung machine does; continue them in the end."""
    postmaster = psutil.Process(server.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


async def one(connection: Connection) -> int:
    cursor = await connection.execute("SELECT 1 AS one")
    row = await cursor.fetchone()
    assert row is not None
    return int(row["one"])


async def test_a_stopped_server_is_unavailable_in_time_and_then_back(
    server: EmbeddedPostgres,
) -> None:
    database = Database(make_pool(new_database(server), 4, durable=True), PATIENCE_S)
    await database.open()
    assert await database.run(one) == 1
    with stopped(server):
        began = time.monotonic()
        outcomes = await asyncio.gather(
            *[database.run(one) for _ in range(12)], return_exceptions=True
        )
        took_s = time.monotonic() - began
        assert all(isinstance(each, BackendUnavailable) for each in outcomes)
        assert took_s < 5 * PATIENCE_S  # one after another, they would take twelve
    async with asyncio.timeout(10):
        while await _is_away(database):
            pass
    await database.close()


async def _is_away(database: Database) -> bool:
    try:
        return await database.run(one) != 1
    except BackendUnavailable:
        return True


async def test_a_caller_that_leaves_a_stopped_server_is_let_go(server: EmbeddedPostgres) -> None:
    database = Database(make_pool(new_database(server), 2, durable=True), PATIENCE_S)
    await database.open()
    with stopped(server):
        leaving = asyncio.create_task(database.run(one))
        await asyncio.sleep(0)
        leaving.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(leaving, return_exceptions=True)
    await database.close()


async def test_what_takes_too_long_is_given_up_by_the_server_too(server: EmbeddedPostgres) -> None:
    url = new_database(server)
    database = Database(make_pool(url, 2, durable=True), PATIENCE_S)
    await database.open()

    async def dawdle(connection: Connection) -> None:
        await connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(BackendUnavailable):
        await database.run(dawdle)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SHOW statement_timeout")
        assert await cursor.fetchone() == ("0",)  # of others, who asked for nothing
    settings = await database.run(_timeouts)
    assert settings == ["15s", "15s"]
    await database.close()


async def _timeouts(connection: Connection) -> list[str]:
    found = []
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        row = await (await connection.execute(f"SHOW {name}".encode())).fetchone()
        assert row is not None
        found.append(str(row[name]))
    return found


async def test_a_wrong_statement_is_not_repeated(server: EmbeddedPostgres) -> None:
    database = Database(make_pool(new_database(server), 2, durable=True), patience_s=60.0)
    await database.open()
    tries = 0

    async def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("SELECT nonsense")

    with pytest.raises(psycopg.errors.UndefinedColumn):
        await database.run(work)
    assert tries == 1
    await database.close()


def test_every_query_has_a_name_of_its_own_and_a_sentence() -> None:
    found = queries()
    assert len(found) > 30
    assert all(text.rstrip().endswith(";") for text in found.values())


async def test_a_query_without_rows_gives_none(server: EmbeddedPostgres) -> None:
    database = Database(make_pool(new_database(server), 2, durable=True), PATIENCE_S)
    await database.open()
    await database.run(lambda connection: execute(connection, "listen_to_jobs"))
    await database.close()
