"""`tritone up`: Triton, the job database, the workers and the frontend, first process to last.

Order of leaving: the frontend ends its requests, the workers their jobs, Triton refuses new
requests and ends those in flight; the database goes last. Each wait is bounded; a second signal
ends everything at once.
"""

import asyncio
import logging
import os
import signal
import sys
from contextlib import ExitStack
from typing import Protocol

from ops import logs
from ops.errors import CannotStart
from ops.processes.child import INSTANCE_VARIABLE
from ops.processes.ports import choose_ports
from ops.settings import Settings
from ops.stack import leftovers, state_folder, welcome
from ops.stack.database import JobDatabase
from ops.stack.environment import Addresses, frontend_environment, frontend_url
from ops.stack.frontend import Frontend, frontend_port
from ops.stack.running_stack import RunningStack, announce
from ops.stack.sounds import SilenceWatch
from ops.stack.worker import Worker
from ops.triton.gpu import require_gpu
from ops.triton.own_triton import OwnTriton, prepare_server
from ops.triton.shared_memory import own_prefix
from tritone.environment import WORKER_METRICS_PORT
from tritone.placement import DEVICE_VARIABLE, find_device

_log = logging.getLogger(__name__)

LOG_FILE = "tritone.log"


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


async def up(settings: Settings, *, with_frontend: bool, is_quiet: bool) -> None:
    """Run the stack until SIGINT, SIGTERM or SIGHUP.

    `is_quiet`: the lines of all processes go to a file in the state folder.

    Raises:
        CannotStart: says why, and what to do.
    """
    with ExitStack() as resources:
        state = settings.resolved_state_directory()
        resources.enter_context(state_folder.hold(state, "tritone up"))
        if is_quiet:
            logs.write_to(state / LOG_FILE)
            logs.tell(f"starting; the log is {state / LOG_FILE}")
        if settings.triton.gpu:
            gpu = require_gpu(settings.triton.url)
            logs.tell(f"computing on {gpu}")
            os.environ[DEVICE_VARIABLE] = "cuda"  # for Triton's backends, and for what they need
        leftovers.clear(state)  # before ports: it may hold ours
        prefix = resources.enter_context(own_prefix())
        parts: list[Part] = []
        # Before Triton: a taken port must be said at once, not after the models are loaded.
        port = frontend_port(settings) if with_frontend else 0
        database_url = await _job_database(settings, parts) if with_frontend else None
        for part in parts:  # whatever fails below: nothing that runs already is left behind
            resources.callback(part.kill)
        url, server = settings.triton.url, None
        if url is None:
            server = resources.enter_context(
                prepare_server(settings, prefix, logs_info=not is_quiet, is_private=with_frontend)
            )
            url = server.url
            parts.append(OwnTriton(server, settings))
        if with_frontend:
            addresses = Addresses(port=port, triton=url, database=database_url)
            parts += _frontend_parts(settings, addresses, prefix)
        if not parts:
            raise CannotStart("nothing to run: TRITONE_TRITON__URL is set and --no-frontend given")
        stack = RunningStack(
            pid=os.getpid(),
            triton=url,
            triton_metrics=server.metrics_url if server else None,
            frontend=frontend_url(settings, port) if with_frontend else None,
            model_repository=str(server.model_repository) if server else None,
            device=find_device(),
            workers=tuple(part.metrics_url for part in parts if isinstance(part, Worker)),
        )
        resources.enter_context(announce(state, stack))
        await _run(parts, is_quiet=is_quiet)


async def _watch_sounds(parts: list[Part]) -> None:
    """Restart our Triton where its sounds have stopped; there is nothing to do without both."""
    tritons = [part for part in parts if isinstance(part, OwnTriton)]
    frontends = [part for part in parts if isinstance(part, Frontend)]
    for triton, frontend in zip(tritons, frontends, strict=False):
        await SilenceWatch(frontend.url, triton.kill).run()


async def _job_database(settings: Settings, parts: list[Part]) -> str | None:
    """Return where jobs are kept; add a database of our own to the parts if it is there.

    A sound that is waited for needs no database: a machine where none starts goes without jobs.
    """
    if settings.jobs.database_url is not None:
        return settings.jobs.database_url.get_secret_value()
    if not settings.jobs.embedded:
        return None
    database = JobDatabase(settings)
    try:
        await database.start()
    except CannotStart as error:
        _log.warning("there will be no jobs: %s", error)
        return None
    parts.append(database)
    return database.url


def _frontend_parts(settings: Settings, addresses: Addresses, prefix: str) -> list[Part]:
    """Return the frontend as the last part, and the workers before it."""
    environment = frontend_environment(settings, addresses) | {INSTANCE_VARIABLE: prefix}
    frontend = Frontend(settings, frontend_url(settings, addresses.port), environment)
    n_workers = 0 if addresses.database is None else settings.jobs.workers
    ports = _metrics_ports(settings, n_workers)
    workers = [Worker(settings, environment | {WORKER_METRICS_PORT: str(port)}) for port in ports]
    return [*workers, frontend]


def _metrics_ports(settings: Settings, n: int) -> list[int]:
    first = settings.jobs.metrics_port
    wanted = {f"{WORKER_METRICS_PORT} + {i}": first and first + i for i in range(n)}
    return list(choose_ports(wanted, settings.host).values())


async def _run(parts: list[Part], *, is_quiet: bool) -> None:
    stop = _stop_event(parts)
    runs = [asyncio.create_task(part.run()) for part in parts]
    others = [
        asyncio.create_task(_announce(parts, is_quiet=is_quiet)),
        asyncio.create_task(_watch_sounds(parts)),
        asyncio.create_task(stop.wait()),
    ]
    await asyncio.wait([*runs, others[-1]], return_when=asyncio.FIRST_COMPLETED)
    _log.info("stopping")
    failed = [run for run in runs if run.done()]
    for task in (*runs, *others):
        task.cancel()
    for part in reversed(parts):
        await part.stop()
    for run in failed:
        run.result()  # raises
    if is_quiet:
        logs.end_start()
        logs.tell("stopped")


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


async def _announce(parts: list[Part], *, is_quiet: bool) -> None:
    for part in parts:
        await part.is_ready.wait()
    logs.end_start()
    url = parts[-1].url
    sys.stdout.write(f"ready: {url}\n")
    sys.stdout.flush()
    if is_quiet and isinstance(parts[-1], Frontend):
        logs.tell(welcome.describe(url))
