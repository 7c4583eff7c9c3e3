"""The database of the jobs as a part of the stack: started first, kept running, ended last."""

import asyncio
import logging

from ops.errors import CannotStart
from ops.settings import Settings
from ops.stack.postgres import EmbeddedPostgres

_log = logging.getLogger(__name__)

_POLL_S = 0.5


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Return the stack's own database, wherever it is run from."""
    return EmbeddedPostgres(settings.resolved_state_directory() / "postgres")


class JobDatabase:
    """An embedded PostgreSQL. Make it inside a running event loop."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self._postgres = embedded_postgres(settings)
        self.url = ""
        self.is_ready = asyncio.Event()

    async def start(self) -> None:
        """Return when it accepts connections; `url` leads there, and contains the password.

        Raises:
            CannotStart: says why, and what to do.
        """
        await asyncio.to_thread(self._postgres.start)
        self.url = self._postgres.url
        self.is_ready.set()

    async def run(self) -> None:
        """Start it again on the same port when it dies, until cancelled."""
        while True:
            await asyncio.sleep(_POLL_S)
            if not self._postgres.is_alive:
                await self._revive()

    async def _revive(self) -> None:
        _log.warning("the job database has died; starting it again")
        try:
            await self.start()
        except CannotStart as error:
            _log.error("%s", error)
        else:
            _log.info("the job database is ready again")

    async def stop(self) -> None:
        """Write everything down and end."""
        await asyncio.to_thread(self._postgres.stop)

    def kill(self) -> None:
        """End at once; the next start recovers."""
        self._postgres.kill()
