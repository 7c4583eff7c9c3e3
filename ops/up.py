"""`tritone up`: Triton and the frontend, from the first process to the last.

Order of leaving: the frontend ends its requests, Triton refuses new ones and ends those in flight,
then the processes go. Each wait is bounded; a second signal ends everything at once.
"""

import asyncio
import logging
import signal
import sys
from contextlib import ExitStack
from typing import Protocol

from ops.errors import CannotStart
from ops.frontend import Frontend, frontend_port
from ops.own_triton import OwnTriton, prepared_server
from ops.settings import Settings

_log = logging.getLogger(__name__)


class Part(Protocol):
    """One service of the stack."""

    url: str  # where clients reach it
    is_ready: asyncio.Event

    async def run(self) -> None:
        """Keep it running until cancelled. Raises CannotStart."""

    async def stop(self) -> None:
        """End it in good order."""

    def kill(self) -> None:
        """End it at once."""


async def up(settings: Settings, *, with_frontend: bool, logs_info: bool) -> None:
    """Run the stack until SIGINT, SIGTERM or SIGHUP.

    Raises:
        CannotStart: says why, and what to do.
    """
    with ExitStack() as resources:
        parts: list[Part] = []
        # Before Triton: a taken port must be said at once, not after the models are loaded.
        port = frontend_port(settings) if with_frontend else 0
        url = settings.triton.url
        if url is None:
            server = resources.enter_context(prepared_server(settings, logs_info=logs_info))
            url = server.url
            parts.append(OwnTriton(server, settings))
        if with_frontend:
            parts.append(Frontend(settings, port, url))
        if not parts:
            raise CannotStart("nothing to run: TRITONE_TRITON__URL is set and --no-frontend given")
        await _run(parts)


async def _run(parts: list[Part]) -> None:
    stop = _stop_event(parts)
    runs = [asyncio.create_task(part.run()) for part in parts]
    others = [asyncio.create_task(_announce(parts)), asyncio.create_task(stop.wait())]
    await asyncio.wait([*runs, others[-1]], return_when=asyncio.FIRST_COMPLETED)
    _log.info("stopping")
    failed = [run for run in runs if run.done()]
    for task in (*runs, *others):
        task.cancel()
    for part in reversed(parts):
        await part.stop()
    for run in failed:
        run.result()  # raises


def _stop_event(parts: list[Part]) -> asyncio.Event:
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            for part in parts:
                part.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


async def _announce(parts: list[Part]) -> None:
    for part in parts:
        await part.is_ready.wait()
    sys.stdout.write(f"ready: {parts[-1].url}\n")
    sys.stdout.flush()
