"""A database of our own, and keys in it."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from frontend.database.connections import make_pool
from frontend.database.database import Database
from frontend.keys.creation import create_key
from frontend.keys.model import KeyLimits
from frontend.keys.store import KeyStore
from ops.stack.postgres import EmbeddedPostgres

PEPPER = b"p" * 32


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedPostgres]:
    # pytest's own temporary folders are private to us; the server runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="tritone-keys-") as name:
        Path(name).chmod(0o755)
        with EmbeddedPostgres(Path(name) / "postgres") as running:
            yield running


@pytest.fixture(scope="session")
def template(cluster: EmbeddedPostgres) -> str:
    """The name of a database with an up-to-date schema: a copy costs less than a migration."""

    async def migrate() -> None:
        database = Database(make_pool(cluster.url, 1, durable=False), patience_s=5.0)
        await database.open()
        await database.close()

    asyncio.run(migrate())
    return "postgres"


@pytest.fixture
def database_url(cluster: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The address of a new database without keys."""
    name = f"test_{secrets.token_hex(6)}"
    other = cluster.url.removesuffix("/postgres") + "/template1"  # nobody may be in the template
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield cluster.url.removesuffix("/postgres") + f"/{name}"
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(make_pool(database_url, 8, durable=True), patience_s=5.0)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def store(database: Database) -> KeyStore:
    return KeyStore(database)


async def make_key(
    store: KeyStore,
    *,
    rate_per_minute: float | None = None,
    burst: int = 1,
    max_in_flight: int | None = None,
) -> str:
    """Return the text of a new key."""
    limits = KeyLimits(rate_per_minute=rate_per_minute, burst=burst, max_in_flight=max_in_flight)
    return await create_key(store, PEPPER, "test", limits)
