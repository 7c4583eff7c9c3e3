"""Continuous batching of diffusion steps: jobs join and leave the batch between any two steps.

Knows no Triton. `submit`, `cancel` and `progress` may be called from any thread; `step` and `run`
belong to one thread.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from backends.denoiser.job import Job, Tensors
from backends.denoiser.metrics import Metrics
from backends.denoiser.rows import Predict, predict_rows
from backends.errors import Code, RequestFailed
from tritone.sampling import Latents

UNKNOWN_JOB = (-1, -1)

_REMEMBERED_CANCELS = 256
_REMEMBERED_ENDS = 1024


class Scheduler:
    """Bounded queue and batch of jobs over one transformer."""

    def __init__(
        self,
        predict: Predict,
        metrics: Metrics,
        *,
        step_batch: int,
        max_pending: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take at most `step_batch` jobs at a time; `max_pending` more may wait."""
        self._predict = predict
        self._metrics = metrics
        self._step_batch = step_batch
        self._max_pending = max_pending
        self._clock = clock
        self._changed = threading.Condition()  # reentrant
        self._active: list[Job] = []
        self._pending: deque[Job] = deque()
        # A cancel may overtake its job, which is still being tokenised or encoded.
        self._early_cancels: deque[str] = deque(maxlen=_REMEMBERED_CANCELS)
        # Whoever waits for the decoder can tell its job from one that was lost with its process.
        self._ended: dict[str, tuple[int, int]] = {}
        self._is_stopping = False
        self._noise = ThreadPoolExecutor(max_workers=1, thread_name_prefix="noise")

    def submit(self, job: Job, timeout_s: float | None = None) -> None:
        """Queue a job; `timeout_s` bounds its whole stay.

        Raises:
            RequestFailed: the queue is full, the job is cancelled, or the scheduler is stopping.
        """
        if timeout_s:
            job.deadline = self._clock() + timeout_s
        with self._changed:
            if self._is_stopping:
                raise RequestFailed("denoiser is stopping", Code.UNAVAILABLE)
            if job.job_id and job.job_id in self._early_cancels:
                self._early_cancels.remove(job.job_id)
                self._metrics.cancelled()
                raise RequestFailed("cancelled before the first step", Code.CANCELLED)
            # Counted together: jobs in `pending` may already have a free row waiting for them.
            if len(self._active) + len(self._pending) >= self._step_batch + self._max_pending:
                raise RequestFailed("denoiser queue is full", Code.UNAVAILABLE)
            self._pending.append(job)
            self._changed.notify()
            self._report()

    def cancel(self, job_id: str) -> tuple[int, int]:
        """Let a job end before its next step; return its progress, or `UNKNOWN_JOB`.

        A job that is not known yet is refused when it comes.
        """
        with self._changed:
            jobs = self._jobs_of(job_id)
            if not jobs:
                self._early_cancels.append(job_id)
            for job in jobs:
                job.cancel_requested = True
            return jobs[-1].progress if jobs else UNKNOWN_JOB

    def progress(self, job_id: str) -> tuple[int, int]:
        """Return a job's steps done and steps in all, even if it ended lately, or `UNKNOWN_JOB`."""
        with self._changed:
            jobs = self._jobs_of(job_id)
            return jobs[-1].progress if jobs else self._ended.get(job_id, UNKNOWN_JOB)

    def stop(self) -> None:
        """Accept no more jobs; `run` returns when the accepted ones have ended."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()

    def run(self) -> None:
        """Step until stopped and empty."""
        while self._has_work():
            try:
                self.step()
            except Exception as error:  # a bug costs the jobs in flight, never the server
                for job in self._all_jobs():
                    self._fail(job, RequestFailed(f"denoiser failed: {error!r}", Code.INTERNAL))
        self._noise.shutdown()

    def step(self) -> None:
        """Drop what ended, admit what waits, and take one diffusion step with every active job."""
        self._drop_ended()
        with self._changed:
            while self._pending and len(self._active) < self._step_batch:
                self._active.append(self._pending.popleft())
            self._report()
        by_shape: dict[tuple[int, ...], list[Job]] = {}
        for job in self._active:
            by_shape.setdefault(job.trajectory.latents.shape, []).append(job)
        for jobs in by_shape.values():
            self._advance(jobs)

    def _has_work(self) -> bool:
        with self._changed:
            self._report()
            while not (self._active or self._pending or self._is_stopping):
                self._changed.wait()
            return bool(self._active or self._pending)

    def _advance(self, jobs: list[Job]) -> None:
        # Made while the transformer computes: a batch of long sounds takes milliseconds of it.
        noises = [self._noise.submit(job.trajectory.noise) for job in jobs]
        answers = predict_rows(self._timed_predict, jobs)
        for job, answer, noise in zip(jobs, answers, noises, strict=True):
            if isinstance(answer, RequestFailed):
                self._fail(job, answer)
                continue
            job.trajectory.advance(answer, noise.result())
            if job.trajectory.is_done:
                self._remember(job)
                self._remove(job)
                job.reply.succeed(job)

    def _remember(self, job: Job) -> None:
        if not job.job_id:
            return
        with self._changed:
            self._ended[job.job_id] = job.progress
            if len(self._ended) > _REMEMBERED_ENDS:
                del self._ended[next(iter(self._ended))]  # the oldest

    def _timed_predict(self, inputs: Tensors) -> Latents:
        begin = self._clock()
        denoised = self._predict(inputs)
        seconds = self._clock() - begin
        with self._changed:
            self._metrics.stepped(len(denoised), seconds)
        return denoised

    def _drop_ended(self) -> None:
        now = self._clock()
        for job in self._all_jobs():
            done, steps = job.progress
            if job.cancel_requested or job.reply.is_cancelled():
                self._metrics.cancelled()
                self._end(job, RequestFailed(f"cancelled at step {done}/{steps}", Code.CANCELLED))
            elif job.deadline is not None and now > job.deadline:
                message = f"deadline exceeded at step {done}/{steps}"
                self._fail(job, RequestFailed(message, Code.CANCELLED))

    def _fail(self, job: Job, error: RequestFailed) -> None:
        self._metrics.failed()
        self._end(job, error)

    def _end(self, job: Job, error: RequestFailed) -> None:
        self._remove(job)
        job.reply.fail(error)

    def _remove(self, job: Job) -> None:
        with self._changed:
            (self._active if job in self._active else self._pending).remove(job)
            self._report()

    def _all_jobs(self) -> list[Job]:
        with self._changed:
            return [*self._active, *self._pending]

    def _jobs_of(self, job_id: str) -> list[Job]:
        return [job for job in self._all_jobs() if job_id and job.job_id == job_id]

    def _report(self) -> None:
        self._metrics.queued(len(self._active), len(self._pending))
