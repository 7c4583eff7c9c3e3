"""Runs passes of all tasks: lets them in, gives them to Triton, times and counts them."""

import asyncio
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import dataclass

from opentelemetry.trace import SpanKind

from frontend.errors import DeadlineExceeded, Overloaded, TritoneError
from frontend.observe import tracing
from frontend.observe.metrics import Metrics
from frontend.passes.admission import Admission, Slot, Ticket
from frontend.passes.caller import Caller
from frontend.passes.level import LevelMeter
from frontend.settings import AdmissionSettings
from frontend.triton.background import BackgroundTasks
from frontend.triton.channel import Channel
from frontend.triton.gateway import (
    Catalog,
    Chunk,
    Chunks,
    Gateway,
    Pass,
    PassOptions,
    PassResult,
    collect,
)

_LEAST_TIMEOUT_S = 0.001  # 0 would be no time-out to Triton
_READER_PATIENCE_S = 0.5  # until a slow reader's slot is lent to others
_CHUNKS_AHEAD = 1  # made before somebody takes them, beside what Triton's window allows


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRun:
    """A pass, and what admission and deadlines must know of it."""

    pass_: Pass
    cost: float  # in the unit of `frontend.passes.admission`
    deadline: float  # on the clock of `time.monotonic`
    caller: Caller

    @property
    def left_s(self) -> float:
        """Time until the deadline; negative after it."""
        return self.deadline - time.monotonic()


class PassRunner:
    """The one way of a process to Triton: a bounded number of passes at once."""

    def __init__(self, gateway: Gateway, settings: AdmissionSettings, metrics: Metrics) -> None:
        """Open the gateway before use."""
        self._gateway = gateway
        self._admission = Admission(settings)
        self._background = BackgroundTasks()
        self.metrics = metrics
        metrics.watch(
            in_flight=lambda: self._admission.in_flight,
            waiting=lambda: self._admission.waiting,
            queue_age_s=lambda: self._admission.queue_age_s,
        )

    @property
    def catalog(self) -> Catalog:
        """The models that are served now."""
        return self._gateway.catalog

    @contextmanager
    def count_failures(self, model: str) -> Iterator[None]:
        """Count what ends a request of a model. `Overloaded` gets the time until there is room."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.metrics.cancelled.labels(model).inc()
            raise
        except TritoneError as error:
            self.metrics.failures.labels(model, type(error).__name__).inc()
            if isinstance(error, Overloaded):
                # Triton knows less than we do about when there is room.
                retry_after_s = max(error.retry_after_s, self._admission.retry_after_s)
                raise error.with_retry_after(retry_after_s) from error
            raise

    async def run_passes(self, runs: Sequence[PassRun]) -> list[PassResult]:
        """Return everything that passes make, side by side; where one fails, the others stop."""
        if len(runs) == 1:
            return [await collect(self.stream_pass(runs[0]))]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(collect(self.stream_pass(run))) for run in runs]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        return [task.result() for task in tasks]

    async def stream_pass(self, run: PassRun) -> Chunks:
        """Yield what a pass makes as it is made. Closing the stream stops the work.

        Whoever leaves does not wait until the work has ended, but the pass holds its slot until
        then: otherwise those who leave crowd out those who stay. A reader that is slower than the
        model does not hold the slot while the model waits: slow connections cost others nothing.

        Raises:
            DeadlineExceeded: not finished in time, waiting included.
            TritoneError: whatever else admission or `Gateway.stream` raises.
        """
        channel: Channel[Chunk] = Channel(_CHUNKS_AHEAD)
        running = self._background.start(self._run_in_slot(run, channel))
        try:
            while True:
                async with asyncio.timeout(run.left_s):
                    chunk = await channel.take()
                if chunk is None:
                    break
                yield chunk
            await running  # raises what ended it
        except TimeoutError as error:
            raise DeadlineExceeded from error
        finally:
            channel.abandon()
            running.cancel()

    async def _run_in_slot(self, run: PassRun, channel: Channel[Chunk]) -> None:
        model, arrived_at = run.pass_.card.name, time.monotonic()
        stage_seconds = self.metrics.stage_seconds
        ticket = Ticket(
            owner=run.caller.owner,
            priority=run.caller.priority,
            due_at=run.deadline,
            cost=run.cost,
        )
        try:
            async with AsyncExitStack() as stack:
                with tracing.span("admission"):
                    slot = await stack.enter_async_context(self._admission.slot(ticket))
                waited_s = time.monotonic() - arrived_at
                stage_seconds.labels(model, "admission").observe(waited_s)
                with tracing.span("triton", kind=SpanKind.CLIENT):
                    await self._run_in_triton(run, channel, slot)
        finally:
            channel.end()

    async def _run_in_triton(self, run: PassRun, channel: Channel[Chunk], slot: Slot) -> None:
        model, entered_at = run.pass_.card.name, time.monotonic()
        options = PassOptions(
            pass_id=uuid.uuid4().hex,  # a caller may repeat its request id
            request_id=run.caller.request_id,
            timeout_s=max(_LEAST_TIMEOUT_S, run.left_s),
            owner=run.caller.owner,
            priority=run.caller.priority,
        )
        meter, last = LevelMeter(), None
        async with aclosing(self._gateway.stream(run.pass_, options)) as chunks:
            async for chunk in chunks:
                meter.add(chunk.pcm)
                await _hand_over(chunk, channel, slot)
                last = chunk
        if last is None:
            return
        seconds = time.monotonic() - entered_at
        self.metrics.stage_seconds.labels(model, "triton").observe(seconds)
        self.metrics.observe_pass(model, last.model_version, meter.dbfs, seconds)
        for failed in last.failures:
            labels = model, failed.model_version, failed.error
            self.metrics.candidate_failures.labels(*labels).inc()


async def _hand_over(chunk: Chunk, channel: Channel[Chunk], slot: Slot) -> None:
    try:
        async with asyncio.timeout(_READER_PATIENCE_S):
            await channel.put(chunk)
    except TimeoutError:
        await slot.lend_while(channel.put(chunk))
