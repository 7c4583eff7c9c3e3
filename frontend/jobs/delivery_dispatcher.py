"""Which webhooks a worker sends, and when: it looks for those that are due, and keeps to turns."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import structlog

from frontend.database.notifications import listen
from frontend.errors import TritoneError
from frontend.jobs.startup import JobSystem
from frontend.webhooks.turns import DeliverySlots, DueDelivery
from tritone.tasks import end_tasks

_SHORTEST_PAUSE_S = 0.02  # between two looks into the database, however many slots become free

_log = structlog.get_logger(__name__)

Attempt = Callable[[str], Awaitable[None]]
"""Makes one attempt at the delivery with this id, unless another worker is at it."""


class DeliveryDispatcher:
    """Starts attempts of one worker; any number of workers may share a database."""

    def __init__(self, system: JobSystem, attempt: Attempt, drain_timeout_s: float) -> None:
        """`drain_timeout_s`: how long attempts in flight may take when the worker stops."""
        settings = system.settings.webhooks
        self._deliveries = system.deliveries
        self._database_url = system.settings.database_url
        self._poll_s = system.settings.jobs.poll_s
        self._attempt = attempt
        self._drain_timeout_s = drain_timeout_s
        self._slots = DeliverySlots(total=settings.concurrency, per_host=settings.per_host)
        self._attempts: set[asyncio.Task[None]] = set()
        self._awake = asyncio.Event()
        self._postponed_at = -math.inf

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then finish what is in flight.

        An attempt that takes too long then is made again by another worker, once its lease ends.
        """
        hearing = listen(self._database_url, "listen_to_deliveries", lambda _: self._wake())
        helping = [
            asyncio.create_task(hearing),
            asyncio.create_task(self._wake_at(stop)),
        ]
        try:
            while not stop.is_set():
                began = time.monotonic()
                await self._look()
                # At least as long as it took: looking never keeps the database busy.
                await asyncio.sleep(max(_SHORTEST_PAUSE_S, time.monotonic() - began))
                await self._wait()
            if self._attempts:
                await asyncio.wait(self._attempts, timeout=self._drain_timeout_s)
        finally:
            await end_tasks(*helping, *self._attempts)

    async def _look(self) -> None:
        self._awake.clear()
        try:
            if time.monotonic() - self._postponed_at > self._poll_s:
                self._postponed_at = time.monotonic()
                await self._deliveries.postpone()
            due = await self._deliveries.find_due()
        except TritoneError:
            _log.warning("could not look for webhooks; trying again")
            return
        for delivery in self._slots.take_turns(due):
            task = asyncio.create_task(self._make(delivery))
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)

    async def _make(self, delivery: DueDelivery) -> None:
        try:
            await self._attempt(delivery.id)
        except TritoneError:
            _log.warning("webhook attempt is not written down", delivery_id=delivery.id)
        finally:
            self._slots.release(delivery)
            self._wake()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):  # what was planned for later becomes due
                await self._awake.wait()
        except TimeoutError:
            return

    async def _wake_at(self, event: asyncio.Event) -> None:
        await event.wait()
        self._wake()

    def _wake(self) -> None:
        self._awake.set()
