"""Diffusion steps, one after the other in each lane: jobs join, leave and overtake between any two.

Knows no Triton. Each lane is a thread of its own in `run`; `submit`, `cancel` and `progress` may be
called from any thread.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from backends.denoiser.job import Job, Tensors
from backends.denoiser.job_queue import JobQueue, too_late
from backends.denoiser.known_jobs import Progress
from backends.denoiser.metrics import Metrics
from backends.denoiser.rows import Predict, Transformers, predict_rows
from backends.errors import Code, RequestFailed
from tritone.sampling import Latents


class Scheduler:
    """Steps the jobs of a bounded queue over one transformer, in one or several lanes."""

    def __init__(
        self,
        transformers: Transformers,
        metrics: Metrics,
        *,
        step_batch: int,
        max_pending: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let each lane step at most `step_batch` jobs at once; `max_pending` more may wait."""
        self._transformers = transformers
        self._metrics = metrics
        self._clock = clock
        max_jobs = transformers.lanes * step_batch + max_pending
        self._queue = JobQueue(metrics, step_batch=step_batch, max_jobs=max_jobs, clock=clock)
        self._noise = ThreadPoolExecutor(max_workers=transformers.lanes, thread_name_prefix="noise")

    def submit(self, job: Job, timeout_s: float | None = None) -> None:
        """Queue a job; `timeout_s` bounds its whole stay.

        Raises:
            RequestFailed: the queue is full, the job is cancelled or would be late in any case, or
                the scheduler is stopping.
        """
        self._queue.submit(job, timeout_s)

    def cancel(self, job_id: str) -> Progress:
        """Let a job end before its next step; return its progress, or `UNKNOWN_JOB`.

        A job that is not known yet is refused when it comes.
        """
        return self._queue.cancel(job_id)

    def progress(self, job_id: str) -> Progress:
        """Return a job's steps done and steps in all, even if it ended lately, or `UNKNOWN_JOB`."""
        return self._queue.progress(job_id)

    def stop(self) -> None:
        """Accept no more jobs; `run` returns when the accepted ones have ended."""
        self._queue.stop()

    def abandon(self) -> None:
        """Fail every job that is left after `stop`, also those that hang in a step."""
        for job in self._queue.all_jobs():
            job.end(RequestFailed("denoiser is stopping", Code.UNAVAILABLE))

    def run(self) -> None:
        """Be a lane: step until stopped and nothing is left to take."""
        while self._queue.wait():
            try:
                self.step()
            except Exception as error:  # a bug costs the jobs at hand, never the lane
                self._fail_all(self._queue.drop_all(), error)

    def step(self) -> None:
        """Answer what ended, and take one diffusion step with the jobs whose turn it is."""
        self._check_clients()
        self._answer_ended()
        jobs, is_alone = self._queue.take()
        if not jobs:
            return
        try:
            self._advance(jobs, self._transformers.alone if is_alone else self._transformers.beside)
        except Exception as error:  # a bug costs the jobs of this step, never those of other lanes
            self._fail_all(jobs, error)
        finally:
            self._queue.put_back(jobs)

    def _advance(self, jobs: list[Job], predict: Predict) -> None:
        # Made while the transformer computes: a batch of long sounds takes milliseconds of it.
        noises = [
            self._noise.submit(job.trajectory.noise) if job.trajectory.adds_noise else None
            for job in jobs
        ]
        begin = self._clock()
        answers = predict_rows(lambda inputs: self._timed(predict, inputs), jobs)
        self._queue.learn(jobs, self._clock() - begin)
        for job, answer, noise in zip(jobs, answers, noises, strict=True):
            if isinstance(answer, RequestFailed):
                self._fail(job, answer)
                continue
            job.trajectory.advance(answer, noise.result() if noise else None)
            if job.trajectory.is_done:
                self._queue.remember(job)
                job.end()

    def _timed(self, predict: Predict, inputs: Tensors) -> Latents:
        begin = self._clock()
        denoised = predict(inputs)
        self._metrics.stepped(len(denoised), self._clock() - begin)
        return denoised

    def _check_clients(self) -> None:
        # Another lane may take and answer such a job meanwhile: `Reply` allows that.
        for job in self._queue.due_for_check():
            job.cancel_requested |= job.reply.is_cancelled()

    def _answer_ended(self) -> None:
        ended = self._queue.drop_ended()
        for job in ended.cancelled:
            done, steps = job.progress
            self._metrics.cancelled()
            job.end(RequestFailed(f"cancelled at step {done}/{steps}", Code.CANCELLED))
        for job in ended.late:
            self._fail(job, too_late(job))

    def _fail_all(self, jobs: list[Job], error: Exception) -> None:
        for job in jobs:
            self._fail(job, RequestFailed(f"denoiser failed: {error!r}", Code.INTERNAL))

    def _fail(self, job: Job, error: RequestFailed) -> None:
        if not job.has_ended:
            self._metrics.failed()
            job.end(error)
