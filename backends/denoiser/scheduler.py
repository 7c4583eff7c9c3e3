"""Diffusion steps, one after the other in each lane. Between two steps jobs join, leave, overtake.

Knows no Triton. Each lane is a thread of its own in `run`; any thread may call `submit`, `cancel`
and `progress`.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from backends.denoiser.job import Job
from backends.denoiser.job_queue import JobQueue, make_late_error
from backends.denoiser.metrics import Metrics
from backends.denoiser.predict.rows import Predictors
from backends.denoiser.steps import HostSteps, OneLane, Steps
from backends.errors import Code, RequestFailed
from backends.progress import Progress
from tritone.refusals import CANCELLED, STOPPING


class Scheduler:
    """Steps the jobs of a bounded queue over one transformer, in one or several lanes."""

    def __init__(
        self,
        predictors: Predictors | OneLane,
        queue: JobQueue,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Step the jobs of a queue that nobody else uses."""
        if isinstance(predictors, Predictors):
            drawing = ThreadPoolExecutor(predictors.lanes, thread_name_prefix="noise")
            self._alone: Steps = HostSteps(predictors.one_lane, drawing, clock)
            self._beside: Steps = HostSteps(predictors.many_lanes, drawing, clock)
        else:
            self._alone = self._beside = predictors.steps
        self._queue = queue
        self._metrics = metrics
        self._clock = clock

    def submit(self, job: Job, timeout_s: float | None = None) -> None:
        """Queue a job; `timeout_s` bounds how long it stays.

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

    @property
    def load(self) -> tuple[int, int]:
        """How many jobs it has, and how many it takes."""
        return self._queue.load

    def stop(self) -> None:
        """Accept no more jobs; `run` returns when the accepted ones have ended."""
        self._queue.stop()

    def abandon(self) -> None:
        """Fail every job that is left after `stop`, also those that hang in a step."""
        self._queue.forget_early_cancels()
        for job in self._queue.all_jobs():
            job.end(RequestFailed(STOPPING, Code.UNAVAILABLE))

    def run(self) -> None:
        """Be a lane: step until the scheduler stops and no job is left."""
        while self._queue.wait_for_jobs():
            try:
                self.step()
            except Exception as error:  # a bug costs the jobs at hand, never the lane
                self._fail_all(self._queue.drop_all(), error)

    def step(self) -> None:
        """Answer the jobs that were dropped, then do one step of the jobs whose turn it is."""
        self._check_clients()
        self._answer_dropped()
        step = self._queue.begin_step()
        if not step.jobs:
            return
        try:
            self._advance(step.jobs, self._alone if step.is_only_one else self._beside)
        except Exception as error:  # a bug costs the jobs of this step, never those of other lanes
            self._fail_all(step.jobs, error)
        finally:
            self._queue.end_step(step.jobs)

    def _advance(self, jobs: list[Job], steps: Steps) -> None:
        # One guided row makes the whole step a guided one.
        cost_class = max(job.cost_class for job in jobs)
        begin = self._clock()
        failures = steps.take(jobs, self._metrics.count_step)
        self._queue.charge(jobs, cost_class, self._clock() - begin)
        for job, failure in zip(jobs, failures, strict=True):
            if failure is not None:
                self._fail(job, failure)
            elif job.trajectory.is_done:
                self._queue.remember(job)
                job.end()

    def _check_clients(self) -> None:
        # Another lane may take and answer such a job meanwhile: `Reply` allows that.
        for job in self._queue.due_for_check():
            if job.reply.is_cancelled():  # never `|=`: a cancel that comes meanwhile would be lost
                job.cancel_requested = True

    def _answer_dropped(self) -> None:
        dropped = self._queue.drop_cancelled_and_late()
        for job in dropped.cancelled:
            done, steps = job.progress
            self._metrics.count_cancelled()
            job.end(RequestFailed(f"{CANCELLED} at step {done}/{steps}", Code.CANCELLED))
        for job in dropped.late:
            self._fail(job, make_late_error(job))

    def _fail_all(self, jobs: list[Job], error: Exception) -> None:
        for job in jobs:
            self._fail(job, RequestFailed(f"denoiser failed: {error!r}", Code.INTERNAL))

    def _fail(self, job: Job, error: RequestFailed) -> None:
        if not job.has_ended:
            self._metrics.count_failed()
            job.end(error)
