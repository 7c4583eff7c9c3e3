"""Which stored key a request shows, mostly without asking the database."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from frontend.keys.model import Key
from frontend.keys.secrets import KeyParts, digest_secret, fingerprint, is_same, parse_key

_MAX_REMEMBERED = 10_000

Find = Callable[[str], Awaitable[Key | None]]


class Keyring:
    """Verified keys, remembered for some seconds."""

    def __init__(
        self,
        find: Find,
        pepper: bytes,
        cache_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`find` asks the database; `cache_s` is how long its answer counts."""
        self._find = find
        self._pepper = pepper
        self._cache_s = cache_s
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[Key, float]] = OrderedDict()
        self._asked: dict[str, asyncio.Task[Key | None]] = {}

    async def key_of(self, text: str) -> Key | None:
        """Return the key; None: it is unknown, revoked or made up.

        Raises:
            BackendUnavailable: the database is needed, and away.
        """
        presented = parse_key(text)
        if presented is None:
            return None
        key = self._recall(presented.id) or await self._look_up(presented)
        if key is None or not is_same(key.digest, digest_secret(presented.secret, self._pepper)):
            return None
        return key

    def _recall(self, key_id: str) -> Key | None:
        key, until = self._remembered.get(key_id, (None, 0.0))
        return key if self._clock() < until else None

    async def _look_up(self, presented: KeyParts) -> Key | None:
        # Made up: the database is not troubled, nor is a good key forgotten for its sake.
        if not is_same(presented.id, fingerprint(presented.secret, self._pepper)):
            return None
        # Requests that come together ask once; one that leaves does not take the answer along.
        asked = self._asked.get(presented.id)
        if asked is None:
            asked = asyncio.create_task(self._ask(presented.id))
            self._asked[presented.id] = asked
        return await asyncio.shield(asked)

    async def _ask(self, key_id: str) -> Key | None:
        # The time of the question, not of the answer: a revocation in between is not missed.
        until = self._clock() + self._cache_s
        try:
            key = await self._find(key_id)
        finally:
            del self._asked[key_id]
        self._remembered.pop(key_id, None)
        if key is not None:
            self._remembered[key_id] = (key, until)
        if len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)  # the one asked for longest ago
        return key
