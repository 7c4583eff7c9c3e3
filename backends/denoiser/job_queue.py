"""The jobs of a denoiser: how many it accepts, which are next, which are in a step right now.

Knows no Triton and computes nothing. Every method may be called from any thread.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backends.denoiser.job import Job
from backends.denoiser.known_jobs import KnownJobs
from backends.denoiser.metrics import Metrics
from backends.denoiser.step_times import CostClass, StepTimes
from backends.early_cancels import EarlyCancels
from backends.errors import Code, RequestFailed
from backends.progress import UNKNOWN_JOB, Progress
from tritone.refusals import CANCELLED, DEADLINE_EXCEEDED, QUEUE_FULL, STOPPING
from tritone.turns import Turns

CLIENT_CHECK_S = 0.25  # between two checks of one client, each a round trip to Triton's process


@dataclass(frozen=True, slots=True)
class Dropped:
    """Jobs that left the queue without their result, and still have to be answered."""

    cancelled: list[Job]
    late: list[Job]


@dataclass(frozen=True, slots=True)
class Step:
    """The jobs that share the next transformer call."""

    jobs: list[Job]
    is_only_one: bool  # no other job waits, and no other lane is in a step


class JobQueue:
    """Accepted jobs. Each lane of a scheduler begins a step with some of them, and ends it."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        step_batch: int,
        max_jobs: int,
        clock: Callable[[], float] = time.monotonic,
        early_cancels: EarlyCancels | None = None,
    ) -> None:
        """Hold at most `max_jobs`, and give at most `step_batch` of them to one step."""
        self._metrics = metrics
        self._step_batch = step_batch
        self._max_jobs = max_jobs
        self._clock = clock
        self._changed = threading.Condition()  # reentrant
        self._ready: list[Job] = []  # those in no step right now
        self._stepping: list[Job] = []
        self._turns = Turns()
        self._step_times = StepTimes()
        self._known = KnownJobs(early_cancels)
        self._is_stopping = False

    def submit(self, job: Job, timeout_s: float | None) -> None:
        """Accept a job; `timeout_s` bounds how long it stays.

        Raises:
            RequestFailed: the queue is full, the job is cancelled or would be late in any case, or
                the queue is stopping.
        """
        now = self._clock()
        if timeout_s:
            job.due_at = now + timeout_s  # its deadline
        with self._changed:
            if self._is_stopping:
                raise RequestFailed(STOPPING, Code.UNAVAILABLE)
            if self._known.pop_early_cancel(job.job_id):
                self._metrics.count_cancelled()
                raise RequestFailed(f"{CANCELLED} before the first step", Code.CANCELLED)
            if len(self._ready) + len(self._stepping) >= self._max_jobs:
                raise RequestFailed(QUEUE_FULL, Code.UNAVAILABLE)
            if self._is_late(job, now):
                self._metrics.count_failed()
                raise make_late_error(job)
            self._turns.enter(job, now)
            self._ready.append(job)
            self._changed.notify()
            self._report()

    def cancel(self, job_id: str) -> Progress:
        """Let a job end before its next step; return its progress, or `UNKNOWN_JOB`."""
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

    @property
    def load(self) -> tuple[int, int]:
        """How many jobs it has, and how many it takes."""
        with self._changed:
            return len(self._ready) + len(self._stepping), self._max_jobs

    def remember(self, job: Job) -> None:
        """Keep the progress of a job that leaves."""
        with self._changed:
            self._known.remember(job.job_id, job.progress)

    def stop(self) -> None:
        """Accept no more jobs."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def wait_for_jobs(self) -> bool:
        """Wait for a job that is in no step; return False once stopping and none is left."""
        with self._changed:
            while not (self._ready or self._is_stopping):
                self._changed.wait()
            return bool(self._ready)

    def due_for_check(self) -> list[Job]:
        """Return the jobs whose client was not checked lately, and count them as checked.

        So no two lanes check one client at the same time.
        """
        now = self._clock()
        with self._changed:
            due = [job for job in self._ready if now - job.client_checked_at >= CLIENT_CHECK_S]
            for job in due:
                job.client_checked_at = now
            return due

    def drop_cancelled_and_late(self) -> Dropped:
        """Remove the jobs that are cancelled, or that can no longer be in time."""
        now = self._clock()
        with self._changed:
            cancelled = [job for job in self._ready if job.cancel_requested]
            late = [j for j in self._ready if not j.cancel_requested and self._is_late(j, now)]
            self._remove((*cancelled, *late))
            return Dropped(cancelled, late)

    def drop_all(self) -> list[Job]:
        """Remove every job that is in no step right now."""
        with self._changed:
            jobs = list(self._ready)
            self._remove(jobs)
            return jobs

    def forget_early_cancels(self) -> None:
        """Leave nothing to the processes before this one."""
        with self._changed:
            self._known.forget_early_cancels()

    def all_jobs(self) -> list[Job]:
        """Return every job that was accepted and has not left."""
        with self._changed:
            return [*self._ready, *self._stepping]

    def begin_step(self) -> Step:
        """Choose the jobs whose turn it is, all of one shape; none if no job is ready."""
        with self._changed:
            ready = self._turns.order(self._ready, self._clock())
            jobs = [job for job in ready if job.shape == ready[0].shape][: self._step_batch]
            for job in jobs:
                self._ready.remove(job)
                job.has_begun = True
                # If jobs of equal work took turns at every step, all of them would end late.
                job.keeps_turn |= job is ready[0]
            is_only_one = not (self._ready or self._stepping)
            self._stepping += jobs
            self._report()
            return Step(jobs, is_only_one)

    def charge(self, jobs: list[Job], cost_class: CostClass, seconds: float) -> None:
        """Charge the jobs of a step for the time that it took."""
        with self._changed:
            self._step_times.record(cost_class, seconds)
            for job in jobs:
                self._turns.charge(job, seconds / len(jobs))

    def end_step(self, jobs: list[Job]) -> None:
        """Make jobs ready again after their step; those that have ended leave."""
        with self._changed:
            for job in jobs:
                self._stepping.remove(job)
                if job.has_ended:
                    self._turns.leave(job)
                else:
                    self._ready.append(job)
            if len(self._ready) > self._step_batch:  # more than this lane's next step has room for
                self._changed.notify()
            self._report()

    def _remove(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._ready.remove(job)
            self._turns.leave(job)
        self._report()

    def _is_late(self, job: Job, now: float) -> bool:
        """Return whether a job would miss its deadline even if it had everything for itself."""
        return now + self._step_times.shortest_s(job.steps_left) > job.due_at

    def _jobs_of(self, job_id: str) -> list[Job]:
        jobs = (*self._ready, *self._stepping)
        return [job for job in jobs if job_id and job.job_id == job_id]

    def _report(self) -> None:
        waiting = sum(not job.has_begun for job in self._ready)
        self._metrics.set_queue(len(self._ready) + len(self._stepping) - waiting, waiting)


def make_late_error(job: Job) -> RequestFailed:
    """Return the answer to a job that misses its deadline."""
    done, steps = job.progress
    return RequestFailed(f"{DEADLINE_EXCEEDED} at step {done}/{steps}", Code.CANCELLED)
