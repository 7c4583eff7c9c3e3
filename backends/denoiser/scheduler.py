"""Whose diffusion step is next: jobs join, leave and overtake between any two steps.

Knows no Triton. Each lane is a thread of its own in `run`; `submit`, `cancel` and `progress` may be
called from any thread.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from backends.denoiser.job import Job, Tensors
from backends.denoiser.known_jobs import UNKNOWN_JOB, KnownJobs, Progress
from backends.denoiser.metrics import Metrics
from backends.denoiser.pace import Pace
from backends.denoiser.rows import Predict, Transformers, predict_rows
from backends.errors import Code, RequestFailed
from tritone.sampling import Latents
from tritone.turns import Turns

_ASK_CLIENT_S = 0.25  # whether a client is gone: a round trip to Triton's process


class Scheduler:
    """A bounded queue of jobs over one transformer, stepped by one or several lanes."""

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
        self._step_batch = step_batch
        self._max_jobs = transformers.lanes * step_batch + max_pending
        self._clock = clock
        self._changed = threading.Condition()  # reentrant
        self._ready: list[Job] = []  # those in no step right now
        self._stepping: list[Job] = []
        self._turns = Turns()
        self._pace = Pace()
        self._known = KnownJobs()
        self._is_stopping = False
        self._noise = ThreadPoolExecutor(max_workers=transformers.lanes, thread_name_prefix="noise")

    def submit(self, job: Job, timeout_s: float | None = None) -> None:
        """Queue a job; `timeout_s` bounds its whole stay.

        Raises:
            RequestFailed: the queue is full, the job is cancelled or would be late in any case, or
                the scheduler is stopping.
        """
        now = self._clock()
        if timeout_s:
            job.deadline = now + timeout_s
        with self._changed:
            if self._is_stopping:
                raise RequestFailed("denoiser is stopping", Code.UNAVAILABLE)
            if self._known.was_cancelled(job.job_id):
                self._metrics.cancelled()
                raise RequestFailed("cancelled before the first step", Code.CANCELLED)
            if len(self._ready) + len(self._stepping) >= self._max_jobs:
                raise RequestFailed("denoiser queue is full", Code.UNAVAILABLE)
            if self._is_late(job, now):
                self._metrics.failed()
                raise _late(job)
            self._turns.enter(job, now)
            self._ready.append(job)
            self._changed.notify()
            self._report()

    def cancel(self, job_id: str) -> Progress:
        """Let a job end before its next step; return its progress, or `UNKNOWN_JOB`.

        A job that is not known yet is refused when it comes.
        """
        with self._changed:
            jobs = self._jobs_of(job_id)
            if not jobs:
                self._known.cancel_early(job_id)
            for job in jobs:
                job.cancel_requested = True
            return jobs[-1].progress if jobs else UNKNOWN_JOB

    def progress(self, job_id: str) -> Progress:
        """Return a job's steps done and steps in all, even if it ended lately, or `UNKNOWN_JOB`."""
        with self._changed:
            jobs = self._jobs_of(job_id)
            return jobs[-1].progress if jobs else self._known.progress(job_id)

    def stop(self) -> None:
        """Accept no more jobs; `run` returns when the accepted ones have ended."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def run(self) -> None:
        """Be a lane: step until stopped and nothing is left to begin."""
        while self._has_work():
            try:
                self.step()
            except Exception as error:  # a bug costs the jobs at hand, never the lane
                self._give_up(error)

    def step(self) -> None:
        """Answer what ended, and take one diffusion step with the jobs whose turn it is."""
        self._drop_ended()
        jobs, predict = self._take()
        if not jobs:
            return
        try:
            self._advance(jobs, predict)
        except Exception as error:  # a bug costs the jobs of this step, never its neighbours
            for job in jobs:
                self._fail(job, _broken(error))
        finally:
            self._put_back(jobs)

    def _has_work(self) -> bool:
        with self._changed:
            while not (self._ready or self._is_stopping):
                self._changed.wait()
            return bool(self._ready)

    def _take(self) -> tuple[list[Job], Predict]:
        """Take the jobs of the next step from those that are ready; none: nothing to do."""
        with self._changed:
            ready = self._turns.ordered(self._ready, self._clock())
            jobs = [job for job in ready if job.shape == ready[0].shape][: self._step_batch]
            for job in jobs:
                self._ready.remove(job)
                job.has_begun = True
                # Jobs of equal work all end later when they take turns: it goes on to its end.
                job.leads |= job is ready[0]
            is_alone = not (self._ready or self._stepping)
            self._stepping += jobs
            self._report()
            return jobs, self._transformers.alone if is_alone else self._transformers.beside

    def _put_back(self, jobs: list[Job]) -> None:
        with self._changed:
            for job in jobs:
                self._stepping.remove(job)
                if job.has_ended:
                    self._turns.leave(job)
                else:
                    self._ready.append(job)
            if len(self._ready) > self._step_batch:  # more than this lane takes up again at once
                self._changed.notify()
            self._report()

    def _give_up(self, error: Exception) -> None:
        with self._changed:
            jobs, self._ready = self._ready, []
            for job in jobs:
                self._turns.leave(job)
        for job in jobs:
            self._fail(job, _broken(error))

    def _advance(self, jobs: list[Job], predict: Predict) -> None:
        # Made while the transformer computes: a batch of long sounds takes milliseconds of it.
        noises = [
            self._noise.submit(job.trajectory.noise) if job.trajectory.adds_noise else None
            for job in jobs
        ]
        begin = self._clock()
        answers = predict_rows(lambda inputs: self._timed(predict, inputs), jobs)
        self._learn(jobs, self._clock() - begin)
        for job, answer, noise in zip(jobs, answers, noises, strict=True):
            if isinstance(answer, RequestFailed):
                self._fail(job, answer)
                continue
            job.trajectory.advance(answer, noise.result() if noise else None)
            if job.trajectory.is_done:
                self._succeed(job)

    def _timed(self, predict: Predict, inputs: Tensors) -> Latents:
        begin = self._clock()
        denoised = predict(inputs)
        self._metrics.stepped(len(denoised), self._clock() - begin)
        return denoised

    def _learn(self, jobs: list[Job], seconds: float) -> None:
        with self._changed:
            self._pace.learn(jobs[0].shape, seconds)
            for job in jobs:
                self._turns.charge(job, seconds / len(jobs))

    def _drop_ended(self) -> None:
        now = self._clock()
        with self._changed:
            ready = list(self._ready)
        for job in ready:
            if now - job.asked_at >= _ASK_CLIENT_S:
                job.asked_at = now
                job.cancel_requested |= job.reply.is_cancelled()
        with self._changed:
            cancelled = [job for job in self._ready if job.cancel_requested]
            late = [j for j in self._ready if not j.cancel_requested and self._is_late(j, now)]
            for job in (*cancelled, *late):
                self._ready.remove(job)
                self._turns.leave(job)
            self._report()
        for job in cancelled:
            done, steps = job.progress
            self._metrics.cancelled()
            job.end(RequestFailed(f"cancelled at step {done}/{steps}", Code.CANCELLED))
        for job in late:
            self._fail(job, _late(job))

    def _is_late(self, job: Job, now: float) -> bool:
        """Return whether a job would miss its deadline even if it had everything for itself."""
        return now + self._pace.least_s(job.shape, job.steps_left) > job.deadline

    def _succeed(self, job: Job) -> None:
        with self._changed:
            self._known.remember(job.job_id, job.progress)
        job.end()

    def _fail(self, job: Job, error: RequestFailed) -> None:
        self._metrics.failed()
        job.end(error)

    def _jobs_of(self, job_id: str) -> list[Job]:
        jobs = (*self._ready, *self._stepping)
        return [job for job in jobs if job_id and job.job_id == job_id]

    def _report(self) -> None:
        waiting = sum(not job.has_begun for job in self._ready)
        self._metrics.queued(len(self._ready) + len(self._stepping) - waiting, waiting)


def _broken(error: Exception) -> RequestFailed:
    return RequestFailed(f"denoiser failed: {error!r}", Code.INTERNAL)


def _late(job: Job) -> RequestFailed:
    done, steps = job.progress
    return RequestFailed(f"deadline exceeded at step {done}/{steps}", Code.CANCELLED)
