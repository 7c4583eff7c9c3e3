"""One worker process: takes tasks and works them off until it is told to stop."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from procrastinate import App

from frontend.database.connections import make_pool
from frontend.database.connector import PatientConnector
from frontend.jobs.cleanup import clean
from frontend.jobs.delivery_dispatcher import DeliveryDispatcher
from frontend.jobs.delivery_runner import DeliveryRunner
from frontend.jobs.heartbeats import HeartbeatSender
from frontend.jobs.job_runner import JobRunner
from frontend.jobs.queue import GENERATE
from frontend.jobs.result_maker import Maker
from frontend.jobs.startup import JobSystem
from frontend.webhooks.sending import Sender
from tritone.tasks import end_tasks

_HEARTBEATS_PER_LEASE = 4
_RESTART_S = 0.5
_MARGIN_S = 5.0  # beyond the jobs' own time to end
_QUEUE_CONNECTIONS = 4

_log = structlog.get_logger(__name__)


class Worker:
    """Runs jobs and deliveries of one database; any number of processes may."""

    def __init__(self, system: JobSystem, maker: Maker, drain_timeout_s: float) -> None:
        """`drain_timeout_s`: how long jobs in flight may take when the worker stops."""
        jobs = system.settings.jobs
        self._system = system
        self._maker = maker
        self._drain_timeout_s = drain_timeout_s
        period_s = min(jobs.poll_s, jobs.lease_s / _HEARTBEATS_PER_LEASE)
        self._heartbeats = HeartbeatSender(system.store, maker.progress, period_s)
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then finish what is in flight, or give it back."""
        async with self._consumers(stop) as consumers:
            consuming = [asyncio.create_task(each) for each in consumers]
            # Heartbeats go on while jobs in flight are finished.
            helping = [
                asyncio.create_task(self._heartbeats.run()),
                asyncio.create_task(clean(self._system)),
            ]
            try:
                await _all_of(consuming, unless_ended=helping)
            finally:
                await end_tasks(*consuming, *helping)

    @asynccontextmanager
    async def _consumers(
        self, stop: asyncio.Event
    ) -> AsyncIterator[list[Coroutine[Any, Any, None]]]:
        settings = self._system.settings
        # What procrastinate writes may be lost in a crash of the database: the sweep makes it good.
        pool = make_pool(settings.database_url, _QUEUE_CONNECTIONS, durable=False)
        app = App(connector=PatientConnector())
        sender = Sender(settings.webhooks)
        async with pool:
            await app.open_async(pool)
            self._register(app)
            deliveries = DeliveryRunner(self._system, sender)
            dispatcher = DeliveryDispatcher(self._system, deliveries.run, self._drain_timeout_s)
            try:
                yield [
                    self._consume(app, GENERATE, settings.jobs.concurrency, stop),
                    dispatcher.run(stop),
                ]
            finally:
                await sender.close()

    def _register(self, app: App) -> None:
        jobs = JobRunner(self._system, self._maker, self._heartbeats, self._name)

        @app.task(name=GENERATE, queue=GENERATE)
        async def generate(row_id: str) -> None:
            await jobs.run()

    async def _consume(self, app: App, queue: str, concurrency: int, stop: asyncio.Event) -> None:
        jobs = self._system.settings.jobs
        stopping = asyncio.create_task(stop.wait())
        while not stop.is_set():
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[queue],
                    name=queue,
                    concurrency=concurrency,
                    fetch_job_polling_interval=jobs.poll_s,
                    abort_job_polling_interval=3600.0,  # we cancel through our own rows
                    shutdown_graceful_timeout=self._drain_timeout_s,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    update_heartbeat_interval=jobs.lease_s / _HEARTBEATS_PER_LEASE,
                    stalled_worker_timeout=2 * jobs.lease_s,
                )
            )
            try:
                await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
                working.cancel()  # ends gracefully, which a second one would cut off
                await asyncio.wait([working], timeout=self._drain_timeout_s + _MARGIN_S)
            finally:
                await end_tasks(working)
            if not stop.is_set():
                _log.warning("the queue was lost; beginning anew", problem=_name_problem(working))
                await asyncio.sleep(_RESTART_S)
        await end_tasks(stopping)


def _name_problem(ended: asyncio.Task[None]) -> str:
    return "cancelled" if ended.cancelled() else type(ended.exception()).__name__


async def _all_of(
    tasks: Sequence[asyncio.Task[None]], *, unless_ended: Sequence[asyncio.Task[None]]
) -> None:
    """Wait for all tasks; raise what ends them, or one of the others, early."""
    pending = set(tasks)
    while pending:
        done, _ = await asyncio.wait([*pending, *unless_ended], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # only a bug raises: then this process must not look alive
        pending -= done
