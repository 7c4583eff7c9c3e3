"""Restarts our Triton where sounds have stopped although every check is green.

On a GPU one error can spoil all passes after it, for as long as the process lives. The frontend
knows: passes failed in a row, and so did a short sound that it asked for itself.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from http.client import HTTPException
from typing import Any

from ops.polling import Backoff
from ops.processes.http import fetch_json

_log = logging.getLogger(__name__)

_PERIOD_S = 5.0
_LOOK_S = 5.0
_PATIENCE_S = 4.0  # that sounds may have stopped for: a model may be loaded anew meanwhile
# What a restart does not mend, as a bad model, shall not cost the others much.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 60.0, 3600.0

Fetch = Callable[[str, float], Awaitable[Any]]


class SilenceWatch:
    """Reads the frontend's `/readyz`, period after period."""

    def __init__(
        self,
        url: str,
        restart: Callable[[], None],
        fetch: Fetch = fetch_json,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`restart` ends Triton, which its supervisor then starts again."""
        self._url = f"{url}/readyz?verbose"
        self._restart = restart
        self._fetch = fetch
        self._clock = clock
        self._since: float | None = None  # when sounds have stopped
        self._restarted_at = self._rests_until = float("-inf")
        self._pauses = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_PERIOD_S)
            await self.look()

    async def look(self) -> None:
        """Look once."""
        try:
            body = await self._fetch(self._url, _LOOK_S)
        except HTTPException:  # cut off
            return
        stopped = _find_stopped(body)
        now = self._clock()
        if not stopped:
            self._since = None
            return
        self._since = now if self._since is None else self._since
        if now - self._since < _PATIENCE_S or now < self._rests_until:
            return
        if now - self._restarted_at > 2 * _LONGEST_PAUSE_S:
            self._pauses.reset()
        self._restarted_at, self._rests_until = now, now + self._pauses.next_s()
        self._since = None
        _log.error("sounds have stopped (%s): restarting Triton", stopped)
        self._restart()


def _find_stopped(body: object) -> str:
    """Return why all sounds, or all voices, have stopped; empty: they have not."""
    stopped = body.get("all_sounds_stopped") if isinstance(body, dict) else None
    if not isinstance(stopped, dict):
        return ""
    return "; ".join(f"{model}: {why}" for model, why in stopped.items())
