"""What a worker does with one job. Nothing here decides which worker does it."""

import asyncio
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from opentelemetry.trace import SpanKind

from frontend.errors import BackendUnavailable, GenerationFailed, Overloaded, TritoneError
from frontend.jobs.finishing import to_the_end
from frontend.jobs.heartbeats import HeartbeatSender, RunningJob
from frontend.jobs.model import Job, JobFailure, JobResult, JobStatus
from frontend.jobs.records import Claim, Ending
from frontend.jobs.result_maker import Maker, ResultMaker
from frontend.jobs.startup import JobSystem
from frontend.observe import tracing
from frontend.passes.caller import Caller
from tritone.turns import BACKGROUND

_LONGEST_PAUSE_S = 30.0  # between attempts while Triton is away
_UNEXPECTED = JobFailure(name="GenerationFailed", message=GenerationFailed.default_message)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """The job goes back into the queue."""

    delay_s: float
    strikes: int


class JobRunner:
    """Makes what one job after the other asks for, several at once."""

    def __init__(
        self, system: JobSystem, maker: Maker, heartbeats: HeartbeatSender, name: str
    ) -> None:
        """`name` is this worker's, for people who look into the database."""
        self._store = system.store
        self._settings = system.settings.jobs
        self._results = ResultMaker(maker, system.files, system.metrics)
        self._heartbeats = heartbeats
        self._name = name
        self._claiming = asyncio.Lock()  # two claims at once would not see each other's strikes
        self._metrics = system.metrics

    async def run(self) -> None:
        """Run the job whose turn it is, if any; when cancelled, give the job back."""
        # Tasks of other jobs with strikes found nothing to begin while one of these ran.
        while (job := await self._run_next()) is not None and job.strikes:
            continue

    async def _run_next(self) -> Job | None:
        claim_id = str(uuid.uuid4())
        async with self._claiming:
            job = await self._store.claim_next(claim_id, self._name)
        if job is not None:
            await self._run(job, Claim(job_id=job.id, claim_id=claim_id))
        return job

    async def _run(self, job: Job, claim: Claim) -> None:
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
                await to_the_end(self._store.requeue(claim, 0.0, 0))
                self._metrics.jobs_requeued.labels("worker_stopped").inc()
                raise
            if not running.is_lost:
                await to_the_end(self._settle(job, running, making))

    async def _make(self, job: Job) -> JobResult:
        # Somebody waits for the others.
        caller = Caller(request_id=job.id, owner=job.request.owner, priority=BACKGROUND)
        about: dict[str, tracing.Attribute] = {
            "tritone.contract": job.request.contract,
            "tritone.attempt": job.attempt,
        }
        with tracing.span("job", about, kind=SpanKind.CONSUMER, parent=job.traceparent):
            return await self._results.make(job.request, caller)

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
            return _make_failure(error)
        _log.error("attempt failed", job_id=job.id, attempt=job.attempt, exc_info=error)
        if job.strikes + 1 < self._settings.max_attempts:
            return _Again(delay_s=_pause_s(job), strikes=1)
        return _make_failure(error)

    def _when_there_is_room(
        self, job: Job, error: BackendUnavailable | Overloaded
    ) -> Ending | _Again:
        if (datetime.now(UTC) - job.created_at).total_seconds() > self._settings.patience_s:
            return _make_failure(error)
        pause_s = _pause_s(job)
        if isinstance(error, Overloaded):
            pause_s = max(pause_s, error.retry_after_s)
        return _Again(delay_s=pause_s, strikes=0)


def _make_failure(error: BaseException) -> Ending:
    # What is not ours may repeat the prompt or our insides: only our own words reach the caller.
    failure = _UNEXPECTED
    if isinstance(error, TritoneError):
        failure = JobFailure(name=type(error).__name__, message=error.message)
    return Ending(status=JobStatus.ERROR, failure=failure)


def _pause_s(job: Job) -> float:
    pause = min(_LONGEST_PAUSE_S, 2.0 ** min(job.attempt - 1, 5))
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 -- not a secret
