"""How often and how much at once a key may ask, counted over all frontends."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from frontend.errors import BackendUnavailable, Overloaded, RateLimited, TooManyAtOnce
from frontend.keys.model import Key, Verdict
from frontend.keys.store import KeyStore

_RETRY_S = 1.0  # how long the others take is not known

_log = structlog.get_logger(__name__)


class Limiter:
    """Lets requests in by their keys' limits."""

    def __init__(self, store: KeyStore, lease_s: float) -> None:
        """`lease_s`: longer than any request; then a slot whose frontend died is free again."""
        self._store = store
        self._lease_s = lease_s

    @asynccontextmanager
    async def visit(self, key: Key) -> AsyncIterator[None]:
        """Hold the key's slot, if it has limits; without limits the database is not asked.

        Raises:
            RateLimited: the key asks too often.
            TooManyAtOnce: the key has too many requests in flight.
            BackendUnavailable: nobody can tell.
        """
        if key.limits.are_none:
            yield
            return
        visit_id = uuid.uuid4().hex
        verdict: Verdict | None = None
        try:
            verdict = await self._store.enter(key, visit_id, self._lease_s)
            if not verdict.is_admitted:
                raise _refusal(verdict)
            yield
        finally:
            # Without a verdict the client has gone in the middle: the visit may be there.
            is_inside = verdict is None or verdict.is_admitted
            if is_inside and key.limits.max_in_flight is not None:
                await asyncio.shield(asyncio.ensure_future(self._leave(key.id, visit_id)))

    async def _leave(self, key_id: str, visit_id: str) -> None:
        try:
            await self._store.leave(key_id, visit_id)
        except BackendUnavailable:
            _log.warning("slot stays taken until its lease ends", key=key_id)


def _refusal(verdict: Verdict) -> Overloaded:
    if verdict.rate_wait_s > 0:
        return RateLimited(
            "This API key asks too often; try again later.", retry_after_s=verdict.rate_wait_s
        )
    return TooManyAtOnce(
        "This API key has too many requests in flight; wait for one to end.",
        retry_after_s=_RETRY_S,
    )
