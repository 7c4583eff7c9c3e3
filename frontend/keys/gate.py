"""The way in: asks every request for its key and keeps to what the key may do."""

import ipaddress
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import structlog

from frontend.database.connections import make_pool
from frontend.database.database import Database
from frontend.errors import MissingKey, Unauthenticated
from frontend.keys.keyring import Keyring
from frontend.keys.limits import Limiter
from frontend.keys.pepper import pepper_of
from frontend.keys.secrets import pepper_id
from frontend.keys.static import StaticKeys
from frontend.keys.store import KeyStore
from frontend.keys.usage import Usage
from frontend.settings import InvalidSettings, Settings

_PATIENCE_S = 2.0  # with a database that is away: a client's own patience is not much longer
_MAX_CONNECTIONS = 4  # apart from the jobs', so that neither waits for the other

NOBODY = ""
"""The owner of what is asked for without a key."""

_log = structlog.get_logger(__name__)


class Gate(Protocol):
    """Who may enter. `app.state.gate` is one of the three below."""

    async def open(self) -> None:
        """Begin.

        Raises:
            BackendUnavailable: the database cannot be reached.
        """

    async def close(self) -> None:
        """End."""

    def admitted(self, presented: str | None) -> AbstractAsyncContextManager[str]:
        """Let a request in for as long as it is answered; gives the id of its key.

        Raises:
            MissingKey: it shows none.
            Unauthenticated: it shows a wrong one.
            Overloaded: the key's limits have no room.
            BackendUnavailable: the database is needed, and away.
        """

    def count_sound(self, owner: str, seconds: float) -> None:
        """Count a sound for a key."""


class OpenGate:
    """Lets everybody in and looks at no key: clients must often send one, whatever it is."""

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    @asynccontextmanager
    async def admitted(self, presented: str | None) -> AsyncIterator[str]:
        """Admit."""
        yield NOBODY

    def count_sound(self, owner: str, seconds: float) -> None:
        """Forget."""


class StaticGate(OpenGate):
    """Lets in who shows a key of the settings; these have no limits."""

    def __init__(self, keys: StaticKeys) -> None:
        """Keep the keys."""
        self._keys = keys

    @asynccontextmanager
    async def admitted(self, presented: str | None) -> AsyncIterator[str]:
        """Admit by the settings."""
        owner = self._keys.id_of(_required(presented))
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
        pepper = pepper_of(settings.keys)
        self._pepper_id = pepper_id(pepper)
        self._keys = keys
        self._database = database
        self._store = store = KeyStore(database)
        self._ring = Keyring(store.find, pepper, settings.keys.cache_s)
        # A request ends by its timeout; its file is encoded and its visit ended a little later.
        self._limiter = Limiter(store, 2 * settings.timeout_s)
        self._usage = Usage(store)

    async def open(self) -> None:
        """Connect, and tell in the log what would keep everybody out."""
        await self._database.open()
        active = [key for key in await self._store.reports() if key.revoked_at is None]
        n_foreign = sum(key.pepper_id != self._pepper_id for key in active)
        if not active:
            _log.warning("there is no API key yet; make one with `tritone keys create`")
        if n_foreign:
            _log.error("keys were made with another TRITONE_KEYS__PEPPER", keys=n_foreign)
        self._usage.start()

    async def close(self) -> None:
        """Write the usage down and disconnect."""
        await self._usage.stop()
        await self._database.close()

    @asynccontextmanager
    async def admitted(self, presented: str | None) -> AsyncIterator[str]:
        """Admit by the settings, else by the database and the key's limits."""
        text = _required(presented)
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
        """Count a sound that is not a job's: those count themselves."""
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


def keys_are_required(settings: Settings) -> bool:
    """Return whether a request must show a key."""
    if settings.keys.allow_anonymous is not None:
        return not settings.keys.allow_anonymous
    return bool(settings.keys.static) or not _is_loopback(settings.host)


def check_keys(settings: Settings) -> None:
    """Return if keys are not needed, or can be had.

    Raises:
        InvalidSettings: one line with the remedies.
    """
    if settings.keys.static and settings.keys.allow_anonymous:
        raise InvalidSettings(
            "TRITONE_KEYS__ALLOW_ANONYMOUS=true lets everybody in in spite of "
            "TRITONE_KEYS__STATIC; unset one of them"
        )
    has_keys = settings.keys.static or settings.jobs.database_url
    if keys_are_required(settings) and not has_keys:
        raise InvalidSettings(
            f"TRITONE_HOST={settings.host} needs API keys; set TRITONE_KEYS__STATIC, or "
            "TRITONE_JOBS__DATABASE_URL and use `tritone keys create`, or let everybody in with "
            "TRITONE_KEYS__ALLOW_ANONYMOUS=true"
        )


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"  # where any other name leads is not ours to know
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _required(presented: str | None) -> str:
    if presented is None:
        raise MissingKey(
            "An API key is required: send it as `xi-api-key`, `x-api-key` or "
            "`Authorization: Bearer`."
        )
    return presented


def _wrong_key() -> Unauthenticated:
    return Unauthenticated("The API key is not valid.")
