"""What is done with which key, gathered here and written down every few seconds."""

import asyncio
from collections import defaultdict

import structlog

from frontend.errors import BackendUnavailable
from frontend.keys.model import Counts
from frontend.keys.store import KeyStore
from tritone.tasks import end_tasks

_PERIOD_S = 2.0

_log = structlog.get_logger(__name__)


class Usage:
    """Counts of this process. A kill loses the last seconds; the end of the process does not."""

    def __init__(self, store: KeyStore, period_s: float = _PERIOD_S) -> None:
        """Start with nothing."""
        self._store = store
        self._period_s = period_s
        self._counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._writing: asyncio.Task[None] | None = None

    def add(self, key_id: str, *, requests: int = 0, sound_seconds: float = 0.0) -> None:
        """Count for a key."""
        counts = self._counts[key_id]
        counts.requests += requests
        counts.sound_seconds += sound_seconds

    def start(self) -> None:
        """Write down every now and then."""
        self._writing = asyncio.create_task(self._write_forever())

    async def stop(self) -> None:
        """Write down what is left."""
        if self._writing is not None:
            await end_tasks(self._writing)
        await self.flush()

    async def flush(self) -> None:
        """Write down what was counted; it is kept for later when the database is away."""
        if not self._counts:
            return
        counts, self._counts = self._counts, defaultdict(Counts)
        try:
            await self._store.count(counts)
        except (BackendUnavailable, asyncio.CancelledError) as error:
            for key_id, each in counts.items():
                self.add(key_id, requests=each.requests, sound_seconds=each.sound_seconds)
            if isinstance(error, asyncio.CancelledError):
                raise
            _log.warning("usage of keys is not written down yet", keys=len(self._counts))

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(self._period_s)
            await self.flush()
