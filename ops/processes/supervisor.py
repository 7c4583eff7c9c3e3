"""Keeps one service running: whatever ends, stops or silences its process, a new one is started."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ops import logs
from ops.errors import CannotStart
from ops.polling import Backoff, until
from ops.processes.accounts import Account
from ops.processes.child import Child

_log = logging.getLogger(__name__)

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 15.0
_LOOKS = 6  # in vain, before a service is taken for hung
_STABLE_S = 10.0  # a service that lived this long starts again without the delay growing
_STOPPED_LOOKS = 3  # a second apart: who stops a process for a moment finds it alive
_LOOK_S = 1.0
_LAST_WORDS_S = 1.0  # for the lines that say where it crashed
# A fault during the very first start is survived, too; a mistake in the settings is not repeated.
_FIRST_STARTS = 3
_FIRST_STARTS_S = 20.0
_BAD_SETTINGS = 2  # exit status of every program of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How a service that was ready is asked whether it lives."""

    is_felt: Callable[[float], Awaitable[bool]]  # within so many seconds
    timeout_s: float  # a service that answers nothing for so long hangs


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a supervisor must know of a service."""

    name: str
    command: Callable[[], list[str]]  # asked at every start: what is served may have changed
    environment: dict[str, str]
    is_ready: Callable[[], Awaitable[bool]]  # may raise CannotStart: it never will be
    clean_up: Callable[[], None]  # after its processes are gone
    start_timeout_s: float
    pulse: Pulse | None = None  # None: it lives until it ends
    hides: tuple[str, ...] = ()  # lines that contain one of these are not shown
    account: Account | None = None  # that it runs as; None: ours
    last_words: tuple[str, ...] = ()  # a process that writes one of these crashes, or hangs in it


class Supervisor:
    """One service and its current process."""

    def __init__(self, service: Service) -> None:
        """Start nothing yet."""
        self.service = service
        self.child: Child | None = None
        self.is_ready = asyncio.Event()
        self._was_ready = False  # once, with any process
        self._verdict: CannotStart | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the service while its process lives."""
        return self.child.pid if self.child is not None and self.child.is_alive else None

    async def run(self) -> None:
        """Keep the service running until cancelled; the process is left to `stop`.

        Raises:
            CannotStart: it did not become ready even once.
        """
        delays = Backoff(_FIRST_DELAY_S, _LONGEST_DELAY_S)
        began, n_starts = time.monotonic(), 0
        while True:
            started, n_starts = time.monotonic(), n_starts + 1
            code = await self._live()
            if not self._was_ready:
                is_early = n_starts < _FIRST_STARTS and time.monotonic() - began < _FIRST_STARTS_S
                if self._verdict is not None:
                    raise self._verdict
                if code == _BAD_SETTINGS or not is_early:
                    raise CannotStart(
                        f"{self.service.name} ended with code {code} before it was ready; "
                        "its lines above say why"
                    )
            if time.monotonic() - started > _STABLE_S:
                delays.reset()
            delay_s = delays.next_s()
            _log.warning("%s has died; starting it again in %g s", self.service.name, delay_s)
            await asyncio.sleep(delay_s)

    def kill(self) -> None:
        """End every process of the service at once."""
        if self.child is not None:
            self.child.kill_group()

    async def stop(self, timeout_s: float) -> None:
        """Ask the service to leave, wait, and kill what is left."""
        if self.child is None:
            return
        self.child.terminate()
        if not await self.child.ends_within(timeout_s):
            _log.warning("%s did not end within %g s: killed", self.service.name, timeout_s)
        await self.child.end()

    async def _live(self) -> int:
        """Run one process from its start to its end; return its exit code."""
        service, self._verdict = self.service, None
        self.child = child = await Child.start(
            service.command(), service.environment, self._show, service.account
        )
        watches = [
            asyncio.create_task(self._watch_answers()),
            asyncio.create_task(self._watch_state(child)),
        ]
        try:
            code = await child.wait()
        finally:
            for watch in watches:
                watch.cancel()
        self.is_ready.clear()
        await child.end()
        service.clean_up()
        return code

    async def _watch_answers(self) -> None:
        """Wait until the service is ready, then for its silence; kill it when neither can help."""
        while not await self._gets_ready():
            # One that was ready and lives waits for another service: to kill it would not help.
            if self._verdict is None and await self._is_felt():
                continue
            self.kill()
            return
        if self._was_ready:
            _log.info("%s is ready again", self.service.name)
        self._was_ready = True
        self.is_ready.set()
        await self._kill_when_silent()

    async def _gets_ready(self) -> bool:
        name, timeout_s = self.service.name, self.service.start_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await until(self.service.is_ready)
        except TimeoutError:
            error = CannotStart(f"{name} was not ready within {timeout_s:g} s")
        except CannotStart as known:
            error = known
        else:
            return True
        if self._was_ready:
            _log.error("%s", error)
        else:
            self._verdict = error
        return False

    async def _is_felt(self) -> bool:
        pulse = self.service.pulse
        return pulse is not None and await pulse.is_felt(pulse.timeout_s / _LOOKS)

    async def _watch_state(self, child: Child) -> None:
        """Kill a process that somebody has stopped (SIGSTOP): it answers nobody, for ever."""
        n_stopped = 0
        while n_stopped < _STOPPED_LOOKS:
            await asyncio.sleep(_LOOK_S)
            n_stopped = n_stopped + 1 if child.is_stopped else 0
        _log.error("%s is stopped: killing it", self.service.name)
        self.kill()

    async def _kill_when_silent(self) -> None:
        pulse, missed = self.service.pulse, 0
        if pulse is None:
            return
        # Looks are counted, not time: where the whole machine slept, nobody was silent.
        period_s = pulse.timeout_s / _LOOKS
        while missed < _LOOKS:
            pause = asyncio.create_task(asyncio.sleep(period_s))
            missed = 0 if await pulse.is_felt(period_s) else missed + 1
            await pause
        _log.error("%s does not answer: killing it", self.service.name)
        self.kill()

    def _show(self, line: str) -> None:
        if not any(text in line for text in self.service.hides):
            logs.show(self.service.name, line)
        if any(text in line for text in self.service.last_words) and self.child is not None:
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, self.child.kill_group)
