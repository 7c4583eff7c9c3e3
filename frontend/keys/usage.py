"""What is done with which key, gathered here and written down every few seconds."""

import asyncio
import uuid
from collections import defaultdict

import structlog

from frontend.errors import BackendUnavailable
from frontend.keys.model import Counts, UsageBatch
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
        self._writer_id = str(uuid.uuid4())
        self._n_batches = 0
        self._unheard: UsageBatch | None = None  # perhaps written, perhaps not
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
        if self._unheard is not None:
            await self.flush()
        if self._unheard is None:  # else the database is away
            await self.flush()

    async def flush(self) -> None:
        """Write down what was counted, or what was to be written the last time."""
        self._unheard = batch = self._unheard or self._take()
        if batch is None:
            return
        try:
            await self._store.count(batch)
        except BackendUnavailable:
            _log.warning("usage of keys is not written down yet", keys=len(batch.counts))
        else:
            self._unheard = None

    def _take(self) -> UsageBatch | None:
        if not self._counts:
            return None
        self._n_batches += 1
        counts, self._counts = self._counts, defaultdict(Counts)
        return UsageBatch(writer_id=self._writer_id, number=self._n_batches, counts=counts)

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(self._period_s)
            await self.flush()
