"""Keeps one service running: waits until it is ready, and starts it again when it dies."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from ops import logs
from ops.errors import CannotStart
from ops.polling import until
from ops.processes.child import Child

_log = logging.getLogger(__name__)

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
_LOOKS = 6  # in vain, before a service is taken for hung
_STABLE_S = 10.0  # a service that was ready this long starts again without the delay growing


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
    is_ready: Callable[[], Awaitable[bool]]
    clean_up: Callable[[], None]  # after its processes are gone
    start_timeout_s: float
    pulse: Pulse | None = None  # None: it lives until it ends
    hides: tuple[str, ...] = ()  # lines that contain one of these are not shown


class Supervisor:
    """One service and its current process."""

    def __init__(self, service: Service) -> None:
        """Start nothing yet."""
        self.service = service
        self.child: Child | None = None
        self.is_ready = asyncio.Event()

    async def run(self) -> None:
        """Keep the service running until cancelled; the process is left to `stop`.

        Raises:
            CannotStart: it did not become ready even once.
        """
        await self._start()
        delay_s = _FIRST_DELAY_S
        while True:
            begin = time.monotonic()
            await self._until_dead()
            if time.monotonic() - begin > _STABLE_S:
                delay_s = _FIRST_DELAY_S
            _log.warning("%s has died; starting it again in %g s", self.service.name, delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, _LONGEST_DELAY_S)
            with suppress(CannotStart):  # it died again: the loop waits longer
                await self._start()
                _log.info("%s is ready again", self.service.name)

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

    async def _start(self) -> None:
        service = self.service
        self.child = await Child.start(service.command(), service.environment, self._show)
        death = asyncio.create_task(self.child.wait())
        readiness = asyncio.create_task(until(service.is_ready))
        try:
            done, _ = await asyncio.wait(
                {death, readiness},
                timeout=service.start_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            death.cancel()
            readiness.cancel()
        if death in done:
            raise CannotStart(
                f"{service.name} ended with code {death.result()} before it was ready; "
                "its lines above say why"
            )
        if not done:
            raise CannotStart(f"{service.name} was not ready within {service.start_timeout_s:g} s")
        self.is_ready.set()

    def _show(self, line: str) -> None:
        if not any(text in line for text in self.service.hides):
            logs.show(self.service.name, line)

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

    async def _until_dead(self) -> None:
        if self.child is not None:
            listening = asyncio.create_task(self._kill_when_silent())
            try:
                await self.child.wait()
            finally:
                listening.cancel()
            self.is_ready.clear()
            await self.child.end()
            self.service.clean_up()
