"""A worker as a process: settings, signals, exit status."""

import asyncio
import logging
import signal
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import structlog

from frontend.errors import BackendUnavailable
from frontend.jobs.result_maker import Maker
from frontend.jobs.startup import JobSystemSettings, NoDatabase, open_jobs
from frontend.jobs.webhook_bodies import WebhookBody
from frontend.jobs.worker import Worker
from frontend.observe.metrics import Metrics

_PATIENCE_S = 60.0  # with a database that restarts
_log = structlog.get_logger(__name__)


async def work(
    settings: JobSystemSettings,
    maker: AbstractAsyncContextManager[Maker],
    bodies: Mapping[str, WebhookBody],
    drain_timeout_s: float,
    metrics: Metrics | None = None,
) -> None:
    """Run one worker until SIGTERM or SIGINT.

    Raises:
        NoDatabase: none is set.
        BackendUnavailable: it cannot be reached.
    """
    # Every task is logged by us where it matters.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_jobs(settings, bodies, _PATIENCE_S, metrics) as system, maker as made:
        _log.info("working", concurrency=settings.jobs.concurrency)
        await Worker(system, made, drain_timeout_s).run(stop)
        _log.info("stopped")


def run(
    settings: JobSystemSettings,
    maker: AbstractAsyncContextManager[Maker],
    bodies: Mapping[str, WebhookBody],
    drain_timeout_s: float,
    metrics: Metrics | None = None,
) -> int:
    """Run one worker and return the exit status of its process."""
    try:
        asyncio.run(work(settings, maker, bodies, drain_timeout_s, metrics))
    except NoDatabase as error:
        sys.stderr.write(f"tritone: {error}\n")
        return 2
    except BackendUnavailable:
        sys.stderr.write(
            "tritone: the job database cannot be reached; start it, or correct "
            "TRITONE_JOBS__DATABASE_URL\n"
        )
        return 1
    return 0
