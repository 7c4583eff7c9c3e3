"""Following jobs: all event streams of this process share one question to the database.

A notification says that something changed. What did is asked for all streams together, at most
once a period, and they are woken a few at a time, so that other requests come in between.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from frontend.errors import GenerationFailed, JobNotFound, Overloaded, TritoneError
from frontend.jobs.model import Job, JobStatus
from frontend.jobs.positions import QueuePositions
from frontend.jobs.store import JobStore
from tritone.tasks import end_tasks

_SLICE = 8  # streams that are woken at once
_LOOKS_PER_POSITION = 4  # one job that begins moves all that wait
_SLICE_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 10.0  # without a notification: one may have been lost
_RETRY_AFTER_S = 10.0

_log = structlog.get_logger(__name__)

Listen = Callable[[Callable[[str], None]], Coroutine[Any, Any, None]]
"""Calls what it is given whenever a job may have changed, until cancelled."""


@dataclass(slots=True, eq=False)
class _Stream:
    """Somebody who follows a job."""

    job: Job  # as it was told last, or is to be told next
    owner: str  # whose key it is; empty where there are none
    error: TritoneError | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class JobWatcher:
    """Tells streams of changes. Nothing runs while there are none."""

    def __init__(
        self,
        store: JobStore,
        positions: QueuePositions,
        listen: Listen,
        *,
        period_s: float,
        max_streams: int,
    ) -> None:
        """`period_s`: the shortest time between two looks."""
        self._store = store
        self._positions = positions
        self._listen = listen
        self._period_s = period_s
        self._max_streams = max_streams
        self._streams: set[_Stream] = set()
        self._news = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._n_looks = 0

    def check_room(self, owner: str) -> None:
        """Return if one more stream may be opened.

        A key may have half of the streams that the others leave; those without one share them all.

        Raises:
            Overloaded: there are too many, of all or of this key.
        """
        free = self._max_streams - len(self._streams)
        mine = sum(each.owner == owner for each in self._streams)
        if free <= 0 or (owner and mine > free):
            raise Overloaded(
                "Too many event streams are open; close some, or try again later.",
                retry_after_s=_RETRY_AFTER_S,
                reason="streams",
            )

    async def follow(self, job: Job, owner: str) -> AsyncGenerator[Job]:
        """Yield a job now and at every change of status, progress or position until it is over.

        Raises:
            JobNotFound: it is gone.
            Overloaded: there are too many streams.
            BackendUnavailable: the database is away.
        """
        with self._open_stream(job, owner) as stream:
            while True:
                job = stream.job  # a slow reader gets the newest, and always the last
                yield job
                if job.is_over:
                    return
                await stream.changed.wait()
                stream.changed.clear()
                if stream.error is not None:
                    raise stream.error

    async def close(self) -> None:
        """Stop looking; streams that are still open hear no more."""
        if self._running is not None:
            await end_tasks(self._running)

    @contextmanager
    def _open_stream(self, job: Job, owner: str) -> Iterator[_Stream]:
        self.check_room(owner)
        stream = _Stream(job, owner)
        self._streams.add(stream)
        self._news.set()  # the job may have changed since the caller looked
        if self._running is None:
            self._running = asyncio.create_task(self._run())
            self._running.add_done_callback(self._on_end)
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            if not self._streams and self._running is not None:
                self._running.cancel()

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._running = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("watching jobs failed", exc_info=error)
            self._fail(GenerationFailed("The job cannot be followed any more; ask again."))
        elif self._streams:  # one was opened while the task ended
            self._running = asyncio.create_task(self._run())
            self._running.add_done_callback(self._on_end)

    def _fail(self, error: TritoneError) -> None:
        for stream in self._streams:
            stream.error = error
            stream.changed.set()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen(lambda _: self._news.set()))
            try:
                while True:
                    await self._wait_for_news()
                    try:
                        await self._look()
                    except TritoneError as error:
                        self._fail(error)
                    await asyncio.sleep(self._period_s)
            finally:
                await end_tasks(listening)

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_PAUSE_S):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    async def _look(self) -> None:
        now = await self._get_jobs(list(self._streams))
        self._n_looks += 1
        if self._n_looks % _LOOKS_PER_POSITION == 0:
            now = await self._place(now)
        else:
            self._news.set()  # look again until positions are known, too
        n_woken = 0
        for stream, job in now.items():
            if job is None:
                stream.error = JobNotFound("There is no such job.")
            else:
                is_news = _get_visible(job) != _get_visible(stream.job)
                stream.job = job
                if not is_news:
                    continue
            stream.changed.set()
            n_woken += 1
            if n_woken % _SLICE == 0:
                await asyncio.sleep(_SLICE_PAUSE_S)

    async def _get_jobs(self, streams: list[_Stream]) -> dict[_Stream, Job | None]:
        """Return the jobs of streams as they are now, at the positions last told; None: gone."""
        seen: dict[str, Job] = {}
        for stream in streams:  # of two who follow one job, whoever knows less
            known = seen.setdefault(stream.job.id, stream.job)
            if stream.job.updated_at < known.updated_at:
                seen[stream.job.id] = stream.job
        changed = await self._store.get_changed(list(seen.values()))
        now: dict[_Stream, Job | None] = {}
        for stream in streams:
            job = changed.get(stream.job.id, stream.job)
            is_queued = job is not None and job.status is JobStatus.QUEUED
            now[stream] = job and replace(job, position=stream.job.position if is_queued else None)
        return now

    async def _place(self, jobs: dict[_Stream, Job | None]) -> dict[_Stream, Job | None]:
        """Return jobs at their positions, without those that have left the queue since."""
        queued = {job.id for job in jobs.values() if job and job.status is JobStatus.QUEUED}
        if not queued:
            return jobs
        positions = await self._positions.get(queued)
        return {
            stream: job and replace(job, position=positions.get(job.id))
            for stream, job in jobs.items()
            if job is None or job.id in positions or job.id not in queued
        }


def _get_visible(job: Job) -> tuple[object, ...]:
    """Return what of a job a follower is told at every change."""
    progress = (job.steps_done, job.steps, job.position)
    return (job.status, job.attempt, job.cancel_requested, *progress)
