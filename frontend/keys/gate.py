"""The way in: asks every request for its key and applies the key's limits."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import structlog

from frontend.database.connections import make_pool
from frontend.database.database import Database
from frontend.errors import MissingKey, Unauthenticated
from frontend.keys.keyring import Keyring
from frontend.keys.limits import Limiter
from frontend.keys.pepper import load_pepper
from frontend.keys.policy import keys_are_required
from frontend.keys.secrets import pepper_id
from frontend.keys.static import StaticKeys
from frontend.keys.store import KeyStore
from frontend.keys.usage import Usage
from frontend.settings import Settings

_PATIENCE_S = 1.5  # with a database that is away: a client's own patience is not much longer
_MAX_CONNECTIONS = 4  # apart from the jobs', so that neither waits for the other

NOBODY = ""
"""The owner of what is asked for without a key."""

_log = structlog.get_logger(__name__)


class Gate(Protocol):
    """Who may enter. `app.state.gate` is one of the three classes below."""

    async def open(self) -> None:
        """Connect to what is needed.

        Raises:
            BackendUnavailable: the database cannot be reached.
        """

    async def close(self) -> None:
        """Write down what is not written yet, and disconnect."""

    def admit(self, presented: str | None) -> AbstractAsyncContextManager[str]:
        """Let a request in for as long as it is answered; give the id of its key.

        Raises:
            MissingKey: it shows none.
            Unauthenticated: it shows a wrong one.
            Overloaded: the key's limits have no room.
            BackendUnavailable: the database is needed, and away.
        """

    def count_sound(self, owner: str, seconds: float) -> None:
        """Add a sound's length to the usage of its key."""


class OpenGate:
    """Lets everybody in. A key that a client sends is not looked at."""

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    @asynccontextmanager
    async def admit(self, presented: str | None) -> AsyncIterator[str]:
        """Let in without a look at the key."""
        yield NOBODY

    def count_sound(self, owner: str, seconds: float) -> None:
        """Count nothing: there is no key to count for."""


class StaticGate(OpenGate):
    """Lets in who shows a key of the settings. Those keys have no limits."""

    def __init__(self, keys: StaticKeys) -> None:
        """`keys` are compared with what each request shows."""
        self._keys = keys

    @asynccontextmanager
    async def admit(self, presented: str | None) -> AsyncIterator[str]:
        """Let in who shows a key of the settings."""
        owner = self._keys.id_of(_require(presented))
        if owner is None:
            raise _wrong_key()
        yield owner


class DatabaseGate:
    """Lets in who shows a key of the settings or of the database."""

    def __init__(self, keys: StaticKeys, database: Database, settings: Settings) -> None:
        """Open nothing yet, but make the pepper the first time.

        Raises:
            InvalidSettings: there is no pepper, and none can be made.
        """
        pepper = load_pepper(settings.keys)
        self._pepper_id = pepper_id(pepper)
        self._keys = keys
        self._database = database
        self._store = store = KeyStore(database)
        self._ring = Keyring(store.find, pepper, settings.keys.cache_s)
        # A request ends by its timeout; its file is encoded and its visit ended a little later.
        self._limiter = Limiter(store, 2 * settings.timeout_s)
        self._usage = Usage(store)

    async def open(self) -> None:
        """Connect; log what would keep everybody out."""
        await self._database.open()
        active = [key for key in await self._store.reports() if key.revoked_at is None]
        n_foreign = sum(key.pepper_id != self._pepper_id for key in active)
        if not active:
            _log.warning("there is no API key yet; make one with `tritone keys create`")
        if n_foreign:
            _log.error("keys were made with another TRITONE_KEYS__PEPPER", keys=n_foreign)
        await self._store.forget_usage_writers()
        self._usage.start()

    async def close(self) -> None:
        """Write the usage down and disconnect."""
        await self._usage.stop()
        await self._database.close()

    @asynccontextmanager
    async def admit(self, presented: str | None) -> AsyncIterator[str]:
        """Let in by the keys of the settings, else by those of the database and their limits."""
        text = _require(presented)
        owner = self._keys.id_of(text)
        if owner is not None:
            yield owner
            return
        key = await self._ring.key_of(text)
        if key is None:
            raise _wrong_key()
        async with self._limiter.visit(key):
            self._usage.add(key.id, requests=1)
            yield key.id

    def count_sound(self, owner: str, seconds: float) -> None:
        """Count a sound of a request; the database counts the sounds of jobs."""
        self._usage.add(owner, sound_seconds=seconds)


def make_gate(settings: Settings) -> Gate:
    """Return the gate that the settings ask for.

    Raises:
        InvalidSettings: there is no pepper, and none can be made.
    """
    if not keys_are_required(settings):
        return OpenGate()
    keys = StaticKeys(settings.keys.static)
    if settings.jobs.database_url is None:
        return StaticGate(keys)
    url = settings.jobs.database_url.get_secret_value()
    pool = make_pool(url, _MAX_CONNECTIONS, durable=True)
    return DatabaseGate(keys, Database(pool, _PATIENCE_S), settings)


def _require(presented: str | None) -> str:
    if presented is None:
        raise MissingKey(
            "An API key is required: send it as `xi-api-key`, `x-api-key` or "
            "`Authorization: Bearer`."
        )
    return presented


def _wrong_key() -> Unauthenticated:
    return Unauthenticated("The API key is not valid.")
