"""A database with keys in it."""

from collections.abc import AsyncIterator

import pytest

from frontend.database.connections import make_pool
from frontend.database.database import Database
from frontend.keys.creation import create_key
from frontend.keys.model import KeyLimits
from frontend.keys.store import KeyStore

PEPPER = b"p" * 32


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
