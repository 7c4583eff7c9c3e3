"""The jobs that a denoiser has: bounded, ordered by turns, and who is in a step right now.

Knows no Triton and computes nothing. Every method may be called from any thread.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backends.denoiser.job import Job
from backends.denoiser.known_jobs import UNKNOWN_JOB, KnownJobs, Progress
from backends.denoiser.metrics import Metrics
from backends.denoiser.pace import Pace
from backends.errors import Code, RequestFailed
from tritone.turns import Turns

CLIENT_CHECK_S = 0.25  # between two checks of one client, each a round trip to Triton's process


@dataclass(frozen=True, slots=True)
class Ended:
    """Jobs that left the queue without their result, and still have to be answered."""

    cancelled: list[Job]
    late: list[Job]


class JobQueue:
    """Accepted jobs; the lanes of a scheduler take them for a step and put them back."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        step_batch: int,
        max_jobs: int,
        clock: Callable[[], float] = time.monotonic,
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
        self._pace = Pace()
        self._known = KnownJobs()
        self._is_stopping = False

    def submit(self, job: Job, timeout_s: float | None) -> None:
        """Take a job in; `timeout_s` bounds its whole stay.

        Raises:
            RequestFailed: the queue is full, the job is cancelled or would be late in any case, or
                the queue is stopping.
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
                raise too_late(job)
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

    def remember(self, job: Job) -> None:
        """Know a job's progress also when it has left."""
        with self._changed:
            self._known.remember(job.job_id, job.progress)

    def stop(self) -> None:
        """Accept no more jobs."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def wait(self) -> bool:
        """Return once there is a job to step, or False once stopping and none is left to take."""
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

    def drop_ended(self) -> Ended:
        """Remove the jobs that are cancelled, or that can no longer be in time."""
        now = self._clock()
        with self._changed:
            cancelled = [job for job in self._ready if job.cancel_requested]
            late = [j for j in self._ready if not j.cancel_requested and self._is_late(j, now)]
            self._remove((*cancelled, *late))
            return Ended(cancelled, late)

    def drop_all(self) -> list[Job]:
        """Remove every job that is in no step right now."""
        with self._changed:
            jobs = list(self._ready)
            self._remove(jobs)
            return jobs

    def all_jobs(self) -> list[Job]:
        """Return every job that was accepted and has not left."""
        with self._changed:
            return [*self._ready, *self._stepping]

    def take(self) -> tuple[list[Job], bool]:
        """Return the jobs of the next step, and whether there are no others at all."""
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
            return jobs, is_alone

    def learn(self, jobs: list[Job], seconds: float) -> None:
        """Take how long a step of jobs that were taken has lasted."""
        with self._changed:
            self._pace.learn(max(job.kind for job in jobs), seconds)  # one guided row is enough
            for job in jobs:
                self._turns.charge(job, seconds / len(jobs))

    def put_back(self, jobs: list[Job]) -> None:
        """Take jobs back after their step; those that have ended leave."""
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

    def _remove(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._ready.remove(job)
            self._turns.leave(job)
        self._report()

    def _is_late(self, job: Job, now: float) -> bool:
        """Return whether a job would miss its deadline even if it had everything for itself."""
        return now + self._pace.least_s(job.work_left) > job.deadline

    def _jobs_of(self, job_id: str) -> list[Job]:
        jobs = (*self._ready, *self._stepping)
        return [job for job in jobs if job_id and job.job_id == job_id]

    def _report(self) -> None:
        waiting = sum(not job.has_begun for job in self._ready)
        self._metrics.queued(len(self._ready) + len(self._stepping) - waiting, waiting)


def too_late(job: Job) -> RequestFailed:
    """Return the answer to a job that misses its deadline."""
    done, steps = job.progress
    return RequestFailed(f"deadline exceeded at step {done}/{steps}", Code.CANCELLED)
