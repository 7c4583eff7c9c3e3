"""What contracts do with jobs. Knows no HTTP."""

import re
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from opentelemetry.trace import SpanKind

from frontend.errors import InvalidRequest
from frontend.jobs.deliveries import DeliveryStore
from frontend.jobs.model import Job, JobRequest
from frontend.jobs.positions import QueuePositions
from frontend.jobs.queue_load import QueueLoad
from frontend.jobs.records import JobFilter, Submission
from frontend.jobs.settings import JobSettings
from frontend.jobs.store import JobStore
from frontend.jobs.watcher import JobWatcher, Listen
from frontend.observe import tracing
from frontend.webhooks.model import Delivery
from frontend.webhooks.settings import WebhookSettings
from frontend.webhooks.urls import check_url

MAX_PAGE = 1000
MAX_LABEL_CHARS = 1000  # also of an idempotency key
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
        listen: Listen,
        settings: JobSettings,
        webhooks: WebhookSettings,
    ) -> None:
        """`listen` hears of changes of jobs, for those who follow them."""
        self._store = store
        self._deliveries = deliveries
        self._webhooks = webhooks
        self._positions = QueuePositions(store)
        self._watcher = JobWatcher(
            store,
            self._positions,
            listen,
            period_s=settings.poll_s / 2,
            max_streams=settings.max_streams,
        )
        self.load = QueueLoad(store, settings.max_queued)

    async def close(self) -> None:
        """Stop following jobs."""
        await self._watcher.close()

    async def find_repeated(self, owner: str, idempotency_key: str, digest: bytes) -> Job | None:
        """Return the job that an idempotency key was accepted for; None: it is a new one.

        Raises:
            InvalidRequest: the key cannot be used.
            JobConflict: it was accepted for another request.
            BackendUnavailable: the database is away.
        """
        _check_text(idempotency_key, "Idempotency-Key")
        return await self._store.find_repeated(owner, idempotency_key, digest)

    async def submit(
        self, request: JobRequest, *, digest: bytes | None = None, cost: float = 1.0
    ) -> Job:
        """Accept a job durably; a repeated idempotency key gives the job of the first time.

        Ask `find_repeated` before: a repetition needs no room in the queue.
        `digest` is of what the caller sent, where that is not the whole `request`; `cost` is that
        of the sound, in a unit that is the same for all: it decides whose turn comes next.
        The sound itself is not looked at: refuse with `make_plan` first what cannot be made.

        Raises:
            InvalidRequest: the webhook's address, a label or the key cannot be used.
            JobConflict: the idempotency key belongs to another request.
            Overloaded: too many jobs wait.
            BackendUnavailable: the database is away.
        """
        self._check(request)
        await self.load.check_room(request.owner)
        about = {"tritone.contract": request.contract}
        with tracing.span("submit job", about, kind=SpanKind.PRODUCER):
            submission = Submission(
                request=request,
                digest=digest or request.digest,
                cost=cost,
                traceparent=tracing.traceparent(),
            )
            job = await self._store.insert(str(uuid.uuid4()), submission)
        self.load.note_accepted(request.owner)
        return job

    async def get(self, job_id: str, owner: str | None) -> Job:
        """Return a job, with its queue position while it is queued.

        Raises:
            JobNotFound: there is none of this owner.
        """
        return await self._positions.place(await self._store.get(job_id, owner))

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

    async def events(self, job_id: str, owner: str | None) -> AsyncGenerator[Job]:
        """Return what yields a job now and at every change until it is over.

        Raises:
            JobNotFound: there is none of this owner, or, while it is followed, not any more.
            Overloaded: too many are followed already.
        """
        job = await self.get(job_id, owner)
        self._watcher.check_room(owner or "")
        return self._watcher.follow(job, owner or "")

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
