"""The database of the jobs as a part of the stack: started first, kept running, ended last."""

import asyncio
import logging
import threading

from ops.errors import CannotStart
from ops.polling import Backoff
from ops.settings import Settings
from ops.stack.postgres import DatabaseKilled, EmbeddedPostgres

_log = logging.getLogger(__name__)

_PERIOD_S = 0.5
_LONGEST_PAUSE_S = 10.0  # between starts that fail
_ANSWER_S = 2.0  # of one look
_LOOKS_IN_VAIN = 3
_LOOKS_PER_QUESTION = 4  # a connection costs a process and a few ms
_FIRST_STARTS = 3  # one that is killed in its first start is no reason to go without jobs


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Return the stack's own database, wherever it is run from."""
    return EmbeddedPostgres(settings.resolved_state_directory() / "postgres")


class JobDatabase:
    """An embedded PostgreSQL. Make it inside a running event loop."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self._postgres = embedded_postgres(settings)
        self._lock = threading.Lock()
        self._is_stopping = False
        self.url = ""
        self.is_ready = asyncio.Event()

    async def start(self) -> None:
        """Return when it accepts connections; `url` leads there, and contains the password.

        Raises:
            CannotStart: says why, and what to do.
        """
        for is_last in (*[False] * (_FIRST_STARTS - 1), True):
            try:
                await asyncio.to_thread(self._start)
                break
            except DatabaseKilled as error:
                if is_last:
                    raise
                _log.warning("%s; starting it again", error)
        self.url = self._postgres.url
        self.is_ready.set()

    async def run(self) -> None:
        """Start it again on the same port whenever it is dead, stopped or silent."""
        n_stopped = n_silent = n_looks = 0
        while True:
            await asyncio.sleep(_PERIOD_S)
            is_alive = self._postgres.is_alive
            n_stopped = n_stopped + 1 if self._postgres.is_stopped else 0
            n_looks += 1
            if is_alive and n_looks % _LOOKS_PER_QUESTION == 0:
                n_silent = 0 if await self._answers() else n_silent + 1
            if n_stopped >= _LOOKS_IN_VAIN or n_silent >= _LOOKS_IN_VAIN:
                _log.error("the job database does not answer: killing it")
                await asyncio.to_thread(self._postgres.kill)
            if not self._postgres.is_alive:
                n_stopped = n_silent = 0
                await self._revive()

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(2 * _ANSWER_S):
                return await asyncio.to_thread(self._postgres.answers, _ANSWER_S)
        except TimeoutError:  # it was stopped after it had let us in; the thread ends with it
            return False

    async def _revive(self) -> None:
        pauses, reason = Backoff(_PERIOD_S, _LONGEST_PAUSE_S), ""
        _log.warning("the job database has died; starting it again")
        while not self._postgres.is_alive:
            try:
                await self.start()
            except (CannotStart, OSError) as error:
                if str(error) != reason:
                    _log.error("%s", error)
                reason = str(error)
                await asyncio.sleep(pauses.next_s())
            else:
                _log.info("the job database is ready again")

    async def stop(self) -> None:
        """Write everything down and end."""
        await asyncio.to_thread(self._stop)

    def kill(self) -> None:
        """End at once; the next start recovers."""
        self._postgres.kill()

    # Threads go on when their tasks are cancelled: a start under way ends before the stop.

    def _start(self) -> None:
        with self._lock:
            if not self._is_stopping:
                self._postgres.start()

    def _stop(self) -> None:
        self._is_stopping = True
        with self._lock:
            self._postgres.stop()
