"""What a worker does with one job. Nothing here decides which worker does it."""

import asyncio
import random
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import structlog
from opentelemetry.trace import SpanKind

from frontend.audio.encoders import encode
from frontend.audio.threads import in_audio_thread
from frontend.errors import BackendUnavailable, GenerationFailed, Overloaded, TritoneError
from frontend.jobs.heartbeats import HeartbeatSender, RunningJob
from frontend.jobs.model import Job, JobFailure, JobFile, JobResult, JobStatus, OutputFormat
from frontend.jobs.records import Claim, Ending
from frontend.jobs.startup import JobSystem
from frontend.observe import tracing
from frontend.passes.caller import Caller
from frontend.sounds.request import GenerationRequest, Sound
from frontend.triton.gateway import Progress
from tritone.turns import BACKGROUND

_LONGEST_PAUSE_S = 30.0  # between attempts while Triton is away
_UNEXPECTED = JobFailure(name="GenerationFailed", message=GenerationFailed.default_message)

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Maker(Protocol):
    """Makes sounds; the frontend's generator in real workers."""

    async def generate(self, request: GenerationRequest, caller: Caller) -> Sound:
        """Return the sound; cancelling the task stops the work. Raises domain errors."""

    async def progress(self, request_id: str) -> Progress | None:
        """Return how far the sound of a request is, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """The job goes back into the queue."""

    delay_s: float
    strikes: int


class JobRunner:
    """Makes the sound of one job after the other, several at once."""

    def __init__(
        self, system: JobSystem, maker: Maker, heartbeats: HeartbeatSender, name: str
    ) -> None:
        """`name` is this worker's, for people who look into the database."""
        self._store = system.store
        self._files = system.files
        self._settings = system.settings.jobs
        self._maker = maker
        self._heartbeats = heartbeats
        self._name = name
        self._metrics = system.metrics

    async def run(self) -> None:
        """Make the sound of the job whose turn it is, if any; when cancelled, give the job back."""
        claim_id = str(uuid.uuid4())
        job = await self._store.claim_next(claim_id, self._name)
        if job is None:
            return
        claim = Claim(job_id=job.id, claim_id=claim_id)
        making = asyncio.create_task(self._make(job))
        async with self._heartbeats.lease(claim, making) as running:
            if job.cancel_requested:  # while it was queued again
                running.is_cancelled = True
                making.cancel()
            try:
                await asyncio.wait([making])
            except asyncio.CancelledError:  # this worker stops
                making.cancel()
                await asyncio.wait([making])
                await _to_the_end(self._store.requeue(claim, 0.0, 0))
                self._metrics.jobs_requeued.labels("worker_stopped").inc()
                raise
            if not running.is_lost:
                await _to_the_end(self._settle(job, running, making))

    async def _make(self, job: Job) -> JobResult:
        # Somebody waits for the others.
        caller = Caller(request_id=job.id, owner=job.request.owner, priority=BACKGROUND)
        about: dict[str, tracing.Attribute] = {
            "tritone.contract": job.request.contract,
            "tritone.attempt": job.attempt,
        }
        with tracing.span("job", about, kind=SpanKind.CONSUMER, parent=job.traceparent):
            sound = await self._maker.generate(job.request.sound, caller)
            files = [await self._keep(sound, each) for each in job.request.formats]
        return JobResult(
            files=tuple(files),
            seconds=sound.seconds,
            sample_rate=sound.sample_rate,
            model=sound.card.name,
            model_version=sound.model_version,
            seed=sound.seed,
            steps=sound.steps,
            guidance_scale=sound.guidance_scale,
            notes=sound.notes,
        )

    async def _keep(self, sound: Sound, output: OutputFormat) -> JobFile:
        row = output.audio_format
        stage = self._metrics.stage_seconds.labels(sound.card.name, "encoding")
        with stage.time(), tracing.span("encoding", {"tritone.format": row.name}):
            data = await in_audio_thread(encode, sound.pcm, sound.sample_rate, row)
        return JobFile(
            key=await self._files.put(data, row.extension),
            format=row.name,
            media_type=row.media_type,
            n_bytes=len(data),
        )

    async def _settle(self, job: Job, running: RunningJob, making: asyncio.Task[JobResult]) -> None:
        outcome = self._outcome(job, making)
        if isinstance(outcome, _Again):
            await self._store.requeue(running.claim, outcome.delay_s, outcome.strikes)
            reason = "attempt_failed" if outcome.strikes else "no_room"
            self._metrics.jobs_requeued.labels(reason).inc()
            return
        if await self._store.end(running.claim, outcome) is None:
            _log.warning("the job was no longer ours", job_id=job.id)
            return
        _log.info("job ended", job_id=job.id, status=outcome.status.value, attempt=job.attempt)

    def _outcome(self, job: Job, making: asyncio.Task[JobResult]) -> Ending | _Again:
        if making.cancelled():
            return Ending(status=JobStatus.CANCELLED)
        error = making.exception()
        if error is None:
            return Ending(status=JobStatus.COMPLETED, result=making.result())
        if isinstance(error, (BackendUnavailable, Overloaded)):
            return self._when_there_is_room(job, error)
        if isinstance(error, TritoneError) and not isinstance(error, GenerationFailed):
            return _failed(error)
        _log.error("attempt failed", job_id=job.id, attempt=job.attempt, exc_info=error)
        if job.strikes + 1 < self._settings.max_attempts:
            return _Again(delay_s=_pause_s(job), strikes=1)
        return _failed(error)

    def _when_there_is_room(
        self, job: Job, error: BackendUnavailable | Overloaded
    ) -> Ending | _Again:
        if (datetime.now(UTC) - job.created_at).total_seconds() > self._settings.patience_s:
            return _failed(error)
        pause_s = _pause_s(job)
        if isinstance(error, Overloaded):
            pause_s = max(pause_s, error.retry_after_s)
        return _Again(delay_s=pause_s, strikes=0)


def _failed(error: BaseException) -> Ending:
    # What is not ours may repeat the prompt or our insides: only our own words reach the caller.
    failure = _UNEXPECTED
    if isinstance(error, TritoneError):
        failure = JobFailure(name=type(error).__name__, message=error.message)
    return Ending(status=JobStatus.ERROR, failure=failure)


def _pause_s(job: Job) -> float:
    pause = min(_LONGEST_PAUSE_S, 2.0 ** min(job.attempt - 1, 5))
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 -- not a secret


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` gives, finished even when this task is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
