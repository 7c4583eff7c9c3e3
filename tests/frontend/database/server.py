"""A real PostgreSQL for tests: one server per process, one database per test."""

import asyncio
import os
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import psycopg

from frontend.database.connections import make_pool
from frontend.database.database import Database
from ops.stack.postgres import EmbeddedPostgres

_MEMORY = Path("/dev/shm")


@contextmanager
def running_server(*, in_memory: bool = True) -> Iterator[EmbeddedPostgres]:
    """Start a server in a folder that it can reach, in memory where speed matters."""
    parent = _MEMORY if in_memory and os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tritone-jobs-", dir=parent) as name:
        Path(name).chmod(0o755)
        with EmbeddedPostgres(Path(name) / "postgres") as server:
            yield server


def new_database(server: EmbeddedPostgres) -> str:
    """Make a database with an up-to-date schema and no rows, and return its URL."""
    return _create(server, f"TEMPLATE {_make_template(server)} STRATEGY FILE_COPY")


def new_empty_database(server: EmbeddedPostgres) -> str:
    """Make a database without a schema and return its URL."""
    return _create(server)


@cache
def _make_template(server: EmbeddedPostgres) -> str:
    """Return the name of a database that is migrated: a copy costs less than a migration."""
    url = new_empty_database(server)

    async def migrate() -> None:
        database = Database(make_pool(url, 1, durable=False), patience_s=20.0)
        await database.open()
        await database.close()

    # Whoever asks may have a loop of its own, and read what its test prints.
    with ThreadPoolExecutor() as thread, redirect_stdout(StringIO()):
        thread.submit(asyncio.run, migrate()).result()
    return url.rpartition("/")[2]


def _create(server: EmbeddedPostgres, options: str = "") -> str:
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {options}".encode())
    return f"{server.url.rpartition('/')[0]}/{name}"
