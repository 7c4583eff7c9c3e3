"""A real PostgreSQL for tests: one server per session, one database per test."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

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
    """Make an empty database and return its URL."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{server.url.rpartition('/')[0]}/{name}"
