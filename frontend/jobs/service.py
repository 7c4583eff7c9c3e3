"""What contracts do with jobs. Knows no HTTP."""

import asyncio
import math
import re
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from opentelemetry.trace import SpanKind

from frontend.errors import InvalidRequest, Overloaded
from frontend.jobs.deliveries import DeliveryStore
from frontend.jobs.model import Job, JobRequest, JobStatus
from frontend.jobs.records import JobFilter, Load
from frontend.jobs.settings import JobSettings
from frontend.jobs.store import JobStore
from frontend.observe import tracing
from frontend.webhooks.model import Delivery
from frontend.webhooks.settings import WebhookSettings
from frontend.webhooks.urls import check_url

MAX_PAGE = 1000
MAX_LABEL_CHARS = 1000  # also of an idempotency key
_FIRST_GUESS_S = 10.0  # of a job's running time, before one was seen
_LOAD_IS_FRESH_S = 1.0
# Neither can be written into a text column.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some jobs, and how to get the next ones."""

    jobs: tuple[Job, ...]
    cursor: str | None  # None: these were the last


class JobService:
    """Submits, shows, lists, cancels and follows jobs; shows and repeats their webhooks.

    `owner` is the id of the caller's API key; None stands for everybody, for operators.
    """

    def __init__(
        self,
        store: JobStore,
        deliveries: DeliveryStore,
        settings: JobSettings,
        webhooks: WebhookSettings,
    ) -> None:
        """Nothing is kept here but a moment-old measure of the load."""
        self._store = store
        self._deliveries = deliveries
        self._settings = settings
        self._webhooks = webhooks
        self._load: Load | None = None
        self._load_at = -math.inf
        self._measuring: asyncio.Task[Load] | None = None

    async def submit(self, request: JobRequest) -> Job:
        """Accept a job durably; a repeated idempotency key gives the job of the first time.

        The sound itself is not looked at: refuse with `make_plan` first what cannot be made.

        Raises:
            InvalidRequest: the webhook's address, a label or the key cannot be used.
            JobConflict: the idempotency key belongs to another request.
            Overloaded: too many jobs wait.
            BackendUnavailable: the database is away.
        """
        self._check(request)
        load = await self.load()
        if load.queued >= self._settings.max_queued:
            raise Overloaded(
                "Too many jobs wait; try again later.",
                retry_after_s=_typical_s(load),
                reason="jobs",
            )
        about = {"tritone.contract": request.contract}
        with tracing.span("submit job", about, kind=SpanKind.PRODUCER):
            return await self._store.insert(str(uuid.uuid4()), request, tracing.traceparent())

    async def get(self, job_id: str, owner: str | None) -> Job:
        """Return a job, with its queue position while it is queued.

        Raises:
            JobNotFound: there is none of this owner.
        """
        return await self._store.get(job_id, owner)

    async def list(self, which: JobFilter, cursor: str | None = None, limit: int = 20) -> Page:
        """Return a page of jobs.

        Raises:
            InvalidRequest: the cursor is not one of ours, or a label cannot be one.
        """
        if cursor is not None and not re.fullmatch(r"[0-9]{1,18}", cursor):
            raise InvalidRequest("The cursor is not one that was given.", field="cursor")
        for name, text in {**which.labels, "contract": which.contract or ""}.items():
            _check_text(text, name)
        limit = max(1, min(limit, MAX_PAGE))
        after = None if cursor is None else int(cursor)
        jobs = await self._store.page(which, after, limit + 1)
        page = tuple(jobs[:limit])
        return Page(jobs=page, cursor=str(page[-1].seq) if len(jobs) > limit else None)

    async def cancel(self, job_id: str, owner: str | None) -> Job:
        """End a queued job at once; have a running one stopped; leave one that is over as it is.

        Raises:
            JobNotFound: there is none of this owner.
        """
        return await self._store.cancel(job_id, owner)

    async def delete(self, job_id: str, owner: str | None) -> None:
        """Forget a job that is over; its files are the caller's to delete.

        Raises:
            JobNotFound: there is none of this owner that is over.
        """
        await self._store.delete(job_id, owner)

    async def events(self, job_id: str, owner: str | None) -> AsyncIterator[Job]:
        """Yield a job now and at every change of status, progress or position until it is over.

        Raises:
            JobNotFound: there is none of this owner, or not any more.
        """
        seen: tuple[object, ...] | None = None
        while True:
            job = await self._store.get(job_id, owner)
            shown = _shown(job)
            if shown != seen:
                yield job
            if job.is_over:
                return
            seen = shown
            # Asked again rather than notified: a NOTIFY per step would serialise all commits.
            await asyncio.sleep(self._settings.poll_s / 2)

    async def load(self) -> Load:
        """Return how busy the workers are, at most a second ago.

        Raises:
            BackendUnavailable: the database is away.
        """
        if self._load is not None and time.monotonic() - self._load_at < _LOAD_IS_FRESH_S:
            return self._load
        # One question for everybody who asks meanwhile, also while the database is away.
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure())
        return await asyncio.shield(self._measuring)

    async def _measure(self) -> Load:
        self._load = await self._store.load()
        self._load_at = time.monotonic()
        return self._load

    async def eta_s(self, job: Job | None = None) -> int:
        """Return when a job should be over, in whole seconds from now; None: one submitted now.

        From the running time of the last jobs, the queue before it, and how many run at once.
        """
        if job is not None and job.is_over:
            return 0
        load = await self.load()
        typical_s = _typical_s(load)
        if job is not None and job.status is JobStatus.RUNNING and job.started_at is not None:
            ran_s = (datetime.now(UTC) - job.started_at).total_seconds()
            return max(1, math.ceil(typical_s - ran_s))
        before = load.queued if job is None or job.position is None else job.position
        rounds = before / max(1, load.running)
        return max(1, math.ceil((rounds + 1) * typical_s))

    async def deliveries(self, job_id: str, owner: str | None) -> tuple[Delivery, ...]:
        """Return a job's webhooks with the log of their attempts, oldest first.

        Raises:
            JobNotFound: there is no such job of this owner.
        """
        job = await self._store.get(job_id, owner)
        return await self._deliveries.of_job(job.id, owner)

    async def redeliver(self, delivery_id: str, owner: str | None) -> Delivery:
        """Send a webhook again, with the same id and body.

        Raises:
            JobNotFound: there is no such webhook of this owner, or it is still on its way.
        """
        _check_text(delivery_id, "delivery_id")
        return await self._deliveries.restart(delivery_id, owner)

    def _check(self, request: JobRequest) -> None:
        if request.webhook_url is not None:
            check_url(request.webhook_url, self._webhooks)
        if request.idempotency_key is not None:
            _check_text(request.idempotency_key, "Idempotency-Key")
        for name, text in request.labels.items():
            _check_text(name, "labels")
            _check_text(text, name)


def _check_text(text: str, field: str) -> None:
    if len(text) > MAX_LABEL_CHARS:
        raise InvalidRequest(
            f"The text must have at most {MAX_LABEL_CHARS} characters.",
            field=field,
            kind="too_long",
        )
    if _UNSTORABLE.search(text):
        raise InvalidRequest(
            "The text must be valid Unicode, without NUL characters.",
            field=field,
            kind="not_unicode",
        )


def _typical_s(load: Load) -> float:
    return _FIRST_GUESS_S if load.typical_s is None else load.typical_s


def _shown(job: Job) -> tuple[object, ...]:
    progress = (job.steps_done, job.steps, job.position)
    return (job.status, job.attempt, job.cancel_requested, *progress)
